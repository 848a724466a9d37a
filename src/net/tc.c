/* tc.c - traffic control: qdiscs, classes and filters (tc) */
#include <endian.h>
#include <linux/gen_stats.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "net.h"
#include "tc.h"

#define HDR(member) offsetof(struct tcmsg, member)

/* tcm_info of a filter: priority in the upper half, protocol in the lower, which is big endian. */
#define LOWER (__BYTE_ORDER == __LITTLE_ENDIAN ? 0 : 2)
#define UPPER (2 - LOWER)

/* clang-format off */
const struct net_enum net_eth_types = {
	.list = (struct net_word[]){{"all", ETH_P_ALL}, {"ip", ETH_P_IP}, {"ipv4", ETH_P_IP}, {"ipv6", ETH_P_IPV6},
				    {"arp", ETH_P_ARP}, {"802.1q", ETH_P_8021Q}, {"802.1ad", ETH_P_8021AD},
				    {"mpls_uc", ETH_P_MPLS_UC}, {"mpls_mc", ETH_P_MPLS_MC}, {"ppp_ses", ETH_P_PPP_SES},
				    {"lldp", 0x88cc}, {NULL, 0}},
};

#define COUNTER(k, s, member, text)                                                                        \
	{.key = (k), .attr = offsetof(s, member), .type = NET_UINT, .size = sizeof(((s *)0)->member),       \
	 .flags = NET_HDR | NET_RO, .doc = (text)}
struct basic { /* struct gnet_stats_basic without its padding */
	uint64_t bytes;
	uint32_t packets;
};
static const struct net_row basic_rows[] = {
	COUNTER("bytes", struct basic, bytes, "bytes sent"),
	COUNTER("packets", struct basic, packets, "packets sent"),
};
static const struct net_table basic = {"stats", basic_rows, NET_COUNT(basic_rows), 12, true};
static const struct net_row queue_rows[] = {
	COUNTER("drops", struct gnet_stats_queue, drops, "packets dropped"),
	COUNTER("overlimits", struct gnet_stats_queue, overlimits, "times that a rate was reached"),
	COUNTER("requeues", struct gnet_stats_queue, requeues, "packets that the link gave back"),
	COUNTER("backlog", struct gnet_stats_queue, backlog, "bytes that wait"),
	COUNTER("qlen", struct gnet_stats_queue, qlen, "packets that wait"),
};
static const struct net_table queue = {"stats", queue_rows, NET_COUNT(queue_rows), sizeof(struct gnet_stats_queue),
				       true};
static const struct net_row estimate_rows[] = {
	{.key = "rate", .attr = offsetof(struct gnet_stats_rate_est, bps), .type = NET_RATE, .size = 4,
	 .flags = NET_HDR | NET_RO, .doc = "bits per second, where they are estimated"},
	COUNTER("pps", struct gnet_stats_rate_est, pps, "packets per second"),
};
static const struct net_table estimate = {"stats", estimate_rows, NET_COUNT(estimate_rows),
					  sizeof(struct gnet_stats_rate_est), true};
static const struct net_row stats_rows[] = {
	{.attr = TCA_STATS_BASIC, .type = NET_NEST, .flags = NET_FLAT, .nest = &basic},
	{.attr = TCA_STATS_QUEUE, .type = NET_NEST, .flags = NET_FLAT, .nest = &queue},
	{.attr = TCA_STATS_RATE_EST, .type = NET_NEST, .flags = NET_FLAT, .nest = &estimate},
};
const struct net_table net_tc_stats = {"stats", stats_rows, NET_COUNT(stats_rows), 0, false};

static const struct net_row estimator_rows[] = {
	{.key = "estimator_interval", .attr = offsetof(struct gnet_estimator, interval), .type = NET_INT, .size = 1,
	 .min = -2, .max = 3, .flags = NET_HDR | NET_WO,
	 .doc = "work the rate of the counters out so often: a power of 2, -2 is 250 ms and 3 is 8 s"},
	TC_UINT("estimator_ewma_log", offsetof(struct gnet_estimator, ewma_log), 1, NET_HDR | NET_WO,
		"it follows by 1 of 2^ewma_log parts"),
};
static const struct net_table estimator = {"estimator", estimator_rows, NET_COUNT(estimator_rows),
					   sizeof(struct gnet_estimator), true};
#define ESTIMATOR {.attr = TCA_RATE, .type = NET_NEST, .flags = NET_FLAT, .nest = &estimator}

#define KIND(text) \
	{.key = "kind", .attr = TCA_KIND, .type = NET_STRING, .min = 1, .max = 15, .flags = NET_MAIN, .doc = (text)}
