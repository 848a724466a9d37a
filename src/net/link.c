/* link.c - set, delete and read links (ip link); link_add.c makes them */
#include <errno.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "ethtool.h"
#include "net.h"
#include "sock.h"
#include "link.h"
#include "tables.h"

/* Tunnels have their own end where others have a MAC address, which their keys local and remote tell. */
static bool has_mac(unsigned short type)
{
	return type != ARPHRD_TUNNEL && type != ARPHRD_TUNNEL6 && type != ARPHRD_SIT && type != ARPHRD_IPGRE &&
	       type != ARPHRD_IP6GRE && type != ARPHRD_NONE;
}

/* The kind of a link and of its master decide what its nests mean. */
static bool fix(struct net_cursor *c)
{
	struct nlattr *info = c->level[0].tb[IFLA_LINKINFO], *tb[IFLA_INFO_MAX + 1];
	struct nlattr **own = c->level[0].tb;

	if (!has_mac(((const struct ifinfomsg *)nlmsg_data(c->msg))->ifi_type))
		own[IFLA_ADDRESS] = own[IFLA_BROADCAST] = own[IFLA_PERM_ADDRESS] = NULL;
	if (!info || nla_parse_nested(tb, IFLA_INFO_MAX, info, NULL) < 0)
		return true;
	if (tb[IFLA_INFO_KIND])
		net_tun_fix(tb[IFLA_INFO_KIND], tb[IFLA_INFO_DATA]);
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
	.kind_all = net_kind_all,
	.add = RTM_NEWLINK,
	.del = RTM_DELLINK,
	.get = RTM_GETLINK,
	.groups = {RTNLGRP_LINK},
	.id_hdr = 0xf0, /* the index */
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

	for (unsigned int i = 0; r == 0 && i < filter->n; i++)
		if (net_ethtool_has(filter->v[i].row) || net_wireguard_has(filter->v[i].row))
			r = net_misuse(err, "no list of links has %s; ask each link", filter->v[i].row->key);
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
	d->noun = &net_link;
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
	int r;

	if (!m)
		return -err->code;
	if (index == 0 && name)
		nla_put_string(m, strlen(name) < NET_NAME_SIZE ? IFLA_IFNAME : IFLA_ALT_IFNAME, name);
	if (nsid >= 0)
		nla_put_u32(m, IFLA_TARGET_NETNSID, (uint32_t)nsid);
	r = net_ask(ns, m, d, err);
	if (r != -ENODEV || nsid >= 0 || !net_batch_makes(ns))
		return r;
	r = net_batch_flush(ns, NULL, err); /* which may make it */
	return r < 0 ? r : net_link_get(ns, index, name, nsid, d, err);
}

/* net_link_index() - the index of a name; -ENODEV */
int net_link_index(struct net_ns *ns, const char *name, int *index, struct net_err *err)
{
	struct net_dump d = {0};
	int r;

	*index = net_batch_known(ns, name);
	if (*index)
		return 0;
	r = net_link_get(ns, 0, name, -1, &d, err);
	if (r == 0 && d.len) {
		*index = ((struct ifinfomsg *)nlmsg_data((struct nlmsghdr *)(void *)d.buf))->ifi_index;
		net_batch_know(ns, name, *index);
	} else if (r == -ENODEV) {
		net_fail(err, ENODEV, "no link %s in %s", name, ns->label);
	}
	net_dump_free(&d);
	return r;
}

/* --- changing --- */

/* net_link_send() - send the fields as one RTM_NEWLINK; @index 0 makes a link */
int net_link_send(struct net_ns *ns, int flags, int index, const struct net_ctx *ctx, const struct net_field *f,
		  unsigned int n, struct net_dump *echo, struct net_err *err)
{
	struct ifinfomsg hdr = {.ifi_index = index};
	struct nl_msg *m = net_msg_new(RTM_NEWLINK, flags, &hdr, sizeof(hdr), err);
	int r;

	if (!m)
		return -err->code;
	r = net_encode(m, ctx, &net_link_table, nlmsg_data(nlmsg_hdr(m)), f, n, err);
	if (r < 0) {
		net_msg_free(m);
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
		net_msg_free(m);
		return r;
	}
	nla_nest_end(m, data);
	if (info)
		nla_nest_end(m, info);
	return net_do(ns, m, &net_link_table, NULL, err);
}

