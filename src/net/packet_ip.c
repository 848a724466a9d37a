/* packet_ip.c - IPv4 (RFC 791) and IPv6 (RFC 8200) with its extension headers */
#include <netinet/in.h>

#include "packet_read.h"

enum { IP4_HEADER = 20, IP6_HEADER = 40, MAX_EXTENSIONS = 16, FRAGMENT_HEADER = 8, SEGMENT_ROUTING = 4, OSPF = 89 };

static const struct packet_word protocols[] = {
	{IPPROTO_ICMP, "icmp"}, {IPPROTO_IGMP, "igmp"},
	{IPPROTO_IPIP, "ipip"}, {IPPROTO_TCP, "tcp"},
	{IPPROTO_UDP, "udp"},	{IPPROTO_IPV6, "ipv6"},
	{IPPROTO_GRE, "gre"},	{IPPROTO_ESP, "esp"},
	{IPPROTO_AH, "ah"},	{IPPROTO_ICMPV6, "icmpv6"},
	{IPPROTO_NONE, "none"}, {OSPF, "ospf"},
	{IPPROTO_PIM, "pim"},	{112, "vrrp"},
	{IPPROTO_SCTP, "sctp"}, {0, NULL},
};
static const struct packet_word options[] = {
	{1, "nop"},
	{7, "record-route"},
	{68, "timestamp"},
	{130, "security"},
	{131, "loose-source-route"},
	{137, "strict-source-route"},
	{148, "router-alert"},
	{0, NULL},
};
static const struct packet_word extensions[] = {
	{IPPROTO_HOPOPTS, "hop-by-hop"},
	{IPPROTO_ROUTING, "routing"},
	{IPPROTO_FRAGMENT, "fragment"},
	{IPPROTO_DSTOPTS, "destination"},
	{0, NULL},
};
/* what tcpdump calls them where they are cut */
static const struct packet_word cuts[] = {
	{IPPROTO_HOPOPTS, "hbhopt"},
	{IPPROTO_ROUTING, "rt6"},
	{IPPROTO_FRAGMENT, "frag6"},
	{IPPROTO_DSTOPTS, "dstopt"},
	{0, NULL},
};

static const struct packet_row ip4_rows[] = {
	{"tos", 1, 1, PACKET_INT, 0, 0, NULL}, {"dscp", 1, 1, PACKET_INT, 2, 0, NULL},
	{"ecn", 1, 1, PACKET_INT, 0, 3, NULL}, {"id", 4, 2, PACKET_INT, 0, 0, NULL},
	{"ttl", 8, 1, PACKET_INT, 0, 0, NULL}, {"proto", 9, 1, PACKET_WORD, 0, 0, protocols},
	{"src", 12, 4, PACKET_IP, 0, 0, NULL}, {"dst", 16, 4, PACKET_IP, 0, 0, NULL},
};
static const struct packet_row ip4_flag_rows[] = {
	{"reserved", 6, 1, PACKET_BIT, 7, 1, NULL},
	{"df", 6, 1, PACKET_BIT, 6, 1, NULL},
	{"mf", 6, 1, PACKET_BIT, 5, 1, NULL},
};
static const struct packet_row ip6_rows[] = {
	{"tos", 0, 4, PACKET_INT, 20, 0xff, NULL}, {"dscp", 0, 4, PACKET_INT, 22, 0x3f, NULL},
	{"ecn", 0, 4, PACKET_INT, 20, 3, NULL},	   {"flow", 0, 4, PACKET_INT, 0, 0xfffff, NULL},
	{"ttl", 7, 1, PACKET_INT, 0, 0, NULL},	   {"src", 8, 16, PACKET_IP, 0, 0, NULL},
	{"dst", 24, 16, PACKET_IP, 0, 0, NULL},
};
static const struct packet_row routing_rows[] = {
	{"len", 1, 1, PACKET_INT, 0, 0, NULL},
	{"routing", 2, 1, PACKET_INT, 0, 0, NULL},
	{"left", 3, 1, PACKET_INT, 0, 0, NULL},
};
static const struct packet_row segment_rows[] = {
	{"last", 4, 1, PACKET_INT, 0, 0, NULL},
	{"tag", 6, 2, PACKET_INT, 0, 0, NULL},
};

