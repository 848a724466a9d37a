/* nexthop.c - nexthop objects (ip nexthop): gateways that many routes share, groups of them, and their buckets */
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <stddef.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "net.h"
#include "tables.h"

#define HDR(member) offsetof(struct nhmsg, member)
#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

/* clang-format off */
static const struct net_enum types = {
	.list = (struct net_word[]){{"mpath", NEXTHOP_GRP_TYPE_MPATH}, {"resilient", NEXTHOP_GRP_TYPE_RES}, {NULL, 0}},
};

static const struct net_row member_rows[] = {
	{.key = "id", .attr = offsetof(struct nexthop_grp, id), .type = NET_UINT, .size = 4, .min = 1,
	 .max = UINT32_MAX, .flags = NET_HDR | NET_MAIN, .doc = "number of the nexthop"},
	{.key = "weight", .attr = offsetof(struct nexthop_grp, weight), .type = NET_UINT, .size = 1, .max = 253,
	 .flags = NET_HDR | NET_SHARE, .doc = "its share beside the other members"},
};
static const struct net_table member = {"member", member_rows, COUNT(member_rows), sizeof(struct nexthop_grp), true};

#define TIMER(k, number, bytes, more, text)                                                        \
	{.key = (k), .attr = (number), .type = NET_TIME, .size = (bytes), .unit = 100, .flags = (more), .doc = (text)}
static const struct net_row resilient_rows[] = {
	{.key = "buckets", .attr = NHA_RES_GROUP_BUCKETS, .type = NET_UINT, .size = 2,
	 .doc = "resilient: how many buckets the flows fall in"},
	TIMER("idle_timer", NHA_RES_GROUP_IDLE_TIMER, 4, 0, "resilient: a bucket moves when it was idle for so long"),
	TIMER("unbalanced_timer", NHA_RES_GROUP_UNBALANCED_TIMER, 4, 0,
	      "resilient: after so long buckets move whether idle or not; 0: never"),
	TIMER("unbalanced_time", NHA_RES_GROUP_UNBALANCED_TIME, 8, NET_RO,
	      "resilient: for how long it has been out of balance"),
};
static const struct net_table resilient = {"resilient", resilient_rows, COUNT(resilient_rows), 0, false};

#define FLAG(k, bit, more, text)                                                                   \
	{.key = (k), .attr = HDR(nh_flags), .type = NET_BIT, .size = 4, .mask = (bit),             \
	 .flags = NET_HDR | NET_QUIET | (more), .doc = (text)}
static const struct net_row nexthop_rows[] = {
	{.key = "id", .attr = NHA_ID, .type = NET_UINT, .size = 4, .min = 1, .max = UINT32_MAX, .flags = NET_MAIN,
	 .doc = "its number, by which routes name it; absent: the kernel chooses"},
	{.key = "via", .attr = NHA_GATEWAY, .type = NET_IP, .doc = "the gateway"},
	{.key = "dev", .attr = NHA_OIF, .type = NET_LINK, .size = 4, .doc = "the link to send on"},
	{.key = "encap", .attr = NHA_ENCAP, .type = NET_ENCAP, .aux = NHA_ENCAP_TYPE,
	 .doc = "what the packets are wrapped in"},
	{.key = "blackhole", .attr = NHA_BLACKHOLE, .type = NET_FLAG, .doc = "drops what is sent there"},
	{.key = "fdb", .attr = NHA_FDB, .type = NET_FLAG, .doc = "for forwarding databases of vxlan links, not routes"},
	{.key = "group", .attr = NHA_GROUP, .type = NET_STRUCTS, .nest = &member,
	 .doc = "other nexthops that share the load, as { { id = 1, weight = 2 }, { id = 2 } }"},
	{.key = "type", .attr = NHA_GROUP_TYPE, .type = NET_ENUM, .size = 2, .names = &types,
	 .doc = "of a group: mpath chooses by hash alone, resilient keeps flows where they are"},
	{.attr = NHA_RES_GROUP, .type = NET_NEST, .flags = NET_FLAT, .nest = &resilient},
	{.key = "scope", .attr = HDR(nh_scope), .type = NET_ENUM, .size = 1, .flags = NET_HDR | NET_RO,
	 .names = &net_scopes, .doc = "how far away it is"},
	{.key = "proto", .attr = HDR(nh_protocol), .type = NET_ENUM, .size = 1, .flags = NET_HDR,
	 .names = &net_protocols, .doc = "who set it"},
	{.key = "family", .attr = HDR(nh_family), .type = NET_ENUM, .size = 1, .flags = NET_HDR | NET_ZERO,
	 .names = &net_families, .doc = "IPv4 or IPv6, that of the gateway; a group has none"},
	FLAG("onlink", RTNH_F_ONLINK, 0, "the gateway is on the link, whatever the addresses say"),
	FLAG("dead", RTNH_F_DEAD, NET_RO, "it can't be used"),
	FLAG("linkdown", RTNH_F_LINKDOWN, NET_RO, "its link has no carrier"),
	FLAG("offload", RTNH_F_OFFLOAD, NET_RO, "done by hardware"),
	FLAG("trap", RTNH_F_TRAP, NET_RO, "hardware hands the packets to the kernel"),
};
static const struct net_table nexthop_table = {"nexthop", nexthop_rows, COUNT(nexthop_rows), sizeof(struct nhmsg),
					       false};