/* net_link_field() - the field of a key of table @t, NULL: not given */
struct net_field *net_link_field(struct net_field *f, unsigned int n, const struct net_table *t, const char *key,
				 const struct net_kind *kind)
{
	const struct net_row *row = net_key(t, kind, NULL, key);

	return row ? (struct net_field *)(uintptr_t)net_given(f, n, row) : NULL;
}

/* net_link_pick() - copy the fields, each with its nest, whose keys are in the list, or with @in false those that are
 * not. */
unsigned int net_link_pick(struct net_field *to, const struct net_field *f, unsigned int n, const char *const *keys,
			   bool in)
{
	unsigned int count = 0;

	for (unsigned int i = 0, span; i < n; i += span) {
		const char *const *k = keys;

		span = net_span(f, n, i);
		while (*k && strcmp(*k, f[i].row->key) != 0)
			k++;
		if ((*k != NULL) == in) {
			memmove(to + count, f + i, span * sizeof(*f));
			count += span;
		}
	}
	return count;
}

/* Fields of a link go in messages of four sorts. */
enum part { PART_LINK, PART_PORT, PART_ETHTOOL, PART_NAMES };

static enum part part_of(const struct net_row *row)
{
	if (row->type == NET_PORTNEST)
		return PART_PORT;
	if (row->type == NET_STRINGS)
		return PART_NAMES;
	return net_ethtool_has(row) ? PART_ETHTOOL : PART_LINK;
}

static unsigned int take(struct net_field *to, const struct net_field *f, unsigned int n, enum part part)
{
	unsigned int count = 0;

	for (unsigned int i = 0, span; i < n; i += span) {
		span = net_span(f, n, i);
		if (part_of(f[i].row) != part)
			continue;
		memcpy(to + count, f + i, span * sizeof(*f));
		count += span;
	}
	return count;
}

/* net_link_set_fields() - what can only be set on a link that is there: each sort of fields apart from the rest */
int net_link_set_fields(struct net_ns *ns, int index, const struct net_ctx *ctx, struct net_field *f, unsigned int n,
			struct net_err *err)
{
	static const char *const mode[] = {"addrgenmode", NULL};
	struct net_fields all = {.v = f, .n = n};
	struct net_field part[NET_MAX_FIELDS];
	unsigned int count = 0;
	int r = net_resolve_links(ns, &all, err);

	/* the kernel brings a link up, with its link-local address, before it looks at how that shall be made */
	if (net_link_field(f, n, &net_link_table, "up", NULL))
		count = net_link_pick(part, f, n, mode, true);
	if (r == 0 && count) {
		r = net_link_send(ns, 0, index, ctx, part, count, NULL, err);
		n = net_link_pick(f, f, n, mode, false);
	}
	count = take(part, f, n, PART_LINK);
	if (r == 0 && count)
		r = net_link_send(ns, 0, index, ctx, part, count, NULL, err);
	count = take(part, f, n, PART_PORT);
	if (r == 0 && count > 2)
		r = send_port(ns, index, ctx, part + 1, count - 2, err);
	count = take(part, f, n, PART_ETHTOOL);
	if (r == 0 && count)
		r = net_ethtool_set(ns, index, part, count, err);
	count = take(part, f, n, PART_NAMES);
	if (r == 0 && count)
		r = net_link_altnames(ns, index, false, part + 1, count - 2, err);
	return r;
}

static int name_of(struct net_ns *ns, int index, char *name, size_t size, struct net_err *err)
{
	struct net_dump d = {0};
	struct nlattr *a = NULL;
	int r = net_link_get(ns, index, NULL, -1, &d, err);

	if (r == 0 && d.len)
		a = nlmsg_find_attr((struct nlmsghdr *)(void *)d.buf, sizeof(struct ifinfomsg), IFLA_IFNAME);
	if (a)
		nla_strlcpy(name, a, size);
	else if (r == 0)
		r = net_fail(err, EPROTO, "the kernel's answer tells no name");
	net_dump_free(&d);
	return r;
}

