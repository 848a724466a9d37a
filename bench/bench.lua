-- bench.lua - nsh, its peers and the least that the kernel takes, on the same work, in turn, in one run
--   nsh bench/bench.lua LIMIT      BENCH=full: all sizes; ROUNDS=5; ONLY=star: rows that begin so; PEERS=0: nsh alone
-- Each program builds, says that it is done, is checked, and takes down what it built, in a world of its own. It is
-- compared with what LIMIT, limit.c, takes in the same round: the figures are medians, and medians of those ratios.
local clock = require "nsh.core".loop.now
local LIMIT, NSH = arg[1], os.getenv "NSH" or "./nsh"
local FULL, ONLY, PEERS = os.getenv "BENCH" == "full", os.getenv "ONLY", os.getenv "PEERS" ~= "0"
local ROUNDS = tonumber(os.getenv "ROUNDS")
local PYTHON, ROUTES = "/usr/bin/python3", "10.0.255.254"
local root = netns.current()

local function median(list)
  local copy = table.move(list, 1, #list, 1, {})
  table.sort(copy)
  local half = #copy // 2
  return #copy % 2 == 1 and copy[half + 1] or #copy > 0 and (copy[half] + copy[half + 1]) / 2 or nil
end

-- --- the programs ---

local function has_python(module)
  return PEERS and root:exec({ PYTHON, "-c", "import " .. module }, { check = false }).status == 0
end

local have = {
  mininet = PEERS and nsh.program "brctl" and has_python "mininet.net" and true,
  pyroute2 = has_python "pyroute2",
  ip = PEERS and nsh.program "ip" and true,
  ["lua5.4"] = nsh.program "lua5.4" and true,
}

local function nsh_lab(what, n, more) return { NSH, "bench/lab.lua", what, n, more } end
local function limit(what, n, more) return { LIMIT, what, n, more } end
local function ip(way) return function(what, n) return { "bench/ip.sh", way, what, n } end end
local function python(tool) return function(what, n) return { PYTHON, "bench/peers.py", tool, what, n } end end

-- What each is called, what it needs, how it is started, and how many nodes it is given at most.
local BUILDERS = {
  { "limit", nil, limit },
  { "nsh", nil, nsh_lab },
  { "ip -batch", "ip", ip "batch", 1000 },
  { "ip, one each", "ip", ip "each", 500 },
  { "ip netns exec", "ip", ip "exec", 500 },
  { "pyroute2", "pyroute2", python "pyroute2", 500 },
  { "mininet", "mininet", python "mininet", 500 },
}

-- --- one run ---

local WORLD = 'mkdir -p /run/netns && mount -t tmpfs none /run/netns && echo ready && read -r line && exec "$@"'

local function start(words)
  local command = { "unshare", "-n", "-m", "sh", "-c", WORLD, "sh" }
  for _, word in ipairs(words) do command[#command + 1] = tostring(word) end
  local process = root:spawn(command, { input = true })
  process:expect("^ready", 30)
  return process
end

-- What a process and the children that it waited for have used of the processors, in seconds.
local function cpu_of(process)
  local function read(name)
    local f <close> = assert(io.open(("/proc/%d/%s"):format(process.pid, name)))
    return f:read "a"
  end
  local times = {}
  for word in read("stat"):match("%) (.*)"):gmatch "%S+" do times[#times + 1] = tonumber(word) or 0 end
  local children = (times[14] + times[15]) / 100
  return tonumber(read("schedstat"):match "%d+") / 1e9 + children, tonumber(read("smaps_rollup"):match "\nPss:%s+(%d+)")
end

-- Runs a command in the world of a process, and returns what it writes.
local function look(pid, command)
  return root:exec({ "nsenter", "-t", pid, "-n", "-m", "sh", "-c", command }, { check = false }).out
end

local function must(condition, name, what) if not condition then error(name .. ": " .. what, 0) end end

local PING = "busybox ping -c 1 -W 3"

-- What stands is what was asked for: iproute2 is the judge.
local function check(name, pid, what, n)
  if name == "mininet" then return end -- looks itself: its namespaces have no names
  local prefix = name == "nsh" and "b." or ""
  local function inside(node, command) return look(pid, ("ip netns exec %s%s %s"):format(prefix, node, command)) end
  if what == "chain" then
    local far = (" 10.1.%d.%d"):format(4 * (n - 1) // 256, 4 * (n - 1) % 256 + 2)
    must(inside("r1", PING .. far):find "1 packets received", name, "no answer from the end of the chain")
    -- A router of nsh forwards IPv6 too, so that of the limit does; the others are spared that.
    local forwards = (name == "nsh" or name == "limit") and inside("r2", "cat /proc/sys/net/ipv6/conf/all/forwarding")
    must(not forwards or forwards:find "1", name, "IPv6 isn't forwarded")
    return
  end
  local switches = what == "stars" and 4 or 1
  local forwarding
  for _ = 1, 100 do
    forwarding = 0
    for i = 0, switches - 1 do
      local list = "bridge link | grep -c 'state forwarding'"
      local out = name:find "^ip" or name == "pyroute2" and "" or nil
      out = out and look(pid, list) or inside("sw" .. i, ('sh -c "%s"'):format(list))
      forwarding = forwarding + (tonumber(out) or 0)
    end
    if forwarding == n + (switches - 1) * 2 then break end
    nsh.sleep(0.05)
  end
  must(forwarding == n + (switches - 1) * 2, name, ("%d ports of %d forward"):format(forwarding, n))
  for _, i in ipairs { 1, n // 2, n } do
    local address = ("10.0.%d.%d/16"):format(i // 256, i % 256)
    must(inside("h" .. i, "ip -4 addr show dev eth0"):find(address, 1, true), name, "no " .. address)
    must(inside("h" .. i, "ip route"):find("default via " .. ROUTES, 1, true), name, "no default route in host " .. i)
  end
  must(inside("h1", PING .. (" 10.0.%d.%d"):format(n // 256, n % 256)):find "1 packets received", name, "no answer")
end

local function build(name, words, what, n)
  local process <close> = start(words)
  local began = clock()
  process:write "\n"
  local _, pid = process:expect("^up (%d+)", 600)
  local up = clock() - began
  local cpu, pss = cpu_of(process)
  check(name, pid, what, n)
  began = clock()
  process:write "\n"
  process:wait()
  local back = clock() - began
  root:exec { LIMIT, "idle" }
  return { build = up, cpu = cpu, down = clock() - began, back = back, pss = pss }
end

-- --- tables ---

local function seconds(v)
  if not v then return "-" end
  return v < 0.01 and ("%.2f ms"):format(v * 1e3) or v < 1 and ("%.0f ms"):format(v * 1e3) or ("%.2f s"):format(v)
end

-- The values of one key, and their ratios to those of the limit in the same round.
local function figures(rounds, name, key, base)
  local values, ratios = {}, {}
  for _, round in ipairs(rounds) do
    local mine, least = round[name], round[base or "limit"]
    if mine and mine[key] then
      values[#values + 1] = mine[key]
      if least and least[key] then ratios[#ratios + 1] = mine[key] / least[key] end
    end
  end
  return median(values), median(ratios)
end

local function cell(rounds, name, key, base)
  local value, ratio = figures(rounds, name, key, base)
  return value and ("%s (%s)"):format(seconds(value), ratio and ("%.2f"):format(ratio) or "-") or "-"
end

local function print_rows(title, head, rows)
  local width = {}
  table.insert(rows, 1, head)
  for _, row in ipairs(rows) do
    for i, text in ipairs(row) do width[i] = math.max(width[i] or 0, #text) end
  end
  print(("\n%s"):format(title))
  for _, row in ipairs(rows) do
    local line = {}
    for i, text in ipairs(row) do line[i] = text .. (" "):rep(width[i] - #text) end
    print(("  " .. table.concat(line, "  ")):match "^(.-)%s*$")
  end
  io.stdout:flush()
end

local function wanted(title) return not ONLY or title:find("^" .. ONLY) end

-- Rounds of all that take part, each time in another order. What is slow is asked only twice.
local function rounds_of(n, list, run)
  local rounds = {}
  for r = 1, n do
    rounds[r] = {}
    for i = 1, #list do
      local entry = list[(i + r - 2) % #list + 1]
      local before = r > 2 and rounds[1][entry[1]]
      local slow = before and entry[2] and (before.build or before.add or before.run or 0) > 2
      local ok, result = true, nil
      if not slow then ok, result = pcall(run, entry) end
      if ok then rounds[r][entry[1]] = result else print(("  %s: %s"):format(entry[1], tostring(result))) end
    end
  end
  return rounds
end

local function networks(what, n, more, default_rounds)
  local title = ("%s %d%s"):format(what, n, more and " without IPv6" or "")
  if not wanted(title) then return end
  local list, skipped = {}, {}
  for _, b in ipairs(BUILDERS) do
    local own = not b[2]
    if own or (have[b[2]] and n <= b[4] and not more and what ~= "stars") then
      list[#list + 1] = b
    elseif PEERS and not have[b[2]] then
      skipped[#skipped + 1] = { b[1], b[2] .. " is not installed" }
    end
  end
  local rounds = rounds_of(ROUNDS or default_rounds, list, function(b)
    return build(b[1], b[3](what, n, more), what, n)
  end)
  local rows = {}
  for _, b in ipairs(list) do
    local pss = figures(rounds, b[1], "pss")
    rows[#rows + 1] = { b[1], cell(rounds, b[1], "build"), cell(rounds, b[1], "cpu"), cell(rounds, b[1], "down"),
      cell(rounds, b[1], "back"), pss and ("%.1f MiB"):format(pss / 1024) or "-" }
  end
  for _, row in ipairs(skipped) do rows[#rows + 1] = row end
  print_rows(title, { "", "build (x limit)", "its cpu time", "down until the kernel is done", "returns after",
    "memory (PSS)" }, rows)
end

-- Programs that measure themselves and write "WHAT SECONDS".
local function measured(words)
  local result = {}
  local process <close> = start(words)
  process:write "\n"
  process:close_input()
  process:wait { timeout = 600 }
  for key, value in process.out:gmatch "(%a+) ([%d.]+)\n" do result[key] = tonumber(value) end
  return result
end

local function works(title, list, keys, default_rounds, base)
  if not wanted(title) then return end
  local present, rows = {}, {}
  for _, entry in ipairs(list) do
    if not entry[2] or have[entry[2]] then present[#present + 1] = entry end
  end
  local rounds = rounds_of(ROUNDS or default_rounds, present, function(entry) return measured(entry[3]) end)
  for _, entry in ipairs(list) do
    local row, missing = { entry[1] }, entry[2] and not have[entry[2]]
    for _, key in ipairs(keys) do row[#row + 1] = cell(rounds, entry[1], key, base) end
    if missing then row = { entry[1], entry[2] .. " is not installed" } end
    if PEERS or not missing then rows[#rows + 1] = row end
  end
  local head = { "" }
  for _, key in ipairs(keys) do head[#head + 1] = ("%s (x %s)"):format(key, base or "limit") end
  print_rows(title, head, rows)
end

-- --- what is measured ---

print(("%s; medians of %s rounds"):format(root:exec({ "uname", "-sr" }).out:gsub("\n", ""), ROUNDS or "several"))
for _, n in ipairs(FULL and { 10, 100, 500, 1000 } or { 10, 100 }) do
  networks("star", n, nil, n <= 100 and 7 or n <= 500 and 5 or 3)
end
if FULL then
  networks("star", 500, "v6off", 5)
  networks("star", 1000, "v6off", 3)
  networks("stars", 4000, nil, 2)
end
for _, n in ipairs(FULL and { 10, 50 } or { 10 }) do networks("chain", n, nil, 7) end
for _, n in ipairs(FULL and { 10000, 100000 } or { 10000 }) do
  works("routes " .. n, {
    { "limit", nil, { LIMIT, "routes", n } }, { "nsh", nil, { NSH, "bench/work.lua", "routes", n } },
    { "ip -batch", "ip", { "bench/work.sh", "routes", n } },
    n <= 10000 and { "pyroute2", "pyroute2", { PYTHON, "bench/peers.py", "pyroute2", "routes", n } } or nil,
  }, { "add", "dump", "del" }, 5)
end
works("list of 1000 links and their addresses", {
  { "limit", nil, { LIMIT, "list", 1000, 5 } }, { "nsh", nil, { NSH, "bench/work.lua", "list", 1000, 5 } },
  { "ip -j", "ip", { "bench/work.sh", "list", 1000 } },
  { "pyroute2", "pyroute2", { PYTHON, "bench/peers.py", "pyroute2", "list", 1000 } },
}, { "list" }, 5)
works("commands in a namespace, 200 of them", {
  { "limit", nil, { "sh", "-c", ('exec "%s" exec $$ 200 /bin/true'):format(LIMIT) } },
  { "nsh", nil, { NSH, "bench/work.lua", "exec", 200 } },
  { "a node of nsh", nil, { NSH, "bench/work.lua", "node", 200 } },
  { "ip netns exec", "ip", { "bench/work.sh", "exec", 200 } },
}, { "run" }, 15)
works("start and end of the program", {
  { "lua5.4", "lua5.4", { LIMIT, "run", 50, "/usr/bin/lua5.4", "bench/empty.lua" } },
  { "nsh", nil, { LIMIT, "run", 50, NSH, "bench/empty.lua" } },
  { "/bin/true", nil, { LIMIT, "run", 50, "/bin/true" } },
}, { "run" }, 15, "lua5.4")
