/* decode.c - a message into fields, row by row */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "decode.h"
#include "net.h"
#include "tables.h"

/* The kind that a level's table finds in its registry by the name that the message tells. */
static const struct net_kind *kind_of(const struct net_level *l)
{
	const struct net_row *options = net_kind_nest(l->table);
	const struct net_row *key = options ? net_key(l->table, NULL, NULL, "kind") : NULL;
	const struct nlattr *a = key ? l->tb[key->attr] : NULL;

	if (!a || net_attr_len(a) < 1 || !memchr(net_attr_data(a), 0, (size_t)net_attr_len(a)))
		return NULL;
	return options->kinds(net_attr_data(a));
}

/* Find the attributes; what they are for is to be looked at. */
static void find_attrs(struct net_level *l, const struct net_rowmap *map, const char *data, int len)
{
	for (const struct nlattr *a; len >= NLA_HDRLEN; data += NLA_ALIGN(a->nla_len), len -= NLA_ALIGN(a->nla_len)) {
		unsigned int type;

		a = (const void *)data;
		type = a->nla_type & NLA_TYPE_MASK;
		if (a->nla_len < NLA_HDRLEN || a->nla_len > len)
			return;
		if (type >= NET_MAX_ATTR)
			continue;
		l->tb[type] = (struct nlattr *)(uintptr_t)a;
		for (unsigned int row = map ? map->first[type] : NET_NO_ROW; row != NET_NO_ROW; row = map->next[row])
			l->todo[row / 64] |= 1ULL << row % 64;
	}
}

static int push_level(struct net_cursor *c, const struct net_table *t, const char *data, int len)
{
	const struct net_rowmap *map = net_rowmap(t);
	struct net_level *l;
	int hdr = NLA_ALIGN(t->hdr);

	if (c->depth + 1 >= NET_MAX_DEPTH || len < t->hdr)
		return -1;
	l = &c->level[c->depth + 1];
	memset(l, 0, sizeof(*l));
	l->table = t;
	l->hdr = data;
	if (map)
		memcpy(l->todo, map->always, sizeof(l->todo));
	else
		memset(l->todo, 0xff, sizeof(l->todo));
	if (!t->bare && len > hdr)
		find_attrs(l, map, data + hdr, len - hdr);
	c->depth++;
	l->kind = kind_of(l);
	return 0;
}

/* The kind that the options of the level that is being read belong to. */
static const struct net_kind *kind_here(const struct net_cursor *c, const struct net_row *row)
{
	return row->kinds ? c->level[c->depth].kind : c->kind;
}

/*
 * net_decode() - stand before the first field of a message
 *
 * Return: 0, or -EBADMSG for one that is cut off or malformed.
 */
int net_decode(struct net_cursor *c, const struct nlmsghdr *msg, const struct net_table *t)
{
	c->msg = msg;
	c->depth = -1;
	c->kind = c->port = NULL;
	if (push_level(c, t, nlmsg_data(msg), nlmsg_datalen(msg)) < 0)
		return -EBADMSG;
	c->family = (uint8_t)c->level[0].hdr[0]; /* every header of rtnetlink begins with it */
	return 0;
}

static bool is_list(const struct net_row *row)
{
	return net_is_list(row) || net_is_array(row);
}

static const struct net_table list_level = {.name = "list"};

/* The attribute that has an encapsulation's type. */
static const struct nlattr *tb_type(const struct net_cursor *c, const struct net_row *row)
{
	const struct nlattr *a = c->level[c->depth].tb[row->aux];

	return a && net_attr_len(a) >= 2 ? a : NULL;
}

/* Begin the nest of a row.  Return: 1 with a field, 0 when there is nothing to tell. */
static int begin_nest(struct net_cursor *c, const struct net_row *row, struct net_field *f)
{
	static const char zeros[8];
	const char *array =
		row->type == NET_NUMBERS && row->flags & NET_HDR ? c->level[c->depth].hdr + row->attr : NULL;
	const struct nlattr *a = array ? NULL : c->level[c->depth].tb[row->attr];
	const struct net_table *t = row->nest;
	bool flat = row->flags & NET_FLAT || row->type == NET_KINDNEST;
	struct net_level *l;

	if (row->type == NET_KINDNEST)
		t = kind_here(c, row) ? kind_here(c, row)->data : NULL;
	if (row->type == NET_PORTNEST)
		t = c->port ? c->port->port : NULL;
	if (row->type == NET_ENCAP && tb_type(c, row))
		t = net_lwt_table(nla_get_u16(tb_type(c, row)));
	if (is_list(row))
		t = &list_level;
	if (!a && t && row->flags & NET_ZERO && t->hdr <= (int)sizeof(zeros) && push_level(c, t, zeros, t->hdr) == 0) {
		c->level[c->depth].flat = flat;
		return 0;
	}
	if ((!a && !array) || !t ||
	    push_level(c, t, array ? array : net_attr_data(a), is_list(row) ? 0 : net_attr_len(a)) < 0)
		return 0;
	l = &c->level[c->depth];
	l->flat = flat;
	if (row->type == NET_ENCAP)
		l->hdr = net_attr_data(c->level[c->depth - 1].tb[row->aux]);
	if (is_list(row)) {
		l->list = row;
		if (row->type == NET_BITSET)
			a = net_get_bits(a);
		l->rest = array ? array : a ? net_attr_data(a) : NULL;
		l->end = array ? array + row->size * row->max : a ? l->rest + net_attr_len(a) : NULL;
		if (row->type == NET_STRUCTS)
			l->rest = row->aux < l->end - l->rest ? l->rest + row->aux : l->end;
	}
	if (row->type == NET_SEGS && !net_segs_span(row, net_attr_data(a), net_attr_len(a), &l->rest, &l->end))
		l->rest = l->end;
	f->op = NET_BEGIN;
	return !flat;
}

