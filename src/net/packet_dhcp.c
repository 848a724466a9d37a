/* packet_dhcp.c - DHCP and BOOTP (RFC 2131, RFC 2132) */
#include "packet_read.h"

enum { BOOTP_HEADER = 236, COOKIE = 0x63825363, MESSAGE_TYPE = 53 };

enum option_type { IP, IPS, NUMBER, TEXT, BYTES };

static const struct packet_word operations[] = {{1, "request"}, {2, "reply"}, {0, NULL}};
static const struct packet_word messages[] = {
	{1, "discover"}, {2, "offer"},	 {3, "request"}, {4, "decline"}, {5, "ack"},
	{6, "nak"},	 {7, "release"}, {8, "inform"},	 {0, NULL},
};

static const struct packet_row header_rows[] = {
	{"op", 0, 1, PACKET_WORD, 0, 0, operations},   {"hops", 3, 1, PACKET_INT, 0, 0, NULL},
	{"xid", 4, 4, PACKET_INT, 0, 0, NULL},	       {"secs", 8, 2, PACKET_INT, 0, 0, NULL},
	{"broadcast", 10, 2, PACKET_BIT, 15, 1, NULL},
};
static const struct packet_row address_rows[] = {
	{"ciaddr", 12, 4, PACKET_IP, 0, 0, NULL},
	{"yiaddr", 16, 4, PACKET_IP, 0, 0, NULL},
	{"siaddr", 20, 4, PACKET_IP, 0, 0, NULL},
	{"giaddr", 24, 4, PACKET_IP, 0, 0, NULL},
};

/* Options by their number; in a list each has its own. */
static const struct option {
	uint8_t code;
	uint8_t type;
	const char *key;
} options[] = {
	{1, IP, "netmask"},	      {3, IPS, "routers"},
	{6, IPS, "dns_servers"},      {12, TEXT, "hostname"},
	{15, TEXT, "domain"},	      {26, NUMBER, "mtu"},
	{28, IP, "broadcast"},	      {42, IPS, "ntp_servers"},
	{50, IP, "requested_ip"},     {51, NUMBER, "lease_time"},
	{54, IP, "server_id"},	      {55, BYTES, "parameters"},
	{56, TEXT, "message"},	      {57, NUMBER, "max_size"},
	{58, NUMBER, "renewal_time"}, {59, NUMBER, "rebinding_time"},
	{60, TEXT, "vendor_class"},   {61, BYTES, "client_id"},
	{66, TEXT, "tftp_server"},    {67, TEXT, "bootfile"},
};

static void read_number(struct packet *k, const char *key, struct packet_view v)
{
	if (v.cap == 1)
		packet_int(k, key, v.p[0]);
	else if (v.cap == 2)
		packet_int(k, key, packet_16(v.p));
	else if (v.cap == 4)
		packet_int(k, key, packet_32(v.p));
}

static void read_option(struct packet *k, const struct option *o, struct packet_view v)
{
	switch (o->type) {
	case IP:
		if (v.cap == 4)
			packet_ip(k, o->key, v.p, 4);
		break;
	case IPS:
		packet_list(k, o->key);
		for (; packet_has(v, 4); v = packet_skip(v, 4))
			packet_ip(k, NULL, v.p, 4);
		packet_end(k);
		break;
	case NUMBER: read_number(k, o->key, v); break;
	case TEXT: packet_bytes(k, o->key, v.p, v.cap); break;
	default: /* numbers, each a byte */
		packet_list(k, o->key);
		for (size_t i = 0; i < v.cap; i++)
			packet_int(k, NULL, v.p[i]);
		packet_end(k);
	}
}

static const struct option *find(unsigned int code)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		if (options[i].code == code)
			return &options[i];
	return NULL;
}

/* Return: the kind of message, 0: none is told */
static unsigned int read_options(struct packet *k, struct packet_view v)
{
	unsigned int message = 0;

	packet_table(k, "options");
	while (packet_room(k) && packet_has(v, 1) && v.p[0] != 255) {
		unsigned int code = v.p[0];
		size_t n = code == 0 ? 1 : packet_has(v, 2) ? 2u + v.p[1] : 3;
		const struct option *o = find(code);

		if (!packet_has(v, n)) {
			packet_cut(k, "bootp");
			break;
		}
		if (o)
			read_option(k, o, packet_skip(packet_take(v, n), 2));
		else if (code == MESSAGE_TYPE && n == 3)
			message = v.p[2];
		v = packet_skip(v, n);
	}
	packet_end(k);
	return message;
}

void packet_dhcp(struct packet *k, struct packet_view v)
{
	unsigned int message = 0;

	packet_table(k, "dhcp");
	PACKET_ROWS(k, v, header_rows);
	for (size_t i = 0; i < sizeof(address_rows) / sizeof(*address_rows); i++)
		if (packet_has(v, BOOTP_HEADER) && packet_32(v.p + address_rows[i].at) != 0)
			packet_rows(k, v, &address_rows[i], 1);
	if (packet_has(v, 34) && v.p[1] == 1 && v.p[2] == 6)
		packet_mac(k, "chaddr", v.p + 28, 6);
	if (!packet_has(v, BOOTP_HEADER))
		packet_cut(k, "bootp");
	else if (packet_has(v, BOOTP_HEADER + 4) && packet_32(v.p + BOOTP_HEADER) == COOKIE)
		message = read_options(k, packet_skip(v, BOOTP_HEADER + 4));
	if (message)
		packet_name(k, "type", messages, message);
	packet_int(k, "len", (int64_t)v.len);
	packet_end(k);
}
