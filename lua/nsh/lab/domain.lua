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

-- Joins what hears each other, and returns the masters of links.
local function join_all(lab, join)
  local vxlans, masters = {}, {}
  for _, wire in ipairs(lab.links) do join(wire.ends[1], wire.ends[2]) end
  for _, node in ipairs(lab.nodes) do
    for _, device in ipairs(m.devices(node)) do
      local master = m.master(node, device)
      if master then
        masters[device] = master
        join(master, device)
      end
      local id = not device.wire and device.kind == "vxlan" and device.link.id
      if id and vxlans[id] then join(device, vxlans[id]) end
      if id then vxlans[id] = device end
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

--- Lists the broadcast domains of a lab that wires are in, in the order of their first nodes.
---@private
---@param lab nsh.Lab
---@return nsh.LabDomain[] list, table<table, nsh.LabDomain> by the devices in them
function m.of(lab)
  local find, join = m.sets()
  local masters = join_all(lab, join)
  local list, by_root, by_device, count = {}, {}, {}, {}
  for _, node in ipairs(lab.nodes) do
    for _, device in ipairs(m.devices(node)) do
      local root = find(device)
      local domain = by_root[root]
      if not domain then
        domain = { ends = {}, bridges = {}, ports = 0 }
        by_root[root], list[#list + 1] = domain, domain
      end
      by_device[device] = domain
      add(domain, node, device, masters[device])
    end
  end
  local wired = {}
  for _, domain in ipairs(list) do
    if domain.ports > 0 then
      local key = key_of(domain)
      count[key] = (count[key] or 0) + 1
      domain.key = count[key] > 1 and key .. " #" .. count[key] or key
      wired[#wired + 1] = domain
    end
  end
  return wired, by_device
end

return m
