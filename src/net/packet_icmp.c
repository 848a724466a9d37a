/* packet_icmp.c - ICMP (RFC 792, RFC 1256); the words are those of nft(8) */
#include <netinet/ip_icmp.h>
#include <sys/socket.h>

#include "icmp.h"
#include "packet_read.h"

static const struct packet_word types[] = {
	{ICMP_ECHOREPLY, "echo-reply"},
	{ICMP_DEST_UNREACH, "destination-unreachable"},
	{ICMP_SOURCE_QUENCH, "source-quench"},
	{ICMP_REDIRECT, "redirect"},
	{ICMP_ECHO, "echo-request"},
	{9, "router-advertisement"},
	{10, "router-solicitation"},
	{ICMP_TIME_EXCEEDED, "time-exceeded"},
	{ICMP_PARAMETERPROB, "parameter-problem"},
	{ICMP_TIMESTAMP, "timestamp-request"},
	{ICMP_TIMESTAMPREPLY, "timestamp-reply"},
	{ICMP_INFO_REQUEST, "info-request"},
	{ICMP_INFO_REPLY, "info-reply"},
	{ICMP_ADDRESS, "address-mask-request"},
	{ICMP_ADDRESSREPLY, "address-mask-reply"},
	{0, NULL},
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
static const struct packet_row mtu_rows[] = {
	{"mtu", 6, 2, PACKET_INT, 0, 0, NULL},
};
static const struct packet_row gateway_rows[] = {
	{"gateway", 4, 4, PACKET_IP, 0, 0, NULL},
};
static const struct packet_row pointer_rows[] = {
	{"pointer", 4, 1, PACKET_INT, 0, 0, NULL},
};
static const struct packet_row mask_rows[] = {
	{"mask", 8, 4, PACKET_IP, 0, 0, NULL},
};
static const struct packet_row stamp_rows[] = {
	{"originate", 8, 4, PACKET_INT, 0, 0, NULL},
	{"receive", 12, 4, PACKET_INT, 0, 0, NULL},
	{"transmit", 16, 4, PACKET_INT, 0, 0, NULL},
};

/* What stands behind the checksum; Return: how long a message of this type is at least. */
static size_t read_body(struct packet *k, struct packet_view v)
{
	switch (v.p[0]) {
	case ICMP_ECHO:
	case ICMP_ECHOREPLY: PACKET_ROWS(k, v, id_rows); return ICMP_HEADER;
	case ICMP_DEST_UNREACH:
		if (v.p[1] == ICMP_FRAG_NEEDED)
			PACKET_ROWS(k, v, mtu_rows);
		break;
	case ICMP_REDIRECT: PACKET_ROWS(k, v, gateway_rows); break;
	case ICMP_PARAMETERPROB: PACKET_ROWS(k, v, pointer_rows); break;
	case ICMP_TIME_EXCEEDED: break;
	case ICMP_TIMESTAMP:
	case ICMP_TIMESTAMPREPLY:
		PACKET_ROWS(k, v, id_rows);
		PACKET_ROWS(k, v, stamp_rows);
		return 20;
	case ICMP_ADDRESS:
	case ICMP_ADDRESSREPLY:
		PACKET_ROWS(k, v, id_rows);
		PACKET_ROWS(k, v, mask_rows);
		return 12;
	default: return 4;
	}
	packet_nested(k, "quoted", packet_skip(v, ICMP_HEADER), packet_ip4);
	return ICMP_HEADER + 20;
}

void packet_icmp4(struct packet *k, struct packet_view v)
{
	size_t least = 4;
	const char *error;
	bool echo;

	packet_table(k, "icmp");
	PACKET_ROWS(k, v, header_rows);
	if (packet_has(v, 4)) {
		error = icmp_error_name(AF_INET, v.p[0], v.p[1]);
		if (error)
			packet_word(k, "error", error);
		least = read_body(k, v);
	}
	packet_int(k, "len", (int64_t)v.len);
	packet_end(k);
	echo = packet_has(v, ICMP_HEADER) && (v.p[0] == ICMP_ECHO || v.p[0] == ICMP_ECHOREPLY);
	if (!packet_has(v, least))
		packet_cut(k, "icmp");
	else if (echo)
		packet_payload(k, packet_skip(v, ICMP_HEADER));
}
