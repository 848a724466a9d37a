/* decode.c - a message into fields, row by row */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "net.h"
#include "tables.h"

/* libnl's own are calls, and lists have a hundred thousand attributes. */
static inline int attr_len(const struct nlattr *a)
{
	return a->nla_len - NLA_HDRLEN;
}

static inline void *attr_data(const struct nlattr *a)
{
	return (char *)(uintptr_t)a + NLA_HDRLEN;
}

/* The kind that a level's table finds in its registry by the name that the message tells. */
static const struct net_kind *kind_of(const struct net_level *l)
{
	const struct net_row *options = net_kind_nest(l->table);
	const struct net_row *key = options ? net_key(l->table, NULL, NULL, "kind") : NULL;
	const struct nlattr *a = key ? l->tb[key->attr] : NULL;

	if (!a || attr_len(a) < 1 || !memchr(attr_data(a), 0, (size_t)attr_len(a)))
		return NULL;
	return options->kinds(attr_data(a));
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

static bool get_ip(const char *data, int len, struct net_field *f)
{
	if (len != 4 && len != 16)
		return false;
	f->family = len == 4 ? AF_INET : AF_INET6;
	f->len = (uint8_t)len;
	memcpy(f->addr, data, (size_t)len);
	return true;
}

/* All zeros is how the kernel says that there is no such address. */
static bool is_zero(const struct net_field *f)
{
	static const unsigned char zeros[NET_MAX_ADDR];

	return memcmp(f->addr, zeros, f->len) == 0;
}

static bool get_either_ip(struct nlattr *const *tb, const struct net_row *row, struct net_field *f)
{
	const struct nlattr *a = tb[row->attr] || !row->aux ? tb[row->attr] : tb[row->aux];

	return a && get_ip(attr_data(a), attr_len(a), f) && !(row->flags & NET_ZERO && is_zero(f));
}

static bool get_gateway(struct nlattr *const *tb, const struct net_row *row, struct net_field *f)
{
	if (tb[row->attr])
		return get_ip(attr_data(tb[row->attr]), attr_len(tb[row->attr]), f);
	return tb[RTA_VIA] && attr_len(tb[RTA_VIA]) > 2 &&
	       get_ip((char *)attr_data(tb[RTA_VIA]) + 2, attr_len(tb[RTA_VIA]) - 2, f);
}

static bool get_prefix(const struct net_level *l, const struct net_row *row, struct net_field *f)
{
	struct nlattr *a = l->tb[row->attr];

	if (row->size)
		f->plen = l->tb[row->aux] && attr_len(l->tb[row->aux]) >= 2 ? (int16_t)nla_get_u16(l->tb[row->aux]) : 0;
	else
		f->plen = (uint8_t)l->hdr[row->aux];
	if (a)
		return get_ip(attr_data(a), attr_len(a), f) && !(row->flags & NET_ZERO && f->plen == 0);
	f->family = AF_UNSPEC; /* a route without destination is the default */
	return row->flags & NET_MAIN && f->plen == 0;
}

static bool get_bytes(const struct nlattr *a, struct net_field *f)
{
	if (!a || attr_len(a) > NET_MAX_ADDR)
		return false;
	f->len = (uint8_t)attr_len(a);
	memcpy(f->addr, attr_data(a), f->len);
	return !(f->row->flags & NET_ZERO && is_zero(f));
}

/* A flag is there, or it is not; but some that are set as flags are told as bytes. */
static bool is_off(const struct nlattr *a)
{
	return attr_len(a) > 0 && *(const char *)attr_data(a) == 0;
}

static bool get_string(const struct nlattr *a, struct net_field *f)
{
	if (!a)
		return false;
	f->s = attr_data(a);
	f->slen = strnlen(f->s, (size_t)attr_len(a));
	return !(f->row->flags & NET_ZERO && f->slen == 0);
}

static int64_t sign(const struct net_row *row, uint64_t v)
{
	if (row->type != NET_INT)
		return (int64_t)v;
	return row->size == 1 ? (int8_t)v : row->size == 2 ? (int16_t)v : row->size == 4 ? (int32_t)v : (int64_t)v;
}

/* Whether the bit that a value has elsewhere is set. */
static bool has_mark(const struct net_level *l, const struct net_row *row)
{
	const struct nlattr *a = l->tb[row->aux];

	return a && attr_len(a) == 2 && be16toh(nla_get_u16(a)) & row->mask;
}

/* The Ethernet type beside a group tells what it is. */
static bool get_group(const struct net_level *l, const struct net_row *row, struct net_field *f)
{
	uint16_t type;

	memcpy(&type, l->hdr + row->aux, sizeof(type));
	f->family = type == htons(ETH_P_IP) ? AF_INET : type == htons(ETH_P_IPV6) ? AF_INET6 : AF_PACKET;
	f->len = f->family == AF_INET ? 4 : f->family == AF_INET6 ? 16 : 6;
	memcpy(f->addr, l->hdr + row->attr, f->len);
	return true;
}

/* A range whose last number has an attribute of its own, where it is another than the first. */
static int64_t get_range(const struct net_level *l, const struct net_row *row, const char *from)
{
	const struct nlattr *a = row->aux ? l->tb[row->aux] : NULL;
	uint64_t first = net_get_number(from, row), last = first;

	if (a && attr_len(a) >= row->size)
		last = net_get_number(attr_data(a), row);
	return (int64_t)(first << 32 | (uint32_t)last);
}

/* Most rows are a number in an attribute, as it stands there. */
static bool is_plain(const struct net_row *row)
{
	return !(row->flags & (NET_HDR | NET_MARK | NET_MARKED | NET_MASKED | NET_INVERT | NET_FOREVER | NET_ZERO)) &&
	       (row->type == NET_UINT || row->type == NET_INT || row->type == NET_SIZE || row->type == NET_BOOL ||
		(row->type == NET_ENUM && !row->max));
}

static bool get_plain(const struct nlattr *a, const struct net_row *row, struct net_field *f)
{
	if (!a || attr_len(a) < row->size)
		return false;
	f->i = sign(row, net_get_number(attr_data(a), row));
	return true;
}

static bool get_integer(const struct net_level *l, const struct net_row *row, struct net_field *f)
{
	const char *from = l->hdr + row->attr;
	uint64_t ones = row->size >= 8 ? UINT64_MAX : (1ULL << (row->size * 8)) - 1, v;

	if (!(row->flags & NET_HDR)) {
		if (!l->tb[row->attr] || attr_len(l->tb[row->attr]) < row->size)
			return false;
		from = attr_data(l->tb[row->attr]);
	}
	if (row->type == NET_RANGE) {
		f->i = row->aux || row->flags & NET_HDR ? get_range(l, row, from) : net_get_pair(from, row);
		return true;
	}
	v = net_get_number(from, row);
	if (row->flags & NET_MARK) {
		f->i = row->names ? row->names->list->value : 0;
		return row->names && v & row->mask;
	}
	if (row->flags & NET_MARKED && row->aux && !has_mark(l, row))
		return false;
	if (row->flags & NET_HDR && row->mask && row->type != NET_BIT)
		v = (v & row->mask) >> __builtin_ctz(row->mask);
	if (row->type == NET_FRACTION && row->flags & NET_INVERT)
		v = ~v & ones;
	if ((row->flags & NET_FOREVER && v == ones) || (row->flags & NET_ZERO && v == 0))
		return false;
	if (row->type == NET_BIT) {
		f->i = !!(v & row->mask) != !!(row->flags & NET_INVERT);
		return f->i || !(row->flags & NET_QUIET);
	}
	if (row->type == NET_ENUM && row->max && (v < (uint64_t)row->min || v > (uint64_t)row->max))
		return false; /* a word of another row at the same place */
	f->i = row->type == NET_BURST ? (int64_t)net_get_burst(l, row, v) : sign(row, v);
	if (row->flags & NET_MASKED)
		return net_get_mask(l->tb, row, f);
	return row->type != NET_LINK || v != 0;
}

/* Read the value of a row; false where the message has none. */
static bool get_value(const struct net_level *l, const struct net_row *row, struct net_field *f)
{
	if (is_plain(row))
		return get_plain(l->tb[row->attr], row, f);
	switch (row->type) {
	case NET_STRING: return get_string(l->tb[row->attr], f);
	case NET_KEY:
	case NET_MAC:
	case NET_LABELS:
	case NET_BRIDGEID:
		return get_bytes(l->tb[row->attr], f) && (!(row->flags & NET_MASKED) || net_get_mask(l->tb, row, f));
	case NET_IP: return get_either_ip(l->tb, row, f);
	case NET_GROUP: return get_group(l, row, f);
	case NET_LAST: return false;
	case NET_FLAG: return (f->i = l->tb[row->attr] && !is_off(l->tb[row->attr]));
	case NET_PREFIX:
		if (row->flags & NET_MASKED)
			return get_either_ip(l->tb, row, f) && net_get_mask(l->tb, row, f);
		return get_prefix(l, row, f);
	case NET_GATEWAY: return get_gateway(l->tb, row, f);
	case NET_ENDPOINT: return net_get_endpoint(l->tb[row->attr], f);
	default: return get_integer(l, row, f);
	}
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

	return a && attr_len(a) >= 2 ? a : NULL;
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
	if ((!a && !array) || !t || push_level(c, t, array ? array : attr_data(a), is_list(row) ? 0 : attr_len(a)) < 0)
		return 0;
	l = &c->level[c->depth];
	l->flat = flat;
	if (row->type == NET_ENCAP)
		l->hdr = attr_data(c->level[c->depth - 1].tb[row->aux]);
	if (is_list(row)) {
		l->list = row;
		if (row->type == NET_BITSET)
			a = net_get_bits(a);
		l->rest = array ? array : a ? attr_data(a) : NULL;
		l->end = array ? array + row->size * row->max : a ? l->rest + attr_len(a) : NULL;
		if (row->type == NET_STRUCTS)
			l->rest = row->aux < l->end - l->rest ? l->rest + row->aux : l->end;
	}
	if (row->type == NET_SEGS && !net_segs_span(row, attr_data(a), attr_len(a), &l->rest, &l->end))
		l->rest = l->end;
	f->op = NET_BEGIN;
	return !flat;
}

/* In ethtool's bits: the next that is set. */
static int next_bit(struct net_level *l, struct net_field *f)
{
	const struct nlattr *bit, *set = l[-1].tb[l->list->attr];

	for (;;) {
		bit = (const void *)l->rest;
		if (!nla_ok(bit, (int)(l->end - l->rest)))
			return 0;
		l->rest += NLA_ALIGN(bit->nla_len);
		if (l->rest > l->end)
			l->rest = l->end;
		if (net_get_bit(set, bit, f))
			return 1;
	}
}

/* In a nest of plain values: the next one.  Return: 1, or 0 when there is none. */
static int next_plain(struct net_level *l, struct net_field *f)
{
	const struct nlattr *a = (const void *)l->rest;
	struct ifla_vlan_qos_mapping map;

	if (l->list->type == NET_BITSET)
		return next_bit(l, f);
	if (l->list->flags & NET_HDR) {
		if (l->rest == l->end)
			return 0;
		f->i = (int64_t)net_get_number(l->rest, l->list);
		l->rest += l->list->size;
		return 1;
	}
	if (l->list->type == NET_SEGS) {
		if (l->end - l->rest < 16)
			return 0;
		l->end -= 16; /* the last one comes first */
		return get_ip(l->end, 16, f);
	}
	if (!nla_ok(a, (int)(l->end - l->rest)))
		return 0;
	l->rest += NLA_ALIGN(a->nla_len);
	if (l->rest > l->end)
		l->rest = l->end;
	if (l->list->type == NET_PREFIXES)
		return net_get_allowed(a, f);
	if (l->list->type == NET_IPLIST)
		return get_ip(attr_data(a), attr_len(a), f);
	if (l->list->type == NET_MACLIST)
		return get_bytes(a, f);
	if (l->list->type == NET_STRINGS)
		return nla_type(a) == l->list->aux && get_string(a, f);
	if (l->list->type == NET_NUMBERS) {
		if (attr_len(a) < l->list->size)
			return 0;
		f->i = (int64_t)net_get_number(attr_data(a), l->list);
		return 1;
	}
	if (attr_len(a) < (int)sizeof(map))
		return 0;
	memcpy(&map, attr_data(a), sizeof(map));
	f->i = (int64_t)((uint64_t)map.from << 32 | map.to);
	return 1;
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
		*data = attr_data(a);
		*len = attr_len(a);
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
	if (net_is_array(l->list) && next_plain(l, f))
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
	return get_value(&c->level[0], want->row, f);
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
		} else if (get_value(l, row, f)) {
			return 1;
		}
	}
}
