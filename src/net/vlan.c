/* vlan.c - VLANs of bridges and their ports (bridge vlan), the options of a bridge's VLANs (bridge vlan global), ports'
 * states in spanning trees (bridge mst) and VNIs of a vxlan (bridge vni): nouns whose messages have many records each
 */
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <sys/socket.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "net.h"
#include "rows.h"
#include "tables.h"

#define MAX_VLAN 4094
#define MAX_VNI ((1 << 24) - 1)

/* clang-format off */
#define INFO(member) offsetof(struct bridge_vlan_info, member)
#define INFOFLAG(k, bit, more, text)                                                                 \
	{.key = (k), .attr = INFO(flags), .type = NET_BIT, .size = 2, .mask = BRIDGE_VLAN_INFO_##bit, \
	 .flags = NET_HDR | NET_QUIET | (more), .doc = (text)}
#define COUNTER(k, number, text) \
	{.key = (k), .attr = (number), .type = NET_UINT, .size = 8, .flags = NET_RO, .doc = (text)}
#define TICKS(k, number, text) \
	{.key = (k), .attr = (number), .type = NET_TIME, .size = 8, .unit = 100, .doc = (text)}

/* --- VLANs of a port or a bridge --- */

static const struct net_row info_rows[] = {
	{.key = "vid", .attr = INFO(vid), .type = NET_RANGE, .size = 2, .min = 1, .max = MAX_VLAN,
	 .flags = NET_HDR | NET_MAIN, .doc = "VLAN, or several as \"10-20\""},
	INFOFLAG("pvid", PVID, 0, "untagged frames that come in belong to it"),
	INFOFLAG("untagged", UNTAGGED, 0, "its frames leave without a tag"),
	INFOFLAG("only_opts", ONLY_OPTS, NET_WO, "it is there: change its options, not the flags above"),
};
static const struct net_table info = {"bridge_vlan_info", info_rows, COUNT(info_rows), sizeof(struct bridge_vlan_info),
				      true};

static const struct net_enum tunnel_commands = {
	.list = (struct net_word[]){{"set", RTM_SETLINK}, {"del", RTM_DELLINK}, {NULL, 0}},
};
static const struct net_row tunnel_rows[] = {
	{.key = "tunnel_id", .attr = BRIDGE_VLANDB_TINFO_ID, .type = NET_UINT, .size = 4, .max = MAX_VNI,
	 .doc = "number of the tunnel that it is mapped to; of several the first one's, the others count on"},
	{.key = "tunnel_cmd", .attr = BRIDGE_VLANDB_TINFO_CMD, .type = NET_ENUM, .size = 4, .flags = NET_WO,
	 .names = &tunnel_commands, .doc = "what becomes of tunnel_id; set unless given"},
};
static const struct net_table tunnel = {"tunnel_info", tunnel_rows, COUNT(tunnel_rows), 0, false};

static const struct net_row stats_rows[] = {
	COUNTER("rx_bytes", BRIDGE_VLANDB_STATS_RX_BYTES, "bytes received"),
	COUNTER("rx_packets", BRIDGE_VLANDB_STATS_RX_PACKETS, "packets received"),
	COUNTER("tx_bytes", BRIDGE_VLANDB_STATS_TX_BYTES, "bytes sent"),
	COUNTER("tx_packets", BRIDGE_VLANDB_STATS_TX_PACKETS, "packets sent"),
};
static const struct net_table stats = {"stats", stats_rows, COUNT(stats_rows), 0, false};

