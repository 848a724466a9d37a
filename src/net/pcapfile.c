/* pcapfile.c - writing capture files: pcap and pcapng, with nanoseconds; to a file or into a pipe
 *
 * What doesn't fit into a pipe waits in a buffer: nothing blocks here.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "capture.h"

#define MAGIC_NANO 0xa1b23c4d
#define SECTION 0x0a0d0d0a
#define ORDER 0x1a2b3c4d

enum { INTERFACE = 1, STATISTICS = 5, PACKET = 6 };

/* --- the buffer --- */

static unsigned char *room(struct capture_file *f, size_t n)
{
	size_t cap = f->cap ? f->cap : 65536;

	if (f->at) { /* what was written goes */
		memmove(f->buf, f->buf + f->at, f->len - f->at);
		f->len -= f->at;
		f->at = 0;
	}
	while (cap - f->len < n)
		cap *= 2;
	if (capture_grow(&f->buf, &f->cap, cap) < 0)
		return NULL;
	return f->buf + f->len;
}

static int put(struct capture_file *f, const void *p, size_t n)
{
	unsigned char *to = room(f, n);

	if (!to)
		return -ENOMEM;
	memcpy(to, p, n);
	f->len += n;
	return 0;
}

static int put32(struct capture_file *f, uint32_t v)
{
	return put(f, &v, sizeof(v));
}

/* Bytes, and what fills them up to a multiple of four. */
static int put_padded(struct capture_file *f, const void *p, size_t n)
{
	int r = put(f, p, n);

	return r < 0 ? r : put(f, "\0\0\0", -n & 3);
}

/* --- blocks of pcapng: type, length, body, length --- */

static size_t begin_block(struct capture_file *f, uint32_t type, int *r)
{
	size_t start = f->len - f->at;

	if (*r == 0)
		*r = put32(f, type);
	if (*r == 0)
		*r = put32(f, 0);
	return start;
}

static int end_block(struct capture_file *f, size_t start, int r)
{
	uint32_t n = (uint32_t)(f->len - f->at - start + 4);

	if (r == 0)
		r = put32(f, n);
	if (r == 0)
		memcpy(f->buf + f->at + start + 4, &n, sizeof(n));
	return r;
}

static int put_option(struct capture_file *f, int r, uint16_t code, const void *value, size_t n)
{
	const uint16_t head[2] = {code, (uint16_t)n};

	if (r == 0)
		r = put(f, head, sizeof(head));
	return r < 0 ? r : put_padded(f, value, n);
}

static int put_text(struct capture_file *f, int r, uint16_t code, const char *text)
{
	size_t n = strlen(text);

	return put_option(f, r, code, text, n < USHRT_MAX ? n : USHRT_MAX);
}

static int begin_section(struct capture_file *f)
{
	const uint32_t body[] = {ORDER, 1, UINT32_MAX, UINT32_MAX}; /* version 1.0, of unknown length */
	int r = 0;
	size_t start = begin_block(f, SECTION, &r);

	if (r == 0)
		r = put(f, body, sizeof(body));
	r = put_text(f, r, 4, "nsh " NSH_VERSION);
	return end_block(f, start, put_option(f, r, 0, "", 0));
}

/* pcapfile_interface() - one more link: "netns:link", and the filter as text */
int pcapfile_interface(struct capture_file *f, const struct capture_interface *v)
{
	const uint32_t body[] = {(uint32_t)v->linktype & 0xffff, v->snaplen};
	char name[320] = "", filter[1024] = "";
	int r = 0;
	size_t start;

	if (!f->ng)
		return 0;
	start = begin_block(f, INTERFACE, &r);
	if (r == 0)
		r = put(f, body, sizeof(body));
	strncat(strcat(strncat(name, v->netns, 255), ":"), v->link, 32);
	r = put_text(f, r, 2, name);
	if (v->filter) {
		size_t n = strnlen(v->filter, sizeof(filter) - 1);

		memcpy(filter + 1, v->filter, n); /* after a 0: it is for libpcap */
		r = put_option(f, r, 11, filter, n + 1);
	}
	r = put_option(f, r, 9, "\x09", 1); /* nanoseconds */
	return end_block(f, start, put_option(f, r, 0, "", 0));
}

