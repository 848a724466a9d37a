--- features.lua - what a kernel or a machine may lack, and what brings it: the words of errors and of the doctor.
local attrs = require "nsh.attrs"

local m = {}

---@class nsh.Feature
---@field name string
---@field doc string what it is for
---@field config? string kernel option that brings it
---@field builtin? boolean that option can't be a module
---@field module? string what modprobe loads, where nothing loads it by itself
---@field remedy? string what else to do

--- What works or doesn't beside link kinds and the like, which have tables of their own.
---@type nsh.Feature[]
m.rows = {
  { name = "ipv6", doc = "IPv6 in namespaces", config = "CONFIG_IPV6" },
  { name = "vlan_filtering", doc = "VLANs of bridges and their ports", config = "CONFIG_BRIDGE_VLAN_FILTERING",
    builtin = true },
  { name = "igmp_snooping", doc = "multicast snooping of bridges, mdb", config = "CONFIG_BRIDGE_IGMP_SNOOPING",
    builtin = true },
  { name = "rules", doc = "routing policy", config = "CONFIG_IP_MULTIPLE_TABLES", builtin = true },
  { name = "multipath", doc = "routes of many ways", config = "CONFIG_IP_ROUTE_MULTIPATH", builtin = true },
  { name = "nexthops", doc = "next hops as objects", remedy = "Linux 5.3 and later have them" },
  { name = "mpls", doc = "MPLS routes and labels", config = "CONFIG_MPLS_ROUTING", module = "mpls_router" },
  { name = "conntrack", doc = "state of connections, NAT", config = "CONFIG_NF_CONNTRACK", module = "nf_conntrack" },
  { name = "nftables", doc = "packet filter of a namespace", config = "CONFIG_NF_TABLES", module = "nf_tables" },
  { name = "netfilter_bridge", doc = "iptables for what bridges forward", config = "CONFIG_BRIDGE_NETFILTER",
    module = "br_netfilter" },
  { name = "packet", doc = "packet sockets, captures", config = "CONFIG_PACKET" },
  { name = "generic", doc = "generic netlink: wireguard, ethtool", remedy = "every kernel with networking has it" },
  { name = "raw", doc = "nsh's own ping", remedy = "CAP_NET_RAW is missing: a container may have taken it away" },
  { name = "ping", doc = "ping programs without privilege", remedy = "sysctl net.ipv4.ping_group_range allows them" },
  { name = "sysctl", doc = "sysctls of a namespace",
    remedy = "/proc/sys must be mounted writable, which containers often forbid" },
  { name = "all_nsid", doc = "events of all namespaces by one socket",
    remedy = "CAP_NET_BROADCAST is missing: a container may have taken it away" },
  { name = "rcvbufforce", doc = "buffers for large dumps and many events",
    remedy = "only the machine's root may; sysctl net.core.rmem_max bounds others" },
  { name = "userns", doc = "worlds of ordinary users", config = "CONFIG_USER_NS", builtin = true },
}

--- What routes can wrap packets in.
---@type nsh.Feature[]
m.encaps = {
  { name = "bpf", doc = "what a BPF program makes of them", config = "CONFIG_LWTUNNEL_BPF", builtin = true },
  { name = "ila", doc = "identifier locator addressing", config = "CONFIG_IPV6_ILA" },
  { name = "ioam6", doc = "IPv6 with telemetry", config = "CONFIG_IPV6_IOAM6_LWTUNNEL", builtin = true },
  { name = "ip", doc = "what a tunnel link with `external` shall send, over IPv4", config = "CONFIG_LWTUNNEL",
    builtin = true },
  { name = "ip6", doc = "the same over IPv6", config = "CONFIG_LWTUNNEL", builtin = true },
  { name = "mpls", doc = "MPLS labels", config = "CONFIG_MPLS_IPTUNNEL" },
  { name = "rpl", doc = "source routes of RPL", config = "CONFIG_IPV6_RPL_LWTUNNEL", builtin = true },
  { name = "seg6", doc = "segment routing over IPv6", config = "CONFIG_IPV6_SEG6_LWTUNNEL", builtin = true },
  { name = "seg6local", doc = "what a segment does with them", config = "CONFIG_IPV6_SEG6_LWTUNNEL", builtin = true },
  { name = "xfrm", doc = "IPsec, by the number of an interface", config = "CONFIG_XFRM_INTERFACE" },
}

