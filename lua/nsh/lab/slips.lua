--- slips.lua - what a node is declared with and the kernel refuses, or takes though it can't be meant; told beforehand.
-- What the kernel takes is never refused here, unless it can't be had as it is written.
local core = require "nsh.core"
local bare = require("nsh.lab.device").bare
local own = require "nsh.lab.own"
local prefixes = require "nsh.prefix"
local sysctls = require "nsh.sysctl"

local m, is_six = {}, prefixes.is_six

local function line_of(node, record) return node.lab.lines[record] or node.where end

-- --- addresses ---

-- Its addresses; those of the plan have been given out.
local function addrs_of(device) return rawget(device, "own_addrs") or device.addrs end

-- How addresses begin that no host has: what they are, and whether the kernel refuses them. Most begin otherwise.
local ODD = {
  ["2"] = { { "^22[4-9]%.", "is a multicast address" }, { "^23%d%.", "is a multicast address" } },
  ["1"] = { { "^127%.", "belongs to lo: no packet with it leaves the node", lo = true } },
  [":"] = { { "^::/", "is no address, but what stands for none", true },
    { "^::1/", "belongs to lo", true, lo = true } },
  f = { { "^[fF][fF]%x%x:", "is a multicast address", true } },
}
ODD.F = ODD.f

local function odd(addr, name)
  for _, row in ipairs(ODD[addr:sub(1, 1)] or {}) do
    if addr:find(row[1]) and not (row.lo and name == "lo") then return row[2], row[3] end
  end
end

local function check_addr(node, device, record, tell)
  local addr = record.addr
  local words, refused = odd(addr, device.name)
  if not words then return end
  local say = refused and tell.refuse or tell.warn
  say(device.where or node.where, "%s, of %s %s, %s", addr, node.name, device.name, words)
end

-- The same one twice on one link.
local function check_addrs(node, device, list, tell)
  local seen = list[2] and {}
  for _, record in ipairs(list) do
    check_addr(node, device, record, tell)
    local key = seen and record.addr .. " " .. (record.peer or "")
    if key and seen[key] then
      tell.refuse(device.where or node.where, "%s %s is given %s twice", node.name, device.name, record.addr)
    end
    if key then seen[key] = true end
  end
end

-- Who has an address without a length, and no route over the link, knows nobody behind it.
local function check_bare(node, device, record, tell)
  if record.peer then return end
  for _, route in ipairs(node.routes) do
    if route.dev == device.name then return end
  end
  local addr = record.addr:match "^[^/]+"
  tell.warn(device.where, "%s %s has %s, without the length of a network, so it knows nobody behind the link; is "
    .. "%s/%d meant?", node.name, device.name, addr, addr, is_six(addr) and 64 or 24)
end

local function network_of(record)
  local length = math.tointeger(tonumber(record.addr:match "/(%d+)$"))
  if record.peer or record.noprefixroute or length == (is_six(record.addr) and 128 or 32)
    or record.addr:find "^fe[89ab]" then
    return nil
  end
  return prefixes.subnet(record.addr, length, 0)
end

-- A network on two links of a node: what is sent to it leaves by one of them.
local function check_networks(node, tell)
  if not node.ports[2] then return end
  local seen = {}
  for _, port in ipairs(node.ports) do
    for _, record in ipairs(not port.master and addrs_of(port) or {}) do
      local key = network_of(record)
      if key and seen[key] and seen[key] ~= port.name then
        tell.warn(port.where, "%s has the network %s on %s and on %s; what it sends there leaves by one of them",
          node.name, key, seen[key], port.name)
      end
      if key then seen[key] = port.name end
    end
  end
end

-- --- routes ---

local MAIN = { main = true, [254] = true, ["254"] = true }

local function table_of(record)
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

