/* limit.c - what networks cost at least: netlink messages made by hand, no more of them than there must be
 *
 * star N, stars N, chain N: builds it, writes "up" and its pid, and takes it down at the next line that it reads; stars
 * are four of N / 4 hosts, whose switches are joined; star N v6off: no IPv6 on the hosts' links
 *
 * routes N: adds, lists and deletes routes; list N ROUNDS: lists links and addresses; exec PID N PROGRAM: runs a
 * program in the network and mount namespace of a process; run N PROGRAM: runs it here.  They write the seconds.
 *
 * idle: waits until the kernel has done away with all namespaces that went before
 */
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "message.h"

#define STAR 0x0a000000u /* 10.0.0.0/16: hosts from .0.1 on, the switch is the last address */
#define GATEWAY (STAR + 0xfffe)

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- namespaces --- */

struct node {
	char name[16];
	int fd, sock;
};

static struct node nodes[4096 + 8];
static int n_nodes;

static int open_socket(void)
{
	int big = 4 << 20, sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	check(sock, "socket");
	setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof(big));
	setsockopt(sock, SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof(big));
	return sock;
}

/* As `ip netns add` does it, and we stand in it then. */
static struct node *add_node(const char *prefix, int number)
{
	struct node *n = &nodes[n_nodes++];
	char path[64], self[64];
	int file;

	snprintf(n->name, sizeof(n->name), "%s%d", prefix, number);
	check(unshare(CLONE_NEWNET), "unshare");
	n->fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	check(n->fd, "namespace");
	n->sock = open_socket();
	snprintf(path, sizeof(path), "/run/netns/%s", n->name);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", n->fd);
	file = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
	check(file, path);
	close(file);
	check(mount(self, path, "none", MS_BIND, NULL), path);
	return n;
}

/* The first ones last: a switch takes its links with it one by one, an end that is gone already is none. */
static void del_nodes(void)
{
	char path[64];

	for (int i = n_nodes - 1; i >= 0; i--) {
		snprintf(path, sizeof(path), "/run/netns/%s", nodes[i].name);
		check(umount2(path, MNT_DETACH), path);
		check(unlink(path), path);
		close(nodes[i].sock);
		close(nodes[i].fd);
	}
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	check(fd, path);
	check((int)write(fd, text, strlen(text)), path);
	close(fd);
}

/* --- star, stars, chain --- */

/* Links have link-local addresses that aren't looked for elsewhere first; ports of switches have none. */

static struct node *build_star(int first, int n, bool v6off, int number)
{
	struct node *sw = add_node("sw", number), *host;
	char port[16];

	msg_up(1);
	msg_bridge("br0");
	if (number == 0)
		msg_addr(BRIDGE, GATEWAY, 16);
	flush(sw->sock, "switch");
	host = &nodes[n_nodes];
	for (int i = first; i < first + n; i++)
		add_node("h", i);
	for (int i = first; i < first + n; i++) {
		snprintf(port, sizeof(port), "p%d", i);
		msg_veth(port, BRIDGE + 1 + i, BRIDGE, "eth0", BRIDGE, host[i - first].fd);
		msg_no_link_local(BRIDGE + 1 + i);
		if (i % 64 == 0)
			flush(sw->sock, "veth");
	}
	flush(sw->sock, "veth");
	for (int i = first; i < first + n; i++) {
		msg_up(1);
		msg_no_link_local(BRIDGE);
		if (!v6off)
			msg_link_local(BRIDGE, 2 * i);
		msg_up(BRIDGE);
		msg_addr(BRIDGE, STAR + (uint32_t)i, 16);
		msg_route(RTM_NEWROUTE, 0, 0, GATEWAY, BRIDGE);
		flush(host[i - first].sock, "host");
	}
	return sw;
}

/* Last: each port of a bridge that is up already costs much more. */
static void set_up(const struct node *sw)
{
	msg_up(BRIDGE);
	flush(sw->sock, "switch up");
}

static void build_stars(int n)
{
	struct node *sw[4];

	for (int i = 0; i < 4; i++)
		sw[i] = build_star(1 + i * (n / 4), n / 4, false, i);
	for (int i = 1; i < 4; i++) {
		char port[16];

		snprintf(port, sizeof(port), "to%d", i);
		msg_veth(port, 50 + i, BRIDGE, "to0", 50, sw[i]->fd);
		flush(sw[0]->sock, "trunk");
		msg_up(50);
		begin(RTM_NEWLINK, 0, &(struct ifinfomsg){.ifi_index = 50}, sizeof(struct ifinfomsg));
		attr32(IFLA_MASTER, BRIDGE);
		end();
		flush(sw[i]->sock, "trunk");
	}
	for (int i = 0; i < 4; i++)
		set_up(sw[i]);
}

