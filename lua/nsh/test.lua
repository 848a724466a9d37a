--- test.lua - `require "nsh.test"`: labs in specs of busted, a lab a block, and assertions about what they carry.
local columns = require "nsh.columns"
local core = require "nsh.core"
local fail = require "nsh.error"
local keep = require "nsh.test_keep"
local netns = require "nsh.netns"
local target = require "nsh.target"
local text = require "nsh.text"
local wires = require "nsh.lab.wire"

local m = {}

-- What runs the specs; without it this module can only be looked at.
local hosted, busted = pcall(require, "busted")
hosted = hosted and busted.subscribe ~= nil

local Lab = require("nsh.lab").Lab
local labs = {} -- those of the blocks that run, the innermost last

-- --- labs ---

-- The spec's folder decides what its relative paths mean.
local function folder_of(level)
  local source = debug.getinfo(level + 1, "S").source
  return source:match "^@(.*/)" or ""
end

local function run_script(path)
  local chunk, problem = loadfile(path, "t")
  if not chunk then fail.misuse("%s", problem) end
  local before = _G.arg
  _G.arg = { [0] = path }
  local _ <close> = setmetatable({}, { __close = function() _G.arg = before end })
  return (chunk())
end

local function is_lab(value)
  local mt = type(value) == "table" and debug.getmetatable(value)
  return mt and rawget(mt, "class") == Lab
end

local function lab_of(what, folder)
  local from = what
  if what == nil then
    from = require("nsh.test_run").script
    if not from then fail.misuse "which lab? test.lab \"lab.lua\", or run the spec by `nsh lab.lua test`" end
    what = run_script(from)
  elseif type(what) == "string" then
    from = what:find "^/" and what or folder .. what
    what = run_script(from)
  elseif type(what) == "function" then
    from, what = "the function", what()
  end
  if not is_lab(what) then fail.misuse("%s returned no lab, but a %s", tostring(from), type(what)) end
  return what
end

