/* kind_bond.c - bonds: several links as one, and the options of their ports */
#include <linux/if_bonding.h>
#include <linux/if_link.h>

#include "rows.h"
#include "tables.h"

/* clang-format off */
#define MS(k, number, more, text) \
	{.key = (k), .attr = (number), .type = NET_TIME, .size = 4, .unit = 1000, .flags = (more), .doc = (text)}

static const struct net_enum modes = {
	.list = (struct net_word[]){{"balance-rr", BOND_MODE_ROUNDROBIN}, {"active-backup", BOND_MODE_ACTIVEBACKUP},
				    {"balance-xor", BOND_MODE_XOR}, {"broadcast", BOND_MODE_BROADCAST},
				    {"802.3ad", BOND_MODE_8023AD}, {"balance-tlb", BOND_MODE_TLB},
				    {"balance-alb", BOND_MODE_ALB}, {NULL, 0}},
};
static const struct net_enum validates = {
	.list = (struct net_word[]){{"none", 0}, {"active", 1}, {"backup", 2}, {"all", 3}, {"filter", 4},
				    {"filter_active", 5}, {"filter_backup", 6}, {NULL, 0}},
};
static const struct net_enum targets = {.list = (struct net_word[]){{"any", 0}, {"all", 1}, {NULL, 0}}};
static const struct net_enum reselects = {
	.list = (struct net_word[]){{"always", 0}, {"better", 1}, {"failure", 2}, {NULL, 0}},
};
static const struct net_enum fail_over = {
	.list = (struct net_word[]){{"none", 0}, {"active", 1}, {"follow", 2}, {NULL, 0}},
};
static const struct net_enum hashes = {
	.list = (struct net_word[]){{"layer2", 0}, {"layer3+4", 1}, {"layer2+3", 2}, {"encap2+3", 3}, {"encap3+4", 4},
				    {"vlan+srcmac", 5}, {NULL, 0}},
};
static const struct net_enum rates = {.list = (struct net_word[]){{"slow", 0}, {"fast", 1}, {NULL, 0}}};
static const struct net_enum selects = {
	.list = (struct net_word[]){{"stable", 0}, {"bandwidth", 1}, {"count", 2}, {NULL, 0}},
};

static const struct net_row ad_info_rows[] = {
	UINT("aggregator", IFLA_BOND_AD_INFO_AGGREGATOR, 2, NET_RO, "the aggregator in use"),
	UINT("num_ports", IFLA_BOND_AD_INFO_NUM_PORTS, 2, NET_RO, "its ports"),
	UINT("actor_key", IFLA_BOND_AD_INFO_ACTOR_KEY, 2, NET_RO, "our key"),
	UINT("partner_key", IFLA_BOND_AD_INFO_PARTNER_KEY, 2, NET_RO, "the other side's key"),
	{.key = "partner_mac", .attr = IFLA_BOND_AD_INFO_PARTNER_MAC, .type = NET_MAC, .flags = NET_RO,
	 .doc = "the other side"},
};
static const struct net_table ad_info = {"ad_info", ad_info_rows, COUNT(ad_info_rows), 0, false};

