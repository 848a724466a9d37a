/* tc_filter.c - the kinds of filters: one row each, and the options of those that need no file of their own */
#include <linux/pkt_cls.h>
#include <stddef.h>

#include "tc.h"

/* clang-format off */
#define TABLE(name, title) static const struct net_table name = {title, name##_rows, NET_COUNT(name##_rows), 0, false}
#define FLAGS(number) {.attr = (number), .type = NET_NEST, .flags = NET_FLAT, .nest = &net_filter_flags}

static const struct net_row matchall_rows[] = {
	TC_CLASSID(TCA_MATCHALL_CLASSID),
	FLAGS(TCA_MATCHALL_FLAGS),
	TC_ACTIONS(TCA_MATCHALL_ACT),
};
TABLE(matchall, "matchall");

static const struct net_row basic_rows[] = {TC_CLASSID(TCA_BASIC_CLASSID), TC_ACTIONS(TCA_BASIC_ACT)};
TABLE(basic, "basic");

static const struct net_row cgroup_rows[] = {TC_ACTIONS(TCA_CGROUP_ACT)};
TABLE(cgroup, "cgroup");

static const struct net_row fw_rows[] = {
	TC_CLASSID(TCA_FW_CLASSID),
	TC_UINT("mask", TCA_FW_MASK, 4, NET_FOREVER, "bits of the mark that are compared with handle"),
	{.key = "indev", .attr = TCA_FW_INDEV, .type = NET_STRING, .max = 15, .doc = "link that it came by"},
	TC_ACTIONS(TCA_FW_ACT),
};
TABLE(fw, "fw");

static const struct net_row route_rows[] = {
	TC_CLASSID(TCA_ROUTE4_CLASSID),
	{.key = "to", .attr = TCA_ROUTE4_TO, .type = NET_UINT, .size = 4, .max = 255, .doc = "realm of the destination"},
	{.key = "from", .attr = TCA_ROUTE4_FROM, .type = NET_UINT, .size = 4, .max = 255, .doc = "realm of the source"},
	{.key = "fromif", .attr = TCA_ROUTE4_IIF, .type = NET_LINK, .size = 4, .doc = "link that it came by"},
	TC_ACTIONS(TCA_ROUTE4_ACT),
};
TABLE(route, "route");

static const struct net_row bpf_flag_rows[] = {
	{.key = "direct_action", .type = NET_BIT, .size = 4, .mask = TCA_BPF_FLAG_ACT_DIRECT,
	 .flags = NET_HDR | NET_QUIET | NET_RO, .doc = "the program says itself what is done"},
};
static const struct net_table bpf_flags = {"bpf", bpf_flag_rows, 1, 4, true};
static const struct net_row bpf_rows[] = {
	TC_CLASSID(TCA_BPF_CLASSID),
	{.key = "name", .attr = TCA_BPF_NAME, .type = NET_STRING, .flags = NET_RO, .doc = "name of the program"},
	TC_UINT("id", TCA_BPF_ID, 4, NET_RO, "its number"),
	{.attr = TCA_BPF_FLAGS, .type = NET_NEST, .flags = NET_FLAT, .nest = &bpf_flags},
	TC_ACTIONS(TCA_BPF_ACT),
};
TABLE(bpf, "bpf");

#define U32(member) offsetof(struct tc_u32_key, member)
static const struct net_row match_rows[] = {
	{.key = "value", .attr = U32(val), .type = NET_UINT, .size = 4, .flags = NET_HDR | NET_BE,
	 .doc = "what the four bytes must be"},
	{.key = "mask", .attr = U32(mask), .type = NET_UINT, .size = 4, .flags = NET_HDR | NET_BE,
	 .doc = "bits of them that count"},
	{.key = "at", .attr = U32(off), .type = NET_INT, .size = 4, .flags = NET_HDR,
	 .doc = "where they are, in bytes from the IP header on; a multiple of 4"},
	{.key = "nexthdr", .attr = U32(offmask), .type = NET_BOOL, .size = 4, .flags = NET_HDR | NET_ZERO,
	 .doc = "from the header behind IP on, found by way of a hash table"},
};
static const struct net_table match = {"match", match_rows, NET_COUNT(match_rows), sizeof(struct tc_u32_key), true};
static const struct net_row mark_rows[] = {
	TC_UINT("value", offsetof(struct tc_u32_mark, val), 4, NET_HDR, "what the firewall mark must be"),
	TC_UINT("mask", offsetof(struct tc_u32_mark, mask), 4, NET_HDR, "bits of it that count"),
};
static const struct net_table mark = {"mark", mark_rows, NET_COUNT(mark_rows), sizeof(struct tc_u32_mark), true};
#define SEL(member) offsetof(struct tc_u32_sel, member)
#define SELBIT(k, bit, more, text) \
	{.key = (k), .attr = SEL(flags), .type = NET_BIT, .size = 1, .mask = (bit), .flags = NET_HDR | NET_QUIET | (more), \
	 .doc = (text)}
