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

--- Declares a bridge that joins hosts.
---@param options? table
---@return nsh.Lab
function m.l2_bridge(options)
  local t, spec = kit.open(options, "l2_bridge", { "hosts", "stp" })
  local base, bridge = t:base "172.18.1.0/24, fd00:18:1::/64", t:switch("br0", { stp = kit.flag(spec, "stp", false) })
  for i = 1, kit.count(spec, "hosts", 2, 0, PORTS) do
    t:wire({ node = t:host("ns" .. i), addrs = t:addrs(base, i + 1) }, { node = bridge })
  end
  return t.lab
end

--- Declares a triangle of switches.
---@param options? table
---@return nsh.Lab
function m.stp_triangle(options)
  local t, spec = kit.open(options, "stp_triangle", { "hosts" })
  local base, sw, n = t:base "10.0.0.0/16, fd00::/64", {}, 0
  for i = 1, 3 do -- the first becomes the root; the times are the shortest that the protocol allows
    sw[i] = t:switch("sw" .. i, { stp = true, priority = i * 4096, forward_delay = 2, hello_time = 1, max_age = 6 })
  end
  for i = 1, 3 do t:wire({ node = sw[i] }, { node = sw[i % 3 + 1] }) end
  for i = 1, 3 do
    for _ = 1, kit.count(spec, "hosts", 1, 0, 1000) do
      n = n + 1
      t:wire({ node = t:host("h" .. n), addrs = t:addrs(base, n) }, { node = sw[i] })
    end
  end
  return t.lab
end

-- "vlans" as a list of numbers that a tag can have, each once.
local function vlans_of(spec)
  local list, seen = spec.vlans or { 10, 20 }, {}
  if type(list) ~= "table" or #list == 0 then kit.misuse "vlans is a list of numbers, as { 10, 20 }" end
  for _, id in ipairs(list) do
    if math.type(id) ~= "integer" or id < 1 or id > 4094 or seen[id] then
      kit.misuse("vlans are different numbers from 1 to 4094, not %s", tostring(id))
    end
    seen[id] = true
  end
  return list
end

--- Declares a router on a stick.
---@param options? table
---@return nsh.Lab
function m.router_on_a_stick(options)
  local t, spec = kit.open(options, "router_on_a_stick", { "vlans", "hosts" })
  local ids, each, n = vlans_of(spec), kit.count(spec, "hosts", 1, 0, 1000), 0
  t:subnets(0, #ids)
  local sw, router = t:switch("sw1", { vlan_filtering = true, vlan_default_pvid = 0 }), t:router "r1"
  local tagged = {}
  for i, id in ipairs(ids) do tagged[i] = { id } end
  t:wire({ node = router, port = "trunk" }, { node = sw, port = "trunk", vlans = tagged })
  for _, id in ipairs(ids) do
    local nets = t:subnet "hosts"
    router:link { "vlan" .. id, kind = "vlan", link = "trunk", id = id, addrs = t:addrs(nets, 1) }
    for i = 1, each do
      n = n + 1
      local host = t:host("h" .. n, { routes = t:defaults(t:addrs(nets, 1)) })
      t:wire({ node = host, addrs = t:addrs(nets, i + 1) },
        { node = sw, vlans = { { id, pvid = true, untagged = true } } })
    end
  end
  return t.lab
end

return m
