/* route.c - routes (ip route) */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "net.h"
#include "tables.h"

#define HDR(member) offsetof(struct rtmsg, member)
#define HOP(member) offsetof(struct rtnexthop, member)
#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

/* clang-format off */
static const struct net_enum types = {
	.list = (struct net_word[]){{"unicast", RTN_UNICAST}, {"local", RTN_LOCAL}, {"broadcast", RTN_BROADCAST},
				    {"anycast", RTN_ANYCAST}, {"multicast", RTN_MULTICAST},
				    {"blackhole", RTN_BLACKHOLE},
				    {"unreachable", RTN_UNREACHABLE}, {"prohibit", RTN_PROHIBIT}, {"throw", RTN_THROW},
				    {"nat", RTN_NAT}, {NULL, 0}},
};
static const struct net_enum prefs = {
	.list = (struct net_word[]){{"low", 3}, {"medium", 0}, {"high", 1}, {NULL, 0}},
};

#define METRIC(k, number, text) {.key = (k), .attr = (number), .type = NET_UINT, .size = 4, .doc = (text)}
#define BYTES(k, number, text) {.key = (k), .attr = (number), .type = NET_SIZE, .size = 4, .doc = (text)}
#define MS(k, number, parts, text) \
	{.key = (k), .attr = (number), .type = NET_TIME, .size = 4, .unit = 1000 * (parts), .doc = (text)}
#define LOCK(k, number, text) \
	{.key = (k), .type = NET_BIT, .size = 4, .mask = 1U << (number), .flags = NET_HDR | NET_QUIET, .doc = (text)}
static const struct net_row lock_rows[] = {
	LOCK("mtu_lock", RTAX_MTU, "no path MTU discovery: keep mtu"),
	LOCK("rtt_lock", RTAX_RTT, "keep rtt"),
	LOCK("rttvar_lock", RTAX_RTTVAR, "keep rttvar"),
	LOCK("ssthresh_lock", RTAX_SSTHRESH, "keep ssthresh"),
	LOCK("cwnd_lock", RTAX_CWND, "keep cwnd"),
	LOCK("rto_min_lock", RTAX_RTO_MIN, "keep rto_min"),
	LOCK("reordering_lock", RTAX_REORDERING, "keep reordering"),
	LOCK("window_lock", RTAX_WINDOW, "keep window"),
	LOCK("advmss_lock", RTAX_ADVMSS, "keep advmss"),
	LOCK("hoplimit_lock", RTAX_HOPLIMIT, "keep hoplimit"),
	LOCK("congctl_lock", RTAX_CC_ALGO, "keep congctl"),
};
static const struct net_table locks = {"locks", lock_rows, COUNT(lock_rows), 4, true};

#define FEATURE(k, bit, text) \
	{.key = (k), .type = NET_BIT, .size = 4, .mask = (bit), .flags = NET_HDR | NET_QUIET, .doc = (text)}
static const struct net_row feature_rows[] = {
	FEATURE("ecn", RTAX_FEATURE_ECN, "use explicit congestion notification"),
};
static const struct net_table features = {"features", feature_rows, COUNT(feature_rows), 4, true};

static const struct net_row metric_rows[] = {
	{.attr = RTAX_LOCK, .type = NET_NEST, .flags = NET_FLAT, .nest = &locks},
	BYTES("mtu", RTAX_MTU, "largest packet on the path in bytes"),
	BYTES("window", RTAX_WINDOW, "largest TCP window that is offered, in bytes"),
	MS("rtt", RTAX_RTT, 8, "first guess of the round-trip time"),
	MS("rttvar", RTAX_RTTVAR, 4, "first guess of its variance"),
	METRIC("ssthresh", RTAX_SSTHRESH, "slow start threshold in segments"),
	METRIC("cwnd", RTAX_CWND, "clamp of the congestion window in segments"),
	BYTES("advmss", RTAX_ADVMSS, "TCP segment size that is offered, in bytes"),
	METRIC("reordering", RTAX_REORDERING, "reordering that is no loss yet, in segments"),
	METRIC("hoplimit", RTAX_HOPLIMIT, "hop limit of packets"),
	METRIC("initcwnd", RTAX_INITCWND, "first congestion window in segments"),
	{.attr = RTAX_FEATURES, .type = NET_NEST, .flags = NET_FLAT, .nest = &features},
	MS("rto_min", RTAX_RTO_MIN, 1, "smallest retransmission time"),
	METRIC("initrwnd", RTAX_INITRWND, "first receive window in segments"),
	METRIC("quickack", RTAX_QUICKACK, "1: acknowledge at once"),
	{.key = "congctl", .attr = RTAX_CC_ALGO, .type = NET_STRING, .max = 15, .doc = "TCP congestion control"},
	METRIC("fastopen_no_cookie", RTAX_FASTOPEN_NO_COOKIE, "1: TCP fast open without a cookie"),
};
static const struct net_table metrics = {"metrics", metric_rows, COUNT(metric_rows), 0, false};

