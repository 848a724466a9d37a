--- node.lua - the nodes of a lab: what they are declared with, and the handles that scripts use.
local core = require "nsh.core"
local device = require "nsh.lab.device"
local fail = require "nsh.error"
local names = require "nsh.lab.names"
local object = require "nsh.object"
local own = require "nsh.lab.own"
local prefixes = require "nsh.prefix"
local things = require "nsh.lab.things"

local m = {}

--- One node of a lab: a namespace, and what it has. A node may be given wherever a namespace or the target of a ping
--- is asked for.
---@class nsh.LabNode
---@field name string
---@field kind "host"|"switch"|"router"|"external"
---@field lab nsh.Lab
---@field where string line of the script that declares it
---@field spec table its options, as they were given
---@field ports nsh.LabPort[] its ends of wires, in order
---@field bridge string|false of a switch: the name of its bridge
---@field addrs table[] records of addresses of its own: of a switch's bridge, else of lo; node:addrs() reads all live
---@field routes table[] records of routes that are declared; node:routes() reads those that are there; so for the next
---@field rules table[]
---@field neighs table[]
---@field links table[] links of its own, as { name, kind, addrs, link = record, ... }; node:links() reads all live
---@field sysctls table<string, any>
local Node, mt = object.class "nsh.lab.node"
m.Node = Node

--- What a node is declared with. A switch has the keys of a bridge beside these, and of links in general, as mtu.
---@class nsh.LabNodeSpec
---@field [1] string its name: 1 to 63 letters, digits, '_', '.' and '-'; links keep to 15 bytes, and where a link is
---  called like a node with a longer name, that is its altname. Several names declare several alike
---@field addr? string|table an address: of a switch on its bridge, else on lo; false: none, whatever the plan says
---@field addrs? table a list of these
---@field routes? table list of routes, as ns:add_route takes them
---@field rules? table list of rules, as ns:add_rule takes them
---@field neighs? table list of neighbours, as ns:add_neigh takes them
---@field nexthops? table list of nexthop objects, as ns:add_nexthop takes them
---@field links? table list of links of its own, as node:link takes them: vlan, vxlan, wireguard, bridge, dummy, ...
---@field sysctls? table<string, any> values by their dotted names
---@field nft? string its packet filter, as ns:nft takes it
---@field files? table<string, string|table> texts by their paths, or { text, mode = "755" }; only its commands see them
---@field services? table list of commands that run as long as the lab is up: text, { "dnsmasq", "-k", name = "dns",
---  ready = "started" }, or a function that is given the namespace, starts something and returns what has stop(). One
---  that can't be started, or has ended when the build does, fails it; it ends with all that it has started
---@field commands? table list of commands that are run, in order, when all else is up; one that fails fails the build
---@field hostname? string what `hostname` says (its name)
---@field hosts? string|table|false its /etc/hosts: text, or { name = address }, which is added to the names of the lab;
---  false: the machine's
---@field resolv? string|table its /etc/resolv.conf, as netns.add takes it
---@field private? table folders of its own, as netns.add takes them
---@field pids? boolean its processes see no others
---@field ipv6? boolean false: its links have no IPv6
---@field dad? boolean true: its addresses of IPv6 are looked for elsewhere before they are used
---@field netns? string its namespace is this one, which isn't made under the lab's name; "root": the world's own
---@field bridge? string of a switch: what its bridge is called (as the switch)
---@field lo? table|false keys of its lo, as { mtu = 1500 }; false: it stays down
---@field dev? string of an external node: the machine's link that it stands for (its name)

local LISTS = { routes = "route", rules = "rule", neighs = "neigh" }

local HOST = { "addr", "addrs", "commands", "dad", "files", "hostname", "hosts", "ipv6", "links", "lo", "name",
  "neighs", "netns", "nexthops", "nft", "pids", "private", "resolv", "routes", "rules", "services", "sysctls" }
local OF_NODE = {}
for _, key in ipairs(HOST) do OF_NODE[key] = true end
local EXTERNAL = { "dev", "name" }

function mt.__tostring(self) return ("%s %s of lab %s"):format(self.kind, self.name, self.lab.name) end

