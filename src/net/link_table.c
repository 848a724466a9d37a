/* link_table.c - the attributes that all links have (ip link), and those of a veth's peer */
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <stddef.h>

#include "rows.h"
#include "tables.h"

#define HDR(member) offsetof(struct ifinfomsg, member)
/* clang-format off */
#define IFF(k, bit, more, text)                                                                        \
	{.key = (k), .attr = HDR(ifi_flags), .type = NET_BIT, .size = 4, .aux = HDR(ifi_change), .mask = (bit), \
	 .flags = NET_HDR | (more), .doc = (text)}

#define PART(k, table, text) \
	{.key = (k), .type = NET_NEST, .flags = NET_AFTER | NET_WO, .nest = &(table), .doc = (text)}
#define SIZE(k, number, more, text) \
	{.key = (k), .attr = (number), .type = NET_SIZE, .size = 4, .flags = (more), .doc = (text)}
#define TEXT(k, number, more, text) {.key = (k), .attr = (number), .type = NET_STRING, .flags = (more), .doc = (text)}

static const struct net_enum states = {
	.list = (struct net_word[]){{"unknown", 0}, {"notpresent", 1}, {"down", 2}, {"lowerlayerdown", 3},
				    {"testing", 4}, {"dormant", 5}, {"up", 6}, {NULL, 0}},
};
static const struct net_enum link_types = {
	.list = (struct net_word[]){{"ether", ARPHRD_ETHER}, {"loopback", ARPHRD_LOOPBACK}, {"none", ARPHRD_NONE},
				    {"ipip", ARPHRD_TUNNEL}, {"tunnel6", ARPHRD_TUNNEL6}, {"sit", ARPHRD_SIT},
				    {"gre", ARPHRD_IPGRE}, {"gre6", ARPHRD_IP6GRE}, {NULL, 0}},
};
static const struct net_enum link_modes = {.list = (struct net_word[]){{"default", 0}, {"dormant", 1}, {NULL, 0}}};
static const struct net_enum events = {
	.list = (struct net_word[]){{"none", 0}, {"reboot", 1}, {"feature_change", 2}, {"bonding_failover", 3},
				    {"notify_peers", 4}, {"resend_igmp", 5}, {"bonding_options", 6}, {NULL, 0}},
};
static const struct net_enum gen_modes = {
	.list = (struct net_word[]){{"eui64", 0}, {"none", 1}, {"stable_secret", 2}, {"random", 3}, {NULL, 0}},
};

#define STAT(k, member, text)                                                                                \
	{.key = (k), .attr = offsetof(struct rtnl_link_stats64, member), .type = NET_UINT, .size = 8, \
	 .flags = NET_HDR | NET_RO, .doc = (text)}
static const struct net_row stats_rows[] = {
	STAT("rx_bytes", rx_bytes, "bytes received"),
	STAT("rx_packets", rx_packets, "packets received"),
	STAT("rx_errors", rx_errors, "bad packets received"),
	STAT("rx_dropped", rx_dropped, "packets received and dropped"),
	STAT("rx_length_errors", rx_length_errors, "packets of a wrong length"),
	STAT("rx_over_errors", rx_over_errors, "receiver ring overflows"),
	STAT("rx_crc_errors", rx_crc_errors, "packets with a wrong checksum"),
	STAT("rx_frame_errors", rx_frame_errors, "packets with broken frames"),
	STAT("rx_fifo_errors", rx_fifo_errors, "receiver overruns"),
	STAT("rx_missed_errors", rx_missed_errors, "packets that found no room"),
	STAT("rx_compressed", rx_compressed, "compressed packets received"),
	STAT("rx_nohandler", rx_nohandler, "packets that no protocol wanted"),
	STAT("rx_otherhost_dropped", rx_otherhost_dropped, "packets for other hosts"),
	STAT("multicast", multicast, "multicast packets received"),
	STAT("tx_bytes", tx_bytes, "bytes sent"),
	STAT("tx_packets", tx_packets, "packets sent"),
	STAT("tx_errors", tx_errors, "packets that could not be sent"),
	STAT("tx_dropped", tx_dropped, "packets dropped before they were sent"),
	STAT("tx_aborted_errors", tx_aborted_errors, "sends that were given up"),
	STAT("tx_carrier_errors", tx_carrier_errors, "sends that failed for want of a carrier"),
	STAT("tx_fifo_errors", tx_fifo_errors, "sender underruns"),
	STAT("tx_heartbeat_errors", tx_heartbeat_errors, "heartbeats that failed"),
	STAT("tx_window_errors", tx_window_errors, "late collisions"),
	STAT("tx_compressed", tx_compressed, "compressed packets sent"),
	STAT("collisions", collisions, "collisions"),
};
static const struct net_table stats = {"stats", stats_rows, COUNT(stats_rows), sizeof(struct rtnl_link_stats64), true};

