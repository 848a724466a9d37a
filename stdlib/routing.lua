--- routing.lua - what the recipes of routers share: the options of bird and frr, forwarding, waiting, the end.
local nsh = require "nsh"

local m = {}

local FORWARDING = { "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding" }

--- The name of a namespace, for messages.
---@param ns nsh.Netns
---@return string
function m.label(ns) return ns.name or "root" end

--- Makes a namespace forward, IPv4 and IPv6.
---@param ns nsh.Netns
---@return function undo makes it what it was
function m.forward(ns)
  local before = {}
  for _, key in ipairs(FORWARDING) do
    local value = ns.sysctl[key]
    if tostring(value) ~= "1" then
      before[key] = value
      ns.sysctl[key] = 1
    end
  end
  return function()
    for key, value in pairs(ns.deleted and {} or before) do ns.sysctl[key] = value end
  end
end

-- --- options ---

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

local function misuse(fmt, ...) nsh.misuse(fmt:format(...)) end

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

-- A copy of an option table whose keys are known and whose values are of their kind; the list in it stays.
local function checked(opts, what, keys, more)
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

local function family_of(addr) return addr:find ":" and "inet6" or "inet" end

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
    peer.addr, peer.family, peer.hold = peer[1], family_of(peer[1]), peer.hold or bgp.hold or 3
    neighbors[i], families[peer.family] = peer, true
  end
  if #neighbors == 0 then misuse 'bgp needs neighbors, as { { "10.0.0.2", asn = 65002 } }' end
  for _, dst in ipairs(list_of(bgp.networks, "bgp: networks", "prefixes")) do
    if not is_prefix(dst) then misuse('bgp: a network is a prefix as "10.1.0.0/16", not %s', tostring(dst)) end
    if not families[family_of(dst)] then
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
      dst = route.via and family_of(route.via) == "inet6" and "::/0" or "0.0.0.0/0"
    end
    if not is_prefix(dst) then misuse('a static route needs a prefix as "10.9.0.0/16", not %s', tostring(dst)) end
    if route.type == "unicast" then route.type = nil end
    if not (route.via or route.dev or route.type) then misuse("the static route to %s needs via, dev or type", dst) end
    if route.type and (route.via or route.dev) then misuse("a %s route (%s) has no via or dev", route.type, dst) end
    if route.dev then route.dev = link_name(ns, route.dev, "static route") end
    route.dst, route.family = dst, family_of(dst)
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
  if type(ns) ~= "table" or type(ns.spawn) ~= "function" then misuse("%s.start takes a namespace first", what) end
  spec = checked(spec, what, SPEC)
  if spec[1] ~= nil then misuse("%s takes keys, as { ospf = { \"eth0\" } }", what) end
  local out = {
    router_id = spec.router_id or first_addr(ns), config = spec.config or "", forward = spec.forward,
    ospf = read_ospf(ns, spec.ospf, "ospf"), ospf6 = read_ospf(ns, spec.ospf6, "ospf6"),
    bgp = read_bgp(spec.bgp), static = read_static(ns, spec.static),
  }
  if not out.router_id and (out.ospf or out.ospf6 or out.bgp) then
    misuse("router_id: %s has no IPv4 address to take it from", m.label(ns))
  end
  return out
end

-- --- a router that runs ---

--- What bird and frr have in common.
---@class routing.Router
---@field name string "bird" or "frr"
---@field netns nsh.Netns
---@field dir daemon.Dir its private folder
---@field daemons daemon.Daemon[] the programs, in the order of their start
---@field spec table what it was started with
local Router = {}
m.Router = Router

--- Joins the parts of a configuration.
---@param parts string[] what was made of the options
---@param config string the caller's own text
---@return string text
---@return integer before how many lines stand before the caller's own
function m.join(parts, config)
  local made = #parts > 0 and table.concat(parts, "\n") .. "\n" or ""
  return made .. config .. "\n", select(2, made:gsub("\n", "\n"))
end

--- Says which line of a configuration is meant: of the caller's own text, or of what was made of the options.
---@param number integer
---@param before integer as m.join gave it
---@return string words "line 3", or "line 12 of what the options became"
---@return integer? line of the caller's text
function m.place(number, before)
  if number > before then return "line " .. number - before, number - before end
  return ("line %d of what the options became"):format(number)
end

-- Who runs where: two would fight for the kernel's routes.
local running = setmetatable({}, { __mode = "kv" })

--- Takes a namespace for a router that is to be started.
---@param router routing.Router
function m.claim(router)
  local ns = router.netns
  local other = running[ns]
  if other and not other.stopped then
    misuse("%s runs in %s already: reload gives it another configuration, stop ends it", other.name, m.label(ns))
  end
  running[ns] = router
end

--- Makes a class of routers.
---@param name string
---@return table class
---@return table metatable
function m.class(name)
  local class = setmetatable({}, { __index = Router })
  local mt = { __index = class, __name = name }
  function mt.__close(self) self:stop() end
  function mt.__tostring(self)
    return ("%s in %s, %s"):format(self.name, m.label(self.netns), self:running() and "running" or "ended")
  end
  return class, mt
end

--- Tells whether all its programs still run.
---@return boolean
function Router:running()
  for _, daemon in ipairs(self.daemons) do
    if not daemon:running() then return false end
  end
  return not self.stopped
end

