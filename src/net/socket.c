/* socket.c - sockets of TCP and UDP: opened in a namespace, and the bytes that go through them
 *
 * Nothing here waits: who is told "not yet" waits for the descriptor and asks again.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipsock.h"

/* Failed.  Return: the -errno that err tells. */
static int give_up(int fd, struct net_err *err)
{
	close(fd);
	return -err->code;
}

static int set_link(int fd, const char *dev, struct net_err *err)
{
	int index, r;

	if (!dev)
		return 0;
	r = ip_index(fd, dev, &index, err);
	if (r == 0 && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, dev, (socklen_t)strlen(dev)) < 0)
		r = net_fail(err, errno, NULL);
	return r;
}

static int bind_to(int fd, const char *text, struct ip_end *end, const char *dev, struct net_err *err)
{
	int r = ip_set_scope(fd, end, dev, text, err);

	if (r == 0 && bind(fd, &end->a.sa, ip_length(&end->a)) < 0)
		r = net_fail(err, errno, "cannot take %s: %s", text, net_strerror(errno));
	return r;
}

/* "10.0.0.1" or, with a port of one's own, "10.0.0.1:1024" */
static int parse_source(const char *text, struct ip_end *end, struct net_err *err)
{
	struct net_err first;

	if (ip_parse(text, end, &first) == 0 || ip_parse_endpoint(text, end, err) == 0)
		return 0;
	*err = first;
	return -err->code;
}

static int set_source(int fd, const struct net_dial *d, int family, struct net_err *err)
{
	struct ip_end src;
	int r;

	if (!d->src)
		return 0;
	r = parse_source(d->src, &src, err);
	if (r < 0)
		return r;
	if (src.a.sa.sa_family != family)
		return net_fail(err, EINVAL, "source %s and destination %s are of different families", d->src, d->dst);
	return bind_to(fd, d->src, &src, d->dev, err);
}

/*
 * net_dial() - open a socket in a namespace towards an address
 * @type: SOCK_STREAM: the connection may still be coming up, net_connected() tells; SOCK_DGRAM
 *
 * Return: the descriptor, or -errno.
 */
int net_dial(const struct net_ns *ns, int type, const struct net_dial *d, struct net_err *err)
{
	struct ip_end dst;
	int fd, family, r = ip_parse_endpoint(d->dst, &dst, err);

	if (r < 0)
		return r;
	if (!ip_port(&dst.a))
		return net_fail(err, EINVAL, "%s: nobody can listen on port 0", d->dst);
	family = dst.a.sa.sa_family;
	fd = ip_socket(ns, family, type, 0, err);
	if (fd < 0)
		return fd;
	if (ip_set_scope(fd, &dst, d->dev, d->dst, err) < 0 || set_link(fd, d->dev, err) < 0 ||
	    ip_set_ttl(fd, family, d->ttl, err) < 0 || set_source(fd, d, family, err) < 0)
		return give_up(fd, err);
	if (connect(fd, &dst.a.sa, ip_length(&dst.a)) < 0 && errno != EINPROGRESS) {
		net_fail(err, errno, NULL);
		return give_up(fd, err);
	}
	return fd;
}

/* net_connected() - Return: 1 when the other side has answered, 0: not yet, or what the connection failed with */
int net_connected(int fd, struct net_err *err)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	socklen_t len = sizeof(int);
	int code = 0;

	if (poll(&p, 1, 0) == 0)
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) < 0)
		code = errno;
	return code ? net_fail(err, code, NULL) : 1;
}

/* All addresses of the namespace: IPv6 serves both, where there is IPv6. */
static int any_address(const struct net_ns *ns, int type, unsigned int port, struct ip_end *end, struct net_err *err)
{
	int fd = ip_socket(ns, AF_INET6, type, 0, err), off = 0;

	*end = (struct ip_end){.a.in6 = {.sin6_family = AF_INET6}};
	if (fd == -EAFNOSUPPORT) {
		*end = (struct ip_end){.a.in = {.sin_family = AF_INET}};
		fd = ip_socket(ns, AF_INET, type, 0, err);
	} else if (fd >= 0 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0) {
		net_fail(err, errno, NULL);
		return give_up(fd, err);
	}
	ip_set_port(&end->a, (uint16_t)port);
	return fd;
}

/*
 * net_bound() - open a socket in a namespace that has an address or a port of its own
 * @at: "10.0.0.1:80"; NULL: @port of all addresses, of IPv4 and IPv6
 *
 * Return: the descriptor, or -errno.
 */
