/* batch.c - many changes, few system calls: requests queue up and go out in windows, one ack each
 *
 * A window is never larger than the receive buffer can hold the acks of: the kernel would carry out what
 * comes after and drop what it has to say of it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netlink/msg.h>

#include "net.h"
#include "sock.h"

struct entry {
	size_t off;
	uint32_t seq;
	const struct net_table *table;
};

struct net_batch {
	char *buf;
	size_t len, cap;
	struct entry *e;
	unsigned int n, room;
	unsigned int before; /* requests that were sent already */
};

int net_batch_begin(struct net_ns *ns, struct net_err *err)
{
	if (!net_sock_get(ns, NETLINK_ROUTE, err))
		return -err->code;
	if (ns->batch)
		return net_fail(err, EBUSY, "a batch is open already in %s", ns->label);
	ns->batch = calloc(1, sizeof(*ns->batch));
	return ns->batch ? 0 : net_fail(err, ENOMEM, NULL);
}

static int grow(struct net_batch *b, size_t len)
{
	if (b->len + len > b->cap) {
		size_t cap = (b->cap + len) * 2;
		char *buf = realloc(b->buf, cap);

		if (!buf)
			return -1;
		b->buf = buf;
		b->cap = cap;
	}
	if (b->n == b->room) {
		unsigned int room = b->room ? b->room * 2 : 64;
		struct entry *e = realloc(b->e, room * sizeof(*e));

		if (!e)
			return -1;
		b->e = e;
		b->room = room;
	}
	return 0;
}

/* net_batch_add() - queue a message; frees it */
int net_batch_add(struct net_ns *ns, struct nl_msg *m, const struct net_table *t, struct net_err *err)
{
	struct net_batch *b = ns->batch;
	struct nlmsghdr *h = nlmsg_hdr(m);
	size_t len = NLMSG_ALIGN(h->nlmsg_len);

	if (grow(b, len) < 0) {
		nlmsg_free(m);
		return net_fail(err, ENOMEM, NULL);
	}
	h->nlmsg_flags |= NLM_F_ACK;
	h->nlmsg_pid = 0;
	memset(b->buf + b->len, 0, len);
	memcpy(b->buf + b->len, h, h->nlmsg_len);
	b->e[b->n++] = (struct entry){.off = b->len, .table = t};
	b->len += len;
	nlmsg_free(m);
	return 0;
}

/* Numbers are given at the last moment: acks are told by them, so they must follow each other, and a question that is
 * asked while the batch is open (the index of a link) takes one too. */
static void number(struct net_ns *ns, unsigned int first, unsigned int k)
{
	for (unsigned int i = first; i < first + k; i++) {
		struct nlmsghdr *h = (void *)(ns->batch->buf + ns->batch->e[i].off);

		h->nlmsg_seq = net_sock_seq(&ns->route);
		ns->batch->e[i].seq = h->nlmsg_seq;
	}
}

/* How many requests from @first on go out together, and where they end. */
static unsigned int window(const struct net_ns *ns, unsigned int first, size_t *end)
{
	const struct net_batch *b = ns->batch;
	unsigned int k = 0;

	while (first + k < b->n && k < ns->route.window) {
		size_t to = first + k + 1 < b->n ? b->e[first + k + 1].off : b->len;

		if (k && to - b->e[first].off > ns->route.room)
			break;
		*end = to;
		k++;
	}
	return k;
}

/* Read the acks of @k requests from @first on.  The first failure is told; the others only fail too, mostly
 * because of it. */
static int collect(struct net_ns *ns, unsigned int first, unsigned int k, unsigned int *failed, struct net_err *err)
{
	struct net_batch *b = ns->batch;
	struct net_err here;

	for (unsigned int got = 0; got < k;) {
		int n = net_sock_recv(&ns->route, err);

		if (n < 0)
			return n;
		for (struct nlmsghdr *h = (void *)net_rx; nlmsg_ok(h, n); h = nlmsg_next(h, &n)) {
			uint32_t i = h->nlmsg_seq - b->e[first].seq;

			if (h->nlmsg_type != NLMSG_ERROR || i >= k)
				continue;
			got++;
			if (net_ack_code(h) == 0)
				continue;
			net_err_ack(&here, h, (void *)(b->buf + b->e[first + i].off), b->e[first + i].table);
			if (!(*failed)++) {
				*err = here;
				snprintf(err->text, sizeof(err->text), "request %u of %u in the batch: %s",
					 b->before + first + i + 1, b->before + b->n, net_strerror(here.code));
			}
		}
	}
	return 0;
}

static int send_all(struct net_ns *ns, struct net_err *err)
{
	struct net_batch *b = ns->batch;
	unsigned int failed = 0, k;

	for (unsigned int first = 0; first < b->n; first += k) {
		size_t end = b->len;
		int r;

		k = window(ns, first, &end);
		number(ns, first, k);
		r = net_sock_send(&ns->route, b->buf + b->e[first].off, end - b->e[first].off, err);
		if (r == 0)
			r = collect(ns, first, k, &failed, err);
		if (r < 0)
			return r;
	}
	return failed ? -err->code : 0;
}

/* net_batch_flush() - send what is queued; the batch stays open */
int net_batch_flush(struct net_ns *ns, struct net_err *err)
{
	int r = ns->batch->n ? send_all(ns, err) : 0;

	ns->batch->before += ns->batch->n;
	ns->batch->n = 0;
	ns->batch->len = 0;
	return r;
}

/*
 * net_batch_end() - close the batch that net_batch_begin() opened
 * @send: false drops what is queued
 * @sent: how many requests it held; may be NULL
 *
 * Return: 0, or the first failure; requests behind a failed one are carried out all the same.
 */
int net_batch_end(struct net_ns *ns, bool send, unsigned int *sent, struct net_err *err)
{
	struct net_batch *b = ns->batch;
	int r = 0;

	if (sent)
		*sent = b ? b->before + b->n : 0;
	if (!b)
		return 0;
	if (send && b->n)
		r = send_all(ns, err);
	ns->batch = NULL;
	free(b->buf);
	free(b->e);
	free(b);
	return r;
}
