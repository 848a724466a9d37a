/* decode.c - messages that no kernel sends: mutations of real ones, to the decoder and to the receive loops
 *
 * decode SEED COUNT [FOLDER]: reads all nouns of the namespace that it is started in, and changes nothing there; keeps
 * what it read in the folder, as inputs of the fuzz target messages.
 */
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netlink/msg.h>
#include <netlink/socket.h>

#include "../../src/net/net.h"
#include "../../src/net/sock.h"
#include "fuzz/fuzz.h"

static unsigned int n_nouns;

static struct {
	const struct net_noun *noun;
	struct nlmsghdr *msg;
} seeds[4096];
static unsigned int n_seeds;
static unsigned long fields, messages; /* what was decoded: a run that decodes nothing tests nothing */

static void die(const char *what, const char *why)
{
	fprintf(stderr, "decode: %s: %s\n", what, why);
	_exit(1);
}

static unsigned int below(unsigned int n)
{
	return (unsigned int)random() % n;
}

static void record(struct net_ns *ns)
{
	struct net_err err = {0};

	for (const struct net_noun *noun; (noun = net_noun_all(n_nouns)); n_nouns++) {
		struct net_dump d = {0};
		struct net_fields all = {0};

		if (net_list(ns, noun, &all, &d, &err) < 0)
			continue; /* one that is only listed for a link */
		for (size_t at = 0; at < d.len && n_seeds < 4096;) {
			const struct nlmsghdr *h = (const void *)(d.buf + at);

			seeds[n_seeds].noun = noun;
			seeds[n_seeds].msg = malloc(h->nlmsg_len);
			memcpy(seeds[n_seeds++].msg, h, h->nlmsg_len);
			at += NLMSG_ALIGN(h->nlmsg_len);
		}
		net_dump_free(&d);
	}
	if (n_seeds < 50)
		die("namespace", "it has too little to begin with");
}

static void keep(const char *folder)
{
	for (unsigned int i = 0; i < n_seeds; i++) {
		const struct nlmsghdr *h = seeds[i].msg;
		char path[512];
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s-%u", folder, seeds[i].noun->name, i);
		f = fopen(path, "wb");
		if (!f)
			die(path, "can't be written");
		fputc(fuzz_mark(seeds[i].noun), f);
		fwrite(h + 1, 1, h->nlmsg_len - sizeof(*h), f);
		fclose(f);
	}
}

/* A buffer of exactly its length, so that one byte beyond is seen. */
static char *mutate(const struct nlmsghdr *from, unsigned int *len)
{
	static const uint16_t lengths[] = {0, 1, 3, 4, 5, 8, 0x7fff, 0x8000, 0xffff};
	char *copy;

	*len = from->nlmsg_len;
	if (below(4) == 0)
		*len = NLMSG_HDRLEN + below(from->nlmsg_len - NLMSG_HDRLEN + 1);
	copy = malloc(*len);
	memcpy(copy, from, *len);
	for (unsigned int i = below(6); i > 0 && *len > NLMSG_HDRLEN; i--) {
		unsigned int at = NLMSG_HDRLEN + below(*len - NLMSG_HDRLEN);

		if (below(2)) {
			copy[at] = (char)random();
		} else if ((at & ~3U) + 2 <= *len) {
			uint16_t v =
				below(2) ? lengths[below(sizeof(lengths) / sizeof(*lengths))] : (uint16_t)below(64);

			memcpy(copy + (at & ~3U) + (below(2) ? 0 : (at & ~3U) + 4 <= *len ? 2 : 0), &v, 2);
		}
	}
	((struct nlmsghdr *)(void *)copy)->nlmsg_len = *len;
	return copy;
}

/* Read all fields, and each value in the ways that bind does. */
static void walk(struct net_dump *d, const struct net_noun *noun)
{
	struct net_cursor c;
	struct net_field f;
	volatile char sink = 0;
	char buf[256];
	int64_t i;
	double v;

	while (net_dump_next(d, noun, &c)) {
		messages++;
		for (unsigned int steps = 0; net_next(&c, &f); steps++) {
			fields++;
			if (steps > 100000)
				die(noun->name, "the decoder does not end");
			if (f.op != NET_VALUE)
				continue;
			net_cursor_elsewhere(&c, &f);
			switch (f.row->type) {
			case NET_STRING:
			case NET_BRIDGEID:
				for (size_t k = 0; f.s && k < f.slen; k++)
					sink ^= f.s[k];
				break;
			case NET_MAC:
			case NET_IP:
			case NET_PREFIX:
			case NET_GATEWAY: net_field_addr(&f, buf); break;
			case NET_ENUM: net_field_name(&f, buf, sizeof(buf)); break;
			default: net_field_number(&f, &i, &v);
			}
		}
	}
}

static void decode_one(void)
{
	unsigned int i = below(n_seeds), len;
	const struct net_noun *noun = below(8) ? seeds[i].noun : net_noun_all(below(n_nouns));
	char *copy = mutate(seeds[i].msg, &len);
	struct net_dump d = {.buf = copy, .len = len, .cap = len};

	((struct nlmsghdr *)(void *)copy)->nlmsg_type = noun->add;
	walk(&d, noun);
	free(copy);
}

