/* xstats.c - counters that only some links have (ip link xstats, ip link afstats) */
#include <linux/if_bonding.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/mpls.h>
#include <linux/rtnetlink.h>
#include <stddef.h>

#include "rows.h"
#include "tables.h"

/* clang-format off */
#define COUNTER(k, offset, text) \
	{.key = (k), .attr = (offset), .type = NET_UINT, .size = 8, .flags = NET_HDR | NET_RO, .doc = (text)}
#define BOTH(k, member, text)                                                                          \
	COUNTER("rx_" k, offsetof(struct br_mcast_stats, member) + 8 * BR_MCAST_DIR_RX, text " received"),  \
	COUNTER("tx_" k, offsetof(struct br_mcast_stats, member) + 8 * BR_MCAST_DIR_TX, text " sent")
static const struct net_row mcast_rows[] = {
	BOTH("igmp_v1queries", igmp_v1queries, "IGMPv1 queries"),
	BOTH("igmp_v2queries", igmp_v2queries, "IGMPv2 queries"),
	BOTH("igmp_v3queries", igmp_v3queries, "IGMPv3 queries"),
	BOTH("igmp_leaves", igmp_leaves, "IGMP leaves"),
	BOTH("igmp_v1reports", igmp_v1reports, "IGMPv1 reports"),
	BOTH("igmp_v2reports", igmp_v2reports, "IGMPv2 reports"),
	BOTH("igmp_v3reports", igmp_v3reports, "IGMPv3 reports"),
	COUNTER("igmp_parse_errors", offsetof(struct br_mcast_stats, igmp_parse_errors), "malformed IGMP"),
	BOTH("mld_v1queries", mld_v1queries, "MLDv1 queries"),
	BOTH("mld_v2queries", mld_v2queries, "MLDv2 queries"),
	BOTH("mld_leaves", mld_leaves, "MLD leaves"),
	BOTH("mld_v1reports", mld_v1reports, "MLDv1 reports"),
	BOTH("mld_v2reports", mld_v2reports, "MLDv2 reports"),
	COUNTER("mld_parse_errors", offsetof(struct br_mcast_stats, mld_parse_errors), "malformed MLD"),
	BOTH("bytes", mcast_bytes, "bytes of multicast"),
	BOTH("packets", mcast_packets, "packets of multicast"),
};
static const struct net_table mcast = {"mcast", mcast_rows, COUNT(mcast_rows), sizeof(struct br_mcast_stats), true};

#define STP(k, text) COUNTER(#k, offsetof(struct bridge_stp_xstats, k), text)
static const struct net_row stp_rows[] = {
	STP(rx_bpdu, "hellos received"), STP(tx_bpdu, "hellos sent"), STP(rx_tcn, "change notifications received"),
	STP(tx_tcn, "change notifications sent"), STP(transition_blk, "times it was blocked"),
	STP(transition_fwd, "times it was let forward"),
};
static const struct net_table stp = {"stp", stp_rows, COUNT(stp_rows), sizeof(struct bridge_stp_xstats), true};

#define LACP(k, number, text) UINT(k, BOND_3AD_STAT_##number, 8, NET_RO, text)
static const struct net_row lacp_rows[] = {
	LACP("lacpdu_rx", LACPDU_RX, "LACP messages received"), LACP("lacpdu_tx", LACPDU_TX, "LACP messages sent"),
	LACP("lacpdu_unknown_rx", LACPDU_UNKNOWN_RX, "unknown ones"),
	LACP("lacpdu_illegal_rx", LACPDU_ILLEGAL_RX, "malformed ones"),
	LACP("marker_rx", MARKER_RX, "markers received"), LACP("marker_tx", MARKER_TX, "markers sent"),
	LACP("marker_response_rx", MARKER_RESP_RX, "answers to markers received"),
	LACP("marker_response_tx", MARKER_RESP_TX, "answers to markers sent"),
	LACP("marker_unknown_rx", MARKER_UNKNOWN_RX, "unknown markers"),
};
static const struct net_table lacp = {"lacp", lacp_rows, COUNT(lacp_rows), 0, false};

#define PART(k, number, of, text) \
	{.key = (k), .attr = (number), .type = NET_NEST, .flags = NET_RO, .nest = &(of), .doc = (text)}
static const struct net_row bridge_rows[] = {
	PART("mcast", BRIDGE_XSTATS_MCAST, mcast, "of a bridge: multicast; with mcast_stats_enabled"),
	PART("stp", BRIDGE_XSTATS_STP, stp, "of a bridge's port: spanning tree"),
};
static const struct net_table bridge = {"bridge", bridge_rows, COUNT(bridge_rows), 0, false};
static const struct net_row bond_rows[] = {
	PART("lacp", BOND_XSTATS_3AD, lacp, "of a bond with mode 802.3ad"),
};
static const struct net_table bond = {"bond", bond_rows, COUNT(bond_rows), 0, false};
static const struct net_row type_rows[] = {
	NEST(LINK_XSTATS_TYPE_BRIDGE, bridge),
	NEST(LINK_XSTATS_TYPE_BOND, bond),
};
static const struct net_table types = {"xstats", type_rows, COUNT(type_rows), 0, false};

#define MPLS(k, text) COUNTER(#k, offsetof(struct mpls_link_stats, k), text)
static const struct net_row mpls_rows[] = {
	MPLS(rx_packets, "packets received"), MPLS(rx_bytes, "bytes received"), MPLS(rx_errors, "bad ones received"),
	MPLS(rx_dropped, "received and dropped"), MPLS(rx_noroute, "received without a route"),
	MPLS(tx_packets, "packets sent"), MPLS(tx_bytes, "bytes sent"), MPLS(tx_errors, "that could not be sent"),
	MPLS(tx_dropped, "dropped before they were sent"),
};
static const struct net_table mpls = {"mpls", mpls_rows, COUNT(mpls_rows), sizeof(struct mpls_link_stats), true};
static const struct net_row mpls_nest_rows[] = {PART("mpls", MPLS_STATS_LINK, mpls, "of MPLS, where it is let in")};
static const struct net_table mpls_nest = {"mpls stats", mpls_nest_rows, COUNT(mpls_nest_rows), 0, false};
static const struct net_row family_rows[] = {NEST(28 /* AF_MPLS */, mpls_nest)};
static const struct net_table families = {"af stats", family_rows, COUNT(family_rows), 0, false};

static const struct net_row rows[] = {
	{.key = "dev", .attr = offsetof(struct if_stats_msg, ifindex), .type = NET_LINK, .size = 4,
	 .flags = NET_HDR, .doc = "the link"},
	NEST(IFLA_STATS_LINK_XSTATS, types),
	PART("port", IFLA_STATS_LINK_XSTATS_SLAVE, types, "what its master counts of it"),
	NEST(IFLA_STATS_AF_SPEC, families),
};
static const struct net_table table = {"xstats", rows, COUNT(rows), sizeof(struct if_stats_msg), false};
/* clang-format on */

static void ask(struct nl_msg *m, void *hdr, const struct net_fields *filter)
{
	struct if_stats_msg *msg = hdr;

	(void)m;
	(void)filter;
	msg->filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_XSTATS) |
			   IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_XSTATS_SLAVE) |
			   IFLA_STATS_FILTER_BIT(IFLA_STATS_AF_SPEC);
}

const struct net_noun net_xstats = {
	.name = "xstats",
	.table = &table,
	.add = RTM_NEWSTATS,
	.get = RTM_GETSTATS,
	.unspec = true,
	.ask = ask,
};
