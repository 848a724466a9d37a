/* icmp.c - echo requests made, echo replies and ICMP errors read (RFC 792, RFC 4443)
 *
 * Everything here comes from the network: no length and no offset in a packet is believed.
 */
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/icmp.h>

#include "icmp.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

enum { IP4_MIN = 20, IP6_HEADER = 40, EXTENSION = 8, MAX_EXTENSIONS = 4 };

/* The words of nft(8), by code; NULL: only the type is told. */
static const char *const unreachable4[] = {
	"net-unreachable", "host-unreachable", "prot-unreachable", "port-unreachable",
	"frag-needed",	   "source-route",     "net-unknown",	   "host-unknown",
	"host-isolated",   "net-prohibited",   "host-prohibited",  "net-tos",
	"host-tos",	   "admin-prohibited", "host-precedence",  "precedence-cutoff",
};
static const char *const unreachable6[] = {
	"no-route",	    "admin-prohibited", "beyond-scope", "addr-unreachable",
	"port-unreachable", "policy-fail",	"reject-route",
};
static const char *const exceeded[] = {"time-exceeded", "reassembly-timeout"};

static uint16_t get16(const unsigned char *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(unsigned char *p, uint16_t v)
{
	p[0] = (unsigned char)(v >> 8);
	p[1] = (unsigned char)v;
}

static uint16_t checksum(const unsigned char *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += get16(p + i);
	if (n % 2)
		sum += (uint32_t)p[n - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/*
 * icmp_request() - make an echo request
 * @family: AF_INET or AF_INET6
 * @buf: ICMP_HEADER + @payload bytes
 *
 * The checksum of ICMPv6 is left to the kernel, which knows the addresses that go into it.
 */
void icmp_request(int family, unsigned char *buf, size_t payload, uint16_t id, uint16_t seq)
{
	memset(buf, 0, ICMP_HEADER);
	buf[0] = family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
	put16(buf + 4, id);
	put16(buf + 6, seq);
	for (size_t i = 0; i < payload; i++)
		buf[ICMP_HEADER + i] = (unsigned char)i;
	if (family == AF_INET)
		put16(buf + 2, checksum(buf, ICMP_HEADER + payload));
}

static const char *by_code(const char *const *names, size_t n, unsigned int code, const char *other)
{
	return code < n ? names[code] : other;
}

/* icmp_error_name() - the word for an ICMP error; NULL: the message is none that concerns us */
const char *icmp_error_name(int family, unsigned int type, unsigned int code)
{
	if (family == AF_INET) {
		switch (type) {
		case ICMP_DEST_UNREACH: return by_code(unreachable4, COUNT(unreachable4), code, "unreachable");
		case ICMP_TIME_EXCEEDED: return by_code(exceeded, COUNT(exceeded), code, "time-exceeded");
		case ICMP_PARAMETERPROB: return "parameter-problem";
		default: return NULL;
		}
	}
	switch (type) {
	case ICMP6_DST_UNREACH: return by_code(unreachable6, COUNT(unreachable6), code, "unreachable");
	case ICMP6_TIME_EXCEEDED: return by_code(exceeded, COUNT(exceeded), code, "time-exceeded");
	case ICMP6_PACKET_TOO_BIG: return "packet-too-big";
	case ICMP6_PARAM_PROB: return "parameter-problem";
	default: return NULL;
	}
}

/* How long the IPv4 header at p is; 0: it is none. */
static size_t ip4_header(const unsigned char *p, size_t n)
{
	size_t len;

	if (n < IP4_MIN || p[0] >> 4 != 4)
		return 0;
	len = (size_t)(p[0] & 15) * 4;
	return len >= IP4_MIN && len <= n ? len : 0;
}

/* Where the header of the quoted IPv4 packet's payload begins; 0: it quotes something else. */
static size_t quoted4(const unsigned char *p, size_t n, unsigned int protocol)
{
	size_t len = ip4_header(p, n);
	bool first_fragment = len && (get16(p + 6) & 0x1fff) == 0;

	return first_fragment && p[9] == protocol ? len : 0;
}

/* The same for IPv6, where extension headers (a fragment header, a routing header) may stand before it. */
static size_t quoted6(const unsigned char *p, size_t n, unsigned int protocol)
{
	size_t at = IP6_HEADER;
	unsigned int kind;

	if (n < IP6_HEADER || p[0] >> 4 != 6)
		return 0;
	kind = p[6];
	for (int i = 0; i < MAX_EXTENSIONS && kind != protocol; i++) {
		bool fragment = kind == IPPROTO_FRAGMENT;

		if (!fragment && kind != IPPROTO_ROUTING && kind != IPPROTO_HOPOPTS && kind != IPPROTO_DSTOPTS)
			return 0;
		if (n < at + EXTENSION || (fragment && (get16(p + at + 2) & 0xfff8) != 0))
			return 0;
		kind = p[at];
		at += fragment ? EXTENSION : (size_t)p[at + 1] * 8 + EXTENSION;
	}
	return kind == protocol ? at : 0;
}

/* Of a TCP segment id and seq are the two ports. */
static bool parse_error(int family, const unsigned char *p, size_t n, bool tcp, struct icmp_answer *a)
{
	unsigned int protocol = tcp ? IPPROTO_TCP : family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	size_t at = family == AF_INET ? quoted4(p, n, protocol) : quoted6(p, n, protocol);

	if (!at || n < at + ICMP_HEADER)
		return false;
	if (!tcp && p[at] != (family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST))
		return false;
	a->error = true;
	a->dst = p + (family == AF_INET ? 16 : 24);
	a->id = get16(p + at + (tcp ? 0 : 4));
	a->seq = get16(p + at + (tcp ? 2 : 6));
	return true;
}

/*
 * icmp_parse() - read what a raw ICMP socket received
 * @p, @n: an IPv4 packet, or an ICMPv6 message without its IPv6 header: what the kernel hands out
 * @tcp: errors about segments of TCP are wanted, not those about echo requests
 *
 * Return: true when it is an echo reply, or such an error.
 */
bool icmp_parse(int family, const unsigned char *p, size_t n, bool tcp, struct icmp_answer *a)
{
	memset(a, 0, sizeof(*a));
	if (family == AF_INET) {
		size_t len = ip4_header(p, n);

		if (!len)
			return false;
		a->ttl = p[8];
		p += len;
		n -= len;
	}
	if (n < ICMP_HEADER)
		return false;
	a->bytes = (unsigned int)n;
	if (p[0] == (family == AF_INET ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY)) {
		a->what = "echo-reply";
		a->id = get16(p + 4);
		a->seq = get16(p + 6);
		return true;
	}
	a->what = icmp_error_name(family, p[0], p[1]);
	if (family == AF_INET && p[0] == ICMP_DEST_UNREACH && p[1] == ICMP_FRAG_NEEDED)
		a->mtu = get16(p + 6);
	else if (family == AF_INET6 && p[0] == ICMP6_PACKET_TOO_BIG)
		a->mtu = (unsigned int)get16(p + 4) << 16 | get16(p + 6);
	return a->what && parse_error(family, p + ICMP_HEADER, n - ICMP_HEADER, tcp, a);
}

/* icmp_filter() - our own requests, looped back, never come up; Return: 0 or -errno */
int icmp_filter(int fd, int family)
{
	struct icmp_filter four = {~(1u << ICMP_ECHOREPLY | 1u << ICMP_DEST_UNREACH | 1u << ICMP_TIME_EXCEEDED |
				     1u << ICMP_PARAMETERPROB)};
	struct icmp6_filter six;
	int r;

	ICMP6_FILTER_SETBLOCKALL(&six);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &six);
	ICMP6_FILTER_SETPASS(ICMP6_DST_UNREACH, &six);
	ICMP6_FILTER_SETPASS(ICMP6_TIME_EXCEEDED, &six);
	ICMP6_FILTER_SETPASS(ICMP6_PACKET_TOO_BIG, &six);
	ICMP6_FILTER_SETPASS(ICMP6_PARAM_PROB, &six);
	if (family == AF_INET)
		r = setsockopt(fd, SOL_RAW, ICMP_FILTER, &four, sizeof(four));
	else
		r = setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &six, sizeof(six));
	return r < 0 ? -errno : 0;
}
