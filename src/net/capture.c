/* capture.c - packets of links, of any namespaces, in the order of their times; kept until they are taken
 *
 * libpcap isn't what captures: in immediate mode its ring has room for 32 packets of a link with segmentation offload,
 * and without it each quiet moment uses up an eighth of the ring.  Here the kernel keeps thousands for a script that
 * is busy, and counts what it keeps: that count says what "captured until now" means.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture.h"

#define IN_FLIGHT 0.01		      /* seconds that the kernel may need to copy a packet that it has counted */
#define PENDING_MAX ((size_t)4 << 20) /* bytes that may wait for the reader of a pipe */
#define WRITE_AT ((size_t)1 << 20)    /* bytes that are worth a write */

/* --- what waits here --- */

static struct kept *dequeue(struct net_capturing *k)
{
	struct kept *p = queue_take(&k->queue);

	k->out += p != NULL;
	return p;
}

static bool is_full(const struct net_capturing *k)
{
	return k->file.fd < 0 ? k->queue.bytes >= k->keep : k->file.len - k->file.at >= PENDING_MAX;
}

/* What is in the file needs not be here as well. */
static void make_place(struct net_capturing *k)
{
	struct kept *p;

	while (k->file.fd >= 0 && k->queue.bytes >= k->keep && (p = dequeue(k))) {
		k->v[p->frame.source].written++;
		free(p);
	}
}

/* --- from the rings --- */

static uint64_t clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Is a counted packet of the ring there?  Another processor may be about to write it. */
static bool is_there(struct capture_ring *r, uint64_t *time)
{
	double late = -1;

	if (r->fd < 0 || r->taken >= r->accepted)
		return false;
	while (!ring_peek(r, time)) {
		if (late < 0)
			late = net_now() + IN_FLIGHT;
		else if (net_now() > late)
			return false;
		sched_yield();
	}
	return true;
}

/* The link whose next packet is the earliest one. */
static struct capture_source *earliest(struct net_capturing *k, uint64_t *time)
{
	struct capture_source *found = NULL;
	uint64_t t = 0;

	for (unsigned int i = 0; i < k->n; i++)
		if (is_there(&k->v[i].ring, &t) && (!found || t < *time)) {
			found = &k->v[i];
			*time = t;
		}
	return found;
}

/* A file takes all at once; for a pipe the step sees what fits. */
static int write_packet(struct capture_file *file, const struct net_frame *f)
{
	int r = pcapfile_packet(file, f->source, f);

	if (r == 0 && file->regular && file->len - file->at >= WRITE_AT)
		r = pcapfile_flush(file);
	return r < 0 ? r : 0;
}

static int take(struct net_capturing *k, struct capture_source *source)
{
	struct net_frame f;
	int r;

	ring_take(&source->ring, &f);
	f.source = (unsigned int)(source - k->v);
	r = queue_put(&k->queue, &f);
	if (r == 0 && k->file.fd >= 0)
		r = write_packet(&k->file, &f);
	ring_done(&source->ring);
	k->passed++;
	make_place(k);
	return r;
}

/*
 * Take what the kernel has counted up to now.  Of several links one may be looked at later than another: what came
 * meanwhile is left for the next time, or it would overtake.
 * @all: even more than there is room for
 *
 * Return: 1: something was left; 0; -errno
 */
static int drain(struct net_capturing *k, bool all)
{
	uint64_t now = clock_now(), time = 0;
	struct capture_source *source;

	for (unsigned int i = 0; i < k->n; i++)
		ring_count(&k->v[i].ring);
	while ((source = earliest(k, &time))) {
		int code;

		if (k->count && k->passed >= k->count)
			return 0;
		if (!all && is_full(k))
			return 0;
		if (!all && k->n > 1 && time > now && time - now < 1000000000)
			return 1;
		code = take(k, source);
		if (code < 0)
			return code;
	}
	return 0;
}

/* --- its end --- */

static void end(struct net_capture *c, enum net_capture_end why)
{
	struct net_capturing *k = c->now;

	if (c->end != NET_CAPTURE_RUNS)
		return;
	c->end = why;
	for (unsigned int i = 0; i < k->n; i++)
		ring_close(&k->v[i].ring);
	if (why == NET_CAPTURE_UNREAD || why == NET_CAPTURE_FAILED) {
		pcapfile_close(&k->file);
	} else if (k->file.fd >= 0) {
		struct net_capture_stats *v = calloc(k->n + 1, sizeof(*v));

		for (unsigned int i = 0; v && i < k->n; i++)
			net_capture_stats(c, i, &v[i]);
		if (v)
			pcapfile_end(&k->file, v, k->n);
		free(v);
	}
}

static void fail(struct net_capture *c, int code)
{
	if (code == -EPIPE) {
		end(c, NET_CAPTURE_UNREAD);
		return;
	}
	if (c->end == NET_CAPTURE_RUNS)
		net_fail(&c->why, -code, code == -ENOMEM ? NULL : "cannot write %s: %s", c->now->path,
			 net_strerror(-code));
	end(c, NET_CAPTURE_FAILED);
}

/* One of the links went, and with the last one the capture ends. */
static void lose(struct net_capture *c, unsigned int source, const char *how)
{
	struct net_capturing *k = c->now;
	unsigned int gone = 0;
	int r = drain(k, true);

	if (r < 0)
		fail(c, r);
	ring_close(&k->v[source].ring);
	k->v[source].ring.gone = true;
	for (unsigned int i = 0; i < k->n; i++)
		gone += k->v[i].ring.gone;
	if (gone < k->n || c->end != NET_CAPTURE_RUNS)
		return;
	net_fail(&c->why, ENODEV, "%s", how);
	end(c, NET_CAPTURE_GONE);
}

