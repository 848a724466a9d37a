/* link.c - add, set, delete and read links (ip link) */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <string.h>
#include <sys/socket.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "net.h"
#include "sock.h"
#include "tables.h"

/* The kind of a link and of its master decide what its nests mean. */
static bool fix(struct net_cursor *c)
{
	struct nlattr *info = c->level[0].tb[IFLA_LINKINFO], *tb[IFLA_INFO_MAX + 1];

	if (!info || nla_parse_nested(tb, IFLA_INFO_MAX, info, NULL) < 0)
		return true;
	if (tb[IFLA_INFO_KIND])
		c->kind = net_kind_find(nla_data(tb[IFLA_INFO_KIND]));
	if (tb[IFLA_INFO_SLAVE_KIND])
		c->port = net_kind_find(nla_data(tb[IFLA_INFO_SLAVE_KIND]));
	return true;
}

static void ask(struct nl_msg *m, void *hdr, const struct net_fields *filter)
{
	const struct net_field *master =
		net_given(filter->v, filter->n, net_key(&net_link_table, NULL, NULL, "master"));
	const struct net_field *kind = net_given(filter->v, filter->n, net_key(&net_link_table, NULL, NULL, "kind"));
	struct nlattr *info;

	(void)hdr;
	if (master && master->i)
		nla_put_u32(m, IFLA_MASTER, (uint32_t)master->i);
	if (!kind)
		return;
	info = nla_nest_start(m, IFLA_LINKINFO);
	if (info && nla_put(m, IFLA_INFO_KIND, (int)kind->slen + 1, kind->s) == 0)
		nla_nest_end(m, info);
}

/* net_cursor_elsewhere() - whether the link that a field names is in another namespace than the message's */
bool net_cursor_elsewhere(const struct net_cursor *c, const struct net_field *f)
{
	bool below = c->depth == 0 ? f->row->attr == IFLA_LINK : c->kind && c->level[c->depth].table == c->kind->data;

	return c->level[0].table == &net_link_table && below && c->level[0].tb[IFLA_LINK_NETNSID];
}

const struct net_noun net_link = {
	.name = "link",
	.table = &net_link_table,
	.add = RTM_NEWLINK,
	.del = RTM_DELLINK,
	.get = RTM_GETLINK,
	.fix = fix,
	.ask = ask,
};

/* --- reading --- */

/* net_link_list() - links that match a filter; counters only where they are wanted, for they are half of it */
int net_link_list(struct net_ns *ns, struct net_fields *filter, bool stats, struct net_dump *d, struct net_err *err)
{
	struct ifinfomsg hdr = {0};
	struct nl_msg *m;
	int r = net_resolve_links(ns, filter, err);

	if (r < 0)
		return r;
	m = net_msg_new(RTM_GETLINK, 0, &hdr, sizeof(hdr), err);
	if (!m)
		return -err->code;
	if (!stats) {
		nla_put_u32(m, IFLA_EXT_MASK,
			    RTEXT_FILTER_SKIP_STATS); /* those of IPv6 only; its own come all the same */
		d->skip = IFLA_STATS64;
	}
	ask(m, NULL, filter);
	d->filter = filter;
	return net_dump(ns, m, d, err);
}

/*
 * net_link_get() - one link, by index, or by name when index is 0
 * @nsid: >= 0: in the namespace that @ns has this number for
 *
 * Return: 0; -ENODEV.
 */
int net_link_get(struct net_ns *ns, int index, const char *name, int nsid, struct net_dump *d, struct net_err *err)
{
	struct ifinfomsg hdr = {.ifi_index = index};
	struct nl_msg *m = net_msg_new(RTM_GETLINK, 0, &hdr, sizeof(hdr), err);

	if (!m)
		return -err->code;
	if (index == 0)
		nla_put_string(m, IFLA_IFNAME, name);
	if (nsid >= 0)
		nla_put_u32(m, IFLA_TARGET_NETNSID, (uint32_t)nsid);
	return net_ask(ns, m, d, err);
}

/* net_link_index() - the index of a name; -ENODEV */
int net_link_index(struct net_ns *ns, const char *name, int *index, struct net_err *err)
{
	struct net_dump d = {0};
	int r = net_link_get(ns, 0, name, -1, &d, err);

	if (r == 0 && d.len)
		*index = ((struct ifinfomsg *)nlmsg_data((struct nlmsghdr *)(void *)d.buf))->ifi_index;
	else if (r == -ENODEV)
		net_fail(err, ENODEV, "no link %s in %s", name, ns->label);
	net_dump_free(&d);
	return r;
}

/* --- changing --- */

