--- compare.lua - a namespace as nsh reads it and as ip(8) tells it: both as lines of text, in the same words.
local core = require "nsh.core"
local json = require "dkjson"

local m = {}

--- Writes a value as Lua does, with its keys in order.
local function text(value)
  if type(value) ~= "table" then return type(value) == "string" and ("%q"):format(value) or tostring(value) end
  if value.namespace then return ("n[%d]"):format(value.namespace) end
  local words, keys = {}, {}
  for i, v in ipairs(value) do words[i] = text(v) end
  for key in pairs(value) do
    if type(key) == "string" then keys[#keys + 1] = key end
  end
  table.sort(keys)
  for _, key in ipairs(keys) do
    words[#words + 1] = ("%s = %s"):format(key:find "^[%a_][%w_]*$" and key ~= "local" and key or ("[%q]"):format(key),
      text(value[key]))
  end
  return "{ " .. table.concat(words, ", ") .. " }"
end

m.text = text

local function words(list)
  local out = {}
  for _, pair in ipairs(list) do
    local key, value = pair[1], pair[2]
    if value ~= nil and value ~= false then out[#out + 1] = key .. "=" .. tostring(value) end
  end
  return table.concat(out, " ")
end

local function set(list)
  local found = {}
  for _, name in ipairs(list or {}) do found[name] = true end
  return found
end

local METRICS = { "mtu", "advmss", "initcwnd", "window", "quickack", "hoplimit" }

local function hops(list, via)
  if not list then return nil end
  local out = {}
  for i, hop in ipairs(list) do out[i] = ("%s/%s/%s"):format(hop[via], hop.dev, hop.weight) end
  return table.concat(out, ",")
end

local ours = {
  link = function(r)
    return words { { "link", r.name }, { "index", r.index }, { "mtu", r.mtu }, { "mac", r.mac }, { "up", r.up },
      { "kind", r.kind }, { "master", r.master }, { "alias", r.alias }, { "txqlen", r.txqlen }, { "group", r.group },
      { "arp", r.arp }, { "queues", r.numtxqueues }, { "cost", r.port and r.port.cost }, { "ageing", r.ageing_time },
      { "id", r.id }, { "mode", r.mode } }
  end,
  addr = function(r)
    return words { { "addr", r.addr }, { "dev", r.dev }, { "peer", r.peer }, { "scope", r.scope }, { "label", r.label },
      { "metric", r.metric }, { "noprefixroute", r.noprefixroute }, { "nodad", r.nodad }, { "secondary", r.secondary } }
  end,
  route = function(r)
    local list = { { "route", r.dst }, { "type", r.type }, { "via", r.via }, { "dev", r.dev }, { "table", r.table },
      { "proto", r.proto }, { "scope", r.scope }, { "metric", r.metric ~= 0 and r.metric }, { "src", r.src },
      { "tos", r.tos ~= 0 and r.tos }, { "hops", hops(r.nexthops, "via") } }
    for _, key in ipairs(METRICS) do list[#list + 1] = { key, r[key] } end
    return words(list)
  end,
  rule = function(r)
    return words { { "rule", r.priority }, { "family", r.family }, { "not", r.invert }, { "from", r.from },
      { "to", r.to }, { "fwmark", r.fwmark }, { "ipproto", r.ipproto }, { "iif", r.iif }, { "uid", r.uidrange },
      { "dport", r.dport }, { "type", r.type ~= "unicast" and r.type }, { "table", r.table } }
  end,
  neigh = function(r)
    return words { { "neigh", r.dst }, { "dev", r.dev }, { "mac", r.mac }, { "state", r.state } }
  end,
}

local function prefix(address, length, full)
  return address and (length == nil and not address:find "/" and address or length == full and address
    or ("%s/%s"):format(address, length)) or nil
end

local theirs = {
  link = function(r)
    local flags, data = set(r.flags), r.linkinfo and r.linkinfo.info_data or {}
    local port = r.linkinfo and r.linkinfo.info_slave_data
    return words { { "link", r.ifname }, { "index", r.ifindex }, { "mtu", r.mtu }, { "mac", r.address },
      { "up", flags.UP }, { "kind", r.linkinfo and r.linkinfo.info_kind }, { "master", r.master },
      { "alias", r.ifalias }, { "txqlen", r.txqlen }, { "group", r.group }, { "arp", not flags.NOARP },
      { "queues", r.num_tx_queues }, { "cost", port and port.cost },
      { "ageing", data.ageing_time and data.ageing_time // 100 }, { "id", data.id }, { "mode", data.mode } }
  end,
  addr = function(r, dev)
    local peer = r.address and ("%s/%s"):format(r.address, r.prefixlen)
    return words { { "addr", ("%s/%s"):format(r["local"], peer and (r.family == "inet" and 32 or 128) or r.prefixlen) },
      { "dev", dev }, { "peer", peer }, { "scope", r.scope }, { "label", r.label }, { "metric", r.metric },
      { "noprefixroute", r.noprefixroute }, { "nodad", r.nodad }, { "secondary", r.secondary } }
  end,
  route = function(r)
    local list = { { "route", r.dst }, { "type", r.type }, { "via", r.gateway }, { "dev", r.dev }, { "table", r.table },
      { "proto", r.protocol }, { "scope", r.scope }, { "metric", r.metric ~= 0 and r.metric }, { "src", r.prefsrc },
      { "tos", tonumber(r.tos) }, { "hops", hops(r.nexthops, "gateway") } }
    local metrics = r.metrics and r.metrics[1] or {}
    for _, key in ipairs(METRICS) do list[#list + 1] = { key, metrics[key] } end
    return words(list)
  end,
  rule = function(r, family)
    local full = family == "inet" and 32 or 128
    return words { { "rule", r.priority }, { "family", family }, { "not", r["not"] ~= nil },
      { "from", r.src ~= "all" and prefix(r.src, r.srclen, full) or nil }, { "to", prefix(r.dst, r.dstlen, full) },
      { "fwmark", tonumber(r.fwmark) }, { "ipproto", r.ipproto }, { "iif", r.iif },
      { "uid", r.uid_start and r.uid_start .. "-" .. r.uid_end },
      { "dport", r.dport_start and r.dport_start .. "-" .. r.dport_end or r.dport }, { "type", r.action },
      { "table", r.table } }
  end,
  neigh = function(r)
    return words { { "neigh", r.dst }, { "dev", r.dev }, { "mac", r.lladdr }, { "state", r.state[1]:lower() } }
  end,
}

--- Reads all of a namespace with nsh.
function m.read(ns)
  return { link = ns:links(), addr = ns:addrs(), route = ns:routes { table = "all" }, rule = ns:rules(),
    neigh = ns:neighs() }
end

-- What ip(8) says of it: one command, one document a line.
local function look(ns)
  local out = ns:exec([[ip -j -d addr; echo; ip -j -d route show table all; echo; ip -j rule; echo; ip -j -6 rule; echo
    ip -j neigh]]).out
  local docs, at = {}, 1
  for i = 1, 5 do
    local doc, next = json.decode(out, at, true)
    docs[i], at = doc or {}, next or #out + 1
  end
  local told = { link = {}, addr = {}, route = {}, rule = {}, neigh = {} }
  for _, link in ipairs(docs[1]) do
    table.insert(told.link, theirs.link(link))
    for _, addr in ipairs(link.addr_info or {}) do
      if addr.family then table.insert(told.addr, theirs.addr(addr, link.ifname)) end
    end
  end
  for _, route in ipairs(docs[2]) do table.insert(told.route, theirs.route(route)) end
  for i, family in ipairs { "inet", "inet6" } do
    for _, rule in ipairs(docs[i + 2]) do table.insert(told.rule, theirs.rule(rule, family)) end
  end
  for _, neigh in ipairs(docs[5]) do table.insert(told.neigh, theirs.neigh(neigh)) end
  return told
end

local function differ(a, b, what)
  local count = {}
  for _, s in ipairs(a) do count[s] = (count[s] or 0) + 1 end
  for _, s in ipairs(b) do count[s] = (count[s] or 0) - 1 end
  local found = {}
  for s, n in pairs(count) do
    if n ~= 0 then found[#found + 1] = (n > 0 and what[1] or what[2]) .. ": " .. s end
  end
  table.sort(found)
  if #found > 0 then error(table.concat(found, "\n"), 0) end
end

--- Raises as long as an address of IPv6 lacks its local route, which the kernel makes when it gets to it.
function m.ready(ns)
  local there = {}
  for _, route in ipairs(ns:routes { table = "local", family = "inet6" }) do
    there[route.dst .. " " .. route.dev] = true
  end
  for _, addr in ipairs(ns:addrs { family = "inet6" }) do
    assert(there[addr.addr:gsub("/.*", "") .. " " .. addr.dev], addr.addr)
  end
end

--- Raises where nsh and ip(8) tell different things.
function m.with_oracle(ns)
  local told, records = look(ns), m.read(ns)
  for noun, list in pairs(records) do
    local lines = {}
    for i, record in ipairs(list) do lines[i] = ours[noun](record) end
    differ(lines, told[noun], { "only nsh says", "only ip(8) says" })
  end
end

-- --- taken away and written back ---

-- Of each noun: what only the kernel tells, and what is of the moment.
local volatile = {}
for _, noun in ipairs(core.tables()) do
  local keys = set { "index", "carrier", "state" }
  for _, owner in ipairs { noun, table.unpack(noun.kinds or {}) } do
    for _, rows in ipairs { owner.rows, owner.port_rows } do
      for _, row in ipairs(rows) do keys[row.key] = keys[row.key] or row.readonly end
    end
  end
  volatile[noun.noun] = keys
end

local function without(record, keys)
  local copy = {}
  for key, value in pairs(record) do
    if not keys[key] then copy[key] = key == "port" and without(value, keys) or value end
  end
  return copy
end

local LEAF = set { "ifb", "dummy", "macvlan", "vlan", "ipvlan", "vxlan", "geneve", "gre", "ip6tnl" }

local function plain(list, noun)
  local lines = {}
  for i, record in ipairs(list) do lines[i] = m.text(without(record, volatile[noun])) end
  return lines
end

--- Deletes what a namespace has and makes it again from its records.
---@return fun() check raises what came out otherwise
function m.write_back(ns)
  local before = m.read(ns)
  for _, row in ipairs { { "route", "del_route" }, { "rule", "del_rule" }, { "neigh", "del_neigh" } } do
    for _, record in ipairs(before[row[1]]) do
      if record.proto ~= "kernel" then ns[row[2]](ns, record) end
    end
  end
  for i = #before.addr, 1, -1 do
    local addr = before.addr[i]
    if addr.proto ~= "kernel_lo" then ns:link(addr.dev):del_addr(addr) end
  end
  for _, record in ipairs(before.link) do
    if LEAF[record.kind] then ns:link(record.name):del() end
  end
  for _, record in ipairs(before.link) do
    if LEAF[record.kind] then ns:add_link(record) end
  end
  for _, addr in ipairs(before.addr) do
    if addr.proto ~= "kernel_lo" then ns:link(addr.dev):add_addr(addr) end
  end
  for _, row in ipairs { { "route", "add_route" }, { "rule", "add_rule" }, { "neigh", "add_neigh" } } do
    for _, record in ipairs(before[row[1]]) do
      if record.proto ~= "kernel" then ns[row[2]](ns, record) end
    end
  end
  return function()
    local after = m.read(ns)
    for noun, list in pairs(before) do
      differ(plain(list, noun), plain(after[noun], noun), { noun .. " lost", noun .. " gained" })
    end
  end
end

return m