/* Link i joins router i and i + 1 by a /30; eth0 leads to the left, eth1 to the right. */
static void build_chain(int n)
{
	static const uint32_t net = 0x0a010000u;

	for (int i = 1; i <= n; i++) {
		add_node("r", i);
		write_file("/proc/sys/net/ipv4/ip_forward", "1");
		write_file("/proc/sys/net/ipv6/conf/all/forwarding", "1");
	}
	for (int i = 1; i <= n; i++) {
		uint32_t left = net + 4 * (uint32_t)(i - 1), right = net + 4 * (uint32_t)i;

		msg_up(1);
		if (i > 1) {
			msg_no_link_local(BRIDGE);
			msg_link_local(BRIDGE, 2 * i);
			msg_up(BRIDGE);
			msg_addr(BRIDGE, left + 2, 30);
		}
		if (i < n) {
			msg_veth("eth1", BRIDGE + 1, 0, "eth0", BRIDGE, nodes[i].fd);
			msg_no_link_local(BRIDGE + 1);
			msg_link_local(BRIDGE + 1, 2 * i + 1);
			msg_addr(BRIDGE + 1, right + 1, 30);
		}
		if (i > 2)
			msg_route(RTM_NEWROUTE, net + 4, 30, left + 1, BRIDGE);
		if (i < n - 1)
			msg_route(RTM_NEWROUTE, net + 4 * (uint32_t)(n - 1), 30, right + 2, BRIDGE + 1);
		flush(nodes[i - 1].sock, "router");
	}
}

/* What the driver waits for, and what it lets go on. */
static void stand(void)
{
	char line[16];

	printf("up %d\n", (int)getpid());
	fflush(stdout);
	if (fgets(line, sizeof(line), stdin))
		del_nodes();
	printf("down\n");
}

/* --- routes and lists --- */

static void parse(const struct rtattr *a, int left, const struct rtattr **tb, int max)
{
	memset(tb, 0, sizeof(*tb) * (size_t)(max + 1));
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type <= max)
			tb[a->rta_type] = a;
}

/* A record of whatever is listed: what its header says, and its attributes by number as far as they are short. */
struct record {
	char hdr[16];
	struct {
		uint16_t type, n;
		char data[28];
	} v[12];
};

static struct record *records;
static int n_records, room;

static void keep(const struct nlmsghdr *h, size_t hdr)
{
	const struct rtattr *tb[IFLA_MAX + 1], *first = (const void *)((const char *)NLMSG_DATA(h) + NLMSG_ALIGN(hdr));
	struct record *r;
	int n = 0;

	if (n_records == room) {
		room = room ? room * 2 : 1024;
		records = realloc(records, (size_t)room * sizeof(*records));
		check(records ? 0 : -1, "memory");
	}
	r = &records[n_records++];
	memcpy(r->hdr, NLMSG_DATA(h), hdr);
	parse(first, (int)(h->nlmsg_len - NLMSG_LENGTH(hdr)), tb, IFLA_MAX);
	for (int i = 0; i <= IFLA_MAX && n < 12; i++)
		if (tb[i] && RTA_PAYLOAD(tb[i]) <= sizeof(r->v->data)) {
			r->v[n].type = (uint16_t)i;
			r->v[n].n = (uint16_t)RTA_PAYLOAD(tb[i]);
			memcpy(r->v[n++].data, RTA_DATA(tb[i]), RTA_PAYLOAD(tb[i]));
		}
}

static void list(int sock, int type, size_t hdr)
{
	static char rx[65536];
	char zeros[16] = {type == RTM_GETROUTE ? AF_INET : 0};

	n_records = 0;
	begin(type, NLM_F_DUMP, zeros, hdr);
	if (type == RTM_GETLINK)
		attr32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	end();
	check((int)send(sock, buf, len, 0), "list");
	len = 0;
	for (;;) {
		ssize_t n = recv(sock, rx, sizeof(rx), 0);

		check((int)n, "list");
		for (struct nlmsghdr *h = (void *)rx; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return;
			check(h->nlmsg_type == NLMSG_ERROR ? -1 : 0, "list");
			keep(h, hdr);
		}
	}
}

static void change_routes(int sock, int type, int n)
{
	for (int i = 0; i < n; i++) {
		msg_route(type, 0x14000000u + (uint32_t)i, 32, 0x0a000002u, BRIDGE);
		if (i % 256 == 255 || i == n - 1)
			flush(sock, "route");
	}
}

