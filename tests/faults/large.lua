-- large.lua HOSTS - a lab of many hosts goes up, answers a ping from all to one, and comes down; prints the seconds.
local hosts = tonumber(arg[1])
local net = lab "large"
local sw = net:switch { "sw", addr = "10.0.0.1/16", stp = false }
for i = 1, hosts do
  local host = net:host("h" .. i)
  net:link { { host, "eth0", addr = ("10.0.%d.%d/16"):format(1 + i // 250, 1 + i % 250) }, { sw, "p" .. i } }
end

local function seconds()
  local file <close> = assert(io.open "/proc/uptime")
  return file:read "n"
end

local at = { seconds() }
net:up()
at[2] = seconds()
-- Each of these hosts hears who all others ask for: the kernel's backlog drops some of that, and so a question in it.
local all, answered = net:ping_all { to = { sw.netns }, count = 3, interval = 0.5, timeout = 5 }, 0
for _, pair in ipairs(all.pairs) do answered = answered + (pair.received > 0 and 1 or 0) end
assert(answered == hosts, tostring(all))
at[3] = seconds()
assert(#net:plan() == 0, "the lab is not what was declared")
net:down()
at[4] = seconds()
assert(#netns.list() == 0, "namespaces outlive the lab")
print(("%d hosts: up %.2f s, ping %.2f s, plan and down %.2f s"):format(hosts, at[2] - at[1], at[3] - at[2],
  at[4] - at[3]))
