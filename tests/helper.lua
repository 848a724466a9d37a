--- helper.lua - what all specs share: namespaces that go by themselves, the oracle, and the look-out for leaks.
-- busted loads it before the first spec (.busted names it); a spec gets it by `require "tests.helper"`.
local busted = require "busted"
local json = require "dkjson"
local lfs = require "lfs"

local m = {}
package.loaded["tests.helper"] = m
package.path = lfs.currentdir() .. "/?.lua;" .. package.path -- the specs' own modules, wherever the program stands

local root = netns.current()

-- --- namespaces and commands ---

local made, in_test, count = {}, false, 0

--- Makes a namespace that is deleted when the test ends.
---@return nsh.Netns
function m.netns()
  assert(in_test, "netns() is for tests and before_each; a setup makes its own and its teardown deletes it")
  local ns = netns.add(m.name "t")
  made[#made + 1] = ns
  return ns
end

--- Returns a name that no other test of this run uses.
---@param prefix string
function m.name(prefix)
  count = count + 1
  return prefix .. count
end

local function without_holes(value)
  if type(value) ~= "table" then return value end
  local list, n = {}, 0
  for key, v in pairs(value) do
    v = without_holes(v)
    if math.type(key) ~= "integer" then
      list[key] = v
    elseif type(v) ~= "table" or next(v) then -- ip(8) writes {} for what its filter left out
      n = n + 1
      list[n] = v
    end
  end
  return list
end

--- Runs a command of iproute2 that writes JSON and returns what it says; null, which is how
-- it writes a flag that is set, is true; empty elements are left out.
---@param ns nsh.Netns
---@param command string "ip -j -d link show"
---@return table
function m.oracle(ns, command)
  local out = ns:exec(command).out
  if out:match "^%s*$" then return {} end
  return without_holes(assert(json.decode(out, 1, true)))
end

--- Returns a user id that the world has: an ordinary user's has only 0.
---@param wanted integer
function m.uid(wanted)
  local file = assert(io.open "/proc/self/uid_map")
  local _, _, ids = file:read("n", "n", "n")
  file:close()
  return wanted < ids and wanted or 0
end

--- Returns what a failing call raised: an error object, or a string where it was misuse.
function m.raised(fn, ...)
  local result = table.pack(pcall(fn, ...))
  if result[1] then error("the call was expected to fail, but it returned " .. tostring(result[2]), 2) end
  return result[2]
end

--- Checks that a call raises misuse: a string with a position, and these words in it.
---@param words string
function m.misuse(words, fn, ...)
  local err = m.raised(fn, ...)
  if type(err) ~= "string" then error("misuse was expected, but it raised " .. tostring(err), 2) end
  if not err:find "^[%w/_.]+%.lua:%d+: " then error("no position of a script in: " .. err, 2) end
  if not err:find(words, 1, true) then error(("'%s' is not in: %s"):format(words, err), 2) end
end

--- Checks that a call raises an error object of this code; returns it.
---@param code string
---@return nsh.Error
function m.refused(code, fn, ...)
  local err = m.raised(fn, ...)
  if type(err) ~= "table" or err.code ~= code then
    error(code .. " was expected, but it raised " .. tostring(err), 2)
  end
  return err
end

--- Waits until a condition holds.
---@param condition fun(): any
---@param seconds? number
---@return any? value of the condition; nil when it never held
function m.eventually(condition, seconds)
  local tries = (seconds or 3) * 50
  for _ = 1, tries do
    local value = condition()
    if value then return value end
    nsh.sleep(0.02)
  end
end

--- Checks what the kernel may need a moment for: raises what the function raised last when it went on for a second.
---@param fn function
---@param ... any its arguments
function m.settles(fn, ...)
  local args, ok, err = table.pack(...), nil, nil
  m.eventually(function()
    ok, err = pcall(fn, table.unpack(args, 1, args.n))
    return ok
  end, 1)
  if not ok then error(err, 2) end
end

--- Finds the first record that has these values.
---@param list table[]
---@param want table
---@return table?
function m.find(list, want)
  for _, record in ipairs(list) do
    local fits = true
    for key, value in pairs(want) do fits = fits and record[key] == value end
    if fits then return record end
  end
end

--- Returns a copy of a list in the order of a key's text, as a plain table.
function m.sorted(list, key)
  local copy = {}
  for i, value in ipairs(list) do copy[i] = value end
  table.sort(copy, function(a, b)
    if key then a, b = a[key], b[key] end
    return tostring(a) < tostring(b)
  end)
  return copy
end

--- Returns the records with only these keys, for a comparison with the oracle's.
---@param list table[]
---@param keys table our key = the oracle's key
---@param theirs? boolean the list is the oracle's
function m.only(list, keys, theirs)
  local out = {}
  for i, record in ipairs(list) do
    out[i] = {}
    for ours, other in pairs(keys) do out[i][ours] = record[theirs and other or ours] end
  end
  return out
end

--- Returns the names of an attribute table's rows that can be set, sorted, so that every row gets its test.
---@param rows table[] of core.tables()
---@return table[] rows
function m.settable(rows)
  local list = {}
  for _, row in ipairs(rows) do
    if not row.readonly and not row.writeonly and not row.asked and not row.creation then list[#list + 1] = row end
  end
  return list
end

local test -- the one that runs

--- Ends the test that runs as one that can't be done here.
---@param reason string
function m.pending(reason) test.env.pending(reason) end

--- Calls a function; where this kernel doesn't have the key, the test is skipped in its words. Others are raised.
---@param what string the key
function m.supported(what, fn, ...)
  local result = table.pack(pcall(fn, ...))
  if result[1] then return end
  local err = result[2]
  if type(err) ~= "table" or err.code ~= "EOPNOTSUPP" then error(err, 0) end
  m.pending(("this kernel doesn't take %s: %s"):format(what, err.extack or err.message))
end

-- --- leaks ---

--- Counts our open descriptors.
---@return integer count
---@return table<string, string> open what each one is
function m.descriptors()
  local open, n = {}, 0
  for name in lfs.dir "/proc/self/fd" do
    local target = lfs.symlinkattributes("/proc/self/fd/" .. name, "target")
    if target and target ~= ("/proc/%d/fd"):format(m.pid) then -- the look itself
      open[name] = target
      n = n + 1
    end
  end
  return n, open
end

local function words_of(path)
  local f = io.open(path)
  if not f then return {} end
  local words = {}
  for word in (f:read "a" or ""):gmatch "%S+" do words[#words + 1] = word end
  f:close()
  return words
end

do
  local f = assert(io.open "/proc/self/stat")
  m.pid = math.tointeger(f:read "n")
  f:close()
end

-- Children of ours, and those of the world's init, which takes in what others left behind.
local function processes()
  local list = {}
  for _, pid in ipairs(words_of "/proc/thread-self/children") do
    list[pid] = true
    for _, orphan in ipairs(words_of(("/proc/%s/task/%s/children"):format(pid, pid))) do list[orphan] = true end
  end
  return list
end

--- What the kernel puts into every namespace when it loads the module of a tunnel.
m.fallback = { gre0 = true, gretap0 = true, erspan0 = true, ip6gre0 = true, ip6tnl0 = true, ip6_vti0 = true,
  ip_vti0 = true, sit0 = true, tunl0 = true }

--- Deletes the links of a namespace. One may go by itself meanwhile: the kernel ends namespaces, and the other ends of
--- pairs with them, some time after they are deleted.
---@param ns nsh.Netns
function m.clear_links(ns)
  for _, record in ipairs(ns:links()) do
    local link = record.name ~= "lo" and not m.fallback[record.name] and ns:find_link(record.name)
    local ok, err = pcall(function() return link and link:del() end)
    if not ok and err.code ~= "ENODEV" then error(err, 0) end
  end
end

local function state()
  local now = { fds = {}, processes = processes(), links = {}, names = {}, globals = {} }
  now.n_fds, now.fds = m.descriptors()
  for _, link in ipairs(root:links()) do now.links[link.name] = not m.fallback[link.name] or nil end
  for _, record in ipairs(netns.list()) do now.names[record.name] = true end
  for key in next, _G do now.globals[tostring(key)] = true end
  return now
end

local function added(before, after, describe)
  local list = {}
  for key, value in pairs(after) do
    if before[key] == nil then list[#list + 1] = describe and describe(key, value) or tostring(key) end
  end
  table.sort(list)
  return list
end

local function size(set)
  local n = 0
  for _ in pairs(set) do n = n + 1 end
  return n
end

-- What came and stayed, in words. Namespaces that live on keep two netlink sockets and a mount namespace open.
local function leaks(before, after)
  local found = {}
  local function report(what, list)
    if #list > 0 then found[#found + 1] = what .. " left: " .. table.concat(list, ", ") end
  end
  report("links", added(before.links, after.links))
  report("namespaces", added(before.names, after.names))
  report("processes", added(before.processes, after.processes))
  report("globals", added(before.globals, after.globals))
  if after.n_fds > before.n_fds + 3 * size(after.names) then
    report("descriptors", added(before.fds, after.fds, function(fd, target) return fd .. " -> " .. target end))
  end
  return found
end

-- Objects that nobody holds any more are collected, and what is ending gets time to end.
local function check(before)
  local found
  local clean = m.eventually(function()
    found = leaks(before, state())
    if #found > 0 then
      collectgarbage()
      collectgarbage()
      found = leaks(before, state())
    end
    return #found == 0
  end, 2)
  if not clean then error(table.concat(found, "; "), 0) end
end

do -- what is opened once and kept is opened now, and is no leak
  root:links()
  root:link("lo"):ethtool()
  root:exec "true"
end

local before_test, before_file

busted.subscribe({ "test", "start" }, function(element)
  test = element
  return nil, true
end, { priority = 1 })

busted.before_each(function()
  in_test = true
  before_test = state()
end)

busted.after_each(function()
  for _, ns in ipairs(made) do
    if not ns.deleted then ns:del() end
  end
  made, in_test = {}, false
  netns.enter()
  local ok, err = pcall(check, before_test)
  if not ok then error(("after '%s': %s"):format(test.name, err), 0) end
end)

busted.subscribe({ "file", "start" }, function()
  before_file = state()
  return nil, true
end, { priority = 1 })

busted.subscribe({ "file", "end" }, function(file)
  local ok, err = pcall(check, before_file)
  if not ok then busted.publish({ "error", "file" }, file, busted.parent(file), "the file as a whole: " .. err) end
  return nil, true
end, { priority = 1 })

--- Makes a namespace whose link v0 is up, with an address of each family, and quiet: it says nothing by itself.
---@return nsh.Netns
function m.wired()
  local ns = m.netns()
  ns:link("lo"):set { up = true }
  local link = ns:add_link { "v0", kind = "veth", up = true, addrgenmode = "none",
    peer = { "w0", up = true, addrgenmode = "none" } }
  link:add_addr "10.0.0.1/24"
  link:add_addr { "fd00::1/64", nodad = true }
  link:wait { state = "up" }
  return ns
end

--- Joins two namespaces by a veth pair, a0 and b0: 10.0.0.1, fd00::1 and fe80::1 in the first, 2 in the second.
---@return nsh.Link link, nsh.Link peer
function m.join(a, b)
  local link, peer = a:add_link { "a0", kind = "veth", up = true, peer = { "b0", netns = b, up = true } }
  for i, one in ipairs { link, peer } do
    one:add_addr(("10.0.0.%d/24"):format(i))
    one:add_addr { ("fd00::%d/64"):format(i), nodad = true }
    one:add_addr { ("fe80::%d/64"):format(i), nodad = true }
  end
  return link, peer
end

--- Tells whether a process runs; one that waits to be reaped doesn't.
---@param pid integer
---@return boolean
function m.alive(pid)
  local f = io.open(("/proc/%d/stat"):format(pid))
  if not f then return false end
  local letter = f:read("a"):match "%) (%a)"
  f:close()
  return letter ~= "Z"
end

--- Checks that Ctrl-C ends what another nsh waits for.
---@param code string Lua that would wait for much longer
function m.interrupted(code)
  local f = io.popen(("timeout -s INT 0.3 %s -e '%s print \"not here\"' 2>&1; echo $?"):format(
    os.getenv "NSH" or "./nsh", code))
  local out = f:read "a"
  f:close()
  assert(not out:find("not here", 1, true), out)
  assert(out:find "124" or out:find "130", out)
end

--- Returns the lines that only one of two lists has, sorted: "- line" of the first, "+ line" of the second; or "".
---@param before string[]
---@param after string[]
function m.differences(before, after)
  local times, found = {}, {}
  for _, line in ipairs(before) do times[line] = (times[line] or 0) + 1 end
  for _, line in ipairs(after) do times[line] = (times[line] or 0) - 1 end
  for line, n in pairs(times) do
    if n ~= 0 then found[#found + 1] = (n > 0 and "- " or "+ ") .. line end
  end
  table.sort(found)
  return table.concat(found, "\n")
end

return m
