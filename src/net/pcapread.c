/* pcapread.c - reading capture files: pcap of both byte orders, in microseconds and nanoseconds, and pcapng
 *
 * The file is somebody else's: every length in it is compared with what there is before it is used.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"

#define MICRO 0xa1b2c3d4
#define NANO 0xa1b23c4d
#define SECTION 0x0a0d0d0a
#define ORDER 0x1a2b3c4d
#define BLOCK_MAX ((size_t)16 << 20) /* as Wireshark has it */
#define INTERFACES_MAX 65536
#define CHUNK 65536

enum { INTERFACE = 1, OLD_PACKET = 2, SIMPLE_PACKET = 3, PACKET = 6 };

/* What packets come from; a pcap file has one. */
struct interface {
	int linktype;
	uint32_t snaplen;
	uint8_t resolution; /* of times: digits after the point; with the highest bit set, binary ones */
	int64_t offset;	    /* seconds */
	char *name;	    /* NULL: none */
};

struct net_pcap_state {
	int fd; /* -1: all is in the buffer */
	unsigned char *buf;
	size_t at, len, cap;
	bool ng, swapped;
	struct interface *v;
	unsigned int n;
	uint64_t packets;
};

/* --- bytes --- */

/* Have @n bytes at p->at, if there are as many.  Return: how many there are; -errno */
static ssize_t want(struct net_pcap_state *p, size_t n)
{
	if (p->at && p->fd >= 0 && p->at + n > p->len) {
		memmove(p->buf, p->buf + p->at, p->len - p->at);
		p->len -= p->at;
		p->at = 0;
	}
	while (p->fd >= 0 && p->len - p->at < n) {
		ssize_t got;

		if (p->cap - p->len < CHUNK && capture_grow(&p->buf, &p->cap, p->len + n + CHUNK) < 0)
			return -ENOMEM;
		got = read(p->fd, p->buf + p->len, p->cap - p->len);
		if (got < 0 && errno == EINTR && !net_interrupted())
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		p->len += (size_t)got;
	}
	return (ssize_t)(p->len - p->at);
}

static uint32_t get32(const struct net_pcap_state *p, const unsigned char *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return p->swapped ? __builtin_bswap32(v) : v;
}

static uint16_t get16(const struct net_pcap_state *p, const unsigned char *at)
{
	uint16_t v;

	memcpy(&v, at, sizeof(v));
	return p->swapped ? __builtin_bswap16(v) : v;
}

static int damaged(const struct net_pcap_state *p, const char *what, struct net_err *err)
{
	return net_fail(err, EBADMSG, "the file is damaged behind packet %llu: %s", (unsigned long long)p->packets,
			what);
}

static int cut(const struct net_pcap_state *p, struct net_err *err)
{
	return net_fail(err, EBADMSG, "the file ends in the middle of what follows packet %llu",
			(unsigned long long)p->packets);
}

/* Exactly @n bytes.  Return: 1; 0: the file has ended; -errno */
static int need(struct net_pcap_state *p, size_t n, bool may_end, struct net_err *err)
{
	ssize_t got = want(p, n);

	if (got < 0)
		return net_fail(err, (int)-got, got == -EINTR ? "interrupted" : NULL);
	if ((size_t)got >= n)
		return 1;
	return got == 0 && may_end ? 0 : cut(p, err);
}

/* --- pcap --- */

static uint64_t nanoseconds(const struct interface *v, uint64_t ticks)
{
	unsigned __int128 t = ticks;
	unsigned int digits = v->resolution & 0x7f;
	uint64_t offset = (uint64_t)v->offset * 1000000000;

	if (v->resolution & 0x80)
		return (uint64_t)((t * 1000000000) >> digits) + offset;
	for (; digits < 9; digits++)
		t *= 10;
	for (; digits > 9; digits--)
		t /= 10;
	return (uint64_t)t + offset;
}

static struct interface *add_interface(struct net_pcap_state *p, struct net_err *err)
{
	struct interface *v;

	if (p->n == INTERFACES_MAX) {
		damaged(p, "too many interfaces", err);
		return NULL;
	}
	v = realloc(p->v, (p->n + 1) * sizeof(*v));
	if (!v) {
		net_fail(err, ENOMEM, NULL);
		return NULL;
	}
	p->v = v;
	v += p->n++;
	*v = (struct interface){.resolution = 6};
	return v;
}

static int begin_pcap(struct net_pcap_state *p, bool nano, struct net_err *err)
{
	struct interface *v;
	int r = need(p, 24, false, err);

	if (r < 0)
		return r;
	v = add_interface(p, err);
	if (!v)
		return -err->code;
	v->resolution = nano ? 9 : 6;
	v->linktype = (int)(get32(p, p->buf + p->at + 20) & 0x03ffffff);
	p->at += 24;
	return 0;
}

