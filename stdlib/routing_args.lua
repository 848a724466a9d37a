--- routing_args.lua - the options of routers, which bird and frr share: what they are, and how they are read.
local nsh = require "nsh"

local m = {}

--- The name of a namespace, for messages.
---@param ns nsh.Netns
---@return string
function m.label(ns) return ns.name or "root" end

--- What runs on a router. bird and frr take the same.
---@class routing.Spec
---@field router_id? string "10.255.0.1"; the namespace's first IPv4 address, a loopback's before others
---@field ospf? routing.Ospf OSPFv2, for IPv4
---@field ospf6? routing.Ospf OSPFv3, for IPv6
---@field bgp? routing.Bgp
---@field static? table[] routes: { { "10.9.0.0/16", via = "10.0.0.2" }, { "10.8.0.0/16", type = "blackhole" } }
---@field config? string text in the daemon's own language, which stands after what comes of the rest
---@field forward? boolean false: whether the namespace forwards is left alone

--- OSPF. The keys of a link may stand for all of them here: { "eth0", "eth1", hello = 2 }.
---@class routing.Ospf
---@field [integer] string|nsh.Link|routing.OspfLink the links: "eth0" or { "eth0", cost = 10 }
---@field redistribute? string[] "connected", "static", "bgp", "kernel"

--- A link of OSPF.
---@class routing.OspfLink
---@field [1] string|nsh.Link
---@field area? integer|string 0
---@field cost? integer the daemon's own
---@field hello? integer seconds (1)
---@field dead? integer seconds (4)
---@field type? string "broadcast", "ptp", "nbma", "ptmp"; the daemon's own
---@field priority? integer 0: never the designated router
---@field passive? boolean its subnet is announced, but nobody is spoken to; always so of lo

--- BGP. A neighbour's address tells which family is exchanged with it.
---@class routing.Bgp
---@field asn integer its own autonomous system
---@field neighbors routing.BgpNeighbor[] { { "10.0.0.2", asn = 65002 } }
---@field networks? string[] prefixes that begin here: { "10.1.0.0/16" }
---@field redistribute? string[] "connected", "static", "ospf", "kernel"
---@field hold? integer seconds (3) until a silent neighbour is given up; every third of it a keepalive goes out

--- A neighbour of BGP.
---@class routing.BgpNeighbor
---@field [1] string its address
---@field asn integer
---@field hold? integer
---@field source? string our address
---@field multihop? integer it is so many hops away
---@field next_hop_self? boolean the routes that go to it have our address as the next hop
---@field password? string TCP MD5
---@field passive? boolean it calls us

--- Raises what the caller did wrong.
---@param fmt string as string.format
function m.misuse(fmt, ...) nsh.misuse(fmt:format(...)) end

local misuse = m.misuse

local function is_addr(value)
  if type(value) ~= "string" then return false end
  return value:find "^%d+%.%d+%.%d+%.%d+$" ~= nil or value:find "^[%x:.]*:[%x:.]*$" ~= nil
end

local function is_prefix(value)
  return type(value) == "string" and value:find "/%d+$" ~= nil and is_addr(value:match "^[^/]+")
end

local function within(low, high)
  return function(value)
    return math.type(value) == "integer" and value >= low and value <= high
  end
end

local function one_of(words)
  return function(value)
    for word in words:gmatch '"([^"]+)"' do
      if word == value then return true end
    end
    return false
  end
end

local function flag(value) return type(value) == "boolean" end

local TYPES, OF_ROUTES = '"broadcast", "ptp", "nbma" or "ptmp"', '"unicast", "blackhole", "unreachable" or "prohibit"'

