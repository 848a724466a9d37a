--- given.lua - what the kernel gives along with what is declared, where somebody took it away: routes of addresses,
-- link-local addresses, its own rules, IPv6 as such.
-- An address without the route to its network is of little use, and nobody who declares one asks for that. So it counts
-- as declared with it; an address that is declared with noprefixroute has none.
local core = require "nsh.core"
local nouns = require "nsh.lab.nouns"
local prefixes = require "nsh.prefix"
local records = require "nsh.lab.records"
local usable = require "nsh.lab.usable"

local is_six = prefixes.is_six

local m = {}

local METRIC6, RULE_VRF, RULE_MAIN, RULE_DEFAULT = 256, 1000, 32766, 32767 -- the kernel's own

-- --- what was read ---

-- One namespace: what is there, so that it can be found.
local Look = {}
Look.__index = Look

-- What tells a route from others: of all links, or of one.
local function place_of(route) return route.dst .. " " .. route.table .. " " .. (route.metric or 0) end
local function key_of(dst, name, metric, dev) return dst .. " " .. name .. " " .. (metric or 0) .. " " .. dev end

local function look_at(state, wish, ns)
  local self = setmetatable({ state = state, wish = wish, ns = ns, links = {}, tables = {}, kernels = {},
    places = false, taken = {}, addrs = {}, routes = {}, sysctls = {}, again = {}, rules = {}, new = {} }, Look)
  for _, link in ipairs(state.links) do self.links[link.name] = link end
  for name, link in pairs(self.links) do
    local vrf = link.kind == "vrf" and link or link.master and self.links[link.master]
    self.tables[name] = vrf and vrf.kind == "vrf" and vrf.table or nil
  end
  for _, route in ipairs(state.routes) do
    if route.proto == "kernel" and route.dev then
      self.kernels[key_of(route.dst, route.table, route.metric, route.dev)] = true
    end
  end
  local key = nouns.by_name.addr.key
  for _, addr in ipairs(state.addrs) do self.addrs[key(addr)] = addr end
  return self
end

-- The first route in each place; false where one of the kernel's own is there.
local function places_of(state)
  local places = {}
  for _, route in ipairs(state.routes) do
    local place = not route.tos and not route.cloned and place_of(route)
    if place and route.proto == "kernel" then
      places[place] = false
    elseif place and places[place] == nil then
      places[place] = route
    end
  end
  return places
end

--- Whether the kernel has a route of its own.
---@private
function Look:has(dev, dst, name, metric) return self.kernels[key_of(dst, self.tables[dev] or name, metric, dev)] end

--- Notes a route that must be there with an address, or with its link alone, and isn't.
---@private
function Look:need(addr, route, of_link)
  route.dev, route.proto, route.table = addr.dev, "kernel", self.tables[addr.dev] or route.table
  self.kernels[key_of(route.dst, route.table, route.metric, route.dev)] = true
  -- what stands in the place of one of these is to be changed; beside others of these it is one more
  local place = place_of(route)
  self.places = self.places or places_of(self.state)
  local instead = not self.taken[place] and self.places[place] or nil
  self.taken[place] = true
  table.insert(self.routes, { route = route, addr = not of_link and addr or nil, instead = instead })
end

-- --- IPv4 ---

-- The first address of each network has the routes; the others of that network speak with its voice.
local function firsts_of(state)
  local first = {}
  for _, addr in ipairs(state.addrs) do
    if addr.family == "inet" and not addr.secondary then
      first[addr.dev .. " " .. core.network(addr.peer or addr.addr)] = addr
    end
  end
  return first
end

---@private
function Look:routes4(addr)
  self.firsts = self.firsts or firsts_of(self.state)
  local dst, last = core.network(addr.peer or addr.addr)
  local first = self.firsts[addr.dev .. " " .. dst] or addr
  local own, src = addr.addr:match "^[^/]+", first.addr:match "^[^/]+"
  local function need(to, kind, scope, metric)
    local name = kind == "unicast" and "main" or "local"
    if self:has(first.dev, to, name, metric) then return end
    self:need(first, { family = "inet", dst = to, type = kind, scope = scope, src = src, metric = metric,
      table = name })
  end
  need(own, "local", "host")
  if addr.broadcast and addr.broadcast ~= "255.255.255.255" then need(addr.broadcast, "broadcast", "link") end
  if dst:find "^0%." or dst:find "^22[4-9]%." or dst:find "^23%d%." or dst == own then return end
  local lo = addr.dev == "lo"
  if not first.noprefixroute then need(dst, lo and "local" or "unicast", lo and "host" or "link", first.metric) end
  if last then need(last, "broadcast", "link") end
end

-- --- IPv6 ---

---@private
function Look:need6(addr, dst, kind, name, metric, of_link)
  if self:has(addr.dev, dst, name, metric) then return end
  self:need(addr, { family = "inet6", dst = dst, type = kind, metric = metric, table = name }, of_link)
end

