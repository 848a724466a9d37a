/* inet.c - addresses, prefixes, MACs, times and names as text
 *
 * libnl's own parser takes "1.2.3" for a DECnet address and "/33" for a prefix; inet_pton(3) and strict digits
 * don't.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net.h"

#define SHOW 60 /* bytes of a wrong text that a message repeats */

static int bad(struct net_err *err, const char *s, size_t len, const char *what, const char *form)
{
	char shown[SHOW + 4];
	size_t n = len < SHOW ? len : SHOW;

	for (size_t i = 0; i < n; i++)
		shown[i] = isprint((unsigned char)s[i]) ? s[i] : '?';
	snprintf(shown + n, sizeof(shown) - n, "%s", len > SHOW ? "..." : "");
	return net_fail(err, EINVAL, "'%s' is no %s; write %s", shown, what, form);
}

/* Four numbers with dots between, as inet_pton(3) takes them: no leading zeros.  Long lists are made of these. */
static bool parse_ip4(const char *s, size_t len, unsigned char addr[4])
{
	const char *end = s + len;

	for (int i = 0; i < 4; i++) {
		const char *from = s;
		unsigned int v = 0;

		while (s < end && s - from < 3 && *s >= '0' && *s <= '9')
			v = v * 10 + (unsigned int)(*s++ - '0');
		if (s == from || v > 255 || (*from == '0' && s - from > 1) || (i < 3 && (s == end || *s++ != '.')))
			return false;
		addr[i] = (unsigned char)v;
	}
	return s == end;
}

/* net_parse_ip() - "10.0.0.1" or "fe80::1" */
int net_parse_ip(const char *s, size_t len, struct net_field *f, struct net_err *err)
{
	char buf[INET6_ADDRSTRLEN];

	f->plen = -1;
	if (parse_ip4(s, len, f->addr)) {
		f->family = AF_INET;
		f->len = 4;
		return 0;
	}
	if (len < sizeof(buf) && !memchr(s, 0, len)) {
		memcpy(buf, s, len);
		buf[len] = 0;
		f->family = AF_INET6;
		f->len = 16;
		if (inet_pton(AF_INET6, buf, f->addr) == 1)
			return 0;
	}
	return bad(err, s, len, "address", "one as 10.0.0.1 or fd00::1");
}

/* net_parse_prefix() - an address with an optional "/length"; "default" is the prefix of length 0 */
int net_parse_prefix(const char *s, size_t len, struct net_field *f, struct net_err *err)
{
	const char *slash = memchr(s, '/', len);
	size_t digits;
	int plen = 0;

	if (len == 7 && memcmp(s, "default", 7) == 0) {
		f->family = AF_UNSPEC;
		f->len = 0;
		f->plen = 0;
		return 0;
	}
	if (net_parse_ip(s, slash ? (size_t)(slash - s) : len, f, err) < 0)
		return bad(err, s, len, "address", "one as 10.0.0.1/24 or fd00::1/64");
	if (!slash)
		return 0;
	digits = len - (size_t)(slash + 1 - s);
	for (size_t i = 0; i < digits && i < 4; i++) {
		if (!isdigit((unsigned char)slash[1 + i]))
			digits = 0;
		plen = plen * 10 + slash[1 + i] - '0';
	}
	if (digits < 1 || digits > 3 || (slash[1] == '0' && digits > 1))
		return bad(err, s, len, "address with a prefix length", "one as 10.0.0.1/24");
	if (plen > f->len * 8)
		return net_fail(err, EINVAL, "'%.*s': the prefix length is at most %d for %s", (int)len, s, f->len * 8,
				f->family == AF_INET ? "IPv4" : "IPv6");
	f->plen = (int16_t)plen;
	return 0;
}

/* Digits, and nothing else, up to a number. */
static bool whole_number(const char *s, size_t len, uint64_t max, uint64_t *v)
{
	*v = 0;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)s[i]) || len > 10)
			return false;
		*v = *v * 10 + (uint64_t)(s[i] - '0');
	}
	return len > 0 && *v <= max;
}

