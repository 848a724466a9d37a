-- map.lua - what the words of iproute2 are in nsh, where that doesn't follow from the attribute tables.
-- A word is a key of the section's tables, a key of another one ("route.via"), a kind ("action/mirred"), or a function
-- ("ns:add_link"); what stands behind that explains. { no = "reason" } is what nsh doesn't
-- have, { gone = "since when" } what Linux itself takes no more. `prose` are words that
-- are neither options nor values: those of sentences, and names of arguments.
-- luacheck: no max line length
local m = {}

-- Words of sentences, names of arguments that iproute2 writes in lower case, and the programs' own names. Where one of
-- them is an option all the same, its section says so.
m.prose = [[
  a absolute accumulated adapting allocated and are as at atch be borrow borrows bridge but by bytes can class
  classifier command computations computed configured create creates default defaults definite delayed depends during
  e.g etc exceed exceeding file filename first for format from given has he help hexadecimal how if immediate in indev
  individual information input instance is it its known last look lower major maximum may minimum minor minor-id more
  much must needs no nothing not number numbers of on once one only or order packet packets parsed per per-packet
  period qdisc sent serve served see since size so specific specified specify start still string tc than that the there
  these this time timeconstant to try unclassified upper use used user valid value values version we what where which
  ip l list
]]

local SRIOV = { no = "virtual functions of a card (SR-IOV)" }
local XDP = { no = "loading BPF programs" }
local FORM = { no = "a form of output: records are tables, which print themselves" }
local HARDWARE = { no = "an option of cards that offload bridges" }
local ENCAP = { no = "encapsulations of BPF and IOAM, and signed segments, are read and not made" }
local SEG6LOCAL = 'encap, { type = "seg6local" }, with count and the flavors'
local TUNNEL = { no = "options in the headers of tunnels" }
local LABELS = "mpls"
local MATCH = "match: bytes at any place"
local ESTIMATOR = "class.estimator_interval"

m.sections = {}
local s = m.sections

-- --- ip-link ---

s["ip link help"] = {
  tables = { "link" }, kinds = "link",
  prose = "off",
  words = {
    add = "ns:add_link", address = "mac", allmulticast = "allmulti", altname = "altnames", del = "link:del",
    delete = "link:del", dev = "ns:link", down = "up = false", ["link-netns"] = "link, a live link of another namespace",
    nomaster = "master = false", property = "link:add_altname", set = "link:set", show = "ns:links", txqueuelen = "txqlen",
    type = "kind", vrf = "master", up = "up", bond_slave = "port", bridge_slave = "port", team_slave = "port",
    afstats = "link:xstats", xstats = "link:xstats",
    vf = SRIOV, qos = SRIOV, proto = SRIOV, rate = SRIOV, max_tx_rate = SRIOV, min_tx_rate = SRIOV, spoofchk = SRIOV,
    query_rss = SRIOV, state = SRIOV, trust = SRIOV, node_guid = SRIOV, port_guid = SRIOV, auto = SRIOV, enable = SRIOV,
    disable = SRIOV, xdp = XDP, xdpgeneric = XDP, xdpdrv = XDP, xdpoffload = XDP, object = XDP, section = XDP, program = XDP,
    pinned = XDP, verbose = XDP,
  },
}
s["ip-link(8)"] = {
  tables = { "link" }, kinds = "link",
  words = { max_gro_size = "gro_max_size", max_gso_segs = "gso_max_segs", max_gso_size = "gso_max_size" },
}
s["ip link help bareudp"] = { prose = "name protocol" }
s["ip link help bond"] = {
  words = { clear_active_slave = "active_slave = false", num_grat_arp = "num_peer_notif", num_unsol_na = "num_peer_notif",
    off = "lacp_active = false", on = "lacp_active" },
}
s["ip link help bridge"] = { words = { stp_state = "stp" } }
s["ip link help bridge_slave"] = {
  prose = "off",
  words = { mcast_fast_leave = "fastleave", nobackup_port = "backup_port = false" },
}
s["ip link help hsr"] = {
  prose = "add address bound byte device devices frames hsr hsr0 link multicast name new slave two type",
  words = { protocol = "proto" },
}
s["ip link help ipoib"] = { prose = "0x8001-0xffff" }
for _, kind in ipairs { "ipvlan", "ipvtap" } do
  s["ip link help " .. kind] = { words = { bridge = "private = false, vepa = false" } }
