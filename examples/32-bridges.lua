-- 32-bridges.lua - bridges of layer 2 and 3: who learns what, and which way packets go
local topology = require "stdlib.topology"

-- Layer 2: the bridge has no address and forwards frames to where it has learned a MAC address.
local net = topology.l2_bridge { hosts = 3, ipv6 = false }
net:up()
local ns1, br0 = net:node "ns1".netns, net:node "br0".netns
print(ns1:reaches "172.18.1.3", ns1:reaches "172.18.1.4")
for _, port in ipairs(net:node "br0".ports) do
  print(port.peer.node.name, br0:link("br0"):fdb({ mac = port.peer.mac })[1].dev)
end

-- What somebody changes by hand is mended by up, and nothing else is touched.
br0:link "ns3":set { master = false }
print(#net:plan(), ns1:reaches("172.18.1.4", { timeout = 0.1 }))
net:up()
print(#net:plan(), ns1:reaches "172.18.1.4")
net:down()

-- Layer 3: the bridge has an address, and its host forwards to another network.
local l3 = topology.l3_bridge { ipv6 = false }
l3:up()
local host = l3:node "host".netns
print(host:route_to("172.18.1.2").dev, host:route_to("192.168.2.1").dev)
for _, hop in ipairs(l3:node "ns1".netns:traceroute "192.168.2.1".hops) do print(hop.hop, hop.addr) end
l3:down()

-- Prints:
-- true	true
-- ns1	ns1
-- ns2	ns2
-- ns3	ns3
-- 1	false
-- 0	true
-- br0	lan
-- 1	172.18.1.1
-- 2	192.168.2.1
