/* link_add.c - make links (ip link add): both ends of a veth in their place, and nothing left when a part fails */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "link.h"
#include "net.h"
#include "sock.h"
#include "tables.h"

#define NAMING 4 /* fields that names may add to those of a plan */

/* A link's fields by when they can be told: in the message that makes it, right after it, or after it in the
 * namespace of a veth's peer. */
struct plan {
	struct net_field now[NET_MAX_FIELDS + NAMING], after[NET_MAX_FIELDS], peer[NET_MAX_FIELDS];
	unsigned int n_now, n_after, n_peer;
	struct net_ns *peer_ns;
	char name[NET_NAME_SIZE], peer_name[NET_NAME_SIZE];
};

static void add_span(struct net_field *to, unsigned int *n, const struct net_field *from, unsigned int span)
{
	memcpy(to + *n, from, span * sizeof(*to));
	*n += span;
}

static void plan_peer(struct plan *p, const struct net_field *f, unsigned int span)
{
	add_span(p->now, &p->n_now, f, 1);
	for (unsigned int i = 1, k; i + 1 < span; i += k) {
		k = net_span(f, span, i);
		if (f[i].row->type == NET_NETNS)
			p->peer_ns = f[i].ns;
		/* the kernel refuses an up peer (ENOTCONN) and forgets its master */
		if (f[i].row->flags & (NET_AFTER | NET_LATE_PEER))
			add_span(p->peer, &p->n_peer, f + i, k);
		else
			add_span(p->now, &p->n_now, f + i, k);
	}
	add_span(p->now, &p->n_now, f + span - 1, 1);
}

/* Linux up to 6.1 makes a link whose parent is elsewhere there, and moves it: down, and without a master.  One that has
 * a carrier at once, as no end of a pair has, gets its link-local address when it comes up: it is told before how. */
static void make_plan(struct plan *p, const struct net_kind *kind, const struct net_fields *f)
{
	bool moved = net_given(f->v, f->n, net_key(&net_link_table, NULL, NULL, "link_netnsid"));
	bool told = !net_kind_pair(kind) && net_given(f->v, f->n, net_key(&net_link_table, NULL, NULL, "addrgenmode"));
	uint16_t late = moved || told ? NET_AFTER | NET_LATE_PEER : NET_AFTER;

	p->n_now = p->n_after = p->n_peer = 0;
	p->peer_ns = NULL;
	for (unsigned int i = 0, span; i < f->n; i += span) {
		span = net_span(f->v, f->n, i);
		if (net_wireguard_has(f->v[i].row))
			continue;
		if (f->v[i].row->flags & NET_OFF && f->v[i].i == f->v[i].row->begins)
			continue;
		if (f->v[i].row->nest == &net_peer_table)
			plan_peer(p, f->v + i, span);
		else if (f->v[i].row->flags & late)
			add_span(p->after, &p->n_after, f->v + i, span);
		else
			add_span(p->now, &p->n_now, f->v + i, span);
	}
}

/* The first of KIND0, KIND1, ... that is free: older kernels don't tell which name they have chosen themselves.  gre0,
 * sit0 and their like may come with their module, which is loaded when the first such link is made. */
static int free_name(struct net_ns *ns, const char *kind, const char *taken, char *name, struct net_err *err)
{
	const struct net_kind *known = net_kind_find(kind);

	for (int i = net_kind_whole(known);; i++) {
		char full[32] = "";
		int index, r;

		snprintf(full, sizeof(full), "%.9s%d", kind, i);
		memcpy(name, full, NET_NAME_SIZE - 1);
		name[NET_NAME_SIZE - 1] = 0;
		if (taken && strcmp(name, taken) == 0)
			continue;
		r = net_link_index(ns, name, &index, err);
		if (r < 0)
			return r == -ENODEV ? 0 : r;
	}
}

static void put_name(struct net_field *f, const char *name)
{
	*f = (struct net_field){
		.row = net_key(&net_link_table, NULL, NULL, "name"), .plen = -1, .s = name, .slen = strlen(name)};
}

