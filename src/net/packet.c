/* packet.c - packets: bytes from a wire as a list of fields
 *
 * The bytes come from anywhere: no length and no offset in them is believed.  Nothing is allocated; what doesn't fit
 * into the list is left out, and the list says so.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "net.h"
#include "packet_read.h"

/* one entry of a list has so many fields at most, and so many fields may come after lists */
enum { MAX_NESTED = 4, LIST_ENTRY = 300, AFTER_LISTS = 100 + NET_PACKET_DEPTH };

/* --- the list --- */

/* The next place in the list; NULL: it is full.  What closes tables has places of its own. */
static struct net_packet_field *next(struct packet *k, const char *key, enum net_packet_type type)
{
	struct net_packet *out = k->out;
	struct net_packet_field *f;

	if (out->left_out || out->n + NET_PACKET_DEPTH + 1 >= NET_PACKET_FIELDS) {
		out->full = true;
		return NULL;
	}
	f = &out->v[out->n++];
	f->key = key;
	f->type = (uint8_t)type;
	return f;
}

void packet_int(struct packet *k, const char *key, int64_t value)
{
	struct net_packet_field *f = next(k, key, NET_PACKET_INTEGER);

	if (f)
		f->i = value;
}

void packet_number(struct packet *k, const char *key, double value)
{
	struct net_packet_field *f = next(k, key, NET_PACKET_NUMBER);

	if (f)
		f->d = value;
}

static void put(struct packet *k, const char *key, enum net_packet_type type, const void *p, size_t size)
{
	struct net_packet_field *f = next(k, key, type);

	if (!f)
		return;
	f->p = p;
	f->len = (uint32_t)size;
}

void packet_word(struct packet *k, const char *key, const char *word)
{
	put(k, key, NET_PACKET_BYTES, word, strlen(word));
}

const char *packet_find_word(const struct packet_word *words, unsigned int value)
{
	for (; words->word; words++)
		if (words->value == value)
			return words->word;
	return NULL;
}

void packet_name(struct packet *k, const char *key, const struct packet_word *words, unsigned int value)
{
	const char *word = packet_find_word(words, value);

	if (word)
		packet_word(k, key, word);
	else
		packet_int(k, key, value);
}

void packet_true(struct packet *k, const char *key)
{
	next(k, key, NET_PACKET_TRUE);
}

void packet_ip(struct packet *k, const char *key, const uint8_t *p, size_t size)
{
	put(k, key, NET_PACKET_IP, p, size);
}

void packet_mac(struct packet *k, const char *key, const uint8_t *p, size_t size)
{
	put(k, key, NET_PACKET_MAC, p, size);
}

void packet_bytes(struct packet *k, const char *key, const uint8_t *p, size_t size)
{
	put(k, key, NET_PACKET_BYTES, p, size);
}

void packet_text(struct packet *k, const char *key, const char *text, size_t len)
{
	struct net_packet *out = k->out;

	if (len > sizeof(out->text) - out->used) {
		out->full = true;
		return;
	}
	memcpy(out->text + out->used, text, len);
	put(k, key, NET_PACKET_BYTES, out->text + out->used, len);
	out->used += (uint32_t)len;
}

static void begin(struct packet *k, const char *key, enum net_packet_type type)
{
	if (k->out->open == NET_PACKET_DEPTH || !next(k, key, type)) {
		k->out->full = true;
		k->out->left_out++;
	} else {
		k->out->open++;
	}
}

void packet_table(struct packet *k, const char *key)
{
	begin(k, key, NET_PACKET_TABLE);
}

void packet_list(struct packet *k, const char *key)
{
	begin(k, key, NET_PACKET_LIST);
}

bool packet_room(struct packet *k)
{
	if (k->out->n + LIST_ENTRY + AFTER_LISTS <= NET_PACKET_FIELDS)
		return true;
	k->out->full = true;
	return false;
}

void packet_end(struct packet *k)
{
	struct net_packet *out = k->out;

	if (out->left_out) {
		out->left_out--;
		return;
	}
	out->open--;
	out->v[out->n++] = (struct net_packet_field){.type = NET_PACKET_END};
}

/* --- rows --- */

static uint32_t load(const uint8_t *p, unsigned int size)
{
	uint32_t v = 0;

	while (size--)
		v = v << 8 | *p++;
	return v;
}

