/* packet_link.c - what carries packets on a link: Ethernet with VLAN tags, LLC, cooked captures, bare IP */
#include "packet_read.h"

enum {
	LINK_NULL = 0,
	LINK_ETHERNET = 1,
	LINK_RAW_LIVE = 12, /* as libpcap numbers it outside of files */
	LINK_RAW_OPENBSD = 14,
	LINK_RAW = 101,
	LINK_LOOP = 108,
	LINK_SLL = 113,
	LINK_IP4 = 228,
	LINK_IP6 = 229,
	LINK_SLL2 = 276,
};

enum { ETHER_HEADER = 14, ETHER_MIN_TYPE = 0x600, MAX_TAGS = 8, LLC_HEADER = 3, SLL_HEADER = 16, SLL2_HEADER = 20 };

enum { TYPE_IP4 = 0x800, TYPE_ARP = 0x806, TYPE_RARP = 0x8035, TYPE_IP6 = 0x86dd, TYPE_MPLS = 0x8847 };

static const struct packet_word ether_types[] = {
	{TYPE_IP4, "ip"},    {TYPE_IP6, "ip6"},	     {TYPE_ARP, "arp"},	   {TYPE_RARP, "rarp"}, {TYPE_MPLS, "mpls"},
	{0x8848, "mpls-mc"}, {0x8863, "pppoe-disc"}, {0x8864, "pppoe"},	   {0x888e, "eapol"},	{0x88cc, "lldp"},
	{0x88e5, "macsec"},  {0x88f7, "ptp"},	     {0x9000, "loopback"}, {0, NULL},
};
static const struct packet_word tag_types[] = {
	{0x8100, "802.1q"}, {0x88a8, "802.1ad"}, {0x9100, "9100"}, {0x9200, "9200"}, {0, NULL},
};
static const struct packet_word sll_types[] = {
	{0, "in"}, {1, "broadcast"}, {2, "multicast"}, {3, "other"}, {4, "out"}, {0, NULL},
};

static const struct packet_row ether_rows[] = {
	{"dst", 0, 6, PACKET_MAC, 0, 0, NULL},
	{"src", 6, 6, PACKET_MAC, 0, 0, NULL},
};
static const struct packet_row tag_rows[] = {
	{"proto", 0, 2, PACKET_WORD, 0, 0, tag_types},
	{"pcp", 2, 2, PACKET_INT, 13, 0, NULL},
	{"dei", 2, 2, PACKET_BIT, 12, 1, NULL},
	{"id", 2, 2, PACKET_INT, 0, 0xfff, NULL},
};
static const struct packet_row llc_rows[] = {
	{"dsap", 0, 1, PACKET_INT, 0, 0, NULL},
	{"ssap", 1, 1, PACKET_INT, 0, 0, NULL},
	{"control", 2, 1, PACKET_INT, 0, 0, NULL},
};
static const struct packet_row sll_rows[] = {
	{"direction", 0, 2, PACKET_WORD, 0, 0, sll_types},
	{"type", 14, 2, PACKET_WORD, 0, 0, ether_types},
};
static const struct packet_row sll2_rows[] = {
	{"type", 0, 2, PACKET_WORD, 0, 0, ether_types},
	{"ifindex", 4, 4, PACKET_INT, 0, 0, NULL},
	{"direction", 10, 1, PACKET_WORD, 0, 0, sll_types},
};
static const struct packet_row mpls_rows[] = {
	{"label", 0, 4, PACKET_INT, 12, 0, NULL},
	{"tc", 0, 4, PACKET_INT, 9, 7, NULL},
	{"bottom", 0, 4, PACKET_BIT, 8, 1, NULL},
	{"ttl", 0, 4, PACKET_INT, 0, 0xff, NULL},
};

/* What is below the last label is told by its first half byte. */
static void read_mpls(struct packet *k, struct packet_view v)
{
	bool bottom = false;

	packet_list(k, "mpls");
	for (int i = 0; i < MAX_TAGS && !bottom && packet_has(v, 4); i++) {
		bottom = v.p[2] & 1;
		packet_table(k, NULL);
		PACKET_ROWS(k, v, mpls_rows);
		packet_end(k);
		v = packet_skip(v, 4);
	}
	packet_end(k);
	if (!bottom || !packet_has(v, 1))
		packet_cut(k, "mpls");
	else if (v.p[0] >> 4 == 4)
		packet_ip4(k, v);
	else if (v.p[0] >> 4 == 6)
		packet_ip6(k, v);
	else
		packet_payload(k, v);
}

/* packet_ethertype() - what a frame carries, by the number that Ethernet gives it */
void packet_ethertype(struct packet *k, unsigned int type, struct packet_view v)
{
	switch (type) {
	case TYPE_IP4: packet_ip4(k, v); break;
	case TYPE_IP6: packet_ip6(k, v); break;
	case TYPE_ARP:
	case TYPE_RARP: packet_arp(k, v); break;
	case TYPE_MPLS:
	case TYPE_MPLS + 1: read_mpls(k, v); break;
	default: packet_payload(k, v);
	}
}

static void read_snap(struct packet *k, struct packet_view v)
{
	static const struct packet_row rows[] = {
		{"oui", 0, 4, PACKET_INT, 8, 0, NULL},
		{"type", 3, 2, PACKET_WORD, 0, 0, ether_types},
	};

	packet_table(k, "snap");
	PACKET_ROWS(k, v, rows);
	packet_end(k);
	if (!packet_has(v, 5))
		packet_cut(k, "snap");
	else if (packet_32(v.p) >> 8 == 0) /* the types of Ethernet */
		packet_ethertype(k, packet_16(v.p + 3), packet_skip(v, 5));
	else
		packet_payload(k, packet_skip(v, 5));
}