/* One message that moves the link and, when @name isn't NULL, renames it; then its index over there. */
static int send_move(struct net_ns *ns, struct net_ns *to, int *index, const char *old_name, const char *name,
		     struct net_err *err)
{
	const struct net_row *name_row = net_key(&net_link_table, NULL, NULL, "name");
	const struct net_row *netns_row = net_key(&net_link_table, NULL, NULL, "netns");
	struct net_field f[] = {
		{.row = netns_row, .i = to->fd, .ns = to, .plen = -1},
		{.row = name_row, .s = name, .slen = name ? strlen(name) : 0, .plen = -1},
	};
	struct net_dump echo = {0}; /* none comes, but a batch may not hold the move back */
	int r = net_link_send(ns, 0, *index, &(struct net_ctx){0}, f, name ? 2 : 1, &echo, err);

	net_dump_free(&echo);
	return r < 0 ? r : net_link_index(to, name ? name : old_name, index, err);
}

/*
 * The kernel moves a link first and refuses other keys after, so these have messages of their own: what the link
 * keeps on its way is set before, what it loses on it (its master, being up) or has only there is set behind, and
 * when that fails the link is brought home.
 */
static int set_and_move(struct net_ns *ns, int index, const struct net_ctx *ctx, struct net_field *f, unsigned int n,
			struct net_ns *to, struct net_err *err)
{
	static const char *const moving[] = {"netns", "name", "master", "up", "port", NULL};
	static const char *const behind[] = {"master", "up", "port", NULL};
	const struct net_field *name = net_link_field(f, n, &net_link_table, "name", NULL);
	struct net_field part[NET_MAX_FIELDS];
	unsigned int count = net_link_pick(part, f, n, moving, false);
	char home_name[NET_NAME_SIZE];
	int there, r = name_of(ns, index, home_name, sizeof(home_name), err);

	/* the kernel would see a taken name only after the move */
	if (r == 0 && name && net_link_index(to, name->s, &there, err) == 0)
		r = net_fail(err, EEXIST, NULL);
	if (r == 0 && count)
		r = net_link_set_fields(ns, index, ctx, part, count, err);
	there = index;
	if (r == 0)
		r = send_move(ns, to, &there, home_name, name ? name->s : NULL, err);
	if (r < 0)
		return r;
	r = net_tun_moved(ns, index, to, there, err);
	count = net_link_pick(part, f, n, behind, true);
	if (r == 0 && count)
		r = net_link_set_fields(to, there, ctx, part, count, err);
	if (r < 0) {
		index = there;
		send_move(to, ns, &there, NULL, home_name, &(struct net_err){0});
		net_tun_moved(to, index, ns, there, &(struct net_err){0});
	}
	return r;
}

/* net_link_own() - how many of the fields are a wireguard link's own, which may be many and go their own way */
unsigned int net_link_own(const struct net_fields *f)
{
	unsigned int count = 0;

	for (unsigned int i = 0, span; i < f->n; i += span) {
		span = net_span(f->v, f->n, i);
		count += net_wireguard_has(f->v[i].row) ? span : 0;
	}
	return count;
}

/* Whether one of the fields is an option of the kind. */
static bool has_options(const struct net_kind *kind, const struct net_field *v, unsigned int n)
{
	for (unsigned int i = 0; kind && kind->data && i < n; i += net_span(v, n, i))
		if (net_key(kind->data, NULL, NULL, v[i].row->key) == v[i].row)
			return true;
	return false;
}

/*
 * net_link_set() - change a link, in one message but for port options and a move to another namespace
 * @kind: the link's own; NULL: none or unknown
 * @f: fields; f->port says whose port options those are
 */
