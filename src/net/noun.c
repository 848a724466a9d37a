/* noun.c - what all nouns do alike: one change from fields, one list filtered, records one by one */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <string.h>

#include <netlink/msg.h>

#include "net.h"
#include "sock.h"
#include "tables.h"

#define MAX_HDR 64

/* All nouns, one a line: nsh.core, help, completion and the reference follow from here. */
/* clang-format off */
static const struct net_noun *const nouns[] = {
	&net_link, &net_addr, &net_route, &net_rule,
	&net_neigh, &net_fdb, &net_bridge_vlan, &net_bridge_vlan_global, &net_mst,
	&net_vni, &net_mdb, &net_mdb_router,
	&net_way, &net_nexthop, &net_bucket, &net_addrlabel, &net_mpls, &net_mroute,
	&net_ntable, &net_netconf, &net_xstats,
	&net_qdisc, &net_class, &net_filter,
};
/* clang-format on */

const struct net_noun *net_noun_all(unsigned int i)
{
	return i < sizeof(nouns) / sizeof(*nouns) ? nouns[i] : NULL;
}

static bool is_address(const struct net_field *f)
{
	return f->op == NET_VALUE && f->family != AF_UNSPEC &&
	       (f->row->type == NET_IP || f->row->type == NET_PREFIX || f->row->type == NET_GATEWAY);
}

/* The family that a request is about: said, or that of its addresses, the gateway's last since it may differ. */
static uint8_t family_of(const struct net_noun *noun, const struct net_fields *f)
{
	const struct net_row *row;
	const struct net_field *said;
	uint8_t by_gateway = AF_UNSPEC;

	if (noun->family != AF_UNSPEC)
		return noun->family;
	row = net_family_key(noun->table);
	said = row ? net_given(f->v, f->n, row) : NULL;
	if (said)
		return (uint8_t)said->i;
	for (unsigned int i = 0; i < f->n; i++) {
		if (!is_address(&f->v[i]))
			continue;
		if (f->v[i].row->type != NET_GATEWAY)
			return f->v[i].family;
		by_gateway = f->v[i].family;
	}
	return by_gateway;
}

/* net_resolve_links() - links given by name become indexes, by the names that the kernel has now */
int net_resolve_links(struct net_ns *ns, struct net_fields *f, struct net_err *err)
{
	for (unsigned int i = 0; i < f->n; i++) {
		int index, r;

		if (f->v[i].op != NET_VALUE || f->v[i].row->type != NET_LINK)
			continue;
		if (f->v[i].ns && (f->v[i].ns->ino != ns->ino || f->v[i].ns->dev != ns->dev))
			return net_misuse(err, "%s is a link of namespace %s, and can't serve in %s", f->v[i].row->key,
					  f->v[i].ns->label, ns->label);
		if (!f->v[i].s)
			continue;
		r = net_link_index(ns, f->v[i].s, &index, err);
		if (r < 0)
			return r;
		f->v[i].i = index;
		f->v[i].s = NULL;
	}
	return 0;
}

/* The message that asks for a change; NULL with @err for a wrong combination of fields. */
static struct nl_msg *request(const struct net_noun *noun, enum net_change how, struct net_fields *f,
			      struct net_err *err)
{
	static const int flags[] = {
		[NET_ADD] = NLM_F_CREATE | NLM_F_EXCL,
		[NET_REPLACE] = NLM_F_CREATE | NLM_F_REPLACE,
		[NET_APPEND] = NLM_F_CREATE | NLM_F_APPEND,
		[NET_PREPEND] = NLM_F_CREATE,
		[NET_CHANGE] = 0,
		[NET_DEL] = 0,
	};
	struct net_ctx ctx = {.family = family_of(noun, f), .kind = f->kind, .port = f->port};
	char hdr[MAX_HDR] = {0};
	struct nl_msg *m;
	int r = 0;

	hdr[0] = (char)(ctx.family = ctx.family || noun->unspec ? ctx.family : AF_INET);
	if (!(how == NET_DEL ? noun->del : noun->add))
		r = net_misuse(err, "a %s can't be %s", noun->name, how == NET_DEL ? "deleted" : "added");
	if (r == 0 && noun->prepare)
		r = noun->prepare(how, &ctx, hdr, f, err);
	if (r < 0)
		return NULL;
	m = net_msg_new(how == NET_DEL ? noun->del : noun->add, flags[how], hdr, noun->table->hdr, err);
	if (m && net_encode(m, &ctx, noun->table, nlmsg_data(nlmsg_hdr(m)), f->v, f->n, err) < 0) {
		net_msg_free(m);
		m = NULL;
	}
	return m;
}

/*
 * net_change() - add, replace, append or delete one object of a noun
 * @f: its fields; links given by name are resolved in place
 *
 * Return: 0, or -errno of the kernel or of a wrong combination of fields.
 */
int net_change(struct net_ns *ns, const struct net_noun *noun, enum net_change how, struct net_fields *f,
	       struct net_err *err)
{
	int r = net_resolve_links(ns, f, err);
	struct nl_msg *m = r < 0 ? NULL : request(noun, how, f, err);