/* Send the fields as one RTM_NEWLINK; @index 0 makes a link. */
static int send_link(struct net_ns *ns, int flags, int index, const struct net_ctx *ctx, const struct net_field *f,
		     unsigned int n, struct net_dump *echo, struct net_err *err)
{
	struct ifinfomsg hdr = {.ifi_index = index};
	struct nl_msg *m = net_msg_new(RTM_NEWLINK, flags, &hdr, sizeof(hdr), err);
	int r;

	if (!m)
		return -err->code;
	r = net_encode(m, ctx, &net_link_table, nlmsg_data(nlmsg_hdr(m)), f, n, err);
	if (r < 0) {
		nlmsg_free(m);
		return r;
	}
	return net_do(ns, m, &net_link_table, echo, err);
}

/*
 * A port's options go in a message of their own: with a new master in the same one they are refused.  A bridge's is
 * bridge(8)'s, not that of ip(8)'s "type bridge_slave", after which the kernel switches a disabled port on again.
 */
static int send_port(struct net_ns *ns, int index, const struct net_ctx *ctx, const struct net_field *f, unsigned int n,
		     struct net_err *err)
{
	bool of_bridge = ctx->port && ctx->port->port == &net_bridge_port_table;
	struct ifinfomsg hdr = {.ifi_family = of_bridge ? AF_BRIDGE : AF_UNSPEC, .ifi_index = index};
	struct nlattr *info = NULL, *data;
	struct nl_msg *m;
	int r;

	if (!ctx->port || !ctx->port->port)
		return net_misuse(err, "port: the link has no master whose ports have options");
	m = net_msg_new(of_bridge ? RTM_SETLINK : RTM_NEWLINK, 0, &hdr, sizeof(hdr), err);
	if (!m)
		return -err->code;
	if (!of_bridge) {
		info = nla_nest_start(m, IFLA_LINKINFO);
		nla_put_string(m, IFLA_INFO_SLAVE_KIND, ctx->port->name);
	}
	data = nla_nest_start(m, of_bridge ? IFLA_PROTINFO | NLA_F_NESTED : IFLA_INFO_SLAVE_DATA);
	r = data ? net_encode(m, ctx, ctx->port->port, NULL, f, n, err) : net_fail(err, EMSGSIZE, NULL);
	if (r < 0) {
		nlmsg_free(m);
		return r;
	}
	nla_nest_end(m, data);
	if (info)
		nla_nest_end(m, info);
	return net_do(ns, m, &net_link_table, NULL, err);
}

static struct net_field *find(struct net_field *f, unsigned int n, const struct net_table *t, const char *key,
			      const struct net_kind *kind)
{
	const struct net_row *row = net_key(t, kind, NULL, key);

	return row ? (struct net_field *)(uintptr_t)net_given(f, n, row) : NULL;
}

/* What can only be set on a link that is there: the port's options apart from the rest. */
static int set_fields(struct net_ns *ns, int index, const struct net_ctx *ctx, struct net_field *f, unsigned int n,
		      struct net_err *err)
{
	struct net_fields all = {.v = f, .n = n};
	struct net_field *port = find(f, n, &net_link_table, "port", NULL);
	struct net_field *moved = find(f, n, &net_link_table, "netns", NULL);
	unsigned int span = port ? net_span(f, n, (unsigned int)(port - f)) : 0;
	struct net_field rest[NET_MAX_FIELDS];
	unsigned int n_rest = 0;
	int r = net_resolve_links(ns, &all, err);

	for (unsigned int i = 0; i < n; i++)
		if (!port || f + i < port || f + i >= port + span)
			rest[n_rest++] = f[i];
	if (r == 0 && n_rest)
		r = send_link(ns, 0, index, ctx, rest, n_rest, NULL, err);
	if (r == 0 && span > 2)
		r = send_port(moved && moved->ns ? moved->ns : ns, index, ctx, port + 1, span - 2, err);
	return r;
}

/*
 * net_link_set() - change a link: everything but port options in one message, which the kernel takes or leaves
 * @kind: the link's own; NULL: none or unknown
 * @f: fields; f->port says whose port options those are
 */
int net_link_set(struct net_ns *ns, int index, const char *kind, struct net_fields *f, struct net_err *err)
{
	struct net_ctx ctx = {.family = AF_UNSPEC, .kind = net_kind_find(kind), .port = f->port};
	const struct net_row *kind_row = net_key(&net_link_table, NULL, NULL, "kind");
	struct net_field v[NET_MAX_FIELDS];
	bool options = false;

	if (f->n + 1 > NET_MAX_FIELDS)
		return net_misuse(err, "too many keys");
	memcpy(v, f->v, f->n * sizeof(*v));
	for (unsigned int i = 0; i < f->n; i += net_span(v, f->n, i)) {
		if (v[i].row->flags & NET_NEW)
			return net_misuse(err, "%s can only be given when the link is made", v[i].row->key);
		options = options || (ctx.kind && ctx.kind->data &&
				      net_key(ctx.kind->data, NULL, NULL, v[i].row->key) == v[i].row);
	}
	if (options) /* the kernel reads a kind's options only beside its name */
		v[f->n] = (struct net_field){.row = kind_row, .s = kind, .slen = strlen(kind)};
	return set_fields(ns, index, &ctx, v, f->n + options, err);
}