/* net_parse_endpoint() - "192.0.2.1:51820", "[fd00::1]:51820", "[fe80::1%2]:51820" with the number of a link */
int net_parse_endpoint(const char *s, size_t len, struct net_field *f, struct net_err *err)
{
	const char *colon = memrchr(s, ':', len), *percent;
	size_t addr = colon ? (size_t)(colon - s) : 0;
	uint64_t port = 0, scope = 0;
	bool v6 = addr > 2 && s[0] == '[' && s[addr - 1] == ']';
	bool good = colon && whole_number(colon + 1, len - addr - 1, 65535, &port) && port > 0;

	percent = v6 ? memchr(s, '%', addr) : NULL;
	if (good && percent)
		good = whole_number(percent + 1, (size_t)(s + addr - 1 - (percent + 1)), INT32_MAX, &scope);
	if (good && v6)
		good = net_parse_ip(s + 1, percent ? (size_t)(percent - s - 1) : addr - 2, f, err) == 0;
	else if (good)
		good = net_parse_ip(s, addr, f, err) == 0;
	if (!good || v6 != (f->family == AF_INET6))
		return bad(err, s, len, "endpoint", "one as 192.0.2.1:51820 or [fd00::1]:51820");
	f->i = (int64_t)(scope << 32 | port);
	return 0;
}

/* net_parse_mac() - bytes in hex, with colons: six, or as many as the field's row has */
int net_parse_mac(const char *s, size_t len, struct net_field *f, struct net_err *err)
{
	int n = f->row && f->row->type == NET_MAC && f->row->size ? f->row->size : 6;
	const char *form = n == 6 ? "one as 02:00:00:00:00:01" : "one as 02:00:00:00:00:01:00:01";

	if (len != (size_t)n * 3 - 1)
		return bad(err, s, len, "MAC address", form);
	for (int i = 0; i < n; i++) {
		char hex[3] = {s[i * 3], s[i * 3 + 1], 0};

		if (!isxdigit((unsigned char)hex[0]) || !isxdigit((unsigned char)hex[1]) ||
		    (i < n - 1 && s[i * 3 + 2] != ':'))
			return bad(err, s, len, "MAC address", form);
		f->addr[i] = (unsigned char)strtoul(hex, NULL, 16);
	}
	f->len = (uint8_t)n;
	return 0;
}

/* net_parse_group() - a multicast group: an address, or a MAC where it is one of layer 2 */
int net_parse_group(const char *s, size_t len, struct net_field *f, struct net_err *err)
{
	if (net_parse_mac(s, len, f, err) == 0) {
		f->family = AF_PACKET;
		return 0;
	}
	if (net_parse_ip(s, len, f, err) < 0)
		return bad(err, s, len, "group", "one as 239.1.1.1, ff0e::1 or 01:00:5e:01:01:01");
	return 0;
}

struct unit {
	const char *name;
	double factor;
};

/* A number with a unit of the list, which ends with a NULL name. */
static int parse_quantity(const char *s, size_t len, const struct unit *units, double *v)
{
	char buf[32], *end;

	if (len == 0 || len >= sizeof(buf) || memchr(s, 0, len) || !(isdigit((unsigned char)s[0]) || s[0] == '.'))
		return -EINVAL;
	memcpy(buf, s, len);
	buf[len] = 0;
	if (strpbrk(buf, "xX"))
		return -EINVAL;
	*v = strtod(buf, &end);
	for (; end != buf && units->name; units++)
		if (strcmp(end, units->name) == 0) {
			*v *= units->factor;
			return 0;
		}
	return -EINVAL;
}

/* net_parse_seconds() - "1.5", "10ms", "200us", "2s", "3min", "1h"; Return: 0 or -EINVAL */
int net_parse_seconds(const char *s, size_t len, double *v)
{
	static const struct unit units[] = {{"", 1},	  {"s", 1},    {"sec", 1},  {"ms", 1e-3}, {"us", 1e-6},
					    {"ns", 1e-9}, {"min", 60}, {"h", 3600}, {NULL, 0}};

	return parse_quantity(s, len, units, v);
}

/* net_parse_bytes() - "1500", "64kb", "1mb", in steps of 1024 as tc(8) has them; Return: 0 or -EINVAL */
int net_parse_bytes(const char *s, size_t len, double *v)
{
	static const struct unit units[] = {{"", 1},	    {"b", 1},	     {"k", 1024},
					    {"kb", 1024},   {"m", 1 << 20},  {"mb", 1 << 20},
					    {"g", 1 << 30}, {"gb", 1 << 30}, {NULL, 0}};

	return parse_quantity(s, len, units, v);
}

