/* packet_icmp6.c - ICMPv6 (RFC 4443), neighbour discovery (RFC 4861), multicast listeners (RFC 3810) */
#include <netinet/icmp6.h>
#include <sys/socket.h>

#include "icmp.h"
#include "packet_read.h"

enum { QUERY = 130, REPORT, DONE, REPORT2 = 143 };

static const struct packet_word types[] = {
	{ICMP6_DST_UNREACH, "destination-unreachable"},
	{ICMP6_PACKET_TOO_BIG, "packet-too-big"},
	{ICMP6_TIME_EXCEEDED, "time-exceeded"},
	{ICMP6_PARAM_PROB, "parameter-problem"},
	{ICMP6_ECHO_REQUEST, "echo-request"},
	{ICMP6_ECHO_REPLY, "echo-reply"},
	{QUERY, "mld-listener-query"},
	{REPORT, "mld-listener-report"},
	{DONE, "mld-listener-done"},
	{ND_ROUTER_SOLICIT, "nd-router-solicit"},
	{ND_ROUTER_ADVERT, "nd-router-advert"},
	{ND_NEIGHBOR_SOLICIT, "nd-neighbor-solicit"},
	{ND_NEIGHBOR_ADVERT, "nd-neighbor-advert"},
	{ND_REDIRECT, "nd-redirect"},
	{138, "router-renumbering"},
	{141, "ind-neighbor-solicit"},
	{142, "ind-neighbor-advert"},
	{REPORT2, "mld2-listener-report"},
	{0, NULL},
};
static const struct packet_word preferences[] = {{0, "medium"}, {1, "high"}, {3, "low"}, {0, NULL}};
static const struct packet_word changes[] = {
	{1, "is_in"}, {2, "is_ex"}, {3, "to_in"}, {4, "to_ex"}, {5, "allow"}, {6, "block"}, {0, NULL},
};

static const struct packet_row header_rows[] = {
	{"type", 0, 1, PACKET_WORD, 0, 0, types},
	{"code", 1, 1, PACKET_INT, 0, 0, NULL},
	{"checksum", 2, 2, PACKET_INT, 0, 0, NULL},
};
static const struct packet_row id_rows[] = {
	{"id", 4, 2, PACKET_INT, 0, 0, NULL},
	{"seq", 6, 2, PACKET_INT, 0, 0, NULL},
};
static const struct packet_row mtu_rows[] = {{"mtu", 4, 4, PACKET_INT, 0, 0, NULL}};
static const struct packet_row pointer_rows[] = {{"pointer", 4, 4, PACKET_INT, 0, 0, NULL}};
static const struct packet_row advert_rows[] = {
	{"hop_limit", 4, 1, PACKET_INT, 0, 0, NULL}, {"managed", 5, 1, PACKET_BIT, 7, 1, NULL},
	{"other", 5, 1, PACKET_BIT, 6, 1, NULL},     {"preference", 5, 1, PACKET_WORD, 3, 3, preferences},
	{"lifetime", 6, 2, PACKET_INT, 0, 0, NULL},  {"reachable", 8, 4, PACKET_MS, 0, 0, NULL},
	{"retrans", 12, 4, PACKET_MS, 0, 0, NULL},
};
static const struct packet_row target_rows[] = {{"target", 8, 16, PACKET_IP, 0, 0, NULL}};
static const struct packet_row neighbour_flag_rows[] = {
	{"router", 4, 1, PACKET_BIT, 7, 1, NULL},
	{"solicited", 4, 1, PACKET_BIT, 6, 1, NULL},
	{"override", 4, 1, PACKET_BIT, 5, 1, NULL},
};
static const struct packet_row redirect_rows[] = {
	{"target", 8, 16, PACKET_IP, 0, 0, NULL},
	{"dst", 24, 16, PACKET_IP, 0, 0, NULL},
};
static const struct packet_row listener_rows[] = {
	{"max_delay", 4, 2, PACKET_MS, 0, 0, NULL},
	{"group", 8, 16, PACKET_IP, 0, 0, NULL},
};
/* options, from their type on */
static const struct packet_row prefix_rows[] = {
	{"prefix", 16, 16, PACKET_IP, 0, 0, NULL},    {"prefix_len", 2, 1, PACKET_INT, 0, 0, NULL},
	{"onlink", 3, 1, PACKET_BIT, 7, 1, NULL},     {"autonomous", 3, 1, PACKET_BIT, 6, 1, NULL},
	{"valid", 4, 4, PACKET_LIFETIME, 0, 0, NULL}, {"preferred", 8, 4, PACKET_LIFETIME, 0, 0, NULL},
};
static const struct packet_row lifetime_rows[] = {{"lifetime", 4, 4, PACKET_LIFETIME, 0, 0, NULL}};
static const struct packet_row record_rows[] = {
	{"change", 0, 1, PACKET_WORD, 0, 0, changes},
	{"group", 4, 16, PACKET_IP, 0, 0, NULL},
};

/* --- options of neighbour discovery --- */

enum { SOURCE_MAC = 1, TARGET_MAC, PREFIX, REDIRECTED, MTU, RDNSS = 25 };

static void read_addresses(struct packet *k, const char *key, struct packet_view v)
{
	packet_list(k, key);
	for (; packet_room(k) && packet_has(v, 16); v = packet_skip(v, 16))
		packet_ip(k, NULL, v.p, 16);
	packet_end(k);
}