---@private
function Look:routes6(addr, link)
  if not addr.peer and not addr.noprefixroute and not addr.valid_lft then
    self:need6(addr, core.network(addr.addr), "unicast", "main", addr.metric or METRIC6)
  end
  local is_ready = link.link_type == "ether" and link.carrier
  if is_ready then self:need6(addr, "ff00::/8", "multicast", "local", METRIC6, true) end
  -- nobody but the kernel can make the local one
  local own = addr.addr:match "^[^/]+"
  if self:has(addr.dev, own, "local") or not link.carrier or addr.tentative or addr.dadfailed then return end
  -- which it does in a work queue, after the address is there
  self.late = self.late or not usable.settled(self.ns, own)
  if self.late then self.again[nouns.by_name.addr.key(addr)] = true end
end

-- The link-local address that a link was made with; nothing else of IPv6 is without one.
---@private
function Look:link_local(link, text, dad)
  local own, live = text:match "^[^/]+", self.links[link.name]
  for _, addr in ipairs(self.state.addrs) do
    if addr.dev == link.name and addr.addr:match "^[^/]+" == own then
      if live.up and not addr.noprefixroute then
        self:need6(addr, "fe80::/64", "unicast", "main", METRIC6)
      end
      return
    end
  end
  if live.up and not live.carrier and live.addrgenmode ~= "none" then return end -- comes with the carrier
  table.insert(self.new, { addr = text, dev = link.name, family = "inet6", nodad = not dad or nil,
    proto = "kernel_ll" })
end

-- Sysctls that may keep a declared address of IPv6 away: of its link, and of links that are made.
---@private
function Look:blocked(dev)
  for _, name in ipairs { (dev:gsub("%.", "/")), "default" } do
    local key = ("net.ipv6.conf.%s.disable_ipv6"):format(name)
    if self.wish.sysctls[key] == nil then
      self.sysctls[key] = self.sysctls[key] or {}
      self.sysctls[key][dev] = true
    end
  end
end

-- The link-local address that a link is to have and was to have none of, and whether it is looked for elsewhere.
local function opened(link, live)
  if live.addrgenmode ~= "none" or live.link_type ~= "ether" then return nil end
  return records.opened(link, live)
end

---@private
function Look:addresses()
  local key, six = nouns.by_name.addr.key, {}
  for _, wish in ipairs(self.wish.addrs) do
    local addr, link = self.addrs[key(wish)], self.links[wish.dev]
    if is_six(wish.addr) then
      six[wish.dev] = true
      if not addr then self:blocked(wish.dev) end
    end
    if addr and link and link.up then
      if is_six(wish.addr) then self:routes6(addr, link) else self:routes4(addr) end
    end
  end
  local lo = self.routes[1] and not self.wish.adopted and self.links.lo and self.links.lo.up
  if lo and self.addrs["127.0.0.1/8 dev lo"] then self:routes4(self.addrs["127.0.0.1/8 dev lo"]) end
  for _, link in ipairs(self.wish.links) do
    local live = self.links[link.name]
    if live and link.up then
      local addr, dad = opened(link, live)
      addr = addr or six[link.name] and records.link_local(link)
      if addr then self:link_local(link, addr, dad) end
    end
  end
end

-- --- rules ---

-- Whether a rule that asks for nothing leads to a table, wherever somebody has put it.
local function leads_to(rules, family, name)
  local read = nouns.by_name.rule
  local plain = read.rest { family = family, table = name }
  for _, rule in ipairs(rules) do
    if rule.family == family and read.rest(rule) == plain then return true end
  end
  return false
end

---@private
function Look:own_rules()
  local function need(family, priority, name)
    if leads_to(self.state.rules, family, name) then return end
    table.insert(self.rules, { family = family, priority = priority, table = name, type = "unicast",
      proto = "kernel" })
  end
  local families, vrf = {}, false
  for _, list in ipairs { self.wish.rules, self.state.rules, self.wish.addrs } do
    for _, record in ipairs(list) do
      families[record.family or is_six(record.addr or "") and "inet6" or "inet"] = true
    end
  end
  for _, link in ipairs(self.state.links) do vrf = vrf or link.kind == "vrf" end
  for family in pairs(families) do
    need(family, 0, "local")
    need(family, RULE_MAIN, "main")
    if family == "inet" then need(family, RULE_DEFAULT, "default") end
    local there = not vrf
    for _, rule in ipairs(self.state.rules) do there = there or rule.family == family and rule.l3mdev end
    if not there then
      table.insert(self.rules, { family = family, priority = RULE_VRF, l3mdev = true, type = "unicast",
        proto = "kernel" })
    end
  end
  table.sort(self.rules, function(a, b)
    if a.family ~= b.family then return a.family < b.family end
    return a.priority < b.priority
  end)
end

--- What the kernel has given and isn't there.
---@class nsh.LabMissing
---@field routes { route: table, addr: table?, instead: table? }[] of which address, and what has taken the place
---@field new table[] link-local addresses
---@field again table<string, boolean> addresses of IPv6 without their local route, by key
---@field rules table[]
---@field sysctls table<string, table<string, boolean>> those that may keep IPv6 away from links