static const struct net_row bond_rows[] = {
	ENUM("mode", IFLA_BOND_MODE, 1, modes, 0, "how the ports share the work; while it is down and has none"),
	{.key = "active_slave", .attr = IFLA_BOND_ACTIVE_SLAVE, .type = NET_LINK, .size = 4, .flags = NET_AFTER,
	 .doc = "active-backup: the port in use"},
	MS("miimon", IFLA_BOND_MIIMON, 0, "time between looks at the carrier; 0: none"),
	MS("updelay", IFLA_BOND_UPDELAY, NET_OFF, "wait before a port with carrier is used"),
	MS("downdelay", IFLA_BOND_DOWNDELAY, NET_OFF, "wait before a port without carrier is given up"),
	MS("peer_notify_delay", IFLA_BOND_PEER_NOTIF_DELAY, NET_OFF, "time between announcements after a fail-over"),
	BOOL("use_carrier", IFLA_BOND_USE_CARRIER, 0, "believe the driver's carrier"),
	MS("arp_interval", IFLA_BOND_ARP_INTERVAL, NET_OFF, "time between ARP probes; 0: none"),
	{.key = "arp_ip_target", .attr = IFLA_BOND_ARP_IP_TARGET, .type = NET_IPLIST, .size = 4,
	 .doc = "addresses that are probed, a list"},
	{.key = "ns_ip6_target", .attr = IFLA_BOND_NS_IP6_TARGET, .type = NET_IPLIST, .size = 16,
	 .doc = "IPv6 addresses that are probed, a list"},
	{.key = "arp_validate", .attr = IFLA_BOND_ARP_VALIDATE, .type = NET_ENUM, .size = 4, .names = &validates,
	 .flags = NET_OFF,
	 .doc = "which ports must see probes or answers"},
	{.key = "arp_all_targets", .attr = IFLA_BOND_ARP_ALL_TARGETS, .type = NET_ENUM, .size = 4, .names = &targets,
	 .doc = "how many targets must answer"},
	{.key = "primary", .attr = IFLA_BOND_PRIMARY, .type = NET_LINK, .size = 4, .flags = NET_AFTER,
	 .doc = "the port that is used whenever it can be"},
	ENUM("primary_reselect", IFLA_BOND_PRIMARY_RESELECT, 1, reselects, NET_OFF, "when to go back to it"),
	ENUM("fail_over_mac", IFLA_BOND_FAIL_OVER_MAC, 1, fail_over, 0, "whose address the bond has"),
	ENUM("xmit_hash_policy", IFLA_BOND_XMIT_HASH_POLICY, 1, hashes, 0, "what decides on the port"),
	UINT("resend_igmp", IFLA_BOND_RESEND_IGMP, 4, 0, "IGMP reports after a fail-over"),
	UINT("num_peer_notif", IFLA_BOND_NUM_PEER_NOTIF, 1, 0, "announcements after a fail-over; ip(8) says num_grat_arp or num_unsol_na"),
	BOOL("all_slaves_active", IFLA_BOND_ALL_SLAVES_ACTIVE, 0, "take frames from ports that are not in use"),
	UINT("min_links", IFLA_BOND_MIN_LINKS, 4, 0, "fewest ports for a carrier"),
	{.key = "lp_interval", .attr = IFLA_BOND_LP_INTERVAL, .type = NET_TIME, .size = 4, .unit = 1,
	 .doc = "time between learning packets"},
	{.key = "packets_per_slave", .attr = IFLA_BOND_PACKETS_PER_SLAVE, .type = NET_UINT, .size = 4, .flags = NET_OFF,
	 .begins = 1, .doc = "balance-rr: packets before the next port"},
	{.key = "tlb_dynamic_lb", .attr = IFLA_BOND_TLB_DYNAMIC_LB, .type = NET_BOOL, .size = 1, .flags = NET_OFF,
	 .begins = 1,
	 .doc = "balance-tlb: by load"},
	ENUM("lacp_rate", IFLA_BOND_AD_LACP_RATE, 1, rates, NET_OFF,
	     "802.3ad: how often to ask the other side for messages"),
	{.key = "lacp_active", .attr = IFLA_BOND_AD_LACP_ACTIVE, .type = NET_BOOL, .size = 1, .flags = NET_OFF,
	 .begins = 1,
	 .doc = "802.3ad: send without being asked"},
	ENUM("ad_select", IFLA_BOND_AD_SELECT, 1, selects, 0, "802.3ad: which aggregator is best"),
	UINT("ad_actor_sys_prio", IFLA_BOND_AD_ACTOR_SYS_PRIO, 2, 0, "802.3ad: system priority"),
	UINT("ad_user_port_key", IFLA_BOND_AD_USER_PORT_KEY, 2, 0, "802.3ad: part of the port key"),
	{.key = "ad_actor_system", .attr = IFLA_BOND_AD_ACTOR_SYSTEM, .type = NET_MAC, .flags = NET_ZERO,
	 .doc = "802.3ad: system address"},
	{.key = "arp_missed_max", .attr = IFLA_BOND_MISSED_MAX, .type = NET_UINT, .size = 1, .flags = NET_OFF,
	 .begins = 2,
	 .doc = "lost probes before a port is down"},
	{.key = "coupled_control", .attr = NEW_BOND_COUPLED_CONTROL, .type = NET_BOOL, .size = 1, .flags = NET_OFF,
	 .begins = 1, .doc = "802.3ad: collect and distribute together; since Linux 6.9"},
	BOOL("broadcast_neighbor", NEW_BOND_BROADCAST_NEIGH, NET_OFF,
	     "802.3ad: send neighbour requests on all ports; since Linux 6.17"),
	BOOL("lacp_strict", NEW_BOND_LACP_STRICT, NET_OFF, "802.3ad: no carrier without a partner"),
	{.key = "ad_info", .attr = IFLA_BOND_AD_INFO, .type = NET_NEST, .flags = NET_RO, .nest = &ad_info,
	 .doc = "802.3ad: the aggregator in use"},
};
const struct net_table net_bond_table = {"bond", bond_rows, COUNT(bond_rows), 0, false};

