/* packet_udp.c - UDP (RFC 768), and what is known by its port: VXLAN, Geneve, DHCP, DNS */
#include "packet_read.h"

enum { UDP_HEADER = 8 };

static const struct packet_row rows[] = {
	{"sport", 0, 2, PACKET_INT, 0, 0, NULL},
	{"dport", 2, 2, PACKET_INT, 0, 0, NULL},
	{"checksum", 6, 2, PACKET_INT, 0, 0, NULL},
};

/* What is known by a port, at either end. */
static const struct service {
	uint16_t port;
	void (*read)(struct packet *k, struct packet_view v);
} services[] = {
	{53, packet_dns},     {5353, packet_dns},   {67, packet_dhcp},	   {68, packet_dhcp},
	{4789, packet_vxlan}, {8472, packet_vxlan}, {6081, packet_geneve},
};

static void read_carried(struct packet *k, unsigned int sport, unsigned int dport, struct packet_view v)
{
	for (size_t i = 0; i < sizeof(services) / sizeof(*services); i++) {
		if (services[i].port == sport || services[i].port == dport) {
			services[i].read(k, v);
			return;
		}
	}
	packet_payload(k, v);
}

void packet_udp(struct packet *k, struct packet_view v)
{
	size_t len;

	packet_table(k, "udp");
	PACKET_ROWS(k, v, rows);
	len = packet_has(v, UDP_HEADER) ? packet_16(v.p + 4) : 0;
	if (packet_has(v, UDP_HEADER)) {
		if (len >= UDP_HEADER)
			packet_int(k, "len", (int64_t)len - UDP_HEADER);
		else
			packet_int(k, "bad_len", (int64_t)len);
		if (len > v.len && !k->fragment)
			packet_int(k, "missing", (int64_t)(len - v.len));
	}
	packet_end(k);
	if (!packet_has(v, UDP_HEADER)) {
		packet_cut(k, "udp");
		return;
	}
	if (len < UDP_HEADER)
		return;
	read_carried(k, packet_16(v.p), packet_16(v.p + 2), packet_skip(packet_take(v, len), UDP_HEADER));
}
