-- switching.lua - four ways to join two namespaces: what goes through, what it costs, how long an answer takes
local ovs = require "stdlib.ovs"
local host = netns.current()
local able, why = ovs.available()
local sw = able and ovs.start():add_bridge "ovs0"
local function pair(ns, name, master) -- from the host to a namespace
  return (host:add_link { name, kind = "veth", up = true, master = master, peer = { "eth0", netns = ns, up = true } })
end
local ways = {
  { "one veth pair                ", function(a, b)
    a:add_link { "eth0", kind = "veth", up = true, peer = { "eth0", netns = b, up = true } }
  end },
  { "Linux bridge, two pairs      ", function(a, b)
    local br0 = host:add_link { "br0", kind = "bridge", up = true }
    for name, ns in pairs { a0 = a, b0 = b } do pair(ns, name, br0) end
  end },
  { "Open vSwitch, two pairs      ", function(a, b)
    for name, ns in pairs { a1 = a, b1 = b } do sw:add_port(pair(ns, name)) end
  end },
  { "Open vSwitch, internal ports ", function(a, b)
    for n, ns in pairs { a, b } do
      sw:add_port { "tap" .. n, type = "internal", netns = ns }:set { name = "eth0", up = true }
    end
  end } }
for i, way in ipairs(ways) do
  local a, b, line = netns.add("a" .. i), netns.add("b" .. i), "skipped: " .. tostring(why)
  if i <= 2 or able then
    way[2](a, b)
    for n, ns in ipairs { a, b } do ns:link "eth0":add_addr(("10.0.%d.%d/24"):format(i, n)) end
    local through = nsh.throughput { from = a, to = b, seconds = 0.5 }
    local cpu, rtt = through.busy / through.received.bytes / 8e-9, nsh.latency({ from = a, to = b, seconds = 0.2 }).rtt
    line = ("%6.2f Gbit/s %7.3f s CPU/Gbit %5.0f us"):format(through.rate / 1e9, cpu, rtt.p50 * 1e6)
  end
  print(way[1] .. line)
end
-- Prints:
-- one veth pair ... Gbit/s ... s CPU/Gbit ... us
-- Linux bridge, two pairs ... Gbit/s ... s CPU/Gbit ... us
-- Open vSwitch, two pairs ...
-- Open vSwitch, internal ports ...
