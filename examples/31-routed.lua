-- 31-routed.lua - networks of routers: chain, ring, tree, torus and leaf-spine, where all reach all by the shortest way
local static = require "stdlib.static"
local topology = require "stdlib.topology"

for _, net in ipairs { topology.chain { routers = 5 }, topology.ring { routers = 6 }, topology.tree { fanout = 3 },
  topology.grid { torus = true, name = "torus" }, topology.leaf_spine { leaves = 3, spines = 2 } } do
  net:up()
  local matrix = net:ping_all()
  print(net.name, #net.nodes, #net.links, matrix.lost == 0)
  if net.name == "leaf-spine" then -- to another leaf all spines are equally far
    local route = net:node "leaf1".netns:routes({ dst = "10.1.3.0/24" })[1]
    for _, hop in ipairs(route.nexthops) do print(hop.via, hop.dev) end
  end
  net:down()
end

-- Bad links, and what somebody adds: the routes are made anew of all that is declared.
local net = topology.chain { routers = 2, routing = false, link = { mtu = 1400 } }
local r3 = net:router "r3"
net:link { { "r2", "r3", addr = "192.0.2.1/30" }, { r3, "r2", addr = "192.0.2.2/30" }, mtu = 1300 }
static.declare(net):up()
print(net:node "h1".netns:path_mtu("192.0.2.2").mtu)

-- Prints:
-- chain	7	6	true
-- ring	12	12	true
-- tree	22	21	true
-- torus	9	18	true
-- leaf-spine	8	9	true
-- 10.0.1.1	spine1
-- 10.0.2.1	spine2
-- 1300
