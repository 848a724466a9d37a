/* mpls.c - routes of MPLS labels (ip -family mpls route) */
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <sys/socket.h>

#include <netlink/msg.h>

#include "net.h"
#include "tables.h"

#define HDR(member) offsetof(struct rtmsg, member)
#define HOP(member) offsetof(struct rtnexthop, member)
#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))
#define LABEL_BITS 20

/* clang-format off */
static const struct net_enum families = {.list = (struct net_word[]){{"mpls", AF_MPLS}, {NULL, 0}}};

#define AS {.key = "as", .attr = RTA_NEWDST, .type = NET_LABELS,                                   \
	    .doc = "the labels that take its place, as '200/300'; absent: it is taken off"}
#define VIA {.key = "via", .attr = RTA_GATEWAY, .type = NET_GATEWAY, .doc = "the gateway"}
static const struct net_row hop_rows[] = {
	VIA,
	{.key = "dev", .attr = HOP(rtnh_ifindex), .type = NET_LINK, .size = 4, .flags = NET_HDR,
	 .doc = "the link to send on"},
	AS,
	{.key = "dead", .attr = HOP(rtnh_flags), .type = NET_BIT, .size = 1, .mask = RTNH_F_DEAD,
	 .flags = NET_HDR | NET_QUIET | NET_RO, .doc = "the hop can't be used"},
	{.key = "linkdown", .attr = HOP(rtnh_flags), .type = NET_BIT, .size = 1, .mask = RTNH_F_LINKDOWN,
	 .flags = NET_HDR | NET_QUIET | NET_RO, .doc = "its link has no carrier"},
};
static const struct net_table hop = {"nexthop", hop_rows, COUNT(hop_rows), sizeof(struct rtnexthop), false};

static const struct net_row mpls_rows[] = {
	{.key = "dst", .attr = RTA_DST, .type = NET_LABELS, .flags = NET_MAIN, .doc = "the label of the packets"},
	AS,
	VIA,
	{.key = "dev", .attr = RTA_OIF, .type = NET_LINK, .size = 4,
	 .doc = "the link to send on; lo: what is inside is for here"},
	{.key = "proto", .attr = HDR(rtm_protocol), .type = NET_ENUM, .size = 1, .flags = NET_HDR,
	 .names = &net_protocols, .doc = "who set the route; boot unless given"},
	{.key = "ttl_propagate", .attr = RTA_TTL_PROPAGATE, .type = NET_BOOL, .size = 1,
	 .doc = "carry the time to live over when the last label is taken off"},
	{.key = "nexthops", .attr = RTA_MULTIPATH, .type = NET_LIST, .nest = &hop,
	 .doc = "several hops that share the load"},
	{.key = "family", .attr = HDR(rtm_family), .type = NET_ENUM, .size = 1, .flags = NET_HDR | NET_RO,
	 .names = &families, .doc = "mpls"},
	{.key = "dead", .attr = HDR(rtm_flags), .type = NET_BIT, .size = 4, .mask = RTNH_F_DEAD,
	 .flags = NET_HDR | NET_QUIET | NET_RO, .doc = "the route can't be used"},
	{.key = "linkdown", .attr = HDR(rtm_flags), .type = NET_BIT, .size = 4, .mask = RTNH_F_LINKDOWN,
	 .flags = NET_HDR | NET_QUIET | NET_RO, .doc = "its link has no carrier"},
};
static const struct net_table mpls_table = {"mpls", mpls_rows, COUNT(mpls_rows), sizeof(struct rtmsg), false};
/* clang-format on */

static int prepare(enum net_change how, struct net_ctx *ctx, void *hdr, struct net_fields *f, struct net_err *err)
{
	const struct net_field *dst = net_given(f->v, f->n, &mpls_rows[0]);
	struct rtmsg *rtm = hdr;

	(void)ctx;
	if (!dst || dst->len != sizeof(uint32_t))
		return net_misuse(err, "dst is needed: one label, as 100");
	rtm->rtm_dst_len = LABEL_BITS;
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_type = RTN_UNICAST;
	if (how != NET_DEL)
		rtm->rtm_protocol = RTPROT_BOOT;
	return 0;
}

/* A kernel without MPLS answers with the routes of all families. */
static bool fix(struct net_cursor *c)
{
	return ((const struct rtmsg *)nlmsg_data(c->msg))->rtm_family == AF_MPLS;
}

const struct net_noun net_mpls = {
	.name = "mpls",
	.table = &mpls_table,
	.add = RTM_NEWROUTE,
	.del = RTM_DELROUTE,
	.get = RTM_GETROUTE,
	.groups = {RTNLGRP_MPLS_ROUTE},
	.family = AF_MPLS,
	.prepare = prepare,
	.fix = fix,
};
