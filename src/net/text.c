/* text.c - fields as text: names, addresses, pairs of numbers */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "net.h"
#include "tables.h"

/* net_field_name() - the name of an enumeration's value, NULL where it has only a number */
const char *net_field_name(const struct net_field *f, char *buf, size_t size)
{
	const struct net_enum *names = f->row->names;

	for (unsigned int i = 0; names->list && names->list[i].name; i++)
		if (names->list[i].value == f->i)
			return names->list[i].name;
	/* libnl writes a number in hex where it knows no name */
	if (names->name && names->name((int)f->i, buf, size) && strncmp(buf, "0x", 2) != 0 &&
	    !(buf[0] >= '0' && buf[0] <= '9'))
		return buf;
	return NULL;
}

/* Bytes in hex or decimal with a mark between: long lists are made of these, and printf(3) is slow. */
static void write_bytes(const struct net_field *f, bool hex, char mark, char *buf)
{
	static const char digits[] = "0123456789abcdef";

	for (unsigned int i = 0; i < f->len; i++) {
		unsigned char b = f->addr[i];

		if (i)
			*buf++ = mark;
		if (hex) {
			*buf++ = digits[b >> 4];
			*buf++ = digits[b & 15];
			continue;
		}
		if (b > 99)
			*buf++ = (char)('0' + b / 100);
		if (b > 9)
			*buf++ = (char)('0' + b / 10 % 10);
		*buf++ = (char)('0' + b % 10);
	}
	*buf = 0;
}

/* An IPv6 address as inet_ntop(3) writes it (RFC 5952); one that begins as those that hold an IPv4 address is left to
 * it. */
static void write_ip6(const unsigned char *addr, char *buf)
{
	static const char digits[] = "0123456789abcdef";
	unsigned int word[8], from = 8, most = 1;

	for (unsigned int i = 0; i < 8; i++)
		word[i] = (unsigned int)addr[i * 2] << 8 | addr[i * 2 + 1];
	if (!(word[0] | word[1] | word[2] | word[3])) {
		inet_ntop(AF_INET6, addr, buf, NET_ADDR_TEXT);
		return;
	}
	for (unsigned int i = 0, run; i < 8; i += run + 1) {
		for (run = 0; i + run < 8 && !word[i + run];)
			run++;
		if (run > most) {
			most = run;
			from = i;
		}
	}
	for (unsigned int i = 0; i < 8;) {
		if (i == from) {
			*buf++ = ':';
			i += most;
			if (i == 8)
				*buf++ = ':';
			continue;
		}
		if (i)
			*buf++ = ':';
		for (int shift = word[i] > 0xfff  ? 12
				 : word[i] > 0xff ? 8
				 : word[i] > 0xf  ? 4
						  : 0;
		     shift >= 0; shift -= 4)
			*buf++ = digits[word[i] >> shift & 15];
		i++;
	}
	*buf = 0;
}

static void append_length(char *buf, int plen)
{
	buf += strlen(buf);
	*buf++ = '/';
	if (plen > 99)
		*buf++ = (char)('0' + plen / 100);
	if (plen > 9)
		*buf++ = (char)('0' + plen / 10 % 10);
	*buf++ = (char)('0' + plen % 10);
	*buf = 0;
}

/* net_field_addr() - bytes as text: MAC, address, prefix, endpoint, key or bridge identifier */
void net_field_addr(const struct net_field *f, char buf[NET_ADDR_TEXT])
{
	const struct net_row *row = f->row;
	int plen = f->plen < 0 ? f->len * 8 : f->plen; /* as it is sent */

	*buf = 0;
	if (row->type == NET_KEY && f->len == NET_KEY_LEN) {
		net_key_text(f->addr, buf);
	} else if (row->type == NET_ENDPOINT) {
		net_endpoint_text(f, buf);
	} else if (row->type == NET_BRIDGEID && f->len == 8) {
		write_bytes(f, true, ':', buf);
		memmove(buf + 2, buf + 3, strlen(buf + 2)); /* its priority is one number, with a dot behind */
		buf[4] = '.';
	} else if (row->type == NET_LABELS) {
		net_labels_text(f, buf, NET_ADDR_TEXT);
	} else if (row->type == NET_MAC || row->type == NET_MACLIST || f->family == AF_PACKET) {
		write_bytes(f, true, ':', buf);
	} else if (f->family == AF_UNSPEC) {
		memcpy(buf, "default", sizeof("default"));
	} else if (f->family == AF_INET) {
		write_bytes(f, false, '.', buf);
	} else if (f->family == AF_INET6) {
		write_ip6(f->addr, buf);
	}
	if ((row->type == NET_PREFIX || row->type == NET_PREFIXES) && f->family != AF_UNSPEC &&
	    !(row->flags & NET_BARE && plen == f->len * 8))
		append_length(buf, plen);
}

/* net_field_pair() - "10-20" or "1/2"; NULL: one number says it, in *i */
const char *net_field_pair(const struct net_field *f, char *buf, size_t size, int64_t *i)
{
	bool range = f->row->type == NET_RANGE;
	int64_t first = range ? f->i >> 32 : f->i >> 16;

	*i = range ? (uint32_t)f->i : (uint16_t)f->i;
	if (first == (range ? *i : 0))
		return NULL;
	snprintf(buf, size, "%u%c%u", (unsigned int)first, range ? '-' : '/', (unsigned int)*i);
	return buf;
}
