/* bridge.c - the attributes of a bridge (ip link ... type bridge) and of its ports (bridge link) */
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <stddef.h>

#include "rows.h"
#include "tables.h"

#define HZ 100 /* clock ticks of the bridge's timers in a second, whatever the kernel's own HZ */

/* clang-format off */
#define BOOL32(k, number, more, text) \
	{.key = (k), .attr = (number), .type = NET_BOOL, .size = 4, .flags = (more), .doc = (text)}
#define TICKS(k, number, bytes, more, text) \
	{.key = (k), .attr = (number), .type = NET_TIME, .size = (bytes), .unit = HZ, .flags = (more), .doc = (text)}

static const struct net_enum vlan_protocols = {
	.list = (struct net_word[]){{"802.1Q", 0x8100}, {"802.1ad", 0x88a8}, {NULL, 0}},
};
const struct net_enum net_bridge_routers = {
	.list = (struct net_word[]){{"off", 0}, {"query", 1}, {"on", 2}, {"temp", 3}, {NULL, 0}},
};
const struct net_enum net_bridge_states = {
	.list = (struct net_word[]){{"disabled", 0}, {"listening", 1}, {"learning", 2}, {"forwarding", 3},
				    {"blocking", 4}, {NULL, 0}},
};

#define OPTION(k, bit, text) \
	{.key = (k), .attr = 0, .type = NET_BIT, .size = 4, .aux = 4, .mask = 1U << (bit), .flags = NET_HDR | NET_OFF, \
	 .doc = (text)}
static const struct net_row option_rows[] = {
	OPTION("no_linklocal_learn", BR_BOOLOPT_NO_LL_LEARN, "don't learn from link-local frames"),
	OPTION("mcast_vlan_snooping", BR_BOOLOPT_MCAST_VLAN_SNOOPING, "multicast snooping per VLAN"),
	OPTION("mst_enabled", BR_BOOLOPT_MST_ENABLE, "multiple spanning trees"),
	OPTION("mdb_offload_fail_notification", NEW_BR_BOOLOPT_MDB_OFFLOAD_FAIL,
	       "tell of groups that hardware did not take; since Linux 6.16"),
	OPTION("fdb_local_vlan_0", NEW_BR_BOOLOPT_FDB_LOCAL_VLAN_0,
	       "keep its own addresses once, not per VLAN; since Linux 6.18"),
};
static const struct net_table options = {"multi_boolopt", option_rows, COUNT(option_rows),
					 sizeof(struct br_boolopt_multi), true};

static const struct net_row querier_rows[] = {
	ADDRESS("ip_address", BRIDGE_QUERIER_IP_ADDRESS, 4, NET_RO, "the IGMP querier"),
	LINK("ip_port", BRIDGE_QUERIER_IP_PORT, NET_RO, "the port toward it; none: this bridge"),
	TICKS("ip_other_timer", BRIDGE_QUERIER_IP_OTHER_TIMER, 8, NET_RO, "how long it counts still"),
	ADDRESS("ipv6_address", BRIDGE_QUERIER_IPV6_ADDRESS, 16, NET_RO, "the MLD querier"),
	LINK("ipv6_port", BRIDGE_QUERIER_IPV6_PORT, NET_RO, "the port toward it; none: this bridge"),
	TICKS("ipv6_other_timer", BRIDGE_QUERIER_IPV6_OTHER_TIMER, 8, NET_RO, "how long it counts still"),
};
const struct net_table net_querier_table = {"mcast_querier_state", querier_rows, COUNT(querier_rows), 0, false};
static const struct net_enum stp_modes = {
	.list = (struct net_word[]){{"auto", 0}, {"user", 1}, {"kernel", 2}, {NULL, 0}},
};