end
s["ip link help macsec"] = {
  prose = "off",
  words = { address = "sci, which is made of it", port = "sci_port", offload = "macsec_offload", mac = 'macsec_offload = "mac"',
    phy = 'macsec_offload = "phy"' },
}
for _, kind in ipairs { "macvlan", "macvtap" } do
  s["ip link help " .. kind] = {
    prose = "broadcast multicast queue rx",
    words = { add = "macaddr, a list", del = "macaddr, a list", flush = "macaddr = {}", set = "macaddr, a list",
      flag = "nopromisc", null = "nopromisc = false" },
  }
end
for _, kind in ipairs { "erspan", "gre", "gretap", "ip6erspan", "ip6gre", "ip6gretap", "vti" } do
  local words = { csum = "icsum", key = "ikey", seq = "iseq", noencap = 'encap = "none"', any = "remote = false" }
  if kind:find "^ip6" then words.any = nil end
  if kind == "vti" then words = { key = "ikey" } end
  s["ip link help " .. kind] = { prose = "hwid version", words = words }
end
for _, kind in ipairs { "ip6gre", "ip6gretap" } do -- the text is that of ip6erspan too
  local words = s["ip link help " .. kind].words
  for _, word in ipairs { "erspan", "erspan_dir", "erspan_hwid", "erspan_ver" } do words[word] = "link/ip6erspan." .. word end
  words.egress, words.ingress = "link/ip6erspan.erspan_dir", "link/ip6erspan.erspan_dir"
end
s["ip link help ip6tnl"] = { words = { noencap = 'encap = "none"' } }
s["ip link help ipip"] = {
  words = { noencap = 'encap = "none"', ["6rd-prefix"] = "link/sit.sixrd_prefix",
    ["6rd-relay_prefix"] = "link/sit.sixrd_relay_prefix", ["6rd-reset"] = "link/sit.sixrd_prefix" },
}
s["ip link help sit"] = {
  words = { noencap = 'encap = "none"', ["6rd-prefix"] = "sixrd_prefix", ["6rd-relay_prefix"] = "sixrd_relay_prefix",
    ["6rd-reset"] = "sixrd_prefix", external = { no = "the kernel's sit doesn't take it" } },
}
for _, kind in ipairs { "veth", "vxcan" } do s["ip link help " .. kind] = { prose = "add get link type veth vxcan" } end
s["ip link help vlan"] = { prose = "off" }
s["ip link help vxlan"] = {
  words = { any = "remote = false", group = "remote", srcport = "srcport_min", auto = "ttl = 0" },
}
s["ip link help geneve"] = { words = { auto = "ttl = 0" } }

-- --- the other pages of ip ---