static const struct net_enum port_states = {.list = (struct net_word[]){{"active", 0}, {"backup", 1}, {NULL, 0}}};
static const struct net_enum mii_states = {
	.list = (struct net_word[]){{"up", 0}, {"going_down", 1}, {"down", 2}, {"going_back", 3}, {NULL, 0}},
};

static const struct net_row port_rows[] = {
	{.key = "state", .attr = IFLA_BOND_SLAVE_STATE, .type = NET_ENUM, .size = 1, .names = &port_states,
	 .flags = NET_RO,
	 .doc = "whether it is in use"},
	{.key = "mii_status", .attr = IFLA_BOND_SLAVE_MII_STATUS, .type = NET_ENUM, .size = 1, .names = &mii_states,
	 .flags = NET_RO, .doc = "its carrier"},
	UINT("link_failure_count", IFLA_BOND_SLAVE_LINK_FAILURE_COUNT, 4, NET_RO, "how often it failed"),
	{.key = "perm_hwaddr", .attr = IFLA_BOND_SLAVE_PERM_HWADDR, .type = NET_MAC, .flags = NET_RO,
	 .doc = "its own address"},
	UINT("queue_id", IFLA_BOND_SLAVE_QUEUE_ID, 2, 0, "queue that is sent by this port"),
	{.key = "prio", .attr = IFLA_BOND_SLAVE_PRIO, .type = NET_INT, .size = 4,
	 .doc = "the highest becomes active; since Linux 6.0"},
	UINT("actor_port_prio", NEW_BOND_SLAVE_ACTOR_PORT_PRIO, 2, 0, "802.3ad: port priority; since Linux 6.17"),
	UINT("ad_actor_oper_port_state", IFLA_BOND_SLAVE_AD_ACTOR_OPER_PORT_STATE, 1, NET_RO,
	     "802.3ad: our state's bits"),
	UINT("ad_partner_oper_port_state", IFLA_BOND_SLAVE_AD_PARTNER_OPER_PORT_STATE, 2, NET_RO,
	     "802.3ad: the other side's state's bits"),
	UINT("ad_aggregator_id", IFLA_BOND_SLAVE_AD_AGGREGATOR_ID, 2, NET_RO, "802.3ad: its aggregator"),
};
const struct net_table net_bond_port_table = {"bond port", port_rows, COUNT(port_rows), 0, false};
/* clang-format on */
