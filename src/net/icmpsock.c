/* icmpsock.c - the raw socket of a ping: addresses read, links found, options set
 *
 * Only socket(2) happens inside the namespace: a socket belongs to the namespace that it was made in, whoever
 * uses it from where.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "icmp.h"
#include "net.h"

#define RCVBUF (1 << 20) /* for floods; the kernel takes what it allows of it */

const void *icmp_raw_address(const union icmp_address *a)
{
	return a->sa.sa_family == AF_INET ? (const void *)&a->in.sin_addr : (const void *)&a->in6.sin6_addr;
}

/* A word of letters and dots is more likely a host name than a slip in an address. */
static bool looks_like_name(const char *s)
{
	bool letters = false;

	for (; *s; s++) {
		if (*s == ':')
			return false;
		letters |= (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z');
	}
	return letters;
}

/* "10.0.0.1", "10.0.0.1/24", "fe80::1%eth0" */
static int parse_address(const char *text, union icmp_address *a, char *dev, struct net_err *err)
{
	const char *percent = strchr(text, '%');
	size_t len = percent ? (size_t)(percent - text) : strlen(text);
	struct net_field f = {0};

	if (net_parse_prefix(text, len, &f, err) < 0 || (f.family != AF_INET && f.family != AF_INET6)) {
		net_fail(err, EINVAL, "'%.60s' is not an IPv4 or IPv6 address", text);
		if (looks_like_name(text))
			net_hint(err,
				 "nsh resolves no names: give the address itself, as in \"10.0.0.1\" or \"fd00::1\"");
		return -EINVAL;
	}
	a->sa.sa_family = f.family;
	if (f.family == AF_INET)
		memcpy(&a->in.sin_addr, f.addr, sizeof(a->in.sin_addr));
	else
		memcpy(&a->in6.sin6_addr, f.addr, sizeof(a->in6.sin6_addr));
	if (!percent)
		return 0;
	if (!percent[1] || strlen(percent + 1) >= IFNAMSIZ)
		return net_fail(err, EINVAL, "'%.60s': a link's name of 1 to 15 bytes must follow the %%", text);
	memcpy(dev, percent + 1, strlen(percent + 1) + 1);
	return 0;
}

static int parse(struct icmp_socket *s, const struct net_ping *p, struct net_err *err)
{
	int r = parse_address(p->dst, &s->dst, s->dst_dev, err);

	if (r < 0)
		return r;
	s->family = s->dst.sa.sa_family;
	s->len = s->family == AF_INET ? sizeof(s->dst.in) : sizeof(s->dst.in6);
	if (!p->src)
		return 0;
	r = parse_address(p->src, &s->src, s->src_dev, err);
	if (r == 0 && s->src.sa.sa_family != s->family)
		return net_fail(err, EINVAL, "source %s and destination %s are of different families", p->src, p->dst);
	return r;
}

/* An ioctl on our socket asks the socket's namespace. */
static int index_of(const struct icmp_socket *s, const char *name, int *index, struct net_err *err)
{
	struct ifreq ifr = {0};

	if (!*name || strlen(name) >= sizeof(ifr.ifr_name))
		return net_fail(err, EINVAL, "'%.40s' is no name of a link: names have 1 to 15 bytes", name);
	memcpy(ifr.ifr_name, name, strlen(name) + 1);
	if (ioctl(s->fd, SIOCGIFINDEX, &ifr) < 0)
		return net_fail(err, errno, "no link %s", name);
	*index = ifr.ifr_ifindex;
	return 0;
}

static bool needs_scope(const union icmp_address *a)
{
	return a->sa.sa_family == AF_INET6 &&
	       (IN6_IS_ADDR_LINKLOCAL(&a->in6.sin6_addr) || IN6_IS_ADDR_MC_LINKLOCAL(&a->in6.sin6_addr));
}

/*
 * Send through one link, but listen everywhere: SO_BINDTODEVICE would shut out replies that come back another
 * way, as they do over lo when the address pinged is one of the namespace's own.
 */
static int set_device(struct icmp_socket *s, const struct net_ping *p, struct net_err *err)
{
	const char *dev = p->dev ? p->dev : s->dst_dev;
	int r, level = s->family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6, index = 0;
	struct ip_mreqn multicast = {0};
	uint32_t unicast;

	if (*s->dst_dev && strcmp(dev, s->dst_dev) != 0)
		return net_fail(err, EINVAL, "%s and dev = %s name different links", p->dst, dev);
	if (!*dev && !p->dev && needs_scope(&s->dst)) {
		net_fail(err, EINVAL, "%s is a link-local address: every link has its own", p->dst);
		net_hint(err, "say which link: dev = \"eth0\", or \"%s%%eth0\"", p->dst);
		return -EINVAL;
	}
	if (!*dev && !p->dev)
		return 0;
	r = index_of(s, dev, &index, err);
	if (r < 0)
		return r;
	if (needs_scope(&s->dst))
		s->dst.in6.sin6_scope_id = (uint32_t)index;
	multicast.imr_ifindex = index;
	unicast = htonl((uint32_t)index);
	if (s->family == AF_INET) {
		if (setsockopt(s->fd, level, IP_UNICAST_IF, &unicast, sizeof(unicast)) < 0 ||
		    setsockopt(s->fd, level, IP_MULTICAST_IF, &multicast, sizeof(multicast)) < 0)
			return net_fail(err, errno, NULL);
	} else if (setsockopt(s->fd, level, IPV6_UNICAST_IF, &unicast, sizeof(unicast)) < 0 ||
		   setsockopt(s->fd, level, IPV6_MULTICAST_IF, &index, sizeof(index)) < 0) {
		return net_fail(err, errno, NULL);
	}
	return 0;
}

static int set_source_scope(struct icmp_socket *s, const struct net_ping *p, struct net_err *err)
{
	int r, index = 0;

	if (!p->src || !needs_scope(&s->src))
		return 0;
	if (!*s->src_dev) {
		s->src.in6.sin6_scope_id = s->dst.in6.sin6_scope_id;
		return 0;
	}
	r = index_of(s, s->src_dev, &index, err);
	if (r == 0)
		s->src.in6.sin6_scope_id = (uint32_t)index;
	return r;
}

static int set_ttl(const struct icmp_socket *s, unsigned int hops, struct net_err *err)
{
	int level = s->family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6, ttl = (int)hops;
	int unicast = s->family == AF_INET ? IP_TTL : IPV6_UNICAST_HOPS;
	int multicast = s->family == AF_INET ? IP_MULTICAST_TTL : IPV6_MULTICAST_HOPS;

	if (!ttl)
		return 0;
	if (setsockopt(s->fd, level, unicast, &ttl, sizeof(ttl)) < 0 ||
	    setsockopt(s->fd, level, multicast, &ttl, sizeof(ttl)) < 0)
		return net_fail(err, errno, NULL);
	return 0;
}

static int open_socket(struct icmp_socket *s, const struct net_ns *ns, struct net_err *err)
{
	int on = 1, room = RCVBUF, r = net_ns_enter(ns, err), code;

	if (r < 0)
		return r;
	s->fd = socket(s->family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       s->family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	code = errno;
	net_ns_leave();
	if (s->fd < 0) {
		net_fail(err, code, NULL);
		if (code == EPERM)
			net_hint(err, "a raw ICMP socket takes CAP_NET_RAW in the namespace");
		else if (code == EAFNOSUPPORT)
			net_hint(err, "this kernel runs without IPv6");
		return -code;
	}
	r = icmp_filter(s->fd, s->family);
	if (r < 0)
		return net_fail(err, -r, NULL);
	setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)); /* only saves replies of a flood */
	if (s->family == AF_INET6 && setsockopt(s->fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof(on)) < 0)
		return net_fail(err, errno, NULL);
	return 0;
}

/*
 * icmp_socket_open() - read the addresses and options of @p and open the socket for them
 * @s: the caller closes s->fd unless it is -1, on failure too
 *
 * Return: 0; -EINVAL: a bad address; -ENODEV: no such link; -EPERM; another -errno.
 */
int icmp_socket_open(struct icmp_socket *s, const struct net_ns *ns, const struct net_ping *p, struct net_err *err)
{
	int r = parse(s, p, err);

	if (r == 0)
		r = open_socket(s, ns, err);
	if (r == 0)
		r = set_device(s, p, err);
	if (r == 0)
		r = set_source_scope(s, p, err);
	if (r == 0)
		r = set_ttl(s, p->ttl, err);
	return r;
}
