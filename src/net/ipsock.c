/* ipsock.c - sockets of the IP protocols: addresses read and written, links found, a socket made in a namespace
 *
 * Only socket(2) happens inside the namespace: a socket belongs to the namespace that it was made in, whoever
 * uses it from where.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "ipsock.h"

const void *ip_raw(const union ip_address *a)
{
	return a->sa.sa_family == AF_INET ? (const void *)&a->in.sin_addr : (const void *)&a->in6.sin6_addr;
}

socklen_t ip_length(const union ip_address *a)
{
	return a->sa.sa_family == AF_INET ? sizeof(a->in) : sizeof(a->in6);
}

uint16_t ip_port(const union ip_address *a)
{
	return ntohs(a->sa.sa_family == AF_INET ? a->in.sin_port : a->in6.sin6_port);
}

void ip_set_port(union ip_address *a, uint16_t port)
{
	*(a->sa.sa_family == AF_INET ? &a->in.sin_port : &a->in6.sin6_port) = htons(port);
}

/* Whether every link has its own of this address. */
bool ip_needs_scope(const union ip_address *a)
{
	return a->sa.sa_family == AF_INET6 &&
	       (IN6_IS_ADDR_LINKLOCAL(&a->in6.sin6_addr) || IN6_IS_ADDR_MC_LINKLOCAL(&a->in6.sin6_addr));
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

/* ip_parse() - "10.0.0.1", "10.0.0.1/24", "fe80::1%eth0"; Return: 0 or -EINVAL */
int ip_parse(const char *text, struct ip_end *end, struct net_err *err)
{
	const char *percent = strchr(text, '%');
	size_t len = percent ? (size_t)(percent - text) : strlen(text);
	struct net_field f = {0};

	memset(end, 0, sizeof(*end));
	if (net_parse_prefix(text, len, &f, err) < 0 || (f.family != AF_INET && f.family != AF_INET6)) {
		net_fail(err, EINVAL, "'%.60s' is not an IPv4 or IPv6 address", text);
		if (looks_like_name(text))
			net_hint(err,
				 "nsh resolves no names: give the address itself, as in \"10.0.0.1\" or \"fd00::1\"");
		return -EINVAL;
	}
	end->a.sa.sa_family = f.family;
	if (f.family == AF_INET)
		memcpy(&end->a.in.sin_addr, f.addr, sizeof(end->a.in.sin_addr));
	else
		memcpy(&end->a.in6.sin6_addr, f.addr, sizeof(end->a.in6.sin6_addr));
	if (!percent)
		return 0;
	if (!percent[1] || strlen(percent + 1) >= IFNAMSIZ)
		return net_fail(err, EINVAL, "'%.60s': a link's name of 1 to 15 bytes must follow the %%", text);
	memcpy(end->dev, percent + 1, strlen(percent + 1) + 1);
	return 0;
}

static int no_endpoint(const char *text, struct net_err *err)
{
	net_fail(err, EINVAL, "'%.60s' is not an address with a port", text);
	net_hint(err, "write it as \"10.0.0.1:80\" or \"[fd00::1]:80\"");
	return -EINVAL;
}

/* ip_parse_endpoint() - "10.0.0.1:80", "[fd00::1]:80", "[fe80::1%eth0]:80"; Return: 0 or -EINVAL */
int ip_parse_endpoint(const char *text, struct ip_end *end, struct net_err *err)
{
	bool bracket = *text == '[';
	const char *from = text + bracket, *to = strrchr(text, bracket ? ']' : ':'), *port;
	char host[INET6_ADDRSTRLEN + IFNAMSIZ], *rest;
	unsigned long number;
	int r;

	if (!to || (size_t)(to - from) >= sizeof(host) || (bracket && to[1] != ':') ||
	    (!bracket && strchr(text, ':') != to))
		return no_endpoint(text, err);
	port = to + 1 + bracket;
	number = strtoul(port, &rest, 10);
	if (*port < '0' || *port > '9' || *rest || number > UINT16_MAX)
		return no_endpoint(text, err);
	memcpy(host, from, (size_t)(to - from));
	host[to - from] = '\0';
	r = ip_parse(host, end, err);
	if (r == 0 && bracket != (end->a.sa.sa_family == AF_INET6))
		return no_endpoint(text, err);
	if (r == 0)
		ip_set_port(&end->a, (uint16_t)number);
	return r;
}

/* ip_text() - "10.0.0.1:80", "[fe80::1%eth0]:80"; the names of links are those of the socket's namespace */
void ip_text(int fd, const union ip_address *a, char text[NET_END_TEXT])
{
	char addr[INET6_ADDRSTRLEN] = "";
	struct ifreq ifr = {0};

	if (a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr)) {
		inet_ntop(AF_INET, a->in6.sin6_addr.s6_addr + 12, addr, sizeof(addr));
		snprintf(text, NET_END_TEXT, "%s:%u", addr, ip_port(a));
		return;
	}
	inet_ntop(a->sa.sa_family, ip_raw(a), addr, sizeof(addr));
	if (a->sa.sa_family == AF_INET) {
		snprintf(text, NET_END_TEXT, "%s:%u", addr, ip_port(a));
		return;
	}
	ifr.ifr_ifindex = (int)a->in6.sin6_scope_id;
	if (ifr.ifr_ifindex && ioctl(fd, SIOCGIFNAME, &ifr) == 0)
		snprintf(text, NET_END_TEXT, "[%s%%%.15s]:%u", addr, ifr.ifr_name, ip_port(a));
	else
		snprintf(text, NET_END_TEXT, "[%s]:%u", addr, ip_port(a));
}