-- What a key takes: a test, and the words of the message.
local RULES = {
  area = { function(v) return within(0, 4294967295)(v) or is_addr(v) end, 'a number, or text as "0.0.0.1"' },
  asn = { within(1, 4294967295), "a number from 1 to 4294967295" },
  config = { function(v) return type(v) == "string" end, "text in the daemon's own language" },
  cost = { within(1, 65535), "a number from 1 to 65535" },
  dead = { within(2, 65535), "whole seconds from 2 to 65535" },
  forward = { flag, "true or false" },
  hello = { within(1, 65535), "whole seconds from 1 to 65535" },
  hold = { within(3, 65535), "whole seconds from 3 to 65535" },
  multihop = { within(1, 255), "a number from 1 to 255" },
  next_hop_self = { flag, "true or false" },
  passive = { flag, "true or false" },
  password = { function(v) return type(v) == "string" and v:find "^[%w@%%+=:,./_-]+$" ~= nil end,
    "letters, digits and any of @%+=:,./_-" },
  priority = { within(0, 255), "a number from 0 to 255" },
  router_id = { function(v) return is_addr(v) and not v:find ":" end, 'text as "10.255.0.1"' },
  source = { is_addr, "an address" },
  type = { one_of(TYPES), TYPES },
  via = { is_addr, "an address" },
}

--- Returns a copy of an option table whose keys are known and whose values are of their kind; the list in it stays.
---@param opts? table
---@param what string who takes it
---@param keys string[]
---@param more? table<string, table> rules that only these options have: a test, and words for the message
---@return table
function m.checked(opts, what, keys, more)
  local known = { table.unpack(keys) }
  for i = 1, #(type(opts) == "table" and opts or {}) do known[#known + 1] = i end
  local copy = nsh.options(opts, what, known)
  for key, value in pairs(copy) do
    local rule = more and more[key] or RULES[key]
    if type(key) == "string" and rule and not rule[1](value) then
      misuse("%s: %s must be %s, not '%s'", what, key, rule[2], tostring(value))
    end
  end
  return copy
end

local checked = m.checked

local function list_of(list, what, words)
  if list == nil then return {} end
  if type(list) ~= "table" then misuse("%s must be a list of %s, not a %s", what, words, type(list)) end
  return list
end

