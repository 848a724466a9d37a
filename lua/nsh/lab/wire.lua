--- wire.lua - the wires of a lab: veth pairs, each end in its node.
local core = require "nsh.core"
local device = require "nsh.lab.device"
local fail = require "nsh.error"
local names = require "nsh.lab.names"
local object = require "nsh.object"
local own = require "nsh.lab.own"
local words = require "nsh.words"

local m = {}

--- One end of a wire.
---@class nsh.LabPort
---@field node nsh.LabNode
---@field name string of the link
---@field altname? string the name that was too long for it
---@field wire nsh.LabWire
---@field where string line of the script
---@field spec table its options, as they were given, with those of the wire
---@field link table record of the link: what the options ask for
---@field addrs table[] records of addresses, by hand and by the lab's plan
---@field mac string
---@field peer nsh.LabPort
---@field master? string the bridge or other link that it is a port of
local Port, port_mt = object.class "nsh.lab.port"
m.Port = Port

function port_mt.__tostring(self) return ("%s of %s"):format(self.name, self.node.name) end

--- Its addresses: those that it was declared with, and those of the lab's plan, which are found out by then.
---@return table[]
function Port.get.addrs(self)
  if self.node.lab.pools then require("nsh.lab.address").assign(self.node.lab) end
  return self.own_addrs
end

-- A field that a port has or hasn't.
local OPTIONAL = { altname = true, classes = true, filters = true, impair = true, kind = true, master = true,
  mdb = true, port_kind = true }

function Port.missing(self, key)
  if OPTIONAL[key] then return nil end
  object.unknown(self, Port, key, self)
end

--- A link between two nodes.
---@class nsh.LabWire
---@field lab nsh.Lab
---@field ends nsh.LabPort[]
---@field where string line of the script
---@field spec table what is said of both ends

--- An end of a link: the node or its name, the link's name, and what it is to have.
---@class nsh.LabEnd
---@field [1] nsh.LabNode|string
---@field [2]? string the link's name there, 1 to 15 bytes (ethN; on a switch the name of the node behind it)
---@field addr? string|table "10.0.0.1/24", or a table as link:add_addr takes it; false: none, whatever the plan says
---@field addrs? table a list of these
---@field mac? string (derived from lab, node and link)
---@field mtu? integer (that of the lab, or 1500)
---@field port? table keys of a port of a bridge, as { cost = 10, isolated = true }
---@field vlans? table of a port of a bridge: list of VLANs, as link:add_vlan takes them
---@field fdb? table of a port of a bridge: list of entries, as link:add_fdb takes them
---@field impair? table what it sends is made as bad as it is told, as link:impair takes it
---@field qdisc? table its root qdisc, as link:set_qdisc takes it
---@field qdiscs? table list of qdiscs
---@field classes? table list of classes of these, as link:add_class takes them
---@field filters? table list of filters, as link:add_filter takes them
---@field altnames? string[] more names
---@field alias? string a text about it
---@field up? boolean false: it stays down
---@field master? string a bridge, bond or vrf of the node that it is a port of
---@field dad? boolean true: its addresses of IPv6 are looked for elsewhere before they are used
---@field ipv6? boolean false: it has no IPv6

-- What can't be said of both ends at once.
local ONE_END = { addr = true, addrs = true, altnames = true, mac = true, master = true, name = true }
-- What counts for ends on a switch alone.
local OF_SWITCH = { fdb = true, port = true, vlans = true }

local function is_node(value) return object.is(value, "nsh.lab.node") end

