--- address.lua - a lab's address plan: each broadcast domain gets a network of each pool, each end an address in it.
-- Where something comes to lie is a hash of its name, and the next free place where that is taken: so what comes and
-- goes elsewhere in the lab leaves the others where they are.
local core = require "nsh.core"
local device = require "nsh.lab.device"
local domains = require "nsh.lab.domain"
local fail = require "nsh.error"
local prefixes = require "nsh.prefix"

local family_of = prefixes.family

local m = {}

-- Bits of a network: of a small one, of one between two ends, of the least one that others get.
local LAN, PAIR, LEAST = 8, 2, 3
-- Networks lie in the lower half of a pool, those of pairs in the third quarter, loopbacks in the last.
local SMALLEST = { inet = 28, inet6 = 62 }

-- --- pools ---

-- A pool is counted in addresses, one of IPv6 in networks of 64 bits.
local function new_pool(text)
  local prefix = prefixes.parse(text, "addresses")
  local family = #prefix.bytes == 4 and "inet" or "inet6"
  local bits = (family == "inet" and 32 or 64) - prefix.length
  local base = (">I" .. (family == "inet" and 4 or 8)):unpack(prefix.bytes)
  local shifted = bits < 64 and bits > 0 and (base >> bits) << bits or bits >= 64 and 0 or base
  return { text = text, family = family, length = prefix.length, bits = bits, base = shifted, exact = shifted == base,
    lan = family == "inet" and math.max(LEAST, math.min(LAN, bits - 5)) or 0, pair = family == "inet" and PAIR or 0,
    cells = { lan = {}, pair = {}, loop = {} }, nets = {}, loops = {}, hand = {} }
end

