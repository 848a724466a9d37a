--- model.lua - what a lab's script declares: nodes, ports, wires. Values only; nothing here asks the kernel.
local core = require "nsh.core"
local fail = require "nsh.error"
local mac = require "nsh.lab.mac"
local object = require "nsh.object"

local m = {}

--- One node of a lab: a namespace, and what it has.
---@class nsh.LabNode
---@field name string
---@field kind "host"|"switch"|"router"
---@field lab nsh.Lab
---@field where string line of the script that declares it
---@field spec table its options
---@field ports nsh.LabPort[] its ends of wires, in order
---@field netns nsh.Netns its namespace, as it is now
---@field bridge? string of a switch: the name of its bridge
---@field lo? false|table keys of its lo; false: it stays down
local Node, mt = object.class "nsh.lab.node"
m.Node = Node

function mt.__tostring(self) return ("%s %s of lab %s"):format(self.kind, self.name, self.lab.name) end

--- One end of a wire.
---@class nsh.LabPort
---@field node nsh.LabNode
---@field name string of the link
---@field wire nsh.LabWire
---@field where string
---@field spec table its options
---@field addrs table[] records of addresses
---@field mac string
---@field peer nsh.LabPort

--- A link between two nodes.
---@class nsh.LabWire
---@field lab nsh.Lab
---@field ends nsh.LabPort[]
---@field where string
---@field spec table what is said of both ends

-- Keys of a node that are lists of records.
local LISTS = { "routes", "rules", "neighs" }

-- Its namespace is called so: as `netns` says, where it doesn't get the lab's name; "root" is the world's own.
local function netns_name(node) return rawget(node, "space") or node.lab.name .. "." .. node.name end

--- The node's namespace.
---@return nsh.Netns
---@error ENOENT when the lab isn't up
function Node.get.netns(self) return require("nsh.netns").resolve(netns_name(self)) end

--- Returns the name of the node's namespace, whether it is there or not.
---@return string
function Node:netns_name() return netns_name(self) end

--- Tells whether the node is declared with an address that others may reach.
---@return boolean
function Node:has_address()
  if self.addrs[1] then return true end
  for _, port in ipairs(self.ports) do
    if port.addrs[1] then return true end
  end
  return false
end

-- Addresses as a list of option tables, each with its address at `addr`.
local function addresses(addr, addrs)
  if addr ~= nil and addrs ~= nil then fail.misuse("addr and addrs can't both be given; addrs takes a list") end
  local given = addrs or addr
  if given == nil then return {} end
  if type(given) ~= "table" or given.addr then given = { given } end
  local list = {}
  for i, one in ipairs(given) do
    local spec = type(one) == "table" and fail.options(one, "addr") or { addr = one }
    if spec[1] then spec.addr, spec[1] = spec[1], nil end
    list[i] = core.addr.read(spec)
  end
  return list
end

local function add_list(self, key, spec)
  local list = self[key]
  list[#list + 1] = spec
  return self
end

--- Declares a route of the node.
---@param spec table as ns:add_route takes it
---@return nsh.LabNode self
function Node:route(spec) return add_list(self, "routes", spec) end

--- Declares a rule of the node.
---@param spec table as ns:add_rule takes it
---@return nsh.LabNode self
function Node:rule(spec) return add_list(self, "rules", spec) end

--- Declares a neighbour that the node knows.
---@param spec table as ns:add_neigh takes it
---@return nsh.LabNode self
function Node:neigh(spec) return add_list(self, "neighs", spec) end

--- Makes what lab() returns, but for its metatable.
---@private
function m.lab(name, options)
  if type(name) ~= "string" then fail.misuse("lab takes a name, as lab \"office\", not a %s", type(name)) end
  return { name = name, options = fail.options(options, "lab"), nodes = {}, links = {}, warnings = {},
    by_name = {}, where = core.where() }
end

--- Declares a node.
---@private
---@param lab nsh.Lab
---@param kind string
---@param spec nsh.LabNodeSpec|string
---@return nsh.LabNode
function m.node(lab, kind, spec)
  if type(spec) == "string" then spec = { spec } end
  spec = fail.options(spec, kind)
  local name = spec[1] or spec.name
  spec[1], spec.name = nil, nil
  if type(name) ~= "string" then fail.misuse("a %s needs a name, as { \"h1\" }", kind) end
  local other = lab.by_name[name]
  if other then fail.misuse("lab %s has a node %s already, of %s", lab.name, name, other.where) end
  local node = { name = name, kind = kind, lab = lab, where = core.where(), spec = spec, ports = {}, links = {},
    addrs = addresses(spec.addr, spec.addrs) }
  node.space, node.bridge = spec.netns, kind == "switch" and (spec.bridge or name) or nil
  node.lo = spec.lo
  spec.addr, spec.addrs, spec.netns, spec.bridge, spec.lo = nil, nil, nil, nil, nil
  for _, key in ipairs(LISTS) do
    node[key], spec[key] = table.move(spec[key] or {}, 1, #(spec[key] or {}), 1, {}), nil
  end
  node.sysctls, spec.sysctls = spec.sysctls or {}, nil
  setmetatable(node, mt)
  lab.nodes[#lab.nodes + 1], lab.by_name[name] = node, node
  return node
end

local function find(lab, node)
  if type(node) == "table" and getmetatable(node) == mt then
    if node.lab ~= lab then fail.misuse("node %s is one of lab %s, not of %s", node.name, node.lab.name, lab.name) end
    return node
  end
  local found = lab.by_name[node]
  if found then return found end
  local names = {}
  for i, other in ipairs(lab.nodes) do names[i] = other.name end
  local nearest = core.nearest(tostring(node), names)
  fail.misuse("lab %s has no node '%s'%s", lab.name, tostring(node),
    nearest and ("; did you mean '%s'?"):format(nearest) or "")
end
m.find = find

local function port(wire, spec)
  spec = fail.options(spec, "an end of a link")
  local node = find(wire.lab, spec[1])
  local name = spec[2] or "eth" .. #node.ports
  spec[1], spec[2] = nil, nil
  local ok, message = core.link.check_name(tostring(name))
  if not ok then fail.misuse("%s", message) end
  for key, value in pairs(wire.spec) do
    if spec[key] == nil then spec[key] = value end
  end
  local new = { node = node, name = name, wire = wire, where = wire.where, spec = spec,
    addrs = addresses(spec.addr, spec.addrs), mac = spec.mac or mac.of(wire.lab.name, node.name, name) }
  spec.addr, spec.addrs, spec.mac = nil, nil, nil
  node.ports[#node.ports + 1] = new
  return new
end

--- Declares a link between two nodes.
---@private
---@param lab nsh.Lab
---@param spec table
---@return nsh.LabWire
function m.wire(lab, spec)
  spec = fail.options(spec, "link")
  local a, b = spec[1], spec[2]
  if type(a) ~= "table" or type(b) ~= "table" or spec[3] then
    fail.misuse("a link has two ends, as { { h1, \"eth0\" }, { h2, \"eth0\" } }")
  end
  spec[1], spec[2] = nil, nil
  local wire = { lab = lab, where = core.where(), spec = spec }
  wire.ends = { port(wire, a), port(wire, b) }
  wire.ends[1].peer, wire.ends[2].peer = wire.ends[2], wire.ends[1]
  lab.links[#lab.links + 1] = wire
  return wire
end

return m