int net_bound(const struct net_ns *ns, int type, const struct net_bound *b, struct net_err *err)
{
	char port[24];
	struct ip_end end;
	int fd, on = 1;

	if (b->at && ip_parse_endpoint(b->at, &end, err) < 0)
		return -err->code;
	fd = b->at ? ip_socket(ns, end.a.sa.sa_family, type, 0, err) : any_address(ns, type, b->port, &end, err);
	if (fd < 0)
		return fd;
	/* what is left of an earlier listener's connections doesn't keep the port */
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	else
		setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
	snprintf(port, sizeof(port), "port %u", b->port);
	if (set_link(fd, b->dev, err) < 0 || bind_to(fd, b->at ? b->at : port, &end, b->dev, err) < 0)
		return give_up(fd, err);
	if (type == SOCK_STREAM && listen(fd, (int)b->backlog) < 0) {
		net_fail(err, errno, NULL);
		return give_up(fd, err);
	}
	return fd;
}

/* net_accept() - Return: 1 and the connection, 0: there is none yet; -errno */
int net_accept(int fd, int *connection, struct net_err *err)
{
	*connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (*connection >= 0)
		return 1;
	if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR) /* who gave up meanwhile is nobody */
		return 0;
	return net_fail(err, errno, NULL);
}

/* net_send() - Return: how many bytes went, 0: there is no room yet, or -errno; a closed peer is no signal */
ssize_t net_send(int fd, const void *data, size_t len, struct net_err *err)
{
	ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EINTR ? 0 : net_fail(err, errno, NULL);
}

static int family_of(int fd)
{
	socklen_t len = sizeof(int);
	int family = AF_INET;

	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len);
	return family;
}

/* An IPv4 address as a socket of IPv6 knows it. */
static void map_address(union ip_address *a)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = a->in.sin_port};

	six.sin6_addr.s6_addr[10] = six.sin6_addr.s6_addr[11] = 0xff;
	memcpy(six.sin6_addr.s6_addr + 12, &a->in.sin_addr, 4);
	a->in6 = six;
}

/*
 * net_send_to() - send one datagram
 * @to: "10.0.0.1:53"; NULL: where the socket was dialled
 *
 * Return: 1, 0: there is no room yet, or -errno.
 */
int net_send_to(int fd, const char *to, const void *data, size_t len, struct net_err *err)
{
	const struct sockaddr *sa = NULL;
	struct ip_end end;
	socklen_t n = 0;

	if (to) {
		if (ip_parse_endpoint(to, &end, err) < 0 ||
		    ((*end.dev || ip_needs_scope(&end.a)) && ip_set_scope(fd, &end, NULL, to, err) < 0))
			return -err->code;
		if (end.a.sa.sa_family == AF_INET && family_of(fd) == AF_INET6)
			map_address(&end.a);
		sa = &end.a.sa;
		n = ip_length(&end.a);
	}
	if (sendto(fd, data, len, MSG_NOSIGNAL, sa, n) >= 0)
		return 1;
	return errno == EAGAIN || errno == EINTR ? 0 : net_fail(err, errno, NULL);
}

/*
 * net_receive() - read what has come
 * @from: gets the sender of a datagram; NULL: nobody asks
 *
 * Return: how many bytes; 0: the end of a connection, or an empty datagram; -EAGAIN: nothing has come yet; -errno.
 */
ssize_t net_receive(int fd, void *buf, size_t size, char from[NET_END_TEXT], struct net_err *err)
{
	union ip_address a = {0};
	socklen_t len = sizeof(a);
	ssize_t n = recvfrom(fd, buf, size, 0, from ? &a.sa : NULL, from ? &len : NULL);

	if (n >= 0) {
		if (from)
			ip_text(fd, &a, from);
		return n;
	}
	if (errno == EAGAIN || errno == EINTR)
		return -EAGAIN;
	return net_fail(err, errno, NULL);
}

/* net_end_of() - the address of a socket's own end, or of the other: "10.0.0.1:80"; "" where it has none */
void net_end_of(int fd, bool peer, char text[NET_END_TEXT])
{
	union ip_address a = {0};
	socklen_t len = sizeof(a);

	*text = '\0';
	if ((peer ? getpeername(fd, &a.sa, &len) : getsockname(fd, &a.sa, &len)) == 0)
		ip_text(fd, &a, text);
}

/* net_finish() - tell the other side that nothing more will be sent */
int net_finish(int fd, struct net_err *err)
{
	if (shutdown(fd, SHUT_WR) < 0 && errno != ENOTCONN)
		return net_fail(err, errno, NULL);
	return 0;
}
