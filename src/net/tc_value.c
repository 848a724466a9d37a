/* tc_value.c - values as traffic control (tc) has them: handles, masks, bursts, and the distributions of netem */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/pkt_sched.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "tc.h"

#define TICKS 15625000 /* the kernel's ticks of 64 ns in a second */

/* --- handles: "1:", "1:10", ":10", "root"; of a u32 filter "800::800" --- */

const struct net_enum net_class_ids = {
	.list = (struct net_word[]){{"root", TC_H_ROOT}, {NULL, 0}},
};
const struct net_enum net_qdisc_ids = {
	.list = (struct net_word[]){{"root", TC_H_ROOT}, {"ingress", TC_H_INGRESS}, {"clsact", TC_H_CLSACT}, {NULL, 0}},
};
const struct net_enum net_filter_ids = {
	.list = (struct net_word[]){{"root", TC_H_ROOT},
				    {"ingress", TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)},
				    {"egress", TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)},
				    {NULL, 0}},
};

static bool hex(const char **s, uint32_t max, uint32_t *v)
{
	char *end;
	unsigned long n;

	*v = 0;
	if (**s == ':' || **s == 0)
		return true;
	if (!strchr("0123456789abcdefABCDEF", **s))
		return false;
	n = strtoul(*s, &end, 16);
	*s = end;
	*v = (uint32_t)n;
	return n <= max;
}

static bool parse_node(const char *s, uint32_t *v)
{
	uint32_t table, bucket = 0, node = 0;

	if (!hex(&s, 0xfff, &table) || *s++ != ':' || !hex(&s, 0xff, &bucket))
		return false;
	if (*s && (*s++ != ':' || !hex(&s, 0xfff, &node)))
		return false;
	*v = table << 20 | bucket << 12 | node;
	return *s == 0;
}

static bool parse_id(const struct net_row *row, const char *s, uint32_t *v)
{
	bool minor = row->mask != 0, colon = strchr(s, ':');
	uint32_t major, n = 0;

	if (*s == 0 || strcmp(s, ":") == 0 || !hex(&s, 0xffff, &major) ||
	    (colon && (*s++ != ':' || !hex(&s, 0xffff, &n))))
		return false;
	*v = colon || minor ? major << 16 | n : major << 16;
	if (minor)
		*v = colon ? n : major;
	return *s == 0;
}

/* net_parse_handle() - Return: 0; -EINVAL */
int net_parse_handle(const struct net_row *row, const char *s, size_t len, struct net_field *f)
{
	const struct net_word *w = row->names ? row->names->list : NULL;
	uint32_t v;

	for (; w && w->name; w++)
		if (strcmp(w->name, s) == 0) {
			f->i = w->value;
			return 0;
		}
	if (strlen(s) != len || !(row->aux ? parse_node(s, &v) : parse_id(row, s, &v)))
		return -EINVAL;
	f->i = v;
	return 0;
}

/* net_handle_text() - as tc(8) writes it */
void net_handle_text(const struct net_field *f, char *buf, size_t size)
{
	const struct net_word *w = f->row->names ? f->row->names->list : NULL;
	uint32_t v = (uint32_t)f->i;

	for (; w && w->name; w++)
		if (w->value == f->i) {
			snprintf(buf, size, "%s", w->name);
			return;
		}
	if (f->row->aux && (v & 0xfff) == 0)
		snprintf(buf, size, v >> 12 & 0xff ? "%x:%x:" : "%x:", v >> 20, v >> 12 & 0xff);
	else if (f->row->aux && v >> 12 & 0xff)
		snprintf(buf, size, "%x:%x:%x", v >> 20, v >> 12 & 0xff, v & 0xfff);
	else if (f->row->aux)
		snprintf(buf, size, "%x::%x", v >> 20, v & 0xfff);
	else if (v >> 16 && (v & 0xffff) == 0)
		snprintf(buf, size, "%x:", v >> 16);
	else if (v >> 16)
		snprintf(buf, size, "%x:%x", v >> 16, v & 0xffff);
	else
		snprintf(buf, size, ":%x", v);
}

/* --- values with a mask: both stand in the field's bytes, one behind the other --- */

static unsigned int bytes_of(const struct net_row *row)
{
	return row->type == NET_MAC ? 6 : row->size;
}

static uint64_t whole(const struct net_row *row)
{
	return row->size >= 8 ? UINT64_MAX : (1ULL << (row->size * 8)) - 1;
}

/* net_mask_set() - the value of an integer gets this mask */
void net_mask_set(struct net_field *f, const struct net_row *row, uint64_t mask)
{
	net_put_number((char *)f->addr, row, (uint64_t)f->i);
	net_put_number((char *)f->addr + row->size, row, mask);
	f->len = (uint8_t)(row->size * 2);
}

