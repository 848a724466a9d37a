-- 37-stp.lua - three switches in a triangle: the spanning tree protocol cuts the loop, and mends a cut
local topology = require "stdlib.topology"

local net = topology.stp_triangle { ipv6 = false }
net:up()
local sw3 = net:node "sw3".netns
local function state_is(state) return function(port) return port.state == state end end
sw3:link "sw2":wait { port = state_is "blocking", timeout = 8 }
for _, node in ipairs(net.nodes) do
  if node.kind == "switch" then print(node.name, "root is " .. node.netns:link(node.name).root_id:match "^%x+") end
end
print("sw3 to sw2", sw3:link "sw2".port.state)

-- When the other way is cut, the port that was blocking opens at once, and forwards after two forward delays.
net:node "sw1".netns:link "sw3":set { up = false }
sw3:link "sw2":wait { port = state_is "listening" }
print "cut: it listens"
net:down()

-- Prints:
-- sw1	root is 1000
-- sw2	root is 1000
-- sw3	root is 1000
-- sw3 to sw2	blocking
-- cut: it listens
