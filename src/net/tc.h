/* tc.h - inside the net layer: what the tables of traffic control (tc) share */
#ifndef NSH_TC_H
#define NSH_TC_H

#include "tables.h"

extern const struct net_enum net_qdisc_ids, net_filter_ids, net_class_ids, net_tc_actions, net_eth_types;
extern const struct net_enum net_dists;
extern const struct net_table net_netem_table, net_cake_table;
extern const struct net_table net_tbf_table, net_htb_table, net_htb_class_table;
extern const struct net_table net_hfsc_table, net_hfsc_class_table, net_police_table;
extern const struct net_table net_flower_table, net_filter_flags;
extern const struct net_table net_action_table;

extern const struct net_table net_tc_stats;
extern const struct net_kind *const net_qdisc_kinds, *const net_class_kinds, *const net_filter_kinds;
extern const struct net_kind *const net_action_kinds;

const struct net_kind *net_kind_in(const struct net_kind *list, const char *name);
int net_tbf_prepare(struct net_fields *f, struct net_err *err);

#define NET_COUNT(rows) (sizeof(rows) / sizeof(*(rows)))
/* bytes in a second: 35 Tbit/s */
#define NET_MAX_RATE (1LL << 42)

/* The rows that most kinds are made of. */
/* clang-format off */
#define TC_UINT(k, number, bytes, more, text) \
	{.key = (k), .attr = (number), .type = NET_UINT, .size = (bytes), .flags = (more), .doc = (text)}
#define TC_SIZE(k, number, more, text) \
	{.key = (k), .attr = (number), .type = NET_SIZE, .size = 4, .flags = (more), .doc = (text)}
#define TC_BOOL(k, number, bytes, more, text) \
	{.key = (k), .attr = (number), .type = NET_BOOL, .size = (bytes), .flags = (more), .doc = (text)}
#define TC_TIME(k, number, per_second, more, text) \
	{.key = (k), .attr = (number), .type = NET_TIME, .size = 4, .unit = (per_second), .flags = (more), .doc = (text)}
#define TC_ENUM(k, number, bytes, words, more, text) \
	{.key = (k), .attr = (number), .type = NET_ENUM, .size = (bytes), .names = &(words), .flags = (more), .doc = (text)}
#define TC_RATE(k, number, more, text) \
	{.key = (k), .attr = (number), .type = NET_RATE, .size = 4, .flags = (more), .doc = (text)}
#define TC_CLASSID(number) \
	{.key = "classid", .attr = (number), .type = NET_HANDLE, .size = 4, .names = &net_class_ids, \
	 .doc = "class that the packets go to, as \"1:10\""}
#define TC_ACTIONS(number) \
	{.key = "actions", .attr = (number), .type = NET_NESTS, .nest = &net_action_table, .doc = "what is done, in order"}
/* clang-format on */

#endif
