/* supports.c - whether the kernel and our rights allow what only a socket can try; for the doctor */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

static const struct {
	const char *name;
	int family, type, protocol; /* of the socket */
	int level, option, value;   /* what is set on it; option 0: nothing */
} things[] = {
	{"all_nsid", AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, 1},
	{"ext_ack", AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, SOL_NETLINK, NETLINK_EXT_ACK, 1},
	{"generic", AF_NETLINK, SOCK_RAW, NETLINK_GENERIC, 0, 0, 0},
	{"netfilter", AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER, 0, 0, 0},
	{"packet", AF_PACKET, SOCK_RAW, 0, 0, 0, 0},
	{"ping", AF_INET, SOCK_DGRAM, IPPROTO_ICMP, 0, 0, 0},
	{"raw", AF_INET, SOCK_RAW, IPPROTO_ICMP, 0, 0, 0},
	{"rcvbufforce", AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22},
};

/* net_ns_supports() - try one of the things above in a namespace.  Return: 0; -errno; -EINVAL for an unknown name. */
int net_ns_supports(const struct net_ns *ns, const char *what, struct net_err *err)
{
	unsigned int i = 0;
	int fd, code, r;

	while (i < sizeof(things) / sizeof(*things) && strcmp(things[i].name, what) != 0)
		i++;
	if (i == sizeof(things) / sizeof(*things))
		return net_misuse(err, "nobody knows how to try '%s'", what);
	r = net_ns_enter(ns, err);
	if (r < 0)
		return r;
	fd = socket(things[i].family, things[i].type | SOCK_CLOEXEC, things[i].protocol);
	code = errno;
	net_ns_leave();
	if (fd < 0)
		return net_fail(err, code, NULL);
	if (things[i].option &&
	    setsockopt(fd, things[i].level, things[i].option, &things[i].value, sizeof(things[i].value)) < 0)
		r = net_fail(err, errno, NULL);
	close(fd);
	return r;
}