#define DEV {.key = "dev", .attr = HDR(tcm_ifindex), .type = NET_LINK, .size = 4, .flags = NET_HDR, .doc = "the link"}
#define ID(k, member, words, more, text)                                                            \
	{.key = (k), .attr = HDR(member), .type = NET_HANDLE, .size = 4, .names = &(words),          \
	 .flags = NET_HDR | (more), .doc = (text)}
#define OPTIONS(find) {.attr = TCA_OPTIONS, .type = NET_KINDNEST, .kinds = (find)}
#define STATS(text) {.key = "stats", .attr = TCA_STATS2, .type = NET_NEST, .flags = NET_RO, .nest = &net_tc_stats, \
		     .doc = (text)}

static const struct net_kind *find_qdisc(const char *name)
{
	return net_kind_in(net_qdisc_kinds, name);
}

static const struct net_kind *find_class(const char *name)
{
	return net_kind_in(net_class_kinds, name);
}

static const struct net_kind *find_filter(const char *name)
{
	return net_kind_in(net_filter_kinds, name);
}

static const struct net_row qdisc_rows[] = {
	KIND("what sort of queue it is"),
	DEV,
	ID("parent", tcm_parent, net_qdisc_ids, NET_ZERO,
	   "where it stands: root, ingress, or a class as \"1:10\"; root unless given"),
	ID("handle", tcm_handle, net_class_ids, NET_ZERO, "its number, as \"1:\"; chosen by the kernel unless given"),
	OPTIONS(find_qdisc),
	TC_UINT("ingress_block", TCA_INGRESS_BLOCK, 4, NET_NEW, "number of the filters that it shares for what arrives"),
	TC_UINT("egress_block", TCA_EGRESS_BLOCK, 4, NET_NEW, "number of the filters that it shares for what leaves"),
	TC_UINT("refcnt", HDR(tcm_info), 4, NET_HDR | NET_RO, "how many users it has"),
	TC_BOOL("offloaded", TCA_HW_OFFLOAD, 1, NET_RO | NET_ZERO, "done by hardware"),
	ESTIMATOR,
	STATS("its counters"),
};
static const struct net_table qdisc_table = {"qdisc", qdisc_rows, NET_COUNT(qdisc_rows), sizeof(struct tcmsg), false};

static const struct net_row class_rows[] = {
	KIND("that of its qdisc"),
	DEV,
	ID("classid", tcm_handle, net_class_ids, NET_ZERO, "its number, as \"1:10\""),
	ID("parent", tcm_parent, net_class_ids, NET_ZERO, "the qdisc or class above it, as \"1:\" or \"1:1\""),
	ID("leaf", tcm_info, net_class_ids, NET_RO | NET_ZERO, "the qdisc below it"),
	OPTIONS(find_class),
	ESTIMATOR,
	STATS("its counters"),
};
static const struct net_table class_table = {"class", class_rows, NET_COUNT(class_rows), sizeof(struct tcmsg), false};

static const struct net_row filter_rows[] = {
	KIND("how it tells packets apart"),
	DEV,
	ID("parent", tcm_parent, net_filter_ids, 0,
	   "what it belongs to: ingress, egress, or a qdisc or class as \"1:\"; the root qdisc unless given"),
	{.key = "protocol", .attr = HDR(tcm_info) + LOWER, .type = NET_ENUM, .size = 2, .flags = NET_HDR | NET_BE,
	 .names = &net_eth_types, .doc = "only packets of this protocol; all unless given"},
	{.key = "prio", .attr = HDR(tcm_info) + UPPER, .type = NET_UINT, .size = 2, .flags = NET_HDR,
	 .doc = "lower ones are asked first; chosen by the kernel unless given"},
	{.key = "handle", .attr = HDR(tcm_handle), .type = NET_HANDLE, .size = 4, .aux = 1, .flags = NET_HDR | NET_ZERO,
	 .doc = "its number; of fw the mark; chosen by the kernel unless given"},
	{.key = "chain", .attr = TCA_CHAIN, .type = NET_UINT, .size = 4, .flags = NET_ZERO, .doc = "number of its chain"},
	OPTIONS(find_filter),
	ESTIMATOR,
};
static const struct net_table filter_table = {"filter", filter_rows, NET_COUNT(filter_rows), sizeof(struct tcmsg),
					      false};
/* clang-format on */