static const struct net_row bridge_rows[] = {
	BOOL32("stp", IFLA_BR_STP_STATE, 0, "spanning tree protocol; on in another program's hands reads as true too"),
	{.key = "priority", .attr = IFLA_BR_PRIORITY, .type = NET_UINT, .size = 2,
	 .doc = "bridge priority, lowest is root"},
	TICKS("forward_delay", IFLA_BR_FORWARD_DELAY, 4, 0, "time in the listening and in the learning state"),
	TICKS("hello_time", IFLA_BR_HELLO_TIME, 4, 0, "time between hellos"),
	TICKS("max_age", IFLA_BR_MAX_AGE, 4, 0, "how long a hello counts"),
	TICKS("ageing_time", IFLA_BR_AGEING_TIME, 4, 0, "how long a learned address is kept; 0: not at all"),
	BOOL("vlan_filtering", IFLA_BR_VLAN_FILTERING, NET_OFF, "look at VLAN tags"),
	{.key = "vlan_protocol", .attr = IFLA_BR_VLAN_PROTOCOL, .type = NET_ENUM, .size = 2, .flags = NET_BE,
	 .names = &vlan_protocols, .doc = "which tags those are"},
	{.key = "vlan_default_pvid", .attr = IFLA_BR_VLAN_DEFAULT_PVID, .type = NET_UINT, .size = 2, .max = 4094,
	 .doc = "VLAN of untagged frames on new ports; 0: none"},
	BOOL("vlan_stats_enabled", IFLA_BR_VLAN_STATS_ENABLED, 0, "count per VLAN"),
	BOOL("vlan_stats_per_port", IFLA_BR_VLAN_STATS_PER_PORT, 0,
	     "count per VLAN and port; while no port has a VLAN"),
	{.key = "group_fwd_mask", .attr = IFLA_BR_GROUP_FWD_MASK, .type = NET_UINT, .size = 2,
	 .doc = "link-local groups that are forwarded, a bit mask"},
	{.key = "group_address", .attr = IFLA_BR_GROUP_ADDR, .type = NET_MAC, .doc = "where hellos are sent"},
	BOOL("mcast_snooping", IFLA_BR_MCAST_SNOOPING, 0, "send multicast only where it is wanted"),
	{.key = "mcast_router", .attr = IFLA_BR_MCAST_ROUTER, .type = NET_ENUM, .size = 1, .names = &net_bridge_routers,
	 .doc = "whether multicast routers are behind it"},
	BOOL("mcast_query_use_ifaddr", IFLA_BR_MCAST_QUERY_USE_IFADDR, 0, "query from the bridge's own address"),
	BOOL("mcast_querier", IFLA_BR_MCAST_QUERIER, 0, "send multicast queries"),
	UINT("mcast_hash_elasticity", IFLA_BR_MCAST_HASH_ELASTICITY, 4, 0, "kept for old tools; has no effect"),
	UINT("mcast_hash_max", IFLA_BR_MCAST_HASH_MAX, 4, 0, "most multicast groups"),
	UINT("mcast_last_member_count", IFLA_BR_MCAST_LAST_MEMBER_CNT, 4, 0, "queries after a leave"),
	UINT("mcast_startup_query_count", IFLA_BR_MCAST_STARTUP_QUERY_CNT, 4, 0, "queries at the start"),
	TICKS("mcast_last_member_interval", IFLA_BR_MCAST_LAST_MEMBER_INTVL, 8, 0,
	     "time between queries after a leave"),
	TICKS("mcast_membership_interval", IFLA_BR_MCAST_MEMBERSHIP_INTVL, 8, 0, "how long a membership counts"),
	TICKS("mcast_querier_interval", IFLA_BR_MCAST_QUERIER_INTVL, 8, 0, "how long another querier counts"),
	TICKS("mcast_query_interval", IFLA_BR_MCAST_QUERY_INTVL, 8, 0, "time between queries"),
	TICKS("mcast_query_response_interval", IFLA_BR_MCAST_QUERY_RESPONSE_INTVL, 8, 0, "time to answer in"),
	TICKS("mcast_startup_query_interval", IFLA_BR_MCAST_STARTUP_QUERY_INTVL, 8, 0,
	     "time between queries at the start"),
	BOOL("mcast_stats_enabled", IFLA_BR_MCAST_STATS_ENABLED, 0, "count multicast packets"),
	{.key = "mcast_igmp_version", .attr = IFLA_BR_MCAST_IGMP_VERSION, .type = NET_UINT, .size = 1, .min = 2,
	 .max = 3,
	 .doc = "IGMP version of queries"},
	{.key = "mcast_mld_version", .attr = IFLA_BR_MCAST_MLD_VERSION, .type = NET_UINT, .size = 1, .min = 1, .max = 2,
	 .doc = "MLD version of queries"},
	BOOL("nf_call_iptables", IFLA_BR_NF_CALL_IPTABLES, 0, "pass bridged IPv4 to iptables"),
	BOOL("nf_call_ip6tables", IFLA_BR_NF_CALL_IP6TABLES, 0, "pass bridged IPv6 to ip6tables"),
	BOOL("nf_call_arptables", IFLA_BR_NF_CALL_ARPTABLES, 0, "pass bridged ARP to arptables"),
	UINT("fdb_max_learned", NEW_BR_FDB_MAX_LEARNED, 4, 0, "most learned addresses; 0: no limit; since Linux 6.7"),
	UINT("fdb_n_learned", NEW_BR_FDB_N_LEARNED, 4, NET_RO, "learned addresses that count against it"),
	FLAG("fdb_flush", IFLA_BR_FDB_FLUSH, NET_WO, "true forgets what was learned"),
	ENUM("stp_mode", NEW_BR_STP_MODE, 4, stp_modes, 0, "whether a program or the kernel runs the spanning tree"),
	{.attr = IFLA_BR_MULTI_BOOLOPT, .type = NET_NEST, .flags = NET_FLAT, .nest = &options},
	{.key = "mcast_querier_state", .attr = IFLA_BR_MCAST_QUERIER_STATE, .type = NET_NEST, .flags = NET_RO,
	 .nest = &net_querier_table, .doc = "who asks for multicast listeners"},
	{.key = "root_id", .attr = IFLA_BR_ROOT_ID, .type = NET_BRIDGEID, .flags = NET_RO,
	 .doc = "the spanning tree's root"},
	{.key = "bridge_id", .attr = IFLA_BR_BRIDGE_ID, .type = NET_BRIDGEID, .flags = NET_RO, .doc = "this bridge"},
	UINT("root_port", IFLA_BR_ROOT_PORT, 2, NET_RO, "number of the port toward the root; 0: it is the root"),
	UINT("root_path_cost", IFLA_BR_ROOT_PATH_COST, 4, NET_RO, "cost of the path there"),
	BOOL("topology_change", IFLA_BR_TOPOLOGY_CHANGE, NET_RO, "a change is being announced"),
	BOOL("topology_change_detected", IFLA_BR_TOPOLOGY_CHANGE_DETECTED, NET_RO, "a change was seen"),
	TICKS("hello_timer", IFLA_BR_HELLO_TIMER, 8, NET_RO, "time until the next hello"),
	TICKS("tcn_timer", IFLA_BR_TCN_TIMER, 8, NET_RO, "time until the next change notification"),
	TICKS("topology_change_timer", IFLA_BR_TOPOLOGY_CHANGE_TIMER, 8, NET_RO,
	     "how long the change is announced still"),
	TICKS("gc_timer", IFLA_BR_GC_TIMER, 8, NET_RO, "time until old addresses are dropped"),
};
const struct net_table net_bridge_table = {"bridge", bridge_rows, COUNT(bridge_rows), 0, false};