#define HOPFLAG(k, bit, more, text)                                                              \
	{.key = (k), .attr = HOP(rtnh_flags), .type = NET_BIT, .size = 1, .mask = (bit),          \
	 .flags = NET_HDR | NET_QUIET | (more), .doc = (text)}
static const struct net_row hop_rows[] = {
	{.key = "via", .attr = RTA_GATEWAY, .type = NET_GATEWAY, .flags = NET_MAIN, .doc = "the gateway"},
	{.key = "dev", .attr = HOP(rtnh_ifindex), .type = NET_LINK, .size = 4, .flags = NET_HDR,
	 .doc = "the link to send on"},
	{.key = "weight", .attr = HOP(rtnh_hops), .type = NET_UINT, .size = 1, .flags = NET_HDR | NET_SHARE,
	 .doc = "its share beside the other hops"},
	{.key = "encap", .attr = RTA_ENCAP, .type = NET_ENCAP, .aux = RTA_ENCAP_TYPE,
	 .doc = "what the packets are wrapped in"},
	HOPFLAG("onlink", RTNH_F_ONLINK, 0, "the gateway is on the link, whatever the addresses say"),
	HOPFLAG("dead", RTNH_F_DEAD, NET_RO, "the hop can't be used"),
	HOPFLAG("linkdown", RTNH_F_LINKDOWN, NET_RO, "its link has no carrier"),
	HOPFLAG("offload", RTNH_F_OFFLOAD, NET_RO, "done by hardware"),
};
static const struct net_table hop = {"nexthop", hop_rows, COUNT(hop_rows), sizeof(struct rtnexthop), false};

static const struct net_row expiry_rows[] = {
	{.key = "expires", .attr = offsetof(struct rta_cacheinfo, rta_expires), .type = NET_TIME, .size = 4,
	 .unit = 100,
	 .flags = NET_HDR | NET_RO | NET_ZERO, .doc = "how long the route is kept still"},
};
static const struct net_table expiry = {"cacheinfo", expiry_rows, 1, sizeof(struct rta_cacheinfo), true};

#define ROUTEFLAG(k, bit, more, text)                                                             \
	{.key = (k), .attr = HDR(rtm_flags), .type = NET_BIT, .size = 4, .mask = (bit),            \
	 .flags = NET_HDR | NET_QUIET | (more), .doc = (text)}
