-- fuzz.lua SEED CALLS - random calls of everything public, and of the bindings, with what no sane script passes.
-- Ends with status 0 and a count; anything that is raised and is no Lua error of ours ends it with status 1. It never
-- looks at processes by their numbers, nor sleeps: those could reach the machine, or take for ever.
local seed, calls = tonumber(arg[1]), tonumber(arg[2])
local trace = os.getenv "NSH_FUZZ_TRACE"
local core = require "nsh.core"
local random = math.random
math.randomseed(seed)

local forbidden = {
  close = true, of = true, attach = true, identify = true, sleep = true, make = true, record_types = true, poll = true,
}
-- Which argument of what waits says for how long: in a table, or as a number.
local waits = { ping = 3, reaches = 3, exec = 3, wait = 2 }
local timeouts = {
  ["nsh.netns:wait"] = 3, wait_link = 3, wait_addr = 3, wait_route = 3, wait_dad = 2, next = 2, run = 2,
}

local ours = {} -- raised by values of this script itself
local live, dead, functions = {}, {}, {}
local keys, words = {}, {}
for _, noun in ipairs(core.tables()) do
  for _, row in ipairs(noun.rows) do
    keys[#keys + 1] = row.key
    for _, word in ipairs(row.values or {}) do words[#words + 1] = word end
  end
end
for _, kind in ipairs(core.tables()[1].kinds) do
  words[#words + 1] = kind.name
  for _, row in ipairs(kind.rows) do keys[#keys + 1] = row.key end
  for _, row in ipairs(kind.port_rows or {}) do keys[#keys + 1] = row.key end
end

local function one_of(list) return list[random(#list)] end

local numbers = { 0, 1, -1, 2, 7, 255, 256, 65535, 65536, 2 ^ 31, 2 ^ 32, 2 ^ 53, 1 << 31, 1 << 32, math.maxinteger,
  math.mininteger, 0 / 0, 1 / 0, -1 / 0, 0.5, -0.0, 1e308 }
local texts = { "", " ", "true", "a", "b", "br0", "eth0", "eth1", "lo", "..", "/", "-x", "a\0b", "\27[31m", "\255\254",
  ("x"):rep(15), ("x"):rep(16), ("x"):rep(300), ("x"):rep(70000), "%d%s%n",
  "10.0.0.1/24", "10.0.0.1", "10.0.0.300", "fd00::1/64", "fd00::1", "default", "0/0", "::/0", "10.0.0.0/33",
  "02:00:00:00:00:01", "02:00", "net.ipv4.ip_forward", "net.ipv4", "net/../x", "1e5", "10ms", "1gbit", "inf", "nan",
  "-5s", "all", "main", "veth", "bridge", "ifb", "TERM", "inet", "inet6" }

local value, call_something
local depth = 0

local function table_of_junk()
  local t = {}
  if random(2) == 1 then t[1] = value() end
  for _ = 1, random(0, 4) do
    local key = random(6) == 1 and value() or one_of(keys)
    if key == key then t[key] = value() end
  end
  return t
end

local makers = {
  function() return one_of(numbers) end,
  function() return random(0, 1000) end,
  function() return one_of(texts) end,
  function() return one_of(words) end,
  function() return random(2) == 1 end,
  function() return nil end,
  function() return one_of(live) end,
  function() return one_of(dead) end,
  table_of_junk,
  table_of_junk,
  function() return { table_of_junk(), table_of_junk() } end,
  function()
    local t = {}
    t.peer, t.port, t[1], t.nexthops = t, t, t, t
    return t
  end,
  function() return function() call_something() return value() end end,
  function() return coroutine.create(function() call_something() end) end,
  function() return io.stdout end,
  function() return setmetatable({}, { __index = function() call_something() return value() end }) end,
  function()
    local function fails() error(ours, 0) end
    return setmetatable({}, { __index = fails, __pairs = fails, __len = fails })
  end,
  function()
    local function number() return 5 end
    return setmetatable({}, { __gc = function() call_something() end, __name = "\0", __tostring = number })
  end,
  function() return getmetatable(one_of(live)) end,
  function() return setmetatable({}, getmetatable(one_of(live))) end,
}

function value()
  depth = depth + 1
  local made = depth < 6 and one_of(makers)() or nil
  depth = depth - 1
  return made
end

-- --- what is called ---

local methods = {} -- by metatable

-- Lua walks tables in another order in each run: the seed must mean the same calls.
local function sort(list) table.sort(list, function(x, y) return x.name < y.name end) end

local function add_functions(name, t)
  for key, fn in pairs(t) do
    if type(fn) == "function" and not forbidden[key] then
      functions[#functions + 1] = { name = name .. "." .. key, key = key, fn = fn }
    elseif type(fn) == "table" and name == "core" and key ~= "world" then
      add_functions("core." .. key, fn)
    end
  end
end

local function add_methods(object)
  local mt = getmetatable(object)
  if type(mt) ~= "table" then return end
  if methods[mt] then return end
  local list = { { name = "tostring", key = "tostring", fn = tostring } }
  if mt.class then require("nsh.object").whole(mt.class) end
  local class = mt.class or type(mt.__index) == "table" and mt.__index or {}
  for _, from in ipairs { mt, class } do
    for key, fn in pairs(from) do
      if type(fn) == "function" and key ~= "__gc" and not forbidden[key] then
        list[#list + 1] = { name = ("%s:%s"):format(mt.__name, key), key = key, fn = fn }
      end
    end
  end
  for key in pairs(class.get or {}) do
    list[#list + 1] = { name = mt.__name .. "." .. key, key = key, fn = function(self) return self[key] end }
  end
  sort(list)
  methods[mt] = list
end

local function fixture()
  netns.enter()
  for _, record in ipairs(netns.list()) do netns.del(record.name) end
  local a, b = netns.add "a", netns.add "b"
  local gone = netns.add "gone"
  local lost = gone:link "lo"
  gone:del()
  local br0 = a:add_link { "br0", kind = "bridge", up = true }
  local eth0, eth1 = a:add_link {
    "eth0", kind = "veth", master = br0, up = true, peer = { "eth1", netns = b, up = true } }
  local old = a:add_link { "old", kind = "bridge" }
  old:del()
  eth1:add_addr "10.0.0.1/24"
  local program = a:spawn { "true" }
  local _, refusal = pcall(a.link, a, "none")
  live = { a, b, br0, eth0, eth1, program, a.sysctl, a:links()[1], b:routes(), refusal, a.core }
  dead = { gone, lost, old, gone.core, program.core }
  for _, object in ipairs(live) do add_methods(object) end
end

local function check(what, ok, err)
  if ok or type(err) == "string" or err == ours then return end
  if type(err) == "table" and type(rawget(err, "code")) == "string" then
    assert(type(tostring(err)) == "string")
    return
  end
  io.stderr:write(("%s raised a %s: %s\n"):format(what, type(err), tostring(err)))
  os.exit(1)
end

local function arguments(key, first, name)
  local args = table.pack(first)
  if first == nil then args.n = 0 end
  for _ = 1, random(0, 3) do
    args.n = args.n + 1
    args[args.n] = value()
  end
  local last = timeouts[name] or timeouts[key]
  if last then
    args.n = math.max(args.n, last)
    args[last] = 0.01
    return args
  end
  local at = waits[key]
  if at and (args.n < at or type(args[at]) == "table" or args[at] == nil) then
    args.n = math.max(args.n, at)
    args[at] = { timeout = 0.01, count = key == "ping" and random(3) or nil, interval = key == "ping" and 0.001 or nil,
      [one_of { "size", "ttl", "dev", "env", "cwd", "input", "check" }] = value() }
  end
  return args
end

local count, inside, failed = 0, 0, 0

function call_something()
  if inside > 3 then return end
  inside = inside + 1
  local object = random(6) == 1 and one_of(dead) or one_of(live)
  local list = random(3) == 1 and functions or methods[getmetatable(object)] or functions
  local target = one_of(list)
  local first = object
  if list == functions and random(2) == 1 then first = nil end
  local made, args = pcall(arguments, target.key, first, target.name)
  if made then
    count = count + 1
    if trace then io.stderr:write(count, " ", target.name, "\n") end
    local result = table.pack(pcall(target.fn, table.unpack(args, 1, args.n)))
    if not result[1] then failed = failed + 1 end
    check(target.name, result[1], result[2])
    if result[1] and result[2] ~= nil and random(4) == 1 then check("tostring", pcall(tostring, result[2])) end
  end
  inside = inside - 1
end

fixture()
add_functions("netns", netns)
add_functions("core", core)
sort(functions)
local next_fixture = 150
while count < calls do
  call_something()
  if count > next_fixture then
    next_fixture = count + 150
    inside = 10 -- collecting calls nothing
    collectgarbage()
    fixture()
    inside = 0
  end
end
inside = 10
print(("%d calls, %d refused"):format(count, failed))
