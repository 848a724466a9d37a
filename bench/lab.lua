-- lab.lua - the networks of limit.c as labs: star, stars and chain, as anybody would write them
--   nsh bench/lab.lua star N [v6off]     writes "up PID" when it stands, and takes it down at the next line it reads
local what, n = arg[1], tonumber(arg[2])
local net = lab("b", { ipv6 = arg[3] ~= "v6off" and nil })

local function address(i) return ("10.0.%d.%d/16"):format(i // 256, i % 256) end

local function star(first, count, number, addr)
  local switch = net:switch { "sw" .. number, addr = addr }
  for i = first, first + count - 1 do
    local host = net:host { "h" .. i, routes = { { "default", via = "10.0.255.254" } } }
    net:link { { host, "eth0", addr = address(i) }, { switch, "p" .. i } }
  end
  return switch
end

if what == "star" then
  star(1, n, 0, "10.0.255.254/16")
elseif what == "stars" then
  local first
  for i = 0, 3 do
    local switch = star(1 + i * (n // 4), n // 4, i, i == 0 and "10.0.255.254/16" or nil)
    if first then net:link { { first, "to" .. i }, { switch, "to0" } } end
    first = first or switch
  end
else
  local function side(i, host) return ("10.1.%d.%d"):format(4 * i // 256, 4 * i % 256 + host) end
  local routers = {}
  for i = 1, n do
    routers[i] = net:router { "r" .. i, routes = {
      i > 2 and { side(1, 0) .. "/30", via = side(i - 1, 1) } or nil } }
    if i < n - 1 then routers[i]:route { side(n - 1, 0) .. "/30", via = side(i, 2) } end
  end
  for i = 1, n - 1 do
    net:link { { routers[i], "eth1", addr = side(i, 1) .. "/30" },
      { routers[i + 1], "eth0", addr = side(i, 2) .. "/30" } }
  end
end

net:up()
local stat <close> = assert(io.open "/proc/self/stat")
print("up " .. stat:read "n")
io.stdout:flush()
if io.read() then net:down() end
print "down"
