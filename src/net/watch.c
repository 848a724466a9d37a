/* watch.c - what the kernel announces: one socket that hears a namespace, or all that its namespace has a number for
 *
 * Multicast messages are read datagram by datagram with a recvmsg() of our own: the number of the namespace they come
 * from is in the control data.  Names of namespaces are mounts, so the kernel's own word on them is that the
 * mounts of this process changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "net.h"
#include "sock.h"

#define BUFFER 65536 /* larger than any message that the kernel announces */
#define MOUNTS "/proc/self/mountinfo"

/* To poll is to hear of it. */
static void woken(struct net_op *op)
{
	struct net_watch *w = (struct net_watch *)op;

	w->moved = w->moved || w->fds[1].revents;
}

void net_watch_init(struct net_watch *w)
{
	memset(w, 0, sizeof(*w));
	w->fd = w->mounts = -1;
	w->op.deadline = -1;
}

/* net_watch_close() - closing twice is harmless */
void net_watch_close(struct net_watch *w)
{
	if (w->fd >= 0)
		close(w->fd);
	if (w->mounts >= 0)
		close(w->mounts);
	free(w->buf);
	w->buf = NULL;
	w->walk.buf = NULL;
	w->fd = w->mounts = -1;
	w->op.n = 0;
	w->len = w->at = 0;
}

static bool join(int fd, int group)
{
	return setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) == 0;
}

/* Subscribe to all that there is, or to the nouns; and to links, for a record calls them by name. */
static int subscribe(struct net_watch *w, bool all, struct net_err *err)
{
	if (w->everything) {
		for (int group = 1; group <= RTNLGRP_MAX; group++)
			join(w->fd, group); /* an older kernel has fewer */
		return 0;
	}
	for (unsigned int i = 0; i < w->n; i++)
		for (unsigned int g = 0; g < 2; g++)
			if (w->nouns[i]->groups[g] && !join(w->fd, w->nouns[i]->groups[g]))
				return net_fail(err, errno, "this kernel doesn't announce changes of a %s",
						w->nouns[i]->name);
	if ((w->n && !join(w->fd, RTNLGRP_LINK)) || (all && !join(w->fd, RTNLGRP_NSID)))
		return net_fail(err, errno, "cannot listen to the kernel: %s", strerror(errno));
	return 0;
}

static int open_socket(struct net_watch *w, struct net_ns *ns, struct net_err *err)
{
	struct sockaddr_nl any = {.nl_family = AF_NETLINK};
	int code = 0, r = net_ns_enter(ns, err);

	if (r < 0)
		return r;
	w->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (w->fd < 0 || bind(w->fd, (struct sockaddr *)&any, sizeof(any)) < 0)
		code = errno;
	net_ns_leave();
	if (code)
		return net_fail(err, code, "cannot open a socket in %s: %s", ns->label, strerror(code));
	return 0;
}

/*
 * net_watch_open() - begin to listen in @ns
 * @w: initialised; w->nouns and w->n, or w->everything say what to; with neither it only tells when names move
 * @all: to all namespaces that @ns has a number for, as well
 * @buffer: bytes of what is announced and not read yet
 */
