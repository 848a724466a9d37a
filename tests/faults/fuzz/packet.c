/* packet.c - packets: whatever the bytes are, the list of fields is a proper one and points to what there is
 *
 * Input: a byte for the link type, one of no meaning, two with what was on the wire beyond the bytes that were
 * captured; the packet.
 */
#include "fuzz.h"

static const int linktypes[] = {1, 0, 12, 101, 108, 113, 276, 228, 229};

static void read_field(const struct net_packet *packet, const struct net_packet_field *f, const uint8_t *p, size_t size)
{
	char buf[NET_PACKET_TEXT];
	volatile char sink = 0;
	const char *s = f->p;

	switch (f->type) {
	case NET_PACKET_IP:
	case NET_PACKET_MAC:
	case NET_PACKET_BRIDGE:
		HOLDS((const uint8_t *)s >= p && f->len <= size, "%s lies outside", f->key ? f->key : "an element");
		HOLDS(net_packet_text(f, buf) < sizeof(buf), "%s is long", f->key ? f->key : "an element");
		break;
	case NET_PACKET_BYTES:
		for (size_t i = 0; i < f->len; i++)
			sink ^= s[i];
		break;
	default: break;
	}
	HOLDS(packet->used <= sizeof(packet->text), "%u bytes of text", packet->used);
}

/* Keys in tables, none in lists; what begins ends. */
static void read_fields(const struct net_packet *packet, const uint8_t *p, size_t size)
{
	bool list[NET_PACKET_DEPTH + 1] = {false};
	unsigned int depth = 0;

	HOLDS(packet->n <= NET_PACKET_FIELDS, "%u fields", packet->n);
	for (unsigned int i = 0; i < packet->n; i++) {
		const struct net_packet_field *f = &packet->v[i];

		if (f->type == NET_PACKET_END) {
			HOLDS(depth > 0, "an end without a beginning");
			depth--;
			continue;
		}
		HOLDS(list[depth] == !f->key, "field %u: %s in a %s", i, f->key ? f->key : "none",
		      list[depth] ? "list" : "table");
		if (f->type == NET_PACKET_TABLE || f->type == NET_PACKET_LIST) {
			HOLDS(depth < NET_PACKET_DEPTH, "%u tables within each other", depth);
			list[++depth] = f->type == NET_PACKET_LIST;
		} else {
			read_field(packet, f, p, size);
		}
	}
	HOLDS(depth == 0, "%u tables don't end", depth);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct net_packet packet;
	uint8_t *copy;

	if (size < 4)
		return -1;
	/* of exactly its length; one byte beyond is seen */
	copy = malloc(size - 4 ? size - 4 : 1);
	memcpy(copy, data + 4, size - 4);
	net_packet_decode(copy, size - 4, size - 4 + data[2] * 256u + data[3],
			  linktypes[data[0] % (sizeof(linktypes) / sizeof(*linktypes))], &packet);
	read_fields(&packet, copy, size - 4);
	free(copy);
	return 0;
}