local function sources_of(list, what, known)
  local has = {}
  for _, word in ipairs(list_of(list, what .. ": redistribute", "words")) do
    if not one_of(known)(word) then
      misuse("%s: redistribute takes %s, not '%s'", what, known, tostring(word))
    end
    has[#has + 1] = word
  end
  return has
end

-- A link's name, after a look that it is there.
local function link_name(ns, link, what)
  local name = type(link) == "string" and link or type(link) == "table" and link.name
  if type(name) ~= "string" then misuse("%s: a link is its name or a live link, not a %s", what, type(link)) end
  if ns:find_link(name) then return name end
  local names = {}
  for i, record in ipairs(ns:links()) do names[i] = record.name end
  misuse("%s: no link '%s' in %s; there are %s", what, name, m.label(ns), table.concat(names, ", "))
end

local LINK = { "area", "cost", "hello", "dead", "type", "passive", "priority" }
local LINK_DEFAULTS = { area = 0, hello = 1, dead = 4 }

local function read_ospf(ns, opts, what)
  if opts == nil then return nil end
  local ospf = checked(opts, what, { "redistribute", table.unpack(LINK) })
  local links = {}
  for i, item in ipairs(ospf) do
    local is_live = type(item) ~= "table" or getmetatable(item) ~= nil
    local link = is_live and {} or checked(item, what .. " link", LINK)
    link.name = link_name(ns, is_live and item or item[1], what)
    if link.name == "lo" then link.passive = true end -- nobody is there to speak to
    for _, key in ipairs(LINK) do
      if link[key] == nil then link[key] = ospf[key] end
      if link[key] == nil then link[key] = LINK_DEFAULTS[key] end
    end
    if link.dead <= link.hello then
      misuse("%s: dead (%d s) of %s must be more than hello (%d s)", what, link.dead, link.name, link.hello)
    end
    links[i] = link
  end
  if #links == 0 then misuse('%s needs links, as { "eth0", { "eth1", cost = 10 } }', what) end
  return { links = links, redistribute = sources_of(ospf.redistribute, what,
    '"connected", "static", "bgp", "kernel"') }
end

--- The family of an address or a prefix.
---@param addr string
---@return string "inet" or "inet6"
function m.family(addr) return addr:find ":" and "inet6" or "inet" end

local NEIGHBOR = { "asn", "hold", "source", "multihop", "next_hop_self", "password", "passive" }

local function read_bgp(opts)
  if opts == nil then return nil end
  local bgp = checked(opts, "bgp", { "asn", "neighbors", "networks", "redistribute", "hold" })
  if not bgp.asn then misuse "bgp needs asn, the number of its own autonomous system" end
  local neighbors, families = {}, {}
  for i, item in ipairs(list_of(bgp.neighbors, "bgp: neighbors", 'tables as { "10.0.0.2", asn = 65002 }')) do
    if type(item) ~= "table" then
      misuse('a neighbor is a table as { "10.0.0.2", asn = 65002 }, not a %s', type(item))
    end
    local peer = checked(item, "neighbor", NEIGHBOR)
    if not is_addr(peer[1]) then misuse("a neighbor needs its address, not '%s'", tostring(peer[1])) end
    if not peer.asn then misuse("the neighbor %s needs asn", peer[1]) end
    peer.addr, peer.family, peer.hold = peer[1], m.family(peer[1]), peer.hold or bgp.hold or 3
    neighbors[i], families[peer.family] = peer, true
  end
  if #neighbors == 0 then misuse 'bgp needs neighbors, as { { "10.0.0.2", asn = 65002 } }' end
  for _, dst in ipairs(list_of(bgp.networks, "bgp: networks", "prefixes")) do
    if not is_prefix(dst) then misuse('bgp: a network is a prefix as "10.1.0.0/16", not %s', tostring(dst)) end
    if not families[m.family(dst)] then
      misuse("bgp: nobody is told of %s: no neighbor has an address of that family", dst)
    end
  end
  return { asn = bgp.asn, neighbors = neighbors, networks = bgp.networks or {},
    redistribute = sources_of(bgp.redistribute, "bgp", '"connected", "static", "ospf", "kernel"') }
end

local function read_static(ns, list)
  local routes = {}
  for i, item in ipairs(list_of(list, "static", 'routes as { "10.9.0.0/16", via = "10.0.0.2" }')) do
    local route = checked(item, "static route", { "via", "dev", "type" }, { type = { one_of(OF_ROUTES), OF_ROUTES } })
    local dst = route[1]
    if dst == "default" and (route.via or route.type) then
      dst = route.via and m.family(route.via) == "inet6" and "::/0" or "0.0.0.0/0"
    end
    if not is_prefix(dst) then misuse('a static route needs a prefix as "10.9.0.0/16", not %s', tostring(dst)) end
    if route.type == "unicast" then route.type = nil end
    if not (route.via or route.dev or route.type) then misuse("the static route to %s needs via, dev or type", dst) end
    if route.type and (route.via or route.dev) then misuse("a %s route (%s) has no via or dev", route.type, dst) end
    if route.dev then route.dev = link_name(ns, route.dev, "static route") end
    route.dst, route.family = dst, m.family(dst)
    routes[i] = route
  end
  return routes
end

-- The first address, one of a loopback before others.
local function first_addr(ns)
  local found
  for _, record in ipairs(ns:addrs { family = "inet", scope = "global" }) do
    local addr = record.addr:match "^[^/]+"
    if record.dev == "lo" then return addr end
    found = found or addr
  end
  return found
end

local SPEC = { "router_id", "ospf", "ospf6", "bgp", "static", "config", "forward" }

--- Reads the options of a router. What is wrong is misuse, found before anything is started.
---@param ns nsh.Netns
---@param spec routing.Spec|string text is short for { config = text }
---@param what string who takes them: "bird"
---@return table spec complete: all lists are there, all defaults are filled in
function m.read(ns, spec, what)
  if type(spec) == "string" then spec = { config = spec } end
  spec = checked(spec, what, SPEC)
  if spec[1] ~= nil then misuse("%s takes keys, as { ospf = { \"eth0\" } }", what) end
  local out = {
    router_id = spec.router_id or first_addr(ns), config = spec.config or "", forward = spec.forward,
    ospf = read_ospf(ns, spec.ospf, "ospf"), ospf6 = read_ospf(ns, spec.ospf6, "ospf6"),
    bgp = read_bgp(spec.bgp), static = read_static(ns, spec.static),
  }
  local needs = out.ospf or out.ospf6 or out.bgp or what == "bird" -- which ends without one
  if needs and not out.router_id and not out.config:find "router%-?%s*id" then
    misuse('router_id: %s has no IPv4 address to take it from; router_id = "10.0.0.1" gives one', m.label(ns))
  end
  return out
end

return m