	if (!m)
		return -err->code;
	return net_do(ns, m, noun->table, NULL, err);
}

/* net_check() - what is wrong with fields to add an object of; the kernel isn't asked, and links may be unknown */
int net_check(const struct net_noun *noun, struct net_fields *f, struct net_err *err)
{
	struct nl_msg *m = request(noun, NET_ADD, f, err);

	if (!m)
		return -err->code;
	net_msg_free(m);
	return 0;
}

static int list_family(struct net_ns *ns, const struct net_noun *noun, uint8_t family, struct net_fields *filter,
		       struct net_dump *d, struct net_err *err)
{
	char hdr[MAX_HDR] = {(char)family};
	struct nl_msg *m = net_msg_new(noun->get, 0, hdr, noun->table->hdr, err);
	int r;

	if (!m)
		return -err->code;
	if (noun->ask)
		noun->ask(m, nlmsg_data(nlmsg_hdr(m)), filter);
	d->noun = noun->entry[0] ? NULL : noun; /* readings can't be put together by messages that have many records */
	r = net_dump(ns, m, d, err);
	/* no such table, no such family on this kernel: there is nothing of it */
	if (r == -ENOENT || r == -EOPNOTSUPP || r == -EAFNOSUPPORT)
		return 0;
	return r;
}

/*
 * net_list() - all objects of a noun that match a filter
 * @filter: fields that a record must have; links given by name are resolved in place
 * @d: gets the messages; net_dump_next() gives those that match
 */
int net_list(struct net_ns *ns, const struct net_noun *noun, struct net_fields *filter, struct net_dump *d,
	     struct net_err *err)
{
	uint8_t family = family_of(noun, filter);
	int r = net_resolve_links(ns, filter, err);

	if (r < 0)
		return r;
	d->filter = filter;
	if (family != AF_UNSPEC || !noun->both)
		return list_family(ns, noun, family, filter, d, err);
	r = list_family(ns, noun, AF_INET, filter, d, err);
	return r < 0 ? r : list_family(ns, noun, AF_INET6, filter, d, err);
}

/*
 * net_get() - ask for one object
 * @f: what tells it apart; links given by name are resolved in place
 * @d: gets the answer
 */
int net_get(struct net_ns *ns, const struct net_noun *noun, struct net_fields *f, struct net_dump *d,
	    struct net_err *err)
{
	struct net_ctx ctx = {.family = family_of(noun, f)};
	char hdr[MAX_HDR] = {(char)ctx.family};
	struct nl_msg *m;
	int r = net_resolve_links(ns, f, err);

	if (r < 0)
		return r;
	m = net_msg_new(noun->get, 0, hdr, noun->table->hdr, err);
	if (!m)
		return -err->code;
	if (!noun->add && noun->ask)
		noun->ask(m, nlmsg_data(nlmsg_hdr(m)), f);
	r = net_encode(m, &ctx, noun->table, nlmsg_data(nlmsg_hdr(m)), f->v, f->n, err);
	if (r < 0) {
		net_msg_free(m);
		return r;
	}
	return net_ask(ns, m, d, err);
}

/* The first attribute at the end of a path that stands behind @after. */
static const struct nlattr *at_path(const struct nlattr *head, int len, const uint8_t *path, const void *after)
{
	const struct nlattr *a, *found;
	int rem;

	nla_for_each_attr(a, head, len, rem)
	{
		if (nla_type(a) != *path)
			continue;
		found = path[1] ? at_path(nla_data(a), nla_len(a), path + 1, after) : a;
		if (found && (const void *)found > after)
			return found;
	}
	return NULL;
}

/* Stand in the next message, or before its next record. */
static bool step(struct net_dump *d, const struct net_noun *noun, struct net_cursor *c)
{
	const struct net_table *told = noun->told ? noun->told : noun->table;
	struct nlmsghdr *h = (void *)(d->buf + d->at);
	bool good = (h->nlmsg_type == noun->add || (noun->told_by && h->nlmsg_type == noun->told_by) ||
		     (d->gone && h->nlmsg_type == noun->del)) &&
		    net_decode(c, h, told) == 0;

	if (good && noun->entry[0]) {
		d->entry = at_path(nlmsg_attrdata(h, told->hdr), nlmsg_attrlen(h, told->hdr), noun->entry, d->entry);
		net_cursor_put(c, noun->entry[0], (struct nlattr *)(uintptr_t)d->entry);
		good = d->entry;
	}
	if (!good || !noun->entry[0]) {
		d->at += NLMSG_ALIGN(h->nlmsg_len);
		d->entry = NULL;
	}
	return good;
}

/* net_dump_next() - stand before the next record of a list.  Return: 1; 0 at the end. */
int net_dump_next(struct net_dump *d, const struct net_noun *noun, struct net_cursor *c)
{
	while (d->at < d->len) {
		if (!step(d, noun, c))
			continue;
		if (d->skip)
			c->level[0].tb[d->skip] = NULL;
		if (noun->fix && !noun->fix(c))
			continue;
		if (!d->filter || d->filter->n == 0 || net_matches(c, d->filter))
			return 1;
	}
	return 0;
}
