/* message.h - netlink messages made by hand, for limit.c: several in one buffer, the last of which asks for an ack */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BRIDGE 100 /* index of a bridge; its ports follow */

static void check(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "limit: %s: %s\n", what, strerror(errno));
	exit(1);
}

static char buf[1 << 20];
static size_t len, last;
static uint32_t seq;

static void *put(const void *data, size_t n)
{
	void *at = buf + len;

	memset(at, 0, NLMSG_ALIGN(n));
	if (data)
		memcpy(at, data, n);
	len += NLMSG_ALIGN(n);
	return at;
}

static void begin(int type, int flags, const void *hdr, size_t n)
{
	struct nlmsghdr h = {
		.nlmsg_type = (uint16_t)type, .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags), .nlmsg_seq = ++seq};

	last = len;
	put(&h, sizeof(h));
	put(hdr, n);
}

static void end(void)
{
	((struct nlmsghdr *)(void *)(buf + last))->nlmsg_len = (uint32_t)(len - last);
}

static size_t attr(int type, const void *data, size_t n)
{
	struct rtattr a = {.rta_type = (unsigned short)type, .rta_len = (unsigned short)RTA_LENGTH(n)};
	size_t at = len;

	put(&a, sizeof(a));
	if (n)
		put(data, n);
	return at;
}

static void attr32(int type, uint32_t v)
{
	attr(type, &v, sizeof(v));
}

static void attr_name(int type, const char *s)
{
	attr(type, s, strlen(s) + 1);
}

static size_t nest(int type)
{
	return attr(type, NULL, 0);
}

static void nest_end(size_t at)
{
	((struct rtattr *)(void *)(buf + at))->rta_len = (unsigned short)(len - at);
}

/* Send what there is and read until the last one's ack; any failure ends us. */
static void flush(int sock, const char *what)
{
	static char rx[65536];

	if (len == 0)
		return;
	((struct nlmsghdr *)(void *)(buf + last))->nlmsg_flags |= NLM_F_ACK;
	check((int)send(sock, buf, len, 0), what);
	len = 0;
	for (;;) {
		ssize_t n = recv(sock, rx, sizeof(rx), 0);

		check((int)n, what);
		for (struct nlmsghdr *h = (void *)rx; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			struct nlmsgerr *e = NLMSG_DATA(h);

			errno = h->nlmsg_type == NLMSG_ERROR ? -e->error : 0;
			check(errno ? -1 : 0, what);
			if (h->nlmsg_type == NLMSG_ERROR && h->nlmsg_seq == seq)
				return;
		}
	}
}

static void msg_up(int index)
{
	struct ifinfomsg m = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};

	begin(RTM_NEWLINK, 0, &m, sizeof(m));
	end();
}

static void msg_no_link_local(int index)
{
	struct ifinfomsg m = {.ifi_index = index};
	uint8_t none = 1; /* IN6_ADDR_GEN_MODE_NONE */
	size_t spec, inet6;

	begin(RTM_NEWLINK, 0, &m, sizeof(m));
	spec = nest(IFLA_AF_SPEC);
	inet6 = nest(AF_INET6);
	attr(IFLA_INET6_ADDR_GEN_MODE, &none, sizeof(none));
	nest_end(inet6);
	nest_end(spec);
	end();
}

static void msg_bridge(const char *name)
{
	struct ifinfomsg m = {.ifi_index = BRIDGE};
	size_t info;

	begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &m, sizeof(m));
	attr_name(IFLA_IFNAME, name);
	info = nest(IFLA_LINKINFO);
	attr_name(IFLA_INFO_KIND, "bridge");
	nest_end(info);
	end();
}

/* A veth has one for each processor otherwise, which take their time. */
static void one_queue(void)
{
	attr32(IFLA_NUM_TX_QUEUES, 1);
	attr32(IFLA_NUM_RX_QUEUES, 1);
}

/* Both ends in their namespaces at once, the near one up and in its bridge; an up peer is refused. */
static void msg_veth(const char *name, int index, int master, const char *peer, int peer_index, int peer_ns)
{
	struct ifinfomsg m = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	struct ifinfomsg p = {.ifi_index = peer_index};
	size_t info, data, other;

	begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &m, sizeof(m));
	attr_name(IFLA_IFNAME, name);
	if (master)
		attr32(IFLA_MASTER, (uint32_t)master);
	one_queue();
	info = nest(IFLA_LINKINFO);
	attr_name(IFLA_INFO_KIND, "veth");
	data = nest(IFLA_INFO_DATA);
	other = attr(VETH_INFO_PEER, &p, sizeof(p));
	attr_name(IFLA_IFNAME, peer);
	one_queue();
	if (peer_ns >= 0)
		attr32(IFLA_NET_NS_FD, (uint32_t)peer_ns);
	nest_end(other);
	nest_end(data);
	nest_end(info);
	end();
}

static void msg_addr(int index, uint32_t ip, int plen)
{
	struct ifaddrmsg m = {.ifa_family = AF_INET, .ifa_prefixlen = (uint8_t)plen, .ifa_index = (unsigned int)index};

	begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &m, sizeof(m));
	attr32(IFA_LOCAL, htonl(ip));
	attr32(IFA_ADDRESS, htonl(ip));
	attr32(IFA_BROADCAST, htonl(ip | 0xffffffffu >> plen));
	end();
}

static void msg_link_local(int index, int number)
{
	struct ifaddrmsg m = {.ifa_family = AF_INET6, .ifa_prefixlen = 64, .ifa_flags = IFA_F_NODAD,
			      .ifa_scope = RT_SCOPE_LINK, .ifa_index = (unsigned int)index};
	struct in6_addr ip = {.s6_addr = {0xfe, 0x80, [8] = 0x02, [11] = 0xff, [12] = 0xfe}};

	ip.s6_addr[14] = (uint8_t)(number >> 8);
	ip.s6_addr[15] = (uint8_t)number;
	begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &m, sizeof(m));
	attr(IFA_LOCAL, &ip, sizeof(ip));
	end();
}

static void msg_route(int type, uint32_t dst, int plen, uint32_t via, int index)
{
	struct rtmsg m = {.rtm_family = AF_INET,
			  .rtm_dst_len = (uint8_t)plen,
			  .rtm_table = RT_TABLE_MAIN,
			  .rtm_protocol = RTPROT_STATIC,
			  .rtm_type = RTN_UNICAST};

	begin(type, type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_EXCL : 0, &m, sizeof(m));
	if (plen)
		attr32(RTA_DST, htonl(dst));
	attr32(RTA_GATEWAY, htonl(via));
	attr32(RTA_OIF, (uint32_t)index);
	end();
}
