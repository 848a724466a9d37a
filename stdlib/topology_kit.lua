--- topology_kit.lua - what the topologies share: their options, the names and addresses of nodes, the wires.
local nsh = require "nsh"

local m = {}

local COMMON = { "name", "lab", "prefix", "addresses", "ipv6", "link" }
local FAMILIES = { { key = "inet", bits = 32, subnet = 24, smallest = 30 },
  { key = "inet6", bits = 128, subnet = 64, smallest = 64 } }

--- A topology that is being declared.
---@class topology.Kit
---@field lab nsh.Lab
---@field nodes nsh.LabNode[] those that it declares itself
local Kit = {}
Kit.__index = Kit

--- Raises what the caller did wrong.
---@param fmt string as string.format
function m.misuse(fmt, ...) nsh.misuse(fmt:format(...)) end

local misuse = m.misuse

--- Returns an option that is a count.
---@param spec table
---@param key string
---@param default integer
---@param low integer
---@param high integer
---@return integer
function m.count(spec, key, default, low, high)
  local value = spec[key]
  if value == nil then return default end
  if math.type(value) ~= "integer" or value < low or value > high then
    misuse("%s is a number from %d to %d, not %s", key, low, high, tostring(value))
  end
  return value
end

--- Returns an option that is true or false.
---@param spec table
---@param key string
---@param default boolean
---@return boolean
function m.flag(spec, key, default)
  local value = spec[key]
  if value == nil then return default end
  if type(value) ~= "boolean" then misuse("%s is true or false, not %s", key, tostring(value)) end
  return value
end

-- { inet = "10.0.0.0/8", inet6 = "fd00::/48" } of "10.0.0.0/8, fd00::/48" or a list.
local function prefixes_of(value, key)
  local found = {}
  if type(value) == "table" then value = table.concat(value, ",") end
  if type(value) ~= "string" then misuse('%s is text as "10.0.0.0/8, fd00::/48"', key) end
  for text in value:gmatch "[^%s,]+" do
    local len = math.tointeger(tonumber(text:match "/(%d+)$"))
    if not len then misuse("%s: %s needs a length, as 10.0.0.0/8 has", key, text) end
    local family = text:find(":", 1, true) and "inet6" or "inet"
    if found[family] then misuse("%s has two prefixes of one family: %s and %s", key, found[family], text) end
    found[family] = nsh.subnet(text, len, 0)
  end
  if not next(found) then misuse("%s names no prefix", key) end
  return found
end

local function open_lab(spec, recipe)
  if spec.lab == nil then
    return nsh.lab(spec.name or recipe:gsub("_", "-"), spec.ipv6 == false and { ipv6 = false } or nil)
  end
  if type(spec.lab) ~= "table" or type(spec.lab.nodes) ~= "table" then
    misuse("lab is the lab that the %s is added to, not %s", recipe, tostring(spec.lab))
  end
  if spec.name ~= nil then misuse("name is that of a lab of its own; with lab = it has none") end
  return spec.lab
end

