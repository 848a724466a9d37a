/* rule.c - routing policy rules (ip rule): which packets are routed by which table */
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stddef.h>

#include <netlink/attr.h>

#include "net.h"
#include "tables.h"

#define HDR(member) offsetof(struct fib_rule_hdr, member)
#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

/* clang-format off */
static const struct net_enum actions = {
	.list = (struct net_word[]){{"unicast", FR_ACT_TO_TBL}, {"goto", FR_ACT_GOTO}, {"nop", FR_ACT_NOP},
				    {"blackhole", FR_ACT_BLACKHOLE}, {"unreachable", FR_ACT_UNREACHABLE},
				    {"prohibit", FR_ACT_PROHIBIT}, {NULL, 0}},
};
static const struct net_enum families = {
	.list = (struct net_word[]){{"inet", AF_INET}, {"inet6", AF_INET6}, {"ipmr", RTNL_FAMILY_IPMR},
				    {"ip6mr", RTNL_FAMILY_IP6MR}, {NULL, 0}},
};

#define FLAG(k, bit, more, text)                                                                   \
	{.key = (k), .attr = HDR(flags), .type = NET_BIT, .size = 4, .mask = (bit),                \
	 .flags = NET_HDR | NET_QUIET | (more), .doc = (text)}
static const struct net_row rule_rows[] = {
	{.key = "priority", .attr = FRA_PRIORITY, .type = NET_UINT, .size = 4,
	 .doc = "rules are tried from 0 on; absent: before those that are there, but for the first"},
	FLAG("invert", FIB_RULE_INVERT, 0, "for packets that it does not fit (ip: not)"),
	{.key = "from", .attr = FRA_SRC, .type = NET_PREFIX, .aux = HDR(src_len), .flags = NET_BARE,
	 .doc = "packets from this prefix"},
	{.key = "to", .attr = FRA_DST, .type = NET_PREFIX, .aux = HDR(dst_len), .flags = NET_BARE,
	 .doc = "packets to this prefix"},
	{.key = "tos", .attr = HDR(tos), .type = NET_UINT, .size = 1, .flags = NET_HDR | NET_ZERO,
	 .doc = "packets of this type of service"},
	{.key = "fwmark", .attr = FRA_FWMARK, .type = NET_UINT, .size = 4,
	 .doc = "packets with this firewall mark; '0x1/0xff' has the mask too"},
	{.key = "fwmask", .attr = FRA_FWMASK, .type = NET_UINT, .size = 4, .doc = "which bits of the mark count"},
	{.key = "iif", .attr = FRA_IIFNAME, .type = NET_STRING, .min = 1, .max = 15,
	 .doc = "packets that came in by this link, which need not be there yet; lo: those sent from here"},
	{.key = "oif", .attr = FRA_OIFNAME, .type = NET_STRING, .min = 1, .max = 15,
	 .doc = "packets of sockets that are bound to this link"},
	{.key = "uidrange", .attr = FRA_UID_RANGE, .type = NET_RANGE, .size = 8, .max = UINT32_MAX - 1,
	 .doc = "packets of these users"},
	{.key = "ipproto", .attr = FRA_IP_PROTO, .type = NET_ENUM, .size = 1, .names = &net_ipprotos,
	 .doc = "packets of this protocol"},
	{.key = "sport", .attr = FRA_SPORT_RANGE, .type = NET_RANGE, .size = 4, .min = 1, .max = UINT16_MAX - 1,
	 .doc = "packets from these ports"},
	{.key = "dport", .attr = FRA_DPORT_RANGE, .type = NET_RANGE, .size = 4, .min = 1, .max = UINT16_MAX - 1,
	 .doc = "packets to these ports"},
	{.key = "tun_id", .attr = FRA_TUN_ID, .type = NET_UINT, .size = 8, .flags = NET_BE,
	 .doc = "packets of this tunnel number"},
	{.key = "l3mdev", .attr = FRA_L3MDEV, .type = NET_BOOL, .size = 1,
	 .doc = "packets of a VRF's ports, routed by the VRF's table"},
	{.key = "type", .attr = HDR(action), .type = NET_ENUM, .size = 1, .flags = NET_HDR, .names = &actions,
	 .doc = "what happens to the packets; unicast: a table routes them"},
	{.key = "table", .attr = FRA_TABLE, .type = NET_ENUM, .size = 4, .flags = NET_ZERO, .names = &net_route_tables,
	 .doc = "the table, a name or number (ip: lookup); main unless given"},
	{.key = "target", .attr = FRA_GOTO, .type = NET_UINT, .size = 4,
	 .doc = "priority of the rule to go on with (ip: goto)"},
	{.key = "suppress_prefixlength", .attr = FRA_SUPPRESS_PREFIXLEN, .type = NET_UINT, .size = 4,
	 .flags = NET_FOREVER, .max = 128, .doc = "pass over routes with a prefix of this length or shorter"},
	{.key = "suppress_ifgroup", .attr = FRA_SUPPRESS_IFGROUP, .type = NET_UINT, .size = 4,
	 .flags = NET_FOREVER, .max = INT32_MAX, .doc = "pass over routes by links of this group"},
	{.key = "realms", .attr = FRA_FLOW, .type = NET_REALMS, .size = 4, .max = UINT16_MAX,
	 .doc = "realm for classification, or 'from/to'"},
	{.key = "proto", .attr = FRA_PROTOCOL, .type = NET_ENUM, .size = 1, .names = &net_protocols,
	 .doc = "who set the rule; boot unless given"},
	{.key = "family", .attr = HDR(family), .type = NET_ENUM, .size = 1, .flags = NET_HDR, .names = &families,
	 .doc = "inet unless an address says otherwise; ipmr, ip6mr: for multicast routes"},
	FLAG("permanent", FIB_RULE_PERMANENT, NET_RO, "the kernel's own, which stays"),
	FLAG("unresolved", FIB_RULE_UNRESOLVED, NET_RO, "there is no rule of the priority to go on with"),
	FLAG("iif_detached", FIB_RULE_IIF_DETACHED, NET_RO, "there is no link iif"),
	FLAG("oif_detached", FIB_RULE_OIF_DETACHED, NET_RO, "there is no link oif"),
};
static const struct net_table rule_table = {"rule", rule_rows, COUNT(rule_rows), sizeof(struct fib_rule_hdr), false};
/* clang-format on */

/* Priority 0 is told by leaving it out: in a record it stands. */
static bool fix(struct net_cursor *c)
{
	static struct {
		struct nlattr attr;
		uint32_t value;
	} zero = {{sizeof(zero), FRA_PRIORITY}, 0};

	if (!c->level[0].tb[FRA_PRIORITY])
		net_cursor_put(c, FRA_PRIORITY, &zero.attr);
	return true;
}

const struct net_noun net_rule = {
	.name = "rule",
	.table = &rule_table,
	.add = RTM_NEWRULE,
	.del = RTM_DELRULE,
	.get = RTM_GETRULE,
	.groups = {RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE},
	.both = true,
	.fix = fix,
};
