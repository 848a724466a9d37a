--- slips_route.lua - what routes and nexthop objects of a node are declared with and the kernel refuses; see slips.lua.
local core = require "nsh.core"
local own = require "nsh.lab.own"
local prefixes = require "nsh.prefix"

local m, is_six = {}, prefixes.is_six

--- Returns the line of the script that declares a record of a node.
---@private
---@param node nsh.LabNode
---@param record table
---@return string
function m.line_of(node, record) return node.lab.lines[record] or node.where end

--- Returns the addresses of a link; those of the plan have been given out.
---@private
---@param device table
---@return table[]
function m.addrs_of(device) return rawget(device, "own_addrs") or device.addrs end

local line_of, addrs_of = m.line_of, m.addrs_of

--- Returns the network that an address says to be on its link; nil: it says of none.
---@private
---@param record table
---@return string?
function m.network_of(record)
  local length = math.tointeger(tonumber(record.addr:match "/(%d+)$"))
  if record.peer or record.noprefixroute or length == (is_six(record.addr) and 128 or 32)
    or record.addr:find "^fe[89ab]" then
    return nil
  end
  return (core.network(record.addr))
end

local MAIN = { main = true, [254] = true, ["254"] = true }

--- Returns the routing table of a route or rule.
---@private
---@param record table
---@return string
function m.table_of(record)
  return (record.table == nil or MAIN[record.table]) and "main" or tostring(record.table)
end

local ANY = { ["0.0.0.0/0"] = "default", ["::/0"] = "default" }

local function is_six_route(route)
  local hop = route.nexthops and route.nexthops[1] or route
  if route.dst:find(":", 1, true) then return true end
  return route.dst == "default" and (route.family == "inet6" or hop.via ~= nil and is_six(hop.via))
end

-- Bits behind the prefix of a destination.
local function check_dst(node, route, tell)
  local addr, length = route.dst:match "^([%d.]+)/(%d+)$"
  length = math.tointeger(tonumber(length))
  local bytes = addr and length < 32 and core.address_bytes(addr)
  if not bytes or (">I4"):unpack(bytes) & (1 << 32 - length) - 1 == 0 then return end
  tell.refuse(line_of(node, route), "route %s of %s has bits behind its prefix; %s is the network", route.dst,
    node.name, prefixes.subnet(route.dst, length, 0))
end

local LINK_LOCAL = "^[fF][eE][89aAbB]"

-- Calls a function with each address of a node, and the name of its link.
local function each_addr(node, fn)
  for _, places in ipairs { { node.loopback }, node.links, node.ports } do
    for _, device in ipairs(places) do
      for _, record in ipairs(addrs_of(device)) do fn(record, device.name) end
    end
  end
end

-- What routes of a node are compared with, found once: its addresses, and whether lo has a whole network of them.
local function own_of(node)
  local own_addrs = { addrs = {}, whole = false, networks = false }
  each_addr(node, function(record, name)
    local addr = record.addr
    own_addrs.addrs[addr:match "^[^/]+"] = true
    if name == "lo" and not addr:find "/32$" and not addr:find "/128$" then own_addrs.whole = true end
  end)
  return own_addrs
end

-- Its networks of IPv4, by their length.
local function networks_of(node)
  local networks = {}
  each_addr(node, function(record)
    local bytes, length = core.prefix(record.addr)
    if #bytes ~= 4 or length > 30 then return end
    networks[length] = networks[length] or {}
    networks[length][(">I4"):unpack(bytes) >> 32 - length] = true
  end)
  return networks
end

-- A gateway as a number, where it may be the first or last of a network; many have the same.
local function gate_of(via, tell)
  local gate = tell.gates[via]
  if gate == nil then
    local bytes = core.prefix(via)
    local last = #bytes == 4 and bytes:byte(4) & 3
    gate = (last == 0 or last == 3) and (">I4"):unpack(bytes)
    tell.gates[via] = gate
  end
  return gate
end

-- An address that is only a link's is looked for on that one: another may have the same.
local function is_on(node, dev, via)
  local device = dev and own.find(node, dev)
  for _, record in ipairs(device and addrs_of(device) or {}) do
    if record.addr:match "^[^/]+" == via then return true end
  end
  return false
end

-- What a gateway is of a node: "itself", or an address of one of its networks that nobody has.
local function of_node(node, own_addrs, via, dev, gate)
  if via:find(LINK_LOCAL) then return is_on(node, dev, via) and "itself" or nil end
  if own_addrs.addrs[via] then return "itself" end
  if not gate then return nil end
  own_addrs.networks = own_addrs.networks or networks_of(node)
  for length, networks in pairs(own_addrs.networks) do
    local hosts = (1 << 32 - length) - 1
    if networks[gate >> 32 - length] and (gate & hosts == hosts or gate & hosts == 0) then
      return gate & hosts == 0 and "network" or "broadcast"
    end
  end
end

local GATEWAY = { itself = "is %s's own address", broadcast = "is the broadcast address of its network",
  network = "is the network itself, and no host" }

