/* packet_dns.c - DNS and multicast DNS messages (RFC 1035, RFC 6762, RFC 6891) */
#include "packet_read.h"

enum { DNS_HEADER = 12, MAX_NAME = 255 };

enum { A = 1, NS = 2, CNAME = 5, SOA = 6, PTR = 12, MX = 15, TXT = 16, AAAA = 28, SRV = 33, DNAME = 39, OPT = 41 };

static const struct packet_word types[] = {
	{A, "A"},     {NS, "NS"},     {CNAME, "CNAME"}, {SOA, "SOA"},  {PTR, "PTR"},   {13, "HINFO"},	 {MX, "MX"},
	{TXT, "TXT"}, {AAAA, "AAAA"}, {29, "LOC"},	{SRV, "SRV"},  {35, "NAPTR"},  {DNAME, "DNAME"}, {OPT, "OPT"},
	{43, "DS"},   {44, "SSHFP"},  {46, "RRSIG"},	{47, "NSEC"},  {48, "DNSKEY"}, {50, "NSEC3"},	 {52, "TLSA"},
	{64, "SVCB"}, {65, "HTTPS"},  {249, "TKEY"},	{250, "TSIG"}, {251, "IXFR"},  {252, "AXFR"},	 {255, "ANY"},
	{256, "URI"}, {257, "CAA"},   {0, NULL},
};
static const struct packet_word classes[] = {{1, "IN"}, {3, "CH"}, {4, "HS"}, {254, "NONE"}, {255, "ANY"}, {0, NULL}};
static const struct packet_word opcodes[] = {
	{0, "query"}, {1, "iquery"}, {2, "status"}, {4, "notify"}, {5, "update"}, {0, NULL},
};
static const struct packet_word rcodes[] = {
	{0, "NOERROR"},	 {1, "FORMERR"},  {2, "SERVFAIL"},   {3, "NXDOMAIN"}, {4, "NOTIMP"},
	{5, "REFUSED"},	 {6, "YXDOMAIN"}, {7, "YXRRSET"},    {8, "NXRRSET"},  {9, "NOTAUTH"},
	{10, "NOTZONE"}, {16, "BADVERS"}, {23, "BADCOOKIE"}, {0, NULL},
};

static const struct packet_row header_rows[] = {
	{"id", 0, 2, PACKET_INT, 0, 0, NULL},	    {"opcode", 2, 1, PACKET_WORD, 3, 15, opcodes},
	{"response", 2, 1, PACKET_BIT, 7, 1, NULL}, {"aa", 2, 1, PACKET_BIT, 2, 1, NULL},
	{"tc", 2, 1, PACKET_BIT, 1, 1, NULL},	    {"rd", 2, 1, PACKET_BIT, 0, 1, NULL},
	{"ra", 3, 1, PACKET_BIT, 7, 1, NULL},	    {"ad", 3, 1, PACKET_BIT, 5, 1, NULL},
	{"cd", 3, 1, PACKET_BIT, 4, 1, NULL},
};
static const struct packet_row count_rows[] = {
	{"questions", 4, 2, PACKET_INT, 0, 0, NULL},
	{"answers", 6, 2, PACKET_INT, 0, 0, NULL},
	{"authorities", 8, 2, PACKET_INT, 0, 0, NULL},
	{"additionals", 10, 2, PACKET_INT, 0, 0, NULL},
};
static const struct packet_row mx_rows[] = {{"preference", 0, 2, PACKET_INT, 0, 0, NULL}};
static const struct packet_row srv_rows[] = {
	{"priority", 0, 2, PACKET_INT, 0, 0, NULL},
	{"weight", 2, 2, PACKET_INT, 0, 0, NULL},
	{"port", 4, 2, PACKET_INT, 0, 0, NULL},
};

/* A message that is being read; names point back into it. */
struct message {
	struct packet *k;
	struct packet_view v;
	size_t at;
	bool cut;
	unsigned int rcode;
};

/* --- names --- */

struct text {
	char s[3 * MAX_NAME]; /* each byte with a backslash, and a dot */
	size_t n;
};

/* Dots and backslashes in a label get a backslash, as in a zone file. */
static void add_label(struct text *t, const uint8_t *p, size_t n)
{
	if (t->n)
		t->s[t->n++] = '.';
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '.' || p[i] == '\\')
			t->s[t->n++] = '\\';
		t->s[t->n++] = (char)p[i];
	}
}

/*
 * The name at @at; a pointer in it must point further back than all before.
 * Return: where it ends in the message; 0: it is none, or was not captured in whole.
 */
static size_t read_name(const struct packet_view *v, size_t at, struct text *t)
{
	size_t end = 0, back = at, whole = 0;

	for (t->n = 0; at < v->cap;) {
		size_t n = v->p[at];

		if (n == 0)
			return end ? end : at + 1;
		if (n >= 0xc0) {
			if (at + 2 > v->cap)
				return 0;
			if (!end)
				end = at + 2;
			at = packet_16(v->p + at) & 0x3fff;
			if (at >= back)
				return 0;
			back = at;
			continue;
		}
		whole += n + 1;
		if (n > 63 || whole > MAX_NAME || at + 1 + n > v->cap)
			return 0;
		add_label(t, v->p + at + 1, n);
		at += 1 + n;
	}
	return 0;
}

/* Puts the name at @at and returns where it ends; 0: there is none. */
static size_t put_name(struct message *m, const char *key, size_t at)
{
	struct text t;
	size_t end = read_name(&m->v, at, &t);

	if (!end)
		m->cut = true;
	else if (t.n)
		packet_text(m->k, key, t.s, t.n);
	else
		packet_word(m->k, key, ".");
	return end;
}

