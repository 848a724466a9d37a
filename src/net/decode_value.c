/* decode_value.c - the values of a message: those of a row, and those in a list of plain ones */
#include <arpa/inet.h>
#include <endian.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include <netlink/attr.h>

#include "decode.h"
#include "net.h"
#include "tables.h"

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

	return a && get_ip(net_attr_data(a), net_attr_len(a), f) && !(row->flags & NET_ZERO && is_zero(f));
}

static bool get_gateway(struct nlattr *const *tb, const struct net_row *row, struct net_field *f)
{
	if (tb[row->attr])
		return get_ip(net_attr_data(tb[row->attr]), net_attr_len(tb[row->attr]), f);
	return tb[RTA_VIA] && net_attr_len(tb[RTA_VIA]) > 2 &&
	       get_ip((char *)net_attr_data(tb[RTA_VIA]) + 2, net_attr_len(tb[RTA_VIA]) - 2, f);
}

static bool get_prefix(const struct net_level *l, const struct net_row *row, struct net_field *f)
{
	struct nlattr *a = l->tb[row->attr];

	if (row->size)
		f->plen = l->tb[row->aux] && net_attr_len(l->tb[row->aux]) >= 2 ? (int16_t)nla_get_u16(l->tb[row->aux])
										: 0;
	else
		f->plen = (uint8_t)l->hdr[row->aux];
	if (a)
		return get_ip(net_attr_data(a), net_attr_len(a), f) && !(row->flags & NET_ZERO && f->plen == 0);
	f->family = AF_UNSPEC; /* a route without destination is the default */
	return row->flags & NET_MAIN && f->plen == 0;
}

static bool get_bytes(const struct nlattr *a, struct net_field *f)
{
	if (!a || net_attr_len(a) > NET_MAX_ADDR)
		return false;
	f->len = (uint8_t)net_attr_len(a);
	memcpy(f->addr, net_attr_data(a), f->len);
	return !(f->row->flags & NET_ZERO && is_zero(f));
}

/* A flag is there, or it is not; but some that are set as flags are told as bytes. */
static bool is_off(const struct nlattr *a)
{
	return net_attr_len(a) > 0 && *(const char *)net_attr_data(a) == 0;
}

static bool get_string(const struct nlattr *a, struct net_field *f)
{
	if (!a)
		return false;
	f->s = net_attr_data(a);
	f->slen = strnlen(f->s, (size_t)net_attr_len(a));
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

	return a && net_attr_len(a) == 2 && be16toh(nla_get_u16(a)) & row->mask;
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

	if (a && net_attr_len(a) >= row->size)
		last = net_get_number(net_attr_data(a), row);
	return (int64_t)(first << 32 | (uint32_t)last);
}

/* Most rows are a number as it stands there. */
static bool is_plain(const struct net_row *row)
{
	return !(row->flags & (NET_MARK | NET_MARKED | NET_MASKED | NET_INVERT | NET_FOREVER | NET_ZERO)) &&
	       !row->mask &&
	       (row->type == NET_UINT || row->type == NET_INT || row->type == NET_SIZE || row->type == NET_BOOL ||
		(row->type == NET_ENUM && !row->max));
}

static bool get_plain(const struct net_level *l, const struct net_row *row, struct net_field *f)
{
	const struct nlattr *a = row->flags & NET_HDR ? NULL : l->tb[row->attr];

	if (!(row->flags & NET_HDR) && (!a || net_attr_len(a) < row->size))
		return false;
	f->i = sign(row, net_get_number(a ? net_attr_data(a) : l->hdr + row->attr, row));
	return true;
}

static bool get_bit(const struct net_level *l, const struct net_row *row, struct net_field *f)
{
	f->i = !!(net_get_number(l->hdr + row->attr, row) & row->mask) != !!(row->flags & NET_INVERT);
	return f->i || !(row->flags & NET_QUIET);
}

static bool get_integer(const struct net_level *l, const struct net_row *row, struct net_field *f)
{
	const char *from = l->hdr + row->attr;
	uint64_t ones = row->size >= 8 ? UINT64_MAX : (1ULL << (row->size * 8)) - 1, v;

	if (!(row->flags & NET_HDR)) {
		if (!l->tb[row->attr] || net_attr_len(l->tb[row->attr]) < row->size)
			return false;
		from = net_attr_data(l->tb[row->attr]);
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

/* net_get_value() - read the value of a row; false where the message has none */
bool net_get_value(const struct net_level *l, const struct net_row *row, struct net_field *f)
{
	if (is_plain(row))
		return get_plain(l, row, f);
	if (row->type == NET_BIT && (row->flags & (NET_HDR | NET_MARK)) == NET_HDR)
		return get_bit(l, row, f);
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

/* net_next_plain() - in a nest of plain values: the next one.  Return: 1, or 0 when there is none. */
int net_next_plain(struct net_level *l, struct net_field *f)
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
		return get_ip(net_attr_data(a), net_attr_len(a), f);
	if (l->list->type == NET_MACLIST)
		return get_bytes(a, f);
	if (l->list->type == NET_STRINGS)
		return nla_type(a) == l->list->aux && get_string(a, f);
	if (l->list->type == NET_NUMBERS) {
		if (net_attr_len(a) < l->list->size)
			return 0;
		f->i = (int64_t)net_get_number(net_attr_data(a), l->list);
		return 1;
	}
	if (net_attr_len(a) < (int)sizeof(map))
		return 0;
	memcpy(&map, net_attr_data(a), sizeof(map));
	f->i = (int64_t)((uint64_t)map.from << 32 | map.to);
	return 1;
}