/* net_parse_rate() - bits per second: "64kbit", "1.5gbit", "1mibit", or in bytes "10mbps"; Return: 0 or -EINVAL */
int net_parse_rate(const char *s, size_t len, double *v)
{
	static const struct unit units[] = {{"", 1},	       {"bit", 1},	  {"kbit", 1e3},     {"mbit", 1e6},
					    {"gbit", 1e9},     {"tbit", 1e12},	  {"kibit", 0x1p10}, {"mibit", 0x1p20},
					    {"gibit", 0x1p30}, {"tibit", 0x1p40}, {"bps", 8},	     {"kbps", 8e3},
					    {"mbps", 8e6},     {"gbps", 8e9},	  {"tbps", 8e12},    {"kibps", 0x1p13},
					    {"mibps", 0x1p23}, {"gibps", 0x1p33}, {"tibps", 0x1p43}, {NULL, 0}};

	return parse_quantity(s, len, units, v);
}

/* net_parse_fraction() - "1%" or "0.01"; Return: 0 or -EINVAL */
int net_parse_fraction(const char *s, size_t len, double *v)
{
	static const struct unit units[] = {{"", 1}, {"%", 0.01}, {NULL, 0}};

	return parse_quantity(s, len, units, v);
}

/* What both kinds of names must not hold: it breaks paths, shells, options or terminals. */
static const char *slip(const char *s, size_t len)
{
	if (len == 0)
		return "is empty";
	if ((len == 1 && s[0] == '.') || (len == 2 && s[0] == '.' && s[1] == '.'))
		return "is a directory's";
	if (s[0] == '-')
		return "begins with '-'";
	for (size_t i = 0; i < len; i++) {
		if (s[i] == 0)
			return "has a NUL byte";
		if (s[i] == '/')
			return "has a '/'";
		if ((unsigned char)s[i] <= ' ' || s[i] == 127)
			return "has a space or control character";
	}
	return NULL;
}

static int check_name(const char *s, size_t len, const char *of, size_t max, struct net_err *err)
{
	const char *what = slip(s, len);
	char shown[SHOW + 1];
	size_t n = len < SHOW ? len : SHOW;

	if (!what && len <= max)
		return 0;
	for (size_t i = 0; i < n; i++)
		shown[i] = isprint((unsigned char)s[i]) ? s[i] : '?';
	shown[n] = 0;
	if (what)
		return net_fail(err, EINVAL, "name '%s' of a %s %s; use letters, digits, '-', '_' and '.'", shown, of,
				what);
	return net_fail(err, EINVAL, "name '%s' of a %s has %zu bytes; %zu are allowed", shown, of, len, max);
}

/* net_check_link_name() - 1 to 15 bytes; the kernel also refuses ':' and expands '%d' */
int net_check_link_name(const char *s, size_t len, struct net_err *err)
{
	int r = check_name(s, len, "link", IFNAMSIZ - 1, err);

	if (r == 0 && memchr(s, ':', len))
		return net_fail(err, EINVAL, "name '%.*s' of a link has a ':'; use letters, digits, '-', '_' and '.'",
				(int)len, s);
	if (r == 0 && memchr(s, '%', len))
		return net_fail(err, EINVAL, "name '%.*s' of a link has a '%%', which the kernel would expand",
				(int)len, s);
	return r;
}

/* net_check_altname() - what a link may be called by beside its name: 1 to 127 bytes */
int net_check_altname(const char *s, size_t len, struct net_err *err)
{
	return check_name(s, len, "link", 127, err);
}

/* net_check_ns_name() - 1 to 255 bytes, not one of the names that mean the world itself */
int net_check_ns_name(const char *s, size_t len, struct net_err *err)
{
	int r = check_name(s, len, "namespace", 255, err);

	if (r == 0 && ((len == 4 && memcmp(s, "root", 4) == 0) || (len == 4 && memcmp(s, "host", 4) == 0)))
		return net_fail(err, EINVAL, "name '%.*s' of a namespace means the world's own; take another", (int)len,
				s);
	return r;
}
