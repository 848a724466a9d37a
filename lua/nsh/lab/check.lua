--- check.lua - what can only be said of a lab as a whole: ends that can't talk, gateways that nobody reaches, loops.
local address = require "nsh.lab.address"
local domains = require "nsh.lab.domain"
local own = require "nsh.lab.own"
local prefixes = require "nsh.prefix"
local text = require "nsh.text"
local world = require "nsh.world"

local m = {}

-- An error has the line that declares what is wrong, whichever line asks for the lab.
local function refuse(where, fmt, ...) error(("%s: " .. fmt):format(where, ...), 0) end

local ours = setmetatable({}, { __mode = "k" }) -- warnings that are found here, and not where a lab comes from

local function warn(lab, where, fmt, ...)
  local warning = { where = where, message = fmt:format(...) }
  ours[warning] = true
  lab.warnings[#lab.warnings + 1] = warning
end

local function name_of(entry) return entry.node.name .. " " .. entry.device.name end

local function addrs_of(device) return device.addrs or {} end

local function is_six(addr) return addr:find(":", 1, true) ~= nil end

-- --- names that are meant to be links of the node ---

local function check_names(node)
  local function there(name) return name == "lo" or node.kind == "external" or own.find(node, name) ~= nil end
  for _, link in ipairs(node.links) do
    local below = not link.link.link_netnsid and link.link.link
    if below and not there(below) then
      refuse(link.where, "link %s of %s stands on %s, and the node has no such link", link.name, node.name, below)
    end
  end
  for _, list in ipairs { node.routes, node.neighs } do
    for _, record in ipairs(list) do
      if record.dev and not there(record.dev) then
        refuse(node.lab.lines[record] or node.where, "%s of %s: there is no link %s", tostring(record.dst), node.name,
          record.dev)
      end
    end
  end
end

-- --- addresses ---

local function same_vrf(a, b)
  local masters = {}
  for i, device in ipairs { a, b } do
    masters[i] = device.wire and device.master or not device.wire and device.link and device.link.master or ""
  end
  return masters[1] == masters[2]
end

-- Two of a node, or two that hear each other, have the same address.
local function check_twice(seen, entry, record)
  if not record.addr:find "/" or record.addr:find "/32$" or record.addr:find "/128$" or record.peer then return end
  local key = record.addr:match "^[^/]+"
  local other = seen[key]
  if other and same_vrf(other.device, entry.device) then
    refuse(entry.device.where, "%s is the address of %s, and of %s already, of %s", key, name_of(entry), name_of(other),
      other.device.where)
  end
  seen[key] = entry
end

local MTU6 = 1280 -- at least, as IPv6 has it

local function check_mtu(node, device, record)
  local mtu = device.link and device.link.mtu
  if mtu and mtu < MTU6 and is_six(record.addr) then
    refuse(device.where, "%s %s has mtu %d, and IPv6, with %s, needs one of %d at least", node.name, device.name, mtu,
      record.addr, MTU6)
  end
end

local function check_node_addrs(node)
  local seen = {}
  for _, device in ipairs(domains.devices(node)) do
    for _, record in ipairs(addrs_of(device)) do
      check_twice(seen, { node = node, device = device }, record)
      check_mtu(node, device, record)
    end
  end
end

local FULL = { [4] = 32, [16] = 128 }

-- Addresses that say which others are on the link, as { text, addr, net } by family.
local function networks_of(entry)
  local found = { {}, {} }
  for _, record in ipairs(addrs_of(entry.device)) do
    local net = prefixes.parse(record.addr, "addr")
    if not record.peer and net.length < FULL[#net.bytes] and not record.addr:find "^fe80:" then
      table.insert(found[is_six(record.addr) and 2 or 1],
        { text = record.addr, addr = prefixes.parse(record.addr:match "^[^/]+", "addr"), net = net })
    end
  end
  return found
end

local function hear_each_other(mine, theirs)
  for _, a in ipairs(mine) do
    for _, b in ipairs(theirs) do
      if prefixes.within(b.addr, a.net) and prefixes.within(a.addr, b.net) then return true end
    end
  end
end

-- Who has a route over the link itself may talk with whom it likes.
local function has_own_way(entry)
  for _, route in ipairs(entry.node.routes) do
    if route.dev == entry.device.name and (not route.via or route.onlink) then return true end
  end
end

-- Each end shares a network with another one; ends in the same network are put together, for there may be a thousand.
local function check_family(list, family)
  local groups, alone = {}, nil
  for _, one in ipairs(list) do
    for _, net in ipairs(one.nets[family]) do
      local key = prefixes.subnet(net.text, net.net.length, 0)
      groups[key] = groups[key] or {}
      table.insert(groups[key], one)
    end
  end
  for _, one in ipairs(list) do
    local shares = false
    for _, net in ipairs(one.nets[family]) do
      shares = shares or #groups[prefixes.subnet(net.text, net.net.length, 0)] > 1
    end
    shares = shares or has_own_way(one.entry)
    for _, other in ipairs(shares and {} or list) do
      shares = shares or other ~= one and hear_each_other(one.nets[family], other.nets[family])
    end
    if not shares then alone = one end
  end
  if not alone then return end
  local other = list[1] == alone and list[2] or list[1]
  refuse(alone.entry.device.where, "%s of %s is in no network of another end of its link: %s has %s, of %s",
    alone.nets[family][1].text, name_of(alone.entry), name_of(other.entry), other.nets[family][1].text,
    other.entry.device.where)
end

local function check_domain(domain)
  local seen, by_family = {}, { {}, {} }
  if domain.filtered or domain.outside then return end
  for _, entry in ipairs(domain.ends) do
    for _, record in ipairs(addrs_of(entry.device)) do check_twice(seen, entry, record) end
    local nets = networks_of(entry)
    for family = 1, 2 do
      if nets[family][1] then table.insert(by_family[family], { entry = entry, nets = nets }) end
    end
  end
  for family = 1, 2 do
    if by_family[family][2] then check_family(by_family[family], family) end
  end
end

-- --- gateways ---

-- Networks that a node is on, as heads of addresses in a set for each length: there may be a thousand.
local function ways_of(node)
  local sets = {}
  local function add(net)
    local key = #net.bytes << 8 | net.length
    sets[key] = sets[key] or { size = #net.bytes, length = net.length, heads = {} }
    sets[key].heads[prefixes.head(net.bytes, net.length)] = true
  end
  for _, device in ipairs(domains.devices(node)) do
    for _, record in ipairs(addrs_of(device)) do
      add(prefixes.parse(record.peer or record.addr, "addr"))
    end
  end
  for _, route in ipairs(node.routes) do
    if route.dev and not route.via and not route.nexthops then
      add(prefixes.parse(route.dst, "dst", route.family))
    end
  end
  return sets
end

local function check_gateway(node, ways, route, hop)
  if not hop.via or hop.onlink or route.onlink or (is_six(hop.via) and hop.via:find "^fe[89ab]") then return end
  local via = prefixes.parse(hop.via, "via")
  for _, set in pairs(ways) do
    if set.size == #via.bytes and set.heads[prefixes.head(via.bytes, set.length)] then return end
  end
  warn(node.lab, node.lab.lines[route] or node.where, "no link of %s reaches the gateway %s of its route to %s, unless "
    .. "a command adds the way", node.name, hop.via, route.dst)
end

local function check_gateways(node)
  local ways
  for _, route in ipairs(node.routes) do
    for _, hop in ipairs(route.nexthops or { route }) do
      if hop.via then
        ways = ways or ways_of(node)
        check_gateway(node, ways, route, hop)
      end
    end
  end
end

-- --- bridges ---

local function bridge_of(port)
  if port.link.up == false then return nil end
  local master = domains.master(port.node, port)
  return master and master.kind == "bridge" and master or nil
end

local function runs_stp(bridge) return bridge.link.stp and bridge.link.stp ~= 0 end

-- A bridge with STP sees what comes round, whether the others have it or not.
local function check_loops(lab)
  local find, join = domains.sets()
  for _, wire in ipairs(lab.links) do
    local a, b = bridge_of(wire.ends[1]), bridge_of(wire.ends[2])
    if a and b and not runs_stp(a) and not runs_stp(b) then
      if find(a) == find(b) then
        warn(lab, wire.where, "the link of %s and %s closes a loop of bridges, in which packets circle for ever; "
          .. "stp = true on one of its switches ends that", wire.ends[1].node.name, wire.ends[2].node.name)
      else
        join(a, b)
      end
    end
  end
end

local function check_ports(node)
  local count = {}
  for _, port in ipairs(node.ports) do
    local bridge = bridge_of(port)
    count[bridge or 0] = (count[bridge or 0] or 0) + 1
    if bridge and count[bridge] > own.BRIDGE_PORTS then
      refuse(port.where, "bridge %s of %s would have %d ports, and a bridge of the kernel has at most %d", bridge.name,
        node.name, count[bridge], own.BRIDGE_PORTS)
    end
  end
end

--- Checks a lab as a whole. What is odd is noted in its warnings.
---@private
---@param lab nsh.Lab
function m.lab(lab)
  if lab.checked then return end
  address.assign(lab)
  for i = #lab.warnings, 1, -1 do
    if ours[lab.warnings[i]] then table.remove(lab.warnings, i) end
  end
  if lab.options.strict ~= false then
    for _, node in ipairs(lab.nodes) do
      check_names(node)
      check_ports(node)
      check_node_addrs(node)
      check_gateways(node)
    end
    for _, domain in ipairs((domains.of(lab))) do check_domain(domain) end
    check_loops(lab)
  end
  lab.checked = true
end

-- A link of the world's root, or one that the lab has borrowed already.
local function is_there(node)
  local netns, port = require "nsh.netns", node.ports[1]
  if netns.root():find_link(node.dev) or not port then return true end
  local ns = netns.lookup(port.peer.node:netns_name())
  return ns ~= nil and ns:find_link(port.peer.name) ~= nil
end

-- Links of the machine are there with --host; a world of its own may have made some in its root.
local function check_external(lab)
  for _, node in ipairs(lab.nodes) do
    local looked_for = node.kind == "external" and not world.is_host() and not world.is_dry()
    if looked_for and (world.is_empty() or not is_there(node)) then
      refuse(node.where, "%s stands for link %s of the machine, which this world doesn't have; nsh --host has it",
        node.name, node.dev)
    end
  end
end

--- Checks a lab as a whole, and prints each warning once.
---@private
---@param lab nsh.Lab
function m.told(lab)
  m.lab(lab)
  check_external(lab)
  for _, warning in ipairs(lab.warnings) do
    local line = ("%s: warning: %s"):format(warning.where, text.escape(warning.message))
    if not lab.told[line] then
      lab.told[line] = true
      io.stderr:write(line, "\n")
    end
  end
end

return m
