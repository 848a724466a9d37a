/* kind_vxlan.c - Ethernet over UDP: vxlan and geneve */
#include <linux/if_link.h>
#include <stddef.h>

#include "rows.h"
#include "tables.h"

/* clang-format off */
static const struct net_enum inherit = {.list = (struct net_word[]){{"inherit", 1}, {NULL, 0}}};
static const struct net_enum dfs = {.list = (struct net_word[]){{"unset", 0}, {"set", 1}, {"inherit", 2}, {NULL, 0}}};

/* --- vxlan --- */

static const struct net_enum label_policies = {
	.list = (struct net_word[]){{"fixed", 0}, {"inherit", 1}, {NULL, 0}},
};

static const struct net_row port_range_rows[] = {
	{.key = "srcport_min", .attr = 0, .type = NET_UINT, .size = 2, .flags = NET_HDR | NET_BE | NET_NEW,
	 .doc = "lowest source port; 0: the kernel's choice"},
	{.key = "srcport_max", .attr = 2, .type = NET_UINT, .size = 2, .flags = NET_HDR | NET_BE | NET_NEW,
	 .doc = "highest source port"},
};
static const struct net_table port_range = {"srcport", port_range_rows, COUNT(port_range_rows), 4, true};

static const struct net_row vxlan_rows[] = {
	{.key = "id", .attr = IFLA_VXLAN_ID, .type = NET_UINT, .size = 4, .max = 0xffffff, .flags = NET_NEW,
	 .doc = "network number (VNI)"},
	{.key = "remote", .attr = IFLA_VXLAN_GROUP, .aux = IFLA_VXLAN_GROUP6, .type = NET_IP, .flags = NET_ZERO,
	 .doc = "where unknown addresses are sent: a host, or a multicast group"},
	{.key = "local", .attr = IFLA_VXLAN_LOCAL, .aux = IFLA_VXLAN_LOCAL6, .type = NET_IP, .flags = NET_ZERO,
	 .doc = "source address of the tunnel"},
	{.key = "dev", .attr = IFLA_VXLAN_LINK, .type = NET_LINK, .size = 4, .doc = "the link that it sends on"},
	{.key = "ttl", .attr = IFLA_VXLAN_TTL, .type = NET_UINT, .size = 1,
	 .doc = "of the outer packets; 0: the system's"},
	FLAG("ttl_inherit", IFLA_VXLAN_TTL_INHERIT, NET_NEW, "take the inner packet's ttl"),
	{.key = "tos", .attr = IFLA_VXLAN_TOS, .type = NET_ENUM, .size = 1, .names = &inherit,
	 .max = 255, .doc = "of the outer packets"},
	{.key = "df", .attr = IFLA_VXLAN_DF, .type = NET_ENUM, .size = 1, .names = &dfs, .doc = "don't fragment"},
	{.key = "flowlabel", .attr = IFLA_VXLAN_LABEL, .type = NET_UINT, .size = 4, .flags = NET_BE, .max = 0xfffff,
	 .doc = "IPv6 flow label"},
	{.key = "dstport", .attr = IFLA_VXLAN_PORT, .type = NET_UINT, .size = 2, .flags = NET_BE | NET_NEW,
	 .doc = "UDP port"},
	{.attr = IFLA_VXLAN_PORT_RANGE, .type = NET_NEST, .flags = NET_FLAT, .nest = &port_range},
	BOOL("learning", IFLA_VXLAN_LEARNING, 0, "learn where addresses are"),
	BOOL("proxy", IFLA_VXLAN_PROXY, NET_NEW, "answer ARP from the neighbour table"),
	BOOL("rsc", IFLA_VXLAN_RSC, NET_NEW, "route short circuit"),
	BOOL("l2miss", IFLA_VXLAN_L2MISS, NET_NEW, "tell of unknown link-layer addresses"),
	BOOL("l3miss", IFLA_VXLAN_L3MISS, NET_NEW, "tell of unknown addresses"),
	{.key = "ageing", .attr = IFLA_VXLAN_AGEING, .type = NET_TIME, .size = 4,
	 .doc = "how long a learned address is kept"},
	{.key = "maxaddress", .attr = IFLA_VXLAN_LIMIT, .type = NET_UINT, .size = 4, .flags = NET_NEW,
	 .doc = "most learned addresses; 0: no limit"},
	BOOL("udpcsum", IFLA_VXLAN_UDP_CSUM, NET_NEW, "UDP checksums over IPv4"),
	BOOL("udp6zerocsumtx", IFLA_VXLAN_UDP_ZERO_CSUM6_TX, NET_NEW, "send without UDP checksums over IPv6"),
	BOOL("udp6zerocsumrx", IFLA_VXLAN_UDP_ZERO_CSUM6_RX, NET_NEW, "take packets without UDP checksums over IPv6"),
	BOOL("remcsumtx", IFLA_VXLAN_REMCSUM_TX, NET_NEW, "remote checksum offload, sending"),
	BOOL("remcsumrx", IFLA_VXLAN_REMCSUM_RX, NET_NEW, "remote checksum offload, receiving"),
	BOOL("external", IFLA_VXLAN_COLLECT_METADATA, NET_NEW, "the tunnel's ends come with each packet"),
	FLAG("gbp", IFLA_VXLAN_GBP, NET_NEW, "group policy extension"),
	FLAG("gpe", IFLA_VXLAN_GPE, NET_NEW, "generic protocol extension; with external"),
	BOOL("vnifilter", IFLA_VXLAN_VNIFILTER, NET_NEW, "only the network numbers that are listed; with external"),
	BOOL("localbypass", NEW_VXLAN_LOCALBYPASS, 0,
	     "hand packets to a vxlan of this namespace directly; since Linux 6.5"),
	ENUM("label_policy", NEW_VXLAN_LABEL_POLICY, 4, label_policies, 0,
	     "where the flow label comes from; since Linux 6.7"),
	BOOL("mcroute", NEW_VXLAN_MC_ROUTE, NET_NEW, "send multicast by the routing table; since Linux 6.15"),
};
const struct net_table net_vxlan_table = {"vxlan", vxlan_rows, COUNT(vxlan_rows), 0, false};