--- Returns the node that is meant, of this lab.
---@private
---@param lab nsh.Lab
---@param node nsh.LabNode|string
---@return nsh.LabNode
function m.node_of(lab, node)
  if is_node(node) then
    if node.lab ~= lab then fail.misuse("node %s is one of lab %s, not of %s", node.name, node.lab.name, lab.name) end
    return node
  end
  if type(node) ~= "string" then fail.misuse("a node or its name is wanted, not a %s", type(node)) end
  local found = lab.by_name[node]
  if found then return found end
  local known = {}
  for i, other in ipairs(lab.nodes) do known[i] = other.name end
  local nearest = core.nearest(node, known)
  fail.misuse("lab %s has no node '%s'%s", lab.name, node,
    nearest and ("; did you mean '%s'?"):format(nearest) or "; declare it before its links")
end

-- An end as { node, name, options }.
local function read_end(lab, given)
  if is_node(given) or type(given) == "string" then given = { given } end
  local spec = fail.options(given, "an end of a link")
  local node, name = m.node_of(lab, spec[1]), spec[2] or spec.name
  if spec[3] ~= nil then
    fail.misuse("an end of a link is { node, \"eth0\", addr = \"10.0.0.1/24\" }; '%s' is too much", tostring(spec[3]))
  end
  if name ~= nil and type(name) ~= "string" then fail.misuse("the name of a link is text, not a %s", type(name)) end
  spec[1], spec[2], spec.name = nil, nil, nil
  return { node = node, name = name, spec = spec }
end

-- What is said of both ends goes to each where it doesn't say otherwise.
local function share(wire, ends)
  local on_switch = 0
  for _, one in ipairs(ends) do on_switch = on_switch + (one.node.kind == "switch" and 1 or 0) end
  for key, value in pairs(wire.spec) do
    if ONE_END[key] then fail.misuse("%s is of one end: { { %q, %s = ... }, ... }", key, ends[1].node.name, key) end
    if OF_SWITCH[key] and on_switch == 0 then
      fail.misuse("%s is for ports of a switch, and neither end is on one", key)
    end
    for _, one in ipairs(ends) do
      if one.spec[key] == nil and (one.node.kind == "switch" or not OF_SWITCH[key]) then one.spec[key] = value end
    end
  end
end

-- What may be said of an end, by the node that it is on.
local function check_place(node, spec)
  if node.kind == "external" then
    for key in pairs(spec) do
      fail.misuse("%s: %s stands for a link of the machine, which is set up at the wire's other end", key, node.name)
    end
  elseif node.kind == "switch" then
    for _, key in ipairs { "addr", "addrs" } do
      if spec[key] then
        fail.misuse("a port of a switch has no address; its bridge has: net:switch { %q, %s = ... }", node.name, key)
      end
    end
    if spec.master ~= nil then fail.misuse("master: the ports of a switch are those of its bridge") end
  else
    local master = spec.master and own.find(node, words.link_name(spec.master))
    for key in pairs(OF_SWITCH) do
      if spec[key] ~= nil and not (master and master.kind) then
        fail.misuse("%s is for ports of a bridge, and %s is no switch", key, node.name)
      end
    end
  end
end