static void read_llc(struct packet *k, struct packet_view v)
{
	packet_table(k, "llc");
	PACKET_ROWS(k, v, llc_rows);
	packet_int(k, "len", (int64_t)v.len);
	packet_end(k);
	if (!packet_has(v, LLC_HEADER))
		packet_cut(k, "llc");
	else if (v.p[0] == 0xaa && v.p[1] == 0xaa && v.p[2] == 3)
		read_snap(k, packet_skip(v, LLC_HEADER));
	else if (v.p[0] == 0x42 && v.p[1] == 0x42 && v.p[2] == 3)
		packet_stp(k, packet_skip(v, LLC_HEADER));
	else
		packet_payload(k, packet_skip(v, LLC_HEADER));
}

static void put_tag(struct packet *k, const char *key, struct packet_view v)
{
	packet_table(k, key);
	PACKET_ROWS(k, v, tag_rows);
	packet_end(k);
}

/* VLAN tags from the type on; Return: the bytes from the type that they stand before. */
static struct packet_view read_tags(struct packet *k, struct packet_view v)
{
	struct packet_view tag = v;
	int n = 0;

	while (n < MAX_TAGS && packet_has(tag, 6) && packet_find_word(tag_types, packet_16(tag.p))) {
		tag = packet_skip(tag, 4);
		n++;
	}
	if (n > 0)
		put_tag(k, "vlan", v);
	if (n > 1) {
		packet_list(k, "vlans");
		for (int i = 0; i < n; i++)
			put_tag(k, NULL, packet_skip(v, 4 * (size_t)i));
		packet_end(k);
	}
	return tag;
}

/* From the type on, which may be a length. */
static void read_typed(struct packet *k, struct packet_view v)
{
	unsigned int type = packet_16(v.p);

	v = packet_skip(v, 2);
	if (packet_find_word(tag_types, type))
		packet_cut(k, "vlan");
	else if (type < ETHER_MIN_TYPE)
		read_llc(k, packet_take(v, type));
	else
		packet_ethertype(k, type, v);
}

void packet_ether(struct packet *k, struct packet_view v)
{
	struct packet_view typed = packet_skip(v, ETHER_HEADER - 2);

	if (packet_has(v, ETHER_HEADER))
		typed = read_tags(k, typed);
	packet_table(k, "eth");
	PACKET_ROWS(k, v, ether_rows);
	if (packet_has(typed, 2) && packet_16(typed.p) >= ETHER_MIN_TYPE)
		packet_name(k, "type", ether_types, packet_16(typed.p));
	packet_int(k, "len", (int64_t)v.len);
	packet_end(k);
	if (packet_has(v, ETHER_HEADER))
		read_typed(k, typed);
	else
		packet_cut(k, "ether");
}

/* A cooked capture tells the sender's address in at most eight bytes, with its length in size bytes before. */
static void put_sender(struct packet *k, struct packet_view v, size_t at, size_t size)
{
	size_t n;

	if (!packet_has(v, at + 8))
		return;
	n = size == 2 ? packet_16(v.p + at - 2) : v.p[at - 1];
	if (n > 0 && n <= 8)
		packet_mac(k, "src", v.p + at, n);
}

static void read_sll(struct packet *k, struct packet_view v)
{
	packet_table(k, "sll");
	PACKET_ROWS(k, v, sll_rows);
	put_sender(k, v, 6, 2);
	packet_end(k);
	if (packet_has(v, SLL_HEADER))
		read_typed(k, read_tags(k, packet_skip(v, SLL_HEADER - 2)));
	else
		packet_cut(k, "sll");
}

static void read_sll2(struct packet *k, struct packet_view v)
{
	packet_table(k, "sll");
	PACKET_ROWS(k, v, sll2_rows);
	put_sender(k, v, 12, 1);
	packet_end(k);
	if (packet_has(v, SLL2_HEADER))
		packet_ethertype(k, packet_16(v.p), packet_skip(v, SLL2_HEADER));
	else
		packet_cut(k, "sll2");
}

/* The family of a socket, in the byte order of whoever wrote it, and everyone's own number for IPv6. */
static void read_loop(struct packet *k, struct packet_view v)
{
	unsigned int family;

	if (!packet_has(v, 4)) {
		packet_cut(k, "null");
		return;
	}
	family = packet_32(v.p);
	if (family >> 16)
		family = v.p[0];
	v = packet_skip(v, 4);
	if (family == 2)
		packet_ip4(k, v);
	else if (family == 10 || family == 24 || family == 28 || family == 30)
		packet_ip6(k, v);
	else
		packet_payload(k, v);
}

/* packet_link() - a packet as it was captured on a link of type @linktype */
void packet_link(struct packet *k, int linktype, struct packet_view v)
{
	switch (linktype) {
	case LINK_ETHERNET: packet_ether(k, v); break;
	case LINK_SLL: read_sll(k, v); break;
	case LINK_SLL2: read_sll2(k, v); break;
	case LINK_NULL:
	case LINK_LOOP: read_loop(k, v); break;
	case LINK_RAW_LIVE:
	case LINK_RAW_OPENBSD:
	case LINK_RAW:
	case LINK_IP4:
	case LINK_IP6: packet_ip_any(k, v); break;
	default: packet_payload(k, v);
	}
}
