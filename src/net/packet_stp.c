/* packet_stp.c - what bridges tell each other: spanning tree, IEEE 802.1D and 802.1w */
#include "packet_read.h"

enum { BPDU_CONFIG = 0, BPDU_RAPID = 2, BPDU_CHANGE = 0x80, BPDU_HEADER = 4, BPDU_WHOLE = 35 };

static const struct packet_word versions[] = {
	{0, "stp"}, {2, "rstp"}, {3, "mstp"}, {4, "spb"}, {0, NULL},
};
static const struct packet_word types[] = {
	{BPDU_CONFIG, "config"},
	{BPDU_RAPID, "rapid"},
	{BPDU_CHANGE, "topology-change"},
	{0, NULL},
};
static const struct packet_word roles[] = {
	{1, "alternate"},
	{2, "root"},
	{3, "designated"},
	{0, NULL},
};

static const struct packet_row header_rows[] = {
	{"version", 2, 1, PACKET_WORD, 0, 0, versions},
	{"type", 3, 1, PACKET_WORD, 0, 0, types},
};
static const struct packet_row flag_rows[] = {
	{"topology_change", 4, 1, PACKET_BIT, 0, 1, NULL}, {"proposal", 4, 1, PACKET_BIT, 1, 1, NULL},
	{"learn", 4, 1, PACKET_BIT, 4, 1, NULL},	   {"forward", 4, 1, PACKET_BIT, 5, 1, NULL},
	{"agreement", 4, 1, PACKET_BIT, 6, 1, NULL},	   {"topology_change_ack", 4, 1, PACKET_BIT, 7, 1, NULL},
};
static const struct packet_row role_rows[] = {
	{"role", 4, 1, PACKET_WORD, 2, 3, roles},
};
static const struct packet_row config_rows[] = {
	{"root", 5, 8, PACKET_BRIDGE, 0, 0, NULL},	{"cost", 13, 4, PACKET_INT, 0, 0, NULL},
	{"bridge", 17, 8, PACKET_BRIDGE, 0, 0, NULL},	{"port", 25, 2, PACKET_INT, 0, 0, NULL},
	{"message_age", 27, 2, PACKET_256, 0, 0, NULL}, {"max_age", 29, 2, PACKET_256, 0, 0, NULL},
	{"hello_time", 31, 2, PACKET_256, 0, 0, NULL},	{"forward_delay", 33, 2, PACKET_256, 0, 0, NULL},
};

void packet_stp(struct packet *k, struct packet_view v)
{
	bool change = packet_has(v, BPDU_HEADER) && v.p[3] == BPDU_CHANGE;

	packet_table(k, "stp");
	PACKET_ROWS(k, v, header_rows);
	if (!change && packet_has(v, BPDU_HEADER + 1)) {
		packet_table(k, "flags");
		PACKET_ROWS(k, v, flag_rows);
		packet_end(k);
		PACKET_ROWS(k, v, config_rows);
	}
	if (packet_has(v, BPDU_HEADER) && v.p[3] == BPDU_RAPID)
		PACKET_ROWS(k, v, role_rows);
	packet_int(k, "len", (int64_t)v.len);
	packet_end(k);
	if (!packet_has(v, change ? BPDU_HEADER : BPDU_WHOLE))
		packet_cut(k, "stp");
}