int net_watch_open(struct net_watch *w, struct net_ns *ns, bool all, int buffer, struct net_err *err)
{
	int on = 1, r = open_socket(w, ns, err);

	if (r == 0) {
		w->mounts = open(MOUNTS, O_RDONLY | O_CLOEXEC);
		if (w->mounts < 0)
			r = net_fail(err, errno, "cannot open " MOUNTS ": %s", strerror(errno));
	}
	if (r == 0) {
		w->buf = malloc(BUFFER);
		if (!w->buf)
			r = net_fail(err, ENOMEM, NULL);
	}
	if (r == 0) {
		/* FORCE needs the machine's own CAP_NET_ADMIN; a smaller buffer is overrun sooner, which is told */
		if (setsockopt(w->fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) < 0)
			setsockopt(w->fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
		if (all && setsockopt(w->fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &on, sizeof(on)) < 0)
			r = net_fail(err, errno, "cannot listen to all namespaces: %s", strerror(errno));
	}
	if (r == 0)
		r = subscribe(w, all, err);
	if (r < 0) {
		net_watch_close(w);
		return r;
	}
	w->fds[0] = (struct pollfd){.fd = w->fd, .events = POLLIN};
	w->fds[1] = (struct pollfd){.fd = w->mounts, .events = POLLPRI};
	w->op.fds = w->fds;
	w->op.n = 2;
	w->op.woken = woken;
	return 0;
}

/* The number of the namespace that a datagram comes from; -1: our own. */
static int origin(struct msghdr *msg)
{
	int nsid = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
		if (c->cmsg_level == SOL_NETLINK && c->cmsg_type == NETLINK_LISTEN_ALL_NSID)
			memcpy(&nsid, CMSG_DATA(c), sizeof(nsid));
	return nsid;
}

/* Read the next datagram of the kernel.  Return: 1; 0: there is none; -ENOBUFS: some are lost. */
static int receive(struct net_watch *w, struct net_err *err)
{
	for (;;) {
		char control[CMSG_SPACE(sizeof(int)) * 4];
		struct iovec iov = {.iov_base = w->buf, .iov_len = BUFFER};
		struct sockaddr_nl from = {0};
		struct msghdr msg = {
			.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		ssize_t n = recvmsg(w->fd, &msg, 0);

		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return net_fail(err, errno, "cannot read from the kernel: %s", strerror(errno));
		if (msg.msg_flags & MSG_TRUNC)
			return net_fail(err, ENOBUFS, NULL);
		if (from.nl_pid != 0)
			continue; /* another process made it up */
		w->len = (size_t)n;
		w->at = 0;
		w->nsid = origin(&msg);
		return 1;
	}
}

static bool is_of(const struct net_noun *noun, const struct nlmsghdr *h)
{
	uint8_t family = *(const uint8_t *)nlmsg_data(h);

	if (h->nlmsg_type != noun->add && h->nlmsg_type != noun->del)
		return false;
	if (noun->both)
		return family == AF_INET || family == AF_INET6;
	return noun->family ? family == noun->family : family != AF_BRIDGE;
}

/* The next record of the message that is read, for each noun that it is about. */
static bool next_record(struct net_watch *w, struct net_event *e, struct net_cursor *c)
{
	const struct nlmsghdr *h = (const void *)w->walk.buf;

	for (; h && w->noun < w->n; w->noun++) {
		const struct net_noun *noun = w->nouns[w->noun];

		w->walk.skip = noun == &net_link ? IFLA_STATS64 : 0; /* counters are half of it */
		if (is_of(noun, h) && net_dump_next(&w->walk, noun, c)) {
			e->noun = noun;
			e->news = h->nlmsg_type == noun->add ? NET_NEWS_SET : NET_NEWS_GONE;
			return true;
		}
		w->walk.at = 0;
		w->walk.entry = NULL;
	}
	w->walk.buf = NULL;
	return false;
}

/* What is said of no noun: numbers of namespaces, and a bridge's words on its port, in a family of its own. */
static bool read_other(const struct nlmsghdr *h, struct net_event *e)
{
	const struct nlattr *a;

	if (h->nlmsg_type == RTM_NEWLINK && nlmsg_datalen(h) >= (int)sizeof(struct ifinfomsg) &&
	    *(const uint8_t *)nlmsg_data(h) == AF_BRIDGE) {
		e->news = NET_NEWS_PORT;
		e->number = ((const struct ifinfomsg *)nlmsg_data(h))->ifi_index;
		return true;
	}
	if ((h->nlmsg_type != RTM_NEWNSID && h->nlmsg_type != RTM_DELNSID) || e->nsid >= 0)
		return false; /* another namespace's numbers are none of ours */
	a = nlmsg_find_attr((struct nlmsghdr *)(uintptr_t)h, sizeof(struct rtgenmsg), NETNSA_NSID);
	if (!a || nla_len(a) < (int)sizeof(uint32_t))
		return false;
	e->news = h->nlmsg_type == RTM_NEWNSID ? NET_NEWS_ID : NET_NEWS_NO_ID;
	e->number = (int)nla_get_u32(a);
	return true;
}

/* Begin the next message of the datagram.  Return: NULL when there is none. */
static const struct nlmsghdr *next_message(struct net_watch *w)
{
	struct nlmsghdr *h = (void *)(w->buf + w->at);
	int left = (int)(w->len - w->at);

	w->walk = (struct net_dump){0};
	w->noun = 0;
	if (left <= 0 || !nlmsg_ok(h, left) || nlmsg_datalen(h) <= 0)
		return NULL;
	w->at += NLMSG_ALIGN(h->nlmsg_len) > (size_t)left ? (size_t)left : NLMSG_ALIGN(h->nlmsg_len);
	w->walk = (struct net_dump){.buf = (char *)h, .len = h->nlmsg_len, .gone = true};
	return h;
}

/*
 * net_watch_next() - the next thing that was announced
 *
 * Return: 1, with *e and, where it has a noun, the cursor before the record, which lasts until the next call; 0:
 * nothing more at the moment; -ENOBUFS: the kernel had no room and dropped some; or another -errno.
 */
int net_watch_next(struct net_watch *w, struct net_event *e, struct net_cursor *c, struct net_err *err)
{
	for (;;) {
		const struct nlmsghdr *h = (const void *)w->walk.buf;
		int r;

		*e = (struct net_event){.nsid = w->nsid, .flags = h ? h->nlmsg_flags : 0};
		if (next_record(w, e, c))
			return 1;
		h = next_message(w);
		if (h && read_other(h, e))
			return 1;
		if (h)
			continue;
		r = receive(w, err);
		if (r <= 0)
			return r;
	}
}

/* net_watch_drain() - read all that there is and forget it.  Return: 1 when there was something, 0, -errno */
int net_watch_drain(struct net_watch *w, struct net_err *err)
{
	int some = w->len > w->at, r;

	w->walk.buf = NULL;
	w->len = w->at = 0;
	while ((r = receive(w, err)) != 0) {
		if (r < 0 && r != -ENOBUFS)
			return r;
		some = 1;
	}
	w->len = 0;
	return some;
}

/* net_watch_moved() - whether names may have come or gone since the last call */
bool net_watch_moved(struct net_watch *w)
{
	struct pollfd p = {.fd = w->mounts, .events = POLLPRI};
	bool moved = w->moved || (poll(&p, 1, 0) > 0 && p.revents);

	w->moved = false;
	return moved;
}