--- Programs that labs run, and the Debian package that brings each, and others with it.
---@type { name: string, package: string, doc: string, also?: string[] }[]
m.programs = {
  { name = "bird", package = "bird2", doc = "routing daemon: BGP, OSPF", also = { "birdc" } },
  { name = "bpftool", package = "bpftool", doc = "look at BPF programs" },
  { name = "bridge", package = "iproute2", doc = "bridges by hand" },
  { name = "busybox", package = "busybox", doc = "web server, DHCP client" },
  { name = "conntrack", package = "conntrack", doc = "look at connections" },
  { name = "dnsmasq", package = "dnsmasq-base", doc = "DHCP and DNS server" },
  { name = "dot", package = "graphviz", doc = "lay out drawings of labs" },
  { name = "ethtool", package = "ethtool", doc = "settings of network cards" },
  { name = "ip", package = "iproute2", doc = "links, addresses, routes by hand", also = { "ss" } },
  { name = "iperf3", package = "iperf3", doc = "measure throughput" },
  { name = "iptables", package = "iptables", doc = "the older packet filter" },
  { name = "nc", package = "netcat-openbsd", doc = "talk TCP and UDP" },
  { name = "nft", package = "nftables", doc = "packet filter" },
  { name = "ovs-vsctl", package = "openvswitch-switch", doc = "Open vSwitch",
    also = { "ovs-appctl", "ovs-dpctl", "ovs-ofctl", "ovs-vswitchd", "ovsdb-server", "ovsdb-tool" } },
  { name = "pasta", package = "passt", doc = "the outside world for an ordinary user's" },
  { name = "ping", package = "iputils-ping", doc = "ping by hand" },
  { name = "radvd", package = "radvd", doc = "IPv6 router advertisements" },
  { name = "socat", package = "socat", doc = "join sockets" },
  { name = "tc", package = "iproute2", doc = "traffic control by hand" },
  { name = "tcpdump", package = "tcpdump", doc = "look at packets" },
  { name = "traceroute", package = "traceroute", doc = "find the way" },
  { name = "tshark", package = "tshark", doc = "take packets apart" },
  { name = "vtysh", package = "frr", doc = "FRRouting: BGP, OSPF, IS-IS" },
  { name = "wg", package = "wireguard-tools", doc = "WireGuard by hand" },
}

--- What is loaded when it is needed.
---@type { name: string, package: string, doc: string }[]
m.libraries = {
  { name = "dkjson", package = "lua-dkjson", doc = "what nft(8) says as data" },
  { name = "libpcap", package = "libpcap0.8", doc = "filters of captures" },
}

local function by_name(rows, name)
  for _, row in ipairs(rows) do
    if row.name == name then return row end
  end
end

--- Returns a feature.
---@param name string
---@return nsh.Feature?
function m.find(name) return by_name(m.rows, name) end

--- Says which kernel option brings a thing.
---@param what string "the link kind vlan"
---@param config string "CONFIG_VLAN_8021Q"
---@param builtin? boolean it can't be a module
---@return string
function m.lacks(what, config, builtin)
  return ("this kernel lacks %s; %s=y%s brings it"):format(what, config, builtin and "" or " or =m")
end

--- Says what brings a feature.
---@param name string of m.rows
---@return string
function m.remedy(name)
  local row = by_name(m.rows, name)
  if not row.config then return row.remedy end
  local words = m.lacks(("%s (%s)"):format(name, row.doc), row.config, row.builtin)
  if row.module then
    return ("modprobe %s as root, if the kernel has it; %s=y or =m brings it"):format(row.module, row.config)
  end
  return words
end

--- Says what brings a kind of link, qdisc or the like.
---@param noun string "link"
---@param name? string the kind
---@return string
function m.kind(noun, name)
  local kind = name and attrs.kind(noun, name)
  if kind and kind.config then return m.lacks(("the %s kind %s"):format(noun, name), kind.config) end
  local called = name and "'" .. tostring(name) .. "'" or "of that name"
  return ("this kernel has no %s kind %s; help %q lists the known ones"):format(noun, called, noun)
end

--- Says what brings an encapsulation of routes.
---@param name? string
---@return string
function m.encap(name)
  local row = name and by_name(m.encaps, name) or by_name(m.encaps, "ip")
  return m.lacks("the encapsulation " .. (name or "of routes"), row.config, row.builtin)
end

--- Finds a program where commands of a world are looked for.
---@param name string
---@return string? path
function m.path(name)
  for dir in ((os.getenv "PATH" or "") .. ":/usr/local/sbin:/usr/sbin:/sbin"):gmatch "[^:]+" do
    local file = io.open(dir .. "/" .. name)
    if file then
      file:close()
      return dir .. "/" .. name
    end
  end
end

--- Says which package brings a program.
---@param name? string
---@return string? remedy
function m.program(name)
  local row = name and by_name(m.programs, name)
  for _, one in ipairs(row and {} or m.programs) do
    for _, other in ipairs(one.also or {}) do row = other == name and one or row end
  end
  return row and ("apt-get install %s brings it"):format(row.package) or nil
end

local TUN_RIGHT = "only its owner may open the device: chmod 666 /dev/net/tun as root, which is safe and usual"
local TUN_DRIVER = "the driver is not there: modprobe tun as root; CONFIG_TUN=y or =m brings it"
local tun = {
  EACCES = TUN_RIGHT,
  EPERM = TUN_RIGHT .. "; a container must let the device in: --device /dev/net/tun",
  ENOENT = "no /dev/net/tun: modprobe tun as root makes it (CONFIG_TUN); a container gets it by --device /dev/net/tun",
  ENODEV = TUN_DRIVER,
  ENXIO = TUN_DRIVER,
}

--- Says what to do about a /dev/net/tun that can't be opened.
---@param code string errno name
---@return string? remedy
function m.tun(code) return tun[code] end

return m
