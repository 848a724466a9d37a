--- shell_link.lua - links in the words of ip-link(8): which key is which word, and how its value is written.
local attrs = require "nsh.attrs"

local m = {}

-- --- values ---

local function number(value)
  if math.type(value) == "float" and value == math.floor(value) then return ("%d"):format(value) end
  return math.type(value) == "float" and ("%.9g"):format(value) or tostring(value)
end
m.number = number

local function onoff(word) return function(value) return { word, value and "on" or "off" } end end
local function bit(word) return function(value) return { word, value and "1" or "0" } end end
local function noword(word) return function(value) return { value and word or "no" .. word } end end
local function flag(word) return function(value) return value and { word } or {} end end
local function scaled(word, scale)
  return function(value) return { word, ("%d"):format(math.floor(value * scale + 0.5)) } end
end
local function renamed(word) return function(value) return { word, number(value) } end end
local function choice(word, values)
  return function(value) return { word, values[value] or number(value) } end
end
local function listed(word) return function(value) return { word, table.concat(value, ",") } end end
local function nothing() return {} end

-- --- general keys ---

--- Keys that stand in front of `type`, in this order.
m.CREATION = {
  { "mtu", renamed "mtu" }, { "mac", renamed "address" }, { "broadcast", renamed "broadcast" },
  { "txqlen", renamed "txqueuelen" }, { "numtxqueues", renamed "numtxqueues" },
  { "numrxqueues", renamed "numrxqueues" },
}

--- Keys that `ip link set` takes.
m.CHANGE = {
  { "group", renamed "group" }, { "alias", renamed "alias" }, { "arp", onoff "arp" },
  { "multicast", onoff "multicast" }, { "allmulti", onoff "allmulticast" }, { "promisc", onoff "promisc" },
  { "trailers", onoff "trailers" }, { "dynamic", onoff "dynamic" }, { "addrgenmode", renamed "addrgenmode" },
  { "gso_max_size", renamed "gso_max_size" }, { "gso_max_segs", renamed "gso_max_segs" },
  { "gro_max_size", renamed "gro_max_size" }, { "gso_ipv4_max_size", renamed "gso_ipv4_max_size" },
  { "gro_ipv4_max_size", renamed "gro_ipv4_max_size" }, { "linkmode", renamed "mode" },
  { "protodown", onoff "protodown" },
}

-- Keys of links that are written elsewhere.
local ELSEWHERE = { name = true, kind = true, link = true, master = true, up = true, port = true, peer = true,
  altnames = true, index = true, link_netnsid = true, token = true }

-- --- kinds: how switches are written, seconds, and which keys have words of their own ---

local MCAST_ROUTER = { off = "0", query = "1", on = "2", temp = "3" }
local CENTI, MILLI = 100, 1000

local function by_tunnel(more)
  local words = {
    external = flag "external", encap_sport = renamed "encap-sport", encap_dport = renamed "encap-dport",
    encap_csum = noword "encap-csum", encap_csum6 = noword "encap-udp6-csum", encap_remcsum = noword "encap-remcsum",
    ignore_df = noword "ignore-df", allow_localremote = noword "allow-localremote", isatap = flag "isatap",
    sixrd_prefix = renamed "6rd-prefix", sixrd_relay_prefix = renamed "6rd-relay_prefix",
  }
  for key, word in pairs(more or {}) do words[key] = word end
  return { switch = noword, words = words }
end

-- ip-link(8) asks for these checksums where nothing is said.
local function without_csum6(spec) return spec.encap_csum6 == nil and { "noencap-udp6-csum" } or nil end

local VXLAN = {
  switch = noword,
  words = { external = flag "external", gbp = flag "gbp", gpe = flag "gpe", ttl_inherit = function(on)
    return on and { "ttl", "inherit" } or {}
  end, srcport_min = nothing, srcport_max = nothing, innerprotoinherit = flag "innerprotoinherit" },
  more = function(spec)
    return spec.srcport_min and { "srcport", number(spec.srcport_min), number(spec.srcport_max or spec.srcport_min) }
  end,
}