static const struct net_row entry_rows[] = {
	{.attr = BRIDGE_VLANDB_ENTRY_INFO, .type = NET_NEST, .flags = NET_FLAT, .nest = &info},
	{.key = "vid", .attr = BRIDGE_VLANDB_ENTRY_RANGE, .type = NET_LAST, .size = 2},
	{.key = "state", .attr = BRIDGE_VLANDB_ENTRY_STATE, .type = NET_ENUM, .size = 1, .names = &net_bridge_states,
	 .doc = "spanning tree state in it"},
	{.attr = BRIDGE_VLANDB_ENTRY_TUNNEL_INFO, .type = NET_NEST, .flags = NET_FLAT, .nest = &tunnel},
	{.key = "mcast_router", .attr = BRIDGE_VLANDB_ENTRY_MCAST_ROUTER, .type = NET_ENUM, .size = 1,
	 .names = &net_bridge_routers, .doc = "whether a multicast router is behind it; with mcast_vlan_snooping"},
	UINT("mcast_n_groups", NEW_BRVLAN_MCAST_N_GROUPS, 4, NET_RO, "multicast groups joined"),
	UINT("mcast_max_groups", NEW_BRVLAN_MCAST_MAX_GROUPS, 4, 0, "most multicast groups; 0: any number"),
	BOOL("neigh_suppress", NEW_BRVLAN_NEIGH_SUPPRESS, 0,
	      "answer ARP and neighbour discovery for known hosts; with the port's neigh_vlan_suppress"),
	{.key = "stats", .attr = BRIDGE_VLANDB_ENTRY_STATS, .type = NET_NEST, .flags = NET_RO, .nest = &stats,
	 .doc = "its counters; with the bridge's vlan_stats_enabled"},
};
static const struct net_table entry = {"bridge_vlan", entry_rows, COUNT(entry_rows), 0, false};

#define DEV(header, member)                                                                              \
	{.key = "dev", .attr = offsetof(header, member), .type = NET_LINK, .size = 4, .flags = NET_HDR, \
	 .doc = "the link"}
static const struct net_row vlan_rows[] = {
	DEV(struct br_vlan_msg, ifindex),
	{.attr = BRIDGE_VLANDB_ENTRY, .type = NET_NEST, .flags = NET_FLAT, .nest = &entry},
};
static const struct net_table vlan_table = {"bridge_vlan", vlan_rows, COUNT(vlan_rows), sizeof(struct br_vlan_msg),
					    false};

/* --- options of a bridge's VLANs --- */

static const struct net_row global_rows[] = {
	{.key = "vid", .attr = BRIDGE_VLANDB_GOPTS_ID, .aux = BRIDGE_VLANDB_GOPTS_RANGE, .type = NET_RANGE, .size = 2,
	 .min = 1, .max = MAX_VLAN, .flags = NET_MAIN, .doc = "VLAN, or several as \"10-20\""},
	BOOL("mcast_snooping", BRIDGE_VLANDB_GOPTS_MCAST_SNOOPING, 0, "send multicast only where it is wanted"),
	BOOL("mcast_querier", BRIDGE_VLANDB_GOPTS_MCAST_QUERIER, 0, "send multicast queries"),
	{.key = "mcast_igmp_version", .attr = BRIDGE_VLANDB_GOPTS_MCAST_IGMP_VERSION, .type = NET_UINT, .size = 1,
	 .min = 2, .max = 3, .doc = "IGMP version of queries"},
	{.key = "mcast_mld_version", .attr = BRIDGE_VLANDB_GOPTS_MCAST_MLD_VERSION, .type = NET_UINT, .size = 1,
	 .min = 1, .max = 2, .doc = "MLD version of queries"},
	UINT("mcast_last_member_count", BRIDGE_VLANDB_GOPTS_MCAST_LAST_MEMBER_CNT, 4, 0, "queries after a leave"),
	UINT("mcast_startup_query_count", BRIDGE_VLANDB_GOPTS_MCAST_STARTUP_QUERY_CNT, 4, 0, "queries at the start"),
	TICKS("mcast_last_member_interval", BRIDGE_VLANDB_GOPTS_MCAST_LAST_MEMBER_INTVL,
	      "time between queries after a leave"),
	TICKS("mcast_membership_interval", BRIDGE_VLANDB_GOPTS_MCAST_MEMBERSHIP_INTVL, "how long a membership counts"),
	TICKS("mcast_querier_interval", BRIDGE_VLANDB_GOPTS_MCAST_QUERIER_INTVL, "how long another querier counts"),
	TICKS("mcast_query_interval", BRIDGE_VLANDB_GOPTS_MCAST_QUERY_INTVL, "time between queries"),
	TICKS("mcast_query_response_interval", BRIDGE_VLANDB_GOPTS_MCAST_QUERY_RESPONSE_INTVL, "time to answer in"),
	TICKS("mcast_startup_query_interval", BRIDGE_VLANDB_GOPTS_MCAST_STARTUP_QUERY_INTVL,
	      "time between queries at the start"),
	UINT("msti", BRIDGE_VLANDB_GOPTS_MSTI, 2, 0, "spanning tree that it belongs to; with mst_enabled"),
	{.key = "mcast_querier_state", .attr = BRIDGE_VLANDB_GOPTS_MCAST_QUERIER_STATE, .type = NET_NEST,
	 .flags = NET_RO, .nest = &net_querier_table, .doc = "who asks for groups"},
};
static const struct net_table global = {"bridge_vlan_global", global_rows, COUNT(global_rows), 0, false};
static const struct net_row vlan_global_rows[] = {
	DEV(struct br_vlan_msg, ifindex),
	{.attr = BRIDGE_VLANDB_GLOBAL_OPTIONS, .type = NET_NEST, .flags = NET_FLAT, .nest = &global},
};
static const struct net_table vlan_global_table = {"bridge_vlan_global", vlan_global_rows, COUNT(vlan_global_rows),
						   sizeof(struct br_vlan_msg), false};