-- What a gateway is of a node, by one of its addresses: "itself", or an address of its network that nobody has.
local function of_addr(record, via, gate)
  local addr = record.addr
  if addr:find(via, 1, true) == 1 and addr:byte(#via + 1) == 47 then return "itself" end
  if not gate or is_six(addr) then return nil end
  local bytes, length = core.prefix(addr)
  local value, hosts = (">I4"):unpack(bytes), (1 << 32 - length) - 1
  if length > 30 or gate & ~hosts ~= value & ~hosts then return nil end
  return gate & hosts == hosts and "broadcast" or gate & hosts == 0 and "network" or nil
end

local function of_device(device, via, gate)
  for _, record in ipairs(addrs_of(device)) do
    local what = (gate or record.addr:find(via, 1, true) == 1) and of_addr(record, via, gate)
    if what then return what end
  end
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
local function of_node(node, via, dev, gate)
  if via:find(LINK_LOCAL) then
    local device = dev and own.find(node, dev)
    return device and of_device(device, via, gate)
  end
  for _, port in ipairs(node.ports) do
    local what = of_device(port, via, gate)
    if what then return what end
  end
  for _, link in ipairs(node.links) do
    local what = of_device(link, via, gate)
    if what then return what end
  end
  return of_device(node.loopback, via, gate)
end

local GATEWAY = { itself = "is %s's own address", broadcast = "is the broadcast address of its network",
  network = "is the network itself, and no host" }

local function check_hop(node, route, hop, tell)
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
  local what = of_node(node, via, hop.dev, gate_of(via, tell))
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
      local key = not is_six(record.addr) and not record.metric and network_of(record)
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
    local key = ("%s %s %s %s %s"):format(six and 6 or 4, dst, table_of(route), route.metric or (six and 1024 or 0),
      route.tos or 0)
    if six then key = ("%s %s %s %s"):format(key, route.via or "", route.dev or "", route.nhid or "") end
    if seen[key] and not (six and (seen[key].nexthops or route.nexthops)) then
      tell.refuse(line_of(node, route), "%s has two routes to %s, the other of %s; the kernel tells them apart by "
        .. "metric =, or by their table", node.name, ANY[route.dst] or route.dst, line_of(node, seen[key]))
    end
    seen[key] = route
    if not six and dst ~= "default" and not route.metric and not route.tos and table_of(route) == "main" then
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

local function check_src(node, route, tell)
  local src = route.src
  if node.space or src:find "^127%." then return end -- a namespace of somebody else may have more
  for _, places in ipairs { { node.loopback }, node.links, node.ports } do
    for _, device in ipairs(places) do
      for _, record in ipairs(addrs_of(device)) do
        if record.addr:match "^[^/]+" == src:match "^[^/]+" then return end
        if device.name == "lo" and not record.addr:find "/32$" and not record.addr:find "/128$" then return end
      end
    end
  end
  if is_local(node, src) then return end
  tell.refuse(line_of(node, route), "route %s of %s: src %s is none of its addresses", route.dst, node.name, src)
end

-- Tells whether a route is by a nexthop object.
local function check_routes(node, tell)
  local routes, by_object = node.routes, false
  for _, route in ipairs(routes) do
    if route.dst ~= "default" then check_dst(node, route, tell) end
    if route.nexthops then
      for _, hop in ipairs(route.nexthops) do check_hop(node, route, hop, tell) end
    else
      check_hop(node, route, route, tell)
    end
    if route.src then check_src(node, route, tell) end
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

-- --- rules ---

-- A record in one line, without what counts for nothing.
local function text_of(record)
  local words = {}
  for key, value in pairs(record) do words[#words + 1] = ("%s=%s"):format(key, tostring(value)) end
  table.sort(words)
  return table.concat(words, " ")
end

local NO_SELECTOR = { family = true, proto = true, table = true, type = true }

local function selects(rule)
  for key in pairs(rule) do
    if not NO_SELECTOR[key] then return true end
  end
  return false
end

-- Whether others may make what isn't declared here: routes of a daemon, links of a command.
local function has_helpers(node) return node.things and (node.things.commands[1] or node.things.services[1]) end

local ALWAYS = { main = true, ["local"] = true, default = true, ["255"] = true, ["253"] = true }

local function tables_of(node)
  local known = {}
  for _, route in ipairs(node.routes) do known[table_of(route)] = true end
  for _, link in ipairs(node.links) do
    if link.kind == "vrf" then known[tostring(link.link.table)] = true end
  end
  return known
end

local function check_rule(node, rule, tables, tell)
  local where, name = line_of(node, rule), table_of(rule)
  local plain = (rule.type == nil or rule.type == "unicast") and not rule.l3mdev
  if plain and name == "main" and not selects(rule) then
    tell.refuse(where, "a rule of %s says nothing: all packets are looked up in main anyway; it has a selector, "
      .. "as from =, or a table", node.name)
  end
  if plain and rule.table == nil and not rule.suppress_prefixlength and not rule.suppress_ifgroup then
    tell.warn(where, "a rule of %s has no table, and main, which it stands for then, is looked up anyway", node.name)
  end
  if plain and rule.table ~= nil and not tables[name] and not ALWAYS[name] and not has_helpers(node) then
    tell.warn(where, "a rule of %s sends packets to table %s, in which it has no route", node.name, name)
  end
  for _, key in ipairs { "iif", "oif" } do
    if rule[key] and rule[key] ~= "lo" and not own.find(node, rule[key]) and not has_helpers(node) then
      tell.warn(where, "a rule of %s is about %s = \"%s\", and it has no such link", node.name, key, rule[key])
    end
  end
end

local function check_rules(node, tell)
  if not node.rules[1] then return end
  local tables, seen = tables_of(node), {}
  for _, rule in ipairs(node.rules) do
    check_rule(node, rule, tables, tell)
    local key = text_of(rule)
    if seen[key] then
      local say = rule.priority and tell.refuse or tell.warn
      say(line_of(node, rule), "%s has the same rule twice, the other of %s", node.name, line_of(node, seen[key]))
    end
    seen[key] = rule
  end
end

-- --- neighbours, links ---

-- Kinds of links whose neighbours have a MAC address, and those with somebody alone at the other end: there the kernel
-- keeps one neighbour of IPv4, 0.0.0.0, as it does on lo. The others know none, or don't ask for it.
local RESOLVES = { bond = true, bridge = true, macvlan = true, veth = true, vxlan = true }
local LONE = { tun = true, wireguard = true }

local function check_neigh(node, record, where, tell)
  local device = not record.proxy and own.find(node, record.dev)
  local link = device and device.link
  if device and not is_six(record.dst) and (device.name == "lo" or LONE[device.kind]) then
    tell.refuse(where, "neighbour %s of %s: %s has none of IPv4; all that is sent to it goes one way", record.dst,
      node.name, record.dev)
  end
  if record.state == "permanent" and not record.mac and link and link.arp ~= false and not link.gpe
    and RESOLVES[device.kind or "veth"] then
    tell.refuse(where, "neighbour %s of %s needs mac: the address that its packets go to", record.dst, node.name)
  end
end

local function check_neighs(node, tell)
  local seen = node.neighs[1] and {}
  for _, record in ipairs(node.neighs) do
    local key = ("%s %s %s"):format(record.dst, record.dev, record.proxy and "proxy" or "")
    local where = line_of(node, record)
    if seen[key] then
      tell.refuse(where, "%s has two neighbours %s on %s, the other of %s", node.name, record.dst, record.dev,
        line_of(node, seen[key]))
    end
    check_neigh(node, record, where, tell)
    seen[key] = record
  end
end

local SECONDS = { hello_time = { 1, 10 }, max_age = { 6, 40 }, forward_delay = { 2, 30, stp = true } }

-- Times of the spanning tree protocol that the kernel bounds.
local function check_bridge(node, device, tell)
  for key, range in pairs(SECONDS) do
    local value, stp = device.link[key], device.link.stp
    if value and (value < range[1] or value > range[2]) and (not range.stp or stp and stp ~= 0) then
      tell.refuse(device.where, "%s of bridge %s, of %s, is from %d to %d seconds%s, not %.14g", key, device.name,
        node.name, range[1], range[2], range.stp and " where it runs STP" or "", value)
    end
  end
end

-- What tells links of a kind apart in the kernel.
local IDENTITY = {
  vlan = function(link) return ("%s %s %s"):format(link.link, link.id, link.protocol or "802.1q") end,
  vxlan = function(link)
    if link.external or link.vnifilter or link.gbp or link.gpe then return nil end
    local addr = link.remote or link["local"] or ""
    return ("%s %s %s %s %s"):format(link.id, link.dstport or "", is_six(addr), addr:find "^fe80" and link.link or "",
      link.udp6zerocsumrx or false)
  end,
}

local function check_links(node, tell)
  local seen = node.links[1] and {}
  for _, device in ipairs(node.links) do
    if device.kind == "bridge" then check_bridge(node, device, tell) end
    local key = IDENTITY[device.kind] and IDENTITY[device.kind](device.link)
    key = key and device.kind .. " " .. key
    if key and seen[key] then
      tell.refuse(device.where, "%s and %s of %s are the same %s; the kernel tells them apart by their id", seen[key],
        device.name, node.name, device.kind)
    end
    if key then seen[key] = device.name end
  end
  if node.kind == "switch" then check_bridge(node, node.loopback, tell) end
end

-- --- what is said with a wrong unit ---

local LONG, SLOW = 5, 1000 -- seconds; bits per second

local function check_impair(node, device, tell)
  local impair = rawget(device, "impair")
  if not impair then return end
  local function warn(fmt, ...) tell.warn(device.where, "impair of %s %s: " .. fmt, node.name, device.name, ...) end
  if impair.delay and impair.delay >= LONG then
    warn("a delay of %.14g seconds; text as \"%.14gms\" says milliseconds", impair.delay, impair.delay)
  end
  if impair.loss and impair.loss >= 1 then warn "it loses all packets; text as \"1%%\" says one in a hundred" end
  if impair.rate and impair.rate > 0 and impair.rate < SLOW then
    warn("a rate of %d bits per second; text as \"%dmbit\" says megabits", impair.rate, impair.rate)
  end
end

-- --- sysctls ---

local function check_sysctls(node, tell)
  if node.space then return end -- what is there isn't known
  for key in pairs(node.sysctls) do
    local _, name = sysctls.parts(key)
    name = name and name:gsub("/", ".")
    if name and name ~= "all" and name ~= "default" and name ~= "lo" and not own.find(node, name) then
      tell.refuse(node.where, "sysctl %s of %s: there is no link %s", key, node.name, name)
    end
  end
end

--- Checks a node.
---@private
---@param node nsh.LabNode
---@param tell table { refuse, warn: functions of where, format and what stands in it; gates: for what is found out }
function m.node(node, tell)
  if node.kind == "external" then return end
  if node.loopback.addrs[1] then check_addrs(node, node.loopback, node.loopback.addrs, tell) end
  for _, device in ipairs(node.links) do
    check_addrs(node, device, device.addrs, tell)
    check_impair(node, device, tell)
  end
  for _, port in ipairs(node.ports) do
    local list = addrs_of(port)
    if list[1] then check_addrs(node, port, list, tell) end
    if list[1] and not list[2] and bare[list[1]] then check_bare(node, port, list[1], tell) end
    check_impair(node, port, tell)
  end
  check_networks(node, tell)
  check_links(node, tell)
  local by_object = node.routes[1] and check_routes(node, tell)
  if by_object or node.nexthops[1] then check_nexthops(node, tell) end
  check_rules(node, tell)
  check_neighs(node, tell)
  if next(node.sysctls) then check_sysctls(node, tell) end
end

--- Checks a wire: the larger packets of one end don't arrive at the other.
---@private
---@param wire nsh.LabWire
---@param tell table
function m.wire(wire, tell)
  local a, b = wire.ends[1], wire.ends[2]
  if a.link.mtu == b.link.mtu or a.node.kind == "external" or b.node.kind == "external" then return end
  tell.warn(wire.where, "%s %s has mtu %d, and %s %s at the other end of the link %d: larger packets are lost",
    a.node.name, a.name, a.link.mtu, b.node.name, b.name, b.link.mtu)
end

return m