static int next_pcap(struct net_pcap_state *p, struct net_frame *f, struct net_err *err)
{
	const unsigned char *h;
	int r = need(p, 16, true, err);

	if (r <= 0)
		return r;
	h = p->buf + p->at;
	*f = (struct net_frame){.linktype = p->v->linktype, .caplen = get32(p, h + 8), .len = get32(p, h + 12)};
	f->time = get32(p, h) * 1000000000ULL + nanoseconds(p->v, get32(p, h + 4));
	if (f->caplen > BLOCK_MAX)
		return damaged(p, "a packet of more than 16 MiB", err);
	r = need(p, 16 + (size_t)f->caplen, false, err);
	if (r < 0)
		return r;
	f->data = p->buf + p->at + 16;
	p->at += 16 + (size_t)f->caplen;
	return 1;
}

/* --- pcapng --- */

/* The next option of a block.  Return: its value; NULL: no more */
static const unsigned char *next_option(const struct net_pcap_state *p, const unsigned char **at,
					const unsigned char *end, unsigned int *code, size_t *len)
{
	const unsigned char *o = *at;

	if (end - o < 4)
		return NULL;
	*code = get16(p, o);
	*len = get16(p, o + 2);
	if (*code == 0 || (size_t)(end - o) - 4 < *len)
		return NULL;
	*at = (size_t)(end - o) - 4 < ((*len + 3) & ~(size_t)3) ? end : o + 4 + ((*len + 3) & ~(size_t)3);
	return o + 4;
}

static int read_interface(struct net_pcap_state *p, const unsigned char *b, size_t len, struct net_err *err)
{
	const unsigned char *at = b + 8, *value;
	struct interface *v;
	unsigned int code;
	size_t n;

	if (len < 8)
		return damaged(p, "an interface of less than 8 bytes", err);
	v = add_interface(p, err);
	if (!v)
		return -err->code;
	v->linktype = get16(p, b);
	v->snaplen = get32(p, b + 4);
	while ((value = next_option(p, &at, b + len, &code, &n))) {
		if (code == 2 && !v->name) {
			v->name = strndup((const char *)value, n);
		} else if (code == 9 && n == 1) {
			v->resolution = *value;
		} else if (code == 14 && n == 8) {
			uint64_t high = get32(p, value + (p->swapped ? 0 : 4));

			v->offset = (int64_t)(high << 32 | get32(p, value + (p->swapped ? 4 : 0)));
		}
	}
	if ((v->resolution & 0x7f) > 63)
		return damaged(p, "an interface with times that are finer than anything", err);
	return 0;
}

/* Where the fields of a packet stand in its block; they differ by the kind of it. */
static int read_packet(struct net_pcap_state *p, uint32_t type, const unsigned char *b, size_t len, struct net_frame *f,
		       struct net_err *err)
{
	size_t head = type == SIMPLE_PACKET ? 4 : 20, n;
	const unsigned char *at, *value;
	unsigned int code;

	*f = (struct net_frame){0};
	if (len < head)
		return damaged(p, "a packet without its lengths", err);
	if (type != SIMPLE_PACKET)
		f->source = type == PACKET ? get32(p, b) : get16(p, b);
	if (f->source >= p->n)
		return damaged(p, "a packet of an interface that is not there", err);
	f->linktype = p->v[f->source].linktype;
	if (type == SIMPLE_PACKET) {
		uint32_t snaplen = p->v->snaplen;

		f->caplen = f->len = get32(p, b);
		if (snaplen && snaplen < f->caplen)
			f->caplen = snaplen;
	} else {
		f->time = nanoseconds(&p->v[f->source], (uint64_t)get32(p, b + 4) << 32 | get32(p, b + 8));
		f->caplen = get32(p, b + 12);
		f->len = get32(p, b + 16);
	}
	if (f->caplen > len - head)
		return damaged(p, "a packet that is larger than its block", err);
	f->data = b + head;
	n = ((size_t)f->caplen + 3) & ~(size_t)3;
	at = n < len - head ? b + head + n : b + len;
	while (type == PACKET && (value = next_option(p, &at, b + len, &code, &n)))
		if (code == 2 && n == 4 && (get32(p, value) & 3) % 3)
			f->direction = (get32(p, value) & 3) == 1 ? NET_IN : NET_OUT;
	return 1;
}

static void forget_interfaces(struct net_pcap_state *p)
{
	for (unsigned int i = 0; i < p->n; i++)
		free(p->v[i].name);
	p->n = 0;
}