static const struct net_row place_rows[] = {
	{.key = "index", .attr = NHA_RES_BUCKET_INDEX, .type = NET_UINT, .size = 2, .flags = NET_RO,
	 .doc = "its place in the group"},
	{.key = "idle_time", .attr = NHA_RES_BUCKET_IDLE_TIME, .type = NET_TIME, .size = 8, .unit = 100,
	 .flags = NET_RO, .doc = "since when no packet fell in it"},
	{.key = "nhid", .attr = NHA_RES_BUCKET_NH_ID, .type = NET_UINT, .size = 4, .flags = NET_RO,
	 .doc = "the nexthop that it leads to"},
};
static const struct net_table place = {"bucket", place_rows, COUNT(place_rows), 0, false};

static const struct net_row bucket_rows[] = {
	{.key = "id", .attr = NHA_ID, .type = NET_UINT, .size = 4, .min = 1, .max = UINT32_MAX, .flags = NET_MAIN,
	 .doc = "number of the resilient group"},
	{.attr = NHA_RES_BUCKET, .type = NET_NEST, .flags = NET_FLAT, .nest = &place},
};
static const struct net_table bucket_table = {"bucket", bucket_rows, COUNT(bucket_rows), sizeof(struct nhmsg), false};
/* clang-format on */

static const struct net_field *given(const struct net_fields *f, const char *key)
{
	return net_given(f->v, f->n, net_key(&nexthop_table, NULL, NULL, key));
}

static int prepare(enum net_change how, struct net_ctx *ctx, void *hdr, struct net_fields *f, struct net_err *err)
{
	bool group = given(f, "group");
	struct nhmsg *nh = hdr;

	if (how == NET_DEL) {
		nh->nh_family = AF_UNSPEC;
		return 0;
	}
	if (!group && !given(f, "via") && !given(f, "dev") && !given(f, "blackhole"))
		return net_misuse(err, "via, dev, blackhole or group is needed: what the nexthop is");
	if (group && given(f, "group")[1].op == NET_END)
		return net_misuse(err, "group is empty; name at least one { id = ... }");
	if (group && (given(f, "via") || given(f, "dev") || given(f, "blackhole")))
		return net_misuse(err, "a group has members and no via, dev or blackhole of its own");
	if (given(f, "via") && !given(f, "dev") && !given(f, "fdb"))
		return net_misuse(err, "dev is needed: the link that the gateway is on");
	if (group)
		nh->nh_family = AF_UNSPEC;
	nh->nh_protocol = RTPROT_BOOT;
	(void)ctx;
	return 0;
}

static void ask(struct nl_msg *m, void *hdr, const struct net_fields *filter)
{
	const struct net_field *dev = given(filter, "dev");

	(void)hdr;
	if (dev && dev->i)
		nla_put_u32(m, NHA_OIF, (uint32_t)dev->i);
}

const struct net_noun net_nexthop = {
	.name = "nexthop",
	.table = &nexthop_table,
	.add = RTM_NEWNEXTHOP,
	.del = RTM_DELNEXTHOP,
	.get = RTM_GETNEXTHOP,
	.groups = {RTNLGRP_NEXTHOP},
	.prepare = prepare,
	.ask = ask,
};

static void ask_buckets(struct nl_msg *m, void *hdr, const struct net_fields *filter)
{
	const struct net_field *id = net_given(filter->v, filter->n, &bucket_rows[0]);

	(void)hdr;
	if (id)
		nla_put_u32(m, NHA_ID, (uint32_t)id->i);
}

const struct net_noun net_bucket = {
	.name = "bucket",
	.table = &bucket_table,
	.add = RTM_NEWNEXTHOPBUCKET,
	.get = RTM_GETNEXTHOPBUCKET,
	.ask = ask_buckets,
};
