-- 36-dual-homed.lua - a site with two providers: rules choose the way by the source, a failure by what is left
local topology = require "stdlib.topology"

local net = topology.dual_homed { ipv6 = false }
net:up()
local edge = net:node "edge".netns
print(edge:rules { table = 101 })
local function ways()
  for _, name in ipairs { "h1", "h2" } do
    print(name, net:node(name).netns:traceroute("203.0.113.1", { probes = 1 }).hops[2].addr)
  end
end
ways()

print "isp1 fails"
edge:link "isp1":set { up = false }
ways()
print(net:plan()) -- the link, and the routes that went with it
net:up()
ways()

-- Prints:
-- priority  family  from         table  proto
--     1000  inet    192.0.2.2      101  boot
--     1000  inet    10.1.1.0/24    101  boot
-- h1	192.0.2.1
-- h2	198.51.100.1
-- isp1 fails
-- h1	198.51.100.1
-- h2	198.51.100.1
--   edge
--     ~ link isp1: up false → true
--     + route default via 192.0.2.1 metric 100
--     + route default via 192.0.2.1 table 101
-- h1	192.0.2.1
-- h2	198.51.100.1