/* What IP carries; @v holds exactly that. */
static void read_upper(struct packet *k, unsigned int proto, struct packet_view v)
{
	switch (proto) {
	case IPPROTO_ICMP: packet_icmp4(k, v); break;
	case IPPROTO_ICMPV6: packet_icmp6(k, v); break;
	case IPPROTO_IGMP: packet_igmp(k, v); break;
	case IPPROTO_TCP: packet_tcp(k, v); break;
	case IPPROTO_UDP: packet_udp(k, v); break;
	case IPPROTO_GRE: packet_gre(k, v); break;
	case OSPF: packet_ospf(k, v); break;
	case IPPROTO_IPIP: packet_nested(k, "inner", v, packet_ip4); break;
	case IPPROTO_IPV6: packet_nested(k, "inner", v, packet_ip6); break;
	default: packet_payload(k, v);
	}
}

/* The first fragment is read as if it were all. */
static void read_fragment(struct packet *k, unsigned int proto, unsigned int offset, bool more, struct packet_view v)
{
	k->fragment = more;
	if (offset)
		packet_payload(k, v);
	else
		read_upper(k, proto, v);
}

static bool bad_checksum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += packet_16(p + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum != 0xffff;
}

static void read_options(struct packet *k, struct packet_view v)
{
	packet_list(k, "options");
	while (packet_has(v, 1) && v.p[0] != 0) {
		size_t n = v.p[0] == 1 ? 1 : packet_has(v, 2) ? v.p[1] : 0;

		packet_name(k, NULL, options, v.p[0]);
		if (n < 1 || (n == 1 && v.p[0] != 1))
			break;
		v = packet_skip(v, n);
	}
	packet_end(k);
}

/* What a header says of the length holds, even if less came. */
static struct packet_view claimed(struct packet_view v, size_t len)
{
	return (struct packet_view){v.p, v.cap < len ? v.cap : len, len};
}

static void put_missing(struct packet *k, struct packet_view v, size_t len)
{
	if (len > v.len)
		packet_int(k, "missing", (int64_t)(len - v.len));
}

static void put_ip4(struct packet *k, struct packet_view v, size_t header, size_t len)
{
	packet_table(k, "ip");
	if (packet_has(v, 1))
		packet_int(k, "version", v.p[0] >> 4);
	PACKET_ROWS(k, v, ip4_rows);
	if (packet_has(v, IP4_HEADER)) {
		packet_int(k, "len", (int64_t)len);
		packet_int(k, "header_len", (int64_t)header);
		packet_int(k, "payload_len", (int64_t)len - (int64_t)header);
		put_missing(k, v, len);
		packet_int(k, "offset", (packet_16(v.p + 6) & 0x1fff) * 8);
		packet_table(k, "flags");
		PACKET_ROWS(k, v, ip4_flag_rows);
		packet_end(k);
		if (packet_has(v, header) && header >= IP4_HEADER && bad_checksum(v.p, header))
			packet_true(k, "bad_checksum");
		if (header > IP4_HEADER)
			read_options(k, packet_skip(packet_take(v, header), IP4_HEADER));
	}
	packet_end(k);
}

void packet_ip4(struct packet *k, struct packet_view v)
{
	size_t header = packet_has(v, 1) ? (size_t)(v.p[0] & 15) * 4 : 0;
	size_t len = packet_has(v, 4) ? packet_16(v.p + 2) : 0;
	unsigned int where;

	if (len == 0) /* of a packet that the card will cut into pieces */
		len = v.len;
	k->ip6 = false;
	put_ip4(k, v, header, len);
	if (!packet_has(v, IP4_HEADER)) {
		packet_cut(k, "ip");
		return;
	}
	if (v.p[0] >> 4 != 4 || header < IP4_HEADER || len < header)
		return;
	where = packet_16(v.p + 6);
	read_fragment(k, v.p[9], where & 0x1fff, where & 0x2000, packet_skip(claimed(v, len), header));
}

/* --- IPv6 --- */

/* A walk over extension headers. */
struct chain {
	struct packet_view v; /* what follows */
	unsigned int next;    /* its protocol */
	unsigned int offset;
	uint32_t id;
	bool fragment, more;
	const char *cut; /* the header that was not captured in whole */
};

