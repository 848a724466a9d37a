--- snapshot.lua - what is there as a lab: namespaces as nodes, veth pairs as wires, and all that they have.
local check = require "nsh.lab.check"
local core = require "nsh.core"
local describe = require "nsh.lab.describe"
local fail = require "nsh.error"
local features = require "nsh.features"
local kernel = require "nsh.lab.kernel"
local lab = require "nsh.lab"
local live = require "nsh.lab.live"
local named = require "nsh.lab.named"
local netns = require "nsh.netns"
local nouns = require "nsh.lab.nouns"

local m = {}

local OPTIONS = { "name" }

-- What the kernel puts into every namespace when it loads the module of a tunnel.
local FALLBACK = { gre0 = true, gretap0 = true, erspan0 = true, ip6gre0 = true, ip6tnl0 = true, ip6_vti0 = true,
  ip_vti0 = true, sit0 = true, tunl0 = true }

-- Routes that the kernel makes of what it hears, by their protocol.
local HEARD = { ra = "router advertisements", redirect = "redirects" }

-- Who makes routes and will not be there when they are made again.
local DAEMONS = { babel = true, bgp = true, bird = true, dhcp = true, dnrouted = true, eigrp = true, gated = true,
  isis = true, keepalived = true, mrouted = true, mrt = true, ntk = true, openr = true, ospf = true, rip = true,
  xorp = true, zebra = true }

-- --- what is read ---