--- Says which lab the tests of a block are about: it is brought up before the first of them and taken down after the
--- last, whatever became of them. When a test fails, what is needed to see why is kept in a folder: how the lab stood,
--- what differed from its declaration, the packets of the test, a picture; the failure's message tells which folder.
---@param what? nsh.Lab|string|fun(): nsh.Lab a lab, a script that returns one (its path from the spec's folder), or a
---  function that declares one; nil: the script of `nsh lab.lua test`
---@param options? { capture?: boolean } capture: true or false: packets are kept for failures (true where that takes at
---  most 8 sockets)
---@return nsh.Lab
function m.lab(what, options)
  if not hosted then fail.misuse "nsh.test is for specs that busted runs: nsh --test FILE_spec.lua" end
  options = fail.known(options, "test.lab", { "capture" })
  local lab = lab_of(what, folder_of(2))
  keep.wish(lab, options.capture)
  busted.setup(function()
    labs[#labs + 1] = lab
    lab:up()
  end)
  busted.teardown(function()
    for i = #labs, 1, -1 do
      if labs[i] == lab then table.remove(labs, i) end
    end
    lab:down()
  end)
  return lab
end

-- --- what assertions are given ---

-- A namespace: itself, its name, a node, or the name of a node of the block's lab.
local function place(value, what)
  if type(value) == "string" then
    for i = #labs, 1, -1 do
      for _, node in ipairs(labs[i].nodes) do
        if node.name == value then return node.netns, node.name end
      end
    end
    local ns = netns.find(value)
    if ns then return ns, value end
    local names = {}
    for _, lab in ipairs(labs) do
      for _, node in ipairs(lab.nodes) do names[#names + 1] = node.name end
    end
    local nearest = core.nearest(value, names)
    fail.misuse("%s: there is no node nor namespace '%s'%s", what, value,
      nearest and ("; did you mean '%s'?"):format(nearest) or "")
  end
  local mt = type(value) == "table" and debug.getmetatable(value)
  if mt and rawget(mt, "class") == netns.Netns then return value, value.label end
  local node = type(value) == "table" and rawget(value, "lab") and value
  if not node then fail.misuse("%s takes nodes, their names or namespaces, not a %s", what, type(value)) end
  return node.netns, node.name
end

-- The addresses of who is to be reached, and how they are called.
local function goal(value, options, what)
  if type(value) == "string" and core.address_bytes((value:gsub("[/%%].*", ""))) then return { value }, value end
  local ns, name = place(value, what)
  local addrs = options.addr and { options.addr } or target.addrs(ns, options.family)
  if not addrs[1] then
    fail.misuse("%s: %s has no %saddress to be reached at", what, name, options.family and options.family .. " " or "")
  end
  return addrs, name
end

local OPTIONS = { "addr", "dev", "family", "size", "src", "timeout" }

local function read(asks, asked, given, what)
  if asks == nil or asked == nil then fail.misuse("%s takes who asks and who is asked", what) end
  local options = fail.known(given, what, OPTIONS)
  local from, from_name = place(asks, what)
  local addrs, to_name = goal(asked, options, what)
  options.addr, options.family = nil, nil
  return from, addrs, options, from_name, to_name
end

local function answers(from, addr, options)
  local copy = {}
  for key, value in pairs(options) do copy[key] = value end
  return from:reaches(addr, copy)
end

-- --- what a failure tells ---

-- An error's words; where it was raised is known.
local function words(err)
  if type(err) == "table" and rawget(err, "where") then err.where = "" end
  return tostring(err)
end

local function indented(value) return "  " .. tostring(value):gsub("\n", "\n  ") end

local function add(lines, head, value) lines[#lines + 1] = head .. "\n" .. indented(value) end

-- Why nothing comes back, as far as `from` can tell.
local function view(lines, from, addr, options)
  local plain = addr:gsub("[/%%].*", "")
  local ok, result = pcall(from.ping, from, addr, { timeout = 0.5, dev = options.dev, src = options.src })
  add(lines, "ping:", ok and result or words(result))
  local found, route = pcall(from.route_to, from, plain)
  add(lines, "route:", found and columns.inline(route) or words(route))
  local hop = found and route.via or plain
  local neighs = from:neighs { dst = hop }
  add(lines, "neighbour:", neighs[1] and tostring(neighs) or hop .. " is not known")
end

-- What of the block's labs isn't as declared.
local function differences(lines)
  for _, lab in ipairs(labs) do
    local ok, plan = pcall(lab.plan, lab)
    if ok and #plan > 0 then add(lines, ("not as declared in lab %s:"):format(lab.name), plan) end
  end
end

local function told(state, lines)
  differences(lines)
  state.failure_message = table.concat(lines, "\n")
end

-- --- assertions: the first argument is luassert's ---

-- Assertions of busted, once nsh.test is required. With not_ before the name it must not hold.
local Assert = {}

-- The first address that there is a route to, else the first.
local function best(from, addrs)
  for _, addr in ipairs(addrs) do
    if pcall(from.route_to, from, (addr:gsub("[/%%].*", ""))) then return addr end
  end
  return addrs[1]
end

--- Holds when the second answers a ping of the first. A failure tells the ping, the route, the neighbour, and what of
--- the lab isn't as declared.
---@param from nsh.LabNode|nsh.Netns|string a node, a namespace, or the name of one
---@param to nsh.LabNode|nsh.Netns|string the same, or an address
---@param options? { addr?: string, family?: string, timeout?: number, size?: integer, src?: string, dev?: string }
--- as ns:reaches takes them; timeout in seconds (2); addr, family: which address of several
function Assert.reachable(self, from, to, options)
  local addrs, from_name, to_name
  from, addrs, options, from_name, to_name = read(from, to, options, "reachable")
  local addr = best(from, addrs)
  local got = answers(from, addr, options)
  if got == self.mod then return got end
  local name = to_name == addr and addr or ("%s (%s)"):format(to_name, addr)
  if got then
    told(self, { ("%s reaches %s"):format(from_name, name) })
  else
    local lines = { ("%s doesn't reach %s"):format(from_name, name) }
    view(lines, from, addr, options)
    told(self, lines)
  end
  return got
end

--- Holds when the second answers no ping of the first, at none of its addresses.
---@param from nsh.LabNode|nsh.Netns|string a node, a namespace, or the name of one
---@param to nsh.LabNode|nsh.Netns|string the same, or an address
---@param options? { addr?: string, family?: string, timeout?: number, size?: integer, src?: string, dev?: string }
--- as ns:reaches takes them; timeout in seconds (1)
function Assert.unreachable(self, from, to, options)
  local addrs, from_name, to_name
  from, addrs, options, from_name, to_name = read(from, to, options, "unreachable")
  options.timeout = options.timeout or 1
  local tries = {}
  for i, addr in ipairs(addrs) do
    tries[i] = function() return answers(from, addr, options) end
  end
  local ok, all = pcall(require("nsh.task").all, tries)
  if not ok and type(all) == "string" then fail.misuse("%s", all) end -- a slip; in a task it has no line
  if not ok then error(all, 0) end
  local reached
  for i, got in ipairs(all) do reached = reached or got and addrs[i] end
  if (not reached) == self.mod then return not reached end
  if reached then
    local found, route = pcall(from.route_to, from, (reached:gsub("[/%%].*", "")))
    local lines = { ("%s reaches %s (%s)"):format(from_name, to_name, reached) }
    add(lines, "route:", found and columns.inline(route) or words(route))
    told(self, lines)
  else
    told(self, { ("%s doesn't reach %s (%s)"):format(from_name, to_name, table.concat(addrs, ", ")) })
  end
  return not reached
end

-- Whether a value has all that is wanted of it.
local function fits(value, wanted)
  if type(wanted) ~= "table" then return value == wanted end
  if type(value) ~= "table" then return false end
  for key, one in pairs(wanted) do
    if not fits(rawget(value, key), one) then return false end
  end
  return true
end

--- Holds when the kernel of a namespace sends to an address so.
---@param from nsh.LabNode|nsh.Netns|string a node, a namespace, or the name of one
---@param dst string an address
---@param wanted? table keys of ns:route_to, as { via = "10.0.0.1", dev = "eth0" }; nil: there is any way
function Assert.route(self, from, dst, wanted)
  if from == nil or dst == nil then fail.misuse "route takes a namespace and an address" end
  local ns, name = place(from, "route")
  if wanted ~= nil and type(wanted) ~= "table" then fail.misuse "route takes what is wanted as { via = , dev = }" end
  local ok, got = pcall(ns.route_to, ns, dst)
  if not ok and type(got) ~= "table" then error(got, 0) end
  local good = ok and fits(got, wanted or {})
  if good == self.mod then return good end
  local lines = { ("%s goes %sto %s by"):format(name, wanted and "not " or "", tostring(dst)) .. (wanted
    and "\n" .. indented(columns.inline(wanted)) or "") }
  if good then lines[1] = ("%s goes to %s by"):format(name, tostring(dst)) end
  add(lines, good and "which is" or "but", ok and columns.inline(got) or words(got))
  add(lines, "routes:", ns:routes())
  told(self, lines)
  return good
end

local SEEN = 20

--- Holds when a capture gets a packet that has these keys.
---@param capture nsh.Capture
---@param wanted table keys of a packet, as { udp = { dport = 53 } }
---@param options? { timeout?: number } seconds to wait for it (1)
function Assert.sees(self, capture, wanted, options)
  options = fail.known(options, "sees", { "timeout" })
  if type(capture) ~= "table" or type(wanted) ~= "table" then
    fail.misuse "sees takes a capture, and what a packet has: { icmp = { type = \"echo-request\" } }"
  end
  local deadline, seen, good = core.loop.now() + (tonumber(options.timeout) or 1), {}, false
  while not good do
    local left = deadline - core.loop.now()
    local packet = capture:packets(left > 0 and { timeout = left } or nil)()
    if not packet then break end
    seen[#seen + 1] = tostring(packet)
    good = fits(packet, wanted)
  end
  if good == self.mod then return good end
  local lines = { good and "a packet was seen that has" or ("no packet was seen that has") }
  lines[1] = lines[1] .. "\n" .. indented(columns.inline(wanted))
  local first = math.max(1, #seen - SEEN + 1)
  add(lines, ("%d packets were seen%s"):format(#seen, #seen == 0 and "" or first > 1 and ", the last of them:" or ":"),
    table.concat(seen, "\n", first))
  told(self, lines)
  return good
end

-- "h1" of "office.h1".
local function short_names(lab)
  local names = {}
  for _, node in ipairs(lab.nodes) do
    if node:has_address() then names[node.netns.label] = node.name end
  end
  return names
end

local function check_expected(lab, expected)
  local function check(name)
    if not lab.by_name[name] then fail.misuse("matrix: %s", (wires.no_node(lab, tostring(name)))) end
  end
  for from, row in pairs(expected) do
    check(from)
    if type(row) ~= "boolean" and type(row) ~= "table" then
      fail.misuse "matrix takes what is expected as { h1 = { h2 = false } }, or { h1 = false } for all of them"
    end
    for to in pairs(type(row) == "table" and row or {}) do check(to) end
  end
end

--- Holds when each node of a lab that has an address reaches each other, but for those pairs.
---@param lab nsh.Lab
---@param expected? table<string, boolean|table<string, boolean>> { h1 = { h3 = false } }: h1 must not reach h3;
--- h1 = false: none
---@param options? table as net:ping_all takes them
function Assert.matrix(self, lab, expected, options)
  expected = expected or {}
  if not is_lab(lab) or type(expected) ~= "table" then
    fail.misuse "matrix takes a lab, and which pairs fail: { h1 = { h2 = false } }"
  end
  check_expected(lab, expected)
  local names, result, wrong = short_names(lab), lab:ping_all(options), {}
  for _, pair in ipairs(result.pairs) do
    local from, to = names[pair.from] or pair.from, names[pair.to] or pair.to
    local row = expected[from]
    local wanted = true
    if type(row) == "boolean" then wanted = row elseif row and row[to] ~= nil then wanted = row[to] end
    if (pair.received == pair.sent) ~= wanted then
      wrong[#wrong + 1] = ("%s %s %s"):format(from, wanted and "misses" or "reaches", to)
        .. (wanted and pair.error and (" (%s)"):format(pair.error) or "")
    end
  end
  local good = #wrong == 0
  if good == self.mod then return good end
  local lines = { good and "who reaches whom is as expected" or "who reaches whom is not as expected:\n"
    .. indented(table.concat(wrong, "\n")) }
  add(lines, "matrix:", result)
  told(self, lines)
  return good
end

if hosted then
  local luassert = require "luassert"
  for _, name in ipairs { "luassert.assert", "busted.core" } do -- a slip is one of the spec's line, which calls them
    core.pass_over((assert(package.searchpath(name, package.path)):match "^.*/"))
  end
  for name, check in pairs(Assert) do
    luassert:register("assertion", name, function(state, arguments)
      local good = check(state, table.unpack(arguments, 1, arguments.n))
      local message = rawget(state, "failure_message")
      if message then rawset(state, "failure_message", text.escape(message, "\n\t")) end
      return good
    end)
  end
  keep.on_failure(busted)
end

return m