static bool parse_number(const char *s, const char *end, uint64_t max, uint64_t *v)
{
	char *stop;

	if (s == end || *s < '0' || *s > '9')
		return false;
	errno = 0;
	*v = strtoull(s, &stop, 0);
	return stop == end && errno == 0 && *v <= max;
}

/* net_parse_masked() - "2/7" or "0x2/0xff"; "02:00:00:00:00:00/ff:00:00:00:00:00".  Return: 0; -EINVAL */
int net_parse_masked(const struct net_row *row, const char *s, size_t len, struct net_field *f)
{
	const char *end = s + len, *slash = memchr(s, '/', len);
	struct net_err err = {0};
	struct net_field mask = {.row = row};
	uint64_t v, m = whole(row);

	if (row->type == NET_MAC) {
		memset(mask.addr, 0xff, 6);
		if (net_parse_mac(s, slash ? (size_t)(slash - s) : len, f, &err) < 0 ||
		    (slash && net_parse_mac(slash + 1, (size_t)(end - slash - 1), &mask, &err) < 0))
			return -EINVAL;
		memcpy(f->addr + 6, mask.addr, 6);
		f->len = 12;
		return 0;
	}
	if (!parse_number(s, slash ? slash : end, whole(row), &v) ||
	    (slash && !parse_number(slash + 1, end, whole(row), &m)))
		return -EINVAL;
	f->i = (int64_t)v;
	net_mask_set(f, row, m);
	return 0;
}

/* net_masked_text() - Return: true; false where the mask is whole, so that the value alone says it */
bool net_masked_text(const struct net_field *f, char *buf, size_t size)
{
	unsigned int n = bytes_of(f->row);
	uint64_t mask;
	size_t w = 0;

	if (f->row->type != NET_MAC) {
		mask = net_get_number((const char *)f->addr + n, f->row);
		snprintf(buf, size, "0x%" PRIx64 "/0x%" PRIx64, (uint64_t)f->i, mask);
		return mask != whole(f->row);
	}
	for (unsigned int i = 0; i < 12; i++)
		w += (size_t)snprintf(buf + w, size - w, "%s%02x", i == 0 ? "" : i == 6 ? "/" : ":", f->addr[i]);
	buf[17] = 0;
	if (memcmp(f->addr + 6, "\xff\xff\xff\xff\xff\xff", 6) != 0)
		buf[17] = '/';
	return true;
}

static int put_prefix(struct nl_msg *m, const struct net_row *row, const struct net_field *f)
{
	uint16_t attr = f->family == AF_INET6 && row->aux ? row->aux : row->attr;
	int bits = f->plen < 0 ? f->len * 8 : f->plen;
	unsigned char mask[16] = {0};
	int r = nla_put(m, attr, f->len, f->addr);

	for (int i = 0; i < bits; i++)
		mask[i / 8] |= (unsigned char)(0x80 >> i % 8);
	return r < 0 ? r : nla_put(m, attr + 1, f->len, mask);
}

/* net_put_masked() - an integer or MAC with its mask under row.aux; an address with it one further */
int net_put_masked(struct nl_msg *m, const struct net_row *row, const struct net_field *f)
{
	int n = (int)bytes_of(row), r;

	if (row->type == NET_PREFIX)
		return put_prefix(m, row, f);
	r = nla_put(m, row->attr, n, f->addr);
	return r < 0 ? r : nla_put(m, row->aux, n, f->addr + n);
}

/* net_get_mask() - the mask of a value that was read; one that is all zeros means no value */
bool net_get_mask(struct nlattr *const *tb, const struct net_row *row, struct net_field *f)
{
	const struct nlattr *a = tb[row->aux];
	unsigned int n = bytes_of(row);
	unsigned char any = 0;

	if (row->type == NET_PREFIX) {
		a = tb[row->attr] ? tb[row->attr + 1] : tb[row->aux + 1];
		f->plen = (int16_t)(f->len * 8);
		for (int i = 0; a && nla_len(a) == f->len && i < f->len * 8; i++)
			f->plen -= !(((unsigned char *)nla_data(a))[i / 8] & 0x80 >> i % 8);
		return f->plen > 0;
	}
	if (row->type != NET_MAC)
		net_mask_set(f, row, whole(row));
	if (row->type == NET_MAC && f->len < 6)
		return false;
	if (row->type == NET_MAC)
		memset(f->addr + 6, 0xff, 6);
	f->len = (uint8_t)(n * 2);
	if (!a || nla_len(a) < (int)n)
		return true;
	memcpy(f->addr + n, nla_data(a), n);
	for (unsigned int i = 0; i < n; i++)
		any |= f->addr[n + i];
	return any;
}