/* --- making --- */

/* A link's fields by when they can be told: in the message that makes it, right after it, or after it in the
 * namespace of a veth's peer. */
struct plan {
	struct net_field now[NET_MAX_FIELDS], after[NET_MAX_FIELDS], peer[NET_MAX_FIELDS];
	unsigned int n_now, n_after, n_peer;
	struct net_ns *peer_ns;
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

/* Linux up to 6.1 makes a link whose parent is elsewhere there, and moves it: down, and without a master. */
static void make_plan(struct plan *p, const struct net_fields *f)
{
	bool moved = net_given(f->v, f->n, net_key(&net_link_table, NULL, NULL, "link_netnsid"));
	uint16_t late = moved ? NET_AFTER | NET_LATE_PEER : NET_AFTER;

	p->n_now = p->n_after = p->n_peer = 0;
	p->peer_ns = NULL;
	for (unsigned int i = 0, span; i < f->n; i += span) {
		span = net_span(f->v, f->n, i);
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

/* The newest link of a kind, which is the one with the highest index. */
static int newest(struct net_ns *ns, const struct net_kind *kind, int *index, struct net_err *err)
{
	struct net_dump d = {0};
	struct net_cursor c;
	int r = net_link_list(ns, &(struct net_fields){0}, false, &d, err);

	while (r == 0 && net_dump_next(&d, &net_link, &c)) {
		int i = ((const struct ifinfomsg *)nlmsg_data(c.msg))->ifi_index;

		if (c.kind == kind && i > *index)
			*index = i;
	}
	net_dump_free(&d);
	return r;
}

/* Linux up to 6.1 doesn't echo a new link: ask for it by its name, which the kernel chose if we didn't. */
static int ask_echo(struct net_ns *ns, const struct net_kind *kind, struct plan *p, struct net_dump *echo,
		    struct net_err *err)
{
	const struct net_field *name = find(p->now, p->n_now, &net_link_table, "name", NULL);
	int index = 0, r = name ? 0 : newest(ns, kind, &index, err);

	return r < 0 ? r : net_link_get(ns, index, name ? name->s : NULL, -1, echo, err);
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

/* What the maker's message could not carry.  Links of the peer's fields are looked up where the peer is. */
static int finish(struct net_ns *ns, const struct net_ctx *ctx, struct plan *p, int index, int peer_index,
		  struct net_err *err)
{
	int r = 0;

	if (p->n_after)
		r = set_fields(ns, index, ctx, p->after, p->n_after, err);
	if (r == 0 && p->n_peer)
		r = set_fields(p->peer_ns ? p->peer_ns : ns, peer_index, ctx, p->peer, p->n_peer, err);
	return r;
}

/* Only the main end's links are here; the peer's fields that are sent at once name none. */
static int resolve_now(struct net_ns *ns, struct plan *p, struct net_err *err)
{
	struct net_fields now = {.v = p->now, .n = p->n_now};

	return net_resolve_links(ns, &now, err);
}

/*
 * net_link_add() - make a link, with all its fields or not at all
 * @f: fields, among them the kind; f->port is the kind of its master, for port options
 * @index, @peer_index: the new link's, and its veth peer's in its own namespace
 *
 * Both ends of a veth are born where they belong, by one message; what that message can't carry follows, and
 * when that fails the link is deleted again.
 */
int net_link_add(struct net_ns *ns, const char *kind, struct net_fields *f, int *index, int *peer_index,
		 struct net_err *err)
{
	struct net_ctx ctx = {.kind = net_kind_find(kind), .port = f->port};
	struct net_dump echo = {0};
	struct plan p;
	int r;

	if (f->n > NET_MAX_FIELDS)
		return net_misuse(err, "too many keys");
	make_plan(&p, f);
	r = resolve_now(ns, &p, err);
	if (r == 0)
		r = send_link(ns, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ECHO, 0, &ctx, p.now, p.n_now, &echo, err);
	if (r == 0 && echo.len == 0)
		r = ask_echo(ns, ctx.kind, &p, &echo, err);
	if (r == 0)
		r = read_echo(&echo, index, peer_index, err);
	net_dump_free(&echo);
	if (r < 0)
		return r;
	r = finish(ns, &ctx, &p, *index, *peer_index, err);
	if (r < 0)
		net_link_del(ns, *index, &(struct net_err){0});
	return r;
}

/* net_link_del() - -ENODEV when it is gone; -EOPNOTSUPP for one that can't be deleted */
int net_link_del(struct net_ns *ns, int index, struct net_err *err)
{
	struct ifinfomsg hdr = {.ifi_index = index};
	struct nl_msg *m = net_msg_new(RTM_DELLINK, 0, &hdr, sizeof(hdr), err);

	if (!m)
		return -err->code;
	return net_do(ns, m, &net_link_table, NULL, err);
}
