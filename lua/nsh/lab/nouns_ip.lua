--- nouns_ip.lua - addresses, neighbours, nexthop objects, routes and rules, as nouns of a lab.
local attrs = require "nsh.attrs"
local core = require "nsh.core"
local fail = require "nsh.error"
local prefixes = require "nsh.prefix"

local m = {}

-- Loaded at the first use: most labs have no rules.
local function noun(name) return require("nsh." .. name) end

local function values() return require "nsh.lab.nouns" end

local function is_inet6(text) return text ~= nil and prefixes.is_six(text) end

local function copy_of(record)
  local copy = {}
  for key, value in pairs(record) do copy[key] = value end
  return copy
end

-- The keys of a noun that can be written, without those of a list; value: what says nothing.
local function keys_of(name, without)
  local keys
  return function()
    if not keys then
      keys = {}
      for _, row in ipairs(attrs.rows(name)) do
        if not row.readonly and not row.writeonly and row.key then keys[row.key] = without[row.key] or false end
        if without[row.key] == true then keys[row.key] = nil end
      end
    end
    return keys
  end
end

-- --- addresses ---

-- What the kernel changes of an address that is there; all else takes a new one.
local IN_PLACE = { valid_lft = true, preferred_lft = true, metric = true, proto = true, nodad = true, home = true }

local function addr_key(record)
  local addr = record.addr
  if is_inet6(addr) then addr = addr:gsub("/.*", "") end
  return (record.peer and addr .. " peer " .. record.peer or addr) .. " dev " .. tostring(record.dev)
end

-- What a lifetime was runs down.
local function addr_changes(wish, live)
  local found = values().changes(wish, live)
  for _, key in ipairs { "valid_lft", "preferred_lft" } do
    if found and found[key] and live[key] and wish[key] and live[key] <= wish[key] then found[key] = nil end
  end
  return found and next(found) and found or nil
end

local function addr_read(record)
  if record.peer and not is_inet6(record.addr) and record.peer:find "/" then
    record.addr = record.addr:gsub("/.*", "") .. record.peer:match "/.*"
  end
  return record
end

-- Of IPv6 the kernel takes the route of the least metric for that of the address which is changed, though it may be
-- another one's of the same network; and a metric stays where none is said.
local function is_in_place(record, old, changes)
  if is_inet6(record.addr) and (record.metric or old.metric) then return false end
  for key in pairs(changes) do
    if not IN_PLACE[key] then return false end
  end
  return true
end

local function addr_change(ns, record, old, _, step)
  if is_in_place(record, old, step.changes) then return core.addr.replace(ns.core, record) end
  local ok, message, code, detail = core.addr.del(ns.core, old)
  if not ok then return ok, message, code, detail end
  return core.addr.add(ns.core, record)
end

m[1] = {
  noun = "addr", field = "addrs", key = addr_key,
  name = function(record)
    return ("%s%s dev %s"):format(record.addr, record.peer and " peer " .. record.peer or "", tostring(record.dev))
  end, read = addr_read, changes = addr_changes,
  list = function(ns, _, _, family)
    return fail.check("addr list", nil, ns, core.addr.list(ns.core, { family = family }))
  end,
  mine = function(record)
    return record.addr ~= "127.0.0.1/8" and record.proto ~= "kernel_lo" and record.proto ~= "kernel_ll"
      and record.proto ~= "kernel_ra" and not record.temporary and record.addr ~= "::1/128"
  end,
  -- a link-local one may be the kernel's by then
  add = function(ns, record) return core.addr[record.proto == "kernel_ll" and "replace" or "add"](ns.core, record) end,
  change = addr_change,
  del = function(ns, record) return core.addr.del(ns.core, record) end,
  gone = { EADDRNOTAVAIL = true, ENODEV = true },
}

-- --- neighbours ---

local LASTS = { permanent = true, noarp = true }

-- The state of one that isn't permanent is the kernel's affair.
local function neigh_changes(wish, live)
  local found = values().changes(wish, live)
  if found and found.state and not LASTS[wish.state] then found.state = nil end
  return found and next(found) and found or nil
end

local function neigh_read(record)
  record = core.neigh.read(noun "neigh".complete(record))
  if not record.state and not record.proxy then record.state = "permanent" end
  return record
