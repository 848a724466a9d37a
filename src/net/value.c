/* value.c - one Lua scalar into the field of a row, with a sentence that names the legal values */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net.h"
#include "tables.h"

static uint64_t unit(const struct net_row *row)
{
	return row->unit ? row->unit : 1;
}

/* Bits per second in one unit of a rate on the wire. */
static int64_t rate_unit(const struct net_row *row)
{
	return row->unit ? row->unit : 8;
}

/* The range of a number on the wire. */
static void range(const struct net_row *row, int64_t *min, int64_t *max)
{
	unsigned int bits = row->size * 8;

	*min = row->min;
	*max = row->max;
	if (*min || *max)
		return;
	if (row->type == NET_INT) {
		*min = bits >= 64 ? INT64_MIN : -(1LL << (bits - 1));
		*max = bits >= 64 ? INT64_MAX : (1LL << (bits - 1)) - 1;
	} else {
		*max = bits >= 63 ? INT64_MAX : (1LL << bits) - 1;
	}
	if (row->flags & NET_FOREVER)
		(*max)--; /* all ones are taken */
}

static void list_names(const struct net_row *row, char *buf, size_t size)
{
	size_t w = 0;

	*buf = 0;
	for (unsigned int i = 0; row->names->list && row->names->list[i].name && w + 20 < size; i++)
		w += (size_t)snprintf(buf + w, size - w, "%s'%s'", i ? ", " : "", row->names->list[i].name);
}

/* A value on the wire in Lua's units. */
static double in_lua(const struct net_row *row, int64_t wire)
{
	double all = row->size >= 8 ? 0x1p64 : (double)((1ULL << (row->size * 8)) - 1);

	if (row->type == NET_RATE)
		return (double)wire * (double)rate_unit(row);
	if (row->type == NET_FRACTION)
		return (double)wire / all;
	return (double)wire / (double)unit(row);
}

/* Lua's number in units of the wire, where it has a fraction. */
static double on_wire(const struct net_row *row, double v)
{
	double all = row->size >= 8 ? 0x1p64 : (double)((1ULL << (row->size * 8)) - 1);

	if (row->type == NET_RATE)
		return v / (double)rate_unit(row);
	if (row->type == NET_FRACTION)
		return v * all;
	return v * (double)unit(row);
}

static int64_t share(const struct net_row *row)
{
	return row->flags & NET_SHARE ? 1 : 0;
}