static const struct net_row route_rows[] = {
	{.key = "dst", .attr = RTA_DST, .type = NET_PREFIX, .aux = HDR(rtm_dst_len), .flags = NET_MAIN | NET_BARE,
	 .doc = "where to: a prefix, an address, or 'default'"},
	{.key = "via", .attr = RTA_GATEWAY, .type = NET_GATEWAY, .doc = "the gateway; an IPv6 one may serve IPv4"},
	{.key = "dev", .attr = RTA_OIF, .type = NET_LINK, .size = 4, .doc = "the link to send on"},
	{.key = "type", .attr = HDR(rtm_type), .type = NET_ENUM, .size = 1, .flags = NET_HDR, .names = &types,
	 .doc = "what happens to packets; unicast unless given"},
	{.key = "src", .attr = RTA_PREFSRC, .type = NET_IP, .doc = "source address of packets that have none yet"},
	{.key = "metric", .attr = RTA_PRIORITY, .type = NET_UINT, .size = 4, .flags = NET_ZERO,
	 .doc = "lower ones win"},
	{.key = "table", .attr = RTA_TABLE, .type = NET_ENUM, .size = 4, .names = &net_route_tables,
	 .doc = "routing table, a name or number; main unless given"},
	{.key = "scope", .attr = HDR(rtm_scope), .type = NET_ENUM, .size = 1, .flags = NET_HDR, .names = &net_scopes,
	 .doc = "how far away the destination is"},
	{.key = "proto", .attr = HDR(rtm_protocol), .type = NET_ENUM, .size = 1, .flags = NET_HDR,
	 .names = &net_protocols,
	 .doc = "who set the route; boot unless given"},
	{.key = "family", .attr = HDR(rtm_family), .type = NET_ENUM, .size = 1, .flags = NET_HDR,
	 .names = &net_families,
	 .doc = "IPv4 or IPv6"},
	{.key = "from", .attr = RTA_SRC, .type = NET_PREFIX, .aux = HDR(rtm_src_len), .flags = NET_BARE,
	 .doc = "IPv6: only packets from this prefix"},
	{.key = "tos", .attr = HDR(rtm_tos), .type = NET_UINT, .size = 1, .flags = NET_HDR | NET_ZERO,
	 .doc = "IPv4: only packets of this type of service"},
	{.attr = RTA_METRICS, .type = NET_NEST, .flags = NET_FLAT, .nest = &metrics},
	{.key = "nexthops", .attr = RTA_MULTIPATH, .type = NET_LIST, .nest = &hop,
	 .doc = "several hops that share the load"},
	{.key = "encap", .attr = RTA_ENCAP, .type = NET_ENCAP, .aux = RTA_ENCAP_TYPE,
	 .doc = "what the packets are wrapped in"},
	{.key = "nhid", .attr = RTA_NH_ID, .type = NET_UINT, .size = 4, .doc = "number of a nexthop object"},
	{.key = "pref", .attr = RTA_PREF, .type = NET_ENUM, .size = 1, .names = &prefs,
	 .doc = "IPv6 router preference"},
	{.key = "expires", .attr = RTA_EXPIRES, .type = NET_TIME, .size = 4, .flags = NET_WO,
	 .doc = "IPv6: how long it is kept; absent: forever"},
	{.key = "realm", .attr = RTA_FLOW, .type = NET_REALMS, .size = 4, .max = UINT16_MAX,
	 .doc = "IPv4: realm for classification, or 'from/to'"},
	{.key = "ttl_propagate", .attr = RTA_TTL_PROPAGATE, .type = NET_BOOL, .size = 1,
	 .doc = "MPLS: carry the TTL over"},
	{.key = "mark", .attr = RTA_MARK, .type = NET_UINT, .size = 4, .flags = NET_ZERO | NET_RO,
	 .doc = "firewall mark it was asked with"},
	{.key = "uid", .attr = RTA_UID, .type = NET_UINT, .size = 4, .flags = NET_RO, .doc = "user it was asked for"},
	{.attr = RTA_CACHEINFO, .type = NET_NEST, .flags = NET_FLAT, .nest = &expiry},
	ROUTEFLAG("onlink", RTNH_F_ONLINK, 0, "the gateway is on the link, whatever the addresses say"),
	ROUTEFLAG("pervasive", RTNH_F_PERVASIVE, 0, "look the gateway up again and again"),
	ROUTEFLAG("dead", RTNH_F_DEAD, NET_RO, "the route can't be used"),
	ROUTEFLAG("linkdown", RTNH_F_LINKDOWN, NET_RO, "its link has no carrier"),
	ROUTEFLAG("offload", RTNH_F_OFFLOAD, NET_RO, "done by hardware"),
	ROUTEFLAG("cloned", RTM_F_CLONED, NET_RO, "an answer for one destination, no entry"),
};
static const struct net_table route_table = {"route", route_rows, COUNT(route_rows), sizeof(struct rtmsg), false};
/* clang-format on */

/* The rows that a request is looked at for, each time, and there may be a hundred thousand of them. */
enum given { DST, VIA, DEV, TYPE, NEXTHOPS, NHID, GIVEN };

static const struct net_field *given(const struct net_fields *f, enum given which)
{
	static const char *const keys[GIVEN] = {"dst", "via", "dev", "type", "nexthops", "nhid"};
	static const struct net_row *rows[GIVEN];

	if (!rows[which])
		rows[which] = net_key(&route_table, NULL, NULL, keys[which]);
	return net_given(f->v, f->n, rows[which]);
}

