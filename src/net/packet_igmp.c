/* packet_igmp.c - IGMP, versions 1 to 3 (RFC 2236, RFC 3376) */
#include "packet_read.h"

enum { QUERY = 0x11, REPORT3 = 0x22, IGMP_HEADER = 8, QUERY3_LEAST = 12 };

static const struct packet_word types[] = {
	{QUERY, "query"}, {0x12, "v1-report"}, {0x16, "v2-report"}, {REPORT3, "v3-report"}, {0x17, "leave"}, {0, NULL},
};
static const struct packet_word changes[] = {
	{1, "is_in"}, {2, "is_ex"}, {3, "to_in"}, {4, "to_ex"}, {5, "allow"}, {6, "block"}, {0, NULL},
};

static const struct packet_row header_rows[] = {
	{"type", 0, 1, PACKET_WORD, 0, 0, types},
};
static const struct packet_row group_rows[] = {
	{"group", 4, 4, PACKET_IP, 0, 0, NULL},
};
static const struct packet_row record_rows[] = {
	{"change", 0, 1, PACKET_WORD, 0, 0, changes},
	{"group", 4, 4, PACKET_IP, 0, 0, NULL},
};

/* In tenths of a second; from version 3 on, which longer queries have, long times are exponents. */
static unsigned int response_time(struct packet_view v)
{
	unsigned int code = v.p[1];

	if (v.len < QUERY3_LEAST || code < 128)
		return code;
	return ((code & 15) | 16) << ((code >> 4 & 7) + 3);
}

static void read_records(struct packet *k, struct packet_view v)
{
	unsigned int n = packet_16(v.p + 6);

	packet_int(k, "count", n);
	packet_list(k, "records");
	v = packet_skip(v, IGMP_HEADER);
	for (; n > 0 && packet_room(k) && packet_has(v, 8); n--) {
		struct packet_view sources = packet_take(packet_skip(v, 8), (size_t)packet_16(v.p + 2) * 4);

		packet_table(k, NULL);
		PACKET_ROWS(k, v, record_rows);
		v = packet_skip(v, 8 + (size_t)packet_16(v.p + 2) * 4 + (size_t)v.p[1] * 4);
		packet_list(k, "sources");
		for (; packet_room(k) && packet_has(sources, 4); sources = packet_skip(sources, 4))
			packet_ip(k, NULL, sources.p, 4);
		packet_end(k);
		packet_end(k);
	}
	packet_end(k);
}

void packet_igmp(struct packet *k, struct packet_view v)
{
	bool header = packet_has(v, IGMP_HEADER);

	packet_table(k, "igmp");
	PACKET_ROWS(k, v, header_rows);
	if (header && v.p[0] == REPORT3)
		read_records(k, v);
	else
		PACKET_ROWS(k, v, group_rows);
	if (header && v.p[0] == QUERY)
		packet_number(k, "max_resp", response_time(v) / 10.0);
	packet_int(k, "len", (int64_t)v.len);
	packet_end(k);
	if (!header)
		packet_cut(k, "igmp");
}
