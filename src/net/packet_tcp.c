/* packet_tcp.c - TCP (RFC 9293) and its options */
#include "packet_read.h"

enum { TCP_HEADER = 20, DNS_PORT = 53 };

enum { OPT_END, OPT_NOP, OPT_MSS, OPT_WSCALE, OPT_SACK_OK, OPT_SACK, OPT_TS = 8 };

static const struct packet_word options[] = {
	{OPT_END, "eol"},
	{OPT_NOP, "nop"},
	{OPT_MSS, "mss"},
	{OPT_WSCALE, "wscale"},
	{OPT_SACK_OK, "sack_ok"},
	{OPT_SACK, "sack"},
	{OPT_TS, "ts"},
	{19, "md5"},
	{28, "uto"},
	{29, "tcp-ao"},
	{30, "mptcp"},
	{34, "tfo"},
	{0, NULL},
};

static const struct packet_row rows[] = {
	{"sport", 0, 2, PACKET_INT, 0, 0, NULL},   {"dport", 2, 2, PACKET_INT, 0, 0, NULL},
	{"seq", 4, 4, PACKET_INT, 0, 0, NULL},	   {"ack", 8, 4, PACKET_INT, 0, 0, NULL},
	{"window", 14, 2, PACKET_INT, 0, 0, NULL}, {"checksum", 16, 2, PACKET_INT, 0, 0, NULL},
	{"urgent", 18, 2, PACKET_INT, 0, 0, NULL},
};
/* in the order of tcpdump's letters */
static const struct packet_row flag_rows[] = {
	{"fin", 12, 2, PACKET_BIT, 0, 1, NULL}, {"syn", 12, 2, PACKET_BIT, 1, 1, NULL},
	{"rst", 12, 2, PACKET_BIT, 2, 1, NULL}, {"psh", 12, 2, PACKET_BIT, 3, 1, NULL},
	{"ack", 12, 2, PACKET_BIT, 4, 1, NULL}, {"urg", 12, 2, PACKET_BIT, 5, 1, NULL},
	{"ece", 12, 2, PACKET_BIT, 6, 1, NULL}, {"cwr", 12, 2, PACKET_BIT, 7, 1, NULL},
	{"ae", 12, 2, PACKET_BIT, 8, 1, NULL},
};
static const char letters[] = "FSRP.UEW";

static void read_flags(struct packet *k, struct packet_view v)
{
	char text[sizeof(letters)];
	unsigned int flags;
	size_t n = 0;

	if (!packet_has(v, 14))
		return;
	flags = packet_16(v.p + 12) & 0x1ff;
	for (unsigned int i = 0; i < sizeof(letters) - 1; i++)
		if (flags & 1u << i)
			text[n++] = letters[i];
	packet_table(k, "flags");
	PACKET_ROWS(k, v, flag_rows);
	if (n)
		packet_text(k, "text", text, n);
	else
		packet_word(k, "text", "none");
	packet_end(k);
}

static void read_sack(struct packet *k, struct packet_view v)
{
	packet_list(k, "sack");
	for (; packet_has(v, 8); v = packet_skip(v, 8)) {
		packet_table(k, NULL);
		packet_int(k, "left", packet_32(v.p));
		packet_int(k, "right", packet_32(v.p + 4));
		packet_end(k);
	}
	packet_end(k);
}

static void read_stamps(struct packet *k, struct packet_view v)
{
	packet_table(k, "ts");
	packet_int(k, "val", packet_32(v.p));
	packet_int(k, "ecr", packet_32(v.p + 4));
	packet_end(k);
}

/* The value of one option, which has the length that it must have; false: it has not. */
static bool read_option(struct packet *k, unsigned int kind, struct packet_view v)
{
	switch (kind) {
	case OPT_MSS:
		if (v.len != 2)
			return false;
		packet_int(k, "mss", packet_16(v.p));
		return true;
	case OPT_WSCALE:
		if (v.len != 1)
			return false;
		packet_int(k, "wscale", v.p[0]);
		return true;
	case OPT_SACK_OK: packet_true(k, "sack_ok"); return v.len == 0;
	case OPT_SACK: read_sack(k, v); return v.len % 8 == 0;
	case OPT_TS:
		if (v.len != 8)
			return false;
		read_stamps(k, v);
		return true;
	default: return true;
	}
}

/* How long the first option is; 0: not known, it ends behind the header or behind what was captured. */
static size_t option_len(struct packet_view v)
{
	if (v.p[0] <= OPT_NOP)
		return 1;
	if (!packet_has(v, 2) || v.p[1] < 2 || !packet_has(v, v.p[1]))
		return 0;
	return v.p[1];
}

/* Their values by name. */
static void read_values(struct packet *k, struct packet_view v)
{
	bool good = true;
	size_t n;

	while (good && packet_has(v, 1) && v.p[0] != OPT_END) {
		n = option_len(v);
		good = n ? n == 1 || read_option(k, v.p[0], packet_skip(packet_take(v, n), 2)) : v.cap < v.len;
		if (!n)
			break;
		v = packet_skip(v, n);
	}
	if (!good)
		packet_true(k, "bad");
}

/* In `order`, their names as they come. */
static void read_options(struct packet *k, struct packet_view v)
{
	packet_table(k, "options");
	read_values(k, v);
	packet_list(k, "order");
	while (packet_has(v, 1)) {
		size_t n = v.p[0] == OPT_END ? v.cap : option_len(v);

		if (!n)
			break;
		packet_name(k, NULL, options, v.p[0]);
		v = packet_skip(v, n);
	}
	packet_end(k);
	packet_end(k);
}

/* A DNS message has its length before it; one that comes in parts is not put together. */
static void read_carried(struct packet *k, unsigned int sport, unsigned int dport, struct packet_view v)
{
	if ((sport == DNS_PORT || dport == DNS_PORT) && packet_has(v, 2) && packet_16(v.p) + 2u == v.len)
		packet_dns(k, packet_skip(v, 2));
	else
		packet_payload(k, v);
}

void packet_tcp(struct packet *k, struct packet_view v)
{
	size_t header = packet_has(v, 13) ? (size_t)(v.p[12] >> 4) * 4 : TCP_HEADER;
	bool fits = header >= TCP_HEADER && header <= v.len;

	packet_table(k, "tcp");
	PACKET_ROWS(k, v, rows);
	read_flags(k, v);
	if (packet_has(v, TCP_HEADER)) {
		packet_int(k, "header_len", (int64_t)header);
		packet_int(k, "len", fits ? (int64_t)(v.len - header) : 0);
		if (fits && header > TCP_HEADER)
			read_options(k, packet_skip(packet_take(v, header), TCP_HEADER));
	}
	packet_end(k);
	if (!packet_has(v, TCP_HEADER) || (fits && !packet_has(v, header)))
		packet_cut(k, "tcp");
	else if (fits)
		read_carried(k, packet_16(v.p), packet_16(v.p + 2), packet_skip(v, header));
}
