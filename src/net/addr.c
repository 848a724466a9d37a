/* addr.c - addresses of links (ip address) */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/route/rtnl.h>
#include <stddef.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "net.h"
#include "tables.h"

#define HDR(member) offsetof(struct ifaddrmsg, member)
#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

/* clang-format off */
static const struct net_enum protocols = {
	.list = (struct net_word[]){{"kernel_lo", 1}, {"kernel_ra", 2}, {"kernel_ll", 3}, {NULL, 0}},
};

static const struct net_row lifetime_rows[] = {
	{.key = "valid_lft", .attr = offsetof(struct ifa_cacheinfo, ifa_valid), .type = NET_TIME, .size = 4,
	 .flags = NET_HDR | NET_FOREVER, .doc = "how long the address is valid; absent: forever"},
	{.key = "preferred_lft", .attr = offsetof(struct ifa_cacheinfo, ifa_prefered), .type = NET_TIME, .size = 4,
	 .flags = NET_HDR | NET_FOREVER, .doc = "how long new connections use it; absent: forever"},
};
static const struct net_table lifetimes = {"lifetimes", lifetime_rows, COUNT(lifetime_rows),
					   sizeof(struct ifa_cacheinfo), true};

#define FLAG(k, bit, more, text) \
	{.key = (k), .type = NET_BIT, .size = 4, .mask = (bit), .flags = NET_HDR | NET_QUIET | (more), .doc = (text)}
static const struct net_row flag_rows[] = {
	FLAG("nodad", IFA_F_NODAD, 0, "skip IPv6 duplicate address detection"),
	FLAG("optimistic", IFA_F_OPTIMISTIC, 0, "use the IPv6 address while it is being checked"),
	FLAG("home", IFA_F_HOMEADDRESS, 0, "IPv6 mobility home address"),
	FLAG("mngtmpaddr", IFA_F_MANAGETEMPADDR, 0, "the kernel makes IPv6 privacy addresses from it"),
	FLAG("noprefixroute", IFA_F_NOPREFIXROUTE, 0, "make no route for the prefix"),
	FLAG("autojoin", IFA_F_MCAUTOJOIN, 0, "join the multicast group on the Ethernet level"),
	FLAG("secondary", IFA_F_SECONDARY, NET_RO, "another address of the subnet is the first; IPv6: temporary"),
	FLAG("dadfailed", IFA_F_DADFAILED, NET_RO, "another host has the IPv6 address"),
	FLAG("deprecated", IFA_F_DEPRECATED, NET_RO, "its preferred lifetime is over"),
	FLAG("tentative", IFA_F_TENTATIVE, NET_RO, "the IPv6 address is still being checked"),
	FLAG("permanent", IFA_F_PERMANENT, NET_RO, "it has no end"),
	FLAG("stable_privacy", IFA_F_STABLE_PRIVACY, NET_RO, "made by the stable-privacy rule"),
};
static const struct net_table addr_flags = {"flags", flag_rows, COUNT(flag_rows), 4, true};

static const struct net_row addr_rows[] = {
	{.key = "addr", .attr = IFA_LOCAL, .type = NET_PREFIX, .aux = HDR(ifa_prefixlen), .flags = NET_MAIN,
	 .doc = "the address with its prefix length"},
	{.key = "dev", .attr = HDR(ifa_index), .type = NET_LINK, .size = 4, .flags = NET_HDR,
	 .doc = "the link it is on"},
	{.key = "family", .attr = HDR(ifa_family), .type = NET_ENUM, .size = 1, .flags = NET_HDR,
	 .names = &net_families,
	 .doc = "IPv4 or IPv6"},
	{.key = "scope", .attr = HDR(ifa_scope), .type = NET_ENUM, .size = 1, .flags = NET_HDR, .names = &net_scopes,
	 .doc = "where the address is valid"},
	{.key = "peer", .attr = IFA_ADDRESS, .type = NET_PREFIX, .aux = HDR(ifa_prefixlen),
	 .doc = "the other end of a point-to-point link, with the prefix length"},
	{.key = "broadcast", .attr = IFA_BROADCAST, .type = NET_IP, .doc = "IPv4 broadcast address"},
	{.key = "anycast", .attr = IFA_ANYCAST, .type = NET_IP, .doc = "IPv6 anycast address"},
	{.key = "label", .attr = IFA_LABEL, .type = NET_STRING, .max = 15,
	 .doc = "IPv4: name for old tools, begins with the link's"},
	{.key = "metric", .attr = IFA_RT_PRIORITY, .type = NET_UINT, .size = 4, .flags = NET_ZERO,
	 .doc = "metric of the prefix route"},
	{.key = "proto", .attr = IFA_PROTO, .type = NET_ENUM, .size = 1, .flags = NET_ZERO, .names = &protocols,
	 .doc = "who set it, a number of your own or one of these"},
	{.attr = IFA_FLAGS, .type = NET_NEST, .flags = NET_FLAT, .nest = &addr_flags},
	{.attr = IFA_CACHEINFO, .type = NET_NEST, .flags = NET_FLAT, .nest = &lifetimes},
};
const struct net_table net_addr_table = {"addr", addr_rows, COUNT(addr_rows), sizeof(struct ifaddrmsg), false};
/* clang-format on */