/* Give names to a link and to a veth's peer that have none. */
static int name_all(struct net_ns *ns, struct plan *p, const char *kind, struct net_err *err)
{
	const struct net_field *given = net_link_field(p->now, p->n_now, &net_link_table, "name", NULL);
	const struct net_row *pair = net_kind_pair(net_kind_find(kind));
	const struct net_field *named;
	struct net_field *peer;
	int r;

	if (!given) {
		r = free_name(ns, kind, NULL, p->name, err);
		if (r < 0)
			return r;
		put_name(&p->now[p->n_now++], p->name);
	} else {
		snprintf(p->name, sizeof(p->name), "%s", given->s);
	}
	if (!pair)
		return 0;
	peer = (struct net_field *)(uintptr_t)net_given(p->now, p->n_now, pair);
	named = peer ? net_given(peer + 1, net_span(peer, p->n_now - (unsigned int)(peer - p->now), 0) - 2,
				 net_key(&net_link_table, NULL, NULL, "name"))
		     : NULL;
	if (named) {
		snprintf(p->peer_name, sizeof(p->peer_name), "%s", named->s);
		return 0;
	}
	r = free_name(p->peer_ns ? p->peer_ns : ns, kind, p->peer_ns ? NULL : p->name, p->peer_name, err);
	if (r < 0)
		return r;
	if (!peer) {
		peer = &p->now[p->n_now++];
		*peer = (struct net_field){.row = pair, .op = NET_BEGIN};
		p->now[p->n_now++] = (struct net_field){.row = peer->row, .op = NET_END};
	}
	memmove(peer + 2, peer + 1, (p->n_now++ - (unsigned int)(peer + 1 - p->now)) * sizeof(*peer));
	put_name(peer + 1, p->peer_name);
	return 0;
}

/* The indexes that the kernel chose, from its echo of the new link. */
static int read_echo(const struct net_dump *echo, int *index, int *peer_index, struct net_err *err)
{
	struct nlmsghdr *h = (void *)echo->buf;
	struct nlattr *peer;

	if (echo->len == 0 || h->nlmsg_type != RTM_NEWLINK)
		return net_fail(err, EPROTO, "the kernel did not tell which link it made");
	*index = ((struct ifinfomsg *)nlmsg_data(h))->ifi_index;
	peer = nlmsg_find_attr(h, sizeof(struct ifinfomsg), IFLA_LINK);
	*peer_index = peer ? (int)nla_get_u32(peer) : 0;
	return 0;
}

/* The end that was up first drops what it is to send until the kernel has taken notice of the other one, in a work
 * queue that may be late by a second: who asks for the link makes it look now (Linux 6.8). */
static int settle(struct net_ns *ns, int index, struct net_err *err)
{
	struct net_err ignored;
	struct net_dump d = {0};

	if (ns->batch)
		return net_batch_settle(ns, index, err);
	net_link_get(ns, index, NULL, -1, &d, &ignored);
	net_dump_free(&d);
	return 0;
}

/* What the maker's message could not carry, of a link that has no other names yet. */
static int set_late(struct net_ns *ns, int index, const struct net_ctx *ctx, struct net_field *f, unsigned int n,
		    struct net_err *err)
{
	static const char *const names[] = {"altnames", NULL};
	struct net_field part[NET_MAX_FIELDS];
	unsigned int count = net_link_pick(part, f, n, names, true);
	int r = count > 2 ? net_link_altnames(ns, index, true, part + 1, count - 2, err) : 0;

	count = net_link_pick(part, f, n, names, false);
	return r == 0 && count ? net_link_set_fields(ns, index, ctx, part, count, err) : r;
}

/* What the link gets behind the message that makes it. */
static int finish(struct net_ns *ns, const struct net_ctx *ctx, struct plan *p, int index, struct net_err *err)
{
	return p->n_after ? set_late(ns, index, ctx, p->after, p->n_after, err) : 0;
}

