/* messages.c - what a kernel might say: records of every noun, and acknowledgements
 *
 * Input: one byte chooses the noun, the rest is the message without its first header; 255 is an
 * acknowledgement, of a request of the noun that the next byte chooses; 254 is a wireguard link, 253 a part of what
 * ethtool tells, which the next byte chooses.
 */
#include <linux/netlink.h>

#include <netlink/msg.h>

#include "fuzz.h"
#include "../../../src/net/ethtool.h"
#include "../../../src/net/sock.h"

#define ACK 255
#define WIREGUARD 254
#define ETHTOOL 253

static const struct net_noun *noun_of(uint8_t mark)
{
	const struct net_noun *noun;
	unsigned int count;

	for (count = 0; (noun = net_noun_all(count)); count++)
		if (fuzz_mark(noun) == mark)
			return noun;
	return net_noun_all(mark % count);
}

/* A message of exactly its length. */
static struct nlmsghdr *message(uint16_t type, uint16_t flags, const uint8_t *data, size_t size)
{
	struct nlmsghdr *h = malloc(sizeof(*h) + size);

	*h = (struct nlmsghdr){.nlmsg_len = (uint32_t)(sizeof(*h) + size), .nlmsg_type = type, .nlmsg_flags = flags};
	memcpy(h + 1, data, size);
	return h;
}

static void read_value(const struct net_cursor *c, const struct net_field *f)
{
	volatile char sink = 0;
	char buf[256];
	int64_t i;
	double v;

	net_cursor_elsewhere(c, f);
	switch (f->row->type) {
	case NET_IP:
	case NET_MAC:
	case NET_PREFIX:
	case NET_GATEWAY:
	case NET_KEY:
	case NET_ENDPOINT:
	case NET_PREFIXES:
	case NET_LABELS:
	case NET_SEGS:
	case NET_BRIDGEID: net_field_addr(f, buf); break;
	case NET_RANGE:
	case NET_REALMS: net_field_pair(f, buf, sizeof(buf), &i); break;
	case NET_ENUM: net_field_name(f, buf, sizeof(buf)); break;
	case NET_UINT:
	case NET_INT:
	case NET_SIZE:
	case NET_TIME:
	case NET_RATE:
	case NET_FRACTION: net_field_number(f, &i, &v); break;
	default:
		for (size_t k = 0; f->s && k < f->slen; k++)
			sink ^= f->s[k];
	}
}

static void read_fields(struct net_cursor *c, const char *name)
{
	unsigned int begun = 0, ended = 0;
	struct net_field f;

	for (unsigned int steps = 0; net_next(c, &f); steps++) {
		HOLDS(steps < 100000, "the decoder of %s does not end", name);
		begun += f.op == NET_BEGIN || f.op == NET_ITEM;
		ended += f.op == NET_END;
		HOLDS(begun >= ended, "%s: an end without a beginning", name);
		if (f.op == NET_VALUE)
			read_value(c, &f);
	}
	HOLDS(begun == ended, "%s: %u nests begin, %u end", name, begun, ended);
}

static void read_record(const struct net_noun *noun, struct nlmsghdr *h)
{
	struct net_dump d = {.buf = (char *)h, .len = h->nlmsg_len, .cap = h->nlmsg_len};
	struct net_cursor c;

	while (net_dump_next(&d, noun, &c))
		read_fields(&c, noun->name);
}

/* What comes by generic netlink. */
static void read_generic(const uint8_t *data, size_t size)
{
	struct nlmsghdr *h = message(0, 0, data + 2, size - 2);
	struct net_dump d = {.buf = (char *)h, .len = h->nlmsg_len, .cap = h->nlmsg_len};
	const struct net_ethtool_part *part = net_ethtool_part(data[1]);
	struct net_cursor c;

	if (data[0] == WIREGUARD)
		while (net_wireguard_next(&d, &c))
			read_fields(&c, "wireguard");
	else if (part && net_decode(&c, h, part->table) == 0)
		read_fields(&c, part->name);
	free(h);
}

static void read_ack(const struct net_noun *noun, const struct nlmsghdr *ack, const struct nlmsghdr *req)
{
	struct net_err err = {0};

	if (nlmsg_datalen(ack) < (int)sizeof(int) || net_ack_code(ack) == 0)
		return;
	net_err_ack(&err, ack, req, noun->table);
	HOLDS(err.code > 0 && strnlen(err.extack, sizeof(err.extack)) < sizeof(err.extack) &&
		      strnlen(err.attr, sizeof(err.attr)) < sizeof(err.attr),
	      "%s: %d", noun->name, err.code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct net_noun *noun;
	struct nlmsghdr *h, *req;

	if (size < 4 || size > 60000)
		return -1;
	if (data[0] == WIREGUARD || data[0] == ETHTOOL) {
		read_generic(data, size);
		return 0;
	}
	if (data[0] != ACK) {
		noun = noun_of(data[0]);
		h = message(noun->add, 0, data + 1, size - 1);
		read_record(noun, h);
		free(h);
		return 0;
	}
	noun = noun_of(data[1]);
	h = message(data[2] & 1 ? NLMSG_ERROR : NLMSG_DONE, (uint16_t)(data[2] << 8), data + 3, size - 3);
	req = message(noun->add, 0, data + 3, size - 3);
	read_ack(noun, h, req);
	free(h);
	free(req);
	return 0;
}