/* --- questions and records --- */

static void put_class(struct message *m, unsigned int class, const char *flag)
{
	if (class & 0x8000)
		packet_true(m->k, flag); /* of multicast DNS */
	packet_name(m->k, "class", classes, class & 0x7fff);
}

static void end_entry(struct message *m)
{
	if (m->cut)
		packet_true(m->k, "truncated");
	packet_end(m->k);
}

static void read_question(struct message *m)
{
	size_t end;

	packet_table(m->k, NULL);
	end = put_name(m, "name", m->at);
	if (end && end + 4 <= m->v.cap) {
		packet_name(m->k, "type", types, packet_16(m->v.p + end));
		put_class(m, packet_16(m->v.p + end + 2), "unicast");
		m->at = end + 4;
	} else {
		m->cut = true;
	}
	end_entry(m);
}

static void read_soa(struct message *m, size_t at, struct packet_view v)
{
	static const struct packet_row rows[] = {
		{"serial", 0, 4, PACKET_INT, 0, 0, NULL},   {"refresh", 4, 4, PACKET_INT, 0, 0, NULL},
		{"retry", 8, 4, PACKET_INT, 0, 0, NULL},    {"expire", 12, 4, PACKET_INT, 0, 0, NULL},
		{"minimum", 16, 4, PACKET_INT, 0, 0, NULL},
	};
	size_t begin = at;

	at = put_name(m, "data", at);
	at = at ? put_name(m, "mail", at) : 0;
	if (at)
		PACKET_ROWS(m->k, packet_skip(v, at - begin), rows);
}

/* One text or several: the first as data, all as a list where there are several. */
static void read_texts(struct message *m, struct packet_view v)
{
	if (packet_has(v, 1) && packet_has(v, 1u + v.p[0]))
		packet_bytes(m->k, "data", v.p + 1, v.p[0]);
	packet_list(m->k, "texts");
	for (; packet_room(m->k) && packet_has(v, 1) && packet_has(v, 1u + v.p[0]); v = packet_skip(v, 1u + v.p[0]))
		packet_bytes(m->k, NULL, v.p + 1, v.p[0]);
	packet_end(m->k);
}

/* @at: where the data stands in the message, for names */
static void read_data(struct message *m, unsigned int type, size_t at, struct packet_view v)
{
	switch (type) {
	case A:
	case AAAA:
		if (v.len == (type == A ? 4 : 16))
			packet_ip(m->k, "data", v.p, v.len);
		break;
	case NS:
	case CNAME:
	case PTR:
	case DNAME: put_name(m, "data", at); break;
	case MX:
		PACKET_ROWS(m->k, v, mx_rows);
		put_name(m, "data", at + 2);
		break;
	case SRV:
		PACKET_ROWS(m->k, v, srv_rows);
		put_name(m, "data", at + 6);
		break;
	case SOA: read_soa(m, at, v); break;
	case TXT: read_texts(m, v); break;
	case OPT: break;
	default: packet_bytes(m->k, "data", v.p, v.cap);
	}
}

static void read_opt(struct message *m, const uint8_t *p)
{
	packet_int(m->k, "udp_size", packet_16(p + 2));
	if (p[6] & 0x80)
		packet_true(m->k, "dnssec_ok");
	m->rcode |= (unsigned int)p[4] << 4;
}

static void read_record(struct message *m)
{
	size_t end, n;
	const uint8_t *p;

	packet_table(m->k, NULL);
	end = put_name(m, "name", m->at);
	if (end && end + 10 <= m->v.cap) {
		p = m->v.p + end;
		n = packet_16(p + 8);
		packet_name(m->k, "type", types, packet_16(p));
		if (packet_16(p) == OPT) {
			read_opt(m, p);
		} else {
			put_class(m, packet_16(p + 2), "flush");
			packet_int(m->k, "ttl", packet_32(p + 4));
		}
		m->at = end + 10 + n;
		m->cut = m->at > m->v.cap;
		if (!m->cut)
			read_data(m, packet_16(p), end + 10, packet_take(packet_skip(m->v, end + 10), n));
	} else {
		m->cut = true;
	}
	end_entry(m);
}

static void read_list(struct message *m, const char *key, unsigned int n, void (*read)(struct message *m))
{
	if (n == 0)
		return;
	packet_list(m->k, key);
	for (; n > 0 && !m->cut && packet_room(m->k); n--)
		read(m);
	packet_end(m->k);
}

/* packet_dns() - a whole message */
void packet_dns(struct packet *k, struct packet_view v)
{
	struct message m = {.k = k, .v = v, .at = DNS_HEADER};

	packet_table(k, "dns");
	PACKET_ROWS(k, v, header_rows);
	packet_table(k, "counts");
	PACKET_ROWS(k, v, count_rows);
	packet_end(k);
	if (packet_has(v, DNS_HEADER)) {
		m.rcode = v.p[3] & 15;
		read_list(&m, "questions", packet_16(v.p + 4), read_question);
		read_list(&m, "answers", packet_16(v.p + 6), read_record);
		read_list(&m, "authorities", packet_16(v.p + 8), read_record);
		read_list(&m, "additionals", packet_16(v.p + 10), read_record);
		packet_name(k, "rcode", rcodes, m.rcode);
	} else {
		m.cut = true;
	}
	packet_int(k, "len", (int64_t)v.len);
	packet_end(k);
	if (m.cut)
		packet_cut(k, "domain");
}