/* What stands before the matches: how to go on in a linked table. */
static const struct net_row sel_rows[] = {
	{.key = "offset_mask", .attr = SEL(offmask), .type = NET_UINT, .size = 2, .flags = NET_HDR | NET_BE | NET_ZERO,
	 .doc = "link: bits of two bytes that say how far the next header is"},
	SELBIT("offset_mask", TC_U32_VAROFFSET, NET_TWIN | NET_WO, NULL),
	{.key = "offset_at", .attr = SEL(offoff), .type = NET_INT, .size = 2, .flags = NET_HDR | NET_ZERO,
	 .doc = "where those bytes are"},
	TC_UINT("offset_shift", SEL(offshift), 1, NET_HDR | NET_ZERO, "by how many bits they are shifted right"),
	TC_UINT("offset_plus", SEL(off), 2, NET_HDR | NET_ZERO, "bytes that the next header is further away"),
	SELBIT("offset_plus", TC_U32_OFFSET, NET_TWIN | NET_WO, NULL),
	SELBIT("eat", TC_U32_EAT, 0, "the linked table counts from the next header on"),
	{.key = "hashkey_mask", .attr = SEL(hmask), .type = NET_UINT, .size = 4, .flags = NET_HDR | NET_BE | NET_ZERO,
	 .doc = "link: bits that choose the bucket of the linked table"},
	{.key = "hashkey_at", .attr = SEL(hoff), .type = NET_INT, .size = 2, .flags = NET_HDR | NET_ZERO,
	 .doc = "where those bits are"},
	SELBIT("link", TC_U32_TERMINAL, NET_TWIN | NET_WO | NET_INVERT, NULL),
};
static const struct net_table sel = {"u32", sel_rows, NET_COUNT(sel_rows), sizeof(struct tc_u32_sel), true};
static const struct net_row u32_rows[] = {
	TC_CLASSID(TCA_U32_CLASSID),
	{.key = "link", .attr = TCA_U32_LINK, .type = NET_HANDLE, .size = 4, .aux = 1,
	 .doc = "hash table that is looked in next, as \"1:\""},
	{.attr = TCA_U32_SEL, .type = NET_NEST, .flags = NET_FLAT | NET_TWIN, .nest = &sel},
	{.key = "match", .attr = TCA_U32_SEL, .type = NET_STRUCTS, .nest = &match, .aux = sizeof(struct tc_u32_sel),
	 .begins = TC_U32_TERMINAL, .size = offsetof(struct tc_u32_sel, nkeys),
	 .doc = "bytes that a packet must have, all of them"},
	{.key = "mark", .attr = TCA_U32_MARK, .type = NET_NEST, .nest = &mark, .doc = "firewall mark that it must have"},
	{.key = "indev", .attr = TCA_U32_INDEV, .type = NET_STRING, .max = 15, .doc = "link that it came by"},
	TC_UINT("divisor", TCA_U32_DIVISOR, 4, 0, "makes a hash table, with handle as \"1:\": its buckets, a power of 2"),
	{.key = "ht", .attr = TCA_U32_HASH, .type = NET_HANDLE, .size = 4, .aux = 1, .flags = NET_WO,
	 .doc = "hash table, with bucket, that the filter goes to, as \"1:6:\"; the handle tells it"},
	{.attr = TCA_U32_FLAGS, .type = NET_NEST, .flags = NET_FLAT, .nest = &net_filter_flags},
	TC_ACTIONS(TCA_U32_ACT),
};
TABLE(u32, "u32");

static const struct net_kind filters[] = {
	{"basic", &basic, NULL, "CONFIG_NET_CLS_BASIC", "all packets; extended matches are not taken"},
	{"bpf", &bpf, NULL, "CONFIG_NET_CLS_BPF", "by a program; it is only read"},
	{"cgroup", &cgroup, NULL, "CONFIG_NET_CLS_CGROUP", "by the control group of the sender"},
	{"flower", &net_flower_table, NULL, "CONFIG_NET_CLS_FLOWER", "by the fields of a packet"},
	{"fw", &fw, NULL, "CONFIG_NET_CLS_FW", "by the firewall mark"},
	{"matchall", &matchall, NULL, "CONFIG_NET_CLS_MATCHALL", "all packets"},
	{"route", &route, NULL, "CONFIG_NET_CLS_ROUTE4", "by the realms of routes"},
	{"u32", &u32, NULL, "CONFIG_NET_CLS_U32", "by any bytes of a packet"},
	{0},
};
const struct net_kind *const net_filter_kinds = filters;
/* clang-format on */
