/* mdb.c - multicast databases of bridges (bridge mdb) and the ports that multicast routers are behind */
#include <linux/if_bridge.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <sys/socket.h>

#include <netlink/msg.h>

#include "net.h"
#include "rows.h"
#include "tables.h"

#define ENTRY(member) offsetof(struct br_mdb_entry, member)

/* clang-format off */
#define MARK(k, bit, text)                                                                            \
	{.key = (k), .attr = ENTRY(flags), .type = NET_BIT, .size = 1, .mask = (bit),                  \
	 .flags = NET_HDR | NET_QUIET | NET_RO, .doc = (text)}
#define TICKS(k, number, text) \
	{.key = (k), .attr = (number), .type = NET_TIME, .size = 4, .unit = 100, .flags = NET_RO | NET_ZERO, .doc = (text)}

static const struct net_enum states = {
	.list = (struct net_word[]){{"temp", MDB_TEMPORARY}, {"permanent", MDB_PERMANENT}, {NULL, 0}},
};
static const struct net_enum modes = {.list = (struct net_word[]){{"include", 1}, {"exclude", 0}, {NULL, 0}}};

static const struct net_row source_rows[] = {
	{.key = "addr", .attr = MDBA_MDB_SRCATTR_ADDRESS, .type = NET_IP, .flags = NET_MAIN, .doc = "address"},
	TICKS("timer", MDBA_MDB_SRCATTR_TIMER, "how long it counts still"),
};
static const struct net_table source = {"source", source_rows, COUNT(source_rows), 0, false};

/* The struct that an entry begins with, when it is set and when it is told. */
#define ENTRY_ROWS                                                                                              \
	{.key = "grp", .attr = ENTRY(addr.u), .aux = ENTRY(addr.proto), .type = NET_GROUP, .size = 1,            \
	 .flags = NET_HDR | NET_MAIN, .doc = "the multicast group: an address, or a MAC"},                       \
	{.key = "port", .attr = ENTRY(ifindex), .type = NET_LINK, .size = 4, .flags = NET_HDR,                   \
	 .doc = "the port that wants it; the bridge itself: its own host"},                                      \
	{.key = "state", .attr = ENTRY(state), .type = NET_ENUM, .size = 1, .flags = NET_HDR, .names = &states,  \
	 .doc = "temp goes by itself; temp unless given"},                                                       \
	{.key = "vid", .attr = ENTRY(vid), .type = NET_UINT, .size = 2, .max = 4094, .flags = NET_HDR | NET_ZERO, \
	 .doc = "VLAN it is for"},                                                                               \
	MARK("offload", MDB_FLAGS_OFFLOAD, "done by hardware"),                                                 \
	MARK("offload_failed", NEW_MDB_FLAGS_OFFLOAD_FAILED, "the hardware refused it"),                                 \
	MARK("fast_leave", MDB_FLAGS_FAST_LEAVE, "goes at the first leave"),                                     \
	MARK("added_by_star_ex", MDB_FLAGS_STAR_EXCL, "made because all but some sources are wanted"),           \
	MARK("blocked", MDB_FLAGS_BLOCKED, "the source is not wanted")

static const struct net_row set_entry_rows[] = {ENTRY_ROWS};
static const struct net_table set_entry = {"mdb", set_entry_rows, COUNT(set_entry_rows), sizeof(struct br_mdb_entry),
					   true};