/* --- */

/* pcapfile_begin() - what stands before the packets; a pcap file has one type of link */
int pcapfile_begin(struct capture_file *f, const struct capture_interface *v)
{
	const uint32_t head[] = {MAGIC_NANO, 4 << 16 | 2, 0, 0, v->snaplen, (uint32_t)v->linktype};
	struct stat st;

	f->regular = fstat(f->fd, &st) == 0 && S_ISREG(st.st_mode);
	return f->ng ? begin_section(f) : put(f, head, sizeof(head));
}

static int put_packet_ng(struct capture_file *f, unsigned int interface, const struct net_frame *frame)
{
	const uint32_t body[] = {interface, (uint32_t)(frame->time >> 32), (uint32_t)frame->time, frame->caplen,
				 frame->len};
	const uint32_t flags = frame->direction == NET_IN ? 1 : 2;
	int r = 0;
	size_t start = begin_block(f, PACKET, &r);

	if (r == 0)
		r = put(f, body, sizeof(body));
	if (r == 0)
		r = put_padded(f, frame->data, frame->caplen);
	if (frame->direction != NET_INOUT)
		r = put_option(f, put_option(f, r, 2, &flags, sizeof(flags)), 0, "", 0);
	return end_block(f, start, r);
}

int pcapfile_packet(struct capture_file *f, unsigned int interface, const struct net_frame *frame)
{
	const uint32_t head[] = {(uint32_t)(frame->time / 1000000000), (uint32_t)(frame->time % 1000000000),
				 frame->caplen, frame->len};
	int r;

	if (f->ng)
		return put_packet_ng(f, interface, frame);
	r = put(f, head, sizeof(head));
	return r < 0 ? r : put(f, frame->data, frame->caplen);
}

/* pcapfile_end() - what stands behind the packets: how many there were, and how many were lost */
int pcapfile_end(struct capture_file *f, const struct net_capture_stats *v, unsigned int n)
{
	struct timespec now;
	uint64_t time;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	time = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	for (unsigned int i = 0; f->ng && i < n && r == 0; i++) {
		const uint32_t body[] = {i, (uint32_t)(time >> 32), (uint32_t)time};
		const uint64_t dropped = v[i].dropped, accepted = v[i].received + dropped;
		size_t start = begin_block(f, STATISTICS, &r);

		if (r == 0)
			r = put(f, body, sizeof(body));
		r = put_option(f, r, 6, &accepted, sizeof(accepted));
		r = put_option(f, r, 7, &dropped, sizeof(dropped));
		r = put_option(f, r, 8, &v[i].received, sizeof(v[i].received));
		r = end_block(f, start, put_option(f, r, 0, "", 0));
	}
	return r;
}

/* As much as it takes now; a pipe that polls as writable takes this much without blocking. */
static ssize_t write_some(struct capture_file *f)
{
	struct pollfd out = {.fd = f->fd, .events = POLLOUT};
	size_t n = f->len - f->at;

	if (!f->regular) {
		if (poll(&out, 1, 0) != 1)
			return 0;
		if (out.revents & (POLLERR | POLLNVAL)) /* nobody reads; a write would send SIGPIPE */
			return -EPIPE;
		n = n < PIPE_BUF ? n : PIPE_BUF;
	}
	for (;;) {
		ssize_t done = write(f->fd, f->buf + f->at, n);

		if (done >= 0)
			return done;
		if (errno == EAGAIN)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
}

/* pcapfile_flush() - Return: 1: all is written; 0: the rest has to wait; -errno */
int pcapfile_flush(struct capture_file *f)
{
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct sigaction before;
	ssize_t n = 1;

	if (f->fd < 0)
		return 1;
	sigaction(SIGPIPE, &ignore, &before); /* the reader may go at any moment */
	while (f->at < f->len && n > 0) {
		n = write_some(f);
		if (n > 0)
			f->at += (size_t)n;
	}
	sigaction(SIGPIPE, &before, NULL);
	return n < 0 ? (int)n : f->at == f->len;
}

void pcapfile_close(struct capture_file *f)
{
	free(f->buf);
	if (f->fd >= 0)
		close(f->fd);
	*f = (struct capture_file){.fd = -1};
}