/* What a row takes, in words. */
static void wanted(const struct net_row *row, char *buf, size_t size)
{
	char names[160];
	int64_t min, max;

	switch (row->type) {
	case NET_BOOL:
	case NET_FLAG:
	case NET_BIT: snprintf(buf, size, "true or false"); break;
	case NET_STRING: snprintf(buf, size, "a string"); break;
	case NET_MAC: snprintf(buf, size, "a MAC address as '02:00:00:00:00:01'"); break;
	case NET_IP:
	case NET_GATEWAY:
		snprintf(buf, size, "an%s address as %s",
			 row->size == 4 ? " IPv4"
			 : row->size	? " IPv6"
					: "",
			 row->size == 4 ? "'10.0.0.1'"
			 : row->size	? "'fd00::1'"
					: "'10.0.0.1' or 'fd00::1'");
		break;
	case NET_PREFIX: snprintf(buf, size, "an address as '10.0.0.1/24' or 'fd00::1/64'"); break;
	case NET_GROUP: snprintf(buf, size, "a multicast group as '239.1.1.1' or 'ff0e::1'"); break;
	case NET_LINK: snprintf(buf, size, "a link or its name"); break;
	case NET_NETNS: snprintf(buf, size, "a namespace or its name"); break;
	case NET_NEST:
	case NET_PORTNEST: snprintf(buf, size, "a table"); break;
	case NET_LIST:
	case NET_NESTS:
	case NET_STRUCTS: snprintf(buf, size, "a list of tables"); break;
	case NET_STRINGS: snprintf(buf, size, "a list of strings"); break;
	case NET_IPLIST: snprintf(buf, size, "a list of %s addresses", row->size == 4 ? "IPv4" : "IPv6"); break;
	case NET_MACLIST: snprintf(buf, size, "a list of MAC addresses"); break;
	case NET_LABELS: snprintf(buf, size, "up to 8 labels from 0 to 1048575, as '100/200'"); break;
	case NET_ENCAP: snprintf(buf, size, "a table as { type = 'mpls', labels = '100' }"); break;
	case NET_SEGS: snprintf(buf, size, "a list of IPv6 addresses"); break;
	case NET_QOSMAP: snprintf(buf, size, "a table as { [5] = 2 } of whole numbers"); break;
	case NET_KEY: snprintf(buf, size, "a key in base64, 44 characters"); break;
	case NET_ENDPOINT:
		snprintf(buf, size, "an address with a port as '192.0.2.1:51820' or '[fd00::1]:51820'");
		break;
	case NET_PREFIXES: snprintf(buf, size, "a list of prefixes as { '10.0.0.0/24' }"); break;
	case NET_BITSET: snprintf(buf, size, "a list of names"); break;
	case NET_TOGGLES: snprintf(buf, size, "a table as { tso = false } of true and false"); break;
	case NET_DIST:
	case NET_ENUM:
		list_names(row, names, sizeof(names));
		if (*names && row->max)
			snprintf(buf, size, "%s or a whole number from %" PRId64 " to %" PRId64, names, row->min,
				 row->max);
		else if (*names)
			snprintf(buf, size, "one of %s%s", names,
				 row->names->value ? ", another known name or a number" : "");
		else
			snprintf(buf, size, "a name or a number");
		break;
	case NET_RANGE:
	case NET_REALMS:
		snprintf(buf, size, "a whole number from %" PRId64 " to %" PRId64 ", or two as '%s'", row->min,
			 row->max, row->type == NET_RANGE ? "10-20" : "1/2");
		break;
	case NET_TIME:
		range(row, &min, &max);
		snprintf(buf, size, "seconds from %g to %g (a number, or text as '10ms')", in_lua(row, min),
			 in_lua(row, max));
		break;
	case NET_RATE:
		range(row, &min, &max);
		snprintf(buf, size, "bits per second from %.12g to %.12g (a number, or text as '10mbit')",
			 in_lua(row, min), in_lua(row, max));
		break;
	case NET_FRACTION: snprintf(buf, size, "a fraction from 0 to 1 (a number, or text as '1%%')"); break;
	case NET_NUMBERS:
		range(row, &min, &max);
		snprintf(buf, size, "a list of up to %" PRId64 " whole numbers", row->max);
		break;
	case NET_HANDLE:
		snprintf(buf, size,
			 row->aux ? "a number, or of u32 text as '800::800'" : "a handle as '1:' or '1:10'%s",
			 row->names && !row->mask ? " or 'root'" : "");
		break;
	default:
		range(row, &min, &max);
		snprintf(buf, size, "a whole number from %" PRId64 " to %" PRId64,
			 min / (int64_t)unit(row) + share(row), max / (int64_t)unit(row) + share(row));
	}
}

/* net_field_refuse() - "mtu must be ..., not a table" */
int net_field_refuse(const struct net_row *row, const char *got, struct net_err *err)
{
	char want[256];

	wanted(row, want, sizeof(want));
	return net_fail(err, EINVAL, "%s must be %s, not %s", row->key, want, got);
}