/* of a vxlan's database, where @p begins the names of their numbers */
#define TUNNEL_ROWS(p)                                                                                       \
	{.key = "dst", .attr = p##_DST, .type = NET_IP, .doc = "vxlan: the other end of the tunnel"},        \
	{.key = "dst_port", .attr = p##_DST_PORT, .type = NET_UINT, .size = 2,                                \
	 .doc = "vxlan: UDP port there, when not the link's"},                                               \
	{.key = "vni", .attr = p##_VNI, .type = NET_UINT, .size = 4, .max = (1 << 24) - 1,                    \
	 .doc = "vxlan: VNI to send with, when not the link's"},                                             \
	{.key = "src_vni", .attr = p##_SRC_VNI, .type = NET_UINT, .size = 4, .max = (1 << 24) - 1,            \
	 .doc = "vxlan that is external: VNI the entry is for"},                                             \
	{.key = "via", .attr = p##_IFINDEX, .type = NET_LINK, .size = 4, .doc = "vxlan: the link to send on"}
#define PROTO(number) \
	{.key = "proto", .attr = (number), .type = NET_ENUM, .size = 1, .names = &net_protocols, .doc = "who set it"}
static const struct net_row option_rows[] = {
	{.key = "src", .attr = MDBE_ATTR_SOURCE, .type = NET_IP, .doc = "only from this source"},
	{.key = "source_list", .attr = NEW_MDBE_SRC_LIST, .aux = NEW_MDBE_SRC_LIST_ENTRY, .type = NET_NESTS, .nest = &source,
	 .doc = "sources that are wanted, or with filter_mode exclude those that are not"},
	{.key = "filter_mode", .attr = NEW_MDBE_GROUP_MODE, .type = NET_ENUM, .size = 1, .names = &modes,
	 .doc = "what source_list means; exclude unless given"},
	PROTO(NEW_MDBE_RTPROT),
	TUNNEL_ROWS(NEW_MDBE),
	TICKS("timer", MDBA_MDB_EATTR_TIMER, "how long it is kept still"),
};
static const struct net_table options = {"mdb", option_rows, COUNT(option_rows), 0, false};
#define DEV                                                                                                    \
	{.key = "dev", .attr = offsetof(struct br_port_msg, ifindex), .type = NET_LINK, .size = 4, .flags = NET_HDR, \
	 .doc = "the bridge"}
static const struct net_row set_rows[] = {
	DEV,
	{.attr = MDBA_SET_ENTRY, .type = NET_NEST, .flags = NET_FLAT, .nest = &set_entry},
	{.attr = MDBA_SET_ENTRY_ATTRS, .type = NET_NEST, .flags = NET_FLAT, .nest = &options},
};
static const struct net_table set_table = {"mdb", set_rows, COUNT(set_rows), sizeof(struct br_port_msg), false};

static const struct net_row told_entry_rows[] = {
	ENTRY_ROWS,
	{.key = "src", .attr = MDBA_MDB_EATTR_SOURCE, .type = NET_IP, .doc = "only from this source"},
	{.key = "source_list", .attr = MDBA_MDB_EATTR_SRC_LIST, .aux = MDBA_MDB_SRCLIST_ENTRY, .type = NET_NESTS,
	 .nest = &source, .doc = "sources that are wanted, or not"},
	{.key = "filter_mode", .attr = MDBA_MDB_EATTR_GROUP_MODE, .type = NET_ENUM, .size = 1, .names = &modes,
	 .doc = "what source_list means"},
	PROTO(MDBA_MDB_EATTR_RTPROT),
	TUNNEL_ROWS(NEW_MDB_EATTR),
	TICKS("timer", MDBA_MDB_EATTR_TIMER, "how long it is kept still"),
};
static const struct net_table told_entry = {"mdb", told_entry_rows, COUNT(told_entry_rows),
					    sizeof(struct br_mdb_entry), false};
static const struct net_row told_rows[] = {
	DEV,
	{.attr = MDBA_MDB, .type = NET_NEST, .flags = NET_FLAT, .nest = &told_entry},
};
static const struct net_table told_table = {"mdb", told_rows, COUNT(told_rows), sizeof(struct br_port_msg), false};

static const struct net_enum router_types = {
	.list = (struct net_word[]){{"disabled", MDB_RTR_TYPE_DISABLED}, {"temp_query", MDB_RTR_TYPE_TEMP_QUERY},
				    {"perm", MDB_RTR_TYPE_PERM}, {"temp", MDB_RTR_TYPE_TEMP}, {NULL, 0}},
};
static const struct net_row router_port_rows[] = {
	{.key = "port", .type = NET_LINK, .size = 4, .flags = NET_HDR, .doc = "the port"},
	{.key = "type", .attr = MDBA_ROUTER_PATTR_TYPE, .type = NET_ENUM, .size = 1, .flags = NET_RO,
	 .names = &router_types, .doc = "perm: set so; temp_query: one was heard"},
	TICKS("timer", MDBA_ROUTER_PATTR_TIMER, "how long it counts still"),
	{.key = "vid", .attr = MDBA_ROUTER_PATTR_VID, .type = NET_UINT, .size = 2, .flags = NET_RO, .doc = "VLAN"},
};
static const struct net_table router_port = {"mdb_router", router_port_rows, COUNT(router_port_rows), 4, false};
static const struct net_row router_rows[] = {
	DEV,
	{.attr = MDBA_ROUTER, .type = NET_NEST, .flags = NET_FLAT, .nest = &router_port},
};
static const struct net_table router_table = {"mdb_router", router_rows, COUNT(router_rows),
					      sizeof(struct br_port_msg), false};
/* clang-format on */

#define GRP (&set_entry_rows[0])
#define PORT (&set_entry_rows[1])

static int prepare(enum net_change how, struct net_ctx *ctx, void *hdr, struct net_fields *f, struct net_err *err)
{
	(void)how;
	(void)ctx;
	(void)hdr;
	if (!net_given(f->v, f->n, GRP))
		return net_misuse(err, "grp is needed: the multicast group");
	if (!net_given(f->v, f->n, PORT))
		return net_misuse(err, "port is needed: the port that wants the group");
	return 0;
}

const struct net_noun net_mdb = {
	.name = "mdb",
	.table = &set_table,
	.add = RTM_NEWMDB,
	.del = RTM_DELMDB,
	.get = RTM_GETMDB,
	.groups = {RTNLGRP_MDB},
	.told_by = RTM_GETMDB,
	.told = &told_table,
	.entry = {MDBA_MDB, MDBA_MDB_ENTRY, MDBA_MDB_ENTRY_INFO},
	.family = AF_BRIDGE,
	.prepare = prepare,
};

const struct net_noun net_mdb_router = {
	.name = "mdb_router",
	.table = &router_table,
	.get = RTM_GETMDB,
	.told_by = RTM_GETMDB,
	.entry = {MDBA_ROUTER, MDBA_ROUTER_PORT},
	.family = AF_BRIDGE,
};