--- Begins a topology: checks its options and opens its lab.
---@param options? table
---@param recipe string "star"
---@param keys string[] that it takes beside those that all take
---@return topology.Kit kit
---@return table spec a copy of the options
function m.open(options, recipe, keys)
  local known = table.move(COMMON, 1, #COMMON, #keys + 1, table.move(keys, 1, #keys, 1, {}))
  local spec = nsh.options(options, recipe, known)
  local prefix = spec.prefix or ""
  if type(prefix) ~= "string" then misuse("prefix is text that stands before the names of the nodes") end
  if spec.link ~= nil and type(spec.link) ~= "table" then
    misuse("link is a table of keys for all links, as { mtu = 1400 }")
  end
  local given = spec.addresses ~= nil and prefixes_of(spec.addresses, "addresses")
  local ipv6 = m.flag(spec, "ipv6", true)
  local lab = open_lab(spec, recipe)
  if lab.options.ipv6 == false then ipv6 = false end
  if given and not ipv6 then given.inet6 = nil end
  return setmetatable({ lab = lab, recipe = recipe, prefix = prefix, keys = spec.link or {}, given = given, ipv6 = ipv6,
    nodes = {}, short = {}, areas = {}, last = {} }, Kit), spec
end

-- --- addresses ---

--- Takes the prefixes that addresses come from: what the caller said, else these.
---@param default string "10.0.0.0/16, fd00::/64"
---@return string[] prefixes one of each family
function Kit:base(default)
  local found, list = self.given or prefixes_of(default, "addresses"), {}
  if not self.ipv6 then found.inet6 = nil end
  for _, family in ipairs(FAMILIES) do list[#list + 1] = found[family.key] end
  return list
end

-- The last number that an address of a prefix may have; of IPv6 those with 16 bits are enough, and are short.
local function last_of(self, prefix)
  local ipv6 = prefix:find(":", 1, true)
  local room = (ipv6 and 128 or 32) - math.tointeger(tonumber(prefix:match "/(%d+)$"))
  self.last[prefix] = (1 << math.min(room, ipv6 and 16 or 32)) - 1
  return self.last[prefix]
end

--- Returns the addresses number n of some prefixes.
---@param prefixes string[]
---@param n integer negative: from the end, which of IPv6 is where 16 bits end
---@return string[]
function Kit:addrs(prefixes, n)
  local list = {}
  for i, prefix in ipairs(prefixes) do
    local most = self.last[prefix] or last_of(self, prefix)
    if n >= most or -n >= most then
      misuse("%s has no room for %s; addresses = gives a larger one", prefix, self.wanted or self.recipe)
    end
    list[i] = nsh.address(prefix, n < 0 and most + 1 + n or n)
  end
  return list
end

local function log2(n)
  local bits = 0
  while 1 << bits < n do bits = bits + 1 end
  return bits
end

--- Makes room for subnets: the first half of the prefixes is for the links between routers, the other for hosts.
---@param links integer how many of the first
---@param hosts integer how many of the others
function Kit:subnets(links, hosts)
  local needed = log2(math.max(links, hosts) + 1)
  local bits = math.max(needed, 8)
  if bits > 15 then misuse("a %s of so many links is too large: at most 32767 fit", self.recipe) end
  self.areas = { links = { n = 0 }, hosts = { n = 0 } }
  local base = self:base(("10.0.0.0/%d, fd00::/%d"):format(23 - bits, 63 - bits))
  for i, prefix in ipairs(base) do
    local family = FAMILIES[prefix:find(":", 1, true) and 2 or 1]
    local len = math.tointeger(tonumber(prefix:match "/(%d+)$"))
    local subnet = math.max(family.subnet, len + 1 + needed)
    if subnet > family.smallest then
      misuse("%s has no room for %d links and %d hosts; addresses = gives a larger one", prefix, links, hosts)
    end
    self.areas.links[i] = { nsh.subnet(prefix, len + 1, 0), subnet }
    self.areas.hosts[i] = { nsh.subnet(prefix, len + 1, 1), subnet }
  end
end

--- Returns the next subnet of an area: one prefix of each family.
---@param name "links"|"hosts"
---@return string[]
function Kit:subnet(name)
  local area, list = self.areas[name], {}
  area.n = area.n + 1
  for i, half in ipairs(area) do list[i] = nsh.subnet(half[1], half[2], area.n) end
  return list
end

--- Returns an address without the length of its prefix, as routes name gateways.
---@param addr string
---@return string
function m.bare(addr) return (addr:match "^[^/]+") end

-- --- nodes and wires ---

local function add(self, kind, name, spec)
  local given = { self.prefix .. name }
  for key, value in pairs(spec or {}) do given[key] = value end
  local node = self.lab[kind](self.lab, given)
  self.short[node] = name
  self.nodes[#self.nodes + 1] = node
  return node
end

--- Declares a host.
---@param name string without the prefix
---@param spec? table
---@return nsh.LabNode
function Kit:host(name, spec) return add(self, "host", name, spec) end

--- Declares a switch.
---@param name string without the prefix
---@param spec? table
---@return nsh.LabNode
function Kit:switch(name, spec) return add(self, "switch", name, spec) end

--- Declares a router.
---@param name string without the prefix
---@param spec? table
---@return nsh.LabNode
function Kit:router(name, spec) return add(self, "router", name, spec) end

-- Hosts have one card; the ports of all others are named after who is behind them.
local function port(self, own, other)
  local name = own.port
  if not name then name = own.node.kind == "host" and "eth0" or self.short[other.node] or other.node.name end
  local spec = { own.node, name }
  for key, value in pairs(own) do
    if key ~= "node" and key ~= "port" then spec[key] = value end
  end
  return spec
end

--- Declares a link. An end is { node =, addrs = } or has a port's other keys, too; port = names the link.
---@param a table
---@param b table
---@return nsh.LabWire
function Kit:wire(a, b)
  local spec = { port(self, a, b), port(self, b, a) }
  for key, value in pairs(self.keys) do
    if spec[key] == nil then spec[key] = value end
  end
  return self.lab:link(spec)
end

--- Joins two routers by a link with a subnet of its own.
---@param a nsh.LabNode gets its first address
---@param b nsh.LabNode
function Kit:join(a, b)
  local nets = self:subnet "links"
  self:wire({ node = a, addrs = self:addrs(nets, 1) }, { node = b, addrs = self:addrs(nets, 2) })
end

--- Declares a host behind a router, with a subnet of its own.
---@param router nsh.LabNode
---@param name string
---@return nsh.LabNode
---@return string[] nets
function Kit:behind(router, name)
  local nets = self:subnet "hosts"
  local gateways = self:addrs(nets, 1)
  local host = self:host(name, { routes = self:defaults(gateways) })
  self:wire({ node = router, addrs = gateways }, { node = host, addrs = self:addrs(nets, 2) })
  return host, nets
end

--- Returns default routes by gateways.
---@param gateways string[] addresses, with the length of their prefix or without
---@return table[]
function Kit:defaults(gateways)
  local routes = {}
  for i, gateway in ipairs(gateways) do routes[i] = { "default", via = m.bare(gateway) } end
  return routes
end

--- Finds a node of the lab that the caller names.
---@param value nsh.LabNode|string
---@param key string of the option
---@param kind string that it shall have
---@return nsh.LabNode
function Kit:node(value, key, kind)
  local node = type(value) == "string" and self.lab:node(value) or value
  if type(node) ~= "table" or node.lab ~= self.lab or node.kind ~= kind then
    misuse("%s is a %s of the same lab or its name, not %s", key, kind, tostring(value))
  end
  return node
end

return m
