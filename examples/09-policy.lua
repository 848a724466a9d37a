-- 09-policy.lua - two ways out of a router: rules choose the table, nexthop objects share the load
local r = netns.add "r"
local east, west = netns.add "east", netns.add "west"
r:link("lo"):set { up = true }

for i, isp in ipairs { east, west } do
  local here = r:add_link { isp.name, kind = "veth", up = true, peer = { "r", netns = isp, up = true } }
  here:add_addr(("192.0.%d.1/24"):format(i))
  isp:link("r"):add_addr(("192.0.%d.254/24"):format(i))
  r:add_nexthop { id = i, via = ("192.0.%d.254"):format(i), dev = here }
  r:add_route { "default", nhid = i, table = 100 + i }
end

-- By default both carry packets, east three times as many.
r:add_nexthop { id = 10, group = { { id = 1, weight = 3 }, { id = 2 } } }
r:add_route { "default", nhid = 10 }

-- What comes from the west side's network, and web traffic, leaves by the west.
r:add_rule { from = "192.0.2.0/24", table = 102, priority = 1000 }
r:add_rule { ipproto = "tcp", dport = 443, table = 102, priority = 1001 }

print(r:route_to({ "203.0.113.9", from = "192.0.2.1" }).dev)
print(r:route_to({ "203.0.113.9", ipproto = "tcp", dport = 443 }).dev)
print(#r:routes({ nhid = 10 })[1].nexthops)

-- A nexthop object that changes, or goes, takes the routes that use it along.
r:del_nexthop(1)
print(#r:routes { table = 101 }, #r:nexthop(10).group)
print(r:route_to("203.0.113.9").dev)

-- Prints:
-- west
-- west
-- 2
-- 0	1
-- west