static void read_row(struct packet *k, const uint8_t *p, const struct packet_row *row)
{
	uint32_t v;

	switch (row->type) {
	case PACKET_IP: packet_ip(k, row->key, p, row->size); return;
	case PACKET_MAC: packet_mac(k, row->key, p, row->size); return;
	case PACKET_BRIDGE: put(k, row->key, NET_PACKET_BRIDGE, p, row->size); return;
	default: break;
	}
	v = load(p, row->size) >> row->shift;
	if (row->mask)
		v &= row->mask;
	switch (row->type) {
	case PACKET_WORD: packet_name(k, row->key, row->words, v); break;
	case PACKET_LIFETIME:
		if (v == UINT32_MAX)
			packet_word(k, row->key, "forever");
		else
			packet_int(k, row->key, v);
		break;
	case PACKET_256: packet_number(k, row->key, v / 256.0); break;
	case PACKET_MS: packet_number(k, row->key, v / 1000.0); break;
	case PACKET_BIT:
		if (v)
			packet_true(k, row->key);
		break;
	default: packet_int(k, row->key, v);
	}
}

/* packet_rows() - the fields of a header that were captured */
void packet_rows(struct packet *k, struct packet_view v, const struct packet_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (packet_has(v, (size_t)rows[i].at + rows[i].size))
			read_row(k, v.p + rows[i].at, &rows[i]);
}

/* --- whole packets --- */

void packet_cut(struct packet *k, const char *layer)
{
	if (!k->cut)
		k->cut = layer;
}

void packet_payload(struct packet *k, struct packet_view v)
{
	if (v.cap)
		packet_bytes(k, "payload", v.p, v.cap);
}

static void finish(struct packet *k)
{
	if (k->cut)
		packet_word(k, "truncated", k->cut);
}

void packet_nested(struct packet *k, const char *key, struct packet_view v,
		   void (*decode)(struct packet *k, struct packet_view v))
{
	struct packet inner = {.out = k->out, .depth = k->depth + 1};

	if (inner.depth > MAX_NESTED)
		return;
	packet_table(k, key);
	decode(&inner, v);
	finish(&inner);
	packet_end(k);
}

/*
 * net_packet_decode() - take a packet apart
 * @p, @cap: the bytes that were captured; fields of @out point into them
 * @len: how long it was on the wire
 *
 * A packet may be anything; what can't be understood is left out.
 */
void net_packet_decode(const void *p, size_t cap, size_t len, int linktype, struct net_packet *out)
{
	struct packet k = {.out = out};

	out->n = out->used = out->open = out->left_out = 0;
	out->full = false;
	packet_link(&k, linktype, (struct packet_view){p, cap, len > cap ? len : cap});
	finish(&k);
	/* there is always a place left for this one */
	if (out->full)
		out->v[out->n++] = (struct net_packet_field){.key = "incomplete", .type = NET_PACKET_TRUE};
}

/* --- addresses as text --- */

static size_t hex_text(const uint8_t *p, size_t n, char between, char *buf)
{
	static const char digits[] = "0123456789abcdef";
	char *at = buf;

	for (size_t i = 0; i < n; i++) {
		if (i && between)
			*at++ = between;
		*at++ = digits[p[i] >> 4];
		*at++ = digits[p[i] & 15];
	}
	return (size_t)(at - buf);
}

static size_t ip4_text(const uint8_t *p, char *buf)
{
	char *at = buf;

	for (int i = 0; i < 4; i++) {
		unsigned int v = p[i];

		if (i)
			*at++ = '.';
		if (v >= 100)
			*at++ = (char)('0' + v / 100);
		if (v >= 10)
			*at++ = (char)('0' + v / 10 % 10);
		*at++ = (char)('0' + v % 10);
	}
	return (size_t)(at - buf);
}

/* 8000.52:54:00:12:34:56 */
static size_t bridge_text(const uint8_t *p, char *buf)
{
	size_t n = hex_text(p, 2, 0, buf);

	buf[n++] = '.';
	return n + hex_text(p + 2, 6, ':', buf + n);
}

/* net_packet_text() - the text of an address; Return: its length */
size_t net_packet_text(const struct net_packet_field *f, char buf[NET_PACKET_TEXT])
{
	size_t n = f->len < NET_PACKET_TEXT / 3 ? f->len : NET_PACKET_TEXT / 3;

	if (f->type == NET_PACKET_BRIDGE)
		return bridge_text(f->p, buf);
	if (f->type == NET_PACKET_IP && f->len == 4)
		return ip4_text(f->p, buf);
	if (f->type == NET_PACKET_IP && f->len == 16 && inet_ntop(AF_INET6, f->p, buf, NET_PACKET_TEXT))
		return strlen(buf);
	return hex_text(f->p, n, ':', buf);
}
