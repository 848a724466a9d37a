-- cycles.lua CYCLES - builds, changes and takes down a lab again and again; prints what is held before and after.
local cycles = tonumber(arg[1])

local function declare(changed)
  local net = lab "cycle"
  local sw = net:switch { "sw", addr = "10.0.0.254/24", stp = false }
  for i = 1, changed and 4 or 3 do
    local host = net:host { "h" .. i, routes = { { "default", via = "10.0.0.254" } } }
    net:link { { host, "eth0", addr = ("10.0.0.%d/24"):format(i) }, { sw, "p" .. i }, mtu = changed and 1400 or nil }
  end
  return net
end

local function held()
  collectgarbage()
  collectgarbage()
  local pages = tonumber(io.open("/proc/self/statm"):read("a"):match "^%d+ (%d+)")
  local files = 0
  for _ in require("lfs").dir "/proc/self/fd" do files = files + 1 end
  return { files = files, memory = pages * 4096, names = #netns.list(), links = #netns.current():links() }
end

local function cycle()
  local net = declare(false)
  assert(#net:up() > 0)
  local changed = declare(true)
  assert(#changed:up() > 0 and #changed:up() == 0)
  assert(#net:up() > 0)
  net:down()
end

for _ = 1, 10 do cycle() end -- until memory that is freed is used again
held() -- opens what is kept
local before = held()
for _ = 1, cycles do cycle() end
local after = held()
for _, key in ipairs { "files", "memory", "names", "links" } do
  print(("%s %d -> %d"):format(key, before[key], after[key]))
  assert(after[key] - before[key] <= (key == "memory" and 1 << 19 or 0), key .. " grow")
end