s["ip address help"] = {
  tables = { "addr" }, kinds = "link",
  words = {
    add = "link:add_addr", change = "link:replace_addr", replace = "link:replace_addr", del = "link:del_addr",
    flush = "link:flush_addrs", show = "ns:addrs", save = "ns:addrs: its records are taken back",
    restore = "link:add_addr takes records", showdump = { no = "a file of ip-address(8) itself" },
    dadfailed = "addr.dadfailed", deprecated = "addr.deprecated", tentative = "addr.tentative", secondary = "addr.secondary",
    permanent = "addr.permanent", dynamic = "addr.permanent = false", primary = "addr.secondary = false",
    temporary = "addr.secondary", forever = "valid_lft", global = "scope", host = "scope", link = "scope",
    bond_slave = "link.master", bridge_slave = "link.master", team_slave = "link.master", master = "link.master",
    nomaster = "link.master", vrf = "link.master", type = "link.kind", up = "link.up",
    to = "ns:addrs with to = PREFIX",
  },
}
s["ip-address(8)"] = { tables = { "addr" }, kinds = "link", prose = "address" }
s["ip route help"] = {
  tables = { "route", "route_to", "nexthop" },
  prose = "s ms",
  words = {
    add = "ns:add_route", append = "ns:add_route with append = true", change = "ns:replace_route", replace = "ns:replace_route",
    del = "ns:del_route", flush = "ns:flush_routes", list = "ns:routes", get = "ns:route_to",
    save = "ns:routes: its records are taken back", restore = "ns:add_route takes records",
    showdump = { no = "a file of ip-route(8) itself" }, all = "table", boot = "proto", kernel = "proto", static = "proto",
    default = "dst", disabled = "ttl_propagate = false", enabled = "ttl_propagate", features = "ecn", global = "scope",
    host = "scope", link = "scope", main = "table", realms = "realm", vrf = "table", to = "dst", nexthop = "nexthops",
    as = { gone = "an address that no kernel takes" },
    exact = "ns:routes with exact = PREFIX", match = "ns:routes with match = PREFIX", root = "ns:routes with root = PREFIX",
    bridge = "family", mpls = "encap, { type = \"mpls\" }",
    cleanup = ENCAP, endpoint = ENCAP, hmac = ENCAP, ns = ENCAP, prealloc = ENCAP, trace = ENCAP,
    count = SEG6LOCAL, flavors = SEG6LOCAL, ["next-csid"] = SEG6LOCAL, psp = SEG6LOCAL, usd = SEG6LOCAL, usp = SEG6LOCAL,
  },
}
s["ip-route(8)"] = { tables = { "route" }, prose = "dst id ip-OPTIONS route out", words = { show = "ns:routes", auto = ENCAP, freq = ENCAP, headroom = ENCAP,
  tundst = ENCAP, xmit = ENCAP } }
s["ip rule help"] = {
  tables = { "rule" },
  words = {
    add = "ns:add_rule", del = "ns:del_rule", flush = "ns:flush_rules", list = "ns:rules", pref = "priority",
    ["not"] = "invert", from = "from", to = "to", protocol = "proto", save = "ns:rules: its records are taken back",
    restore = "ns:add_rule takes records", default = "table", main = "table", ["local"] = "table", ["goto"] = "target",
    nat = { gone = "since 2.6.9" },
  },
}
s["ip-rule(8)"] = { tables = { "rule" }, prose = "rule" }
s["ip neigh help"] = {
  tables = { "neigh" },
  words = {
    add = "ns:add_neigh", change = "ns:replace_neigh", replace = "ns:replace_neigh", del = "ns:del_neigh",
    flush = "ns:flush_neighs", show = "ns:neighs", get = "ns:neigh", lladdr = "mac", nud = "state", protocol = "proto",
    vrf = "link.master", nomaster = "link.master", use = "use",
    to = "ns:neighs with to = PREFIX", managed = "managed",
  },
}
s["ip-neighbour(8)"] = { prose = "neigh" }
s["ip netns help"] = {
  prose = "cmd netns",
  words = {
    list = "netns.list", add = "netns.add", attach = "netns.attach", set = "ns:set { id = NUMBER }", delete = "ns:del",
    identify = "netns.identify", pids = "ns:pids", exec = "ns:exec", monitor = "nsh.watch { \"netns\" }",
    ["list-id"] = "netns.ids", ["target-nsid"] = "netns.ids", nsid = "ns:id", auto = "ns:set { id = \"auto\" }",
    all = "netns.list, in a loop",
  },
}
s["ip-netns(8)"] = { words = { del = "ns:del" } }

-- --- bridge ---

