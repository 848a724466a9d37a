/* neigh.c - neighbours (ip neighbour) */
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <sys/socket.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "net.h"
#include "tables.h"

#define HDR(member) offsetof(struct ndmsg, member)
#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))
/* clang-format off */
#define FLAG(k, bit, more, text)                                                                  \
	{.key = (k), .attr = HDR(ndm_flags), .type = NET_BIT, .size = 1, .mask = (bit),            \
	 .flags = NET_HDR | NET_QUIET | (more), .doc = (text)}
#define AGE(k, member, text)                                                                           \
	{.key = (k), .attr = offsetof(struct nda_cacheinfo, member), .type = NET_TIME, .size = 4, .unit = 100, \
	 .flags = NET_HDR | NET_RO, .doc = (text)}

static const struct net_enum states = {
	.list = (struct net_word[]){{"none", NUD_NONE}, {"incomplete", NUD_INCOMPLETE}, {"reachable", NUD_REACHABLE},
				    {"stale", NUD_STALE}, {"delay", NUD_DELAY}, {"probe", NUD_PROBE},
				    {"failed", NUD_FAILED},
				    {"noarp", NUD_NOARP}, {"permanent", NUD_PERMANENT}, {NULL, 0}},
};

static const struct net_row age_rows[] = {
	AGE("confirmed", ndm_confirmed, "since when it is known to answer"),
	AGE("used", ndm_used, "since when nothing was sent there"),
	AGE("updated", ndm_updated, "since when it is unchanged"),
};
const struct net_table net_neigh_ages = {"cacheinfo", age_rows, COUNT(age_rows), sizeof(struct nda_cacheinfo), true};

static const struct net_row more_rows[] = {
	{.key = "managed", .type = NET_BIT, .size = 4, .mask = NTF_EXT_MANAGED, .flags = NET_HDR | NET_QUIET,
	 .doc = "the kernel finds it and keeps it known; state = \"none\""},
};
static const struct net_table more = {"flags", more_rows, COUNT(more_rows), 4, true};

static const struct net_row neigh_rows[] = {
	{.key = "dst", .attr = NDA_DST, .type = NET_IP, .flags = NET_MAIN, .doc = "the neighbour's address"},
	{.key = "dev", .attr = HDR(ndm_ifindex), .type = NET_LINK, .size = 4, .flags = NET_HDR,
	 .doc = "the link it is on"},
	{.key = "mac", .attr = NDA_LLADDR, .type = NET_MAC, .doc = "its link-layer address"},
	{.key = "state", .attr = HDR(ndm_state), .type = NET_ENUM, .size = 2, .flags = NET_HDR, .names = &states,
	 .doc = "what is known of it; permanent unless given"},
	{.key = "family", .attr = HDR(ndm_family), .type = NET_ENUM, .size = 1, .flags = NET_HDR,
	 .names = &net_families,
	 .doc = "IPv4 or IPv6"},
	{.key = "proto", .attr = NDA_PROTOCOL, .type = NET_ENUM, .size = 1, .names = &net_protocols, .flags = NET_ZERO,
	 .doc = "who set it"},
	FLAG("router", NTF_ROUTER, 0, "it is an IPv6 router"),
	FLAG("proxy", NTF_PROXY, 0, "answer for it on this link"),
	FLAG("extern_learn", NTF_EXT_LEARNED, 0, "learned by another program"),
	FLAG("use", NTF_USE, NET_WO, "find out where it is now; state = \"none\""),
	{.attr = NDA_FLAGS_EXT, .type = NET_NEST, .flags = NET_FLAT, .nest = &more},
	{.key = "probes", .attr = NDA_PROBES, .type = NET_UINT, .size = 4, .flags = NET_RO,
	 .doc = "questions without answer"},
	{.attr = NDA_CACHEINFO, .type = NET_NEST, .flags = NET_FLAT, .nest = &net_neigh_ages},
};
static const struct net_table neigh_table = {"neigh", neigh_rows, COUNT(neigh_rows), sizeof(struct ndmsg), false};
/* clang-format on */

#define DEV(rows) (&(rows)[1])

static int prepare(enum net_change how, struct net_ctx *ctx, void *hdr, struct net_fields *f, struct net_err *err)
{
	struct ndmsg *ndm = hdr;

	if (!net_given(f->v, f->n, &neigh_rows[0]))
		return net_misuse(err, "dst is needed: the neighbour's address");
	if (!net_given(f->v, f->n, DEV(neigh_rows)))
		return net_misuse(err, "dev is needed: the link that the neighbour is on");
	ndm->ndm_family = ctx->family;
	if (how != NET_DEL)
		ndm->ndm_state = NUD_PERMANENT;
	return 0;
}

static void ask_neigh(struct nl_msg *m, void *hdr, const struct net_fields *filter)
{
	const struct net_field *dev = net_given(filter->v, filter->n, DEV(neigh_rows));
	const struct net_field *proxy = net_given(filter->v, filter->n, net_key(&neigh_table, NULL, NULL, "proxy"));

	if (proxy && proxy->i) /* they stand in a list of their own */
		((struct ndmsg *)hdr)->ndm_flags = NTF_PROXY;
	if (dev && dev->i)
		nla_put_u32(m, NDA_IFINDEX, (uint32_t)dev->i);
}

const struct net_noun net_neigh = {
	.name = "neigh",
	.table = &neigh_table,
	.add = RTM_NEWNEIGH,
	.del = RTM_DELNEIGH,
	.get = RTM_GETNEIGH,
	.groups = {RTNLGRP_NEIGH},
	.id_hdr = 0x4f1, /* family, index and flags */
	.id_attrs = 1 << NDA_DST,
	.silent = true,
	.silent6 = true,
	.both = true,
	.prepare = prepare,
	.ask = ask_neigh,
};
