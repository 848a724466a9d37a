--- records.lua - what a node of a lab asks for, noun by noun, as the records that the kernel would tell of it.
local core = require "nsh.core"
local named = require "nsh.lab.named"
local own = require "nsh.lab.own"

local m = {}

-- A copy, with room for some more keys.
local function copy_of(record, room) return setmetatable(core.copy(record, room), getmetatable(record)) end

local function add_altname(record, altname)
  if not altname then return end
  local list = table.move(record.altnames or {}, 1, #(record.altnames or {}), 1, {})
  list[#list + 1] = altname
  record.altnames = list
end

-- Link-local addresses that links get before they come up, so that the kernel makes none that it would look for
-- elsewhere first, by the records of the links; and links whose usual one the kernel makes: whether it looks.
local link_local, by_kernel = setmetatable({}, { __mode = "k" }), setmetatable({}, { __mode = "k" })

-- Whether sysctls of the node say that links are made without a link-local address, or with another one than usual.
local function is_closed(node)
  if next(node.sysctls) == nil then return false end
  for _, key in ipairs { "all.disable_ipv6", "default.disable_ipv6", "all.addr_gen_mode", "default.addr_gen_mode" } do
    local value = node.sysctls["net.ipv6.conf." .. key]
    if value and tostring(value) ~= "0" then return true end
  end
  return false
end

-- A port of a bridge has no link-local address unless it is told so: nobody is spoken to there, and among a thousand
-- ports each one more takes the kernel a look at all routes of the others.
local function settle(node, device, record)
  local master = record.master and own.find(node, record.master)
  if record.addrgenmode == nil and master and master.kind == "bridge" then record.addrgenmode = "none" end
  local usual = record.addrgenmode == nil or record.addrgenmode == "eui64"
  if not record.up or not usual or device.ipv6 == false or is_closed(node) then return record end
  if record.mac and not device.dad then
    link_local[record] = core.link_local(record.mac)
  else
    by_kernel[record] = { dad = device.dad }
  end
  return record
end

--- Returns the link-local address that a link gets before it comes up; nil: the kernel makes it.
---@private
---@param record table
---@return string?
function m.link_local(record) return link_local[record] end

--- Returns the link-local address of a link that is up and was to have none: the kernel only makes one as it comes up.
---@private
---@param record table
---@param live table the link as it is there
---@return string? addr nil: it has none, or the kernel makes it when there is a carrier
---@return boolean? dad whether it is looked for elsewhere first
function m.opened(record, live)
  if link_local[record] then return link_local[record], false end
  if not by_kernel[record] or not live.carrier or not live.mac then return nil end
  return core.link_local(record.mac or live.mac), by_kernel[record].dad
end

-- The kernel lowers the mtu of a bridge to the lowest of its ports where it was told none.
local function bridge_mtu(node, bridge)
  local least
  for _, port in ipairs(node.ports) do
    if port.master == bridge.name then least = math.min(least or port.link.mtu, port.link.mtu) end
  end
  for _, link in ipairs(node.links) do
    if link.link.master == bridge.name then
      if not link.link.mtu then return nil end
      least = math.min(least or link.link.mtu, link.link.mtu)
    end
  end
  return least or node.lab.options.mtu or 1500
end

local function of_own(node, device)
  local record = copy_of(device.link, 3)
  record.name, record.kind = device.name, device.kind
  if device.kind == "bridge" and record.mtu == nil then record.mtu = bridge_mtu(node, device) end
  add_altname(record, device.altname)
  return settle(node, device, record)
end

-- One end of a wire. The machine's own link, where that is what is behind it, is moved here.
local function of_port(port)
  local record = copy_of(port.link, 4)
  record.name, record.mac = port.name, port.mac
  add_altname(record, rawget(port, "altname"))
  if port.peer.node.kind == "external" then
    record.machine = port.peer.node.dev
    record.mac, record.mtu = port.spec.mac, port.spec.mtu -- its own, unless they are given
  else
    record.kind = "veth"
    record.peer = { name = port.peer.name, netns = port.peer.node:netns_name() }
    settle(port.node, port, record)
  end
  return record
end

--- Tells whether a node stands in the world's own namespace, where nothing is set that it doesn't say.
---@private
---@param node nsh.LabNode
---@return boolean
function m.is_root(node) return node.space == "root" or node.space == "host" end

--- Lists the links of a node in an order in which they can be made: those that others need come first.
---@private
---@param node nsh.LabNode
---@return table[] list, string[] lines of the script, of each of them
function m.links(node)
  local lo = { name = "lo", up = node.lo ~= false }
  for key, value in pairs(node.lo or {}) do lo[key] = value end
  local list, lines, later = { lo }, { node.where }, {}
  local function add(record, device)
    list[#list + 1], lines[#lines + 1] = record, device.where
  end
  if node.kind == "switch" then add(of_own(node, node.loopback), node.loopback) end
  for _, link in ipairs(node.links) do
    if named.below(link.link)() then later[#later + 1] = link else add(of_own(node, link), link) end
  end
  for _, port in ipairs(node.ports) do add(of_port(port), port) end
  for _, link in ipairs(later) do add(of_own(node, link), link) end
  return list, lines
end

--- Lists the links of a node that can have addresses and the like: { name, addrs, vlans, fdb, qdiscs, impair, ... }.
---@private
---@param node nsh.LabNode
---@return table[]
function m.devices(node)
  local list = { node.loopback }
  table.move(node.links, 1, #node.links, 2, list)
  return table.move(node.ports, 1, #node.ports, #list + 1, list)
end

--- Lists the addresses of a link.
---@private
---@param device table
---@return table[]
function m.addrs(device)
  local list = {}
  for i, addr in ipairs(device.addrs) do
    local record = copy_of(addr, 2)
    record.dev = device.name
    if record.nodad == nil and not device.dad and record.addr:find(":", 1, true) then record.nodad = true end
    list[i] = record
  end
  return list
end

--- Lists the routes of a node, those of the lab's address plan among them.
---@private
---@param node nsh.LabNode
---@return table[]
function m.routes(node)
  local list = {}
  for i, route in ipairs(node.routes) do list[i] = copy_of(route, 3) end -- read_route() adds to it
  if node.lab.pools then
    for _, route in ipairs(require("nsh.lab.address").routes(node)) do list[#list + 1] = route end
  end
  return list
end

--- Returns the sysctls that each node of a kind has: a router forwards, others don't, whatever the machine does.
---@private
---@param kind string
---@param own_links boolean it has links that are no ends of wires
---@return table<string, integer>
function m.usual_sysctls(kind, own_links)
  if kind ~= "router" then return { ["net.ipv4.ip_forward"] = 0 } end
  -- it asks from its link-local address for whom it forwards to, and asks nobody while that is tentative; that of a
  -- link of its own, as a VLAN, only the kernel knows
  return { ["net.ipv4.ip_forward"] = 1, ["net.ipv6.conf.all.forwarding"] = 1,
    ["net.ipv6.conf.default.accept_dad"] = own_links and 0 or nil }
end

--- Returns the sysctls of a node.
---@private
---@param node nsh.LabNode
---@return table<string, any>
function m.sysctls(node)
  local root = m.is_root(node)
  local all = m.usual_sysctls(node.kind, node.links[1] ~= nil and node.ipv6 and not node.dad and not root)
  if root and node.kind ~= "router" then all["net.ipv4.ip_forward"] = nil end
  for key, value in pairs(node.sysctls) do all[key] = value end
  return all
end

return m