local function qosmap(word)
  return function(map)
    local words, from = { word }, {}
    for key in pairs(map) do from[#from + 1] = key end
    table.sort(from)
    for _, key in ipairs(from) do words[#words + 1] = ("%d:%d"):format(key, map[key]) end
    return words
  end
end

local function macaddrs(list)
  return list[1] and { "macaddr", "set", table.unpack(list) } or {}
end

local MACVLAN = { switch = onoff, words = {
  nopromisc = function(on) return on and { "flag", "nopromisc" } or {} end,
  nodst = function(on) return on and { "flag", "nodst" } or {} end, macaddr = macaddrs } }
local IPVLAN = { switch = flag, words = {} }

m.KINDS = {
  bridge = { switch = bit, seconds = CENTI, words = { stp = bit "stp_state",
    mcast_router = choice("mcast_router", MCAST_ROUTER) } },
  bond = { switch = bit, seconds = MILLI, words = { arp_ip_target = listed "arp_ip_target",
    ns_ip6_target = listed "ns_ip6_target", num_peer_notif = renamed "num_grat_arp", lacp_active = onoff "lacp_active",
    lp_interval = scaled("lp_interval", 1) } },
  vlan = { switch = onoff, words = { ingress_qos_map = qosmap "ingress-qos-map",
    egress_qos_map = qosmap "egress-qos-map" } },
  vxlan = VXLAN, geneve = VXLAN, macvlan = MACVLAN, macvtap = MACVLAN, ipvlan = IPVLAN, ipvtap = IPVLAN,
  macsec = { switch = onoff, words = { sci_port = nothing, macsec_offload = renamed "offload" } },
  hsr = { switch = bit, words = { proto = choice("proto", { hsr = "0", prp = "1" }) } },
  xfrm = { switch = flag, words = {} },
  bareudp = { switch = noword, words = {} },
}
for _, kind in ipairs { "gre", "gretap", "ip6gre", "ip6gretap", "erspan", "ip6erspan", "ipip", "sit", "ip6tnl", "vti",
  "vti6" } do
  m.KINDS[kind] = by_tunnel()
  if kind:find "^ip6" then m.KINDS[kind].more = without_csum6 end
end

--- The options of a bridge's or a bond's port.
m.PORTS = {
  bridge = { switch = onoff, words = { mcast_router = choice("mcast_router", MCAST_ROUTER),
    fastleave = onoff "mcast_fast_leave", state = nothing } },
  bond = { switch = bit, words = {} },
}

-- Kinds that ip-link(8) of Debian 12 can't make.
local UNKNOWN = { netkit = true, team = true, wwan = true, rmnet = true, gtp = true, batadv = true, lowpan = true }

--- Tells whether ip-link(8) makes links of a kind.
---@param kind string
---@return boolean
function m.is_known(kind) return not UNKNOWN[kind] end

-- Keys whose numbers ip-link(8) reads as hexadecimal.
local HEX = { tos = true, tclass = true, flowlabel = true }

local function words_of(value, row, style, key)
  local word = style.words[key]
  if word then return word(value) end
  if type(value) == "boolean" then return style.switch(key)(value) end
  if row and row.type == "seconds" and style.seconds then return scaled(key, style.seconds)(value) end
  if type(value) == "table" then return listed(key)(value) end
  if HEX[key] and math.type(value) == "integer" then return { key, ("0x%x"):format(value) } end
  return { key, number(value) }
end

local function append(to, words) return table.move(words, 1, #words, #to + 1, to) end

-- The words of all keys that a table of rows has, in the order of the rows.
local function options(spec, rows, style)
  local words = {}
  for _, row in ipairs(rows) do
    local value = spec[row.key]
    if value ~= nil then append(words, words_of(value, row, style, row.key)) end
  end
  return append(words, style.more and style.more(spec) or {})
end

local PLAIN = { switch = onoff, words = {} }

--- Returns what stands behind `type KIND`.
---@param spec table
---@return string[]
function m.kind_words(spec)
  local found = attrs.kind("link", spec.kind)
  return options(spec, found and found.rows or {}, m.KINDS[spec.kind] or PLAIN)
end

--- Returns what stands behind `type bridge_slave`, or bond_slave.
---@param port table
---@param master string kind of the master
---@return string[]
function m.port_words(port, master)
  local found = attrs.kind("link", master)
  return options(port, found and found.port_rows or {}, m.PORTS[master] or PLAIN)
end

--- Returns the words of those keys of a link that a table lists.
---@param spec table
---@param list table[] CREATION or CHANGE
---@return string[]
function m.words(spec, list)
  local words = {}
  for _, pair in ipairs(list) do
    if spec[pair[1]] ~= nil then append(words, pair[2](spec[pair[1]])) end
  end
  return words
end

--- Lists the keys of a link that no word is known for.
---@param spec table
---@return string[]
function m.unsaid(spec)
  local known, left = {}, {}
  for _, list in ipairs { m.CREATION, m.CHANGE } do
    for _, pair in ipairs(list) do known[pair[1]] = true end
  end
  for _, row in ipairs((attrs.kind("link", spec.kind or "") or { rows = {} }).rows) do known[row.key] = true end
  for key in pairs(spec) do
    if not known[key] and not ELSEWHERE[key] then left[#left + 1] = key end
  end
  table.sort(left)
  return left
end

return m
