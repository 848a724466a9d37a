/* dump.c - whole lists from the kernel: kept as the messages came, asked again when they changed meanwhile */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netlink/msg.h>

#include "net.h"
#include "sock.h"

#define MAX_TRIES 10

void net_dump_free(struct net_dump *d)
{
	free(d->buf);
	memset(d, 0, sizeof(*d));
}

/* net_dump_keep() - append a copy of @h; -ENOMEM */
int net_dump_keep(struct net_dump *d, const struct nlmsghdr *h)
{
	size_t len = NLMSG_ALIGN(h->nlmsg_len);

	if (d->len + len > d->cap) {
		size_t cap = d->cap ? d->cap * 2 : 4096;
		char *buf;

		while (cap < d->len + len)
			cap *= 2;
		buf = realloc(d->buf, cap);
		if (!buf)
			return -ENOMEM;
		d->buf = buf;
		d->cap = cap;
	}
	memset(d->buf + d->len, 0, len);
	memcpy(d->buf + d->len, h, h->nlmsg_len);
	d->len += len;
	return 0;
}

/* One datagram of a dump.  Return: 1 at the end, 0 for more, -errno. */
static int take(struct net_dump *d, int n, const struct nlmsghdr *req, bool *interrupted, struct net_err *err)
{
	for (struct nlmsghdr *h = (void *)net_rx; nlmsg_ok(h, n); h = nlmsg_next(h, &n)) {
		if (h->nlmsg_seq != req->nlmsg_seq)
			continue;
		if (h->nlmsg_flags & NLM_F_DUMP_INTR)
			*interrupted = true;
		if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) {
			if (nlmsg_datalen(h) < (int)sizeof(int) || *(int *)nlmsg_data(h) >= 0)
				return 1;
			net_err_ack(err, h, req, NULL);
			return -err->code;
		}
		if (net_dump_keep(d, h) < 0)
			return net_fail(err, ENOMEM, NULL);
	}
	return 0;
}

/* Read the answers of one request, which come in parts, each written in one go.  Return: 1, or -errno. */
static int read_once(struct net_sock *s, struct nlmsghdr *req, struct net_dump *d, unsigned int *parts,
		     bool *interrupted, struct net_err *err)
{
	int r;

	req->nlmsg_seq = net_sock_seq(s);
	r = net_sock_send(s, req, req->nlmsg_len, err);
	for (*parts = 0; r == 0;) {
		size_t before = d->len;

		r = net_sock_recv(s, err);
		if (r >= 0)
			r = take(d, r, req, interrupted, err);
		else
			net_sock_close(s); /* what is left of the list would be in the way of the next one */
		*parts += d->len > before;
	}
	return r;
}

static int dump_watched(struct net_sock *s, struct nl_msg *m, struct net_dump *d, int watch, struct net_err *err)
{
	struct nlmsghdr *req = nlmsg_hdr(m);
	size_t before = d->len, kept = before;

	req->nlmsg_flags |= NLM_F_DUMP;
	req->nlmsg_pid = 0;
	for (int tries = 0; tries < MAX_TRIES; tries++) {
		bool interrupted = false;
		unsigned int parts;
		int r = read_once(s, req, d, &parts, &interrupted, err);

		if (r < 0)
			return r;
		if (net_group_heard(watch) && parts > 1)
			interrupted = true;
		if (!interrupted) {
			if (kept > before)
				memmove(d->buf + before, d->buf + kept, d->len - kept);
			d->len -= kept - before;
			return 0;
		}
		if (d->noun && net_dump_merge(d, before) < 0)
			return net_fail(err, ENOMEM, NULL);
		kept = d->len = d->noun ? d->len : before;
	}
	if (d->noun)
		return 0;
	return net_fail(err, EAGAIN, "it changed each of the %d times that it was read", MAX_TRIES);
}

/*
 * net_sock_dump() - send a dump request and append all its answers to *d
 *
 * A list that changed while it was read is read again, ten times at most.  One of a noun (d->noun) is then what all of
 * these readings have; any other is a failure.
 *
 * Return: 0; -EAGAIN; or another -errno, where a dump that broke off is a failure, never a shorter list.
 */
int net_sock_dump(struct net_sock *s, struct nl_msg *m, struct net_dump *d, struct net_err *err)
{
	return dump_watched(s, m, d, -1, err);
}

/* net_dump() - the same on the route socket; frees the message */
int net_dump(struct net_ns *ns, struct nl_msg *m, struct net_dump *d, struct net_err *err)
{
	struct net_sock *s = net_sock_get(ns, NETLINK_ROUTE, err);
	bool inet6 = *(uint8_t *)nlmsg_data(nlmsg_hdr(m)) == AF_INET6;
	bool silent = d->noun && (inet6 ? d->noun->silent6 : d->noun->silent);
	unsigned int group = !silent ? 0 : d->noun->groups[inet6 && d->noun->groups[1]];
	int watch = -1, r = s ? net_group_open(ns, group, &watch, err) : -err->code;

	if (r == 0)
		r = dump_watched(s, m, d, watch, err);
	if (watch >= 0)
		close(watch);
	net_msg_free(m);
	return r;
}