/* --- states of ports in the spanning trees of VLANs --- */

static const struct net_row mst_entry_rows[] = {
	{.key = "msti", .attr = IFLA_BRIDGE_MST_ENTRY_MSTI, .type = NET_UINT, .size = 2, .min = 1,
	 .max = 4094,
	 .flags = NET_MAIN, .doc = "spanning tree, by its number"},
	ENUM("state", IFLA_BRIDGE_MST_ENTRY_STATE, 1, net_bridge_states, 0, "the port's state in it"),
};
static const struct net_table mst_entry = {"mst", mst_entry_rows, COUNT(mst_entry_rows), 0, false};
static const struct net_row mst_entries_rows[] = {NEST(IFLA_BRIDGE_MST_ENTRY, mst_entry)};
static const struct net_table mst_entries = {"mst", mst_entries_rows, 1, 0, false};
static const struct net_row mst_spec_rows[] = {NEST(IFLA_BRIDGE_MST, mst_entries)};
static const struct net_table mst_spec = {"mst", mst_spec_rows, 1, 0, false};
static const struct net_row mst_rows[] = {DEV(struct ifinfomsg, ifi_index), NEST(IFLA_AF_SPEC, mst_spec)};
static const struct net_table mst_table = {"mst", mst_rows, COUNT(mst_rows), sizeof(struct ifinfomsg), false};
static const struct net_row mst_told_rows[] = {DEV(struct ifinfomsg, ifi_index), NEST(IFLA_AF_SPEC, mst_entry)};
static const struct net_table mst_told = {"mst", mst_told_rows, COUNT(mst_told_rows), sizeof(struct ifinfomsg), false};

/* --- VNIs of a vxlan with vnifilter --- */

static const struct net_row vni_stats_rows[] = {
	COUNTER("rx_bytes", VNIFILTER_ENTRY_STATS_RX_BYTES, "bytes received"),
	COUNTER("rx_packets", VNIFILTER_ENTRY_STATS_RX_PKTS, "packets received"),
	COUNTER("rx_dropped", VNIFILTER_ENTRY_STATS_RX_DROPS, "packets received and dropped"),
	COUNTER("rx_errors", VNIFILTER_ENTRY_STATS_RX_ERRORS, "bad packets received"),
	COUNTER("tx_bytes", VNIFILTER_ENTRY_STATS_TX_BYTES, "bytes sent"),
	COUNTER("tx_packets", VNIFILTER_ENTRY_STATS_TX_PKTS, "packets sent"),
	COUNTER("tx_dropped", VNIFILTER_ENTRY_STATS_TX_DROPS, "packets dropped before they were sent"),
	COUNTER("tx_errors", VNIFILTER_ENTRY_STATS_TX_ERRORS, "packets that could not be sent"),
};
static const struct net_table vni_stats = {"stats", vni_stats_rows, COUNT(vni_stats_rows), 0, false};
static const struct net_row vni_entry_rows[] = {
	{.key = "vni", .attr = VXLAN_VNIFILTER_ENTRY_START, .aux = VXLAN_VNIFILTER_ENTRY_END, .type = NET_RANGE,
	 .size = 4, .max = MAX_VNI, .flags = NET_MAIN, .doc = "VNI, or several as \"100-200\""},
	{.key = "remote", .attr = VXLAN_VNIFILTER_ENTRY_GROUP, .aux = VXLAN_VNIFILTER_ENTRY_GROUP6, .type = NET_IP,
	 .flags = NET_ZERO, .doc = "the other end of its tunnel, or a multicast group"},
	{.key = "stats", .attr = VXLAN_VNIFILTER_ENTRY_STATS, .type = NET_NEST, .flags = NET_RO, .nest = &vni_stats,
	 .doc = "its counters"},
};
static const struct net_table vni_entry = {"vni", vni_entry_rows, COUNT(vni_entry_rows), 0, false};
static const struct net_row vni_rows[] = {
	DEV(struct tunnel_msg, ifindex),
	{.attr = VXLAN_VNIFILTER_ENTRY, .type = NET_NEST, .flags = NET_FLAT, .nest = &vni_entry},
};
static const struct net_table vni_table = {"vni", vni_rows, COUNT(vni_rows), sizeof(struct tunnel_msg), false};
/* clang-format on */