static const struct net_row inet6_rows[] = {
	{.key = "addrgenmode", .attr = IFLA_INET6_ADDR_GEN_MODE, .type = NET_ENUM, .size = 1, .names = &gen_modes,
	 .flags = NET_AFTER, .doc = "how the IPv6 link-local address is made; none: it isn't"},
	{.key = "token", .attr = IFLA_INET6_TOKEN, .type = NET_IP, .size = 16, .flags = NET_AFTER | NET_ZERO,
	 .doc = "host part of addresses from router advertisements; false: none"},
};
static const struct net_table inet6 = {"inet6", inet6_rows, COUNT(inet6_rows), 0, false};
static const struct net_row af_rows[] = {
	{.attr = 10 /* AF_INET6 */, .type = NET_NEST, .flags = NET_FLAT, .nest = &inet6},
};
static const struct net_table af_spec = {"af_spec", af_rows, COUNT(af_rows), 0, false};

static const struct net_row reason_rows[] = {
	UINT("protodown_reason", IFLA_PROTO_DOWN_REASON_VALUE, 4, NET_AFTER | NET_ZERO,
	     "who holds it down, a bit each; before protodown can be false it must be 0"),
};
static const struct net_table reason = {"protodown reason", reason_rows, COUNT(reason_rows), 0, false};

static const struct net_enum xdp_modes = {
	.list = (struct net_word[]){{"drv", 1}, {"generic", 2}, {"hw", 3}, {"multi", 4}, {NULL, 0}},
};
static const struct net_row xdp_rows[] = {
	ENUM("xdp", IFLA_XDP_ATTACHED, 1, xdp_modes, NET_RO | NET_ZERO, "where an XDP program hangs"),
	UINT("xdp_prog_id", IFLA_XDP_PROG_ID, 4, NET_RO | NET_ZERO, "number of the XDP program"),
	UINT("xdp_drv_prog_id", IFLA_XDP_DRV_PROG_ID, 4, NET_RO | NET_ZERO, "the one in the driver"),
	UINT("xdp_generic_prog_id", IFLA_XDP_SKB_PROG_ID, 4, NET_RO | NET_ZERO, "the generic one"),
	UINT("xdp_hw_prog_id", IFLA_XDP_HW_PROG_ID, 4, NET_RO | NET_ZERO, "the one in hardware"),
};
static const struct net_table xdp = {"xdp", xdp_rows, COUNT(xdp_rows), 0, false};

static const struct net_row info_rows[] = {
	{.key = "kind", .attr = IFLA_INFO_KIND, .type = NET_STRING, .max = 15, .flags = NET_NEW,
	 .doc = "what sort of link it is; physical ones and lo have none"},
	{.attr = IFLA_INFO_DATA, .type = NET_KINDNEST},
	{.key = "port_kind", .attr = IFLA_INFO_SLAVE_KIND, .type = NET_STRING, .flags = NET_RO,
	 .doc = "the kind of its master"},
	{.key = "port", .attr = IFLA_INFO_SLAVE_DATA, .type = NET_PORTNEST, .flags = NET_AFTER,
	 .doc = "options that the link has as a port of its master"},
};
static const struct net_table info = {"linkinfo", info_rows, COUNT(info_rows), 0, false};

