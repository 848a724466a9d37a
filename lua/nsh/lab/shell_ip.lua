--- shell_ip.lua - addresses, routes, rules, neighbours and what bridges know, in the words of ip(8) and bridge(8).
local number = require("nsh.lab.shell_link").number
local prefixes = require "nsh.prefix"

local m = {}

local function add(words, word, value)
  if value == nil or value == false then return end
  words[#words + 1] = word
  if word == "tos" and type(value) == "number" then value = ("0x%x"):format(value) end -- ip(8) reads it as such
  if value ~= true then words[#words + 1] = type(value) == "number" and number(value) or tostring(value) end
end

-- Keys by their words: { key, word }, or a key that is its own word.
local function put(words, record, list)
  for _, entry in ipairs(list) do
    local key, word = entry, entry
    if type(entry) == "table" then key, word = entry[1], entry[2] end
    add(words, word, record[key])
  end
  return words
end

local ADDR = { "peer", "broadcast", "anycast", "scope", "label", "metric", "proto", "home", "mngtmpaddr", "nodad",
  "optimistic", "noprefixroute", "autojoin", "dev" }

function m.addr(r)
  local words = { "ip", "addr", "add", r.addr }
  return put(words, r, ADDR)
end

-- --- routes ---

-- "inet6 fd00::1" where the gateway is of another family than the destination.
local function gateway(words, via, six)
  if not via then return end
  words[#words + 1] = "via"
  local gateway_six = prefixes.is_six(via)
  if gateway_six ~= six then words[#words + 1] = gateway_six and "inet6" or "inet" end
  words[#words + 1] = via
end

local ENCAP = {
  mpls = function(e) return put({ "mpls", tostring(e.labels) }, e, { "ttl" }) end,
  ip = function(e)
    return put({ "ip" }, e, { "id", "src", "dst", "tos", "ttl", "key", "csum", "seq" })
  end,
  seg6 = function(e)
    return { "seg6", "mode", e.mode, "segs", type(e.segs) == "table" and table.concat(e.segs, ",") or e.segs }
  end,
}

local function ip6(e)
  local words = ENCAP.ip(e)
  words[1] = "ip6"
  return words
end
ENCAP.ip6 = ip6

-- nil: it has no words here
local function encap(words, e)
  if not e then return words end
  local write = ENCAP[e.type]
  if not write then return nil end
  words[#words + 1] = "encap"
  local more = write(e)
  return table.move(more, 1, #more, #words + 1, words)
end

local METRICS = { "mtu", "advmss", "rtt", "rttvar", "window", "cwnd", "initcwnd", "initrwnd", "ssthresh", "hoplimit",
  "quickack", "reordering", "rto_min", "congctl" }
local TIMES = { rtt = true, rttvar = true, rto_min = true }

local function metrics(words, r)
  for _, key in ipairs(METRICS) do
    local value = r[key]
    if value ~= nil and TIMES[key] then value = ("%dms"):format(math.floor(value * 1000 + 0.5)) end
    if value ~= nil then add(words, key, value == true and 1 or value) end
  end
  if r.ecn then add(words, "features", "ecn") end
end

local function is_six(r)
  return r.family == "inet6" or r.family ~= "inet" and (r.dst .. tostring(r.via or "")):find(":", 1, true) ~= nil
end

function m.route(r)
  local six = is_six(r)
  local words = { "ip", six and "-6" or "-4", "route", r.append and "append" or "add" }
  if r.type and r.type ~= "unicast" then words[#words + 1] = r.type end
  words[#words + 1] = r.dst
  put(words, r, { "from", "tos", "table", "metric", { "proto", "proto" }, "scope" })
  if r.nhid then
    add(words, "nhid", r.nhid)
  else
    if not encap(words, r.encap) then return nil end
    gateway(words, r.via, six)
    put(words, r, { "dev" })
  end
  put(words, r, { "src", "pref", { "realm", "realms" } })
  if r.ttl_propagate ~= nil then add(words, "ttl-propagate", r.ttl_propagate and "enabled" or "disabled") end
  metrics(words, r)
  if r.onlink and not r.nhid then words[#words + 1] = "onlink" end
  for _, hop in ipairs(not r.nhid and r.nexthops or {}) do
    words[#words + 1] = "nexthop"
    if not encap(words, hop.encap) then return nil end
    gateway(words, hop.via, six)
    put(words, hop, { "dev", "weight", { "realm", "realms" }, "onlink" })
  end
  return words
end

-- --- rules ---

function m.rule(r)
  local six = r.family == "inet6" or (tostring(r.from) .. tostring(r.to)):find(":", 1, true) ~= nil
  local words = { "ip", six and "-6" or "-4", "rule", "add" }
  if r.invert then words[#words + 1] = "not" end
  words[#words + 1], words[#words + 2] = "from", r.from or "all"
  put(words, r, { "to", "tos", "iif", "oif", "priority", "uidrange", "ipproto", "sport", "dport", "tun_id" })
  if r.fwmark then
    add(words, "fwmark", r.fwmark .. (r.fwmask and r.fwmask ~= 0xffffffff and "/" .. r.fwmask or ""))
  end
  put(words, r, { { "proto", "protocol" }, { "suppress_prefixlength", "suppress_prefixlength" },
    { "suppress_ifgroup", "suppress_ifgroup" }, "l3mdev" })
  if r.type == "goto" or r.target then
    add(words, "goto", r.target)
  elseif r.type and r.type ~= "unicast" then
    words[#words + 1] = r.type
  elseif not r.l3mdev then
    add(words, "table", r.table or "main")
  end
  add(words, "realms", r.realms)
  return words
end

-- --- others ---

function m.neigh(r)
  local words = { "ip", "neigh", "add" }
  if r.proxy then words[#words + 1] = "proxy" end
  words[#words + 1] = r.dst
  put(words, r, { { "mac", "lladdr" }, { "state", "nud" }, { "proto", "protocol" }, "router", "extern_learn", "managed",
    "dev" })
  return words
end

function m.nexthop(r)
  local words = { "ip", "nexthop", "add", "id", number(r.id) }
  if r.group then
    local parts = {}
    for i, hop in ipairs(r.group) do
      if type(hop) ~= "table" then hop = { id = hop } end
      parts[i] = hop.id .. (hop.weight and hop.weight ~= 1 and "," .. hop.weight or "")
    end
    add(words, "group", table.concat(parts, "/"))
    if r.type and r.type ~= "mpath" then add(words, "type", r.type) end
    put(words, r, { "fdb" })
  elseif r.blackhole then
    words[#words + 1] = "blackhole"
  else
    if not encap(words, r.encap) then return nil end
    put(words, r, { "via", "dev", "onlink", "fdb" })
  end
  put(words, r, { { "proto", "proto" } })
  if r.family == "inet6" and not r.via and not r.group then table.insert(words, 2, "-6") end
  return words
end

function m.addrlabel(r) return { "ip", "addrlabel", "add", "prefix", r.prefix, "label", number(r.label) } end

function m.fdb(r)
  local words = { "bridge", "fdb", r.dst and "append" or "replace", r.mac, "dev", r.dev }
  words[#words + 1] = (r.self or not r.master) and "self" or "master"
  words[#words + 1] = r.state == "permanent" and "permanent" or r.state == "static" and "static" or "dynamic"
  return put(words, r, { "dst", "vlan", "vni", "src_vni", "port", "via", "nhid", "sticky", "extern_learn", "router" })
end

m["bridge_vlan"] = function(r, of_bridge)
  local words = { "bridge", "vlan", "add", "vid", number(r.vid) .. (r.range and "-" .. r.range or ""), "dev", r.dev }
  put(words, r, { "pvid", "untagged" })
  if of_bridge then words[#words + 1] = "self" end
  return words
end

function m.mdb(r)
  local words = { "bridge", "mdb", "add", "dev", r.dev, "port", r.port or r.dev, "grp", r.grp }
  put(words, r, { "src", "vid" })
  words[#words + 1] = r.state == "permanent" and "permanent" or "temp"
  return words
end

function m.vni(r) return put({ "bridge", "vni", "add", "vni", number(r.vni), "dev", r.dev }, r, { "remote" }) end

return m
