--- static.lua - static routing: the routes between routers that links join, by the shortest way.
--
--     local routing <close> = static.set { r1, r2, r3, hosts = { h1, h2 } }
--     print(routing:routes())
--     r1:link "eth1":set { up = false }
--     routing:update()
--
-- and of labs that are declared: static.declare(net).
local daemon = require "stdlib.daemon"
local nsh = require "nsh"
local routing = require "stdlib.routing"

local m = {}

local FAMILIES = { "inet", "inet6" }
local HOST = { inet = 32, inet6 = 128 }

local label = routing.label

--- Static routes of a set of routers.
---@class static.Routing
local Routing = {}
local mt = { __index = Routing, __name = "static.routing" }

-- --- what is there ---

-- The subnets that a namespace stands in. The kernel's own routes name them, so nothing is computed from addresses; one
-- whose link lost its carrier leads nowhere.
local function subnets_of(ns)
  local list = {}
  for _, record in ipairs(ns:addrs { scope = "global", up = true }) do
    local addr, len = record.addr:match "^(.*)/(%d+)$"
    if not record.peer and tonumber(len) == HOST[record.family] then
      list[#list + 1] = { dst = addr, addr = addr, dev = record.dev, family = record.family }
    end
  end
  for _, route in ipairs(ns:routes { proto = "kernel" }) do
    local lan = route.dst:find "/" and route.dst ~= "fe80::/64" and not route.linkdown
    for _, own in ipairs(lan and ns:addrs { to = route.dst, dev = route.dev, scope = "global" } or {}) do
      list[#list + 1] = { dst = route.dst, addr = own.addr:match "^[^/]+", dev = route.dev, family = own.family }
    end
  end
  return list
end

-- Who stands in each subnet: family -> { order = { dst, ... }, members = { dst = { { ns, addr, dev }, ... } } }.
local function look(routers)
  local owner, maps = {}, {}
  for _, family in ipairs(FAMILIES) do maps[family] = { order = {}, members = {} } end
  for _, ns in ipairs(routers) do
    for _, subnet in ipairs(subnets_of(ns)) do
      local map, other = maps[subnet.family], owner[subnet.addr]
      if other and other ~= ns then
        nsh.misuse(("%s is an address of %s and of %s"):format(subnet.addr, label(other), label(ns)))
      end
      owner[subnet.addr] = ns
      if not map.members[subnet.dst] then
        map.members[subnet.dst] = {}
        table.insert(map.order, subnet.dst)
      end
      table.insert(map.members[subnet.dst], { ns = ns, addr = subnet.addr, dev = subnet.dev })
    end
  end
  return maps
end

-- --- the shortest ways ---

-- Whom a router reaches over one subnet: { { ns, via, dev, cost }, ... }.
local function hops_of(map, ns, costs)
  local list = {}
  for _, dst in ipairs(map.order) do
    for _, mine in ipairs(map.members[dst]) do
      for _, theirs in ipairs(mine.ns == ns and map.members[dst] or {}) do
        if theirs.ns ~= ns then
          list[#list + 1] = { ns = theirs.ns, via = theirs.addr, dev = mine.dev, cost = costs[dst] or 1 }
        end
      end
    end
  end
  return list
end

-- For each router the cost of the way to it, and that way's first hop (Dijkstra). Of equal ways it is that over the
-- router that was named first, so the same lab always gets the same routes.
local function ways_from(map, routers, start, costs)
  local best, done = { [start] = { cost = 0 } }, {}
  while true do
    local ns
    for _, candidate in ipairs(routers) do
      local way = not done[candidate] and best[candidate]
      if way and (not ns or way.cost < best[ns].cost) then ns = candidate end
    end
    if not ns then return best end
    done[ns] = true
    for _, hop in ipairs(hops_of(map, ns, costs)) do
      local cost = best[ns].cost + hop.cost
      if not best[hop.ns] or cost < best[hop.ns].cost then
        local first = ns == start and hop or best[ns]
        best[hop.ns] = { cost = cost, via = first.via, dev = first.dev }
      end
    end
  end
end

-- The way to the nearest router of a subnet; false where the router itself stands in it.
local function way_to(ways, members, ns)
  local nearest
  for _, member in ipairs(members) do
    local way = ways[member.ns]
    if member.ns == ns then return false end
    if way and (not nearest or way.cost < nearest.cost) then nearest = way end
  end
  return nearest
end

local function plan_router(plan, lost, ns, map, ways, family)
  for _, dst in ipairs(map.order) do
    local way = way_to(ways, map.members[dst], ns)
    if way then
      plan[#plan + 1] = { ns = ns, dst = dst, via = way.via, dev = way.dev, family = family }
    elseif way == nil then
      lost[#lost + 1] = ("%s doesn't reach %s (at %s)"):format(label(ns), dst, label(map.members[dst][1].ns))
    end
  end
end

-- A host sends everything to the first router that stands in a subnet of its own.
local function plan_host(plan, lost, ns, maps)
  local has, alone = {}, {}
  for _, subnet in ipairs(subnets_of(ns)) do
    local family = subnet.family
    local router = (maps[family].members[subnet.dst] or {})[1]
    if router and not has[family] then
      has[family] = true
      plan[#plan + 1] = { ns = ns, dst = "default", via = router.addr, dev = subnet.dev, family = family }
    end
    alone[family] = alone[family] or subnet.dst
  end
  for _, family in ipairs(FAMILIES) do
    if alone[family] and not has[family] then
      lost[#lost + 1] = ("%s has no router in %s"):format(label(ns), alone[family])
    end
  end
  if not next(alone) then lost[#lost + 1] = label(ns) .. " has no address on a link that is up" end
end

local function make_plan(self)
  local maps, plan, lost = look(self.routers), {}, {}
  for dst in pairs(self.costs) do
    if not (maps.inet.members[dst] or maps.inet6.members[dst] or self.known[dst]) then
      nsh.misuse(("cost: no router stands in '%s'"):format(tostring(dst)))
    end
    self.known[dst] = true
  end
  for _, family in ipairs(FAMILIES) do
    for _, ns in ipairs(self.routers) do
      plan_router(plan, lost, ns, maps[family], ways_from(maps[family], self.routers, ns, self.costs), family)
    end
  end
  for _, ns in ipairs(self.hosts) do plan_host(plan, lost, ns, maps) end
  return plan, lost
end

-- --- setting them ---

local function spec_of(route)
  return { route.dst, via = route.via, dev = route.dev, proto = "static" }
end

local function key_of(route)
  return table.concat({ route.ns.name or "", route.dst, route.family, route.via, route.dev }, " ")
end

-- The kernel takes a route away by itself, with its link or its address.
local function is_there(route)
  if route.ns.deleted then return false end
  local records = route.ns:routes { dst = route.dst, via = route.via, proto = "static", family = route.family }
  return records[1] and records[1].dev == route.dev
end

local function delete(route)
  if is_there(route) then route.ns:del_route(spec_of(route)) end
end

-- Deletes what isn't wanted any more, then adds what is missing. What was done is undone when something fails.
local function apply(self, plan)
  local wanted, deleted, added = {}, {}, {}
  for _, route in ipairs(plan) do wanted[key_of(route)] = true end
  local ok, err = pcall(function()
    for _, route in ipairs(self.plan) do
      if not wanted[key_of(route)] and is_there(route) then
        route.ns:del_route(spec_of(route))
        deleted[#deleted + 1] = route
      end
    end
    for _, route in ipairs(plan) do
      if not self.plan[key_of(route)] or not is_there(route) then
        route.ns:add_route(spec_of(route))
        added[#added + 1] = route
      end
    end
  end)
  if not ok then
    for _, route in ipairs(added) do pcall(delete, route) end
    for _, route in ipairs(deleted) do pcall(route.ns.add_route, route.ns, spec_of(route)) end
    error(err, 0)
  end
  for _, route in ipairs(plan) do plan[key_of(route)] = true end
  self.plan = plan
end

--- Looks at the links and addresses again and sets the routes anew: after a change. Routes that stay aren't touched.
---@return static.Routing self
---@error ENETUNREACH a subnet has no way to it, or a host no router; the message names them, and all stays as it was
function Routing:update()
  if self.removed then nsh.misuse "these static routes were removed" end
  local plan, lost = make_plan(self)
  if #lost > 0 and self.check then
    nsh.raise { op = "static routes", code = "ENETUNREACH", errno = 101, unreachable = lost,
      message = table.concat(lost, "; "),
      hint = "no chain of links that are up joins them; check = false sets the routes that there are" }
  end
  apply(self, plan)
  self.lost = lost
  return self
end

--- Lists the routes that were set.
---@return table[] records { netns, dst, via, dev, family }
function Routing:routes()
  local list = {}
  for i, route in ipairs(self.plan) do
    list[i] = { netns = label(route.ns), dst = route.dst, via = route.via, dev = route.dev, family = route.family }
  end
  return nsh.records(list)
end

--- Tells what has no way to it, with `check = false`.
---@return string[] sentences "r1 doesn't reach 10.0.9.0/24 (at r4)"
function Routing:unreachable() return self.lost end

--- Takes the routes away; forwarding becomes what it was. Twice is harmless.
function Routing:remove()
  if self.removed then return end
  self.removed = true
  for _, route in ipairs(self.plan) do delete(route) end
  for _, undo in ipairs(self.forwarded) do undo() end
  self.plan = {}
end

function mt.__close(self) self:remove() end
function mt.__tostring(self) return ("static routing of %d routers, %d routes"):format(#self.routers, #self.plan) end

local function namespaces(list, what, seen)
  local spaces = {}
  for i, ns in ipairs(list) do
    ns = daemon.netns(ns, ("number %d of %s"):format(i, what))
    if seen[ns] then nsh.misuse(label(ns) .. " is named twice") end
    seen[ns] = true
    spaces[i] = ns
  end
  return spaces
end

local function costs_of(cost)
  if cost == nil then return {} end
  if type(cost) ~= "table" then nsh.misuse 'cost is a table of subnets, as { ["10.0.1.0/24"] = 10 }' end
  for dst, value in pairs(cost) do
    if math.type(value) ~= "integer" or value < 1 then
      nsh.misuse(("cost of %s must be a number from 1 on"):format(tostring(dst)))
    end
  end
  return cost
end

--- Which routes shall be set.
---@class static.Spec
---@field [integer] nsh.Netns|nsh.LabNode|string the routers
---@field hosts? (nsh.Netns|nsh.LabNode|string)[] these send everything to the first router of their subnet
---@field cost? table<string, integer> of crossing a subnet: { ["10.0.1.0/24"] = 10 }; others cost 1
---@field check? boolean false: what can't be reached is no error; routing:unreachable() tells it

--- Sets the routes between all subnets that routers stand in, of IPv4 and IPv6, by the shortest ways, and makes the
--- routers forward. Routers are neighbours when they have addresses of one subnet, on links that are up with a carrier.
--- Twin: `ip route add DST via ADDR proto static`, in each namespace for each subnet
---@param spec static.Spec
---@return static.Routing
---@error ENETUNREACH a subnet has no way to it, or a host no router; the message names them, and nothing is set
---@error EEXIST a namespace has another route to a subnet; nothing is set
function m.set(spec)
  local keys = { "hosts", "cost", "check" }
  for i in ipairs(type(spec) == "table" and spec or {}) do keys[#keys + 1] = i end
  spec = nsh.options(spec, "static.set", keys)
  if #spec == 0 then nsh.misuse "static.set needs routers, as static.set { r1, r2 }" end
  local seen = {}
  local self = setmetatable({ routers = namespaces(spec, "routers", seen), plan = {}, lost = {}, forwarded = {},
    hosts = namespaces(spec.hosts or {}, "hosts", seen), costs = costs_of(spec.cost), known = {},
    check = spec.check ~= false }, mt)
  self:update()
  for i, ns in ipairs(self.routers) do self.forwarded[i] = routing.forward(ns) end
  return self
end

--- Declares the routes of a lab that isn't up: each router gets one to each subnet of the others by the shortest way,
--- each host a default route to the first router of its subnet. What a node is declared with already stays.
--- It knows what was declared before it, so it stands behind the links: `static.declare(net)`, then `net:up()`.
---@param net nsh.Lab
---@param options? { nodes: nsh.LabNode[], ecmp: boolean } nodes: these alone; ecmp: over all of several ways that are
---  equally short
---@return nsh.Lab net
function m.declare(net, options)
  options = nsh.options(options, "static.declare", { "nodes", "ecmp" })
  if type(net) ~= "table" or type(net.nodes) ~= "table" then nsh.misuse "static.declare takes a lab" end
  if options.ecmp ~= nil and type(options.ecmp) ~= "boolean" then nsh.misuse "ecmp is true or false" end
  require("stdlib.static_lab").declare(options.nodes or net.nodes, options.ecmp or false)
  return net
end

return m