static const struct net_row port_rows[] = {
	{.key = "state", .attr = IFLA_BRPORT_STATE, .type = NET_ENUM, .size = 1, .names = &net_bridge_states,
	 .doc = "spanning tree state"},
	{.key = "priority", .attr = IFLA_BRPORT_PRIORITY, .type = NET_UINT, .size = 2, .max = 63,
	 .doc = "port priority"},
	{.key = "cost", .attr = IFLA_BRPORT_COST, .type = NET_UINT, .size = 4, .min = 1, .max = 65535,
	 .doc = "path cost"},
	BOOL("hairpin", IFLA_BRPORT_MODE, 0, "send frames back out of the port they came from"),
	BOOL("guard", IFLA_BRPORT_GUARD, 0, "drop spanning tree messages (BPDU guard)"),
	BOOL("root_block", IFLA_BRPORT_PROTECT, 0, "never become the root port"),
	BOOL("fastleave", IFLA_BRPORT_FAST_LEAVE, 0, "stop multicast at the first leave"),
	BOOL("learning", IFLA_BRPORT_LEARNING, 0, "learn source addresses"),
	BOOL("flood", IFLA_BRPORT_UNICAST_FLOOD, 0, "get frames to unknown addresses"),
	BOOL("proxy_arp", IFLA_BRPORT_PROXYARP, 0, "answer ARP for others"),
	BOOL("proxy_arp_wifi", IFLA_BRPORT_PROXYARP_WIFI, 0, "the same as 802.11 wants it"),
	BOOL("mcast_flood", IFLA_BRPORT_MCAST_FLOOD, 0, "get multicast that nobody asked for"),
	BOOL("mcast_to_unicast", IFLA_BRPORT_MCAST_TO_UCAST, 0, "turn multicast into unicast"),
	BOOL("bcast_flood", IFLA_BRPORT_BCAST_FLOOD, 0, "get broadcasts"),
	{.key = "mcast_router", .attr = IFLA_BRPORT_MULTICAST_ROUTER, .type = NET_ENUM, .size = 1, .names = &net_bridge_routers,
	 .doc = "whether a multicast router is behind it"},
	{.key = "group_fwd_mask", .attr = IFLA_BRPORT_GROUP_FWD_MASK, .type = NET_UINT, .size = 2,
	 .doc = "link-local groups that are forwarded, a bit mask"},
	BOOL("neigh_suppress", IFLA_BRPORT_NEIGH_SUPPRESS, 0, "answer ARP and neighbour discovery for known hosts"),
	BOOL("vlan_tunnel", IFLA_BRPORT_VLAN_TUNNEL, 0, "map VLANs to tunnel ids"),
	BOOL("isolated", IFLA_BRPORT_ISOLATED, 0, "talk to ports that are not isolated only"),
	{.key = "backup_port", .attr = IFLA_BRPORT_BACKUP_PORT, .type = NET_LINK, .size = 4,
	 .doc = "the port that takes over without carrier"},
	BOOL("locked", IFLA_BRPORT_LOCKED, 0, "only hosts in the fdb may send"),
	BOOL("mab", NEW_BRPORT_MAB, 0, "remember hosts that a locked port keeps out; with locked; since Linux 6.2"),
	BOOL("neigh_vlan_suppress", NEW_BRPORT_NEIGH_VLAN_SUPPRESS, 0, "neigh_suppress per VLAN; since Linux 6.4"),
	UINT("backup_nhid", NEW_BRPORT_BACKUP_NHID, 4, 0,
	     "nexthop that the backup port sends to; 0: none; since Linux 6.6"),
	UINT("mcast_max_groups", NEW_BRPORT_MCAST_MAX_GROUPS, 4, 0,
	     "most multicast groups; 0: any number; since Linux 6.3"),
	UINT("mcast_n_groups", NEW_BRPORT_MCAST_N_GROUPS, 4, NET_RO, "multicast groups joined"),
	UINT("mcast_eht_hosts_limit", IFLA_BRPORT_MCAST_EHT_HOSTS_LIMIT, 4, 0, "most tracked hosts of a group"),
	UINT("mcast_eht_hosts_cnt", IFLA_BRPORT_MCAST_EHT_HOSTS_CNT, 4, NET_RO, "tracked hosts"),
	{.key = "fdb_flush", .attr = IFLA_BRPORT_FLUSH, .type = NET_FLAG, .flags = NET_WO,
	 .doc = "forget what was learned behind it"},
	BOOL("mrp_ring_open", IFLA_BRPORT_MRP_RING_OPEN, NET_RO, "the media redundancy ring is open"),
	BOOL("mrp_in_open", IFLA_BRPORT_MRP_IN_OPEN, NET_RO, "the interconnection of rings is open"),
	{.key = "root_id", .attr = IFLA_BRPORT_ROOT_ID, .type = NET_BRIDGEID, .flags = NET_RO,
	 .doc = "designated root"},
	{.key = "designated_bridge", .attr = IFLA_BRPORT_BRIDGE_ID, .type = NET_BRIDGEID, .flags = NET_RO,
	 .doc = "designated bridge"},
	UINT("designated_port", IFLA_BRPORT_DESIGNATED_PORT, 2, NET_RO, "designated port"),
	UINT("designated_cost", IFLA_BRPORT_DESIGNATED_COST, 2, NET_RO, "designated cost"),
	UINT("id", IFLA_BRPORT_ID, 2, NET_RO, "port identifier"),
	UINT("no", IFLA_BRPORT_NO, 2, NET_RO, "port number"),
	BOOL("topology_change_ack", IFLA_BRPORT_TOPOLOGY_CHANGE_ACK, NET_RO, "a change is acknowledged"),
	BOOL("config_pending", IFLA_BRPORT_CONFIG_PENDING, NET_RO, "a hello waits to be sent"),
	TICKS("message_age_timer", IFLA_BRPORT_MESSAGE_AGE_TIMER, 8, NET_RO, "how long the last hello counts still"),
	TICKS("forward_delay_timer", IFLA_BRPORT_FORWARD_DELAY_TIMER, 8, NET_RO, "time until the next state"),
	TICKS("hold_timer", IFLA_BRPORT_HOLD_TIMER, 8, NET_RO, "time until the next hello may go out"),
};
const struct net_table net_bridge_port_table = {"bridge port", port_rows, COUNT(port_rows), 0, false};
/* clang-format on */