static void look_for_gone(struct net_capture *c)
{
	struct net_capturing *k = c->now;

	poll(k->fds, k->n, 0); /* a step need not follow a poll */
	for (unsigned int i = 0; i < k->n && c->end == NET_CAPTURE_RUNS; i++)
		if ((k->fds[i].revents & (POLLERR | POLLNVAL | POLLHUP)) && ring_gone(&k->v[i].ring))
			lose(c, i, "the link was deleted, or moved to another namespace");
}

/* --- the op --- */

void capture_wait(struct net_capture *c, bool again)
{
	struct net_capturing *k = c->now;
	bool full = is_full(k);

	for (unsigned int i = 0; i < k->n; i++) {
		k->fds[i] = (struct pollfd){.fd = k->v[i].ring.fd, .events = POLLIN};
		if (full)
			k->fds[i].events = 0;
	}
	k->fds[k->n] = (struct pollfd){.fd = k->file.at < k->file.len ? k->file.fd : -1, .events = POLLOUT};
	c->op.fds = k->fds;
	c->op.n = k->n + 1;
	c->op.deadline = again ? 0 : -1;
}

static void count_seen(struct net_capture *c)
{
	struct net_capturing *k = c->now;

	c->seen = 0;
	for (unsigned int i = 0; i < k->n; i++)
		c->seen += k->v[i].ring.accepted;
	if (c->end != NET_CAPTURE_RUNS || (k->count && c->seen > k->count))
		c->seen = k->passed;
}

/* Return: 1: it has ended and its file is written; 0 */
int capture_step(struct net_op *op, struct net_err *err)
{
	struct net_capture *c = (struct net_capture *)op;
	struct net_capturing *k = c->now;
	int r = 0, written;

	(void)err;
	if (!k)
		return 1;
	if (c->end == NET_CAPTURE_RUNS) {
		r = drain(k, false);
		if (r < 0)
			fail(c, r);
		else if (k->count && k->passed >= k->count)
			end(c, NET_CAPTURE_COUNT);
		else
			look_for_gone(c);
	}
	written = pcapfile_flush(&k->file);
	if (written < 0) {
		fail(c, written);
		pcapfile_close(&k->file);
	}
	count_seen(c);
	capture_wait(c, r == 1);
	if (c->end == NET_CAPTURE_RUNS || written == 0)
		return 0;
	pcapfile_close(&k->file);
	return 1;
}

/*
 * net_capture_next() - take the next packet
 * @until: not those that came after c->seen was this
 * @frame: stands until the next call
 *
 * Return: whether there is one
 */
bool net_capture_next(struct net_capture *c, uint64_t until, struct net_frame *frame)
{
	struct net_capturing *k = c->now;
	struct net_err ignored;

	if (!k)
		return false;
	free(k->taken);
	k->taken = NULL;
	if (k->out >= until)
		return false;
	k->taken = dequeue(k);
	if (!k->taken) {
		capture_step(&c->op, &ignored);
		k->taken = dequeue(k);
	}
	if (!k->taken)
		return false;
	*frame = k->taken->frame;
	return true;
}

/* net_capture_stats() - of one of its links, up to now; false: it has no such */
bool net_capture_stats(const struct net_capture *c, unsigned int source, struct net_capture_stats *stats)
{
	struct capture_ring *r;

	if (source >= c->now->n)
		return false;
	r = &c->now->v[source].ring;
	ring_count(r);
	stats->gone = r->gone;
	stats->received = c->end == NET_CAPTURE_RUNS ? r->accepted : r->taken;
	stats->dropped = r->dropped;
	stats->cut = r->cut;
	stats->written = c->now->v[source].written;
	return true;
}

/* net_capture_leave() - give up one of its links, for the namespace is to end */
void net_capture_leave(struct net_capture *c, unsigned int source)
{
	struct net_err ignored;

	if (!c->now || c->end != NET_CAPTURE_RUNS || source >= c->now->n || c->now->v[source].ring.gone)
		return;
	lose(c, source, "the namespace was deleted");
	capture_step(&c->op, &ignored);
}

/* net_capture_stop() - end it: what came until now can be taken still.  The op is done when the file is written. */
void net_capture_stop(struct net_capture *c)
{
	struct net_err ignored;
	int r;

	if (!c->now || c->end != NET_CAPTURE_RUNS)
		return;
	r = drain(c->now, true);
	if (r < 0)
		fail(c, r);
	end(c, NET_CAPTURE_STOPPED);
	capture_step(&c->op, &ignored);
}

/* net_capture_close() - give back all that it holds; what of a file can't be written without waiting is lost */
void net_capture_close(struct net_capture *c)
{
	struct net_capturing *k = c->now;
	struct kept *kept;

	if (!k)
		return;
	net_capture_stop(c);
	for (unsigned int i = 0; i < k->n; i++)
		ring_close(&k->v[i].ring);
	while ((kept = queue_take(&k->queue)))
		free(kept);
	free(k->taken);
	pcapfile_close(&k->file);
	free(k->v);
	free(k->fds);
	free(k->path);
	free(k);
	c->now = NULL;
	c->op.n = 0;
}