/* ip(8)'s own guess of the scope: how far away is what is reached without a gateway? */
static uint8_t guess_scope(const struct net_fields *f, uint8_t type, uint8_t family)
{
	if (family == AF_INET6)
		return RT_SCOPE_UNIVERSE;
	if (type == RTN_LOCAL || type == RTN_NAT)
		return RT_SCOPE_HOST;
	if (type == RTN_BROADCAST || type == RTN_MULTICAST || type == RTN_ANYCAST)
		return RT_SCOPE_LINK;
	if ((type == RTN_UNICAST || type == RTN_UNSPEC) && !given(f, VIA) && !given(f, NEXTHOPS) && !given(f, NHID))
		return RT_SCOPE_LINK;
	return RT_SCOPE_UNIVERSE;
}

static int check_nhid(const struct net_fields *f, struct net_err *err)
{
	if (given(f, NHID) && (given(f, NEXTHOPS) || given(f, VIA) || given(f, DEV)))
		return net_misuse(err, "nhid says already where packets go; leave via, dev and nexthops out");
	return 0;
}

static int check_hops(const struct net_fields *f, struct net_err *err)
{
	const struct net_field *hops = given(f, NEXTHOPS);
	int r = check_nhid(f, err);

	if (r < 0)
		return r;
	if (!hops)
		return 0;
	if (hops[1].op == NET_END)
		return net_misuse(err, "nexthops is empty; name at least one { via = ... } or { dev = ... }");
	if (given(f, VIA) || given(f, DEV))
		return net_misuse(err, "via and dev stand in the elements of nexthops, not beside it");
	return 0;
}

static int prepare(enum net_change how, struct net_ctx *ctx, void *hdr, struct net_fields *f, struct net_err *err)
{
	const struct net_field *type = given(f, TYPE), *dst = given(f, DST);
	struct rtmsg *rtm = hdr;

	if (!dst)
		return net_misuse(err, "a destination is needed: a prefix, an address, or 'default'");
	if (dst->family == AF_UNSPEC && dst->plen > 0)
		return net_misuse(err, "dst: the prefix needs an address");
	rtm->rtm_family = ctx->family;
	rtm->rtm_type = type ? (unsigned char)type->i : RTN_UNICAST;
	rtm->rtm_table = rtm->rtm_type == RTN_LOCAL || rtm->rtm_type == RTN_BROADCAST || rtm->rtm_type == RTN_NAT ||
					 rtm->rtm_type == RTN_ANYCAST
				 ? RT_TABLE_LOCAL
				 : RT_TABLE_MAIN;
	if (how == NET_DEL) {
		rtm->rtm_type = RTN_UNSPEC; /* any, as is the scope */
		rtm->rtm_scope = RT_SCOPE_NOWHERE;
		return check_nhid(f, err);
	}
	if (rtm->rtm_type == RTN_UNICAST && !given(f, VIA) && !given(f, DEV) && !given(f, NEXTHOPS) && !given(f, NHID))
		return net_misuse(err, "via, dev or nexthops is needed: where the packets go");
	rtm->rtm_protocol = RTPROT_BOOT;
	rtm->rtm_scope = guess_scope(f, rtm->rtm_type, ctx->family);
	return check_hops(f, err);
}

static const struct net_field *given_key(const struct net_fields *f, const char *key)
{
	return net_given(f->v, f->n, net_key(&route_table, NULL, NULL, key));
}

/* What the kernel can filter itself; those that it keeps for single destinations are a list of their own. */
static void ask(struct nl_msg *m, void *hdr, const struct net_fields *filter)
{
	const struct net_field *table = given_key(filter, "table"), *dev = given(filter, DEV);
	const struct net_field *type = given(filter, TYPE), *proto = given_key(filter, "proto");
	const struct net_field *cloned = given_key(filter, "cloned");
	struct rtmsg *rtm = hdr;

	rtm->rtm_type = type ? (unsigned char)type->i : 0;
	rtm->rtm_protocol = proto ? (unsigned char)proto->i : 0;
	rtm->rtm_flags = cloned && cloned->i ? RTM_F_CLONED : 0;
	if (table && table->i)
		nla_put_u32(m, RTA_TABLE, (uint32_t)table->i);
	if (dev && dev->i)
		nla_put_u32(m, RTA_OIF, (uint32_t)dev->i);
}

const struct net_noun net_route = {
	.name = "route",
	.table = &route_table,
	.add = RTM_NEWROUTE,
	.del = RTM_DELROUTE,
	.get = RTM_GETROUTE,
	.groups = {RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE},
	.id_hdr = 0xff, /* all but the flags */
	.id_attrs = ~(1ULL << RTA_CACHEINFO),
	.silent6 = true,
	.both = true,
	.prepare = prepare,
	.ask = ask,
};
