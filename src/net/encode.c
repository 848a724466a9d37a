/* encode.c - fields into a message, row by row */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "net.h"
#include "tables.h"

static void put_bit(char *hdr, const struct net_row *row, bool on)
{
	uint64_t v = net_get_number(hdr + row->attr, row);

	if (on != !!(row->flags & NET_INVERT))
		v |= row->mask;
	else
		v &= ~(uint64_t)row->mask;
	net_put_number(hdr + row->attr, row, v);
	if (row->aux)
		net_put_number(hdr + row->aux, row, net_get_number(hdr + row->aux, row) | row->mask);
}

/* The value that a mark is for: the one of the same key. */
static const struct net_field *marked(const struct net_row *mark, const struct net_field *f, unsigned int n)
{
	for (unsigned int i = 0; i < n; i += net_span(f, n, i))
		if (f[i].row->flags & NET_MARKED && strcmp(f[i].row->key, mark->key) == 0)
			return &f[i];
	return NULL;
}

/* A mark says that there is a value, or that the value is the first of its names. */
static void put_mark(char *hdr, const struct net_row *row, const struct net_field *f)
{
	put_bit(hdr, row, !f->off && (!row->names || f->i == row->names->list->value));
}

static void put_bits(char *to, const struct net_row *row, int64_t v)
{
	uint64_t before = row->mask ? net_get_number(to, row) : 0;

	if (row->mask)
		v = (int64_t)((before & ~(uint64_t)row->mask) | ((uint64_t)v << __builtin_ctz(row->mask) & row->mask));
	net_put_number(to, row, (uint64_t)v);
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
	static const char zeros[NET_MAX_ADDR];
	int plen = f->plen >= 0 ? f->plen : f->len * 8;

	if (f->off) /* zeros, where the kernel keeps what it isn't told */
		return row->flags & NET_AFTER ? nla_put(m, row->attr, row->size, zeros) : 0;
	if (row->type == NET_PREFIX && row->size && nla_put_u16(m, row->aux, (uint16_t)plen) < 0)
		return -1;
	if (row->type == NET_PREFIX && row->aux && !row->size)
		hdr[row->aux] = (char)plen;
	if (f->family == AF_UNSPEC)
		return 0; /* "default" */
	if ((ctx->family == AF_INET || ctx->family == AF_INET6) && f->family != ctx->family)
		return wrong_family(row, f, ctx, err);
	return nla_put(m, row->type == NET_IP && row->aux && f->family == AF_INET6 ? row->aux : row->attr, f->len,
		       f->addr);
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

static void put_group(char *hdr, const struct net_row *row, const struct net_field *f)
{
	uint16_t type = f->family == AF_INET ? htons(ETH_P_IP) : f->family == AF_INET6 ? htons(ETH_P_IPV6) : 0;

	memcpy(hdr + row->attr, f->addr, f->len);
	memcpy(hdr + row->aux, &type, sizeof(type));
}

/*
 * A rate beyond 32 bits stands as all ones, and its twin tells; a share may be the rest of one; a time is so much more
 * that the kernel, which cuts off to its own steps, keeps what is meant.
 */
static uint64_t on_wire(const struct net_row *row, int64_t v)
{
	if (row->type == NET_RATE && row->size == 4 && v > UINT32_MAX)
		return UINT32_MAX;
	if (row->type == NET_FRACTION && row->flags & NET_INVERT)
		return ~(uint64_t)v;
	if (row->type == NET_TIME && row->aux) {
		uint64_t ns = 1000000000 / row->unit, step = row->aux;
		uint64_t steps = ((uint64_t)v * ns + step - 1) / step;

		return (steps * step + ns - 1) / ns;
	}
	return (uint64_t)v;
}

static int put_fixed(struct nl_msg *m, const struct net_row *row, char *hdr)
{
	struct nlattr *a;

	if (row->flags & NET_HDR) {
		net_put_number(hdr + row->attr, row, row->begins);
		return 0;
	}
	a = nla_reserve(m, row->attr, (int)row->max);
	if (!a)
		return -1;
	memset(nla_data(a), 0, (size_t)row->max);
	return 0;
}

static int put_number(struct nl_msg *m, uint16_t attr, const struct net_row *row, uint64_t v)
{
	char number[8];

	net_put_number(number, row, v);
	return nla_put(m, attr, row->size, number);
}

/* Both numbers in one attribute, or the last one, where it is another, in an attribute of its own. */
static int put_range(struct nl_msg *m, const struct net_row *row, int64_t range)
{
	uint64_t first = (uint64_t)range >> 32, last = (uint32_t)range;
	char pair[8];
	int r;

	if (row->aux) {
		r = put_number(m, row->attr, row, first);
		return r < 0 || first == last ? r : put_number(m, row->aux, row, last);
	}
	net_put_pair(pair, row, range);
	return nla_put(m, row->attr, row->size, pair);
}

/* The last number of the range whose first one is in a header. */
static int put_last(struct nl_msg *m, const struct net_row *row, const struct net_field *f, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (f[i].row->type == NET_RANGE && strcmp(f[i].row->key, row->key) == 0 &&
		    f[i].i >> 32 != (uint32_t)f[i].i)
			return put_number(m, row->attr, row, (uint32_t)f[i].i);
	return 0;
}

static int put_value(struct nl_msg *m, const struct net_ctx *ctx, const struct net_row *row, char *hdr,
		     const struct net_field *f, struct net_err *err)
{
	if (row->type == NET_BIT) {
		put_bit(hdr, row, f->i);
		return 0;
	}
	if (row->type == NET_GROUP) {
		put_group(hdr, row, f);
		return 0;
	}
	if (row->flags & NET_MARKED && (f->off || f->i < 0))
		return 0; /* its mark says it all */
	if (row->flags & NET_HDR) {
		put_bits(hdr + row->attr, row, row->type == NET_RANGE ? f->i >> 32 : (int64_t)on_wire(row, f->i));
		return 0;
	}
	if (row->flags & NET_MASKED)
		return net_put_masked(m, row, f);
	switch (row->type) {
	case NET_STRING: return nla_put(m, row->attr, (int)f->slen + 1, f->s);
	case NET_KEY:
	case NET_LABELS:
	case NET_MAC: return nla_put(m, row->attr, f->len, f->addr);
	case NET_ENDPOINT: return net_put_endpoint(m, row->attr, f);
	case NET_FLAG: return f->i ? nla_put_flag(m, row->attr) : 0;
	case NET_IP:
	case NET_PREFIX: return put_addr(m, ctx, row, hdr, f, err);
	case NET_GATEWAY: return put_gateway(m, ctx, row, f);
	case NET_RANGE: return put_range(m, row, f->i);
	case NET_DIST: return net_put_dist(m, row, f->i);
	default: return put_number(m, row->attr, row, on_wire(row, f->i));
	}
}

/* Whether a row is one of the table's own. */
static bool is_row(const struct net_table *t, const struct net_row *row)
{
	return row >= t->rows && row < t->rows + t->n;
}

static bool any_given(const struct net_table *t, const struct net_field *f, unsigned int n)
{
	for (unsigned int i = 0; i < n; i += net_span(f, n, i))
		if (is_row(t, f[i].row))
			return true;
	for (unsigned int i = 0; i < t->n; i++)
		if ((net_flat_table(&t->rows[i], NULL) && any_given(t->rows[i].nest, f, n)) ||
		    (t->rows[i].flags & NET_MARK && marked(&t->rows[i], f, n)))
			return true;
	return false;
}

/* A C struct in an attribute: built aside, since it goes out whole or not at all. */
static int put_struct(struct nl_msg *m, const struct net_ctx *ctx, const struct net_row *row, const struct net_field *f,
		      unsigned int n, struct net_err *err)
{
	const struct net_table *t = net_flat_table(row, ctx->kind); /* of the kind, where its options are a struct */
	char blob[256] = {0};
	int r;

	if (!any_given(t, f, n))
		return 0;
	for (unsigned int i = 0; i < t->n; i++)
		if (t->rows[i].flags & NET_FOREVER)
			net_put_number(blob + t->rows[i].attr, &t->rows[i], UINT64_MAX);
	r = net_encode(m, ctx, t, blob, f, n, err);
	return r < 0 ? r : nla_put(m, row->attr, t->hdr, blob);
}

static int put_nest(struct nl_msg *m, const struct net_ctx *ctx, const struct net_row *row, uint16_t attr,
		    const struct net_table *t, const struct net_field *f, unsigned int n, struct net_err *err);

/* The options of an element are those of its own kind. */
static struct net_ctx ctx_of(const struct net_ctx *ctx, const struct net_table *t, const struct net_field *f,
			     unsigned int n)
{
	const struct net_row *options = net_kind_nest(t), *key = options ? net_key(t, NULL, NULL, "kind") : NULL;
	const struct net_field *kind = key ? net_given(f, n, key) : NULL;
	struct net_ctx here = *ctx;

	if (options)
		here.kind = kind ? options->kinds(kind->s) : NULL;
	return here;
}

/* An element framed as struct rtnexthop: a length, then its own attributes; or a bare struct. */
static int put_framed(struct nl_msg *m, const struct net_ctx *ctx, const struct net_row *row, const struct net_field *f,
		      unsigned int n, struct net_err *err)
{
	char *hdr = nlmsg_reserve(m, row->nest->hdr, row->type == NET_LIST ? NLMSG_ALIGNTO : 1);
	uint16_t len;
	int r;

	if (!hdr)
		return -1;
	memset(hdr, 0, row->nest->hdr);
	r = net_encode(m, ctx, row->nest, hdr, f, n, err);
	if (row->type == NET_STRUCTS)
		return r;
	len = (uint16_t)((char *)nlmsg_hdr(m) + nlmsg_hdr(m)->nlmsg_len - hdr);
	memcpy(hdr, &len, sizeof(len));
	return r;
}

/* A list of tables: structs with attributes behind each, nests, or bare structs. */
static int put_list(struct nl_msg *m, const struct net_ctx *ctx, const struct net_row *row, const struct net_field *f,
		    unsigned int n, struct net_err *err)
{
	struct nlattr *nest = nla_nest_start(m, row->attr);
	uint16_t number = row->aux;
	unsigned int span, count = 0;
	char *before = NULL;
	int r = nest ? 0 : -1;

	if (r == 0 && row->type == NET_STRUCTS && row->aux) {
		before = nlmsg_reserve(m, row->aux, 1);
		if (!before)
			return -1;
		memset(before, 0, row->aux);
		before[0] = (char)row->begins;
	}
	for (unsigned int i = 0; r == 0 && i < n; i += span, count++) {
		span = net_span(f, n, i);
		number += !row->aux;
		if (row->type == NET_NESTS)
			r = put_nest(m, ctx, row, number, row->nest, f + i + 1, span - 2, err);
		else
			r = put_framed(m, ctx, row, f + i + 1, span - 2, err);
	}
	if (before)
		before[row->size] = (char)count;
	if (r == 0)
		nla_nest_end_keep_empty(m, nest);
	if (r == 0 && row->type == NET_STRUCTS)
		nest->nla_type = row->attr; /* bytes, which the kernel doesn't take as a nest */
	return r;
}

static int put_nest(struct nl_msg *m, const struct net_ctx *ctx, const struct net_row *row, uint16_t attr,
		    const struct net_table *t, const struct net_field *f, unsigned int n, struct net_err *err)
{
	struct net_ctx here = ctx_of(ctx, t, f, n);
	struct nlattr *nest = nla_nest_start(m, attr);
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
	r = net_encode(m, &here, t, hdr, f, n, err);
	if (r < 0)
		return r;
	/* keys beside the parent's of which none is given are no nest, but for tc, and where a struct goes out whole */
	if (!hdr && nlmsg_hdr(m)->nlmsg_len == before && net_flat_table(row, ctx->kind) && !row->kinds)
		nla_nest_cancel(m, nest);
	else
		nla_nest_end_keep_empty(m, nest);
	return 0;
}

/* A list of structs with a head, whose rows are those of the flat nest before: their fields are among @beside. */
static int put_headed(struct nl_msg *m, const struct net_ctx *ctx, const struct net_row *row, const struct net_field *f,
		      unsigned int n, const struct net_field *beside, unsigned int all, struct net_err *err)
{
	struct nlattr *a = nlmsg_tail(nlmsg_hdr(m));
	int r = put_list(m, ctx, row, f, n, err);

	return r < 0 ? r : net_encode(m, ctx, row[-1].nest, nla_data(a), beside, all, err);
}

/* The field of the row that has the same key. */
static const struct net_field *twin_of(const struct net_row *row, const struct net_field *f, unsigned int n)
{
	for (unsigned int i = 0; i < n; i += net_span(f, n, i))
		if (f[i].op == NET_VALUE && strcmp(f[i].row->key, row->key) == 0)
			return &f[i];
	return NULL;
}

static int put_row(struct nl_msg *m, const struct net_ctx *ctx, const struct net_row *row, char *hdr,
		   const struct net_field *given, const struct net_field *f, unsigned int n, struct net_err *err)
{
	const struct net_table *flat = net_flat_table(row, ctx->kind), *t = row->nest;
	const unsigned int all = n;

	if (flat && row->flags & NET_TWIN)
		return 0; /* the head of a list, which puts it */
	if (flat)
		return flat->bare ? put_struct(m, ctx, row, f, n, err)
				  : put_nest(m, ctx, row, row->attr, flat, f, n, err);
	if (row->type == NET_LAST)
		return put_last(m, row, f, n);
	if (row->flags & NET_MARK) {
		given = marked(row, f, n);
		if (given)
			put_mark(hdr, row, given);
		return 0;
	}
	if (row->flags & NET_TWIN)
		given = twin_of(row, f, n);
	if (!given || row->flags & NET_RO ||
	    (row->type == NET_BOOL && row->aux && !given->i && net_given(f, n, row - 1)))
		return 0;
	if (row->type == NET_FIXED)
		return put_fixed(m, row, hdr);
	if (row->type == NET_BURST)
		return net_put_burst(m, hdr, row, given, f, n, err);
	if (row->flags & NET_WITH)
		return 0;
	if (given->op == NET_VALUE)
		return put_value(m, ctx, row, hdr, given, err);
	if (row->type == NET_SEGS) {
		const struct net_field *mode = row->min ? net_given(f, n, row - 1) : NULL;

		n = net_span(given, n - (unsigned int)(given - f), 0) - 2;
		return net_put_segs(m, row, mode ? (uint32_t)mode->i : 0, given + 1, n, err);
	}
	n = net_span(given, n - (unsigned int)(given - f), 0) - 2;
	if (row->type == NET_PORTNEST)
		t = ctx->port ? ctx->port->port : NULL;
	if (row->type == NET_ENCAP)
		return net_put_encap(m, row, given + 1, n, err);
	if (row->type == NET_STRUCTS && row->aux)
		return put_headed(m, ctx, row, given + 1, n, f, all, err);
	if (net_is_list(row))
		return put_list(m, ctx, row, given + 1, n, err);
	if (row->type == NET_NUMBERS)
		return net_put_numbers(m, row, hdr, given + 1, n);
	if (net_is_array(row))
		return net_put_array(m, row, given + 1, n);
	return t ? put_nest(m, ctx, row, row->attr, t, given + 1, n, err) : 0;
}

/* Whether a row that no field is for has nothing to put; @own: all fields are of its own table. */
static bool puts_nothing(const struct net_row *row, const struct net_ctx *ctx, bool own)
{
	const struct net_table *flat = net_flat_table(row, ctx->kind);

	if (flat)
		return own && !row->kinds && (flat->bare || !flat->hdr);
	return row->type != NET_LAST && !(row->flags & (NET_MARK | NET_TWIN));
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
	const struct net_field *given[NET_MAX_ROWS];
	const struct net_rowmap *map = net_rowmap(t);
	uint64_t todo[NET_ROW_WORDS];
	bool own = true;

	if (t->n > NET_MAX_ROWS)
		return net_fail(err, EMSGSIZE, "the table %s has too many rows", t->name);
	if (!map)
		return net_fail(err, ENOMEM, NULL);
	memset(given, 0, t->n * sizeof(*given));
	memcpy(todo, map->puts, sizeof(todo));
	for (unsigned int i = 0; i < n; i += net_span(f, n, i)) {
		const struct net_row *row = f[i].row;

		own = own && is_row(t, row) && !(row->flags & NET_MARKED);
		if (!is_row(t, row) || f[i].op == NET_ITEM || given[row - t->rows])
			continue;
		given[row - t->rows] = &f[i];
		todo[(row - t->rows) / 64] |= 1ULL << (row - t->rows) % 64;
	}
	for (unsigned int w = 0; w < NET_ROW_WORDS; w++) {
		for (; todo[w]; todo[w] &= todo[w] - 1) {
			unsigned int i = w * 64 + (unsigned int)__builtin_ctzll(todo[w]);
			int r;

			if (!given[i] && puts_nothing(&t->rows[i], ctx, own))
				continue;
			err->code = 0;
			r = put_row(m, ctx, &t->rows[i], hdr, given[i], f, n, err);
			if (r < 0)
				return err->code ? -err->code : net_fail(err, EMSGSIZE, "too much for one request");
		}
	}
	return 0;
}
