--- domain.lua - broadcast domains of a lab: which ends of links hear each other.
local own = require "nsh.lab.own"

local m = {}

--- A broadcast domain.
---@class nsh.LabDomain
---@field key string a name that other domains' coming and going doesn't change
---@field ends { node: nsh.LabNode, device: table }[] who may have an address in it
---@field bridges { node: nsh.LabNode, device: table }[] what joins its wires
---@field ports integer ends of wires in it
---@field outside? boolean a link of the machine is in it
---@field filtered? boolean a bridge in it tells VLANs apart
---@field fresh table[] ends that it got by grow()
---@field gone? boolean it is a part of another one now

--- Makes sets that grow together: find gives the same for all of one, join makes one of two.
---@private
---@return fun(x: any): any find, fun(a: any, b: any) join
function m.sets()
  local parent = {}
  local function find(x)
    local root = x
    while parent[root] do root = parent[root] end
    while parent[x] do x, parent[x] = parent[x], root end
    return root
  end
  local function join(a, b)
    a, b = find(a), find(b)
    if a ~= b then parent[b] = a end
  end
  return find, join
end

--- Lists the links of a node that may be in a domain: its ports, its own links, a switch's bridge.
---@private
---@param node nsh.LabNode
---@return table[] isn't to be changed
function m.devices(node)
  if node.kind ~= "switch" and not node.links[1] then return node.ports end
  local list = { node.kind == "switch" and node.loopback or nil }
  table.move(node.links, 1, #node.links, #list + 1, list)
  return table.move(node.ports, 1, #node.ports, #list + 1, list)
end

--- Returns the bridge, bond or the like that a link is a port of; a VRF's ports stay apart.
---@private
---@param node nsh.LabNode
---@param device table
---@return table? master
function m.master(node, device)
  local name = device.link.master
  local master = name and own.find(node, name) or nil
  return master and master.kind ~= "vrf" and master or nil
end

-- The other vxlan of the same network, where there is one.
local function partner(map, device)
  local id = not device.wire and device.kind == "vxlan" and device.link.id
  if not id then return nil end
  local other = map.vxlans[id]
  map.vxlans[id] = device
  return other
end

-- Joins what hears each other, and returns the masters of links.
local function join_all(map, lab)
  local masters, join = {}, map.join
  for _, wire in ipairs(lab.links) do join(wire.ends[1], wire.ends[2]) end
  for _, node in ipairs(lab.nodes) do
    for _, device in ipairs(m.devices(node)) do
      local master, other = m.master(node, device), partner(map, device)
      if master then
        masters[device] = master
        join(master, device)
      end
      if other then join(device, other) end
    end
  end
  return masters
end

local function add(domain, node, device, master)
  if device.wire then domain.ports = domain.ports + 1 end
  if node.kind == "external" then
    domain.outside = true
    return
  end
  local is_bridge = not device.wire and device.kind == "bridge"
  if master and not is_bridge then return end
  local entry = { node = node, device = device }
  if is_bridge then
    table.insert(domain.bridges, entry)
    domain.filtered = domain.filtered or device.link.vlan_filtering
  end
  if not master then table.insert(domain.ends, entry) end
end

-- A domain is known by its first bridge, else by the nodes at its ends.
local function key_of(domain)
  local first = domain.bridges[1]
  local name = first and first.node.name
  if first then return first.node.kind == "switch" and name or name .. " " .. first.device.name end
  local words = {}
  for i, entry in ipairs(domain.ends) do words[i] = entry.node.name end
  table.sort(words)
  return table.concat(words, " ")
end

-- The name that a domain has is free again, so it is looked for from the first.
local function leave_name(map, domain)
  if domain.base then map.next[domain.base] = nil end
end

-- Gives a domain its name; of several that would have the same each further one gets another.
local function name(map, domain)
  local base = key_of(domain)
  if base == domain.base then return end
  local n, key = map.next[base] or 1
  while true do
    key = n == 1 and base or base .. " #" .. n
    local other = map.by_key[key]
    if not other or other.key ~= key or other.gone then break end
    n = n + 1
  end
  leave_name(map, domain)
  map.by_key[key], map.next[base], domain.base, domain.key = domain, n + 1, base, key
end

local function new_domain() return { ends = {}, bridges = {}, ports = 0, fresh = {} } end

local function is_of_wires(domain) return domain.ports > 0 and not domain.gone end

-- Names those that wires are in, and returns them.
local function named(map, list)
  local wired = {}
  for _, domain in ipairs(list) do
    if is_of_wires(domain) then
      name(map, domain)
      wired[#wired + 1] = domain
    end
  end
  return wired
end

-- Notes how much of the lab is in the map.
local function seen(map, lab)
  for i = map.nodes + 1, #lab.nodes do map.order[lab.nodes[i]] = i end
  map.nodes, map.links, map.own = #lab.nodes, #lab.links, #lab.own
end

--- Finds the broadcast domains of a lab.
---@private
---@param lab nsh.Lab
---@return table map its `list`: those that wires are in, in the order of their first nodes
function m.of(lab)
  local find, join = m.sets()
  local map = { find = find, join = join, by_root = {}, by_key = {}, next = {}, vxlans = {}, order = {}, nodes = 0 }
  local masters, list = join_all(map, lab), {}
  for _, node in ipairs(lab.nodes) do
    for _, device in ipairs(m.devices(node)) do
      local root = find(device)
      local domain = map.by_root[root]
      if not domain then
        domain = new_domain()
        map.by_root[root], list[#list + 1] = domain, domain
      end
      add(domain, node, device, masters[device])
    end
  end
  seen(map, lab)
  map.list = named(map, list)
  return map
end

--- Returns the domain that a link is in.
---@private
---@param map table
---@param dev table
---@return nsh.LabDomain?
function m.which(map, dev) return map.by_root[map.find(dev)] end

-- --- a lab that grows ---

local function absorb(map, domain, other)
  domain.ports, domain.outside = domain.ports + other.ports, domain.outside or other.outside
  domain.filtered, domain.routers, other.gone = domain.filtered or other.filtered, nil, true
  leave_name(map, other)
  for _, entry in ipairs(other.ends) do
    table.insert(domain.ends, entry)
    table.insert(domain.fresh, entry)
  end
  for _, entry in ipairs(other.bridges) do
    local first = domain.bridges[1]
    local before = first and (map.order[entry.node] or math.huge) < (map.order[first.node] or math.huge)
    table.insert(domain.bridges, before and 1 or #domain.bridges + 1, entry)
  end
end

-- Joins two links, and so their domains: the smaller one becomes a part of the other.
local function unite(map, a, b)
  a, b = map.find(a), map.find(b)
  if a == b then return end
  local domain, other = map.by_root[a], map.by_root[b]
  if #other.ends > #domain.ends then domain, other = other, domain end
  map.join(a, b)
  map.by_root[a], map.by_root[b] = nil, nil
  map.by_root[map.find(a)] = domain
  absorb(map, domain, other)
end

local function place(map, device)
  local node, domain = device.node, new_domain()
  local master, other = m.master(node, device), partner(map, device)
  map.by_root[device] = domain
  add(domain, node, device, master)
  table.move(domain.ends, 1, #domain.ends, 1, domain.fresh)
  if master then unite(map, master, device) end
  if other then unite(map, device, other) end
end

--- Adds what was declared since.
---@private
---@param map table
---@param lab nsh.Lab
---@return nsh.LabDomain[] changed those that are other than before
function m.grow(map, lab)
  local devices = table.move(lab.own, map.own + 1, #lab.own, 1, {})
  local wires = table.move(lab.links, map.links + 1, #lab.links, 1, {})
  seen(map, lab)
  for _, wire in ipairs(wires) do table.move(wire.ends, 1, 2, #devices + 1, devices) end
  for _, device in ipairs(devices) do place(map, device) end
  for _, wire in ipairs(wires) do unite(map, wire.ends[1], wire.ends[2]) end
  local changed, known = {}, {}
  for _, device in ipairs(devices) do
    local domain = m.which(map, device)
    if not known[domain] then
      known[domain] = true
      changed[#changed + 1] = domain
    end
  end
  return named(map, changed)
end

return m