/* --- bursts: bytes, which the kernel has as the time that they take at a rate --- */

/* net_put_burst() - into the struct at @hdr or the message, as the rate, which is among the fields */
int net_put_burst(struct nl_msg *m, char *hdr, const struct net_row *row, const struct net_field *burst,
		  const struct net_field *f, unsigned int n, struct net_err *err)
{
	uint64_t rate = 0, ticks = 0;

	for (unsigned int i = 0; i < n; i++)
		if (f[i].row->attr == row->aux && !((f[i].row->flags ^ row->flags) & NET_HDR) &&
		    (f[i].row->type == NET_RATE || f[i].row->size == 8))
			rate = (uint64_t)f[i].i;
	if (!rate && burst->i)
		return net_misuse(err, "%s is about a rate, which is needed too", row->key);
	if (rate && __builtin_mul_overflow((uint64_t)burst->i, (uint64_t)TICKS, &ticks))
		ticks = UINT64_MAX;
	else if (rate)
		ticks = ticks / rate + (ticks % rate != 0);
	if (ticks > UINT32_MAX)
		return net_misuse(err, "%s is too much for its rate: at most %" PRIu64, row->key,
				  rate / TICKS * UINT32_MAX + rate % TICKS * UINT32_MAX / TICKS);
	if (!(row->flags & NET_HDR))
		return nla_put_u64(m, row->attr, ticks);
	net_put_number(hdr + row->attr, row, ticks);
	return 0;
}

/* net_get_burst() - bytes of so many ticks; a rate beyond 32 bits stands in the nest that the struct is in */
uint64_t net_get_burst(const struct net_level *l, const struct net_row *row, uint64_t ticks)
{
	const struct nlattr *rate64 = l->flat ? l[-1].tb[row->begins] : NULL;
	uint32_t rate32;
	uint64_t rate;

	if (!(row->flags & NET_HDR)) {
		rate64 = l->tb[row->aux];
		rate32 = 0;
	} else {
		memcpy(&rate32, l->hdr + row->aux, sizeof(rate32));
	}
	rate = rate64 && nla_len(rate64) >= 8 ? nla_get_u64(rate64) : rate32;
	return rate / TICKS * ticks + rate % TICKS * (ticks / TICKS) + rate % TICKS * (ticks % TICKS) / TICKS;
}

/* --- distributions: values at evenly spaced quantiles, in units of the standard deviation --- */

#define SAMPLES 2048
enum { UNIFORM, NORMAL, PARETO, PARETONORMAL };

const struct net_enum net_dists = {
	.list = (struct net_word[]){{"uniform", UNIFORM},
				    {"normal", NORMAL},
				    {"pareto", PARETO},
				    {"paretonormal", PARETONORMAL},
				    {NULL, 0}},
};

/* Where the normal distribution has the share @p, above the middle: from @x, which is below, Newton's way. */
static double normal_quantile(double p, double x)
{
	for (int i = 0; i < 50; i++) {
		double step = (p - 0.5 * erfc(-x / M_SQRT2)) * sqrt(2 * M_PI) * exp(x * x / 2);

		x += step;
		if (step < 1e-9)
			break;
	}
	return x;
}

/* Pareto's with the exponent 3, as tc(8) has it: its mean is 1.5 */
static double pareto_quantile(double p)
{
	return (pow(1 - p, -1.0 / 3) - 1.5) * 4 / 3;
}

static int16_t sample(double v)
{
	v *= NETEM_DIST_SCALE;
	return (int16_t)(v > INT16_MAX ? INT16_MAX : v < INT16_MIN ? INT16_MIN : lround(v));
}

/* net_put_dist() - the table of a distribution */
int net_put_dist(struct nl_msg *m, const struct net_row *row, int64_t which)
{
	struct nlattr *a = nla_reserve(m, row->attr, SAMPLES * (int)sizeof(int16_t));
	double normal[SAMPLES], x = 0;
	int16_t *to;

	if (!a)
		return -1;
	to = nla_data(a);
	for (int i = SAMPLES / 2; i < SAMPLES; i++) {
		x = normal_quantile((i + 0.5) / SAMPLES, x);
		normal[i] = x;
		normal[SAMPLES - 1 - i] = -x;
	}
	for (int i = 0; i < SAMPLES; i++) {
		double p = (i + 0.5) / SAMPLES, pareto = pareto_quantile(p);

		to[i] = sample(which == UNIFORM	 ? 2 * p - 1
			       : which == NORMAL ? normal[i]
			       : which == PARETO ? pareto
						 : 0.25 * normal[i] + 0.75 * pareto);
	}
	return 0;
}
