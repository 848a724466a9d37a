-- 34-sites.lua - two sites and a tunnel between them: one Ethernet by vxlan, two networks by wireguard
local topology = require "stdlib.topology"

for _, tunnel in ipairs { "vxlan", "wireguard" } do
  local net = topology.sites { tunnel = tunnel }
  local ok, err = pcall(net.up, net)
  if ok then
    local h1, h2 = net:node "h1", net:node "h2"
    local there = h2:address { family = "inet" }
    local between <close> = net:node "internet".netns:capture { "gw1", filter = "udp and src 192.0.2.1" }
    assert(h1.netns:reaches(there))
    print(tunnel, #h1.netns:traceroute(there).hops .. " hops", "mtu " .. h1.netns:path_mtu(there).mtu)
    local packet = between:packets()()
    print("on the way", packet.ip.src .. " > " .. packet.ip.dst, "port " .. packet.udp.dport)
    net:down()
  else
    print(tunnel, err.code, err.hint ~= nil)
  end
end

-- Prints:
-- vxlan	1 hops	mtu 1450
-- on the way	192.0.2.1 > 198.51.100.1	port 4789
-- wireguard	...