static int refuse_text(const struct net_row *row, const char *s, size_t len, struct net_err *err)
{
	char got[48];

	snprintf(got, sizeof(got), "'%.*s'%s", len < 40 ? (int)len : 40, s, len < 40 ? "" : "...");
	for (char *p = got; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = '?';
	return net_field_refuse(row, got, err);
}

static void start(const struct net_row *row, struct net_field *f)
{
	memset(f, 0, sizeof(*f));
	f->row = row;
	f->plen = -1;
}

/* net_field_bool() - false means off for whatever can be off */
int net_field_bool(const struct net_row *row, bool v, struct net_field *f, struct net_err *err)
{
	start(row, f);
	if (row->type == NET_BOOL || row->type == NET_BIT || row->type == NET_FLAG) {
		f->i = v;
		return 0;
	}
	if (v)
		return net_field_refuse(row, "true", err);
	f->off = true;
	if (row->flags & NET_FOREVER) {
		f->i = (int64_t)((1ULL << (row->size * 8 - 1)) * 2 - 1);
		return 0;
	}
	switch (row->type) {
	case NET_LINK: return 0;
	case NET_IP:
	case NET_PREFIX:
		if (!row->size && !(row->flags & NET_ZERO))
			return net_field_refuse(row, "false", err);
		return 0;
	case NET_ENUM:
		if (!row->max)
			return net_field_refuse(row, "false", err);
		return 0;
	case NET_STRING:
		if (row->min)
			return net_field_refuse(row, "false", err);
		f->s = "";
		return 0;
	case NET_KEY:
		if (row->min)
			return net_field_refuse(row, "false", err);
		f->len = NET_KEY_LEN; /* zeros */
		return 0;
	case NET_UINT:
		if (row->flags & NET_MARKED)
			return 0;
		return net_field_int(row, 0, f, err);
	case NET_SIZE:
	case NET_BURST:
	case NET_HANDLE:
	case NET_RATE:
	case NET_FRACTION:
	case NET_TIME: return net_field_int(row, 0, f, err);
	default: return net_field_refuse(row, "false", err);
	}
}

/* Two numbers in one, which has no sign to shift into. */
static int64_t pair(int64_t first, int64_t last, unsigned int bits)
{
	return (int64_t)((uint64_t)first << bits | (uint64_t)last);
}

/* net_field_int() - a whole number, in Lua's units */
int net_field_int(const struct net_row *row, int64_t v, struct net_field *f, struct net_err *err)
{
	int64_t min, max, wire;
	char got[32];

	start(row, f);
	snprintf(got, sizeof(got), "%" PRId64, v);
	switch (row->type) {
	case NET_UINT:
	case NET_SIZE:
	case NET_INT:
	case NET_TIME:
	case NET_LABELS:
	case NET_RANGE:
	case NET_REALMS:
	case NET_BURST:
	case NET_NUMBERS:
	case NET_ENUM: break;
	case NET_HANDLE:
		if (v < 0 || v > (row->aux ? UINT32_MAX : 0xffff))
			return net_field_refuse(row, got, err);
		/* for tc(8) the digits are hex, and a number has lost how it was written: 10, where class 1:10 is
		 * meant, would lead all to a class that isn't there, and nobody would hear of it */
		if (!row->aux && v > 9)
			return net_fail(err, EINVAL,
					"%s is in hex, as tc(8) has it, and a number doesn't tell how it was written: "
					"say '%s' for 0x%s, or '%x' for %#x, not %s",
					row->key, got, got, (unsigned int)v, (unsigned int)v, got);
		f->i = row->aux || row->mask ? v : v << 16;
		return 0;
	case NET_LINK:
		if (v < 1 || v > INT32_MAX)
			return net_field_refuse(row, got, err);
		f->i = v;
		return 0;
	case NET_RATE:
	case NET_FRACTION: return net_field_num(row, (double)v, f, err);
	default: return net_field_refuse(row, got, err);
	}
	if (row->type == NET_LABELS)
		return net_parse_labels(got, strlen(got), f) < 0 ? net_field_refuse(row, got, err) : 0;
	range(row, &min, &max);
	if (__builtin_mul_overflow(v, (int64_t)unit(row), &wire) || __builtin_sub_overflow(wire, share(row), &wire) ||
	    wire < min || wire > max)
		return net_field_refuse(row, got, err);
	f->i = row->type == NET_RANGE ? pair(wire, wire, 32) : wire;
	if (row->flags & NET_LOG2) {
		if (v < 1 || v & (v - 1))
			return net_fail(err, EINVAL, "%s must be a power of 2, not %s", row->key, got);
		f->i = __builtin_ctzll((unsigned long long)v);
	}
	if (row->flags & NET_MASKED)
		net_mask_set(f, row, UINT64_MAX);
	return 0;
}

static bool has_unit(const struct net_row *row)
{
	return row->type == NET_TIME || row->type == NET_RATE || row->type == NET_FRACTION;
}

/* net_field_num() - a number with a fraction: a time, a rate, a share of one, or a whole number in disguise */
int net_field_num(const struct net_row *row, double v, struct net_field *f, struct net_err *err)
{
	int64_t min, max;
	double wire;
	char got[40];

	start(row, f);
	if (!has_unit(row) && v >= -9e15 && v <= 9e15 && floor(v) == v)
		return net_field_int(row, (int64_t)v, f, err);
	range(row, &min, &max);
	wire = on_wire(row, v);
	if (has_unit(row) && wire >= (double)min && wire <= (double)max) {
		f->i = wire >= 0x1p63 ? INT64_MAX : llround(wire);
		return 0;
	}
	snprintf(got, sizeof(got), "%.14g", v);
	return net_field_refuse(row, got, err);
}

static int text_of_enum(const struct net_row *row, const char *s, size_t len, struct net_field *f, struct net_err *err)
{
	int64_t min, max;

	for (unsigned int i = 0; row->names->list && row->names->list[i].name; i++)
		if (strcmp(row->names->list[i].name, s) == 0 && strlen(s) == len) {
			f->i = row->names->list[i].value;
			return 0;
		}
	f->i = row->names->value ? row->names->value(s) : -1; /* takes numbers too, of any size */
	range(row, &min, &max);
	if (f->i < 0 || f->i > max || strlen(s) != len)
		return refuse_text(row, s, len, err);
	return 0;
}

static int text_of_string(const struct net_row *row, const char *s, size_t len, struct net_field *f,
			  struct net_err *err)
{
	if (memchr(s, 0, len))
		return net_fail(err, EINVAL, "%s has a NUL byte", row->key);
	if (row->min > 0 && len < (size_t)row->min)
		return net_fail(err, EINVAL, "%s is empty", row->key);
	if (row->max && len > (size_t)row->max)
		return net_fail(err, EINVAL, "%s has %zu bytes; %d are allowed", row->key, len, (int)row->max);
	f->s = s;
	f->slen = len;
	return 0;
}

/* Put the key before what a parser says. */
static int named(const struct net_row *row, int r, struct net_err *err)
{
	char text[sizeof(err->text)];

	if (r < 0) {
		snprintf(text, sizeof(text), "%s", err->text);
		snprintf(err->text, sizeof(err->text), "%s: %.*s", row->key, (int)sizeof(text) - 40, text);
	}
	return r;
}

/* A prefix of a list: here no word stands for an address. */
static int text_of_allowed(const struct net_row *row, const char *s, size_t len, struct net_field *f,
			   struct net_err *err)
{
	int r = net_parse_prefix(s, len, f, err);

	if (r == 0 && f->family == AF_UNSPEC)
		r = net_fail(err, EINVAL, "'default' is of no family; write 0.0.0.0/0 or ::/0");
	return named(row, r, err);
}

static int text_of_quantity(const struct net_row *row, const char *s, size_t len,
			    int (*parse)(const char *s, size_t len, double *v), struct net_field *f,
			    struct net_err *err)
{
	double v;

	if (parse(s, len, &v) < 0)
		return refuse_text(row, s, len, err);
	return net_field_num(row, v, f, err);
}

/* An address of the row's family, where that is fixed; @r is what its parser said. */
static int of_size(const struct net_row *row, const char *s, size_t len, const struct net_field *f, int r,
		   struct net_err *err)
{
	if (r == 0 && row->size && f->len != row->size)
		return refuse_text(row, s, len, err);
	return r;
}

/* net_field_text() - text, which must stay where it is as long as the field is used */
int net_field_text(const struct net_row *row, const char *s, size_t len, struct net_field *f, struct net_err *err)
{
	start(row, f);
	if (row->flags & NET_MASKED && row->type != NET_PREFIX)
		return net_parse_masked(row, s, len, f) < 0 ? refuse_text(row, s, len, err) : 0;
	switch (row->type) {
	case NET_HANDLE: return net_parse_handle(row, s, len, f) < 0 ? refuse_text(row, s, len, err) : 0;
	case NET_BITSET:
	case NET_STRINGS:
	case NET_STRING: return text_of_string(row, s, len, f, err);
	case NET_DIST:
	case NET_ENUM: return text_of_enum(row, s, len, f, err);
	case NET_RANGE:
	case NET_REALMS: return net_parse_pair(s, len, f) < 0 ? refuse_text(row, s, len, err) : 0;
	case NET_LABELS: return net_parse_labels(s, len, f) < 0 ? refuse_text(row, s, len, err) : 0;
	case NET_KEY: f->len = NET_KEY_LEN; return named(row, net_parse_key(s, len, f->addr, err), err);
	case NET_ENDPOINT: return named(row, net_parse_endpoint(s, len, f, err), err);
	case NET_PREFIXES: return text_of_allowed(row, s, len, f, err);
	case NET_GROUP: return named(row, net_parse_group(s, len, f, err), err);
	case NET_MAC: return named(row, net_parse_mac(s, len, f, err), err);
	case NET_IP:
	case NET_GATEWAY: return of_size(row, s, len, f, named(row, net_parse_ip(s, len, f, err), err), err);
	case NET_PREFIX: return of_size(row, s, len, f, named(row, net_parse_prefix(s, len, f, err), err), err);
	case NET_LINK:
		f->s = s;
		f->slen = len;
		return named(row, net_check_altname(s, len, err), err);
	case NET_TIME:
		if (row->flags & NET_FOREVER && len == 7 && strcmp(s, "forever") == 0) {
			f->i = (int64_t)((1ULL << (row->size * 8 - 1)) * 2 - 1);
			return 0;
		}
		return text_of_quantity(row, s, len, net_parse_seconds, f, err);
	case NET_BURST:
	case NET_SIZE: return text_of_quantity(row, s, len, net_parse_bytes, f, err);
	case NET_RATE: return text_of_quantity(row, s, len, net_parse_rate, f, err);
	case NET_FRACTION: return text_of_quantity(row, s, len, net_parse_fraction, f, err);
	default: return refuse_text(row, s, len, err);
	}
}

/* The shortest decimal that stands for this very value on the wire. */
static double shortest(const struct net_row *row, int64_t wire)
{
	double exact = in_lua(row, wire), v = exact;
	char text[32];

	for (int digits = 1; digits < 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, exact);
		v = strtod(text, NULL);
		if (llround(on_wire(row, v)) == wire)
			break;
	}
	return v;
}

/* net_field_number() - a number in Lua's units.  Return: true for a whole one, in *i; else it is in *v. */
bool net_field_number(const struct net_field *f, int64_t *i, double *v)
{
	int64_t per = (int64_t)unit(f->row);

	if (f->row->type == NET_RATE && !__builtin_mul_overflow(f->i, rate_unit(f->row), i))
		return true;
	if (f->row->type == NET_RATE || f->row->type == NET_FRACTION) {
		*v = f->row->type == NET_RATE ? in_lua(f->row, f->i) : shortest(f->row, f->i);
		*i = (int64_t)*v;
		return *v == 0 || *v == 1;
	}
	*i = f->i / per + share(f->row);
	if (f->row->flags & NET_LOG2)
		*i = 1LL << (f->i & 31);
	*v = (double)f->i / (double)per;
	return f->i % per == 0;
}
