/* addrlabel.c - labels of IPv6 prefixes, by which source addresses are chosen (ip addrlabel, RFC 6724) */
#include <linux/if_addrlabel.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <sys/socket.h>

#include "net.h"
#include "tables.h"

#define HDR(member) offsetof(struct ifaddrlblmsg, member)

/* clang-format off */
static const struct net_row addrlabel_rows[] = {
	{.key = "prefix", .attr = IFAL_ADDRESS, .type = NET_PREFIX, .aux = HDR(ifal_prefixlen), .flags = NET_MAIN,
	 .doc = "the IPv6 prefix that is labelled"},
	{.key = "label", .attr = IFAL_LABEL, .type = NET_UINT, .size = 4, .max = UINT32_MAX - 1,
	 .doc = "a source address is preferred whose label is the destination's"},
	{.key = "dev", .attr = HDR(ifal_index), .type = NET_LINK, .size = 4, .flags = NET_HDR,
	 .doc = "only on this link"},
};
static const struct net_table addrlabel_table = {"addrlabel", addrlabel_rows,
						 sizeof(addrlabel_rows) / sizeof(*addrlabel_rows),
						 sizeof(struct ifaddrlblmsg), false};
/* clang-format on */

static int prepare(enum net_change how, struct net_ctx *ctx, void *hdr, struct net_fields *f, struct net_err *err)
{
	const struct net_field *prefix = net_given(f->v, f->n, &addrlabel_rows[0]);

	(void)ctx;
	(void)hdr;
	if (!prefix || prefix->family != AF_INET6)
		return net_misuse(err, "prefix must be of IPv6, as fd00::/8 or ::/0");
	if (how != NET_DEL && !net_given(f->v, f->n, &addrlabel_rows[1]))
		return net_misuse(err, "label is needed: a number");
	return 0;
}

const struct net_noun net_addrlabel = {
	.name = "addrlabel",
	.table = &addrlabel_table,
	.add = RTM_NEWADDRLABEL,
	.del = RTM_DELADDRLABEL,
	.get = RTM_GETADDRLABEL,
	.family = AF_INET6,
	.prepare = prepare,
};
