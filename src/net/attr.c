/* attr.c - tables of attributes at work: fields into a message, a message into fields */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "net.h"

/* --- finding keys and fields --- */

static const struct net_table *flat_table(const struct net_row *row, const struct net_kind *kind)
{
	if (row->type == NET_KINDNEST)
		return kind ? kind->data : NULL;
	return row->flags & NET_FLAT ? row->nest : NULL;
}

/* net_key() - the row of a key, through the nests whose keys stand beside the table's own; NULL: unknown */
const struct net_row *net_key(const struct net_table *t, const struct net_kind *kind, const struct net_kind *port,
			      const char *key)
{
	for (unsigned int i = 0; i < t->n; i++) {
		const struct net_row *row = &t->rows[i];
		const struct net_table *flat = flat_table(row, kind);

		if (flat)
			row = net_key(flat, kind, port, key);
		else if (!row->key || strcmp(row->key, key) != 0)
			row = NULL;
		if (row)
			return row;
	}
	return NULL;
}

/* net_main_key() - the row whose value may stand at [1] */
const struct net_row *net_main_key(const struct net_table *t)
{
	for (unsigned int i = 0; i < t->n; i++)
		if (t->rows[i].flags & NET_MAIN)
			return &t->rows[i];
	return NULL;
}

/* net_span() - how many fields the nest or element that begins at @i takes, both its ends included */
unsigned int net_span(const struct net_field *f, unsigned int n, unsigned int i)
{
	unsigned int depth = 0, from = i;

	for (; i < n; i++) {
		if (f[i].op == NET_BEGIN || f[i].op == NET_ITEM)
			depth++;
		else if (f[i].op == NET_END)
			depth--;
		if (depth == 0)
			return i - from + 1;
	}
	return n - from;
}

/* net_given() - the field of @row on the first level of a list, or NULL */
const struct net_field *net_given(const struct net_field *f, unsigned int n, const struct net_row *row)
{
	for (unsigned int i = 0; i < n; i += net_span(f, n, i))
		if (f[i].row == row && f[i].op != NET_ITEM)
			return &f[i];
	return NULL;
}

/* --- encoding --- */

static void put_number(char *to, const struct net_row *row, uint64_t v)
{
	uint16_t v16 = row->flags & NET_BE ? htobe16((uint16_t)v) : (uint16_t)v;
	uint32_t v32 = row->flags & NET_BE ? htobe32((uint32_t)v) : (uint32_t)v;
	uint8_t v8 = (uint8_t)v;

	switch (row->size) {
	case 1: memcpy(to, &v8, 1); break;
	case 2: memcpy(to, &v16, 2); break;
	case 4: memcpy(to, &v32, 4); break;
	default: memcpy(to, &v, 8); break;
	}
}

static uint64_t get_number(const char *from, const struct net_row *row)
{
	uint8_t v8;
	uint16_t v16;
	uint32_t v32;
	uint64_t v;

	switch (row->size) {
	case 1: memcpy(&v8, from, 1); return v8;
	case 2: memcpy(&v16, from, 2); return row->flags & NET_BE ? be16toh(v16) : v16;
	case 4: memcpy(&v32, from, 4); return row->flags & NET_BE ? be32toh(v32) : v32;
	default: memcpy(&v, from, 8); return v;
	}
}

static void put_bit(char *hdr, const struct net_row *row, bool on)
{
	uint64_t v = get_number(hdr + row->attr, row);

	if (on != !!(row->flags & NET_INVERT))
		v |= row->mask;
	else
		v &= ~(uint64_t)row->mask;
	put_number(hdr + row->attr, row, v);
	if (row->aux)
		put_number(hdr + row->aux, row, get_number(hdr + row->aux, row) | row->mask);
}

static int wrong_family(const struct net_row *row, const struct net_field *f, const struct net_ctx *ctx,
			struct net_err *err)
{
	return net_misuse(err, "%s is %s, but the rest is %s", row->key, f->family == AF_INET ? "IPv4" : "IPv6",
			  ctx->family == AF_INET ? "IPv4" : "IPv6");
}

static int put_addr(struct nl_msg *m, const struct net_ctx *ctx, const struct net_row *row, char *hdr,
		    const struct net_field *f, struct net_err *err)
{
	if (row->type == NET_PREFIX && row->aux)
		hdr[row->aux] = (char)(f->plen >= 0 ? f->plen : f->len * 8);
	if (f->family == AF_UNSPEC)
		return 0; /* "default" */
	if (ctx->family != AF_BRIDGE && f->family != ctx->family)
		return wrong_family(row, f, ctx, err);
	return nla_put(m, row->attr, f->len, f->addr);
}

