/* kind_virtual.c - kinds that stand on another link: vlan, macvlan, macvtap, ipvlan, ipvtap, and vrf */
#include <linux/if_link.h>
#include <linux/if_vlan.h>
#include <stddef.h>

#include "rows.h"
#include "tables.h"

/* clang-format off */

/* --- vlan --- */

static const struct net_enum vlan_protocols = {
	.list = (struct net_word[]){{"802.1Q", 0x8100}, {"802.1ad", 0x88a8}, {NULL, 0}},
};

#define VLAN_FLAG(k, bit, text)                                                                    \
	{.key = (k), .attr = offsetof(struct ifla_vlan_flags, flags), .type = NET_BIT, .size = 4,     \
	 .aux = offsetof(struct ifla_vlan_flags, mask), .mask = (bit), .flags = NET_HDR, .doc = (text)}
static const struct net_row vlan_flag_rows[] = {
	VLAN_FLAG("reorder_hdr", VLAN_FLAG_REORDER_HDR, "show packets without their VLAN header"),
	VLAN_FLAG("gvrp", VLAN_FLAG_GVRP, "announce the VLAN by GVRP"),
	VLAN_FLAG("mvrp", VLAN_FLAG_MVRP, "announce the VLAN by MVRP"),
	VLAN_FLAG("loose_binding", VLAN_FLAG_LOOSE_BINDING, "don't follow the state of the link below"),
	VLAN_FLAG("bridge_binding", VLAN_FLAG_BRIDGE_BINDING, "follow the state of the bridge ports in the VLAN"),
};
static const struct net_table vlan_flags = {"vlan flags", vlan_flag_rows, COUNT(vlan_flag_rows),
					    sizeof(struct ifla_vlan_flags), true};

static const struct net_row vlan_rows[] = {
	{.key = "id", .attr = IFLA_VLAN_ID, .type = NET_UINT, .size = 2, .max = 4094, .flags = NET_NEW,
	 .doc = "VLAN number"},
	{.key = "protocol", .attr = IFLA_VLAN_PROTOCOL, .type = NET_ENUM, .size = 2, .flags = NET_BE | NET_NEW,
	 .names = &vlan_protocols, .doc = "which tag"},
	{.attr = IFLA_VLAN_FLAGS, .type = NET_NEST, .flags = NET_FLAT | NET_ZERO, .nest = &vlan_flags},
	{.key = "ingress_qos_map", .attr = IFLA_VLAN_INGRESS_QOS, .type = NET_QOSMAP,
	 .doc = "priority of packets by the tag's: { [5] = 2 }"},
	{.key = "egress_qos_map", .attr = IFLA_VLAN_EGRESS_QOS, .type = NET_QOSMAP,
	 .doc = "the tag's priority by that of packets: { [2] = 5 }"},
};
const struct net_table net_vlan_table = {"vlan", vlan_rows, COUNT(vlan_rows), 0, false};

/* --- macvlan --- */

static const struct net_enum macvlan_modes = {
	.list = (struct net_word[]){{"private", MACVLAN_MODE_PRIVATE}, {"vepa", MACVLAN_MODE_VEPA},
				    {"bridge", MACVLAN_MODE_BRIDGE}, {"passthru", MACVLAN_MODE_PASSTHRU},
				    {"source", MACVLAN_MODE_SOURCE}, {NULL, 0}},
};
#define MACVLAN_FLAG(k, bit, text) \
	{.key = (k), .type = NET_BIT, .size = 2, .mask = (bit), .flags = NET_HDR | NET_QUIET, .doc = (text)}
static const struct net_row macvlan_flag_rows[] = {
	MACVLAN_FLAG("nopromisc", MACVLAN_FLAG_NOPROMISC, "passthru: leave the link below out of promiscuous mode"),
	MACVLAN_FLAG("nodst", MACVLAN_FLAG_NODST, "source: not to other links of the same address"),
};
static const struct net_table macvlan_flags = {"macvlan flags", macvlan_flag_rows, COUNT(macvlan_flag_rows), 2, true};