/* The bytes of the next element of a list, and how far it is to the one behind it; false where there is none. */
static bool element(const struct net_level *l, const char **data, int *len, int *step)
{
	int left = (int)(l->end - l->rest);
	const struct rtnexthop *nh = (const void *)l->rest;
	const struct nlattr *a = (const void *)l->rest;

	*data = l->rest;
	if (l->list->type == NET_STRUCTS) {
		*step = *len = l->list->nest->hdr;
	} else if (l->list->type == NET_NESTS) {
		if (!nla_ok(a, left))
			return false;
		*data = net_attr_data(a);
		*len = net_attr_len(a);
		*step = NLA_ALIGN(a->nla_len);
	} else {
		if (left < (int)sizeof(*nh) || nh->rtnh_len < sizeof(*nh))
			return false;
		*len = nh->rtnh_len;
		*step = RTNH_ALIGN(nh->rtnh_len);
	}
	return *len <= left;
}

/* In a list: its next element, or its end. */
static int next_element(struct net_cursor *c, struct net_field *f)
{
	struct net_level *l = &c->level[c->depth];
	const char *data;
	int len, step;

	f->row = l->list;
	if (net_is_array(l->list) && net_next_plain(l, f))
		return 1;
	if (net_is_list(l->list) && element(l, &data, &len, &step) && push_level(c, l->list->nest, data, len) == 0) {
		l->rest = step > l->end - l->rest ? l->end : l->rest + step;
		f->op = NET_ITEM;
		return 1;
	}
	c->depth--;
	f->op = NET_END;
	return 1;
}

static void start(struct net_field *f, const struct net_row *row)
{
	memset(f, 0, offsetof(struct net_field, addr));
	f->row = row;
	f->plen = -1;
}

/*
 * net_look() - the value that a message has on its first level for the row of @want
 *
 * Return: 1; 0 where the message has none; -1 where the row belongs to a nest, or is one.
 */
int net_look(const struct net_cursor *c, const struct net_field *want, struct net_field *f)
{
	const struct net_table *t = c->level[0].table;

	if (want->op != NET_VALUE || want->row < t->rows || want->row >= t->rows + t->n)
		return -1;
	start(f, want->row);
	return net_get_value(&c->level[0], want->row, f);
}

/* net_cursor_put() - on the first level: what the message is to be read as if it had; NULL: as if it hadn't */
void net_cursor_put(struct net_cursor *c, unsigned int attr, struct nlattr *a)
{
	struct net_level *l = &c->level[0];
	const struct net_rowmap *map = net_rowmap(l->table);

	l->tb[attr] = a;
	for (unsigned int row = map ? map->first[attr] : NET_NO_ROW; row != NET_NO_ROW; row = map->next[row])
		l->todo[row / 64] |= 1ULL << row % 64;
}

/* The next row that the message may have something for; NULL: there is no more. */
static const struct net_row *next_row(struct net_level *l)
{
	for (unsigned int i = 0; i < NET_ROW_WORDS; i++) {
		unsigned int at = l->todo[i] ? i * 64 + (unsigned int)__builtin_ctzll(l->todo[i]) : l->table->n;

		l->todo[i] &= l->todo[i] - 1;
		if (at < l->table->n)
			return &l->table->rows[at];
	}
	return NULL;
}

/* net_next() - the next field of the message, in the order of the table.  Return: 1, or 0 at the end. */
int net_next(struct net_cursor *c, struct net_field *f)
{
	for (;;) {
		struct net_level *l = &c->level[c->depth];
		const struct net_row *row = l->list ? NULL : next_row(l);
		bool flat = l->flat;

		start(f, row);
		if (l->list)
			return next_element(c, f);
		if (!row && c->depth == 0)
			return 0;
		if (!row) {
			c->depth--;
			if (flat)
				continue;
			f->op = NET_END;
			return 1;
		}
		if (row->flags & NET_WO)
			continue;
		if (net_is_nest(row)) {
			if (begin_nest(c, row, f))
				return 1;
		} else if (net_get_value(l, row, f)) {
			return 1;
		}
	}
}