-- The namespaces that are meant.
local function chosen(spec)
  local names = {}
  if #spec == 0 then
    names[1] = netns.root().label
    table.move(netns.names(), 1, #netns.names(), 2, names)
    return names, true
  end
  for i, ns in ipairs(spec) do
    ns = netns.resolve(ns)
    if not ns.name and ns ~= netns.root() then
      fail.misuse("namespace %s has no name, by which it could be made again; netns.attach gives one", ns.label)
    end
    names[i] = ns.label
  end
  return names
end

-- Whether somebody has done anything in the root.
local function is_untouched(state)
  for _, link in ipairs(state.links) do
    if link.name ~= "lo" and not (FALLBACK[link.name] and not link.up) then return false end
  end
  for _, row in ipairs(nouns.list) do
    if row.noun ~= "link" and #state[row.field] > 0 then return false end
  end
  return true
end

local function read(names, all)
  local asked = { nodes = {} }
  for i, name in ipairs(names) do asked.nodes[i] = { netns = name } end
  local state = live.read(asked)
  if all and state.nodes[1] and is_untouched(state.nodes[1]) then table.remove(state.nodes, 1) end
  return state
end

-- --- what can't be made again ---

local Reader = {}
Reader.__index = Reader

---@private
function Reader:warn(node, format, ...)
  self.warnings[#self.warnings + 1] = { where = node.netns, message = format:format(...) }
end

--- Why a link can't be made again; nil where it can, empty where nobody needs to know.
---@private
function Reader:obstacle(link, skipped)
  if FALLBACK[link.name] then return link.up and "it comes with a module of the kernel" or "" end
  if not link.kind then return "it is a link of hardware" end
  if type(link.peer) == "table" then
    if not link.peer.netns or not link.peer.name then return "its peer is outside of the world" end
    if not self.there[link.peer.netns] then
      return ("its peer is in %s, which isn't in the snapshot"):format(link.peer.netns)
    end
  elseif link.kind == "veth" and not link.peer then
    return "its peer is outside of the world"
  end
  if link.link_netnsid then return "the link that it stands on is in another namespace" end
  for _, below in named.below(link) do
    if skipped[below] then return ("%s, which it stands on, is left out"):format(below) end
  end
  return nil
end

--- Finds the links that are left out.
---@private
function Reader:sort_out(node)
  local skipped, again = {}, true
  while again do
    again = false
    for _, link in ipairs(node.links) do
      local why = link.name ~= "lo" and not skipped[link.name] and self:obstacle(link, skipped)
      if why then
        skipped[link.name], again = true, true
        if why ~= "" then self:warn(node, "link %s is left out: %s", link.name, why) end
      end
    end
  end
  return skipped
end

local function kept(list, test)
  local left = {}
  for _, record in ipairs(list) do
    if test(record) then left[#left + 1] = record end
  end
  return left
end

--- A port that was taken out of the VLAN that its bridge puts all into can't be declared: it is where the bridge puts
-- them into none, so that is what the lab says.
---@private
function Reader:vlans(node)
  local ports, bridges = {}, {}
  for _, link in ipairs(node.links) do bridges[link.name] = link.kind == "bridge" and link or nil end
  for _, link in ipairs(node.links) do
    local bridge = bridges[link.master]
    if bridge and bridge.vlan_filtering and (bridge.vlan_default_pvid or 0) > 0 then ports[link.name] = bridge end
  end
  for _, vlan in ipairs(node.vlans) do
    local bridge = ports[vlan.dev]
    if bridge and vlan.vid == bridge.vlan_default_pvid then ports[vlan.dev] = nil end
  end
  for name, bridge in pairs(ports) do
    if bridge.vlan_default_pvid > 0 then
      self:warn(node, "%s is not in VLAN %d, into which %s puts its ports: vlan_default_pvid is 0 here", name,
        bridge.vlan_default_pvid, bridge.name)
      bridge.vlan_default_pvid = 0
    end
  end
end

-- The link-local address that a tunnel of IPv6 in IPv4 makes of its own; the kernel doesn't say that it did.
local function without_those_of_tunnels(node)
  local tunnels
  for _, link in ipairs(node.links) do
    if link.kind == "sit" then
      tunnels = tunnels or {}
      tunnels[link.name] = true
    end
  end
  if not tunnels then return node.addrs end
  return kept(node.addrs, function(addr) return not (tunnels[addr.dev] and addr.addr:find "^fe80::") end)
end

-- Leaves out what can't be made again, and what is on it.
---@private
function Reader:reduce(node)
  local skipped = self:sort_out(node)
  for _, row in ipairs(nouns.list) do
    local key = row.noun == "link" and "name" or "dev"
    node[row.field] = kept(node[row.field], function(record) return not skipped[record[key]] end)
  end
  node.addrs = without_those_of_tunnels(node)
  local heard, daemons = {}, {}
  node.routes = kept(node.routes, function(route)
    if HEARD[route.proto] then heard[route.proto] = true end
    if DAEMONS[route.proto] then daemons[route.proto] = true end
    return not HEARD[route.proto]
  end)
  for proto in pairs(heard) do
    self:warn(node, "routes made of %s are left out: they come by themselves", HEARD[proto])
  end
  for proto in pairs(daemons) do
    self:warn(node, "routes of %s are as they were; the daemon that keeps them is left out", proto)
  end
  for _, link in ipairs(node.links) do
    if (link.kind == "tun" or link.kind == "tap") and not link.hold and link.carrier then
      self:warn(node, "link %s is made without the program that holds it open", link.name)
    end
  end
end

-- --- what takes more than a list ---

--- What nft has, without its counters.
---@private
function Reader:ruleset(node, ns)
  if not fail.check("nft used", nil, ns, core.nft.used(ns.core)) then return nil end
  if not features.path "nft" then
    self:warn(node, "what nft has is left out: there is no nft to read it with")
    return nil
  end
  local result = ns:exec({ "nft", "-s", "list", "ruleset" }, { check = false })
  if result.status == 0 then return result.out:find "%S" and result.out or nil end
  self:warn(node, "what nft has can't be read: %s", (result.err:gsub("%s+$", "")))
end

-- Whether the node is to have links that are no ends of wires. In the root nothing is set for them.
local function has_own_links(node)
  if node.netns == "root" or node.netns == "host" then return false end
  for _, link in ipairs(node.links) do
    if link.name ~= "lo" and not link.peer then return true end
  end
  return false
end

--- Adds what no list tells: keys of wireguard, sysctls, the packet filter.
---@private
function Reader:complete(node)
  local ns = netns.resolve(node.netns)
  for i, link in ipairs(node.links) do
    if link.kind == "wireguard" then
      node.links[i] = ns:link(link.name):record()
      self:warn(node, "the keys of %s are in the script", link.name)
    end
  end
  node.kind = describe.kind(node, ns.sysctl["net.ipv4.ip_forward"] == 1)
  node.sysctls = kernel.changed(ns, self.usual(node.kind, has_own_links(node)), node.links)
  node.nft = self:ruleset(node, ns)
end

-- --- the lab ---

-- Carries a declaration out.
local function declare_one(net, one)
  if one.verb == "link" then return net:node(one.node):link(one.spec) end
  if one.verb ~= "wire" then return net[one.verb](net, one.spec) end
  local ends = {}
  for i, spec in ipairs(one) do
    ends[i] = { net:node(spec.node), spec.name }
    for key, value in pairs(spec.spec) do ends[i][key] = value end
  end
  net:link(ends)
end

local function declare(net, list)
  for _, one in ipairs(list) do declare_one(net, one) end
  check.lab(net)
end

-- The lab of declarations; what is there may have addresses twice and the like, which a lab takes when it is told so.
local function made(name, list, warnings)
  local net = lab.declare(name)
  if pcall(declare, net, list) then return net, {} end
  net = lab.declare(name, { strict = false })
  for i = 1, #list do
    local ok, err = pcall(declare_one, net, list[i])
    if not ok then
      local node = list[i].node or list[i][1].node
      warnings[#warnings + 1] = { where = node, message = "something is left out: " .. tostring(err) }
      list[i] = false
    end
  end
  for i = #list, 1, -1 do
    if not list[i] then table.remove(list, i) end
  end
  return net, { strict = false }
end

--- Reads namespaces into a lab.
---@private
---@param options table?
---@return nsh.Lab
function m.take(options)
  local spec = fail.options(options, "snapshot")
  local names, all = chosen(spec)
  for key in pairs(spec) do
    if math.type(key) ~= "integer" then fail.known({ [key] = true }, "snapshot", OPTIONS) end
  end
  local state = read(names, all)
  local self = setmetatable({ there = {}, warnings = {}, usual = kernel.usual() }, Reader)
  for _, node in ipairs(state.nodes) do self.there[node.netns] = true end
  for _, node in ipairs(state.nodes) do
    self:reduce(node)
    self:vlans(node)
    self:complete(node)
  end
  local list, name = describe.of(state, spec.name)
  local net, given = made(name, list, self.warnings)
  for _, warning in ipairs(self.warnings) do net.warnings[#net.warnings + 1] = warning end
  rawset(net, "taken", { state = state, list = list, options = given, warnings = self.warnings })
  return net
end

return m