--- Reads the option addresses.
---@private
---@param given string|string[]
---@return table[] pools
function m.pools(given)
  local list, texts = {}, given
  if type(given) == "string" then
    texts = {}
    for text in given:gmatch "[^,%s]+" do texts[#texts + 1] = text end
  end
  if type(texts) ~= "table" or #texts == 0 then
    fail.misuse("addresses takes prefixes as \"10.0.0.0/8, fd00::/48\", not %s", tostring(given))
  end
  for i, text in ipairs(texts) do
    local pool = new_pool(text)
    if pool.length > SMALLEST[pool.family] then
      fail.misuse("addresses: %s is too small; an address plan needs at least a /%d", text, SMALLEST[pool.family])
    end
    if not pool.exact then
      fail.misuse("addresses: %s isn't the beginning of a network; %s is", text,
        prefixes.subnet(text, pool.length, 0))
    end
    list[i] = pool
  end
  return list
end

-- Where parts of a pool are: their first place, and the bits that they have.
local function region(pool, part)
  local quarter = 1 << pool.bits - 2
  if part == "lan" then return 0, pool.bits - 1 end
  return part == "pair" and 2 * quarter or 3 * quarter, pool.bits - 2
end

local function is_free(pool, part, place, bits)
  local cell_bits = pool[part] or 0
  local cells, first, last = pool.cells[part], place, place + (1 << bits) - 1
  for cell = first >> cell_bits, last >> cell_bits do
    if cells[cell] then return false end
  end
  for _, range in ipairs(pool.hand) do
    if first <= range.last and range.first <= last then return false end
  end
  return true
end

-- Finds a free place of so many bits in a part of a pool; nil: there is none.
local function take(pool, part, bits, key)
  local start, room = region(pool, part)
  if room < bits then return nil end
  local slots, h = 1 << room - bits, core.hash(part, key)
  local slot, step = h & slots - 1, h >> 32 | 1
  for _ = 1, slots do
    local place = start + (slot << bits)
    if is_free(pool, part, place, bits) then
      local cell_bits = pool[part] or 0
      for cell = place >> cell_bits, place + (1 << bits) - 1 >> cell_bits do pool.cells[part][cell] = true end
      return place
    end
    slot = slot + step & slots - 1
  end
end

local function full_bits(pool) return pool.family == "inet" and 32 or 64 end

-- The bits that the addresses of so many ends need, with room for a third more.
local function bits_for(ends, least)
  local bits = least
  while ((1 << bits) - 2) * 3 // 4 < ends do bits = bits + 1 end
  return bits
end

-- The network of a domain: { text, hosts = how many it can have, taken = numbers }; nil: the pool is full.
local function make_net(pool, domain)
  local pair = #domain.ends == 2 and #domain.bridges == 0
  local four = pool.family == "inet"
  local bits = pair and PAIR or bits_for(#domain.ends, four and pool.lan or LAN)
  local place = take(pool, pair and "pair" or "lan", four and bits or 0, domain.key)
  if not place then return nil end
  local shift = four and bits or 0
  return { text = prefixes.subnet(pool.text, full_bits(pool) - shift, place >> shift), taken = {},
    hosts = (1 << bits) - 2, ordered = pair }
end

-- --- what is declared by hand ---

local function number_of(addr)
  local prefix = prefixes.parse(addr, "addr")
  if #prefix.bytes == 4 then return (">I4"):unpack(prefix.bytes), prefix.length end
  return (">i8"):unpack(prefix.bytes), prefix.length, (">i8"):unpack(prefix.bytes, 9)
end

-- Networks of the pool that are used by hand.
local function note_hand(pool, addr)
  if family_of(addr) ~= pool.family then return end
  local number, length = number_of(addr)
  local bits = math.max(0, full_bits(pool) - length)
  local first = (number >> bits << bits) - pool.base
  local last = first + (1 << bits) - 1
  if last < 0 or first >= 1 << pool.bits then return end
  local key = first .. " " .. last -- a thousand may have addresses in the same one
  if pool.hand[key] then return end
  pool.hand[key] = true
  pool.hand[#pool.hand + 1] = { first = first, last = last }
end

local function addrs_of(dev) return dev.own_addrs or dev.addrs end

local function note_hands(lab, dev)
  for _, record in ipairs(addrs_of(dev)) do
    for _, pool in ipairs(lab.pools) do
      if not pool.given[record] then note_hand(pool, record.addr) end
    end
  end
end

-- What is used by hand of what was declared since so many nodes, links and wires were.
local function note_new_hands(lab, nodes, own, links)
  for i = nodes + 1, #lab.nodes do note_hands(lab, lab.nodes[i].loopback) end
  for i = own + 1, #lab.own do note_hands(lab, lab.own[i]) end
  for i = links + 1, #lab.links do
    for _, port in ipairs(lab.links[i].ends) do note_hands(lab, port) end
  end
end

local function has(dev, family)
  for _, record in ipairs(addrs_of(dev)) do
    if family_of(record.addr) == family then return record end
  end
end

local FULL = { inet = 32, inet6 = 128 }

-- A network that somebody in the domain has by hand is that of all.
local function hand_net(pool, domain)
  for _, entry in ipairs(domain.ends) do
    for _, record in ipairs(addrs_of(entry.device)) do
      local length = tonumber(record.addr:match "/(%d+)$")
      local ours = family_of(record.addr) == pool.family and not pool.given[record] and not record.peer
      if ours and length < FULL[pool.family] - 1 and not record.addr:find "^fe80:" then
        local bits = math.min(16, FULL[pool.family] - length)
        return { text = prefixes.subnet(record.addr, length, 0), taken = {}, hosts = (1 << bits) - 2 }
      end
    end
  end
end

-- --- giving addresses out ---

-- Numbers of the network that ends have.
local function note_taken(net, ends)
  local base = prefixes.parse(net.text, "addr")
  local format, at = #base.bytes == 4 and ">I4" or ">i8", #base.bytes == 4 and 1 or 9
  for _, entry in ipairs(ends) do
    for _, record in ipairs(addrs_of(entry.device)) do
      local bytes = core.prefix(record.addr)
      local same = #bytes == #base.bytes and prefixes.head(bytes, base.length) == prefixes.head(base.bytes, base.length)
      if same then net.taken[format:unpack(bytes, at) - format:unpack(base.bytes, at)] = true end
    end
  end
end

-- A free number of the network for an end; nil: all are taken.
local function host_number(net, key, rank)
  local number = net.ordered and rank or 1 + (core.hash(key) & 0x7fffffff) % net.hosts
  for _ = 1, net.hosts do
    if not net.taken[number] then
      net.taken[number] = true
      return number
    end
    number = number % net.hosts + 1
  end
end

local function give(pool, dev, text)
  local record = device.addr(text)
  pool.given[record] = true
  local list = addrs_of(dev)
  list[#list + 1] = record
end

-- Whose addresses are to be looked at: those who came since, or all where the domain has another name. They get a key.
local function prepare(domain)
  local whole = domain.planned ~= domain.key
  if whole then domain.seen = {} end
  domain.todo = whole and domain.ends or domain.fresh
  for _, entry in ipairs(domain.todo) do
    local name = entry.node.name
    if whole or not entry.key then
      domain.seen[name] = (domain.seen[name] or 0) + 1
      entry.key = name .. " " .. domain.seen[name]
    end
  end
end

local function done(domain)
  domain.planned, domain.fresh, domain.todo = domain.key, {}, nil
end

-- Who of them needs an address of a pool.
local function wanting(pool, domain)
  local list = {}
  for _, entry in ipairs(domain.todo) do
    local node, dev = entry.node, entry.device
    local able = (node.kind == "host" or node.kind == "router") and not dev.none
      and not (pool.family == "inet6" and dev.ipv6 == false)
    if able and not has(dev, pool.family) then list[#list + 1] = entry end
  end
  return list
end

local function too_small(lab, pool, what)
  for length = pool.length - 1, 1, -1 do
    local wider = new_pool(prefixes.subnet(pool.text:gsub("/%d+$", "/" .. length), length, 0))
    wider.given = {}
    local fits = true
    for _, domain in ipairs(domains.of(lab).list) do fits = fits and make_net(wider, domain) ~= nil end
    for _, node in ipairs(lab.nodes) do
      if node.kind == "router" then fits = fits and take(wider, "loop", 0, node.name) ~= nil end
    end
    if fits then
      fail.misuse("addresses: %s is too small for lab %s: no place for %s; a /%d would do, as %s", pool.text, lab.name,
        what, length, wider.text)
    end
  end
end

-- The network that a domain has of a pool, with what is taken of it; nil: it needs none.
local function net_of(lab, pool, domain, list)
  local net = pool.nets[domain.key]
  if not net and not list[1] then return nil end
  local is_new = not net
  if is_new then
    net = hand_net(pool, domain) or make_net(pool, domain)
    if not net then too_small(lab, pool, "the network of " .. domain.key) end
    pool.nets[domain.key] = net
  end
  note_taken(net, is_new and domain.ends or domain.todo)
  return net
end

-- Each of two ends has its place by its name.
local function rank(domain)
  local ranked = table.move(domain.ends, 1, #domain.ends, 1, {})
  table.sort(ranked, function(a, b) return a.key < b.key end)
  for place, entry in ipairs(ranked) do entry.rank = place end
end

local function assign_domain(lab, pool, domain)
  if domain.outside then return end
  local list = wanting(pool, domain)
  local net = net_of(lab, pool, domain, list)
  if net and net.ordered then rank(domain) end
  for _, entry in ipairs(list) do
    local number = host_number(net, entry.key, entry.rank)
    if not number then
      fail.misuse("addresses: the network %s of %s has no place for %s; read addresses when all links are declared, "
        .. "or give one end an address in a larger network", net.text, domain.key, tostring(entry.node.name))
    end
    give(pool, entry.device, prefixes.address(net.text, number))
  end
end

-- A router is known by an address that no link's end takes with it.
local function assign_loopback(lab, pool, node)
  local lo = node.loopback
  if node.kind ~= "router" or lo.none or has(lo, pool.family) then return end
  if pool.family == "inet6" and node.ipv6 == false then return end
  local place = pool.loops[node.name]
  if not place then
    if pool.family == "inet" then
      place = take(pool, "loop", 0, node.name)
    else -- all in the last network of the pool
      place = 1 + (core.hash("loop", node.name) & 0xffffff)
      while pool.cells.loop[place] do place = place + 1 end
      pool.cells.loop[place] = true
    end
    if not place then too_small(lab, pool, "the loopback of " .. node.name) end
    pool.loops[node.name] = place
  end
  local text
  if pool.family == "inet" then
    text = prefixes.subnet(pool.text, 32, place)
  else
    text = prefixes.address(prefixes.subnet(pool.text, 64, (1 << pool.bits) - 1), place):gsub("/64$", "/128")
  end
  give(pool, lo, text)
end

local plans = setmetatable({}, { __mode = "k" }) -- by lab: the domains, and those that addresses are to be given in

-- The plan of a lab with what was declared since it was made.
local function plan_of(lab)
  local plan = plans[lab]
  if not plan then
    for _, pool in ipairs(lab.pools) do pool.given = setmetatable({}, { __mode = "k" }) end
    note_new_hands(lab, 0, 0, 0)
    local map = domains.of(lab)
    plan = { map = map, waiting = map.list, nodes = 0 }
    plans[lab] = plan
    return plan
  end
  note_new_hands(lab, plan.map.nodes, plan.map.own, plan.map.links)
  for _, domain in ipairs(domains.grow(plan.map, lab)) do table.insert(plan.waiting, domain) end
  return plan
end

local readers = setmetatable({}, { __mode = "k" }) -- by lab: the metatable of its devices

--- Lets a link of a lab with a plan get its addresses when they are read: `addrs` is found out by then.
---@private
---@param lab nsh.Lab
---@param dev table link of a node's own, or its lo
---@return table dev
function m.later(lab, dev)
  if not readers[lab] then
    readers[lab] = { __index = function(self, key)
      if key ~= "addrs" then return nil end
      m.assign(lab)
      return self.own_addrs
    end }
  end
  dev.own_addrs, dev.addrs = dev.addrs, nil
  return setmetatable(dev, readers[lab])
end

--- Gives addresses to those that have none. What has been given stays.
---@private
---@param lab nsh.Lab
function m.assign(lab)
  if lab.assigned or not lab.pools then return end
  lab.assigned = true -- what follows reads addresses
  local plan = plan_of(lab)
  for _, domain in ipairs(plan.waiting) do prepare(domain) end
  for _, pool in ipairs(lab.pools) do
    for _, domain in ipairs(plan.waiting) do
      if not domain.gone then assign_domain(lab, pool, domain) end
    end
    for i = plan.nodes + 1, #lab.nodes do assign_loopback(lab, pool, lab.nodes[i]) end
  end
  for _, domain in ipairs(plan.waiting) do done(domain) end
  plan.waiting, plan.nodes = {}, #lab.nodes
end

-- --- routes ---

local function has_default(node, family)
  for _, route in ipairs(node.routes) do
    local via = route.via or route.nexthops and route.nexthops[1] and route.nexthops[1].via
    if route.dst == "default" and (not via or family_of(via) == family) then return true end
  end
end

-- Ends of a domain that are on routers.
local function routers_of(domain)
  if not domain.routers then
    domain.routers = {}
    for _, entry in ipairs(domain.ends) do
      if entry.node.kind == "router" then table.insert(domain.routers, entry) end
    end
  end
  return domain.routers
end

-- The router of a family that a host's domains have, where it is the only one.
local function only_router(node, family, map)
  local found, count = nil, 0
  for _, port in ipairs(node.ports) do
    for _, entry in ipairs(routers_of(domains.which(map, port))) do
      found, count = has(entry.device, family) or found, count + 1
    end
  end
  return count == 1 and found and found.addr:match "^[^/]+" or nil
end

--- Lists the routes that the plan gives to a node: a host's default route, by the one router that it hears.
---@private
---@param node nsh.LabNode
---@return table[]
function m.routes(node)
  local list, seen = {}, {}
  m.assign(node.lab)
  if node.kind ~= "host" then return list end
  for _, pool in ipairs(node.lab.pools) do
    local family = pool.family
    if not seen[family] and not has_default(node, family) then
      local via = only_router(node, family, plans[node.lab].map)
      if via then list[#list + 1] = { dst = "default", via = via } end
    end
    seen[family] = true
  end
  return list
end

return m