/* The same of its peer; links of the peer's fields are looked up where the peer is. */
static int finish_peer(struct net_ns *ns, const struct net_ctx *ctx, struct plan *p, int index, int peer_index,
		       struct net_err *err)
{
	int r = p->n_peer ? set_late(p->peer_ns ? p->peer_ns : ns, peer_index, ctx, p->peer, p->n_peer, err) : 0;

	return r == 0 && p->n_peer ? settle(ns, index, err) : r;
}

/* Only the main end's links are here; the peer's fields that are sent at once name none. */
static int resolve_now(struct net_ns *ns, struct plan *p, struct net_err *err)
{
	struct net_fields now = {.v = p->now, .n = p->n_now};

	return net_resolve_links(ns, &now, err);
}

/* What a driver chooses may be said all the same, as a record does. */
static int check_tun(const struct plan *p, const struct net_kind *kind, struct net_err *err)
{
	static const char *const counts[] = {"numtxqueues", "numrxqueues", "link", "link_netnsid", NULL};
	const struct net_field *many =
		net_link_field((struct net_field *)(uintptr_t)p->now, p->n_now, kind->data, "multi_queue", NULL);
	int64_t queues = many && many->i ? NET_TUN_QUEUES : 1;

	for (const char *const *key = counts; *key; key++) {
		const struct net_field *f = net_given(p->now, p->n_now, net_key(&net_link_table, NULL, NULL, *key));

		if (f && f->row->type == NET_UINT && f->i != queues)
			return net_misuse(err, "%s of such a %s is %d; multi_queue = true makes it %d", *key,
					  kind->name, (int)queues, NET_TUN_QUEUES);
		if (f && f->row->type != NET_UINT)
			return net_misuse(err, "a %s stands on no other link: %s can't be given", kind->name, *key);
	}
	return 0;
}

/* A tun or tap link: made by its driver, and then given what netlink can give. */
static int add_tun(struct net_ns *ns, const struct net_ctx *ctx, struct plan *p, int *index, struct net_err *err)
{
	static const char *const made[] = {"name", "kind",     "index",	      "numtxqueues", "numrxqueues",
					   "pi",   "vnet_hdr", "multi_queue", NULL};
	const struct net_field *wanted = net_given(p->now, p->n_now, net_key(&net_link_table, NULL, NULL, "index"));
	struct net_field rest[NET_MAX_FIELDS];
	unsigned int n;
	int r = check_tun(p, ctx->kind, err);

	if (r == 0)
		r = net_tun_add(ns, ctx->kind->name, p->name, p->now, p->n_now, wanted ? (int)wanted->i : 0, index,
				err);
	if (r < 0)
		return r;
	n = net_link_pick(rest, p->now, p->n_now, made, false);
	n = net_link_pick(rest, rest, n, net_tun_keys, false);
	add_span(rest, &n, p->after, p->n_after);
	if (n)
		r = net_link_set_fields(ns, *index, ctx, rest, n, err);
	if (r < 0)
		net_link_del(ns, *index, &(struct net_err){0});
	return r;
}

static int number_of(const struct net_field *f, unsigned int n)
{
	const struct net_field *index = net_given(f, n, net_key(&net_link_table, NULL, NULL, "index"));

	return index ? (int)index->i : 0;
}

/* Whether the numbers of the link, and of its peer, are given. */
static bool preset(const struct plan *p, const struct net_kind *kind, int *index, int *peer_index)
{
	const struct net_row *pair = net_kind_pair(kind);
	const struct net_field *peer = pair ? net_given(p->now, p->n_now, pair) : NULL;

	*index = number_of(p->now, p->n_now);
	*peer_index = 0;
	if (peer)
		*peer_index = number_of(peer + 1, net_span(peer, p->n_now - (unsigned int)(peer - p->now), 0) - 2);
	return *index && (!pair || *peer_index);
}

