--- slips.lua - what a node is declared with and the kernel refuses, or takes though it can't be meant; told beforehand.
-- What the kernel takes is never refused here, unless it can't be had as it is written.
local bare = require("nsh.lab.device").bare
local own = require "nsh.lab.own"
local prefixes = require "nsh.prefix"
local routes = require "nsh.lab.slips_route"
local sysctls = require "nsh.sysctl"

local m, is_six = {}, prefixes.is_six
local line_of, addrs_of, network_of, table_of = routes.line_of, routes.addrs_of, routes.network_of, routes.table_of

-- --- addresses ---

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

-- Links that routes of a node are over.
local function with_routes(node)
  local names = {}
  for _, route in ipairs(node.routes) do names[route.dev or ""] = true end
  return names
end

-- Who has an address without a length, and no route over the link, knows nobody behind it.
local function check_bare(node, device, record, routed, tell)
  if record.peer or routed[device.name] then return end
  local addr = record.addr:match "^[^/]+"
  tell.warn(device.where, "%s %s has %s, without the length of a network, so it knows nobody behind the link; is "
    .. "%s/%d meant?", node.name, device.name, addr, addr, is_six(addr) and 64 or 24)
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
    return ("%s %s %s %s %s"):format(link.id, link.dstport or "", is_six(addr), addr:find "^fe80" and link.dev or "",
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
  local routed
  for _, port in ipairs(node.ports) do
    local list = addrs_of(port)
    if list[1] then check_addrs(node, port, list, tell) end
    if list[1] and not list[2] and bare[list[1]] then
      routed = routed or with_routes(node)
      check_bare(node, port, list[1], routed, tell)
    end
    check_impair(node, port, tell)
  end
  check_networks(node, tell)
  check_links(node, tell)
  routes.node(node, tell)
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