/* --- the receive loops, with us as the kernel --- */

static void put(int fd, const void *msg, size_t len)
{
	if (send(fd, msg, len, MSG_DONTWAIT) < 0)
		die("send", "the fake kernel can't answer");
}

/* An NLMSG_ERROR or NLMSG_DONE that refuses, with extended acks, then spoilt. */
static void put_refusal(int fd, uint32_t seq)
{
	struct nl_msg *m = nlmsg_alloc();
	struct nlmsghdr *h = nlmsg_put(m, 0, seq, below(4) ? NLMSG_ERROR : NLMSG_DONE, 0,
				       NLM_F_ACK_TLVS | (below(2) ? NLM_F_CAPPED : 0));
	struct nlmsgerr e = {.error = -(int)below(140), .msg = {.nlmsg_len = below(3) ? 32 : (unsigned int)random()}};
	unsigned int len;
	char *copy;

	nlmsg_append(m, &e, sizeof(e), 4);
	nla_put_string(m, NLMSGERR_ATTR_MSG, "the kernel's own words, which may be long or short");
	nla_put_u32(m, NLMSGERR_ATTR_OFFS, below(80));
	copy = mutate(h, &len);
	put(fd, copy, len);
	free(copy);
	nlmsg_free(m);
}

static void put_data(int fd, uint32_t seq)
{
	unsigned int len;
	char *copy = mutate(seeds[below(n_seeds)].msg, &len);
	struct nlmsghdr *h = (void *)copy;

	h->nlmsg_seq = below(8) ? seq : (uint32_t)random();
	h->nlmsg_flags &= (uint16_t)~NLM_F_DUMP_INTR; /* or it would be asked again, and nobody answers */
	if (below(8) == 0)
		h->nlmsg_len = (uint32_t)random();
	put(fd, copy, len);
	free(copy);
}

static void put_end(int fd, uint32_t seq, int type)
{
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
	} end = {.h = {.nlmsg_len = sizeof(end), .nlmsg_type = (uint16_t)type, .nlmsg_seq = seq}};

	put(fd, &end, sizeof(end));
}

static void drain(int fd)
{
	static char scrap[65536];

	while (recv(fd, scrap, sizeof(scrap), MSG_DONTWAIT) >= 0)
		;
}

static void answer_one(struct net_ns *ns, int kernel)
{
	const struct net_noun *noun = net_noun_all(below(n_nouns));
	struct rtgenmsg hdr = {0};
	struct net_err err = {0};
	struct net_dump d = {0};
	struct nl_msg *m = net_msg_new(noun->get, 0, &hdr, sizeof(hdr), &err);
	uint32_t seq = net_sock_seq(&ns->route) + 1;
	bool dump = below(2);
	int r;

	for (unsigned int i = below(4); i > 0; i--)
		put_data(kernel, seq);
	if (below(2))
		put_refusal(kernel, seq);
	put_end(kernel, seq, dump ? NLMSG_DONE : NLMSG_ERROR);
	r = dump ? net_dump(ns, m, &d, &err) : net_do(ns, m, noun->table, below(2) ? &d : NULL, &err);
	if (r > 0 || (r < 0 && err.code != -r)) {
		fprintf(stderr, "%s returns %d, errno %d: %s\n", dump ? "dump" : "do", r, err.code, err.text);
		die("answer", "a failure and its errno are not the same");
	}
	walk(&d, noun);
	net_dump_free(&d);
	drain(kernel);
	drain(ns->route.fd);
}

int main(int argc, char **argv)
{
	unsigned long count;
	struct net_err err = {0};
	struct net_ns ns, fake;
	int ends[2];

	if (argc < 3)
		die("usage", "decode SEED COUNT [FOLDER]");
	srandom((unsigned int)strtoul(argv[1], NULL, 10));
	count = strtoul(argv[2], NULL, 10);
	net_ns_init(&ns);
	if (net_world_make(&(struct net_world_spec){.mode = NET_WORLD_HOST}, &err) < 0 || net_ns_root(&ns, &err) < 0)
		die("namespace", err.text);
	record(&ns);
	if (argc > 3)
		keep(argv[3]);
	for (unsigned long i = 0; i < count; i++)
		decode_one();
	net_ns_init(&fake);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		die("socketpair", "none");
	fake.route.nl = nl_socket_alloc();
	fake.route.fd = ends[0];
	for (unsigned long i = 0; i < count / 10; i++)
		answer_one(&fake, ends[1]);
	printf("%u real messages, %lu mutations decoded, %lu fields, %lu answers\n", n_seeds, messages, fields,
	       count / 10);
	for (unsigned int i = 0; i < n_seeds; i++)
		free(seeds[i].msg);
	net_ns_close(&fake);
	net_ns_close(&ns);
	close(ends[0]);
	close(ends[1]);
	return 0;
}