static int put_gateway(struct nl_msg *m, const struct net_ctx *ctx, const struct net_row *row,
		       const struct net_field *f)
{
	char via[2 + NET_MAX_ADDR];
	uint16_t family = f->family;

	if (f->family == ctx->family)
		return nla_put(m, row->attr, f->len, f->addr);
	memcpy(via, &family, 2);
	memcpy(via + 2, f->addr, f->len);
	return nla_put(m, RTA_VIA, 2 + f->len, via);
}

static int put_value(struct nl_msg *m, const struct net_ctx *ctx, const struct net_row *row, char *hdr,
		     const struct net_field *f, struct net_err *err)
{
	char number[8];

	if (row->type == NET_BIT) {
		put_bit(hdr, row, f->i);
		return 0;
	}
	if (row->flags & NET_HDR) {
		put_number(hdr + row->attr, row, (uint64_t)f->i);
		return 0;
	}
	switch (row->type) {
	case NET_STRING: return nla_put(m, row->attr, (int)f->slen + 1, f->s);
	case NET_MAC: return nla_put(m, row->attr, f->len, f->addr);
	case NET_IP:
	case NET_PREFIX: return put_addr(m, ctx, row, hdr, f, err);
	case NET_GATEWAY: return put_gateway(m, ctx, row, f);
	default: put_number(number, row, (uint64_t)f->i); return nla_put(m, row->attr, row->size, number);
	}
}

static bool any_given(const struct net_table *t, const struct net_field *f, unsigned int n)
{
	for (unsigned int i = 0; i < t->n; i++)
		if (net_given(f, n, &t->rows[i]) || (flat_table(&t->rows[i], NULL) && any_given(t->rows[i].nest, f, n)))
			return true;
	return false;
}

/* A C struct in an attribute: built aside, since it goes out whole or not at all. */
static int put_struct(struct nl_msg *m, const struct net_ctx *ctx, const struct net_row *row, const struct net_field *f,
		      unsigned int n, struct net_err *err)
{
	const struct net_table *t = row->nest;
	char blob[256] = {0};
	int r;

	if (!any_given(t, f, n))
		return 0;
	for (unsigned int i = 0; i < t->n; i++)
		if (t->rows[i].flags & NET_FOREVER)
			put_number(blob + t->rows[i].attr, &t->rows[i], UINT64_MAX);
	r = net_encode(m, ctx, t, blob, f, n, err);
	return r < 0 ? r : nla_put(m, row->attr, t->hdr, blob);
}

/* Elements framed as struct rtnexthop: a length, then the element's own attributes. */
static int put_list(struct nl_msg *m, const struct net_ctx *ctx, const struct net_row *row, const struct net_field *f,
		    unsigned int n, struct net_err *err)
{
	struct nlattr *nest = nla_nest_start(m, row->attr);
	unsigned int span;
	int r = nest && row->nest ? 0 : -1;

	for (unsigned int i = 0; r == 0 && i < n; i += span) {
		char *hdr = nlmsg_reserve(m, row->nest->hdr, NLMSG_ALIGNTO);
		uint16_t len;

		span = net_span(f, n, i);
		if (!hdr)
			return -1;
		memset(hdr, 0, row->nest->hdr);
		r = net_encode(m, ctx, row->nest, hdr, f + i + 1, span - 2, err);
		len = (uint16_t)((char *)nlmsg_hdr(m) + nlmsg_hdr(m)->nlmsg_len - hdr);
		memcpy(hdr, &len, sizeof(len));
	}
	if (r == 0)
		nla_nest_end(m, nest);
	return r;
}

static int put_nest(struct nl_msg *m, const struct net_ctx *ctx, const struct net_row *row, const struct net_table *t,
		    const struct net_field *f, unsigned int n, struct net_err *err)
{
	struct nlattr *nest = nla_nest_start(m, row->attr);
	uint32_t before;
	char *hdr = NULL;
	int r;

	if (!nest)
		return -1;
	if (t->hdr) {
		hdr = nlmsg_reserve(m, t->hdr, NLMSG_ALIGNTO);
		if (!hdr)
			return -1;
		memset(hdr, 0, t->hdr);
	}
	before = nlmsg_hdr(m)->nlmsg_len;
	r = net_encode(m, ctx, t, hdr, f, n, err);
	if (r < 0)
		return r;
	if (nlmsg_hdr(m)->nlmsg_len == before && flat_table(row, ctx->kind))
		nla_nest_cancel(m, nest);
	else
		nla_nest_end_keep_empty(m, nest);
	return 0;
}