static void read_fragment_header(struct packet *k, struct chain *c)
{
	const uint8_t *p = c->v.p;

	c->fragment = true;
	c->offset = packet_16(p + 2) & 0xfff8;
	c->more = p[3] & 1;
	c->id = packet_32(p + 4);
	packet_int(k, "len", (int64_t)c->v.len - FRAGMENT_HEADER);
}

/* Segments are in those of types 0, 2 and 4, which is segment routing. */
static void read_routing(struct packet *k, struct packet_view v)
{
	PACKET_ROWS(k, v, routing_rows);
	if (v.p[2] == SEGMENT_ROUTING)
		PACKET_ROWS(k, v, segment_rows);
	if (v.p[2] != 0 && v.p[2] != 2 && v.p[2] != SEGMENT_ROUTING)
		return;
	packet_list(k, "segments");
	for (size_t n = v.p[1] / 2; n > 0 && packet_room(k); n--) {
		packet_ip(k, NULL, v.p + 8, 16);
		v = packet_skip(v, 16);
	}
	packet_end(k);
}

static void read_extension(struct packet *k, struct chain *c)
{
	const char *word = packet_find_word(extensions, c->next);
	size_t n = FRAGMENT_HEADER;

	if (c->next != IPPROTO_FRAGMENT && packet_has(c->v, 2))
		n = (size_t)(c->v.p[1] + 1) * 8;
	packet_table(k, NULL);
	packet_word(k, "type", word);
	if (!packet_has(c->v, n))
		c->cut = packet_find_word(cuts, c->next);
	else if (c->next == IPPROTO_FRAGMENT)
		read_fragment_header(k, c);
	else if (c->next == IPPROTO_ROUTING)
		read_routing(k, packet_take(c->v, n));
	else
		packet_int(k, "len", (int64_t)n);
	packet_end(k);
	if (c->cut)
		return;
	c->next = c->v.p[0];
	c->v = packet_skip(c->v, n);
}

static void read_extensions(struct packet *k, struct chain *c)
{
	if (!packet_find_word(extensions, c->next))
		return;
	packet_list(k, "extensions");
	for (int i = 0; i < MAX_EXTENSIONS && !c->cut && !c->offset && packet_find_word(extensions, c->next); i++)
		read_extension(k, c);
	packet_end(k);
	if (!c->fragment)
		return;
	packet_int(k, "id", c->id);
	packet_table(k, "flags");
	if (c->more)
		packet_true(k, "mf");
	packet_end(k);
}

static void put_ip6(struct packet *k, struct packet_view v, struct chain *c)
{
	packet_table(k, "ip");
	packet_int(k, "version", packet_has(v, 1) ? v.p[0] >> 4 : 6);
	PACKET_ROWS(k, v, ip6_rows);
	if (packet_has(v, IP6_HEADER)) {
		size_t len = packet_16(v.p + 4);

		len = len ? len + IP6_HEADER : v.len;
		packet_int(k, "len", (int64_t)len);
		put_missing(k, v, len);
		c->v = packet_skip(claimed(v, len), IP6_HEADER);
		read_extensions(k, c);
		packet_int(k, "offset", c->offset);
		packet_name(k, "proto", protocols, c->next);
		packet_int(k, "payload_len", (int64_t)c->v.len);
	}
	packet_end(k);
}

void packet_ip6(struct packet *k, struct packet_view v)
{
	struct chain c = {.v = v};

	k->ip6 = true;
	if (packet_has(v, IP6_HEADER))
		c.next = v.p[6];
	put_ip6(k, v, &c);
	if (!packet_has(v, IP6_HEADER))
		packet_cut(k, "ip6");
	else if (c.cut)
		packet_cut(k, c.cut);
	else if (v.p[0] >> 4 == 6)
		read_fragment(k, c.next, c.offset, c.more, c.v);
}

/* packet_ip_any() - IP of the version that its first half byte tells */
void packet_ip_any(struct packet *k, struct packet_view v)
{
	if (!packet_has(v, 1))
		packet_cut(k, "ip");
	else if (v.p[0] >> 4 == 6)
		packet_ip6(k, v);
	else
		packet_ip4(k, v);
}