s["bridge link help"] = {
  tables = { "link/bridge.port" },
  prose = "off",
  words = {
    set = "link:set { port = ... }", show = "link:ports", dev = "ns:link", master = "link.port", nobackup_port = "backup_port = false",
    self = HARDWARE, hwmode = HARDWARE, veb = HARDWARE, vepa = HARDWARE, learning_sync = HARDWARE,
  },
}
s["bridge fdb help"] = {
  tables = { "fdb" },
  words = {
    add = "link:add_fdb", append = "link:add_fdb with append = true", del = "link:del_fdb", replace = "link:replace_fdb",
    flush = "link:flush_fdb", show = "link:fdb", get = "link:fdb { MAC }", to = "mac", br = "link:fdb", brport = "dev",
    ["local"] = 'state = "permanent"', added_by_user = "fdb.extern_learn", offloaded = "fdb.offload", use = "use",
  },
}
s["bridge mdb help"] = {
  tables = { "mdb" },
  words = { add = "link:add_mdb", del = "link:del_mdb", show = "link:mdb" },
}
s["bridge vlan help"] = {
  tables = { "bridge_vlan", "bridge_vlan_global" },
  words = {
    add = "link:add_vlan", del = "link:del_vlan", set = "link:set_vlan", show = "link:vlans", tunnelshow = "link:vlans",
    global = "link:set_vlan_global", tunnel_info = "tunnel_id", id = "tunnel_id", self = "link:add_vlan of the bridge",
    master = "link:add_vlan of a port",
  },
}
s["bridge vni help"] = {
  tables = { "vni" },
  words = { add = "link:add_vni", del = "link:del_vni", show = "link:vnis", group = "remote" },
}
s["bridge monitor help"] = {
  words = {
    all = "nsh.watch", fdb = "nsh.watch { \"fdb\" }", link = "nsh.watch { \"link\" }", mdb = "nsh.watch { \"mdb\" }",
    vlan = "nsh.watch { \"bridge_vlan\" }", vni = "nsh.watch { \"vni\" }",
  },
}
s["bridge(8)"] = {
  prose = "neigh",
  words = { batch = "ns:batch", monitor = "nsh.watch", netns = "netns.get", name = "netns.get", statistics = "link.stats",
    color = "ns:links, which print in colour on a terminal",
    pretty = "ns:links, which print as tables", oneline = "ns:links, which print a line each", json = FORM },
}

-- --- tc ---

s["tc qdisc help"] = {
  tables = { "qdisc" }, kinds = "qdisc",
  prose = "b p fifo red cbq",
  words = {
    add = "link:add_qdisc", change = "link:set_qdisc", del = "link:del_qdisc", replace = "link:replace_qdisc",
    show = "link:qdiscs", list = "link:qdiscs", stab = { no = "size tables" }, estimator = ESTIMATOR,
    invisible = { no = "qdiscs that the kernel made by itself and hides" },
  },
}
s["tc class help"] = {
  tables = { "class" }, kinds = "qdisc",
  prose = "cbq",
  words = { add = "link:add_class", change = "link:replace_class", del = "link:del_class", replace = "link:replace_class",
    show = "link:classes" },
}
s["tc filter help"] = {
  tables = { "filter" }, kinds = "filter",
  prose = "filter rsvp",
  words = {
    add = "link:add_filter", change = "link:replace_filter", del = "link:del_filter", replace = "link:replace_filter",
    show = "link:filters", get = "link:filters with a handle", pref = "prio", estimator = ESTIMATOR,
    block = { no = "filters of shared blocks" },
  },
}
local function kind_of(page, title, object, kind, words, prose)
  s[title] = { tables = { object .. "/" .. kind }, prose = prose, words = words }
  s[page .. "(8)"] = s[page .. "(8)"] or { tables = { object .. "/" .. kind } }
  s[page .. "(8)"].kinds = object
end