static int put_row(struct nl_msg *m, const struct net_ctx *ctx, const struct net_row *row, char *hdr,
		   const struct net_field *f, unsigned int n, struct net_err *err)
{
	const struct net_table *flat = flat_table(row, ctx->kind), *t = row->nest;
	const struct net_field *given;

	if (flat)
		return flat->bare ? put_struct(m, ctx, row, f, n, err) : put_nest(m, ctx, row, flat, f, n, err);
	given = row->key && !(row->flags & NET_RO) ? net_given(f, n, row) : NULL;
	if (!given)
		return 0;
	if (given->op == NET_VALUE)
		return put_value(m, ctx, row, hdr, given, err);
	n = net_span(given, n - (unsigned int)(given - f), 0) - 2;
	if (row->type == NET_PORTNEST)
		t = ctx->port ? ctx->port->port : NULL;
	if (row->type == NET_LIST)
		return put_list(m, ctx, row, given + 1, n, err);
	return t ? put_nest(m, ctx, row, t, given + 1, n, err) : 0;
}

/*
 * net_encode() - put the fields that table @t knows into a message
 * @hdr: the table's header in the message, for what is kept there
 * @f, @n: fields of this level; those of other tables are passed over
 *
 * Return: 0; -EINVAL; -EMSGSIZE when the message is full.
 */
int net_encode(struct nl_msg *m, const struct net_ctx *ctx, const struct net_table *t, char *hdr,
	       const struct net_field *f, unsigned int n, struct net_err *err)
{
	for (unsigned int i = 0; i < t->n; i++) {
		int r;

		err->code = 0;
		r = put_row(m, ctx, &t->rows[i], hdr, f, n, err);
		if (r < 0)
			return err->code ? -err->code : net_fail(err, EMSGSIZE, "too much for one request");
	}
	return 0;
}

/* --- decoding --- */