static int32_t dev_of(const struct net_fields *filter, const struct net_row *row)
{
	const struct net_field *dev = net_given(filter->v, filter->n, row);

	return dev ? (int32_t)dev->i : 0;
}

/* Without counters the kernel would tell several VLANs as one. */
static void ask_vlan(struct nl_msg *m, void *hdr, const struct net_fields *filter)
{
	((struct br_vlan_msg *)hdr)->ifindex = (uint32_t)dev_of(filter, &vlan_rows[0]);
	nla_put_u32(m, BRIDGE_VLANDB_DUMP_FLAGS, BRIDGE_VLANDB_DUMPF_STATS);
}

static void ask_global(struct nl_msg *m, void *hdr, const struct net_fields *filter)
{
	((struct br_vlan_msg *)hdr)->ifindex = (uint32_t)dev_of(filter, &vlan_global_rows[0]);
	nla_put_u32(m, BRIDGE_VLANDB_DUMP_FLAGS, BRIDGE_VLANDB_DUMPF_GLOBAL);
}

static void ask_mst(struct nl_msg *m, void *hdr, const struct net_fields *filter)
{
	(void)hdr;
	(void)filter;
	nla_put_u32(m, IFLA_EXT_MASK, RTEXT_FILTER_MST);
}

static void ask_vni(struct nl_msg *m, void *hdr, const struct net_fields *filter)
{
	struct tunnel_msg *msg = hdr;

	(void)m;
	msg->ifindex = (uint32_t)dev_of(filter, &vni_rows[0]);
	msg->flags = TUNNEL_MSG_FLAG_STATS;
}

static int prepare(enum net_change how, struct net_ctx *ctx, void *hdr, struct net_fields *f, struct net_err *err)
{
	(void)how;
	(void)ctx;
	(void)hdr;
	for (unsigned int i = 0; i < f->n; i++)
		if (f->v[i].row->type == NET_RANGE)
			return 0;
	return net_misuse(err, "a number is needed, or several as '10-20'");
}

const struct net_noun net_bridge_vlan = {
	.name = "bridge_vlan",
	.table = &vlan_table,
	.add = RTM_NEWVLAN,
	.del = RTM_DELVLAN,
	.get = RTM_GETVLAN,
	.groups = {RTNLGRP_BRVLAN},
	.entry = {BRIDGE_VLANDB_ENTRY},
	.family = AF_BRIDGE,
	.prepare = prepare,
	.ask = ask_vlan,
};

const struct net_noun net_bridge_vlan_global = {
	.name = "bridge_vlan_global",
	.table = &vlan_global_table,
	.add = RTM_NEWVLAN,
	.get = RTM_GETVLAN,
	.entry = {BRIDGE_VLANDB_GLOBAL_OPTIONS},
	.family = AF_BRIDGE,
	.prepare = prepare,
	.ask = ask_global,
};

const struct net_noun net_mst = {
	.name = "mst",
	.table = &mst_table,
	.add = RTM_SETLINK,
	.get = RTM_GETLINK,
	.told_by = RTM_NEWLINK,
	.told = &mst_told,
	.entry = {IFLA_AF_SPEC, IFLA_BRIDGE_MST, IFLA_BRIDGE_MST_ENTRY},
	.family = AF_BRIDGE,
	.ask = ask_mst,
};

const struct net_noun net_vni = {
	.name = "vni",
	.table = &vni_table,
	.add = RTM_NEWTUNNEL,
	.del = RTM_DELTUNNEL,
	.get = RTM_GETTUNNEL,
	.entry = {VXLAN_VNIFILTER_ENTRY},
	.groups = {RTNLGRP_TUNNEL},
	.family = AF_BRIDGE,
	.prepare = prepare,
	.ask = ask_vni,
};