/* A section has its own byte order, and its own interfaces. */
static int begin_section(struct net_pcap_state *p, struct net_err *err)
{
	int r = need(p, 12, false, err);

	if (r < 0)
		return r;
	p->swapped = false;
	p->swapped = get32(p, p->buf + p->at + 8) != ORDER;
	if (get32(p, p->buf + p->at + 8) != ORDER)
		return damaged(p, "a section of unknown byte order", err);
	forget_interfaces(p);
	return 0;
}

/* One block, whole in the buffer.  Return: its length; 0: the file has ended; -errno */
static ssize_t take_block(struct net_pcap_state *p, uint32_t *type, struct net_err *err)
{
	int r = need(p, 12, true, err);
	size_t len;

	if (r <= 0)
		return r;
	*type = get32(p, p->buf + p->at);
	if (*type == SECTION)
		r = begin_section(p, err);
	if (r < 0)
		return r;
	len = get32(p, p->buf + p->at + 4);
	if (len < 12 || len % 4 || len > BLOCK_MAX)
		return damaged(p, "a block of impossible length", err);
	r = need(p, len, false, err);
	if (r < 0)
		return r;
	if (get32(p, p->buf + p->at + len - 4) != len)
		return damaged(p, "a block with two lengths", err);
	return (ssize_t)len;
}

static int next_ng(struct net_pcap_state *p, struct net_frame *f, struct net_err *err)
{
	uint32_t type;

	for (;;) {
		ssize_t len = take_block(p, &type, err);
		const unsigned char *body;
		int r = 0;

		if (len <= 0)
			return (int)len;
		body = p->buf + p->at + 8;
		p->at += (size_t)len;
		len -= 12;
		if (type == INTERFACE)
			r = read_interface(p, body, (size_t)len, err);
		else if (type == PACKET || type == OLD_PACKET || type == SIMPLE_PACKET)
			r = read_packet(p, type, body, (size_t)len, f, err);
		if (r != 0)
			return r;
	}
}

/* --- */

static int begin(struct net_pcap_state *p, struct net_err *err)
{
	int r = need(p, 4, false, err);
	uint32_t magic;

	if (r < 0 && err->code == EBADMSG)
		return net_fail(err, EBADMSG, "the file is empty");
	if (r < 0)
		return r;
	memcpy(&magic, p->buf + p->at, sizeof(magic));
	p->ng = magic == SECTION;
	if (p->ng)
		return 0;
	p->swapped = magic == __builtin_bswap32(MICRO) || magic == __builtin_bswap32(NANO);
	if (p->swapped)
		magic = __builtin_bswap32(magic);
	if (magic != MICRO && magic != NANO)
		return net_fail(err, EBADMSG, "the file is neither pcap nor pcapng");
	return begin_pcap(p, magic == NANO, err);
}

/*
 * net_pcap_open() - read a capture file
 * @path: NULL: not a file, the @len bytes at @data, which stand until it is closed
 */
int net_pcap_open(struct net_pcap *file, const char *path, const void *data, size_t len, struct net_err *err)
{
	struct net_pcap_state *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return net_fail(err, ENOMEM, NULL);
	file->now = p;
	p->fd = -1;
	if (path) {
		p->fd = open(path, O_RDONLY | O_CLOEXEC);
	} else {
		p->buf = malloc(len + !len);
		if (p->buf)
			memcpy(p->buf, data, len);
		p->len = len;
	}
	if (path ? p->fd < 0 : !p->buf)
		r = net_fail(err, path ? errno : ENOMEM, NULL);
	else
		r = begin(p, err);
	if (r < 0)
		net_pcap_close(file);
	return r;
}

/*
 * net_pcap_next() - the next packet
 * @f: its data stand until the next call
 *
 * Return: 1; 0: there is no more; -errno: EBADMSG for what can't be read on
 */
int net_pcap_next(struct net_pcap *file, struct net_frame *f, struct net_err *err)
{
	struct net_pcap_state *p = file->now;
	int r = p->ng ? next_ng(p, f, err) : next_pcap(p, f, err);

	if (r == 1) {
		p->packets++;
		if (f->len < f->caplen)
			f->len = f->caplen;
	}
	return r;
}

/* net_pcap_name() - of what a packet came from; NULL: the file doesn't say */
const char *net_pcap_name(const struct net_pcap *file, unsigned int source)
{
	return source < file->now->n ? file->now->v[source].name : NULL;
}

/* net_pcap_close() - closing twice is harmless */
void net_pcap_close(struct net_pcap *file)
{
	struct net_pcap_state *p = file->now;

	if (!p)
		return;
	forget_interfaces(p);
	free(p->v);
	free(p->buf);
	if (p->fd >= 0)
		close(p->fd);
	free(p);
	file->now = NULL;
}