s["tc-netem(8)"] = {
  tables = { "qdisc/netem" }, prose = "1-h 1-k",
  words = { add = "link:add_qdisc", dev = "ns:link", p = "loss_gemodel", r = "loss_gemodel", p13 = "loss_state",
    p14 = "loss_state", p23 = "loss_state", p31 = "loss_state", p32 = "loss_state" },
}
kind_of("tc-netem", "tc qdisc add dev lo netem help", "qdisc", "netem", {
  bytes = "slot, { bytes = ... }", packets = "slot, { packets = ... }", custom = { no = "distributions from a file" }, gemodel = "loss_gemodel",
  random = "loss", state = "loss_state",
})
s["tc-tbf(8)"] = {
  tables = { "qdisc/tbf" }, prose = "also ms",
  words = { buffer = "burst", cell = { gone = "rates are exact since 3.8" }, maxburst = "burst", minburst = "mtu" },
}
kind_of("tc-tbf", "tc qdisc add dev lo tbf help", "qdisc", "tbf")
s["tc-htb(8)"] = {
  tables = { "qdisc/htb", "class/htb", "class", "qdisc" }, prose = "parent",
  words = { divisor = "filter/u32.divisor", parent = "class.parent", root = "qdisc.parent" },
}
kind_of("tc-htb", "tc qdisc add dev lo htb help", "qdisc", "htb", {
  add = "link:add_qdisc", default = "default", mtu = { gone = "rates are exact since 3.8" }, priority = "class/htb.prio", debug = { no = "the kernel's own messages" },
  enable = "offload", hardware = "offload", idle = "class/htb.burst", leaf = "class.leaf", linklay = "class/htb.linklayer",
  pslot = { gone = "no kernel takes it" }, slot = { gone = "no kernel takes it" },
}, "htb id direct each queue quantums max map")
s["tc qdisc add dev lo htb help"].tables = { "qdisc/htb", "class/htb" }
s["tc-prio(8)"] = {
  tables = { "qdisc/prio", "qdisc" },
  words = { band = "bands", classid = "class.classid", dev = "ns:link", estimator = ESTIMATOR,
    interval = ESTIMATOR, parent = "qdisc.parent", root = "qdisc.parent" },
}
kind_of("tc-prio", "tc qdisc add dev lo prio help", "qdisc", "prio", { multiqueue = { gone = "since 2.6.27" } })
s["tc-fq_codel(8)"] = { tables = { "qdisc/fq_codel" }, words = { noecn = "ecn = false" } }
kind_of("tc-fq_codel", "tc qdisc add dev lo fq_codel help", "qdisc", "fq_codel")
kind_of("tc-cake", "tc qdisc add dev lo cake help", "qdisc", "cake", {
  ["ack-filter"] = "ack_filter", ["ack-filter-aggressive"] = "ack_filter", ["no-ack-filter"] = "ack_filter",
  ["no-split-gso"] = "split_gso = false", ["split-gso"] = "split_gso", ["autorate-ingress"] = "autorate_ingress",
  unlimited = "bandwidth = false", egress = "ingress = false", nonat = "nat = false", nowash = "wash = false",
  conservative = "overhead = 48, atm = \"atm\"", besteffort = "diffserv", datacentre = "rtt = 0.0001", lan = "rtt = 0.001",
  metro = "rtt = 0.01", regional = "rtt = 0.03", internet = "rtt = 0.1", oceanic = "rtt = 0.3", satellite = "rtt = 1",
  interplanetary = "rtt = 1000",
}, "marks")
s["tc-u32(8)"] = {
  tables = { "filter/u32", "filter" },
  prose = [[0xu32_hex_value any code ether_address filter icmp_code icmp_type ifname int_value ip6_address ip_address
    netmask prefixlen type u12_hex_htid u12_hex_nodeid u16_hex_mask u16_hex_value u16_major u16_minor u16_value
    u32_hex_mask u32_hex_value u32_value u8_hex_hash u8_hex_mask u8_value uint_value]],
  words = { ["nexthdr+"] = "match, { nexthdr = true }", eat = "eat", plus = "offset_plus",
    shift = "offset_shift", none = "offset_mask", order = "filter.handle" },
}
for word in ("df dport dsfield dst ether firstfrag flowlabel ihl mf nofrag precedence priority sport src u16 u8"):gmatch "%S+" do
  s["tc-u32(8)"].words[word] = MATCH