--- Its namespace, as it is now.
---@return nsh.Netns
---@error ENOENT when the lab isn't up
function Node.get.netns(self)
  if self.kind == "external" then
    fail.misuse("%s stands for a link of the machine and has no namespace", self.name)
  end
  local ns = require("nsh.netns").lookup(self:netns_name())
  if not ns then
    fail.raise { op = "netns get", target = self:netns_name(), code = "ENOENT", errno = 2,
      message = "No such file or directory (ENOENT)",
      hint = ("lab %s isn't up; net:up() builds it"):format(self.lab.name) }
  end
  require("nsh.node").named(ns.label, require("nsh.lab.hosts").prepare, self)
  return ns
end

--- Returns the name of the node's namespace, whether it is there or not.
---@return string
function Node:netns_name() return self.space or self.lab.name .. "." .. self.name end

-- Methods of the namespace that a node has as well, for the sake of scripts that use one line a node.
for _, name in ipairs { "capture", "connect", "exec", "listen", "nft", "nft_ruleset", "path_mtu", "ping", "reaches",
  "route_to", "shell", "spawn", "traceroute", "wait", "wait_route" } do
  Node[name] = function(self, ...)
    local ns = self.netns
    return ns[name](ns, ...)
  end
end

-- Lists that can be called: node.routes is what is declared, node:routes() what is there. All nodes that declare none
-- have the same empty one.
local callable, empty = {}, {}
for _, name in ipairs { "addrs", "links", "neighs", "routes", "rules" } do
  local function call(_, self, ...)
    if not object.is(self, "nsh.lab.node") then object.dotted(mt, name) end
    local ns = self.netns
    return ns[name](ns, ...)
  end
  callable[name] = { __call = call }
  empty[name] = setmetatable({}, { __call = call,
    __newindex = function() fail.misuse("%s are declared with the node, or by methods of it", name) end })
end

