-- 35-trunk.lua - VLANs on a switch, and a router on a stick: one cable carries them all
local topology = require "stdlib.topology"

local net = topology.router_on_a_stick { vlans = { 10, 20 }, hosts = 2, ipv6 = false }
for _, port in ipairs(net:node "sw1".ports) do
  local ids = {}
  for i, vlan in ipairs(port.vlans) do ids[i] = vlan.vid .. (vlan.untagged and " untagged" or "") end
  print(port.name, table.concat(ids, ", "))
end

local ok, err = pcall(net.up, net)
if ok then
  local h1 = net:node "h1".netns
  print("same VLAN", #h1:traceroute "10.1.1.3".hops .. " hop", "other VLAN", #h1:traceroute "10.1.2.2".hops .. " hops")
  net:down()
else
  print(err.code, err.hint)
end

-- Prints:
-- trunk	10, 20
-- h1	10 untagged
-- h2	10 untagged
-- h3	20 untagged
-- h4	20 untagged
-- ...
