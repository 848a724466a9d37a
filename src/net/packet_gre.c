/* packet_gre.c - GRE (RFC 2784, RFC 2890) */
#include "packet_read.h"

enum { CHECKSUM = 0x8000, KEY = 0x2000, SEQ = 0x1000, VERSION = 7, TYPE_BRIDGE = 0x6558 };

static void read_carried(struct packet *k, struct packet_view v)
{
	unsigned int type = packet_16(v.p + 2);
	unsigned int flags = packet_16(v.p);
	struct packet_view inner =
		packet_skip(v, 4 + (flags & CHECKSUM ? 4 : 0) + (flags & KEY ? 4 : 0) + (flags & SEQ ? 4 : 0));

	/* the type is known from here on: it is no Ethernet frame that carries it */
	if (type == TYPE_BRIDGE)
		packet_ether(k, inner);
	else
		packet_ethertype(k, type, inner);
}

void packet_gre(struct packet *k, struct packet_view v)
{
	unsigned int flags = packet_has(v, 4) ? packet_16(v.p) : 0;
	size_t at = 4;

	packet_table(k, "gre");
	if (packet_has(v, 4)) {
		packet_int(k, "version", flags & VERSION);
		packet_int(k, "type", packet_16(v.p + 2));
	}
	if (flags & CHECKSUM)
		at += 4;
	if (flags & KEY && packet_has(v, at + 4))
		packet_int(k, "key", packet_32(v.p + at));
	if (flags & KEY)
		at += 4;
	if (flags & SEQ && packet_has(v, at + 4))
		packet_int(k, "seq", packet_32(v.p + at));
	if (flags & SEQ)
		at += 4;
	packet_int(k, "len", (int64_t)v.len);
	packet_end(k);
	if (!packet_has(v, at))
		packet_cut(k, "gre");
	else if ((flags & VERSION) == 0)
		packet_nested(k, "inner", v, read_carried);
	else
		packet_payload(k, packet_skip(v, at));
}
