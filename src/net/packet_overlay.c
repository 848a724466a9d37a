/* packet_overlay.c - what carries frames in UDP: VXLAN (RFC 7348), Geneve (RFC 8926) */
#include "packet_read.h"

enum { VXLAN_HEADER = 8, GENEVE_HEADER = 8, TYPE_BRIDGE = 0x6558 };

static const struct packet_row vxlan_rows[] = {
	{"flags", 0, 1, PACKET_INT, 0, 0, NULL},
	{"vni", 4, 4, PACKET_INT, 8, 0, NULL},
};
static const struct packet_row geneve_rows[] = {
	{"version", 0, 1, PACKET_INT, 6, 0, NULL},  {"control", 1, 1, PACKET_BIT, 7, 1, NULL},
	{"critical", 1, 1, PACKET_BIT, 6, 1, NULL}, {"type", 2, 2, PACKET_INT, 0, 0, NULL},
	{"vni", 4, 4, PACKET_INT, 8, 0, NULL},
};

void packet_vxlan(struct packet *k, struct packet_view v)
{
	packet_table(k, "vxlan");
	PACKET_ROWS(k, v, vxlan_rows);
	packet_end(k);
	if (packet_has(v, VXLAN_HEADER))
		packet_nested(k, "inner", packet_skip(v, VXLAN_HEADER), packet_ether);
	else
		packet_cut(k, "vxlan");
}

static size_t geneve_options(struct packet_view v)
{
	return (size_t)(v.p[0] & 0x3f) * 4;
}

static void read_carried(struct packet *k, struct packet_view v)
{
	struct packet_view inner = packet_skip(v, GENEVE_HEADER + geneve_options(v));

	if (packet_16(v.p + 2) == TYPE_BRIDGE)
		packet_ether(k, inner);
	else
		packet_ethertype(k, packet_16(v.p + 2), inner);
}

void packet_geneve(struct packet *k, struct packet_view v)
{
	bool header = packet_has(v, GENEVE_HEADER);

	packet_table(k, "geneve");
	PACKET_ROWS(k, v, geneve_rows);
	if (header)
		packet_int(k, "options_len", (int64_t)geneve_options(v));
	packet_end(k);
	if (!header || !packet_has(v, GENEVE_HEADER + geneve_options(v)))
		packet_cut(k, "geneve");
	else
		packet_nested(k, "inner", v, read_carried);
}