int net_link_set(struct net_ns *ns, int index, const char *kind, struct net_fields *f, struct net_err *err)
{
	struct net_ctx ctx = {.family = AF_UNSPEC, .kind = net_kind_find(kind), .port = f->port};
	const struct net_row *kind_row = net_key(&net_link_table, NULL, NULL, "kind");
	struct net_field v[NET_MAX_FIELDS], *netns;
	unsigned int n = 0, own = net_link_own(f);
	struct net_dump d = {0};
	bool options;
	int r;

	if (f->n - own + 1 > NET_MAX_FIELDS)
		return net_misuse(err, "too many keys");
	for (unsigned int i = 0, span; i < f->n; i += span) {
		const struct net_row *row = f->v[i].row;

		span = net_span(f->v, f->n, i);
		if (row->flags & NET_NEW)
			return net_misuse(err, "%s can only be given when the link is made", row->key);
		if (net_wireguard_has(row))
			continue;
		memcpy(v + n, f->v + i, span * sizeof(*v));
		n += span;
	}
	r = net_link_whole(ns, index, ctx.kind, v, &n, &d, err);
	options = has_options(ctx.kind, v, n);
	if (r == 0 && own)
		r = net_wireguard_check(f->v, f->n, err);
	if (r == 0 && own)
		r = net_wireguard_set(ns, index, f->v, f->n, err);
	if (r == 0 && options && net_kind_is_tun(ctx.kind)) {
		r = net_tun_set(ns, index, v, n, err);
		n = net_link_pick(v, v, n, net_tun_keys, false);
	} else if (options) { /* the kernel reads a kind's options only beside its name */
		v[n++] = (struct net_field){.row = kind_row, .s = kind, .slen = strlen(kind)};
	}
	netns = net_link_field(v, n, &net_link_table, "netns", NULL);
	if (r == 0 && netns && (netns->ns->ino != ns->ino || netns->ns->dev != ns->dev))
		r = set_and_move(ns, index, &ctx, v, n, netns->ns, err);
	else if (r == 0 && n)
		r = net_link_set_fields(ns, index, &ctx, v, n, err);
	net_dump_free(&d);
	return r;
}

/* net_link_del() - -ENODEV when it is gone; -EOPNOTSUPP for one that can't be deleted */
int net_link_del(struct net_ns *ns, int index, struct net_err *err)
{
	struct ifinfomsg hdr = {.ifi_index = index};
	struct nl_msg *m = net_msg_new(RTM_DELLINK, 0, &hdr, sizeof(hdr), err);
	int r;

	if (!m)
		return -err->code;
	r = net_do(ns, m, &net_link_table, NULL, err);
	if (r == 0)
		net_tun_let_go(ns, index);
	return r;
}

/* --- links of a group, which the kernel changes and deletes together --- */

/* net_link_set_group() - change all links of a group; one that fails stops it, and what is changed stays */
int net_link_set_group(struct net_ns *ns, int64_t group, struct net_fields *f, struct net_err *err)
{
	const struct net_row *row = net_key(&net_link_table, NULL, NULL, "group");
	struct net_field v[NET_MAX_FIELDS];
	int r = net_resolve_links(ns, f, err);

	if (r < 0)
		return r;
	if (f->n + 1 > NET_MAX_FIELDS)
		return net_misuse(err, "too many keys");
	for (unsigned int i = 0; i < f->n; i++)
		if (f->v[i].row->flags & (NET_NEW | NET_MAIN) || net_ethtool_has(f->v[i].row))
			return net_misuse(err, "%s is for a link alone", f->v[i].row->key);
	memcpy(v, f->v, f->n * sizeof(*v));
	v[f->n] = (struct net_field){.row = row, .i = group, .plen = -1};
	return net_link_send(ns, 0, 0, &(struct net_ctx){0}, v, f->n + 1, NULL, err);
}

/* net_link_flush() - delete all links of a group; -ENODEV when there are none */
int net_link_flush(struct net_ns *ns, int64_t group, struct net_err *err)
{
	struct ifinfomsg hdr = {0};
	struct nl_msg *m = net_msg_new(RTM_DELLINK, 0, &hdr, sizeof(hdr), err);

	if (!m)
		return -err->code;
	nla_put_u32(m, IFLA_GROUP, (uint32_t)group);
	return net_do(ns, m, &net_link_table, NULL, err);
}