static void read_option(struct packet *k, struct packet_view v)
{
	packet_table(k, NULL);
	switch (v.p[0]) {
	case SOURCE_MAC: packet_mac(k, "source_mac", v.p + 2, v.cap - 2); break;
	case TARGET_MAC: packet_mac(k, "target_mac", v.p + 2, v.cap - 2); break;
	case PREFIX: PACKET_ROWS(k, v, prefix_rows); break;
	case REDIRECTED: packet_nested(k, "quoted", packet_skip(v, 8), packet_ip6); break;
	case MTU: PACKET_ROWS(k, v, mtu_rows); break;
	case RDNSS:
		PACKET_ROWS(k, v, lifetime_rows);
		read_addresses(k, "rdnss", packet_skip(v, 8));
		break;
	default: packet_int(k, "type", v.p[0]);
	}
	packet_end(k);
}

/* A list of them; false: the captured bytes end in one. */
static bool read_options(struct packet *k, struct packet_view v)
{
	packet_list(k, "options");
	while (packet_room(k) && packet_has(v, 2) && v.p[1] && packet_has(v, (size_t)v.p[1] * 8)) {
		size_t n = (size_t)v.p[1] * 8;

		read_option(k, packet_take(v, n));
		v = packet_skip(v, n);
	}
	packet_end(k);
	return v.len == 0;
}

/* --- multicast listeners, version 2 --- */

static bool read_records(struct packet *k, struct packet_view v)
{
	unsigned int n = packet_has(v, 8) ? packet_16(v.p + 6) : 0;
	bool whole = packet_has(v, 8);

	if (whole)
		packet_int(k, "count", n);
	v = packet_skip(v, 8);
	packet_list(k, "records");
	for (; n > 0 && whole && packet_room(k); n--) {
		size_t sources = packet_has(v, 20) ? (size_t)packet_16(v.p + 2) * 16 : 0;

		whole = packet_has(v, 20 + sources);
		if (!whole)
			break;
		packet_table(k, NULL);
		PACKET_ROWS(k, v, record_rows);
		read_addresses(k, "sources", packet_take(packet_skip(v, 20), sources));
		packet_end(k);
		v = packet_skip(v, 20 + sources + (size_t)v.p[1] * 4);
	}
	packet_end(k);
	return whole;
}

/* --- messages --- */

static bool rows_of(struct packet *k, struct packet_view v, const struct packet_row *rows, size_t n, size_t size)
{
	packet_rows(k, v, rows, n);
	return packet_has(v, size);
}

#define READ(rows, size) rows_of(k, v, rows, sizeof(rows) / sizeof(*(rows)), size)

/* Errors; false: the captured bytes end in it. */
static bool read_error(struct packet *k, struct packet_view v)
{
	if (v.p[0] == ICMP6_PACKET_TOO_BIG)
		PACKET_ROWS(k, v, mtu_rows);
	if (v.p[0] == ICMP6_PARAM_PROB)
		PACKET_ROWS(k, v, pointer_rows);
	packet_nested(k, "quoted", packet_skip(v, ICMP_HEADER), packet_ip6);
	return packet_has(v, ICMP_HEADER + (v.p[0] == ICMP6_PACKET_TOO_BIG ? 0 : 40));
}

static bool read_neighbour(struct packet *k, struct packet_view v)
{
	if (v.p[0] == ND_NEIGHBOR_ADVERT) {
		packet_table(k, "flags");
		PACKET_ROWS(k, v, neighbour_flag_rows);
		packet_end(k);
	}
	return READ(target_rows, 24) && read_options(k, packet_skip(v, 24));
}

/* What stands behind the checksum; false: the captured bytes end in it. */
static bool read_body(struct packet *k, struct packet_view v)
{
	switch (v.p[0]) {
	case ICMP6_ECHO_REQUEST:
	case ICMP6_ECHO_REPLY: return READ(id_rows, 8);
	case ICMP6_DST_UNREACH:
	case ICMP6_PACKET_TOO_BIG:
	case ICMP6_TIME_EXCEEDED:
	case ICMP6_PARAM_PROB: return read_error(k, v);
	case ND_ROUTER_SOLICIT: return packet_has(v, 8) && read_options(k, packet_skip(v, 8));
	case ND_ROUTER_ADVERT: return READ(advert_rows, 16) && read_options(k, packet_skip(v, 16));
	case ND_NEIGHBOR_SOLICIT:
	case ND_NEIGHBOR_ADVERT: return read_neighbour(k, v);
	case ND_REDIRECT: return READ(redirect_rows, 40) && read_options(k, packet_skip(v, 40));
	case QUERY:
	case REPORT:
	case DONE: return READ(listener_rows, 24);
	case REPORT2: return read_records(k, v);
	default: return true;
	}
}

void packet_icmp6(struct packet *k, struct packet_view v)
{
	const char *error;
	bool whole = false;

	packet_table(k, "icmp");
	PACKET_ROWS(k, v, header_rows);
	if (packet_has(v, 4)) {
		error = icmp_error_name(AF_INET6, v.p[0], v.p[1]);
		if (error)
			packet_word(k, "error", error);
		whole = read_body(k, v);
	}
	packet_int(k, "len", (int64_t)v.len);
	packet_end(k);
	if (!whole)
		packet_cut(k, "icmp6");
	else if (v.p[0] == ICMP6_ECHO_REQUEST || v.p[0] == ICMP6_ECHO_REPLY)
		packet_payload(k, packet_skip(v, ICMP_HEADER));
}
