/* packet_arp.c - ARP and reverse ARP (RFC 826) */
#include "packet_read.h"

enum { ARP_HEADER = 8, PROTO_IP4 = 0x800 };

static const struct packet_word operations[] = {
	{1, "request"},
	{2, "reply"},
	{3, "reverse-request"},
	{4, "reverse-reply"},
	{8, "inverse-request"},
	{9, "inverse-reply"},
	{10, "nak"},
	{0, NULL},
};

static const struct packet_row rows[] = {
	{"hardware", 0, 2, PACKET_INT, 0, 0, NULL},
	{"proto", 2, 2, PACKET_INT, 0, 0, NULL},
	{"op", 6, 2, PACKET_WORD, 0, 0, operations},
};

/* The four addresses; how long they are stands in the header. */
static void read_addresses(struct packet *k, struct packet_view v, size_t hw, size_t proto, bool ip4)
{
	if (hw)
		packet_mac(k, "sender_mac", v.p, hw);
	if (ip4)
		packet_ip(k, "sender_ip", v.p + hw, proto);
	if (hw)
		packet_mac(k, "target_mac", v.p + hw + proto, hw);
	if (ip4)
		packet_ip(k, "target_ip", v.p + 2 * hw + proto, proto);
}

void packet_arp(struct packet *k, struct packet_view v)
{
	size_t hw, proto;

	packet_table(k, "arp");
	PACKET_ROWS(k, v, rows);
	packet_int(k, "len", (int64_t)v.len);
	if (packet_has(v, ARP_HEADER)) {
		hw = v.p[4];
		proto = v.p[5];
		if (packet_has(v, ARP_HEADER + 2 * (hw + proto)))
			read_addresses(k, packet_skip(v, ARP_HEADER), hw, proto,
				       proto == 4 && packet_16(v.p + 2) == PROTO_IP4);
		else
			packet_cut(k, "arp");
	} else {
		packet_cut(k, "arp");
	}
	packet_end(k);
}