/* One list for a link and for a veth's peer, which is described by a link message of its own. */
static const struct net_row link_rows[] = {
	{.key = "name", .attr = IFLA_IFNAME, .type = NET_STRING, .min = 1, .max = 15, .flags = NET_MAIN,
	 .doc = "1 to 15 bytes"},
	{.key = "index", .attr = HDR(ifi_index), .type = NET_INT, .size = 4, .min = 1, .max = INT32_MAX,
	 .flags = NET_HDR | NET_NEW, .doc = "number in its namespace; chosen by the kernel unless given"},
	{.attr = IFLA_LINKINFO, .type = NET_NEST, .flags = NET_FLAT, .nest = &info},
	{.key = "mtu", .attr = IFLA_MTU, .type = NET_SIZE, .size = 4, .min = 1, .max = UINT32_MAX,
	 .doc = "largest packet in bytes"},
	{.key = "mac", .attr = IFLA_ADDRESS, .type = NET_MAC, .doc = "link-layer address"},
	IFF("up", IFF_UP, NET_LATE_PEER, "whether it is switched on"),
	{.key = "carrier", .attr = IFLA_CARRIER, .type = NET_BOOL, .size = 1, .flags = NET_AFTER,
	 .doc = "whether the other side is there"},
	{.key = "state", .attr = IFLA_OPERSTATE, .type = NET_ENUM, .size = 1, .flags = NET_RO, .names = &states,
	 .doc = "what it can do at the moment (RFC 2863)"},
	{.key = "master", .attr = IFLA_MASTER, .type = NET_LINK, .size = 4, .flags = NET_LATE_PEER,
	 .doc = "the bridge or other link it is a port of"},
	{.key = "link", .attr = IFLA_LINK, .type = NET_LINK, .size = 4, .flags = NET_NEW,
	 .doc = "the link that it stands on; of a veth: its peer"},
	{.key = "link_netnsid", .attr = IFLA_LINK_NETNSID, .type = NET_INT, .size = 4, .max = INT32_MAX,
	 .flags = NET_NEW,
	 .doc = "number of the namespace where that link is, when not here"},
	{.key = "netns", .attr = IFLA_NET_NS_FD, .type = NET_NETNS, .size = 4, .flags = NET_WO,
	 .doc = "the namespace it is in"},
	{.key = "alias", .attr = IFLA_IFALIAS, .type = NET_STRING, .max = 255, .flags = NET_AFTER | NET_ZERO,
	 .doc = "a description; false: none"},
	{.key = "altnames", .attr = IFLA_PROP_LIST, .aux = IFLA_ALT_IFNAME, .type = NET_STRINGS, .min = 1, .max = 127,
	 .flags = NET_AFTER, .doc = "what it is called beside its name, 1 to 127 bytes each"},
	{.key = "txqlen", .attr = IFLA_TXQLEN, .type = NET_UINT, .size = 4,
	 .doc = "length of the send queue in packets"},
	{.key = "group", .attr = IFLA_GROUP, .type = NET_ENUM, .size = 4, .names = &net_groups,
	 .doc = "group of links, a number or a name of /etc/iproute2/group"},
	IFF("promisc", IFF_PROMISC, NET_AFTER, "receive all packets"),
	IFF("allmulti", IFF_ALLMULTI, NET_AFTER, "receive all multicast packets"),
	IFF("multicast", IFF_MULTICAST, NET_AFTER, "whether it can multicast"),
	IFF("arp", IFF_NOARP, NET_AFTER | NET_INVERT, "whether it resolves addresses"),
	IFF("trailers", IFF_NOTRAILERS, NET_AFTER | NET_INVERT, "a flag of old, kept for old programs"),
	IFF("dynamic", IFF_DYNAMIC, NET_AFTER | NET_QUIET, "its addresses go when it goes down"),
	{.key = "broadcast", .attr = IFLA_BROADCAST, .type = NET_MAC, .doc = "link-layer broadcast address"},
	{.key = "permaddr", .attr = IFLA_PERM_ADDRESS, .type = NET_MAC, .flags = NET_RO,
	 .doc = "address the hardware has"},
	{.key = "linkmode", .attr = IFLA_LINKMODE, .type = NET_ENUM, .size = 1, .names = &link_modes,
	 .flags = NET_AFTER,
	 .doc = "dormant: goes up only when told so"},
	{.key = "protodown", .attr = IFLA_PROTO_DOWN, .type = NET_BOOL, .size = 1, .flags = NET_AFTER | NET_OFF,
	 .doc = "held down by a protocol"},
	{.attr = IFLA_PROTO_DOWN_REASON, .type = NET_NEST, .flags = NET_FLAT, .nest = &reason},
	{.key = "min_mtu", .attr = IFLA_MIN_MTU, .type = NET_UINT, .size = 4, .flags = NET_RO, .doc = "smallest mtu"},
	{.key = "max_mtu", .attr = IFLA_MAX_MTU, .type = NET_UINT, .size = 4, .flags = NET_RO, .doc = "largest mtu"},
	{.key = "numtxqueues", .attr = IFLA_NUM_TX_QUEUES, .type = NET_UINT, .size = 4, .flags = NET_NEW, .min = 1,
	 .max = 4096,
	 .doc = "send queues"},
	{.key = "numrxqueues", .attr = IFLA_NUM_RX_QUEUES, .type = NET_UINT, .size = 4, .flags = NET_NEW, .min = 1,
	 .max = 4096,
	 .doc = "receive queues"},
	SIZE("gso_max_size", IFLA_GSO_MAX_SIZE, 0, "largest segment-offload packet in bytes"),
	UINT("gso_max_segs", IFLA_GSO_MAX_SEGS, 4, 0, "most segments of such a packet"),
	SIZE("gro_max_size", IFLA_GRO_MAX_SIZE, 0, "largest receive-offload packet in bytes"),
	SIZE("gso_ipv4_max_size", NEW_LINK_GSO_IPV4_MAX_SIZE, 0, "the same for IPv4, sending; since Linux 6.3"),
	SIZE("gro_ipv4_max_size", NEW_LINK_GRO_IPV4_MAX_SIZE, 0, "the same for IPv4, receiving; since Linux 6.3"),
	SIZE("tso_max_size", IFLA_TSO_MAX_SIZE, NET_RO, "what the device segments at most, in bytes"),
	UINT("tso_max_segs", IFLA_TSO_MAX_SEGS, 4, NET_RO, "the same in segments"),
	{.key = "promiscuity", .attr = IFLA_PROMISCUITY, .type = NET_UINT, .size = 4, .flags = NET_RO,
	 .doc = "how many want all packets"},
	UINT("allmulti_count", IFLA_ALLMULTI, 4, NET_RO, "how many want all multicast packets"),
	UINT("carrier_changes", IFLA_CARRIER_CHANGES, 4, NET_RO, "how often the carrier came or went"),
	UINT("carrier_up_count", IFLA_CARRIER_UP_COUNT, 4, NET_RO, "how often it came"),
	UINT("carrier_down_count", IFLA_CARRIER_DOWN_COUNT, 4, NET_RO, "how often it went"),
	TEXT("parentbus", IFLA_PARENT_DEV_BUS_NAME, NET_RO, "the bus of the hardware"),
	TEXT("parentdev", IFLA_PARENT_DEV_NAME, NET_NEW, "the hardware; made with one: that of a modem"),
	TEXT("phys_port_name", IFLA_PHYS_PORT_NAME, NET_RO, "the socket of the hardware"),
	{.key = "phys_port_id", .attr = IFLA_PHYS_PORT_ID, .type = NET_MAC, .flags = NET_RO,
	 .doc = "number of that socket"},
	{.key = "phys_switch_id", .attr = IFLA_PHYS_SWITCH_ID, .type = NET_MAC, .flags = NET_RO,
	 .doc = "number of the switch that it is a port of"},
	UINT("numvf", IFLA_NUM_VF, 4, NET_RO, "virtual functions of the hardware"),
	UINT("needed_headroom", NEW_LINK_HEADROOM, 2, NET_RO, "bytes kept free before each packet; since Linux 6.18"),
	UINT("needed_tailroom", NEW_LINK_TAILROOM, 2, NET_RO, "bytes kept free behind each packet"),
	BOOL("netns_immutable", NEW_LINK_NETNS_IMMUTABLE, NET_RO, "it can't leave its namespace; since Linux 6.15"),
	ENUM("event", IFLA_EVENT, 4, events, NET_RO, "what a notification is about"),
	{.key = "new_netnsid", .attr = IFLA_NEW_NETNSID, .type = NET_INT, .size = 4, .flags = NET_RO,
	 .doc = "number of the namespace that it was moved to, in the notification of that"},
	{.key = "new_index", .attr = IFLA_NEW_IFINDEX, .type = NET_INT, .size = 4, .flags = NET_RO,
	 .doc = "its number there"},
	{.attr = IFLA_XDP, .type = NET_NEST, .flags = NET_FLAT, .nest = &xdp},
	{.key = "qdisc", .attr = IFLA_QDISC, .type = NET_STRING, .flags = NET_RO,
	 .doc = "its root queueing discipline"},
	{.key = "link_type", .attr = HDR(ifi_type), .type = NET_ENUM, .size = 2, .flags = NET_HDR | NET_RO,
	 .names = &link_types,
	 .doc = "what its packets begin with"},
	{.attr = IFLA_AF_SPEC, .type = NET_NEST, .flags = NET_FLAT, .nest = &af_spec},
	/* ethtool's, which have messages of their own */
	{.key = "offload", .type = NET_TOGGLES, .flags = NET_AFTER | NET_WO,
	 .doc = "features of the driver: rx, tx, sg, tso, gso, gro, lro, rxvlan, txvlan, ntuple, rxhash, or the kernel's "
		"names"},
	{.type = NET_NEST, .flags = NET_FLAT | NET_WO, .nest = &net_modes_table},
	PART("channels", net_channels_table, "how many queues there are"),
	PART("rings", net_rings_table, "how long its queues are, in packets"),
	PART("coalesce", net_coalesce_table, "how long it waits before an interrupt"),
	PART("pause", net_pause_table, "pause frames"),
	PART("eee", net_eee_table, "energy-efficient Ethernet"),
	PART("wol", net_wol_table, "wake on LAN"),
	PART("fec", net_fec_table, "forward error correction"),
	{.key = "stats", .attr = IFLA_STATS64, .type = NET_NEST, .flags = NET_RO, .nest = &stats,
	 .doc = "its counters"},
};
const struct net_table net_link_table = {"link", link_rows, COUNT(link_rows), sizeof(struct ifinfomsg), false};
const struct net_table net_peer_table = {"peer", link_rows, COUNT(link_rows), sizeof(struct ifinfomsg), false};
/* clang-format on */
