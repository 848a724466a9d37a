--- wire.lua - the wires of a lab: veth pairs, each end in its node.
local core = require "nsh.core"
local device = require "nsh.lab.device"
local fail = require "nsh.error"
local names = require "nsh.lab.names"
local object = require "nsh.object"
local own = require "nsh.lab.own"
local text = require "nsh.text"
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

--- Its addresses where the lab has a plan: those that it was declared with, and those of the plan, which are found out
--- by then.
---@return table[]
function Port.get.addrs(self)
  require("nsh.lab.address").assign(self.node.lab)
  return self.own_addrs
end

-- A field that a port has or hasn't.
local OPTIONAL = { altname = true, classes = true, filters = true, impair = true, kind = true, master = true,
  mdb = true }

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
---@field addrgenmode? string how its link-local address is made: "eui64", "none" (a port of a bridge: "none")

-- What can't be said of both ends at once.
local ONE_END = { addr = true, addrs = true, altnames = true, mac = true, master = true, name = true }
-- What counts for ends on a switch alone.
local OF_SWITCH = { fdb = true, port = true, vlans = true }

local function is_node(value) return object.is(value, "nsh.lab.node") end

local SHOWN = 12 -- nodes that a message lists

--- Returns the names of a lab's first nodes as a text.
---@private
---@param lab nsh.Lab
---@return string
function m.names(lab)
  local list = {}
  for i = 1, math.min(#lab.nodes, SHOWN) do list[i] = lab.nodes[i].name end
  if #lab.nodes > SHOWN then list[#list + 1] = ("... (%d)"):format(#lab.nodes) end
  return list[1] and table.concat(list, ", ") or "no nodes"
end

--- Returns a sentence for who asked for a node that there isn't: with the nearest name, else with those that there are.
---@private
---@param lab nsh.Lab
---@param name string
---@return string sentence
---@return string? nearest
function m.no_node(lab, name)
  local known = {}
  for i, other in ipairs(lab.nodes) do known[i] = other.name end
  local nearest = core.nearest(name, known)
  return ("lab %s has no node '%s'; %s"):format(lab.name, text.escape(name),
    nearest and ("did you mean '%s'?"):format(nearest) or "it has " .. m.names(lab)), nearest
end

--- Returns the node that is meant, of this lab.
---@private
---@param lab nsh.Lab
---@param node nsh.LabNode|string
---@param more? string what is told beside, where there is none of the name
---@return nsh.LabNode
function m.node_of(lab, node, more)
  if is_node(node) then
    if node.lab ~= lab then fail.misuse("node %s is one of lab %s, not of %s", node.name, node.lab.name, lab.name) end
    return node
  end
  if type(node) ~= "string" then fail.misuse("a node or its name is wanted, not a %s", type(node)) end
  local found = lab.by_name[node]
  if found then return found end
  local sentence, nearest = m.no_node(lab, node)
  fail.misuse("%s%s", sentence, not nearest and more or "")
end

local function check_end(given, node, name)
  if given[3] ~= nil then
    fail.misuse("an end of a link is { node, \"eth0\", addr = \"10.0.0.1/24\" }; '%s' is too much", tostring(given[3]))
  end
  if name ~= nil and type(name) ~= "string" then fail.misuse("the name of a link is text, not a %s", type(name)) end
  local other = node.kind == "external" and node.ports[1]
  if other then
    fail.misuse("%s stands for one link of the machine, which has its place by %s", node.name, other.where)
  end
end

local AFTER = "; a node is declared before its links"

-- An end as a port, of which the rest follows when both are known.
local function read_end(wire, given)
  if is_node(given) or type(given) == "string" then given = { given } end
  local node, name, spec = m.node_of(wire.lab, given[1], AFTER), given[2] or given.name, {}
  check_end(given, node, name)
  for key, value in pairs(given) do
    if key ~= 1 and key ~= 2 and key ~= "name" then spec[key] = value end
  end
  return { node = node, name = name, wire = wire, where = wire.where, spec = spec, link = false, mac = false,
    peer = false, addrs = false, none = false, fdb = false, vlans = false, qdiscs = false, dad = nil, ipv6 = nil,
    master = nil }
end

-- What is said of both ends goes to each where it doesn't say otherwise.
local function share(wire, a, b)
  local on_switch = a.node.kind == "switch" or b.node.kind == "switch"
  for key, value in pairs(wire.spec) do
    if ONE_END[key] then fail.misuse("%s is of one end: { { %q, %s = ... }, ... }", key, a.node.name, key) end
    if OF_SWITCH[key] and not on_switch then
      fail.misuse("%s is for ports of a switch, and neither end is on one", key)
    end
    for _, one in ipairs { a, b } do
      if one.spec[key] == nil and (one.node.kind == "switch" or not OF_SWITCH[key]) then one.spec[key] = value end
    end
  end
end

-- What may be said of an end, by the node that it is on.
local function check_place(node, spec)
  local is_switch, is_external = node.kind == "switch", node.kind == "external"
  for key, value in pairs(spec) do
    if is_external then
      fail.misuse("%s: %s stands for a link of the machine, which is set up at the wire's other end", key, node.name)
    elseif is_switch and value and (key == "addr" or key == "addrs") then
      fail.misuse("a port of a switch has no address; its bridge has: net:switch { %q, %s = ... }", node.name, key)
    elseif is_switch and key == "master" then
      fail.misuse("master: the ports of a switch are those of its bridge")
    elseif not is_switch and OF_SWITCH[key] then
      local master = spec.master and own.find(node, words.link_name(spec.master))
      if not master or not master.kind then
        fail.misuse("%s is for ports of a bridge, and %s is no switch", key, node.name)
      end
    end
  end
end

-- The link that an end is a port of.
local function master_of(node, spec)
  if node.kind == "switch" then return node.loopback end
  local name = words.link_name(spec.master)
  local master = name and own.find(node, name)
  if name and not (master and master.kind) then
    fail.misuse("master: node %s has no link %s of its own; declare it before", node.name, tostring(name))
  end
  return master
end

-- More names of it, the one that was too long among them.
local function name_port(port, node, peer_node)
  local name, long = port.name, nil
  if not name then name, long = names.choose(node, peer_node) end
  names.claim(node, name, port)
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

local function claim_altnames(port, node)
  for _, altname in ipairs(port.link.altnames) do
    local ok, message = core.link.check_altname(altname)
    if not ok then fail.misuse("altnames: %s", message) end
    if node.taken[altname] then fail.misuse("altnames: node %s has a link %s already", node.name, altname) end
    names.note(node.taken, altname, port.where)
  end
end

local MORE_KEYS = { "name" }

-- Reads what an end is declared with.
local function complete(port, peer_node)
  local node = port.node
  names.at(node.name)
  check_place(node, port.spec)
  check_room(node)
  local spec = device.apart(port.spec, port)
  name_port(port, node, peer_node)
  local master = master_of(node, spec)
  spec.name, spec.master = port.name, master and master.name
  if spec.mtu == nil then spec.mtu = node.lab.options.mtu or 1500 end
  if spec.up == nil then spec.up = true end
  local given = port.spec.mac
  if given == nil then spec.mac = own.mac(port) end
  port.link = device.link(spec, "veth", spec.port and master and master.kind, "an end of a link", MORE_KEYS)
  port.mac = given ~= nil and own.mac(port, port.link.mac) or port.link.mac
  port.master = spec.master
  check_mtu(port.link.mtu)
  check_vlans(node, port)
  if port.link.altnames then claim_altnames(port, node) end
  device.inherit(port, node)
  if node.lab.pools then port.own_addrs, port.addrs = port.addrs, nil end
  names.note(node.ports, #node.ports + 1, setmetatable(port, port_mt))
end

local function is_end(value) return type(value) == "table" or type(value) == "string" end

local function check_ends(spec)
  if spec[3] ~= nil then
    fail.misuse("a link has two ends; a switch joins more: net:switch \"sw1\", and a link from each node to it")
  end
  if not is_end(spec[1]) or not is_end(spec[2]) then
    fail.misuse("a link has two ends, as { { h1, \"eth0\" }, { h2, \"eth0\" } }")
  end
  if spec.kind ~= nil then fail.misuse("a link of a lab is a veth pair; node:link declares those of other kinds") end
end

local function declare(lab, given)
  local spec = fail.options(given, "link")
  check_ends(spec)
  spec[1], spec[2] = nil, nil
  local wire = { lab = lab, where = names.line(), spec = spec, ends = false }
  local a, b = read_end(wire, given[1]), read_end(wire, given[2])
  if a.node.kind == "external" and b.node.kind == "external" then
    fail.misuse("a link joins a node to an external one, not two of those")
  end
  share(wire, a, b)
  complete(a, b.node)
  complete(b, a.node)
  a.peer, b.peer, wire.ends = b, a, { a, b }
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