static int push_level(struct net_cursor *c, const struct net_table *t, const char *data, int len)
{
	struct net_level *l;
	int hdr = NLA_ALIGN(t->hdr);

	if (c->depth + 1 >= NET_MAX_DEPTH || len < t->hdr)
		return -1;
	l = &c->level[c->depth + 1];
	memset(l, 0, sizeof(*l));
	l->table = t;
	l->hdr = data;
	if (!t->bare && len > hdr &&
	    nla_parse(l->tb, NET_MAX_ATTR - 1, (struct nlattr *)(uintptr_t)(data + hdr), len - hdr, NULL) < 0)
		return -1;
	c->depth++;
	return 0;
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

static bool get_ip(const char *data, int len, struct net_field *f)
{
	if (len != 4 && len != 16)
		return false;
	f->family = len == 4 ? AF_INET : AF_INET6;
	f->len = (uint8_t)len;
	memcpy(f->addr, data, (size_t)len);
	return true;
}

static bool get_gateway(struct nlattr *const *tb, const struct net_row *row, struct net_field *f)
{
	if (tb[row->attr])
		return get_ip(nla_data(tb[row->attr]), nla_len(tb[row->attr]), f);
	return tb[RTA_VIA] && nla_len(tb[RTA_VIA]) > 2 &&
	       get_ip((char *)nla_data(tb[RTA_VIA]) + 2, nla_len(tb[RTA_VIA]) - 2, f);
}

static bool get_prefix(const struct net_level *l, const struct net_row *row, struct net_field *f)
{
	struct nlattr *a = l->tb[row->attr];

	f->plen = (uint8_t)l->hdr[row->aux];
	if (a)
		return get_ip(nla_data(a), nla_len(a), f);
	f->family = AF_UNSPEC; /* a route without destination is the default */
	return row->flags & NET_MAIN && f->plen == 0;
}

static bool get_bytes(const struct nlattr *a, struct net_field *f)
{
	if (!a || nla_len(a) > NET_MAX_ADDR)
		return false;
	f->len = (uint8_t)nla_len(a);
	memcpy(f->addr, nla_data(a), f->len);
	return true;
}

static bool get_string(const struct nlattr *a, struct net_field *f)
{
	if (!a)
		return false;
	f->s = nla_data(a);
	f->slen = strnlen(f->s, (size_t)nla_len(a));
	return !(f->row->flags & NET_ZERO && f->slen == 0);
}

static int64_t sign(const struct net_row *row, uint64_t v)
{
	if (row->type != NET_INT)
		return (int64_t)v;
	return row->size == 1 ? (int8_t)v : row->size == 2 ? (int16_t)v : row->size == 4 ? (int32_t)v : (int64_t)v;
}

static bool get_integer(const struct net_level *l, const struct net_row *row, struct net_field *f)
{
	const char *from = l->hdr + row->attr;
	uint64_t ones = row->size >= 8 ? UINT64_MAX : (1ULL << (row->size * 8)) - 1, v;

	if (!(row->flags & NET_HDR)) {
		if (!l->tb[row->attr] || nla_len(l->tb[row->attr]) < row->size)
			return false;
		from = nla_data(l->tb[row->attr]);
	}
	v = get_number(from, row);
	if ((row->flags & NET_FOREVER && v == ones) || (row->flags & NET_ZERO && v == 0))
		return false;
	if (row->type == NET_BIT) {
		f->i = !!(v & row->mask) != !!(row->flags & NET_INVERT);
		return f->i || !(row->flags & NET_QUIET);
	}
	f->i = sign(row, v);
	return row->type != NET_LINK || v != 0;
}

/* Read the value of a row; false where the message has none. */
static bool get_value(const struct net_level *l, const struct net_row *row, struct net_field *f)
{
	switch (row->type) {
	case NET_STRING: return get_string(l->tb[row->attr], f);
	case NET_MAC:
	case NET_BRIDGEID: return get_bytes(l->tb[row->attr], f);
	case NET_IP: return l->tb[row->attr] && get_ip(nla_data(l->tb[row->attr]), nla_len(l->tb[row->attr]), f);
	case NET_PREFIX: return get_prefix(l, row, f);
	case NET_GATEWAY: return get_gateway(l->tb, row, f);
	default: return get_integer(l, row, f);
	}
}

static const struct net_table list_level = {.name = "list"};

/* Begin the nest of a row.  Return: 1 with a field, 0 when there is nothing to tell. */
static int begin_nest(struct net_cursor *c, const struct net_row *row, struct net_field *f)
{
	const struct nlattr *a = c->level[c->depth].tb[row->attr];
	const struct net_table *t = row->nest;
	bool flat = row->flags & NET_FLAT || row->type == NET_KINDNEST;
	struct net_level *l;

	if (row->type == NET_KINDNEST)
		t = c->kind ? c->kind->data : NULL;
	if (row->type == NET_PORTNEST)
		t = c->port ? c->port->port : NULL;
	if (!a || !t ||
	    push_level(c, row->type == NET_LIST ? &list_level : t, nla_data(a),
		       row->type == NET_LIST ? 0 : nla_len(a)) < 0)
		return 0;
	l = &c->level[c->depth];
	l->flat = flat;
	if (row->type == NET_LIST) {
		l->list = row;
		l->rest = nla_data(a);
		l->end = l->rest + nla_len(a);
	}
	f->op = NET_BEGIN;
	return !flat;
}

/* In a list: its next element, or its end. */
static int next_element(struct net_cursor *c, struct net_field *f)
{
	struct net_level *l = &c->level[c->depth];
	const struct rtnexthop *nh = (const void *)l->rest;
	int left = (int)(l->end - l->rest);

	f->row = l->list;
	if (left >= (int)sizeof(*nh) && nh->rtnh_len >= sizeof(*nh) && nh->rtnh_len <= left &&
	    push_level(c, l->list->nest, l->rest, nh->rtnh_len) == 0) {
		l->rest += RTNH_ALIGN(nh->rtnh_len) > left ? left : (int)RTNH_ALIGN(nh->rtnh_len);
		f->op = NET_ITEM;
		return 1;
	}
	c->depth--;
	f->op = NET_END;
	return 1;
}

/* net_next() - the next field of the message, in the order of the table.  Return: 1, or 0 at the end. */
int net_next(struct net_cursor *c, struct net_field *f)
{
	for (;;) {
		struct net_level *l = &c->level[c->depth];
		const struct net_row *row;

		memset(f, 0, offsetof(struct net_field, addr));
		f->plen = -1;
		if (l->list)
			return next_element(c, f);
		if (l->at == l->table->n) {
			bool flat = l->flat;

			if (c->depth == 0)
				return 0;
			c->depth--;
			if (flat)
				continue;
			f->op = NET_END;
			return 1;
		}
		row = f->row = &l->table->rows[l->at++];
		if (row->flags & NET_WO)
			continue;
		if (row->type == NET_NEST || row->type == NET_KINDNEST || row->type == NET_PORTNEST ||
		    row->type == NET_LIST) {
			if (begin_nest(c, row, f))
				return 1;
		} else if (get_value(l, row, f)) {
			return 1;
		}
	}
}