static int need_kind(const struct net_fields *f, const struct net_noun *noun, struct net_err *err)
{
	if (!net_given(f->v, f->n, &noun->table->rows[1]))
		return net_misuse(err, "dev is needed: the link of the %s", noun->name);
	if (!net_given(f->v, f->n, &noun->table->rows[0]))
		return net_misuse(err, "kind is needed: what sort of %s it is", noun->name);
	return 0;
}

static int prepare(const struct net_noun *noun, enum net_change how, struct net_fields *f, struct net_err *err)
{
	int r = how == NET_DEL ? 0 : need_kind(f, noun, err);

	return r == 0 && how != NET_DEL && f->kind && f->kind->data == &net_tbf_table ? net_tbf_prepare(f, err) : r;
}

static int prepare_qdisc(enum net_change how, struct net_ctx *ctx, void *hdr, struct net_fields *f, struct net_err *err)
{
	(void)ctx, (void)hdr;
	return prepare(&net_qdisc, how, f, err);
}

static int prepare_class(enum net_change how, struct net_ctx *ctx, void *hdr, struct net_fields *f, struct net_err *err)
{
	(void)ctx, (void)hdr;
	return prepare(&net_class, how, f, err);
}

static int prepare_filter(enum net_change how, struct net_ctx *ctx, void *hdr, struct net_fields *f,
			  struct net_err *err)
{
	(void)ctx, (void)hdr;
	return prepare(&net_filter, how, f, err);
}

/* What the kernel filters itself: the link, and of filters what they belong to. */
static void ask(struct nl_msg *m, void *hdr, const struct net_fields *filter)
{
	struct tcmsg *tcm = hdr;

	for (unsigned int i = 0; i < filter->n; i++) {
		const struct net_row *row = filter->v[i].row;

		if (row->flags & NET_HDR && row->attr == HDR(tcm_ifindex) && row->type == NET_LINK)
			tcm->tcm_ifindex = (int)filter->v[i].i;
		if (row == &filter_rows[2])
			tcm->tcm_parent = (uint32_t)filter->v[i].i;
		if (row->attr == TCA_CHAIN && row == net_key(&filter_table, NULL, NULL, "chain"))
			nla_put_u32(m, TCA_CHAIN, (uint32_t)filter->v[i].i);
	}
}

/* What the kernel makes by itself is no filter: the head of each priority, and the table that u32 begins with. */
static bool fix_filter(struct net_cursor *c)
{
	struct nlattr *options = c->level[0].tb[TCA_OPTIONS], *divisor;
	bool u32 = c->level[0].kind && strcmp(c->level[0].kind->name, "u32") == 0;

	if (!options || !u32)
		return options != NULL;
	divisor = nla_find(nla_data(options), nla_len(options), TCA_U32_DIVISOR);
	return !divisor || nla_len(divisor) < 4 || nla_get_u32(divisor) != 1;
}

static const struct net_kind *all_qdiscs(unsigned int i)
{
	return net_qdisc_kinds[i].name ? &net_qdisc_kinds[i] : NULL;
}

static const struct net_kind *all_classes(unsigned int i)
{
	return net_class_kinds[i].name ? &net_class_kinds[i] : NULL;
}

static const struct net_kind *all_filters(unsigned int i)
{
	return net_filter_kinds[i].name ? &net_filter_kinds[i] : NULL;
}

/* net_kind_in() - the kind of a name in a list that ends with one without; NULL: none */
const struct net_kind *net_kind_in(const struct net_kind *list, const char *name)
{
	for (; list->name; list++)
		if (strcmp(list->name, name) == 0)
			return list;
	return NULL;
}

const struct net_noun net_qdisc = {
	.name = "qdisc",
	.table = &qdisc_table,
	.add = RTM_NEWQDISC,
	.del = RTM_DELQDISC,
	.get = RTM_GETQDISC,
	.groups = {RTNLGRP_TC},
	.unspec = true,
	.prepare = prepare_qdisc,
	.ask = ask,
	.kind_all = all_qdiscs,
};

const struct net_noun net_class = {
	.name = "class",
	.table = &class_table,
	.add = RTM_NEWTCLASS,
	.del = RTM_DELTCLASS,
	.get = RTM_GETTCLASS,
	.unspec = true,
	.prepare = prepare_class,
	.ask = ask,
	.kind_all = all_classes,
};

const struct net_noun net_filter = {
	.name = "filter",
	.table = &filter_table,
	.add = RTM_NEWTFILTER,
	.del = RTM_DELTFILTER,
	.get = RTM_GETTFILTER,
	.unspec = true,
	.prepare = prepare_filter,
	.ask = ask,
	.fix = fix_filter,
	.kind_all = all_filters,
};