/* --- geneve --- */

static const struct net_row geneve_range_rows[] = {
	{.key = "srcport_min", .attr = 0, .type = NET_UINT, .size = 2, .flags = NET_HDR | NET_BE | NET_NEW,
	 .doc = "lowest source port; since Linux 6.15"},
	{.key = "srcport_max", .attr = 2, .type = NET_UINT, .size = 2, .flags = NET_HDR | NET_BE | NET_NEW,
	 .doc = "highest source port"},
};
static const struct net_table geneve_range = {"srcport", geneve_range_rows, COUNT(geneve_range_rows), 4, true};

static const struct net_row geneve_rows[] = {
	{.key = "id", .attr = IFLA_GENEVE_ID, .type = NET_UINT, .size = 4, .max = 0xffffff, .flags = NET_NEW,
	 .doc = "network number (VNI)"},
	{.key = "remote", .attr = IFLA_GENEVE_REMOTE, .aux = IFLA_GENEVE_REMOTE6, .type = NET_IP, .flags = NET_ZERO,
	 .doc = "the other end"},
	{.key = "ttl", .attr = IFLA_GENEVE_TTL, .type = NET_UINT, .size = 1,
	 .doc = "of the outer packets; 0: the system's"},
	/* where it is given, true or false, the kernel takes no ttl */
	{.key = "ttl_inherit", .attr = IFLA_GENEVE_TTL_INHERIT, .type = NET_BOOL, .size = 1, .aux = 1, .flags = NET_OFF,
	 .doc = "take the inner packet's ttl"},
	{.key = "tos", .attr = IFLA_GENEVE_TOS, .type = NET_ENUM, .size = 1, .names = &inherit,
	 .max = 255, .doc = "of the outer packets"},
	{.key = "df", .attr = IFLA_GENEVE_DF, .type = NET_ENUM, .size = 1, .names = &dfs, .doc = "don't fragment"},
	{.key = "flowlabel", .attr = IFLA_GENEVE_LABEL, .type = NET_UINT, .size = 4, .flags = NET_BE, .max = 0xfffff,
	 .doc = "IPv6 flow label"},
	{.key = "dstport", .attr = IFLA_GENEVE_PORT, .type = NET_UINT, .size = 2, .flags = NET_BE | NET_NEW,
	 .doc = "UDP port"},
	FLAG("external", IFLA_GENEVE_COLLECT_METADATA, NET_NEW, "the tunnel's ends come with each packet"),
	BOOL("udpcsum", IFLA_GENEVE_UDP_CSUM, NET_NEW, "UDP checksums over IPv4"),
	BOOL("udp6zerocsumtx", IFLA_GENEVE_UDP_ZERO_CSUM6_TX, NET_NEW, "send without UDP checksums over IPv6"),
	BOOL("udp6zerocsumrx", IFLA_GENEVE_UDP_ZERO_CSUM6_RX, NET_NEW, "take packets without UDP checksums over IPv6"),
	FLAG("innerprotoinherit", IFLA_GENEVE_INNER_PROTO_INHERIT, NET_NEW, "carry bare IP packets"),
	NEST(NEW_GENEVE_PORT_RANGE, geneve_range),
};
const struct net_table net_geneve_table = {"geneve", geneve_rows, COUNT(geneve_rows), 0, false};
/* clang-format on */