--- Raises how a program of it died, with its last lines, unless all run.
---@error EXIT it ended by itself
---@error SIGNAL a signal killed it
---@error ENOENT it was stopped
function Router:check()
  if self.stopped then
    nsh.raise { op = self.name, netns = self.netns, code = "ENOENT", message = "it was stopped" }
  end
  for _, daemon in ipairs(self.daemons) do daemon:check() end
end

--- Returns what its programs wrote: their logs.
---@return string
function Router:output()
  local texts = {}
  for i, daemon in ipairs(self.daemons) do texts[i] = daemon:output() end
  return table.concat(texts)
end

--- Stops it; its routes and its folder go, and forwarding becomes what it was. Twice is harmless.
function Router:stop()
  if self.stopped then return end
  self.stopped = true
  for i = #self.daemons, 1, -1 do self.daemons[i]:stop() end
  self.dir:remove()
  if self.netns.deleted then return end
  for _, proto in ipairs(self.protos) do self.netns:flush_routes { proto = proto, table = "all" } end -- of one killed
  if self.unforward then self.unforward() end
end

-- Waits for a line that a program writes.
local function next_line(process, timeout)
  local read, _, _, news = process:lines { timeout = timeout }
  local _ <close> = news
  return read()
end

-- Waits until `look` gives a value: it looks at once, and whenever a program said something that it may have logged the
-- change with; of two, one may say it while the other is listened to.
local function await(self, speakers, wanted, timeout, look)
  local seen
  timeout = timeout or 30
  local ok, result = pcall(nsh.timeout, timeout, function()
    while true do
      for _, daemon in ipairs(speakers) do
        for _ in daemon.process:lines() do end -- said before the look
      end
      local value, state = look()
      if value then return value end
      seen = state
      for _, daemon in ipairs(speakers) do next_line(daemon.process, #speakers > 1 and 0.2 or 1) end
    end
  end)
  if ok then return result end
  if type(result) ~= "table" then error(result, 0) end
  if result.op ~= "timeout" then
    result.where = nil -- of the task, where no script is
    nsh.raise(result)
  end
  nsh.raise { op = self.name .. " wait", netns = self.netns, code = "ETIMEDOUT", errno = 110, wanted = wanted,
    seen = seen, message = ("%s did not come in %s s; seen last: %s"):format(wanted, timeout, seen or "nothing") }
end

-- The programs that speak a protocol.
---@private
function Router:speakers(protocol)
  local list = {}
  for _, daemon in ipairs(self.daemons) do
    if daemon.name == self.name or daemon.name:find("^" .. protocol) then list[#list + 1] = daemon end
  end
  return #list > 0 and list or self.daemons
end

local UP = { up = { flag, "true or false" } }

local function count_links(spec)
  local n = 0
  for _, ospf in ipairs { spec.ospf or false, spec.ospf6 or false } do
    for _, link in ipairs(ospf and ospf.links or {}) do n = n + (link.passive and 0 or 1) end
  end
  if n == 0 then misuse "wait_ospf needs the number of neighbors: the options name no links that speak OSPF" end
  return n
end

--- Waits until so many neighbours of OSPF, of both versions, are full, not more and not fewer.
---@param n? integer one on each link that isn't passive
---@param timeout? number seconds (30)
---@return table[] neighbors
---@error ETIMEDOUT the message tells in which states they are
---@error EXIT a program of the router died: with its last lines
function Router:wait_ospf(n, timeout)
  n = n or count_links(self.spec)
  if math.type(n) ~= "integer" then misuse("wait_ospf takes a number of neighbors, not '%s'", tostring(n)) end
  return await(self, self:speakers "ospf", ("%d full neighbors"):format(n), timeout, function()
    local list, words, full = self:neighbors(), {}, 0
    for i, neighbor in ipairs(list) do
      full = full + (neighbor.state == "full" and 1 or 0)
      words[i] = ("%s %s"):format(neighbor.addr, neighbor.state)
    end
    return full == n and list, #words > 0 and table.concat(words, ", ") or "no neighbors"
  end)
end

--- Waits until a session of BGP is established, or isn't any more.
---@param peer? string|table the neighbour's address, or { "10.0.0.2", up = false }; nil: all of them
---@param timeout? number seconds (30)
---@return table session its record; of all the list
---@error ETIMEDOUT the message tells in which states they are
---@error EXIT a program of the router died: with its last lines
function Router:wait_bgp(peer, timeout)
  local spec = checked(type(peer) == "table" and peer or { peer }, "wait_bgp", { "up" }, UP)
  local up, addr = spec.up ~= false, spec[1]
  local addrs, known = {}, not addr
  for i, session in ipairs(self:sessions()) do
    addrs[i], known = session.addr, known or session.addr == addr
  end
  if #addrs == 0 then misuse("wait_bgp: %s in %s has no neighbors of BGP", self.name, m.label(self.netns)) end
  if not known then
    misuse("wait_bgp: no neighbor %s; there are: %s", tostring(addr), table.concat(addrs, ", "))
  end
  local wanted = ("%s session%s"):format(up and "an established" or "the end of the", addr and " with " .. addr or "")
  return await(self, self:speakers "bgp", wanted, timeout, function()
    local found, words = {}, {}
    for _, session in ipairs(self:sessions()) do
      words[#words + 1] = ("%s %s"):format(session.addr, session.state)
      if (not addr or session.addr == addr) and (session.state == "established") == up then
        found[#found + 1] = session
      end
    end
    if addr then return found[1], table.concat(words, ", ") end
    return #found == #words and nsh.records(found), table.concat(words, ", ")
  end)
end

return m
