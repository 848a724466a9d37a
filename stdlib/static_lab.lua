--- static_lab.lua - static routes of a lab that is declared: computed from its addresses, before anything is up.
local nsh = require "nsh"

local m = {}

local HOST = { inet = 32, inet6 = 128 }

-- Calls fn(family, subnet, address) for each address that a node is declared with.
local function each_addr(node, fn)
  local function take(addrs)
    for _, record in ipairs(addrs) do
      local addr, len = record.addr:match "^(.*)/(%d+)$"
      if addr and not record.peer then
        local family = addr:find(":", 1, true) and "inet6" or "inet"
        len = math.tointeger(tonumber(len))
        fn(family, len == HOST[family] and addr or nsh.subnet(record.addr, len, 0), addr)
      end
    end
  end
  take(node.addrs)
  for _, link in ipairs(node.links) do take(link.addrs) end
  for _, port in ipairs(node.ports) do take(port.addrs) end
end

-- Who stands in each subnet: { order = { subnet, ... }, [dst] = { dst, family, { node, addr }, ... } }.
local function subnets_of(routers)
  local map = { order = {} }
  for _, node in ipairs(routers) do
    each_addr(node, function(family, dst, addr)
      if not map[dst] then
        map[dst] = { dst = dst, family = family }
        map.order[#map.order + 1] = map[dst]
      end
      table.insert(map[dst], { node = node, addr = addr })
    end)
  end
  return map
end

-- Whom each router reaches over one subnet: node -> { { node, via }, ... }.
local function neighbours(map, family)
  local near = {}
  for _, subnet in ipairs(map.order) do
    for _, mine in ipairs(subnet.family == family and subnet or {}) do
      near[mine.node] = near[mine.node] or {}
      for _, theirs in ipairs(subnet) do
        if theirs.node ~= mine.node then table.insert(near[mine.node], { node = theirs.node, via = theirs.addr }) end
      end
    end
  end
  return near
end

-- How many hops it is from one of some routers to each other one.
local function distances(near, members)
  local far, queue = {}, {}
  for _, member in ipairs(members) do
    if not far[member.node] then
      far[member.node] = 0
      queue[#queue + 1] = member.node
    end
  end
  for _, node in ipairs(queue) do -- it grows meanwhile
    for _, hop in ipairs(near[node] or {}) do
      if not far[hop.node] then
        far[hop.node] = far[node] + 1
        queue[#queue + 1] = hop.node
      end
    end
  end
  return far
end

-- Subnets that the same routers stand in have the same distances.
local function key_of(subnet)
  local names = { subnet.family }
  for i, member in ipairs(subnet) do names[i + 1] = member.node.name end
  return table.concat(names, "\0")
end

-- The hops that are nearer to a subnet: the first of them, or all.
local function ways(near, far, node, all)
  local list = {}
  for _, hop in ipairs(near[node] or {}) do
    if far[hop.node] and far[hop.node] < far[node] and (all or not list[1]) then list[#list + 1] = { via = hop.via } end
  end
  return list
end

local function declared(node)
  local known = {}
  for _, route in ipairs(node.routes) do
    local dst = route.dst
    if dst == "default" then
      local via = route.via or route.nexthops and route.nexthops[1] and route.nexthops[1].via or ""
      dst = dst .. (tostring(via):find(":", 1, true) and "inet6" or "inet")
    end
    known[dst] = true
  end
  return known
end

local function add_routes(routers, map, all)
  local near, cache, known = {}, {}, {}
  for family in pairs(HOST) do near[family] = neighbours(map, family) end
  for _, node in ipairs(routers) do known[node] = declared(node) end
  for _, subnet in ipairs(map.order) do
    local key = key_of(subnet)
    local far = cache[key] or distances(near[subnet.family], subnet)
    cache[key] = far
    for _, node in ipairs(routers) do
      if (far[node] or 0) > 0 and not known[node][subnet.dst] then
        local hops = ways(near[subnet.family], far, node, all)
        node:route(hops[2] and { subnet.dst, nexthops = hops } or { subnet.dst, via = hops[1].via })
      end
    end
  end
end

-- A host sends everything to the first router that stands in a subnet of its own.
local function add_defaults(hosts, map)
  for _, node in ipairs(hosts) do
    local known = declared(node)
    each_addr(node, function(family, dst)
      if map[dst] and not known["default" .. family] then
        known["default" .. family] = true
        node:route { "default", via = map[dst][1].addr }
      end
    end)
  end
end

--- Declares the routes of some nodes of a lab.
---@param nodes nsh.LabNode[]
---@param all boolean over all of several ways that are equally short
function m.declare(nodes, all)
  local routers, hosts = {}, {}
  for _, node in ipairs(nodes) do
    if node.kind == "router" then routers[#routers + 1] = node end
    if node.kind == "host" then hosts[#hosts + 1] = node end
  end
  local map = subnets_of(routers)
  add_routes(routers, map, all)
  add_defaults(hosts, map)
end

return m
