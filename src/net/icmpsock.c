/* icmpsock.c - a raw ICMP socket of a namespace, and what it receives */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "icmp.h"

#define RCVBUF (1 << 20) /* for floods; the kernel takes what it allows of it */

/* icmp_socket() - open one; Return: the descriptor, or -errno (-EPERM) */
int icmp_socket(const struct net_ns *ns, int family, struct net_err *err)
{
	int on = 1, room = RCVBUF, r;
	int fd = ip_socket(ns, family, SOCK_RAW, family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6, err);

	if (fd < 0)
		return fd;
	r = icmp_filter(fd, family);
	if (r == 0 && family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof(on)) < 0)
		r = -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)); /* only saves replies of a flood */
	if (r == 0)
		return fd;
	close(fd);
	return net_fail(err, -r, NULL);
}

static int parse(struct icmp_way *w, const struct icmp_asked *p, struct net_err *err)
{
	int r = ip_parse(p->dst, &w->dst, err);

	if (r < 0)
		return r;
	w->family = w->dst.a.sa.sa_family;
	w->len = ip_length(&w->dst.a);
	if (!p->src)
		return 0;
	r = ip_parse(p->src, &w->src, err);
	if (r == 0 && w->src.a.sa.sa_family != w->family)
		return net_fail(err, EINVAL, "source %s and destination %s are of different families", p->src, p->dst);
	return r;
}

/*
 * icmp_way_open() - read the addresses and options of a probe and open the socket for them
 * @w: the caller closes w->fd unless it is -1, on failure too
 *
 * Return: 0; -EINVAL: a bad address; -ENODEV: no such link; -EPERM; another -errno.
 */
int icmp_way_open(struct icmp_way *w, const struct net_ns *ns, const struct icmp_asked *p, struct net_err *err)
{
	const char *dev;
	int r;

	w->fd = -1;
	r = parse(w, p, err);
	if (r < 0)
		return r;
	w->fd = icmp_socket(ns, w->family, err);
	if (w->fd < 0)
		return w->fd;
	r = ip_set_scope(w->fd, &w->dst, p->dev, p->dst, err);
	dev = p->dev || !*w->dst.dev ? p->dev : w->dst.dev;
	if (r == 0)
		r = ip_set_way(w->fd, w->family, dev, err);
	if (r == 0 && p->src)
		r = ip_set_scope(w->fd, &w->src, *w->src.dev ? NULL : dev, p->src, err);
	if (r == 0)
		r = ip_set_ttl(w->fd, w->family, p->ttl, err);
	return r;
}

/* icmp_way_bind() - to the source asked for; Return: 0 or the errno */
int icmp_way_bind(struct icmp_way *w)
{
	if (w->bound || !w->src.a.sa.sa_family)
		return 0;
	if (bind(w->fd, &w->src.a.sa, w->len) < 0)
		return errno;
	w->bound = true;
	return 0;
}

static double as_monotonic(const struct timespec *t)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return net_now() - ((double)(now.tv_sec - t->tv_sec) + (double)(now.tv_nsec - t->tv_nsec) * 1e-9);
}

/* What the kernel tells beside a packet: its hop limit, and the time where the socket asks for that. */
static void read_control(struct msghdr *msg, struct icmp_answer *a)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		struct timespec t;
		int v;

		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT) {
			memcpy(&v, CMSG_DATA(c), sizeof(v));
			a->ttl = (unsigned int)v;
		} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
			memcpy(&t, CMSG_DATA(c), sizeof(t));
			a->at = as_monotonic(&t);
		}
	}
}

/*
 * icmp_receive() - read one packet
 * @tcp: as of icmp_parse()
 * @buf: ICMP_ROOM bytes, to which a->dst points
 *
 * Errors of the path are pending on a socket once each: they are read and dropped, for what they mean comes as an ICMP
 * message or as the failure of a send.
 *
 * Return: 1: it concerns us; -EAGAIN: it doesn't, there may be more; 0: nothing is there.
 */
int icmp_receive(int fd, int family, bool tcp, unsigned char *buf, struct icmp_answer *a, union ip_address *from)
{
	char control[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct timespec))];
	struct iovec iov = {buf, ICMP_ROOM};
	struct msghdr msg = {.msg_name = from,
			     .msg_namelen = sizeof(*from),
			     .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &msg, 0);

	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n < 0 || !icmp_parse(family, buf, (size_t)n, tcp, a))
		return -EAGAIN;
	a->at = net_now();
	read_control(&msg, a);
	return 1;
}
