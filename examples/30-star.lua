-- 30-star.lua - topologies from the shelf: a star, its plan, and two stars joined by a router in one lab
local topology = require "stdlib.topology"

local net = topology.star { hosts = 4 }
print(#net:plan() > 0, #net.nodes, #net.links)
net:up()
print(#net:plan(), net:ping_all().lost)
print(net:node "h4".netns:link "eth0":addrs({ family = "inet" })[1].addr)
net:down()

-- Each takes lab = and prefix =, so that several fit into one. The router gets the last address of each star.
local campus = nsh.lab "campus"
local core = campus:router "core"
topology.star { lab = campus, prefix = "a-", addresses = "10.1.0.0/24, fd00:1::/64", router = core }
topology.star { lab = campus, prefix = "b-", addresses = "10.2.0.0/24, fd00:2::/64", router = core,
  link = { mtu = 1400 } }
campus:up()
local h1 = campus:node "a-h1".netns
print(h1:reaches "10.2.0.3", h1:reaches "fd00:2::3")
for _, hop in ipairs(h1:traceroute "10.2.0.1".hops) do print(hop.hop, hop.addr) end
campus:down()

-- A slip is told with its line, before anything is made.
print(select(2, pcall(topology.star, { host = 4 })))
print(select(2, pcall(topology.star, { hosts = 4000 })))

-- Prints:
-- true	5	4
-- 0	0
-- 10.0.0.4/16
-- true	true
-- 1	10.1.0.254
-- 2	10.2.0.1
-- examples/30-star.lua:24: unknown key 'host' of star; did you mean 'hosts'?
-- examples/30-star.lua:25: a bridge holds 1023 ports, and 4000 hosts on 1 switch need ...
