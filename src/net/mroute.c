/* mroute.c - multicast routes (ip mroute), which a routing daemon sets and the kernel only tells */
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <sys/socket.h>

#include "net.h"
#include "tables.h"

#define HDR(member) offsetof(struct rtmsg, member)
#define HOP(member) offsetof(struct rtnexthop, member)
#define STAT(k, member, text)                                                                            \
	{                                                                                                \
		.key = (k), .attr = offsetof(struct rta_mfc_stats, member), .type = NET_UINT, .size = 8, \
		.flags = NET_HDR | NET_RO, .doc = (text)                                                 \
	}
#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

/* clang-format off */
static const struct net_enum families = {
	.list = (struct net_word[]){{"ipmr", RTNL_FAMILY_IPMR}, {"ip6mr", RTNL_FAMILY_IP6MR}, {NULL, 0}},
};

static const struct net_row out_rows[] = {
	{.key = "dev", .attr = HOP(rtnh_ifindex), .type = NET_LINK, .size = 4, .flags = NET_HDR | NET_RO,
	 .doc = "a link that the packets go out by"},
	{.key = "ttl", .attr = HOP(rtnh_hops), .type = NET_UINT, .size = 1, .flags = NET_HDR | NET_RO,
	 .doc = "the least time to live of packets that do"},
};
static const struct net_table out = {"oif", out_rows, COUNT(out_rows), sizeof(struct rtnexthop), false};

static const struct net_row stat_rows[] = {
	STAT("packets", mfcs_packets, "packets that were forwarded"),
	STAT("bytes", mfcs_bytes, "their bytes"),
	STAT("wrong_if", mfcs_wrong_if, "packets that came in by another link"),
};
static const struct net_table stats = {"stats", stat_rows, COUNT(stat_rows), sizeof(struct rta_mfc_stats), true};

static const struct net_row mroute_rows[] = {
	{.key = "dst", .attr = RTA_DST, .type = NET_IP, .flags = NET_MAIN | NET_RO, .doc = "the group"},
	{.key = "src", .attr = RTA_SRC, .type = NET_IP, .flags = NET_RO, .doc = "who sends to it; absent: anybody"},
	{.key = "iif", .attr = RTA_IIF, .type = NET_LINK, .size = 4, .flags = NET_RO,
	 .doc = "the link that the packets come in by"},
	{.key = "oifs", .attr = RTA_MULTIPATH, .type = NET_LIST, .flags = NET_RO, .nest = &out,
	 .doc = "where they go out"},
	{.key = "table", .attr = RTA_TABLE, .type = NET_ENUM, .size = 4, .names = &net_route_tables, .flags = NET_RO,
	 .doc = "routing table"},
	{.key = "family", .attr = HDR(rtm_family), .type = NET_ENUM, .size = 1, .flags = NET_HDR, .names = &families,
	 .doc = "of IPv4 or IPv6"},
	{.key = "unresolved", .attr = HDR(rtm_flags), .type = NET_BIT, .size = 4, .mask = RTNH_F_UNRESOLVED,
	 .flags = NET_HDR | NET_QUIET | NET_RO, .doc = "the daemon hasn't said yet where to"},
	{.key = "expires", .attr = RTA_EXPIRES, .type = NET_TIME, .size = 8, .unit = 100, .flags = NET_RO,
	 .doc = "since when it was not used"},
	{.attr = RTA_MFC_STATS, .type = NET_NEST, .flags = NET_FLAT, .nest = &stats},
};
static const struct net_table mroute_table = {"mroute", mroute_rows, COUNT(mroute_rows), sizeof(struct rtmsg), false};
/* clang-format on */

const struct net_noun net_mroute = {
	.name = "mroute",
	.table = &mroute_table,
	.add = RTM_NEWROUTE,
	.get = RTM_GETROUTE,
	.groups = {RTNLGRP_IPV4_MROUTE, RTNLGRP_IPV6_MROUTE},
};
