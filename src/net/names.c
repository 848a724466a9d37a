/* names.c - words for numbers: libnl's name tables, and the names of ifindexes for a listing */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <netlink/route/route.h>
#include <netlink/route/rtnl.h>

#include "net.h"
#include "sock.h"
#include "tables.h"

const struct net_enum net_families = {
	.list = (struct net_word[]){{"inet", AF_INET}, {"inet6", AF_INET6}, {"bridge", AF_BRIDGE}, {NULL, 0}},
};

/* clang-format off */
const struct net_enum net_ipprotos = {
	.list = (struct net_word[]){{"icmp", IPPROTO_ICMP}, {"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP},
				    {"ipv6-icmp", IPPROTO_ICMPV6}, {"sctp", IPPROTO_SCTP}, {"gre", IPPROTO_GRE},
				    {"esp", IPPROTO_ESP}, {NULL, 0}},
};
/* clang-format on */

const struct net_enum net_scopes = {.value = rtnl_str2scope, .name = rtnl_scope2str};

/* The files that ip(8) reads its names from; libnl only reads its own. */
static void read_files(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	/* a machine without iproute2 has no such names; the well-known ones are built in */
	rtnl_route_read_table_names("/etc/iproute2/rt_tables");
	rtnl_route_read_protocol_names("/etc/iproute2/rt_protos");
}

static int protocol_value(const char *name)
{
	read_files();
	return rtnl_route_str2proto(name);
}

static char *protocol_name(int value, char *buf, size_t size)
{
	read_files();
	return rtnl_route_proto2str(value, buf, size);
}

static int table_value(const char *name)
{
	read_files();
	return strcmp(name, "all") == 0 ? RT_TABLE_UNSPEC : rtnl_route_str2table(name);
}

static char *table_name(int value, char *buf, size_t size)
{
	read_files();
	return rtnl_route_table2str(value, buf, size);
}

const struct net_enum net_protocols = {.value = protocol_value, .name = protocol_name};
const struct net_enum net_route_tables = {.value = table_value, .name = table_name};

/* --- names of ifindexes --- */

#define SEEN (sizeof(((struct net_link_names *)0)->seen) / sizeof(struct net_link_name))
#define MOST_SEEN 16384
#define LINK_SIZE 1024 /* about so much a list tells of each */

void net_names_free(struct net_link_names *map)
{
	free(map->v);
	memset(map, 0, sizeof(*map));
}

static int by_index(const void *a, const void *b)
{
	return ((const struct net_link_name *)a)->index - ((const struct net_link_name *)b)->index;
}

/* Ask the kernel: a question by ioctl is a hundredth of one for all that is known of the link. */
static int ask(struct net_ns *ns, int index, char name[IFNAMSIZ])
{
	struct ifreq question = {.ifr_ifindex = index};
	struct net_err err;
	struct net_sock *s = net_sock_get(ns, NETLINK_ROUTE, &err);

	if (!s)
		return -err.code;
	if (ioctl(s->fd, SIOCGIFNAME, &question) < 0)
		return -errno;
	memcpy(name, question.ifr_name, IFNAMSIZ);
	return 0;
}

static struct net_link_name *place(struct net_link_names *map, int index)
{
	return map->v ? &map->v[(unsigned int)index % map->n] : &map->seen[(unsigned int)index % SEEN];
}

/* All names of a list of links. */
static void note_links(struct net_link_names *map)
{
	const struct net_dump *d = map->links;
	struct nlmsghdr *h;

	for (size_t at = 0; at < d->len; at += NLMSG_ALIGN(h->nlmsg_len)) {
		int index;
		struct nlattr *name;

		h = (void *)(d->buf + at);
		name = nlmsg_find_attr(h, sizeof(struct ifinfomsg), IFLA_IFNAME);
		index = ((const struct ifinfomsg *)nlmsg_data(h))->ifi_index;
		if (h->nlmsg_type != RTM_NEWLINK || !name || nla_len(name) > IFNAMSIZ)
			continue;
		nla_strlcpy(place(map, index)->name, name, IFNAMSIZ);
		place(map, index)->index = index;
	}
}

/* Room for four times as many: lists of a thousand links name each of them several times.  Without memory for that the
 * kernel is asked again. */
static void widen(struct net_link_names *map)
{
	unsigned int n = map->v ? map->n : SEEN;
	const struct net_link_name *old = map->v ? map->v : map->seen;
	struct net_link_names wide = {.n = n};

	if (n >= MOST_SEEN)
		return;
	do
		wide.n *= 4;
	while (map->links && wide.n < MOST_SEEN && wide.n < map->links->len / LINK_SIZE);
	wide.v = calloc(wide.n, sizeof(*wide.v));
	if (!wide.v)
		return;
	for (unsigned int i = 0; i < n; i++)
		if (old[i].index)
			*place(&wide, old[i].index) = old[i];
	free(map->v);
	map->v = wide.v;
	map->n = wide.n;
	if (map->links)
		note_links(map);
}

/*
 * net_link_name() - the name of a link by its index, NULL where there is none (any more); valid until the next call
 * @map: what is known already; starts zeroed and serves one listing; its code tells if "none" was for another reason
 */
const char *net_link_name(struct net_ns *ns, struct net_link_names *map, int index)
{
	struct net_link_name key = {.index = index}, *e;
	int r;

	if (map->full) {
		e = map->n ? bsearch(&key, map->v, map->n, sizeof(key), by_index) : NULL;
		return e ? e->name : NULL;
	}
	e = place(map, index);
	if (e->index && e->index != index) {
		widen(map);
		e = place(map, index);
	}
	if (e->index == index)
		return e->name;
	r = ask(ns, index, e->name);
	e->index = r < 0 ? 0 : index;
	if (r < 0 && r != -ENODEV)
		map->code = -r;
	return r < 0 ? NULL : e->name;
}

/* net_names_put() - what a link is called from now on, in a map that is full; NULL: it is gone.  -ENOMEM */
int net_names_put(struct net_link_names *map, int index, const char *name)
{
	struct net_link_name *v;
	unsigned int at = map->n;

	while (at > 0 && map->v[at - 1].index >= index) /* new ones have the highest numbers */
		at--;
	if (!name) {
		if (at < map->n && map->v[at].index == index)
			memmove(map->v + at, map->v + at + 1, (--map->n - at) * sizeof(*v));
		return 0;
	}
	if (at == map->n || map->v[at].index != index) {
		/* room for twice as many whenever a power of two is full */
		if ((map->n & (map->n - 1)) == 0) {
			v = realloc(map->v, (map->n ? map->n * 2 : 1) * sizeof(*v));
			if (!v)
				return -ENOMEM;
			map->v = v;
		}
		memmove(map->v + at + 1, map->v + at, (map->n++ - at) * sizeof(*v));
	}
	map->v[at].index = index;
	snprintf(map->v[at].name, sizeof(map->v[at].name), "%s", name);
	return 0;
}
