/* fdb.c - forwarding databases of bridges, vxlan links and others (bridge fdb): neighbours of family AF_BRIDGE */
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
#define STATIC (NUD_NOARP | NUD_REACHABLE) /* a bridge looks at the first bit, a vxlan wants the second */

/* clang-format off */
#define FLAG(k, bit, more, text)                                                                  \
	{.key = (k), .attr = HDR(ndm_flags), .type = NET_BIT, .size = 1, .mask = (bit),            \
	 .flags = NET_HDR | NET_QUIET | (more), .doc = (text)}

static const struct net_enum states = {
	.list = (struct net_word[]){{"permanent", NUD_PERMANENT}, {"static", STATIC}, {"dynamic", NUD_REACHABLE},
				    {"stale", NUD_STALE}, {NULL, 0}},
};

static const struct net_row fdb_rows[] = {
	{.key = "mac", .attr = NDA_LLADDR, .type = NET_MAC, .flags = NET_MAIN, .doc = "where frames go to"},
	{.key = "dev", .attr = HDR(ndm_ifindex), .type = NET_LINK, .size = 4, .flags = NET_HDR,
	 .doc = "the port it is behind"},
	{.key = "state", .attr = HDR(ndm_state), .type = NET_ENUM, .size = 2, .flags = NET_HDR, .names = &states,
	 .doc = "permanent: the link's own; static: stays where it was set; dynamic: learned, and forgotten"},
	{.key = "master", .attr = NDA_MASTER, .type = NET_LINK, .size = 4,
	 .doc = "the bridge that keeps it"},
	{.key = "vlan", .attr = NDA_VLAN, .type = NET_UINT, .size = 2, .min = 1, .max = 4094,
	 .doc = "VLAN the entry is for"},
	{.key = "dst", .attr = NDA_DST, .type = NET_IP, .doc = "vxlan: the other end of the tunnel"},
	{.key = "port", .attr = NDA_PORT, .type = NET_UINT, .size = 2, .flags = NET_BE,
	 .doc = "vxlan: UDP port there, when not the link's"},
	{.key = "vni", .attr = NDA_VNI, .type = NET_UINT, .size = 4, .max = (1 << 24) - 1,
	 .doc = "vxlan: VNI to send with, when not the link's"},
	{.key = "src_vni", .attr = NDA_SRC_VNI, .type = NET_UINT, .size = 4, .max = (1 << 24) - 1,
	 .doc = "vxlan that is external: VNI the entry is for"},
	{.key = "via", .attr = NDA_IFINDEX, .type = NET_LINK, .size = 4, .doc = "vxlan: the link to send on"},
	{.key = "nhid", .attr = NDA_NH_ID, .type = NET_UINT, .size = 4,
	 .doc = "vxlan: number of a nexthop group, in place of dst"},
	FLAG("self", NTF_SELF, 0, "kept by the link itself, not by its bridge"),
	FLAG("sticky", NTF_STICKY, 0, "stays on its port"),
	FLAG("extern_learn", NTF_EXT_LEARNED, 0, "learned by another program"),
	FLAG("router", NTF_ROUTER, 0, "vxlan: the host is a router"),
	FLAG("use", NTF_USE, NET_WO, "as if it had just been used"),
	FLAG("offload", NTF_OFFLOADED, NET_RO, "done by hardware"),
	{.attr = NDA_CACHEINFO, .type = NET_NEST, .flags = NET_FLAT, .nest = &net_neigh_ages},
};
static const struct net_table fdb_table = {"fdb", fdb_rows, COUNT(fdb_rows), sizeof(struct ndmsg), false};
/* clang-format on */

static const struct net_field *given(const struct net_fields *f, const char *key)
{
	return net_given(f->v, f->n, net_key(&fdb_table, NULL, NULL, key));
}

/* Where nothing is said it is the link's own and permanent, as with bridge(8); what a bridge keeps is static. */
static int prepare(enum net_change how, struct net_ctx *ctx, void *hdr, struct net_fields *f, struct net_err *err)
{
	const struct net_field *master = given(f, "master"), *self = given(f, "self"), *nhid = given(f, "nhid");
	bool on_master = master && master->i;
	struct ndmsg *ndm = hdr;

	(void)how;
	if (!given(f, "mac"))
		return net_misuse(err, "mac is needed: the address that frames are sent to");
	if (!given(f, "dev"))
		return net_misuse(err, "dev is needed: the link that the address is behind");
	if (nhid && nhid->i && (given(f, "dst") || given(f, "port") || given(f, "vni")))
		return net_misuse(err, "nhid stands in place of dst, port and vni, not beside them");
	ndm->ndm_family = ctx->family;
	ndm->ndm_flags = (uint8_t)((on_master ? NTF_MASTER : 0) | (!on_master && !self ? NTF_SELF : 0));
	ndm->ndm_state = on_master ? STATIC : NUD_PERMANENT; /* which a link's own list wants for a deletion too */
	return 0;
}

/* It is asked for by its bridge or by a port; a vxlan's own is on the link itself. */
static void ask(struct nl_msg *m, void *hdr, const struct net_fields *filter)
{
	const struct net_field *master = given(filter, "master"), *dev = given(filter, "dev");

	if (dev)
		((struct ndmsg *)hdr)->ndm_ifindex = (int)dev->i;
	if (master && master->i)
		nla_put_u32(m, NDA_MASTER, (uint32_t)master->i);
}

/* One word for the several sets of bits that a state is told as. */
static bool fix(struct net_cursor *c)
{
	struct ndmsg *ndm = (void *)(uintptr_t)c->level[0].hdr;

	if (ndm->ndm_state & NUD_PERMANENT)
		ndm->ndm_state = NUD_PERMANENT;
	else if (ndm->ndm_state & NUD_NOARP)
		ndm->ndm_state = STATIC;
	else if (ndm->ndm_state & NUD_STALE)
		ndm->ndm_state = NUD_STALE;
	return true;
}

const struct net_noun net_fdb = {
	.name = "fdb",
	.table = &fdb_table,
	.add = RTM_NEWNEIGH,
	.del = RTM_DELNEIGH,
	.get = RTM_GETNEIGH,
	.groups = {RTNLGRP_NEIGH},
	.id_hdr = 0x4f1, /* family, index, and whether it is the link's own or the bridge's */
	.id_attrs = ~(1ULL << NDA_CACHEINFO),
	.silent = true,
	.family = AF_BRIDGE,
	.prepare = prepare,
	.ask = ask,
	.fix = fix,
};
