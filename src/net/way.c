/* way.c - the way to a destination (ip route get): the question, whose answer is a route */
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <sys/socket.h>

#include "net.h"
#include "tables.h"

#define HDR(member) offsetof(struct rtmsg, member)

/* clang-format off */
static const struct net_row way_rows[] = {
	{.key = "dst", .attr = RTA_DST, .type = NET_PREFIX, .aux = HDR(rtm_dst_len), .flags = NET_MAIN | NET_BARE,
	 .doc = "an address"},
	{.key = "from", .attr = RTA_SRC, .type = NET_PREFIX, .aux = HDR(rtm_src_len), .flags = NET_BARE,
	 .doc = "the packet's source address"},
	{.key = "iif", .attr = RTA_IIF, .type = NET_LINK, .size = 4, .doc = "as for a packet that came in by this link"},
	{.key = "dev", .attr = RTA_OIF, .type = NET_LINK, .size = 4,
	 .doc = "as for a socket that is bound to this link, or to this VRF"},
	{.key = "tos", .attr = HDR(rtm_tos), .type = NET_UINT, .size = 1, .flags = NET_HDR, .doc = "type of service"},
	{.key = "mark", .attr = RTA_MARK, .type = NET_UINT, .size = 4, .doc = "firewall mark"},
	{.key = "uid", .attr = RTA_UID, .type = NET_UINT, .size = 4, .max = UINT32_MAX - 1,
	 .doc = "the user whose packet it is"},
	{.key = "ipproto", .attr = RTA_IP_PROTO, .type = NET_ENUM, .size = 1, .names = &net_ipprotos,
	 .doc = "the packet's protocol"},
	{.key = "sport", .attr = RTA_SPORT, .type = NET_UINT, .size = 2, .flags = NET_BE, .min = 1, .max = UINT16_MAX,
	 .doc = "the port it is from; needs ipproto"},
	{.key = "dport", .attr = RTA_DPORT, .type = NET_UINT, .size = 2, .flags = NET_BE, .min = 1, .max = UINT16_MAX,
	 .doc = "the port it is for; needs ipproto"},
	{.key = "fibmatch", .attr = HDR(rtm_flags), .type = NET_BIT, .size = 4, .mask = RTM_F_FIB_MATCH,
	 .flags = NET_HDR, .doc = "answer with the route as it stands in its table"},
};
static const struct net_table way_table = {"route_to", way_rows, sizeof(way_rows) / sizeof(*way_rows),
					   sizeof(struct rtmsg), false};
/* clang-format on */

/* IPv4 tells the table that the route was found in when it is asked so, else main for all. */
static void ask(struct nl_msg *m, void *hdr, const struct net_fields *f)
{
	struct rtmsg *rtm = hdr;

	(void)m;
	(void)f;
	if (rtm->rtm_family == AF_INET)
		rtm->rtm_flags = RTM_F_LOOKUP_TABLE;
}

const struct net_noun net_way = {
	.name = "route_to",
	.table = &way_table,
	.get = RTM_GETROUTE,
	.ask = ask,
};

/* net_route_to() - the route that a packet to dst would take; -ENETUNREACH and what else a route may say */
int net_route_to(struct net_ns *ns, struct net_fields *f, struct net_dump *d, struct net_err *err)
{
	const struct net_field *dst = net_given(f->v, f->n, &way_rows[0]);

	if (!dst || dst->family == AF_UNSPEC || (dst->plen >= 0 && dst->plen != dst->len * 8))
		return net_misuse(err, "an address is needed, as 10.0.0.1, without a prefix length");
	return net_get(ns, &net_way, f, d, err);
}
