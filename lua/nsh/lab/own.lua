--- own.lua - what a node of a lab has besides its wires: links of its own, the bridge of a switch, routes and the like.
local alias = require "nsh.alias"
local attrs = require "nsh.attrs"
local core = require "nsh.core"
local device = require "nsh.lab.device"
local fail = require "nsh.error"
local mac = require "nsh.lab.mac"
local named = require "nsh.lab.named"
local names = require "nsh.lab.names"
local neighs = require "nsh.neigh"
local routes = require "nsh.route"
local rules = require "nsh.rule"
local words = require "nsh.words"

local m = {}

--- Ports that a bridge has at most, in the kernel.
m.BRIDGE_PORTS = 1023

--- Notes that something was declared: what was found out of the whole lab is found out again.
---@private
---@param lab nsh.Lab
function m.changed(lab) lab.checked, lab.assigned, lab.version = false, false, lab.version + 1 end

--- Finds a link of a node: one of its own, the bridge of a switch, or the end of a wire.
---@private
---@param node nsh.LabNode
---@param name string
---@return table? device
function m.find(node, name)
  local loopback, found = node.loopback, node.taken[name]
  if loopback and loopback.name == name then return loopback end
  return type(found) == "table" and found or nil
end

-- The kind of a link's master, whose ports have keys of their own.
local function master_kind(node, spec)
  if spec.master == nil or spec.port == nil then return nil end
  local master = type(spec.master) == "string" and m.find(node, spec.master)
  if not master or not master.kind then
    fail.misuse("port needs the master to be declared before: node %s has no link %s", node.name, tostring(spec.master))
  end
  return master.kind
end

--- Names a link's MAC address: what is given, or one that is derived. Two links of a lab never have the same, unless
--- its option strict = false says that they may.
---@private
---@param dev table { node, name, where }
---@param given? string
---@return string
function m.mac(dev, given)
  local lab = dev.node.lab
  if given then mac.check(given) end
  local address = given or mac.of(lab.name, dev.node.name, dev.name, lab.macs)
  local other = lab.macs[address]
  if other and lab.options.strict ~= false then
    fail.misuse("mac: %s is that of %s %s, of %s already", address, other.node.name, other.name, other.where)
  end
  names.note(lab.macs, address, dev)
  return address
end

-- Kinds whose links get a MAC address derived from their names: those with one that the kernel would draw at random.
local RANDOM = { bridge = true, dummy = true, geneve = true, ifb = true, vxlan = true }