static void routes(int n)
{
	struct node *ns = add_node("routes", 0);
	double t[4];

	msg_up(1);
	msg_veth("eth0", BRIDGE, 0, "eth1", BRIDGE + 1, -1);
	msg_up(BRIDGE + 1);
	msg_addr(BRIDGE, 0x0a000001u, 24);
	flush(ns->sock, "routes");
	t[0] = now();
	change_routes(ns->sock, RTM_NEWROUTE, n);
	t[1] = now();
	list(ns->sock, RTM_GETROUTE, sizeof(struct rtmsg));
	t[2] = now();
	check(n_records >= n ? 0 : -1, "routes are missing");
	change_routes(ns->sock, RTM_DELROUTE, n);
	t[3] = now();
	printf("add %.6f\ndump %.6f\ndel %.6f\n", t[1] - t[0], t[2] - t[1], t[3] - t[2]);
	del_nodes();
}

static void lists(int n, int rounds)
{
	struct node *ns = add_node("list", 0);
	double least = 1e9;

	for (int i = 0; i < n / 2; i++) {
		char a[16], b[16];

		snprintf(a, sizeof(a), "a%d", i);
		snprintf(b, sizeof(b), "b%d", i);
		msg_veth(a, BRIDGE + 2 * i, 0, b, BRIDGE + 2 * i + 1, -1);
		msg_up(BRIDGE + 2 * i + 1);
		msg_addr(BRIDGE + 2 * i, 0x0a020001u + 4 * (uint32_t)i, 30);
		msg_addr(BRIDGE + 2 * i + 1, 0x0a030001u + 4 * (uint32_t)i, 30);
		flush(ns->sock, "links");
	}
	for (int i = 0; i < rounds; i++) {
		double start = now();

		list(ns->sock, RTM_GETLINK, sizeof(struct ifinfomsg));
		check(n_records >= n ? 0 : -1, "links are missing");
		list(ns->sock, RTM_GETADDR, sizeof(struct ifaddrmsg));
		check(n_records >= n ? 0 : -1, "addresses are missing");
		if (now() - start < least)
			least = now() - start;
	}
	printf("list %.6f\n", least);
	del_nodes();
}

/* --- programs --- */

static int open_of(const char *pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/ns/%s", pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static void run(int net, int mnt, int n, char **words)
{
	double start = now();

	for (int i = 0; i < n; i++) {
		int status;
		pid_t pid = vfork();

		if (pid == 0) {
			if (net < 0 || (setns(net, CLONE_NEWNET) == 0 && setns(mnt, CLONE_NEWNS) == 0))
				execv(words[0], words);
			_exit(127);
		}
		check(pid < 0 || waitpid(pid, &status, 0) != pid || status != 0 ? -1 : 0, words[0]);
	}
	printf("run %.6f\n", (now() - start) / n);
}

/*
 * Namespaces are done away with in their order by one worker: when the end of a veth that is alone in a new one goes
 * from here, those before it have gone.  Twice, for its own batch may still be under way.
 */
static void idle(void)
{
	int home, watch, away;

	check(unshare(CLONE_NEWNET), "unshare");
	home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	for (int i = 0; i < 2; i++) {
		struct sockaddr_nl to = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
		static char rx[65536];
		int sock = open_socket();
		bool gone = false;

		watch = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
		check(bind(watch, (void *)&to, sizeof(to)), "bind");
		check(unshare(CLONE_NEWNET), "unshare");
		away = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
		msg_veth("here", BRIDGE, 0, "there", BRIDGE, away);
		flush(sock, "veth");
		close(away);
		check(setns(home, CLONE_NEWNET), "setns");
		while (!gone) {
			ssize_t n = recv(watch, rx, sizeof(rx), 0);

			check((int)n, "watch");
			for (struct nlmsghdr *h = (void *)rx; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n))
				gone |= h->nlmsg_type == RTM_DELLINK;
		}
		close(watch);
		close(sock);
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	struct rlimit files;
	int n = argc > 2 ? atoi(argv[2]) : 0;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (strcmp(what, "idle") == 0) {
		idle();
	} else if (strcmp(what, "routes") == 0 && n > 0) {
		routes(n);
	} else if (strcmp(what, "list") == 0 && n > 0 && argc > 3) {
		lists(n, atoi(argv[3]));
	} else if (strcmp(what, "exec") == 0 && argc > 4) {
		run(open_of(argv[2], "net"), open_of(argv[2], "mnt"), atoi(argv[3]), argv + 4);
	} else if (strcmp(what, "run") == 0 && argc > 3) {
		run(-1, -1, n, argv + 3);
	} else if (n > 0 && n <= 4096) {
		if (strcmp(what, "star") == 0)
			set_up(build_star(1, n, argc > 3, 0));
		else if (strcmp(what, "stars") == 0)
			build_stars(n);
		else if (strcmp(what, "chain") == 0)
			build_chain(n);
		else
			return 2;
		stand();
	} else {
		return 2;
	}
	return 0;
}