local KNOWN = table.move(device.APART, 1, #device.APART, 1, { "name" })

local function read_link(node, name, spec)
  local master, kind = node.kind == "switch" and node.loopback.name or words.link_name(spec.master), nil
  if master then
    local found = own.find(node, master)
    if not found or not found.kind then
      fail.misuse("master: node %s has no link %s of its own; declare it before", node.name, tostring(master))
    end
    kind = found.kind
  end
  spec.name, spec.master = name, master
  return device.link(spec, "veth", spec.port and kind or nil, "an end of a link", KNOWN), kind
end

-- More names of it, the one that was too long among them.
local function name_port(port, node, peer_node, wanted)
  local name, long = wanted, nil
  if not name then name, long = names.choose(node, peer_node) end
  names.claim(node, name, port.where)
  port.name = name
  if long and not node.taken[long] then
    port.altname = long
    names.note(node.taken, long, port.where)
  end
end

local function check_room(node)
  if node.kind ~= "switch" or #node.ports < own.BRIDGE_PORTS then return end
  fail.misuse("switch %s has %d ports, and a bridge of the kernel can't have more; let another switch take the rest, "
    .. "with a link between the two", node.name, own.BRIDGE_PORTS)
end

local MTU_MIN, MTU_MAX = 68, 65535 -- of a veth

local function check_mtu(mtu)
  if mtu < MTU_MIN or mtu > MTU_MAX then
    fail.misuse("mtu is a whole number from %d to %d, not %d", MTU_MIN, MTU_MAX, mtu)
  end
end

-- VLANs count where the bridge tells them apart.
local function check_vlans(node, port)
  local bridge = port.vlans[1] and own.find(node, port.master)
  if bridge and not bridge.link.vlan_filtering then
    fail.misuse("vlans count where the bridge has vlan_filtering = true, and %s, of %s, hasn't", bridge.name,
      bridge.where)
  end
end

local function make_port(wire, one, peer_node)
  local node, spec = one.node, one.spec
  check_place(node, spec)
  check_room(node)
  names.at(node.name)
  local given = fail.options(spec)
  local port = device.apart(spec)
  port.node, port.wire, port.where, port.spec = node, wire, wire.where, given
  name_port(port, node, peer_node, one.name)
  if spec.mtu == nil then spec.mtu = wire.lab.options.mtu or 1500 end
  if spec.up == nil then spec.up = true end
  port.link, port.port_kind = read_link(node, port.name, spec)
  port.master = port.link.master
  check_mtu(port.link.mtu)
  check_vlans(node, port)
  for _, altname in ipairs(port.link.altnames or {}) do
    local ok, message = core.link.check_altname(altname)
    if not ok then fail.misuse("altnames: %s", message) end
    if node.taken[altname] then fail.misuse("altnames: node %s has a link %s already", node.name, altname) end
    names.note(node.taken, altname, port.where)
  end
  port.mac = own.mac(node, port.link, port.name, port.where)
  port.link.mac = port.mac
  device.inherit(port, node)
  port.own_addrs, port.addrs = port.addrs, nil
  names.note(node.ports, #node.ports + 1, setmetatable(port, port_mt))
  return port
end

local function check_ends(spec)
  local function is_end(value) return type(value) == "table" or type(value) == "string" end
  if spec[3] ~= nil then
    fail.misuse("a link has two ends; a switch joins more: net:switch \"sw1\", and a link from each node to it")
  end
  if not is_end(spec[1]) or not is_end(spec[2]) then
    fail.misuse("a link has two ends, as { { h1, \"eth0\" }, { h2, \"eth0\" } }")
  end
end

local function check_external(ends)
  local count = 0
  for _, one in ipairs(ends) do
    if one.node.kind == "external" then
      count = count + 1
      local other = one.node.ports[1]
      if other then
        fail.misuse("%s stands for one link of the machine, which has its place by %s", one.node.name, other.where)
      end
    end
  end
  if count == 2 then fail.misuse("a link joins a node to an external one, not two of those") end
end

local function declare(lab, spec)
  spec = fail.options(spec, "link")
  check_ends(spec)
  local a, b = read_end(lab, spec[1]), read_end(lab, spec[2])
  spec[1], spec[2] = nil, nil
  if spec.kind ~= nil then fail.misuse("a link of a lab is a veth pair; node:link declares those of other kinds") end
  check_external { a, b }
  local wire = { lab = lab, where = core.where(), spec = spec }
  share(wire, { a, b })
  wire.ends = { make_port(wire, a, b.node), make_port(wire, b, a.node) }
  rawset(wire.ends[1], "peer", wire.ends[2])
  rawset(wire.ends[2], "peer", wire.ends[1])
  lab.links[#lab.links + 1] = wire
  own.changed(lab)
  return wire
end

--- Declares a link between two nodes.
---@private
---@param lab nsh.Lab
---@param spec table
---@return nsh.LabWire
function m.declare(lab, spec) return names.whole(declare, lab, spec) end

return m