--- Tells whether a link that is there is to get the link-local address that it had none of.
---@private
---@param state table the links of the namespace
---@param wish table what is declared
---@return boolean
function m.opens_any(state, wish)
  local closed = {}
  for _, live in ipairs(state.links) do closed[live.name] = live.addrgenmode == "none" and live or nil end
  for _, link in ipairs(next(closed) and wish.links or {}) do
    if closed[link.name] and link.up and opened(link, closed[link.name]) then return true end
  end
  return false
end

--- Looks for what the kernel has given along with what is declared and was taken away since.
---@param state table the namespace as it was read
---@param wish table what is declared
---@param ns nsh.Netns
---@return nsh.LabMissing? missing nil: nothing is
function m.missing(state, wish, ns)
  local declares_rules = wish.rules and wish.rules[1]
  if not declares_rules and not (wish.addrs and wish.addrs[1]) and not m.opens_any(state, wish) then return nil end
  local look = look_at(state, wish, ns)
  look:addresses()
  if declares_rules then look:own_rules() end
  for _, found in ipairs { look.routes, look.new, look.again, look.rules, look.sysctls } do
    if next(found) ~= nil then return look end
  end
end

-- --- as steps ---

local KEEP = { valid_lft = true, preferred_lft = true, proto = true } -- of IPv4: the routes stay as they are

-- Whether the kernel makes the routes of an address anew by itself, for it is made or changed.
local function is_moved(step)
  for key in pairs(step.changes or {}) do
    if is_six(step.to.addr) or not KEEP[key] then return true end
  end
  return step.op ~= "change"
end

local function net_of(dev, dst, metric) return ("%s %s %d"):format(dev, dst, metric) end

-- Links and addresses of a namespace for which the kernel makes its routes anew, links with such of IPv6, and their
-- networks: addresses of IPv6 share the route to one.
local function renewed(walk)
  local links, addrs, six, nets = {}, {}, {}, {}
  for i = walk.first, #walk.steps do
    local step = walk.steps[i]
    local changes = step.changes or {}
    if step.noun == "link" then
      links[step.name] = links[step.name] or step.op ~= "change" or changes.up ~= nil or changes.master ~= nil
    elseif step.noun == "addr" and step.to and is_moved(step) then
      if step.from then addrs[step.from] = true end
      if is_six(step.to.addr) then
        local to = step.to
        local net = net_of(to.dev, core.network(to.addr), to.metric or METRIC6)
        six[to.dev], nets[net] = true, nets[net] or not (to.noprefixroute or to.peer)
      end
    end
  end
  return { links = links, addrs = addrs, six = six, nets = nets }
end

-- The same for a route, of its address or its link. That for multicast comes with any address of IPv6.
local function is_renewed(walk, one, claimed, new)
  local dev = one.route.dev
  if walk.lost[dev] or new.links[dev] then return true end
  if one.addr and new.addrs[one.addr] or not one.addr and new.six[dev] then return true end
  local route = one.route
  if route.family == "inet6" and new.nets[net_of(dev, route.dst, route.metric)] then return true end
  return one.addr and not claimed[one.addr] and walk:owner(nouns.by_name.addr)(one.addr) and true or false
end

--- Adds the steps that bring back what is missing, when those of addresses are known. Rules come first: the gateways
--- of routes are looked for by them.
---@private
---@param walk table of diff.lua
---@param claimed table<table, boolean> addresses that are wished
function m.steps(walk, claimed)
  for _, addr in ipairs(walk.live.missing.new) do
    if not walk.lost[addr.dev] then walk:add("create", nouns.by_name.addr, addr, nil, addr) end
  end
  for _, rule in ipairs(walk.live.missing.rules) do
    walk:add("create", nouns.by_name.rule, rule, nil, rule)
  end
  local row, new = nouns.by_name.route, renewed(walk)
  for _, one in ipairs(walk.live.missing.routes) do
    if not is_renewed(walk, one, claimed, new) then
      local old = one.instead
      local step = walk:add(old and "change" or "create", row, one.route, old, one.route)
      step.changes = old and (row.changes(one.route, old) or { proto = { old.proto, "kernel" } }) or nil
    end
  end
end

--- Returns the sysctls that are to be set back, of links that are there or made.
---@private
---@param walk table of diff.lua
---@return string[] keys
function m.blocking(walk)
  local keys = {}
  for key, devs in pairs(walk.live.missing.sysctls) do
    local counts = false
    for dev in pairs(devs) do
      local is_made = not walk.there[dev] or walk.lost[dev] and true or false
      counts = counts or is_made == (key == "net.ipv6.conf.default.disable_ipv6")
    end
    if counts and walk.live.sysctls[key] == 1 then keys[#keys + 1] = key end
  end
  table.sort(keys)
  return keys
end

return m