#define ADDR (&addr_rows[0])
#define DEV (&addr_rows[1])
#define PEER (&addr_rows[4])
#define PREFERRED (&lifetime_rows[1])

/* The kernel has one prefix length for both addresses of a pair: the peer's. */
static int check_peer(const struct net_field *addr, struct net_field *peer, struct net_err *err)
{
	int bits = addr->len * 8;

	if (peer->plen < 0)
		peer->plen = addr->plen >= 0 ? addr->plen : (int16_t)bits;
	if (addr->plen < 0 || addr->plen == bits || addr->plen == peer->plen)
		return 0;
	return net_misuse(err, "addr has prefix length %d and peer %d; the kernel keeps one for both", addr->plen,
			  peer->plen);
}

static int prepare(enum net_change how, struct net_ctx *ctx, void *hdr, struct net_fields *f, struct net_err *err)
{
	struct net_field *addr = (struct net_field *)(uintptr_t)net_given(f->v, f->n, ADDR);
	struct net_field *peer = (struct net_field *)(uintptr_t)net_given(f->v, f->n, PEER);
	struct ifaddrmsg *ifa = hdr;

	if (!addr || addr->family == AF_UNSPEC)
		return net_misuse(err, "an address is needed, as 10.0.0.1/24 or fd00::1/64");
	if (peer && peer->family == AF_UNSPEC)
		return net_misuse(err, "peer must be an address, as 10.0.0.2/32");
	if (!net_given(f->v, f->n, DEV))
		return net_misuse(err, "dev is needed: the link that has the address");
	ifa->ifa_family = ctx->family;
	/* ip(8)'s own guess: loopback addresses reach no farther than the host */
	if (how != NET_DEL && ctx->family == AF_INET && addr->addr[0] == 127)
		ifa->ifa_scope = RT_SCOPE_HOST;
	return peer ? check_peer(addr, peer, err) : 0;
}

/* IPv6 tells an address without peer as IFA_ADDRESS alone, IPv4 as both: in a record both read alike. */
static bool fix(struct net_cursor *c)
{
	struct nlattr **tb = c->level[0].tb, *local = tb[IFA_LOCAL], *address = tb[IFA_ADDRESS];

	if (!local)
		net_cursor_put(c, IFA_LOCAL, address);
	if (!local || (address && nla_len(address) == nla_len(local) &&
		       memcmp(nla_data(address), nla_data(local), (size_t)nla_len(local)) == 0))
		tb[IFA_ADDRESS] = NULL;
	return true;
}

static void ask(struct nl_msg *m, void *hdr, const struct net_fields *filter)
{
	const struct net_field *dev = net_given(filter->v, filter->n, DEV);
	struct ifaddrmsg *ifa = hdr;

	(void)m;
	if (dev)
		ifa->ifa_index = (uint32_t)dev->i;
}

const struct net_noun net_addr = {
	.name = "addr",
	.table = &net_addr_table,
	.add = RTM_NEWADDR,
	.del = RTM_DELADDR,
	.get = RTM_GETADDR,
	.groups = {RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR},
	.id_hdr = 0xf3, /* family, length and index */
	.id_attrs = 1 << IFA_ADDRESS | 1 << IFA_LOCAL,
	.both = true,
	.prepare = prepare,
	.fix = fix,
	.ask = ask,
};