-- Adds to a list of the node, to be forgotten when its declaration fails.
local function add_to(self, key, one)
  local list = self[key]
  if list == empty[key] then
    list = setmetatable({}, callable[key])
    rawset(self, key, list)
  end
  names.note(list, #list + 1, one)
end

--- Its sysctls, as those of a namespace.
---@return nsh.Sysctl
function Node.get.sysctl(self) return self.netns.sysctl end

--- Its own addresses where the lab has a plan: those that it was declared with, and those of the plan, which are found
--- out by then.
---@return table[]
function Node.get.addrs(self) return self.loopback.addrs end

--- Tells whether the node is declared with an address that others may reach.
---@return boolean
function Node:has_address() return self:address { required = false } ~= nil end

local ADDRESS = { "family", "link", "prefix", "required" }

--- Returns the first address that the node is declared with, by hand or by the lab's plan: of lo, of its ports in
--- order, of a switch's bridge. What the plan gave stays from then on.
---@param options? { family?: string, link?: string, prefix?: boolean } family: "inet" or "inet6"; link: of this one
---  alone; prefix: with the length of the prefix, "10.0.0.1/24"
---@return string
function Node:address(options)
  options = fail.known(options, "address", ADDRESS)
  for _, place in ipairs(m.places(self)) do
    for _, record in ipairs((not options.link or options.link == place.name) and place.addrs or {}) do
      if not options.family or options.family == prefixes.family(record.addr) then
        return options.prefix and record.addr or record.addr:match "^[^/]+"
      end
    end
  end
  if options.required == false then return nil end
  fail.misuse("%s has no address%s%s; give it one, or the lab a plan: addresses = \"10.0.0.0/8\"", self.name,
    options.family and " of " .. options.family or "", options.link and " on " .. options.link or "")
end

--- Lists where a node has addresses, in the order in which others are told of them: { name, addrs }.
---@private
---@param self nsh.LabNode
---@return table[]
function m.places(self)
  local list = {}
  for _, port in ipairs(self.ports) do list[#list + 1] = port end
  for _, link in ipairs(self.links) do list[#list + 1] = link end
  local loopback = self.loopback
  list[#list + 1] = loopback
  if self.kind ~= "switch" and loopback.addrs[1] then table.insert(list, 1, table.remove(list)) end
  return list
end

-- Routes and the like are read when they are declared; what the script wrote goes on to the kernel.
local function read_one(self, key, given)
  local noun = LISTS[key]
  if type(given) ~= "table" and not (noun == "route" and type(given) == "string") then
    fail.misuse("a %s is a table, not a %s", noun, type(given))
  end
  local record = own.record(self, noun, given)
  add_to(self, key, record)
  names.note(self.lab.lines, record, names.line())
  own.changed(self.lab)
  return self
end

local function declare(self, key, given)
  return names.whole(function()
    names.at(self.name)
    return read_one(self, key, given)
  end)
end

--- Declares a route of the node.
---@param spec table as ns:add_route takes it
---@return nsh.LabNode self
function Node:route(spec) return declare(self, "routes", spec) end

--- Declares a rule of the node.
---@param spec table as ns:add_rule takes it
---@return nsh.LabNode self
function Node:rule(spec) return declare(self, "rules", spec) end

--- Declares a neighbour that the node knows.
---@param spec table as ns:add_neigh takes it, with dev
---@return nsh.LabNode self
function Node:neigh(spec) return declare(self, "neighs", spec) end

--- Declares a link of the node's own, up unless it is said; or returns the live link of a name.
---@param spec string|table { "vx0", kind = "vxlan", id = 10, addr = "10.0.0.1/24", ... }, as ns:add_link takes it, with
---  addr, addrs, vlans, fdb, qdisc, impair and what link ends have
---@return nsh.LabNode|nsh.Link self
function Node:link(spec)
  if type(spec) == "string" then return self.netns:link(spec) end
  return names.whole(function()
    names.at(self.name)
    add_to(self, "links", own.link(self, spec))
    own.changed(self.lab)
    return self
  end)
end

-- --- declaring nodes ---

local NONE = {} -- what is said of what a node hasn't; none of it changes once it is declared

local function list_of(spec, key)
  local list = spec[key]
  if list == nil then return NONE end
  if type(list) ~= "table" then fail.misuse("%s takes a list, not a %s", key, type(list)) end
  for k in pairs(list) do
    if math.type(k) ~= "integer" then
      fail.misuse("%s takes a list, as { { ... }, { ... } }, and has a key '%s'", key, tostring(k))
    end
  end
  return list
end

-- The dotted name of a sysctl, which may be written as a path.
local function sysctl_name(key)
  if type(key) ~= "string" or not key:find "^%l+[./]." then
    fail.misuse("sysctls are values by their dotted names, as { [\"net.ipv4.ip_forward\"] = 1 }, not '%s'",
      tostring(key))
  end
  key = require("nsh.sysctl").dotted(key)
  if not key:find "^net%." then
    fail.misuse("sysctl %s: only those below net belong to a node%s", key,
      key == "kernel.hostname" and "; hostname = is its name" or "")
  end
  return key
end

local function sysctls(given)
  if given == nil then return NONE end
  local all = {}
  for key, value in pairs(fail.options(given, "sysctls")) do
    key = sysctl_name(key)
    if type(value) == "boolean" then value = value and 1 or 0 end
    if type(value) == "table" or type(value) == "function" then
      fail.misuse("sysctl %s: a value is a number, a boolean or text, not a %s", key, type(value))
    end
    all[key] = value
  end
  return all
end

local function nexthops(spec)
  local list = list_of(spec, "nexthops")
  if list == NONE then return NONE end
  local records = {}
  for i, one in ipairs(list) do records[i] = own.nexthop(one) end
  return records
end

local function check_lo(lo)
  if lo == nil then return NONE end
  if lo == false then return lo end
  if type(lo) ~= "table" then fail.misuse("lo takes a table of keys of a link, or false, not a %s", type(lo)) end
  core.link.read(lo)
  return lo
end

-- What is said of IPv6: by the node, or else by the lab.
local function flag(lab, spec, key, usual)
  local value = spec[key]
  if value ~= nil and type(value) ~= "boolean" then fail.misuse("%s is true or false", key) end
  if value == nil then value = lab.options[key] end
  if value == nil then return usual end
  return value
end

-- The bridge of a switch, where addresses of the node itself are. All that isn't the node's is the bridge's.
local function bridge_of(self, spec)
  local short, long = names.short(self.name)
  local keys = {}
  for key, value in pairs(spec) do
    if not OF_NODE[key] then keys[key] = value end
  end
  if keys.bridge ~= nil then short, long, keys.bridge = keys.bridge, nil, nil end
  keys.addr, keys.addrs, keys.dad, keys.ipv6 = spec.addr, spec.addrs, spec.dad, spec.ipv6
  if keys.stp == nil then keys.stp = self.lab.options.stp end
  local bridge = own.device(self, short, "bridge", keys, "a switch", HOST)
  bridge.altname = long
  if bridge.vlans[1] and not bridge.link.vlan_filtering then
    fail.misuse("vlans count where the bridge has vlan_filtering = true, and %s hasn't", self.name)
  end
  return bridge
end

-- The bridge of a switch, or lo: where addresses of the node itself are.
local function loopback_of(self, spec)
  if self.kind == "switch" then return bridge_of(self, spec) end
  local addrs, none = device.addrs(spec.addr, spec.addrs)
  local lo = { name = "lo", where = self.where, addrs = addrs, none = none }
  return self.lab.pools and require("nsh.lab.address").later(self.lab, lo) or lo
end

-- Those of the node are those of its lo or bridge. Where the lab has a plan they are found out when they are read.
local function set_addrs(self, loopback)
  local own_addrs = rawget(loopback, "own_addrs")
  self.loopback, self.addrs = loopback, not own_addrs and loopback.addrs or nil
  setmetatable(own_addrs or loopback.addrs, callable.addrs)
end

local function build(lab, kind, name, spec)
  local space = spec.netns
  if space and type(space) ~= "string" then fail.misuse("netns is the name of a namespace, as \"red\"") end
  local self = setmetatable({ name = name, kind = kind, lab = lab, where = names.line(), spec = spec, ports = {},
    taken = { lo = "" }, loopback = false, bridge = false, space = space or false, lo = check_lo(spec.lo),
    dad = flag(lab, spec, "dad", false), ipv6 = flag(lab, spec, "ipv6", true), addrs = false, links = empty.links,
    routes = empty.routes, rules = empty.rules, neighs = empty.neighs, nexthops = nexthops(spec),
    sysctls = sysctls(spec.sysctls), things = things.read(spec) }, mt)
  local loopback = loopback_of(self, spec)
  set_addrs(self, loopback)
  if kind == "switch" then self.bridge = loopback.name end
  for key in pairs(LISTS) do
    for _, one in ipairs(list_of(spec, key)) do read_one(self, key, one) end
  end
  for _, one in ipairs(list_of(spec, "links")) do add_to(self, "links", own.link(self, one)) end
  return self
end

local function external(lab, name, spec)
  spec = fail.known(spec, "external", EXTERNAL)
  local dev = spec.dev or name
  local ok, message = core.link.check_name(tostring(dev))
  if not ok then fail.misuse("dev: %s", message) end
  return setmetatable({ name = name, kind = "external", lab = lab, where = names.line(), spec = spec, ports = {},
    dev = dev, taken = {}, bridge = false, space = false, dad = false, ipv6 = true,
    addrs = {}, links = {}, routes = {}, rules = {}, neighs = {}, sysctls = {}, things = {}, lo = {},
    loopback = { name = "lo", addrs = {}, none = true } }, mt)
end

local function add(lab, kind, name, spec)
  names.check("node", name)
  names.at(name)
  local other = lab.by_name[name]
  if other then fail.misuse("lab %s has a node %s already, of %s", lab.name, name, other.where) end
  local node = kind == "external" and external(lab, name, spec) or build(lab, kind, name, spec)
  names.note(lab.nodes, #lab.nodes + 1, node)
  names.note(lab.by_name, name, node)
  return node
end

local function declare_all(lab, kind, spec)
  if type(spec) == "string" then spec = { spec } end
  spec = fail.options(spec, kind)
  local list = { spec[1] or spec.name, table.unpack(spec, 2) }
  if list[1] == nil then fail.misuse("a %s needs a name, as { \"h1\" }", kind) end
  for i = #spec, 1, -1 do spec[i] = nil end
  spec.name = nil
  names.at(tostring(list[1]))
  if kind == "host" or kind == "router" then fail.only(spec, "a " .. kind, HOST) end
  for i, name in ipairs(list) do list[i] = add(lab, kind, name, spec) end
  own.changed(lab)
  return table.unpack(list)
end

--- Declares a node, or several that are alike.
---@private
---@param lab nsh.Lab
---@param kind string
---@param spec nsh.LabNodeSpec|string
---@return nsh.LabNode ...
function m.declare(lab, kind, spec) return names.whole(declare_all, lab, kind, spec) end

return m