local function check_hop(node, route, hop, own_addrs, tell)
  local via = hop.via
  if not via then return end
  local via_six = is_six(via)
  if route.dst ~= "default" and not via_six and is_six(route.dst) then
    tell.refuse(line_of(node, route), "route %s of %s is one of IPv6, and its gateway %s an address of IPv4", route.dst,
      node.name, via)
  end
  if via_six and not hop.dev and via:find(LINK_LOCAL) then
    tell.refuse(line_of(node, route), "route %s of %s: the gateway %s is one of a link, and dev = says of which",
      route.dst, node.name, via)
  end
  local what = of_node(node, own_addrs, via, hop.dev, gate_of(via, tell))
  if not what then return end
  local taken = what == "network" or what == "itself" and not via_six
  local say = taken and tell.warn or tell.refuse
  say(line_of(node, route), "route %s of %s: the gateway %s " .. GATEWAY[what], route.dst, node.name, via, node.name)
end

-- What the kernel makes of addresses of IPv4, by destination: routes that nobody else may make so.
local function connected(node)
  local made = {}
  for _, port in ipairs(node.ports) do
    for _, record in ipairs(port.link.up ~= false and not port.master and addrs_of(port) or {}) do
      local key = not is_six(record.addr) and not record.metric and m.network_of(record)
      if key then made[key] = port.name end
    end
  end
  return made
end

-- Two routes of which the kernel has one: those of IPv6 may differ in their gateway, which makes them one of two ways.
local function check_routes_twice(node, tell)
  local seen, made = {}, nil
  for _, route in ipairs(node.routes) do
    local six = is_six_route(route)
    local dst = ANY[route.dst] or not six and not route.dst:find("/", 1, true) and route.dst .. "/32" or route.dst
    if dst == "default/32" then dst = "default" end
    local key = ("%s %s %s %s %s"):format(six and 6 or 4, dst, m.table_of(route), route.metric or (six and 1024 or 0),
      route.tos or 0)
    if six then key = ("%s %s %s %s"):format(key, route.via or "", route.dev or "", route.nhid or "") end
    if seen[key] and not (six and (seen[key].nexthops or route.nexthops)) then
      tell.refuse(line_of(node, route), "%s has two routes to %s, the other of %s; the kernel tells them apart by "
        .. "metric =, or by their table", node.name, ANY[route.dst] or route.dst, line_of(node, seen[key]))
    end
    seen[key] = route
    if not six and dst ~= "default" and not route.metric and not route.tos and m.table_of(route) == "main" then
      made = made or connected(node)
      if made[dst] then
        tell.refuse(line_of(node, route), "route %s of %s: the kernel makes it, for the address of %s; another metric "
          .. "stands beside it", route.dst, node.name, made[dst])
      end
    end
  end
end

-- Whether a route makes an address the node's own; for IPv6 the kernel wants one of a link.
local function is_local(node, src)
  local prefix = not is_six(src) and prefixes.parse(src, "src")
  for _, route in ipairs(prefix and node.routes or {}) do
    if route.type == "local" and prefixes.within(prefix, prefixes.parse(route.dst, "dst", route.family)) then
      return true
    end
  end
  return false
end

local function check_src(node, route, own_addrs, tell)
  local src = route.src
  if node.space or src:find "^127%." then return end -- a namespace of somebody else may have more
  if own_addrs.whole or own_addrs.addrs[src:match "^[^/]+"] then return end
  if is_local(node, src) then return end
  tell.refuse(line_of(node, route), "route %s of %s: src %s is none of its addresses", route.dst, node.name, src)
end

-- Tells whether a route is by a nexthop object.
local function check_routes(node, tell)
  local routes, by_object, own_addrs = node.routes, false, own_of(node)
  for _, route in ipairs(routes) do
    if route.dst ~= "default" then check_dst(node, route, tell) end
    if route.nexthops then
      for _, hop in ipairs(route.nexthops) do check_hop(node, route, hop, own_addrs, tell) end
    else
      check_hop(node, route, route, own_addrs, tell)
    end
    if route.src then check_src(node, route, own_addrs, tell) end
    by_object = by_object or route.nhid ~= nil
  end
  if routes[2] or routes[1] and routes[1].dst ~= "default" then check_routes_twice(node, tell) end
  return by_object
end

-- Nexthop objects by their numbers; in a namespace of somebody else there may be more.
local function check_nexthops(node, tell)
  local known = {}
  for _, record in ipairs(node.nexthops) do
    if known[record.id] then tell.refuse(node.where, "%s has two nexthops with id %d", node.name, record.id) end
    known[record.id] = true
  end
  if node.space then return end
  for _, record in ipairs(node.nexthops) do
    for _, one in ipairs(record.group or {}) do
      local id = type(one) == "table" and one.id or one
      if not known[id] then
        tell.refuse(node.where, "%s: the group of nexthop %d has %s, and there is no such nexthop", node.name,
          record.id, tostring(id))
      end
    end
  end
  for _, route in ipairs(node.routes) do
    if route.nhid and not known[route.nhid] then
      tell.refuse(line_of(node, route), "route %s of %s: there is no nexthop %d; nexthops = { { id = %d, ... } } "
        .. "declares it", route.dst, node.name, route.nhid, route.nhid)
    end
  end
end

--- Checks the routes and nexthop objects of a node.
---@private
---@param node nsh.LabNode
---@param tell table of slips.lua
function m.node(node, tell)
  local by_object = node.routes[1] and check_routes(node, tell)
  if by_object or node.nexthops[1] then check_nexthops(node, tell) end
end

return m
