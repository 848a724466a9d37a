/* maddr.c - multicast addresses of links (ip maddress): what the kernel's lists say, and the link-layer ones changed
 *
 * Netlink tells them only in part (IPv4's since Linux 6.15, never the link layer's, never their users), so the text
 * of /proc/net it is.  Which namespace's file one gets is decided at open(2), by where the caller stands.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "net.h"
#include "sock.h"

static const char *const files[] = {"dev_mcast", "igmp", "igmp6"};

static int open_list(const struct net_ns *ns, const char *name, struct net_err *err)
{
	char path[64];
	int fd, code, r = net_ns_enter(ns, err);

	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "/proc/thread-self/net/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	code = errno;
	net_ns_leave();
	return fd < 0 ? net_fail(err, code, "cannot read %s", path) : fd;
}

/*
 * net_maddr_list() - one of the kernel's lists of multicast addresses, as it writes it
 * @which: 0: of the link layer, 1: of IPv4, 2: of IPv6
 * @text, @len: malloc'd; the caller frees it, on failure too
 *
 * Return: 0; -ENOENT: the kernel has no such list.
 */
int net_maddr_list(const struct net_ns *ns, unsigned int which, char **text, size_t *len, struct net_err *err)
{
	size_t cap = 0;
	ssize_t n = 1;
	int fd = open_list(ns, files[which < 3 ? which : 0], err);

	*text = NULL;
	*len = 0;
	if (fd < 0)
		return fd;
	while (n > 0) {
		if (cap - *len < 4096) {
			char *more = realloc(*text, cap = cap * 2 + 8192);

			if (!more) {
				close(fd);
				return net_fail(err, ENOMEM, NULL);
			}
			*text = more;
		}
		n = read(fd, *text + *len, cap - *len);
		*len += n > 0 ? (size_t)n : 0;
	}
	n = n < 0 ? errno : 0;
	close(fd);
	return n ? net_fail(err, (int)n, NULL) : 0;
}

/* net_maddr_change() - the link receives frames to a link-layer address, or no longer; @mac: its text */
int net_maddr_change(struct net_ns *ns, int index, const char *mac, bool add, struct net_err *err)
{
	struct net_sock *s = net_sock_get(ns, NETLINK_ROUTE, err);
	struct ifreq req = {.ifr_ifindex = index};
	static const struct net_row row = {.key = "addr", .type = NET_MAC};
	struct net_field f = {.row = &row};

	if (!s)
		return -err->code;
	if (net_parse_mac(mac, strlen(mac), &f, err) < 0) {
		err->misuse = true;
		return -EINVAL;
	}
	if (!(f.addr[0] & 1))
		return net_misuse(err, "%.40s is no multicast address: its first byte must be odd", mac);
	if (ioctl(s->fd, SIOCGIFNAME, &req) < 0)
		return net_fail(err, errno, NULL);
	net_changes++;
	memset(&req.ifr_hwaddr, 0, sizeof(req.ifr_hwaddr));
	memcpy(req.ifr_hwaddr.sa_data, f.addr, f.len);
	return ioctl(s->fd, add ? SIOCADDMULTI : SIOCDELMULTI, &req) < 0 ? net_fail(err, errno, NULL) : 0;
}