end

-- The kernel lists proxies apart.
local function neigh_list(ns, wanted, last)
  local list = fail.check("neigh list", nil, ns, core.neigh.list(ns.core, {}))
  local proxy = not wanted
  for _, records in ipairs { wanted or {}, last or {} } do
    for _, record in ipairs(records) do proxy = proxy or record.proxy end
  end
  if proxy then
    for _, record in ipairs(fail.check("neigh list", nil, ns, core.neigh.list(ns.core, { proxy = true }))) do
      list[#list + 1] = record
    end
  end
  return list
end

m[2] = {
  noun = "neigh", field = "neighs", read = neigh_read, changes = neigh_changes, list = neigh_list,
  key = function(record)
    return record.dst .. " dev " .. tostring(record.dev) .. (record.proxy and " proxy" or "")
  end,
  mine = function(record) return record.state == "permanent" or record.proxy or record.managed or false end,
  add = function(ns, record) return core.neigh.replace(ns.core, record) end,
  change = function(ns, record) return core.neigh.replace(ns.core, record) end,
  del = function(ns, record) return core.neigh.del(ns.core, record) end,
  gone = { ENOENT = true, ENODEV = true },
}

-- --- nexthop objects ---

local nexthop_keys = keys_of("nexthop", { id = true, proto = true, family = true, type = true, group = true })

local function nexthop_changes(wish, live)
  return values().surplus(values().changes(wish, live), wish, live, nexthop_keys())
end

local function nexthop_read(spec)
  local record = core.nexthop.read(noun "nexthop".complete(spec))
  for _, member in ipairs(record.group or {}) do member.weight = member.weight or 1 end
  return record
end

m[3] = {
  noun = "nexthop", field = "nexthops", read = nexthop_read, changes = nexthop_changes,
  key = function(record) return "id " .. tostring(record.id) end,
  list = function(ns) return fail.check("nexthop list", nil, ns, core.nexthop.list(ns.core, {})) end,
  add = function(ns, record) return core.nexthop.add(ns.core, record) end,
  change = function(ns, record) return core.nexthop.replace(ns.core, record) end,
  del = function(ns, record) return core.nexthop.del(ns.core, { id = record.id }) end,
  gone = { ENOENT = true },
}

-- --- routes ---

-- Keys of a route that are told where nobody set them.
local route_keys = keys_of("route", { dst = true, dev = true, family = true, scope = true, proto = true, encap = true,
  onlink = true, type = "unicast", table = true, pref = "medium", metric = true, tos = true })

local OF_LOCAL = { ["local"] = true, broadcast = true, anycast = true, nat = true }

local function family_in(text)
  if not text then return nil end
  return text:find "^%x*:" and "inet6" or text:find(".", 1, true) and "inet" or nil
end

local function family_of(record)
  local first = record.nexthops and record.nexthops[1]
  return record.family or family_in(record.dst) or family_in(record.src) or family_in(record.from)
    or family_in(first and first.via or record.via) or "inet"
end

-- IPv6 takes a prefix for a destination whose last bits are set, too.
local function masked(dst)
  return core.route.read({ prefixes.subnet(dst, prefixes.parse(dst, "dst").length, 0) }).dst
end

local function route_read(record)
  record.family = family_of(record)
  if record.dst == "0.0.0.0/0" or record.dst == "::/0" then record.dst = "default" end
  if record.family == "inet6" and record.dst:find "/" then record.dst = masked(record.dst) end
  record.table = record.table or (OF_LOCAL[record.type] and "local" or "main")
  if record.family == "inet6" and (record.metric or 0) == 0 then record.metric = 1024 end
  local hops = record.nexthops
  if hops and #hops == 1 then
    for key, value in pairs(hops[1]) do record[key] = value end
    record.nexthops, record.weight, hops = nil, nil, nil
  end
  for _, hop in ipairs(hops or {}) do hop.weight = hop.weight or 1 end
  return record
end

-- Where the hops of both are the same, in whatever order the kernel has them.
local function same_hops(wish, live)
  if #wish ~= #live then return false end
  local left = table.move(live, 1, #live, 1, {})
  for _, hop in ipairs(wish) do
    local found
    for i, other in ipairs(left) do found = found or values().same(hop, other) and i or nil end
    if not found then return false end
    table.remove(left, found)
  end
  return true
end

-- A nexthop object tells its gateways in the route as well.
local function route_changes(wish, live)
  local same = values()
  local found = same.changes(wish, live)
  if found and found.nexthops and live.nexthops and same_hops(wish.nexthops, live.nexthops) then
    found.nexthops = nil
  end
  if not wish.nhid then found = same.surplus(found, wish, live, route_keys()) end
  return found and next(found) and found or nil
end

local function route_name(record)
  local words = { record.dst }
  for _, key in ipairs { "via", "dev", "metric", "table" } do
    local value = record[key]
    if value and value ~= "main" and not (key == "metric" and value == 1024) then
      words[#words + 1] = key .. " " .. tostring(value)
    end
  end
  if record.type and record.type ~= "unicast" then table.insert(words, 1, record.type) end
  return table.concat(words, " ")
end

-- The kernel finds a route to delete by all that it is told.
local function route_del(ns, record)
  return core.route.del(ns.core, { dst = record.dst, family = record.family, table = record.table,
    metric = record.metric, tos = record.tos, from = record.from, type = record.type, proto = record.proto })
end

-- A network may be that of several links, and the kernel has a route of its own for each.
local function how_to_add(record)
  if record.proto ~= "kernel" then return "add" end
  return record.family == "inet6" and "prepend" or "append" -- which IPv6 makes one route with several ways of
end

m[4] = {
  noun = "route", field = "routes", along = "addrs", read = route_read, changes = route_changes, name = route_name,
  key = function(record)
    local dev = record.proto == "kernel" and record.dev
    return record.family .. " " .. record.dst .. " " .. record.table .. " " .. (record.metric or 0) .. " "
      .. (record.tos or 0) .. " " .. (record.from or "") .. (dev and " " .. dev or "")
  end,
  list = function(ns, _, _, family)
    return fail.check("route list", nil, ns, core.route.list(ns.core, { family = family }))
  end,
  mine = function(record)
    return record.proto ~= "kernel" and record.proto ~= "redirect" and record.proto ~= "ra" and not record.cloned
  end,
  add = function(ns, record) return core.route[how_to_add(record)](ns.core, noun "words".own(record)) end,
  change = function(ns, record) return core.route.replace(ns.core, noun "words".own(record)) end,
  del = route_del,
  gone = { ESRCH = true, ENOENT = true },
}

-- --- rules ---

local selectors

-- What tells rules apart is all of them but who set it.
local function rule_words(record, priority)
  if not selectors then
    selectors = {}
    for _, row in ipairs(attrs.rows "rule") do
      if not row.readonly and row.key ~= "proto" and row.key ~= "priority" then
        selectors[#selectors + 1] = row.key
      end
    end
    table.sort(selectors)
  end
  local words = { priority and "priority " .. priority or nil }
  for _, key in ipairs(selectors) do
    local value = record[key]
    if value ~= nil and value ~= false and value ~= 0 and not (key == "type" and value == "unicast") then
      words[#words + 1] = key .. " " .. tostring(value)
    end
  end
  return table.concat(words, " ")
end

local function rule_read(spec)
  local record = core.rule.read(noun "rule".complete(spec))
  record.family = record.family or (is_inet6(record.from) or is_inet6(record.to)) and "inet6" or "inet"
  if record.fwmark and not record.fwmask then record.fwmask = 0xffffffff end
  return record
end

local function rule_del(ns, record)
  local spec = copy_of(record)
  for _, key in ipairs { "permanent", "unresolved", "iif_detached", "oif_detached" } do spec[key] = nil end
  return core.rule.del(ns.core, spec)
end

m[5] = {
  noun = "rule", field = "rules", read = rule_read,
  key = function(record) return rule_words(record, record.priority) end,
  loose = function(record) return record.priority == nil and rule_words(record) or nil end,
  rest = function(record) return rule_words(record) end,
  list = function(ns) return fail.check("rule list", nil, ns, core.rule.list(ns.core, {})) end,
  mine = function(record) return record.proto ~= "kernel" end,
  changes = function() return nil end, -- all of it is what tells it apart
  add = function(ns, record) return core.rule.add(ns.core, record) end,
  del = rule_del,
  gone = { ENOENT = true },
}

return m
