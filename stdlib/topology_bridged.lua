--- topology_bridged.lua - topologies that are one Ethernet: cables and bridges.
local kit = require "stdlib.topology_kit"

local m = {}

local PORTS = 1023 -- a bridge holds no more

--- Declares a pair.
---@param options? table
---@return nsh.Lab
function m.pair(options)
  local t = kit.open(options, "pair", {})
  local base = t:base "10.0.0.0/24, fd00::/64"
  t:wire({ node = t:host "h1", addrs = t:addrs(base, 1) }, { node = t:host "h2", addrs = t:addrs(base, 2) })
  return t.lab
end

-- How many hosts each switch gets; those of the first share its ports with the other switches.
local function spread(hosts, switches, with_router)
  local list, left = {}, hosts
  for i = 1, switches do
    list[i] = left // (switches - i + 1)
    left = left - list[i]
  end
  local others = switches - 1 + (with_router and 1 or 0)
  local most = math.max(list[1] + others, switches > 1 and list[switches] + 1 or 0)
  if most > PORTS then
    local enough = switches + 1
    while hosts // enough + enough > PORTS and enough < PORTS do enough = enough + 1 end
    kit.misuse("a bridge holds %d ports, and %d hosts on %d %s need %d of one; switches = %d is enough", PORTS, hosts,
      switches, switches == 1 and "switch" or "switches", most, enough)
  end
  return list
end

--- Declares a star.
---@param options? table
---@return nsh.Lab
function m.star(options)
  local t, spec = kit.open(options, "star", { "hosts", "switches", "stp", "router" })
  local hosts, switches = kit.count(spec, "hosts", 3, 0, 65532), kit.count(spec, "switches", 1, 1, 1000)
  local router = spec.router ~= nil and t:node(spec.router, "router", "router")
  local share = spread(hosts, switches, router)
  local base, sw, n, routes = t:base "10.0.0.0/16, fd00::/64", {}, 0, nil
  t.wanted = ("%d hosts"):format(hosts)
  for i = 1, switches do
    sw[i] = t:switch("sw" .. i, { stp = kit.flag(spec, "stp", false) })
    if i > 1 then t:wire({ node = sw[1] }, { node = sw[i] }) end
  end
  if router then
    local gateways = t:addrs(base, -2)
    t:wire({ node = router, addrs = gateways, port = t.prefix .. "sw1" }, { node = sw[1], port = router.name })
    routes = t:defaults(gateways)
  end
  for i = 1, switches do
    for _ = 1, share[i] do
      n = n + 1
      t:wire({ node = t:host("h" .. n, { routes = routes }), addrs = t:addrs(base, n) }, { node = sw[i] })
    end
  end
  return t.lab
end

return m
