-- lab.lua - two rooms behind a router, and a guest who may go nowhere but out
local net = lab "office"
local router = net:router { "router" }
for i, room in ipairs { "blue", "red", "guest" } do
  local gateway = ("10.0.%d.1"):format(i)
  local pc = net:host { room, routes = { { "default", via = gateway } } }
  net:link { { pc, "eth0", addr = ("10.0.%d.2/24"):format(i) }, { router, room, addr = gateway .. "/24" } }
end
router:rule { priority = 10, iif = "guest", to = "10.0.0.0/16", type = "prohibit" }
return net
