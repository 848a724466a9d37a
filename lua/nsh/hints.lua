--- hints.lua - the remedy of a failure, where its cause is known: one row a hint, the first row that fits counts.
local attrs = require "nsh.attrs"
local features = require "nsh.features"

local m = {}

local function label(value)
  return type(value) == "table" and rawget(value, "label") or value
end

-- A link of that name is in the namespace that it was to be moved to, or renamed in.
local function name_taken(e)
  local spec = e.spec or {}
  local kind = spec.kind and attrs.kind("link", spec.kind)
  if kind and attrs.find(kind.rows, "remote") then
    return "a link has that name, or another tunnel the same ends and key: the kernel's own (gre0, tunl0, sit0, ...) "
      .. "has none of them, so say local or remote"
  end
  local name = spec.name or e.target or "that name"
  if spec.netns then
    return ('%s already has a link named %s; rename one: set { netns = ..., name = "..." }'):format(
      tostring(label(spec.netns)), name)
  end
  local what = { "named " .. name }
  if spec.index then what[#what + 1] = "of number " .. tostring(spec.index) end
  if spec.altnames then what[#what + 1] = "with one of the altnames" end
  local taken = ("%s already has a link %s"):format(e.netns or "the namespace", table.concat(what, " or "))
  local peer = type(spec.peer) == "table" and (spec.peer[1] or spec.peer.name) or spec.peer
  if type(peer) == "string" then taken = ("%s, or the peer's side one named %s"):format(taken, peer) end
  return taken .. "; choose another " .. (what[2] and "one" or "name")
end

local function tun(e) return features.tun(e.code) end

local NO_PROGRAM = "no such program: neither in PATH nor in /usr/local/sbin, /usr/sbin, /sbin"

local function no_program(e)
  return features.program((e.message or ""):match "'([^']+)'") or NO_PROGRAM
end

-- A service is looked for in the PATH of its node.
local function no_service(e)
  local remedy = no_program(e)
  return remedy == NO_PROGRAM and e.path and ("%s; PATH is %s"):format(remedy, e.path) or remedy
end

-- What a shell says of one.
local function unknown_to_shell(e)
  local said = e.message or ""
  return features.program(said:match "([%w._+-]+): not found" or said:match "([%w._+-]+): command not found")
    or NO_PROGRAM
end

-- dash speaks of permission where a folder of PATH is closed to us, though the program is missing.
local function closed_to_shell(e)
  local name = (e.message or ""):match "([%w._+-]+): Permission denied"
  if name and not features.path(name) then return features.program(name) or NO_PROGRAM end
  return "is it an executable file? chmod +x makes it one"
end

local function kind_missing(e) return features.kind("link", e.spec and e.spec.kind) end

local function qdisc_missing(e) return features.kind("qdisc", e.spec and e.spec.kind) end

local function filter_missing(e) return features.kind("filter", e.spec and e.spec.kind) end

-- The kernel doesn't say which action it doesn't have.
local function action_missing(e)
  local names, row = {}, attrs.find(attrs.kind("filter", "matchall").rows, "actions")
  for _, action in ipairs(e.spec and e.spec.actions or {}) do
    local kind = attrs.find_kind(row.kinds, action.kind)
    names[#names + 1] = kind and ("%s (%s)"):format(kind.name, kind.config) or tostring(action.kind)
  end
  return "this kernel lacks the action " .. table.concat(names, " or ")
end

local function ipv6_off(e)
  local target = e.target or "all"
  local dev = e.spec and label(e.spec.dev) or target:match " dev (%S+)" or target
  return ('IPv6 is switched off there: ns.sysctl["net.ipv6.conf.%s.disable_ipv6"] = 0'):format(tostring(dev))
end

local function encap_missing(e)
  local encap = e.spec and e.spec.encap
  return features.encap(type(encap) == "table" and encap.type or nil)
end

local GATEWAY = "the gateway must be on a network that a link which is up is attached to: give that link an "
  .. "address and set it up first, or name the link and say onlink = true"
local PEER_KEY = "each side is told the public_key of the other: link.public_key over there"
local DOWN = "bring the link up first: link:set { up = true }"
local MODE = "as an ordinary user nsh is root only within its own world, with one user id; the rest needs root"

local NOT_OURS = "no link of the namespace has the address, or an IPv6 one is still tentative: ns:addrs(), "
  .. "link:wait_dad()"
local PORT_TAKEN = "another program of the namespace has the port: ns:exec(\"ss -lntup\") tells which"
local REFUSED = "nobody listens there: ns:exec(\"ss -lntu\") tells who does; or a packet filter rejects it"
local GIVEN_UP = "the other side ended without reading all, or a packet filter rejects it"
local NO_WAY = "no route leads there: ns:routes(), ns:route_to(dst)"
local NOBODY = "nobody has the address on that network, or a router said so: ns:neighs(), ns:traceroute(dst)"
local SILENCE = "what was sent, or its answer, is lost on the way: a packet filter, or a missing route back; "
  .. "ns:traceroute(dst) tells how far it gets"

-- What a link can't be made without; the kernel says no more than that something is wrong.
local NEEDS = {
  ipvlan = { "link" }, ipvtap = { "link" }, macsec = { "link" }, macvlan = { "link" }, macvtap = { "link" },
  vlan = { "link", "id" }, vxlan = { "id" }, geneve = { "id" }, vrf = { "table" }, xfrm = { "if_id" },
}

local function link_needs(e)
  local spec, missing = e.spec or {}, {}
  for _, key in ipairs(not spec.external and NEEDS[spec.kind] or {}) do
    if spec[key] == nil then missing[#missing + 1] = key end
  end
  if missing[1] then return ("kind %s needs %s"):format(spec.kind, table.concat(missing, " and ")) end
  return ("help %q tells what may be said"):format(spec.kind or "link")
end

local function folder_in_place(e)
  local path = e.target or "FOLDER"
  return ('a folder of the node\'s own is in its place; ns:exec { "mv", %q, %q } moves it out of the way'):format(
    path, path .. ".old")
end

local IN_FOLDER = "files of a node lie in a folder that the machine has, or in new ones within it, as /etc/a/x"

-- What stands in a table of nft and has braces of its own.
local BLOCKS = { chain = true, counter = true, flowtable = true, limit = true, map = true, quota = true, set = true }

-- What lacks its end where nft stumbles: a block within a table, whose } is before that, or a rule.
local function unended(e)
  local column, line = (e.message or ""):match "column (%d+):[^\n]*\n    ([^\n]*)"
  local before = column and line:sub(1, column - 1):match "^(.*}[ \t]*)$"
  local head = before and before:match "^(.-)%b{}[ \t]*$"
  if before and (not head or BLOCKS[head:match "(%a+)%s+[^%s{};]+%s*$"]) then
    return "the } of a chain or set ends with its line or with ; as well: \"table ip t { chain c { accept; }; }\""
  end
  return "a rule ends with its line or with ; also before }"
end

local NO_VLANS = features.remedy "vlan_filtering"

---@class nsh.Hint
---@field op? string pattern of the operation
---@field code string errno name
---@field extack? string pattern of the kernel's own words
---@field message? string pattern of the message
---@field key? string an option that the call gave
---@field hint string|fun(e: table): string?

---@type nsh.Hint[]
m.rows = {
  -- namespaces
  { op = "^netns outside", code = "EPERM", hint = "an ordinary user's world has no way out by itself; start nsh where "
    .. "there is one: pasta --config-net -- unshare --mount-proc nsh SCRIPT" },
  { op = "^netns add", code = "EEXIST",
    hint = "netns.get(name) gives the one that is there; netns.del(name) takes it away" },
  { op = "^netns set", code = "EEXIST", hint = "the namespace has an id already, and an id can't be changed" },
  { op = "^netns", code = "ENOENT", hint = "netns.list() tells which there are" },
  { op = "^netns", code = "ESRCH", hint = "there is no process of that number" },
  { op = "^netns", code = "ENOSPC",
    hint = "the limit on network namespaces is reached: sysctl user.max_net_namespaces" },
  { op = "^netns", code = "EUSERS", hint = "namespaces are nested too deep: the kernel allows 32 levels" },
  { op = "^netns", code = "EINVAL", hint = "the file under /run/netns is no namespace (a half-made one?); "
    .. "netns.del(name) removes it" },

  -- links
  { op = "^link", code = "EOPNOTSUPP", key = "vlan_filtering", hint = NO_VLANS },
  { op = "^link", code = "EOPNOTSUPP", key = "mcast_vlan_snooping", hint = NO_VLANS },
  { op = "^link", code = "EOPNOTSUPP", key = "mst_enabled", hint = NO_VLANS },
  { op = "^link", code = "EBUSY", key = "mst_enabled", hint = "the bridge and its ports may have no VLANs then: "
    .. "link:flush_vlans()" },
  { op = "^link", code = "EINVAL", key = "mcast_vlan_snooping", hint = "it needs vlan_filtering = true" },
  { op = "^link add", code = "EOPNOTSUPP", extack = "[Uu]nknown device type", hint = kind_missing },
  { op = "^link", code = "EACCES", message = "/dev/net/tun", hint = tun },
  { op = "^link", code = "EPERM", message = "/dev/net/tun", hint = tun },
  { op = "^link", code = "ENOENT", message = "/dev/net/tun", hint = tun },
  { op = "^link", code = "ENODEV", message = "/dev/net/tun", hint = tun },
  { op = "^link", code = "ENXIO", message = "/dev/net/tun", hint = tun },
  { op = "^link", code = "EOPNOTSUPP", message = "^offload: %S+ is always",
    hint = "the driver fixes it: link:ethtool().features tells what can be changed" },
  { op = "^link", code = "EOPNOTSUPP", extack = "bit name not found", hint = "link:ethtool() tells the names" },
  { op = "^link", code = "EINVAL", extack = "unsupported parameter", hint = "link:ethtool() tells what it has" },
  { op = "^link", code = "EOPNOTSUPP", message = "^%l+: Operation not supported",
    hint = "the link's driver doesn't take it: link:ethtool() tells what it has" },
  { op = "^link", code = "EADDRINUSE", key = "listen_port",
    hint = "another socket of the namespace has that UDP port: 0 lets the kernel choose one" },
  { op = "^link", code = "EINVAL", message = "link's own", hint = PEER_KEY },
  { op = "^peer", code = "EINVAL", message = "link's own", hint = PEER_KEY },
  { op = "^peer add", code = "EEXIST", hint = "set_peer changes a peer, replace_peer replaces it" },
  { op = "^peer", code = "ENOENT", hint = "link:peers() shows which there are" },
  { op = "^link", code = "EOPNOTSUPP", key = "master",
    hint = "master must be a bridge or another link that takes ports, and lo can't be one" },
  { op = "^link .*altname", code = "EEXIST", hint = "a link of the namespace is called so already" },
  { op = "^link .*altname", code = "ENOENT", hint = "link.altnames tells which there are" },
  { op = "^link .*altname", code = "EINVAL",
    hint = "that is a link's own name, or another link's; link.altnames tells which there are" },
  { op = "^link set", code = "EEXIST", key = "altnames", hint = "another link of the namespace has one of the names" },
  { op = "^link set", code = "EINVAL", key = "remote",
    hint = "a tunnel keeps whether it has an other end, unless it carries Ethernet: it must be made anew" },
  { op = "^link", code = "EINVAL", key = "encap",
    hint = "the module fou must be there: modprobe fou, for tunnels over IPv6 fou6 (CONFIG_NET_FOU_IP_TUNNELS)" },
  { op = "^link add", code = "EEXIST", hint = name_taken },
  { op = "^link set", code = "EEXIST", hint = name_taken },
  { op = "^link", code = "ENODEV", hint = "ns:links() tells which there are" },
  { op = "^link set", code = "ELOOP",
    hint = "a bridge can't be a port of a bridge, and no link may end up below itself" },
  { op = "^link set", code = "EBUSY", extack = "protodown",
    hint = "take the reasons away in the same call: set { protodown = false, protodown_reason = false }" },
  { op = "^link set", code = "EBUSY", hint = "it is a port, or the lower link, of another link already; "
    .. "set { master = false } takes a port out" },
  { op = "^link", code = "EPERM", extack = "enslaved while up",
    hint = "a bond takes links that are down: set { up = false }, then { master = bond }, then { up = true }" },
  { op = "^link", code = "ERANGE", key = "forward_delay", hint = "with stp it is 2 to 30 seconds" },
  { op = "^link", code = "ERANGE", key = "max_age", hint = "with stp it is 6 to 40 seconds" },
  { op = "^link", code = "ERANGE", key = "hello_time", hint = "it is 1 to 10 seconds" },
  { op = "^link", code = "EADDRNOTAVAIL",
    hint = "a MAC address must be unicast (an even first byte) and not all zero" },
  { op = "^link", code = "EINVAL", extack = "mtu", hint = "the link's kind bounds its mtu" },
  { op = "^link set", code = "EINVAL", extack = "netns", hint = "this link can't leave its namespace" },
  { op = "^link del", code = "EOPNOTSUPP", hint = "lo and the links of hardware can't be deleted" },
  { op = "^link", code = "ENOTCONN", hint = "the peer must be there before this end can be set up" },
  { op = "^link", code = "ENETDOWN", hint = DOWN },

  -- addresses
  { op = "^addr add", code = "EEXIST", hint = "the link has that address already: link:addrs()" },
  { op = "^addr add", code = "EACCES", hint = ipv6_off },
  { op = "^addr", code = "EADDRNOTAVAIL",
    hint = "the link has no such address, and the prefix length counts: link:addrs()" },
  { op = "^addr", code = "ENODEV", hint = "ns:links() tells which links there are" },
  { op = "^addr add", code = "ENOBUFS", hint = "IPv4 needs an mtu of 68 at least, IPv6 one of 1280" },
  { op = "^addr add", code = "EINVAL", extack = "IPv6.*mtu", hint = "IPv6 needs an mtu of 1280 at least" },

  -- routes
  { op = "^route to", code = "ENETUNREACH", hint = 'no route leads there, not even a default one: '
    .. 'ns:add_route { "default", via = "..." }' },
  { op = "^route to", code = "EHOSTUNREACH", hint = "an unreachable route stands in the way: ns:routes()" },
  { op = "^route to", code = "EACCES", hint = "a prohibit route stands in the way: ns:routes()" },
  { op = "^route to", code = "EINVAL", hint = "a blackhole route stands in the way: ns:routes()" },
  { op = "^route", code = "ENETUNREACH", hint = GATEWAY },
  { op = "^route", code = "EHOSTUNREACH", hint = GATEWAY },
  { op = "^route", code = "EINVAL", extack = "invalid gateway", hint = GATEWAY },
  { op = "^route", code = "EINVAL", extack = "local address", hint = "the gateway is this namespace itself; "
    .. "it must be a neighbour" },
  { op = "^route", code = "EOPNOTSUPP", key = "encap", hint = encap_missing },
  { op = "^nexthop", code = "EOPNOTSUPP", key = "encap", hint = encap_missing },
  { op = "^route", code = "EINVAL", extack = "[Nn]exthop id does not exist",
    hint = "ns:nexthops() shows which there are" },
  { op = "^route", code = "EINVAL", extack = "device required", hint = 'say which link: dev = "..."' },
  { op = "^route", code = "EINVAL", extack = "given prefix length", hint = "bits behind the prefix are set: "
    .. "write 10.0.0.0/24, not 10.0.0.1/24" },
  { op = "^route", code = "EINVAL", extack = "prefsrc", hint = "src must be an address that this namespace has" },
  { op = "^route", code = "EINVAL", extack = "source address",
    hint = "src must be an address that this namespace has" },
  { op = "^route", code = "ENETDOWN", hint = DOWN },
  { op = "^route", code = "ENODEV", hint = "ns:links() tells which links there are" },
  { op = "^route add", code = "EEXIST", hint = "there is such a route: ns:replace_route replaces it, "
    .. "another metric stands beside it" },
  { op = "^route", code = "ESRCH", hint = "there is no such route: ns:routes { table = \"all\" } shows all; "
    .. "what is not said matches anything" },
  { op = "^route", code = "EACCES", extack = "IPv6 is disabled", hint = ipv6_off },

  { op = "^mpls route", code = "EOPNOTSUPP", hint = features.remedy "mpls" },
  { op = "^mpls route", code = "EINVAL", extack = "platform_labels",
    hint = 'ns.sysctl["net.mpls.platform_labels"] = 1000 lets labels up to 999 be used' },
  { op = "^mpls route", code = "ENODEV", hint = "ns:links() tells which links there are" },
  { op = "^mpls route", code = "ESRCH", hint = 'there is no route of that label: ns:routes { family = "mpls" }' },
  { op = "^mpls route add", code = "EEXIST", hint = "there is such a route: ns:replace_route replaces it" },

  -- rules
  { op = "^rule add", code = "EINVAL", extack = "Invalid uid range",
    hint = "as an ordinary user nsh has one user id in its world, 0; uidrange = 0 is all that can be said" },
  { op = "^rule add", code = "EEXIST", hint = "there is such a rule already: ns:rules()" },
  { op = "^rule del", code = "ENOENT", hint = "no rule has all of that: ns:rules()" },
  { op = "^nexthop add", code = "EEXIST", hint = "ns:replace_nexthop changes the one that is there" },
  { op = "^nexthop add", code = "ENETUNREACH", hint = GATEWAY },
  { op = "^nexthop", code = "ENETDOWN", key = "blackhole",
    hint = 'a blackhole stands on lo, which must be up: ns:link("lo"):set { up = true }' },
  { op = "^nexthop", code = "ENETDOWN", hint = DOWN },
  { op = "^nexthop", code = "ENOENT", hint = "ns:nexthops() shows which there are" },
  { op = "^nexthop", code = "EINVAL", extack = "[Ii]nvalid nexthop id", hint = "ns:nexthops() shows which there are" },
  { op = "^addrlabel add", code = "EEXIST", hint = "the prefix has a label already: ns:addrlabels()" },
  { op = "^addrlabel del", code = "ESRCH", hint = "no prefix has that: ns:addrlabels()" },
  { op = "^maddr del", code = "ENOENT", hint = "only what was added by add_maddr can be taken away: link:maddrs()" },
  { op = "^ntable", code = "ENOENT", hint = "ns:ntables() shows which there are; thresh1 to thresh3 and gc_interval "
    .. "can only be changed in the machine's own namespace" },
  { op = "^rule", code = "EINVAL", extack = "[Bb]ackward goto", hint = "target must be a higher priority than the "
    .. "rule's own; give that too, for the kernel's own choice is 32765 or less" },

  -- connections, and what is measured by them
  { op = "^connect$", code = "ECONNREFUSED", hint = REFUSED },
  { op = "^receive$", code = "ECONNREFUSED", hint = REFUSED },
  { op = "^send$", code = "ECONNREFUSED", hint = REFUSED },
  { op = "^send$", code = "EPIPE", hint = "the other side has closed the connection" },
  { op = "^send$", code = "ECONNRESET", hint = GIVEN_UP },
  { op = "^receive$", code = "ECONNRESET", hint = GIVEN_UP },
  { op = "^send$", code = "EMSGSIZE", hint = "a datagram has 65507 bytes at most over IPv4, 65527 over IPv6" },
  { op = "^connect$", code = "EADDRNOTAVAIL", hint = NOT_OURS },
  { op = "^connect$", code = "EADDRINUSE", hint = PORT_TAKEN },
  { op = "^listen$", code = "EADDRNOTAVAIL", hint = NOT_OURS },
  { op = "^listen$", code = "EADDRINUSE", hint = PORT_TAKEN },
  { op = "^udp$", code = "EADDRNOTAVAIL", hint = NOT_OURS },
  { op = "^udp$", code = "EADDRINUSE", hint = PORT_TAKEN },
  { op = "^throughput$", code = "EADDRNOTAVAIL", hint = NOT_OURS },
  { op = "^throughput$", code = "EADDRINUSE", hint = PORT_TAKEN },
  { op = "^latency$", code = "EADDRNOTAVAIL", hint = NOT_OURS },
  { op = "^latency$", code = "EADDRINUSE", hint = PORT_TAKEN },
  { op = "^connect$", code = "ENETUNREACH", hint = NO_WAY },
  { op = "^connect$", code = "EHOSTUNREACH", hint = NOBODY },
  { op = "^udp$", code = "ENETUNREACH", hint = NO_WAY },
  { op = "^udp$", code = "EHOSTUNREACH", hint = NOBODY },
  { op = "^send$", code = "ENETUNREACH", hint = NO_WAY },
  { op = "^send$", code = "EHOSTUNREACH", hint = NOBODY },
  { op = "^throughput$", code = "ENETUNREACH", hint = NO_WAY },
  { op = "^throughput$", code = "EHOSTUNREACH", hint = NOBODY },
  { op = "^latency$", code = "ENETUNREACH", hint = NO_WAY },
  { op = "^latency$", code = "EHOSTUNREACH", hint = NOBODY },
  { op = "^traceroute$", code = "ENETUNREACH", hint = NO_WAY },
  { op = "^traceroute$", code = "EADDRNOTAVAIL", hint = NOT_OURS },
  { op = "^path_mtu$", code = "EADDRNOTAVAIL", hint = NOT_OURS },
  { op = "^connect$", code = "ETIMEDOUT", hint = SILENCE },
  { op = "^throughput$", code = "ETIMEDOUT", hint = SILENCE },
  { op = "^latency$", code = "ETIMEDOUT", hint = SILENCE },

  -- neighbours and the forwarding database
  { op = "^neigh", code = "ENOENT", hint = "ns:neighs() shows which there are" },
  { op = "^neigh", code = "ENODEV", hint = "ns:links() tells which links there are" },
  { op = "^fdb", code = "EOPNOTSUPP", hint = "only a bridge, its ports and vxlan links have a forwarding database" },
  { op = "^fdb add", code = "EEXIST", hint = "there is such an entry: link:replace_fdb changes it; "
    .. "append = true gives an address of a vxlan one more dst" },
  { op = "^fdb add", code = "EINVAL", key = "vlan", hint = "the VLAN must be there already: link:add_vlan, on a bridge "
    .. "with vlan_filtering" },
  { op = "^fdb", code = "ENOENT", hint = "link:fdb() shows which entries there are" },

  -- VLANs, VNIs and multicast groups
  { op = "^vlan", code = "EOPNOTSUPP", hint = NO_VLANS },
  { op = "^vlan", code = "ENOENT", hint = "link:vlans() shows which are there, link:add_vlan adds one" },
  { op = "^vlan", code = "EINVAL", extack = "valid bridge or bridge port",
    hint = "set { master = bridge } makes it one" },
  { op = "^vlan", code = "EINVAL", key = "tunnel_id", extack = "tunnel", hint = "set { port = { vlan_tunnel = true } } "
    .. "first" },
  { op = "^vni", code = "EINVAL", hint = "it must be a vxlan made with external = true, vnifilter = true" },
  { op = "^vni", code = "EOPNOTSUPP", hint = "it must be a vxlan made with external = true, vnifilter = true; kernels "
    .. "before 5.18 have none" },
  { op = "^vni", code = "ENOENT", hint = "link:vnis() shows which are there" },
  { op = "^mdb", code = "EEXIST", hint = "bridge:replace_mdb changes it, on a kernel from 6.3 on" },
  { op = "^mdb", code = "ENOENT", hint = "bridge:mdb() shows which entries there are" },
  { op = "^mdb", code = "EOPNOTSUPP", hint = "only bridges have a multicast database, of kernels with "
    .. "CONFIG_BRIDGE_IGMP_SNOOPING" },

  -- captures
  { op = "^capture", code = "EPERM", message = "packet socket",
    hint = "CAP_NET_RAW is missing: a container may have taken it away" },
  { op = "^capture", code = "EAFNOSUPPORT", hint = features.remedy "packet" },
  { op = "^capture", code = "EINVAL", message = "^filter '",
    hint = "pcap-filter(7) tells how filters are written" },
  { op = "^capture", code = "ENOMEM", message = "ring", hint = "a smaller `buffer` needs less of the kernel's memory" },

  -- traffic control
  { op = "^qdisc", code = "ENOENT", extack = "kind is unknown", hint = qdisc_missing },
  { op = "^filter", code = "ENOENT", extack = "classifier not found", hint = filter_missing },
  { op = "^filter", code = "ENOENT", extack = "load TC action", hint = action_missing },
  { op = "^qdisc", code = "EEXIST", hint = "there is one already: link:set_qdisc changes it, link:replace_qdisc takes "
    .. "its place" },
  { op = "^qdisc del", code = "ENOENT", hint = "link:qdiscs() shows which there are; those without a handle are the "
    .. "kernel's own, and stay" },
  { op = "^qdisc set", code = "EINVAL", extack = "[Cc]hange operation not supported",
    hint = "link:replace_qdisc makes it anew, without its classes and filters" },
  { op = "^qdisc", code = "EINVAL", extack = "must match existing", hint = "another kind has that handle: leave handle "
    .. "out, or choose another" },
  { op = "^qdisc", code = "ENOENT", hint = "there is no such parent: link:classes()" },
  { op = "^class add", code = "EEXIST", hint = "there is one of that classid: link:replace_class changes it" },
  { op = "^class", code = "EBUSY", hint = "classes or filters still need it: link:classes(), link:filters()" },
  { op = "^class", code = "ENOENT", hint = "there is no such class, parent or qdisc: link:classes(), link:qdiscs()" },
  { op = "^class", code = "EOPNOTSUPP", hint = "that qdisc has no classes that can be made" },
  { op = "^filter", code = "EINVAL", extack = "Parent Qdisc", hint = 'it needs a qdisc that takes filters: '
    .. 'link:add_qdisc "clsact" gives ingress and egress' },
  { op = "^filter", code = "ENOENT", extack = "Parent Qdisc", hint = 'it needs a qdisc that takes filters: '
    .. 'link:add_qdisc "clsact" gives ingress and egress' },
  { op = "^filter", code = "EOPNOTSUPP", extack = "support blocks",
    hint = 'that qdisc takes no filters: link:add_qdisc "clsact" gives ingress and egress' },
  { op = "^filter add", code = "EEXIST", hint = "there is one of that prio and handle: link:replace_filter" },
  { op = "^filter", code = "ENOENT", hint = "link:filters() shows which there are" },

  -- sysctls, files, commands, ping
  { op = "^sysctl", code = "ENOENT", hint = "there is no such key here: one of a link comes and goes with the link, "
    .. "one of a module with the module" },
  { op = "^file$", code = "EPERM", message = "^the root folder", hint = IN_FOLDER },
  { op = "^file$", code = "ENOENT", message = "^there is no folder", hint = IN_FOLDER },
  { op = "^file$", code = "EISDIR", message = "^cannot", hint = folder_in_place },
  { op = "^file$", code = "EISDIR", hint = "the machine has a folder of that name: name a file in it" },
  { op = "^file$", code = "ENOTDIR", hint = "a file is in the place of its folder: take that away" },
  { op = "^exec", code = "ENOENT", message = "^no program",
    hint = no_program },
  { op = "^spawn", code = "ENOENT", message = "^no program",
    hint = no_program },
  { op = "^service start", code = "ENOENT", message = "^no program '[^/']*'", hint = no_service },
  { op = "^service start", code = "ENOENT", message = "^no program", hint = "the node sees the machine's files, and "
    .. "over them its own: files, private" },
  { op = "^service start", code = "EXIT", message = "not found", hint = unknown_to_shell },
  { op = "^service start", code = "EXIT", message = "Permission denied", hint = closed_to_shell },
  { op = "^service start", code = "EXIT", hint = "a service runs as long as the lab is up, in the foreground (dnsmasq "
    .. "-k, radvd -n); what only does something goes into commands" },
  { op = "^service start", code = "EACCES", hint = "the file may not be executed" },
  { op = "^shell", code = "ENOENT", message = "^no program", hint = "SHELL names the shell that is run: "
    .. "os.getenv \"SHELL\"" },
  { code = "EXIT", message = "status 127.*not found", hint = unknown_to_shell },
  { code = "EXIT", message = "status 12[67].*: Permission denied", hint = closed_to_shell },
  { op = "^exec", code = "EACCES", hint = "the file may not be executed" },
  { op = "^spawn", code = "EACCES", hint = "the file may not be executed" },
  { op = "^exec", code = "E2BIG", hint = "give long data through input, not as an argument" },
  { op = "^ping", code = "ENETUNREACH", hint = 'no route leads there: ns:add_route { "default", via = "..." }, '
    .. "or is the link down?" },
  { op = "^ping", code = "ENOKEY", hint = "the wireguard link has no peer whose allowed_ips hold the address" },
  { op = "^ping", code = "EDESTADDRREQ",
    hint = "the wireguard peer has no endpoint yet: link:set_peer { key, endpoint = ... }" },
  { op = "^ping", code = "EACCES", hint = "a prohibit route, or a broadcast address" },
  { op = "^ping", code = "EMSGSIZE", hint = "size is more than the mtu of the path takes" },
  { op = "^ping", code = "ENODEV", hint = "ns:links() tells which links there are" },

  -- nft
  { op = "^nft", code = "NFT", message = "expecting newline or semicolon", hint = unended },
  { op = "^nft", code = "ENOENT", message = "Could not process rule", hint = "a table, chain, set or link that isn't "
    .. "there, or a part of nftables that this kernel lacks: nsh --doctor" },
  { op = "^nft", code = "EOPNOTSUPP", hint = "this kernel lacks a part of nftables: nsh --doctor" },

  -- waits
  { op = "^link wait", code = "ETIMEDOUT", message = "carrier=true", hint = "a carrier comes when the other end is up "
    .. "too: link.peer:set { up = true }" },
  { op = "^link wait", code = "ENODEV", hint = "the link was deleted, or moved to another namespace" },
  { op = "^dad wait", code = "ETIMEDOUT", message = "carrier=false",
    hint = "addresses are checked when the link has a carrier: is the other end up?" },
  { op = "^dad wait", code = "EADDRINUSE", hint = "two hosts of this network were given the same address; "
    .. "take it from one: link:del_addr(...)" },
  { op = "^addr wait", code = "EADDRINUSE", hint = "two hosts of this network were given the same address; "
    .. "take it from one: link:del_addr(...)" },

  -- whatever was tried
  { code = "EINVAL", extack = "^Unknown attribute type",
    hint = "this kernel doesn't know the key yet; a newer one does" },
  { op = "^link add", code = "EINVAL", hint = link_needs },
  { code = "EMFILE", hint = "this process may open no more files: ulimit -n" },
  { code = "ENFILE", hint = "the system has no more open files: sysctl fs.file-max" },
  { code = "EPERM", hint = MODE },
}

local function fits(row, e)
  return row.code == e.code
    and (not row.op or (e.op or ""):find(row.op) ~= nil)
    and (not row.extack or (e.extack or ""):find(row.extack) ~= nil)
    and (not row.message or (e.message or ""):find(row.message) ~= nil)
    and (not row.key or (e.spec ~= nil and e.spec[row.key] ~= nil))
end

--- Finds the remedy of a failure.
---@param e table fields of an error object, and `spec`, the option table that failed, where there is one
---@return string? hint
function m.find(e)
  for _, row in ipairs(m.rows) do
    if fits(row, e) then
      if type(row.hint) == "function" then return row.hint(e) end
      return row.hint
    end
  end
end

return m
