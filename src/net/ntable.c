/* ntable.c - how neighbours are found, for all links and by link (ip ntable); what links do of IP (ip netconf) */
#include <linux/neighbour.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <sys/socket.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "net.h"
#include "tables.h"

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

/* clang-format off */
#define UINT(k, number, more, text)                                                                \
	{.key = (k), .attr = (number), .type = NET_UINT, .size = 4, .flags = (more), .doc = (text)}
#define MS(k, number, more, text)                                                                  \
	{.key = (k), .attr = (number), .type = NET_TIME, .size = 8, .unit = 1000, .flags = (more), .doc = (text)}
static const struct net_row parm_rows[] = {
	{.key = "dev", .attr = NDTPA_IFINDEX, .type = NET_LINK, .size = 4,
	 .doc = "the link; absent: what links begin with"},
	UINT("refcnt", NDTPA_REFCNT, NET_RO, "how many use it"),
	MS("reachable", NDTPA_REACHABLE_TIME, NET_RO, "how long a neighbour is held to be reachable: about the base"),
	MS("base_reachable", NDTPA_BASE_REACHABLE_TIME, 0, "from which that is drawn by lot"),
	MS("retrans", NDTPA_RETRANS_TIME, 0, "between questions"),
	MS("gc_stale", NDTPA_GC_STALETIME, 0, "after which a stale one may go"),
	MS("delay_probe", NDTPA_DELAY_PROBE_TIME, 0, "wait before a stale one is asked"),
	UINT("queue", NDTPA_QUEUE_LEN, 0, "packets that wait for an answer"),
	UINT("queue_bytes", NDTPA_QUEUE_LENBYTES, 0, "their bytes"),
	UINT("app_probes", NDTPA_APP_PROBES, 0, "questions that a program is asked to ask"),
	UINT("ucast_probes", NDTPA_UCAST_PROBES, 0, "questions to the last known address"),
	UINT("mcast_probes", NDTPA_MCAST_PROBES, 0, "questions to all"),
	MS("anycast_delay", NDTPA_ANYCAST_DELAY, 0, "at most so long an answer for an anycast address waits"),
	MS("proxy_delay", NDTPA_PROXY_DELAY, 0, "at most so long an answer for another waits"),
	UINT("proxy_queue", NDTPA_PROXY_QLEN, 0, "answers for others that wait"),
	MS("locktime", NDTPA_LOCKTIME, 0, "for so long an entry doesn't change again"),
};
static const struct net_table parms = {"parms", parm_rows, COUNT(parm_rows), 0, false};

static const struct net_row ntable_rows[] = {
	{.key = "name", .attr = NDTA_NAME, .type = NET_STRING, .max = 15, .flags = NET_MAIN,
	 .doc = "arp_cache or ndisc_cache"},
	{.key = "family", .attr = offsetof(struct ndtmsg, ndtm_family), .type = NET_ENUM, .size = 1,
	 .flags = NET_HDR, .names = &net_families, .doc = "IPv4 or IPv6"},
	UINT("thresh1", NDTA_THRESH1, 0, "fewer entries are never cleaned out; changed by the machine's root only"),
	UINT("thresh2", NDTA_THRESH2, 0, "more are cleaned out after 5 seconds"),
	UINT("thresh3", NDTA_THRESH3, 0, "more than these there can't be"),
	MS("gc_interval", NDTA_GC_INTERVAL, 0, "how often it is looked for those to clean out"),
	{.attr = NDTA_PARMS, .type = NET_NEST, .flags = NET_FLAT, .nest = &parms},
};
static const struct net_table ntable_table = {"ntable", ntable_rows, COUNT(ntable_rows), sizeof(struct ndtmsg), false};

#define CONF(k, number, text)                                                                      \
	{.key = (k), .attr = (number), .type = NET_BOOL, .size = 4, .flags = NET_RO, .doc = (text)}
static const struct net_enum rp_filters = {
	.list = (struct net_word[]){{"off", 0}, {"strict", 1}, {"loose", 2}, {NULL, 0}},
};
static const struct net_enum conf_families = {
	.list = (struct net_word[]){{"inet", AF_INET}, {"inet6", AF_INET6}, {"mpls", AF_MPLS}, {NULL, 0}},
};
static const struct net_row netconf_rows[] = {
	{.key = "index", .attr = NETCONFA_IFINDEX, .type = NET_INT, .size = 4, .flags = NET_RO,
	 .doc = "number of the link; -1: all, -2: what new ones begin with"},
	{.key = "family", .attr = offsetof(struct netconfmsg, ncm_family), .type = NET_ENUM, .size = 1,
	 .flags = NET_HDR, .names = &conf_families, .doc = "IPv4, IPv6 or MPLS"},
	CONF("input", NETCONFA_INPUT, "MPLS: it takes labelled packets"),
	CONF("forwarding", NETCONFA_FORWARDING, "it passes packets on"),
	{.key = "rp_filter", .attr = NETCONFA_RP_FILTER, .type = NET_ENUM, .size = 4, .flags = NET_RO,
	 .names = &rp_filters, .doc = "whether source addresses are checked"},
	CONF("mc_forwarding", NETCONFA_MC_FORWARDING, "it passes multicast packets on"),
	CONF("bc_forwarding", NETCONFA_BC_FORWARDING, "it passes broadcast packets on"),
	CONF("proxy_neigh", NETCONFA_PROXY_NEIGH, "it answers for others"),
	CONF("ignore_routes_with_linkdown", NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN,
	     "routes by a link without carrier don't count"),
};
static const struct net_table netconf_table = {"netconf", netconf_rows, COUNT(netconf_rows), sizeof(struct netconfmsg),
					       false};
/* clang-format on */

const struct net_noun net_ntable = {
	.name = "ntable",
	.table = &ntable_table,
	.add = RTM_SETNEIGHTBL,
	.get = RTM_GETNEIGHTBL,
	.told_by = RTM_NEWNEIGHTBL,
	.unspec = true,
};

const struct net_noun net_netconf = {
	.name = "netconf",
	.table = &netconf_table,
	.add = RTM_NEWNETCONF,
	.del = RTM_DELNETCONF,
	.get = RTM_GETNETCONF,
	.groups = {RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF},
};

/* net_ntable_use() - how full a family's table is; a namespace sees the machine's numbers */
int net_ntable_use(struct net_ns *ns, uint8_t family, struct net_ntable_use *use, struct net_err *err)
{
	struct net_fields all = {0};
	struct net_dump d = {0};
	int r = net_list(ns, &net_ntable, &all, &d, err);
	struct nlattr *tb[NDTA_MAX + 1];
	int left = (int)d.len;

	*use = (struct net_ntable_use){0};
	for (struct nlmsghdr *h = (void *)d.buf; r == 0 && nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
		const struct ndtmsg *m = nlmsg_data(h);
		struct ndt_stats stats = {0};
		struct ndt_config config;

		if (nlmsg_parse(h, sizeof(*m), tb, NDTA_MAX, NULL) < 0 || m->ndtm_family != family ||
		    !tb[NDTA_CONFIG] || !tb[NDTA_THRESH3] || nla_len(tb[NDTA_CONFIG]) < (int)sizeof(config))
			continue;
		nla_memcpy(&config, tb[NDTA_CONFIG], sizeof(config));
		if (tb[NDTA_STATS])
			nla_memcpy(&stats, tb[NDTA_STATS], sizeof(stats));
		use->entries = config.ndtc_entries;
		use->most = nla_get_u32(tb[NDTA_THRESH3]);
		use->fulls = stats.ndts_table_fulls;
	}
	net_dump_free(&d);
	return r;
}
