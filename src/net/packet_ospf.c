/* packet_ospf.c - OSPF, the header that versions 2 (RFC 2328) and 3 (RFC 5340) have in common */
#include "packet_read.h"

enum { OSPF_HEADER = 16, AUTH_MD5 = 2, MD5_TRAILER = 16 };

static const struct packet_word types[] = {
	{1, "hello"}, {2, "database-description"}, {3, "ls-request"}, {4, "ls-update"}, {5, "ls-ack"}, {0, NULL},
};

static const struct packet_row rows[] = {
	{"version", 0, 1, PACKET_INT, 0, 0, NULL},
	{"type", 1, 1, PACKET_WORD, 0, 0, types},
	{"router", 4, 4, PACKET_IP, 0, 0, NULL},
	{"area", 8, 4, PACKET_IP, 0, 0, NULL},
};

void packet_ospf(struct packet *k, struct packet_view v)
{
	bool header = packet_has(v, OSPF_HEADER);
	bool signature = header && v.p[0] == 2 && packet_16(v.p + 14) == AUTH_MD5 && v.len >= OSPF_HEADER + MD5_TRAILER;

	packet_table(k, "ospf");
	PACKET_ROWS(k, v, rows);
	packet_int(k, "len", (int64_t)v.len - (signature ? MD5_TRAILER : 0));
	packet_end(k);
	if (!header)
		packet_cut(k, "ospf");
}