static const struct net_row macvlan_rows[] = {
	{.key = "mode", .attr = IFLA_MACVLAN_MODE, .type = NET_ENUM, .size = 4, .names = &macvlan_modes,
	 .doc = "who may talk to whom"},
	{.attr = IFLA_MACVLAN_FLAGS, .type = NET_NEST, .flags = NET_FLAT, .nest = &macvlan_flags},
	{.key = "bcqueuelen", .attr = IFLA_MACVLAN_BC_QUEUE_LEN, .type = NET_UINT, .size = 4,
	 .doc = "broadcasts that may wait"},
	{.key = "bcqueuelen_used", .attr = IFLA_MACVLAN_BC_QUEUE_LEN_USED, .type = NET_UINT, .size = 4, .flags = NET_RO,
	 .doc = "the largest such number on the link below"},
	{.key = "bclim", .attr = NEW_MACVLAN_BC_CUTOFF, .type = NET_INT, .size = 4,
	 .doc = "links from which on multicast is queued; since Linux 6.3"},
	{.key = "macaddr", .attr = IFLA_MACVLAN_MACADDR_DATA, .aux = IFLA_MACVLAN_MACADDR_MODE, .type = NET_MACLIST,
	 .doc = "source: the senders that are let in, a list"},
	{.key = "macaddr_count", .attr = IFLA_MACVLAN_MACADDR_COUNT, .type = NET_UINT, .size = 4, .flags = NET_RO,
	 .doc = "source: how many senders are let in"},
};
const struct net_table net_macvlan_table = {"macvlan", macvlan_rows, COUNT(macvlan_rows), 0, false};

/* --- ipvlan --- */

static const struct net_enum ipvlan_modes = {
	.list = (struct net_word[]){{"l2", IPVLAN_MODE_L2}, {"l3", IPVLAN_MODE_L3}, {"l3s", IPVLAN_MODE_L3S},
				    {NULL, 0}},
};
#define IPVLAN_FLAG(k, bit, text) \
	{.key = (k), .type = NET_BIT, .size = 2, .mask = (bit), .flags = NET_HDR | NET_QUIET, .doc = (text)}
static const struct net_row ipvlan_flag_rows[] = {
	IPVLAN_FLAG("private", IPVLAN_F_PRIVATE, "talk to no other ipvlan of the same link"),
	IPVLAN_FLAG("vepa", IPVLAN_F_VEPA, "let the switch outside send such packets back"),
};
static const struct net_table ipvlan_flags = {"ipvlan flags", ipvlan_flag_rows, COUNT(ipvlan_flag_rows), 2, true};

static const struct net_row ipvlan_rows[] = {
	{.key = "mode", .attr = IFLA_IPVLAN_MODE, .type = NET_ENUM, .size = 2, .names = &ipvlan_modes,
	 .doc = "on which layer it forwards"},
	{.attr = IFLA_IPVLAN_FLAGS, .type = NET_NEST, .flags = NET_FLAT, .nest = &ipvlan_flags},
};
const struct net_table net_ipvlan_table = {"ipvlan", ipvlan_rows, COUNT(ipvlan_rows), 0, false};

/* --- vrf --- */

static const struct net_row vrf_rows[] = {
	{.key = "table", .attr = IFLA_VRF_TABLE, .type = NET_ENUM, .size = 4, .names = &net_route_tables,
	 .flags = NET_NEW,
	 .doc = "routing table of its ports"},
};
const struct net_table net_vrf_table = {"vrf", vrf_rows, COUNT(vrf_rows), 0, false};
static const struct net_row vrf_port_rows[] = {
	{.key = "table", .attr = IFLA_VRF_PORT_TABLE, .type = NET_ENUM, .size = 4, .names = &net_route_tables,
	 .flags = NET_RO, .doc = "routing table of the vrf"},
};
const struct net_table net_vrf_port_table = {"vrf port", vrf_port_rows, COUNT(vrf_port_rows), 0, false};
/* clang-format on */