/* ip_end_text() - an address as it was given, with a port; Return: @text */
char *ip_end_text(const struct ip_end *end, unsigned int port, char text[NET_END_TEXT])
{
	bool four = end->a.sa.sa_family == AF_INET;
	char addr[INET6_ADDRSTRLEN] = "";

	inet_ntop(end->a.sa.sa_family, ip_raw(&end->a), addr, sizeof(addr));
	snprintf(text, NET_END_TEXT, four ? "%s%s%s:%u" : "[%s%s%s]:%u", addr, *end->dev ? "%" : "", end->dev, port);
	return text;
}

/* ip_want_errors() - ICMP errors are kept to be read from the socket, each with who sent it */
int ip_want_errors(int fd, int family, struct net_err *err)
{
	int on = 1, level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;

	if (setsockopt(fd, level, family == AF_INET ? IP_RECVERR : IPV6_RECVERR, &on, sizeof(on)) < 0)
		return net_fail(err, errno, NULL);
	return 0;
}

/* ip_socket() - make one in a namespace, not blocking; Return: the descriptor, or -errno */
int ip_socket(const struct net_ns *ns, int family, int type, int protocol, struct net_err *err)
{
	int fd, code, r = net_ns_enter(ns, err);

	if (r < 0)
		return r;
	fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	code = errno;
	net_ns_leave();
	if (fd >= 0)
		return fd;
	net_fail(err, code, NULL);
	if (code == EPERM)
		net_hint(err, "a raw socket takes CAP_NET_RAW in the namespace");
	else if (code == EAFNOSUPPORT)
		net_hint(err, "this kernel runs without IPv6");
	return -code;
}

/* ip_index() - the number of a link; an ioctl on a socket asks the socket's namespace */
int ip_index(int fd, const char *dev, int *index, struct net_err *err)
{
	struct ifreq ifr = {0};

	if (!*dev || strlen(dev) >= sizeof(ifr.ifr_name))
		return net_fail(err, EINVAL, "'%.40s' is no name of a link: names have 1 to 15 bytes", dev);
	memcpy(ifr.ifr_name, dev, strlen(dev) + 1);
	if (ioctl(fd, SIOCGIFINDEX, &ifr) < 0)
		return net_fail(err, errno, "no link %s", dev);
	*index = ifr.ifr_ifindex;
	return 0;
}

/*
 * ip_set_scope() - say which link's an address is, where every link has its own
 * @dev: the link that the caller named; NULL: none
 * @text: of the address, for messages
 */
int ip_set_scope(int fd, struct ip_end *end, const char *dev, const char *text, struct net_err *err)
{
	int index = 0, r;

	if (*end->dev && dev && strcmp(dev, end->dev) != 0)
		return net_fail(err, EINVAL, "%s and dev = %s name different links", text, dev);
	if (*end->dev)
		dev = end->dev;
	if (!dev && ip_needs_scope(&end->a)) {
		net_fail(err, EINVAL, "%s is a link-local address: every link has its own", text);
		net_hint(err, "say which link: dev = \"eth0\", or the name behind the address as in \"fe80::1%%eth0\"");
		return -EINVAL;
	}
	if (!dev)
		return 0;
	r = ip_index(fd, dev, &index, err);
	if (r == 0 && ip_needs_scope(&end->a))
		end->a.in6.sin6_scope_id = (uint32_t)index;
	return r;
}

/*
 * ip_set_way() - send through one link, but listen everywhere
 * @dev: NULL: as routed
 *
 * SO_BINDTODEVICE would shut out what comes back another way, as over lo when the address is one of the namespace's
 * own.
 */
int ip_set_way(int fd, int family, const char *dev, struct net_err *err)
{
	int index = 0, level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
	    r = dev ? ip_index(fd, dev, &index, err) : 0;
	struct ip_mreqn multicast = {0};
	uint32_t unicast;

	if (r < 0 || !dev)
		return r;
	multicast.imr_ifindex = index;
	unicast = htonl((uint32_t)index);
	if (family == AF_INET)
		r = setsockopt(fd, level, IP_UNICAST_IF, &unicast, sizeof(unicast)) < 0 ||
		    setsockopt(fd, level, IP_MULTICAST_IF, &multicast, sizeof(multicast)) < 0;
	else
		r = setsockopt(fd, level, IPV6_UNICAST_IF, &unicast, sizeof(unicast)) < 0 ||
		    setsockopt(fd, level, IPV6_MULTICAST_IF, &index, sizeof(index)) < 0;
	return r ? net_fail(err, errno, NULL) : 0;
}

/* ip_set_ttl() - how many hops packets of a socket may make; 0: as the namespace has it */
int ip_set_ttl(int fd, int family, unsigned int hops, struct net_err *err)
{
	int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6, ttl = (int)hops;
	int unicast = family == AF_INET ? IP_TTL : IPV6_UNICAST_HOPS;
	int multicast = family == AF_INET ? IP_MULTICAST_TTL : IPV6_MULTICAST_HOPS;

	if (!ttl)
		return 0;
	if (setsockopt(fd, level, unicast, &ttl, sizeof(ttl)) < 0)
		return net_fail(err, errno, NULL);
	setsockopt(fd, level, multicast, &ttl, sizeof(ttl)); /* a connection has no use for it */
	return 0;
}
