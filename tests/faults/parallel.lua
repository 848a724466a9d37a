-- parallel.lua NUMBER - one of many runs of the same lab at the same time. Its pings have a size that no other run's
-- have: what comes to its hosts must be its own.
local number = tonumber(arg[1])
local net = lab "same"
local sw = net:switch { "sw", stp = false }
for i = 1, 3 do
  net:link { { net:host("h" .. i), "eth0", addr = ("10.0.0.%d/24"):format(i) }, { sw, "p" .. i } }
end
net:up()
local capture <close> = net:node("h2").netns:capture { "eth0", filter = "icmp" }
for _ = 1, 3 do
  local ping = net:node("h1").netns:ping("10.0.0.2", { count = 2, interval = 0.02, size = 100 + number })
  assert(ping.received == 2, "an answer is missing")
end
local packets = 0
for packet in capture:packets() do
  packets = packets + 1
  assert(packet.len == 14 + 20 + 8 + 100 + number, "a packet of another run: " .. tostring(packet))
end
assert(packets == 12, ("%d packets"):format(packets))
assert(net:ping_all().lost == 0)
assert(#net:plan() == 0)
net:down()
assert(#netns.list() == 0)
print("run " .. number .. " is alone")