--- Reads a link that is no end of a wire.
---@private
---@param node nsh.LabNode
---@param name string
---@param kind string
---@param spec table
---@param what string for messages
---@param more string[] keys that may stand there beside those of all links
---@return table device
function m.device(node, name, kind, spec, what, more)
  local new = { node = node, name = name, kind = kind, where = names.line(), link = false }
  spec = device.apart(alias.resolve(spec, kind), new)
  spec.name, spec.kind = name, kind
  alias.complete(spec)
  if spec.up == nil then spec.up = true end
  local keys = named.keys(kind)
  for _, list in ipairs { keys.first, keys.after } do
    for _, key in ipairs(list) do spec[key] = words.link_name(spec[key]) end
  end
  local by_kernel = spec.mac == false
  if by_kernel then spec.mac = nil end
  new.link = device.link(spec, kind, master_kind(node, spec), what, more)
  names.claim(node, name, new)
  if RANDOM[kind] and not by_kernel then
    new.link.mac = m.mac(new, new.link.mac)
  elseif new.link.mac then
    mac.check(new.link.mac)
  end
  device.inherit(new, node)
  if node.lab.pools then require("nsh.lab.address").later(node.lab, new) end
  names.note(node.lab.own, #node.lab.own + 1, new)
  return new
end

-- What the kernel makes no link of a kind without.
local NEEDS = { ipvlan = { "link" }, ipvtap = { "link" }, macsec = { "link" }, macvlan = { "link" },
  macvtap = { "link" }, vlan = { "link", "id" }, vrf = { "table" }, vxlan = { "id" } }

local MEANS = { id = "id = 10: which of them it is", link = "link = \"eth0\": the link that it stands on",
  table = "table = 10: the routing table of its own" }

local function check_needs(new)
  local link = new.link
  for _, key in ipairs(not link.external and NEEDS[new.kind] or {}) do
    if link[key] == nil then fail.misuse("a %s needs %s", new.kind, MEANS[key]) end
  end
  for _, below in named.below(link) do
    if below == new.name then fail.misuse("link %s of %s can't stand on itself", new.name, new.node.name) end
  end
end

local function is_group(addr)
  return addr:find "^22[4-9]%." ~= nil or addr:find "^23%d%." ~= nil or addr:find "^[fF][fF]" ~= nil
end

local function check_vxlan(new)
  local link = new.link
  local there, here = link.remote, link["local"]
  if there and here and (there:find(":", 1, true) == nil) ~= (here:find(":", 1, true) == nil) then
    fail.misuse("vxlan %s: local is %s and remote %s; both are of one family", new.name, here, there)
  end
  if there and is_group(there) and not link.dev then
    fail.misuse("vxlan %s: the group %s needs dev = \"eth0\", the link that packets to it leave by", new.name, there)
  end
end

--- Reads a link of a node's own.
---@private
---@param node nsh.LabNode
---@param spec table
---@return table device
function m.link(node, spec)
  if type(spec) ~= "table" then
    fail.misuse("a link is a table as { \"vx0\", kind = \"vxlan\" }, not a %s", type(spec))
  end
  spec = fail.options(spec, "link")
  local name, kind = spec[1] or spec.name, spec.kind
  spec[1], spec.name, spec.kind = nil, nil, nil
  if type(name) ~= "string" then fail.misuse("a link needs a name, as { \"vx0\", kind = \"vxlan\" }") end
  if kind == nil then fail.misuse("kind is needed: what sort of link %s is, as \"vxlan\"", name) end
  local known = attrs.kind("link", tostring(kind))
  if not known then
    local all = {}
    for i, one in ipairs(attrs.kinds "link") do all[i] = one.name end
    local nearest = core.nearest(tostring(kind), all)
    fail.misuse("unknown kind '%s' of a link%s", tostring(kind),
      nearest and ("; did you mean '%s'?"):format(nearest) or "")
  end
  if known.pair then
    fail.misuse("a %s has two ends; net:link { { %q, %q }, { ... } } declares both, in the same node too", kind,
      node.name, name)
  end
  local new = m.device(node, name, kind, spec, "a link of kind " .. kind, { "kind", "name" })
  check_needs(new)
  if kind == "vxlan" then check_vxlan(new) end
  return new
end

-- --- routes, rules, neighbours ---

-- A VRF of the node stands for its routing table.
local function table_of_vrf(node, spec)
  if spec.vrf == nil then return end
  local vrf = m.find(node, words.link_name(spec.vrf))
  if not vrf or vrf.kind ~= "vrf" then
    fail.misuse("vrf: node %s has no vrf %s; declare it before", node.name, tostring(spec.vrf))
  end
  if spec.table ~= nil then fail.misuse("vrf says which table; leave one of them out") end
  spec.table, spec.vrf = vrf.link.table, nil
end

local NONE = {}

local function check_route(node, spec)
  if spec[1] == nil and spec.dst == nil then
    fail.misuse("a route needs a destination, as { \"default\", via = \"10.0.0.1\" }")
  end
  for i, hop in ipairs(type(spec.nexthops) == "table" and spec.nexthops or NONE) do
    if type(hop) == "table" and hop.via == nil and hop.dev == nil then
      fail.misuse("nexthops[%d] needs via or dev: where its packets go", i)
    end
  end
  if spec.family == "mpls" then fail.misuse "a lab has no routes of MPLS labels; commands of the node may add them" end
  table_of_vrf(node, spec)
end

local function check_neigh(spec)
  if spec[1] == nil and spec.dst == nil then
    fail.misuse("a neighbour needs its address, as { \"10.0.0.9\", mac = \"02:00:00:00:00:09\", dev = \"eth0\" }")
  end
  if spec.dev == nil then fail.misuse("a neighbour needs dev: the link that it is behind") end
  if spec.state == nil and not spec.proxy then spec.state = "permanent" end
end

local READ = {
  route = function(node, spec)
    words.refuse(spec, routes.OTHER, "route")
    check_route(node, spec)
    return spec
  end,
  rule = function(_, spec) return rules.in_core_words(spec, "rule") end,
  neigh = function(_, spec)
    words.refuse(spec, neighs.OTHER, "neighbour")
    check_neigh(spec)
    return spec
  end,
}

--- Reads a route, rule or neighbour of a node.
---@private
---@param node nsh.LabNode
---@param noun string
---@param given table|string
---@return table record
function m.record(node, noun, given)
  local spec = type(given) == "table" and fail.options(given, noun) or { given }
  spec = READ[noun](node, spec)
  if spec.dev ~= nil then spec.dev = words.link_name(spec.dev) end
  core[noun].check(spec)
  return core[noun].read(spec)
end

--- Reads a nexthop object of a node.
---@private
---@param given table
---@return table record
function m.nexthop(given)
  if type(given) ~= "table" then
    fail.misuse("a nexthop is a table as { id = 1, via = \"10.0.0.1\", dev = \"eth0\" }, not a %s", type(given))
  end
  local spec = require("nsh.nexthop").complete(given)
  if spec.id == nil then fail.misuse("a nexthop needs its number, as id = 1: routes use it by that") end
  if spec.dev ~= nil then spec.dev = words.link_name(spec.dev) end
  core.nexthop.check(spec)
  return core.nexthop.read(spec)
end

return m