/* 1: a batch is open that can take the link and what is to follow it; -errno. */
static int can_wait(struct net_ns *ns, const struct plan *p, struct net_err *err)
{
	int r = net_batch_open(ns, err);

	return r > 0 ? net_batch_joins(ns, p->peer_ns) : r;
}

/* A link whose number is known needs no answer: it waits in the batch, and what it needs further waits behind it.  All
 * of that comes before its peer is set up: with the carrier it would get a link-local address, whatever addrgenmode. */
static int queue(struct net_ns *ns, const struct net_ctx *ctx, struct plan *p, int index, int peer_index,
		 struct net_err *err)
{
	bool away = p->peer_ns && p->peer_ns != ns;
	int r = net_link_send(ns, NLM_F_CREATE | NLM_F_EXCL, 0, ctx, p->now, p->n_now, NULL, err);

	net_batch_know(ns, p->name, index);
	if (r == 0)
		r = finish(ns, ctx, p, index, err);
	if (r == 0 && away && (p->n_peer || p->peer_ns->batch))
		r = net_batch_pair(ns, p->peer_ns, err);
	if (r == 0 && peer_index)
		net_batch_know(p->peer_ns ? p->peer_ns : ns, p->peer_name, peer_index);
	if (r == 0 && peer_index && !p->n_peer) /* who set the pair up one by one may do so in this batch */
		r = settle(ns, index, err);
	return r < 0 ? r : finish_peer(ns, ctx, p, index, peer_index, err);
}

/*
 * net_link_add() - make a link, with all its fields or not at all
 * @f: fields, among them the kind; f->port is the kind of its master, for port options
 * @index, @peer_index: the new link's, and its veth peer's in its own namespace
 *
 * Both ends of a veth are born where they belong, by one message; what that message can't carry follows, and
 * when that fails the link is deleted again.  Where a batch is open and the numbers are given, all of it waits.
 */
int net_link_add(struct net_ns *ns, const char *kind, struct net_fields *f, int *index, int *peer_index,
		 struct net_err *err)
{
	struct net_ctx ctx = {.kind = net_kind_find(kind), .port = f->port};
	struct net_dump echo = {0};
	unsigned int own = net_link_own(f);
	struct plan p;
	int r;

	if (!kind)
		return net_misuse(err, "kind is needed: what sort of link it is, as \"veth\"");
	if (f->n - own > NET_MAX_FIELDS)
		return net_misuse(err, "too many keys");
	r = net_wireguard_check(f->v, f->n, err);
	if (r < 0)
		return r;
	make_plan(&p, ctx.kind, f);
	r = name_all(ns, &p, kind, err);
	*peer_index = 0;
	if (r == 0 && net_kind_is_tun(ctx.kind))
		return add_tun(ns, &ctx, &p, index, err);
	if (r == 0)
		r = resolve_now(ns, &p, err);
	if (r == 0 && own == 0 && preset(&p, ctx.kind, index, peer_index))
		r = can_wait(ns, &p, err);
	if (r > 0)
		return queue(ns, &ctx, &p, *index, *peer_index, err);
	if (r == 0)
		r = net_link_send(ns, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ECHO, 0, &ctx, p.now, p.n_now, &echo, err);
	if (r == 0 && echo.len == 0) /* Linux up to 6.1, and some drivers, don't echo a new link */
		r = net_link_get(ns, 0, p.name, -1, &echo, err);
	if (r == 0)
		r = read_echo(&echo, index, peer_index, err);
	net_dump_free(&echo);
	if (r < 0)
		return r;
	r = own ? net_wireguard_set(ns, *index, f->v, f->n, err) : 0;
	if (r == 0)
		r = finish(ns, &ctx, &p, *index, err);
	if (r == 0)
		r = finish_peer(ns, &ctx, &p, *index, *peer_index, err);
	if (r < 0)
		net_link_del(ns, *index, &(struct net_err){0});
	return r;
}