end
kind_of("tc-u32", "tc filter add dev lo u32 help", "filter", "u32", {
  action = "actions", divisor = "divisor", hashkey = "hashkey_mask", ht = "ht", link = "link",
  sample = { no = "the bucket is said by its number, in ht" },
  offset = "offset_mask", icmp = MATCH, ip = MATCH, ip6 = MATCH, tcp = MATCH, udp = MATCH, u32 = MATCH, at = MATCH,
}, "u")
s["tc-flower(8)"] = {
  tables = { "filter/flower" }, prose = "filter ifname ipv4_address ipv6_address min_port_number-max_port_number",
  words = { flower = "filter.kind", hw_tc = "classid" },
}
kind_of("tc-flower", "tc filter add dev lo flower help", "filter", "flower", {
  bos = LABELS, depth = LABELS, label = LABELS, lse = LABELS, mpls = LABELS, ttl = LABELS,
  ct_label = { no = "labels of connections" }, erspan_opts = TUNNEL, geneve_opts = TUNNEL, gtp_opts = TUNNEL,
  vxlan_opts = TUNNEL, est = "ct_state", inv = "ct_state", new = "ct_state", rel = "ct_state", rpl = "ct_state",
  trk = "ct_state", reply = "arp_op", request = "arp_op", prio = "filter.prio",
  action = "actions", code = "icmp_code", type = "icmp_type", indev = "indev", verbose = "link:add_filter, whose errors have the kernel's words",
}, "actions combination different flags mask port_number")
kind_of("tc-matchall", "tc filter add dev lo matchall help", "filter", "matchall", { action = "actions" }, "actions")
s["tc-matchall(8)"] = { tables = { "filter/matchall" }, prose = "filter", words = { matchall = "filter.kind" } }
s["tc actions add action mirred help"] = {
  prose = "devicename id policy",
  words = { mirred = "action/mirred", egress = "action/mirred.egress", ingress = "action/mirred.ingress",
    mirror = "action/mirred.egress = \"mirror\"", redirect = "action/mirred.egress = \"redirect\"",
    index = { no = "actions that filters share" } },
}
s["tc-mirred(8)"] = { prose = "action", words = { dev = "action/mirred.dev" } }
local CONTROL = { chain = "action/gact.action = \"goto chain 5\"", ["goto"] = "action/gact.action = \"goto chain 5\"",
  jump = "action/gact.action = \"jump 2\"" }
s["tc actions add action gact help"] = {
  tables = { "action/gact" }, prose = "value type",
  words = { chain = CONTROL.chain, ["goto"] = CONTROL["goto"], jump = CONTROL.jump,
    index = { no = "actions that filters share" } },
}
s["tc-actions(8)"] = {
  tables = { "action/gact" }, kinds = "action", prose = "actions add any flush get gets ls change delete options disabled",
  words = {
    replace = { no = "actions that filters share" }, update = { no = "actions that filters share" },
    cookie = { no = "marks for programs, on actions" }, no_percpu = { no = "one counter for all processors" },
    hw_stats = { no = "counters of cards" }, skip_hw = "filter/flower.skip_hw", skip_sw = "filter/flower.skip_sw",
  },
}
for _, word in ipairs { "add", "change", "delete", "flush", "get", "ls" } do
  s["tc-actions(8)"].words[word] = { no = "actions that filters share" }
end
s["tc actions add action police help"] = {
  tables = { "action/police", "action/gact" },
  words = { ["conform-exceed"] = "exceed", conform = "conform", chain = CONTROL.chain, ["goto"] = CONTROL["goto"],
    bandwidth = "rate", limit = "burst", handle = "filter.handle", exceed = "exceed" },
}
s["tc-police(8)"] = { prose = "action filter", words = { estimator = ESTIMATOR, police = "action/police" } }

return m
