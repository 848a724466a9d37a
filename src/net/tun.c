/* tun.c - tun and tap links (ip tuntap): made through /dev/net/tun, which netlink can't, and held open on request
 *
 * Such a link has a carrier while a program holds it.  What nsh holds is in one list, process-wide as descriptors are.
 * A descriptor keeps alive the namespace that it was opened in, so it goes with the link's move and the namespace's
 * end.  Nobody reads what is sent to a link that nsh holds: the kernel queues txqlen packets and drops the rest.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "link.h"
#include "sock.h"
#include "tables.h"

#define DEVICE "/dev/net/tun"
#define MAX_ID ((int64_t)UINT32_MAX - 1) /* the last one means nobody */
#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

static int user_number(const char *name)
{
	const struct passwd *user = getpwnam(name);

	return user && user->pw_uid <= INT32_MAX ? (int)user->pw_uid : -1;
}

static int group_number(const char *name)
{
	const struct group *group = getgrnam(name);

	return group && group->gr_gid <= INT32_MAX ? (int)group->gr_gid : -1;
}

static const struct net_enum users = {.value = user_number}, groups = {.value = group_number};

/* clang-format off */
#define BOOL(k, number, more, text) \
	{.key = (k), .attr = (number), .type = NET_BOOL, .size = 1, .flags = (more), .doc = (text)}
static const struct net_row tun_rows[] = {
	{.key = "owner", .attr = IFLA_TUN_OWNER, .type = NET_ENUM, .size = 4, .max = MAX_ID, .names = &users,
	 .doc = "the user who may open it: a name or a number"},
	{.key = "owner_group", .attr = IFLA_TUN_GROUP, .type = NET_ENUM, .size = 4, .max = MAX_ID, .names = &groups,
	 .doc = "the group of users who may open it: a name or a number"},
	BOOL("pi", IFLA_TUN_PI, NET_NEW, "packets begin with their protocol, for the program that holds it"),
	BOOL("vnet_hdr", IFLA_TUN_VNET_HDR, NET_NEW, "packets begin with their offloads, for that program"),
	BOOL("multi_queue", IFLA_TUN_MULTI_QUEUE, NET_NEW, "may be opened many times, for many threads"),
	BOOL("persist", IFLA_TUN_PERSIST, 0, "stays when nobody holds it; true unless said otherwise"),
	BOOL("hold", IFLA_TUN_UNSPEC, NET_WO, "nsh holds it open, which gives it a carrier; what is sent is dropped"),
	{.key = "queues", .attr = IFLA_TUN_UNSPEC, .type = NET_UINT, .size = 4, .min = 1, .max = NET_TUN_QUEUES,
	 .flags = NET_WO, .doc = "with hold and multi_queue: how many times nsh holds it"},
	{.key = "num_queues", .attr = IFLA_TUN_NUM_QUEUES, .type = NET_UINT, .size = 4, .flags = NET_RO,
	 .doc = "with multi_queue: how many times it is open"},
	{.key = "num_disabled_queues", .attr = IFLA_TUN_NUM_DISABLED_QUEUES, .type = NET_UINT, .size = 4,
	 .flags = NET_RO, .doc = "how many of these are switched off"},
};
const struct net_table net_tun_table = {"tun", tun_rows, COUNT(tun_rows), 0, false};
/* clang-format on */

/* --- what is given --- */

static bool flag(const struct net_field *f, unsigned int n, const char *key, bool otherwise)
{
	const struct net_field *given = net_given(f, n, net_key(&net_tun_table, NULL, NULL, key));

	return given ? given->i != 0 : otherwise;
}

static unsigned int number(const struct net_field *f, unsigned int n, const char *key, unsigned int otherwise)
{
	const struct net_field *given = net_given(f, n, net_key(&net_tun_table, NULL, NULL, key));

	return given ? (unsigned int)given->i : otherwise;
}

/* Return: 0, or misuse where what is asked can't be together */
static int check(bool hold, unsigned int queues, bool many, bool persist, struct net_err *err)
{
	if (queues && !hold)
		return net_misuse(err, "queues says how many times nsh holds the link; say hold = true too");
	if (queues > 1 && !many)
		return net_misuse(err, "queues = %u needs multi_queue = true, which must be said when the link is made",
				  queues);
	if (!persist && !hold)
		return net_misuse(err, "persist = false deletes a link that nobody holds; say hold = true too");
	return 0;
}

/* --- descriptors --- */

static struct held {
	int fd, index;
	uint64_t dev, ino; /* the namespace that the link is in */
} * held;
static unsigned int n_held, room;

static bool is_of(const struct held *h, const struct net_ns *ns, int index)
{
	return h->ino == ns->ino && h->dev == ns->dev && (h->index == index || index == 0);
}

static int keep(int fd, const struct net_ns *ns, int index, struct net_err *err)
{
	if (n_held == room) {
		struct held *more = realloc(held, (room + 8) * 2 * sizeof(*more));

		if (!more) {
			close(fd);
			return net_fail(err, ENOMEM, NULL);
		}
		held = more;
		room = (room + 8) * 2;
	}
	held[n_held++] = (struct held){.fd = fd, .index = index, .dev = ns->dev, .ino = ns->ino};
	return 0;
}

/* Let go of a link until so many of its queues are left. */
static void drop(const struct net_ns *ns, int index, unsigned int left)
{
	for (unsigned int i = 0; i < n_held;) {
		if (!is_of(&held[i], ns, index)) {
			i++;
		} else if (left) {
			left--;
			i++;
		} else {
			close(held[i].fd);
			held[i] = held[--n_held];
		}
	}
}

/* net_tun_let_go() - hold no link of a namespace any more, or only this one where @index isn't 0 */
void net_tun_let_go(const struct net_ns *ns, int index)
{
	drop(ns, index, 0);
}

/* net_tun_held() - how many queues of a link nsh holds */
unsigned int net_tun_held(const struct net_ns *ns, int index)
{
	unsigned int count = 0;
	struct ifreq r;

	for (unsigned int i = 0; i < n_held; i++)
		if (is_of(&held[i], ns, index) && ioctl(held[i].fd, TUNGETIFF, &r) == 0)
			count++;
	if (n_held && !count)
		drop(ns, index, 0); /* deleted by someone else: the number may come back */
	return count;
}

static int any_held(const struct net_ns *ns, int index)
{
	for (unsigned int i = 0; i < n_held; i++)
		if (is_of(&held[i], ns, index))
			return held[i].fd;
	return -1;
}

/* The descriptor belongs to the namespace that it is opened in. */
static int open_device(const struct net_ns *ns, struct net_err *err)
{
	int fd, code, r = net_ns_enter(ns, err);

	if (r < 0)
		return r;
	fd = open(DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	code = errno;
	net_ns_leave();
	return fd < 0 ? net_fail(err, code, "cannot open " DEVICE ": %s", strerror(code)) : fd;
}

/* Open a link, or with IFF_TUN_EXCL in @flags make it, with the number @index unless that is 0. */
static int attach(const struct net_ns *ns, const char *name, int index, int flags, struct net_err *err)
{
	struct ifreq r = {.ifr_flags = (short)flags};
	int fd = open_device(ns, err), code;

	if (fd < 0)
		return fd;
	memcpy(r.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
	net_changes++;
	if ((index == 0 || ioctl(fd, TUNSETIFINDEX, &index) == 0) && ioctl(fd, TUNSETIFF, &r) == 0)
		return fd;
	code = errno;
	close(fd);
	if (code != EBUSY)
		return net_fail(err, code, DEVICE ": %s", strerror(code));
	if (flags & IFF_TUN_EXCL)
		return net_fail(err, EEXIST, index ? "there is a link of that name or number" : NULL);
	return net_fail(err, EBUSY, "another program holds it, and it has one queue only");
}

static int give(int fd, unsigned long what, const struct net_field *to, struct net_err *err)
{
	if (!to || to->off || ioctl(fd, what, (unsigned long)to->i) == 0)
		return 0; /* nobody owns a new one */
	if (errno == EINVAL) {
		net_fail(err, EINVAL, "%s: there is no number %u in this world", to->row->key, (unsigned int)to->i);
		net_hint(err, "in the private world of an ordinary user there is only 0, which is that user");
		return -EINVAL;
	}
	return net_fail(err, errno, "%s: %s", to->row->key, strerror(errno));
}

/* Give away and make lasting what is open. */
static int configure(int fd, const struct net_field *f, unsigned int n, bool persist, struct net_err *err)
{
	int r = give(fd, TUNSETOWNER, net_given(f, n, &tun_rows[0]), err);

	if (r == 0)
		r = give(fd, TUNSETGROUP, net_given(f, n, &tun_rows[1]), err);
	if (r == 0 && ioctl(fd, TUNSETPERSIST, (unsigned long)persist) < 0)
		r = net_fail(err, errno, "persist: %s", strerror(errno));
	return r;
}

/* --- what is there --- */

struct tun {
	char name[NET_NAME_SIZE];
	int flags;
	bool persist;
};

static bool is_set(struct nlattr *const *tb, int attr)
{
	return tb[attr] && nla_get_u8(tb[attr]);
}

/* What it takes to open a link again just as it is: who opens one says anew what its packets begin with. */
static int look(struct net_ns *ns, int index, struct tun *t, struct net_err *err)
{
	struct nlattr *link[IFLA_MAX + 1] = {0}, *info[IFLA_INFO_MAX + 1] = {0}, *tb[IFLA_TUN_MAX + 1] = {0};
	struct net_dump d = {0};
	int r = net_link_get(ns, index, NULL, -1, &d, err);

	if (r == 0 && (d.len == 0 || nlmsg_parse((void *)d.buf, sizeof(struct ifinfomsg), link, IFLA_MAX, NULL) < 0 ||
		       !link[IFLA_IFNAME] || !link[IFLA_LINKINFO] ||
		       nla_parse_nested(info, IFLA_INFO_MAX, link[IFLA_LINKINFO], NULL) < 0 || !info[IFLA_INFO_DATA] ||
		       nla_parse_nested(tb, IFLA_TUN_MAX, info[IFLA_INFO_DATA], NULL) < 0 || !tb[IFLA_TUN_TYPE]))
		r = net_fail(err, EPROTO, "the kernel does not tell how it was made");
	if (r == 0) {
		nla_strlcpy(t->name, link[IFLA_IFNAME], sizeof(t->name));
		t->persist = is_set(tb, IFLA_TUN_PERSIST);
		t->flags = nla_get_u8(tb[IFLA_TUN_TYPE]) | (is_set(tb, IFLA_TUN_PI) ? 0 : IFF_NO_PI) |
			   (is_set(tb, IFLA_TUN_VNET_HDR) ? IFF_VNET_HDR : 0) |
			   (is_set(tb, IFLA_TUN_MULTI_QUEUE) ? IFF_MULTI_QUEUE : 0);
	}
	net_dump_free(&d);
	return r;
}

static int hold_more(const struct net_ns *ns, int index, const char *name, int flags, unsigned int count,
		     struct net_err *err)
{
	int r = 0;

	while (r == 0 && count-- > 0) {
		r = attach(ns, name, 0, flags, err);
		if (r >= 0)
			r = keep(r, ns, index, err);
	}
	return r;
}

/* --- for link.c and link_add.c --- */

/* The keys that net_tun_set() is for. */
const char *const net_tun_keys[] = {"owner", "owner_group", "persist", "hold", "queues", NULL};

/* net_kind_is_tun() - whether links of the kind are ours */
bool net_kind_is_tun(const struct net_kind *kind)
{
	return kind && kind->data == &net_tun_table;
}

/* net_tun_fix() - the kernel calls both kinds "tun": give a tap its own name in a message */
void net_tun_fix(struct nlattr *kind, struct nlattr *data)
{
	struct nlattr *tb[IFLA_TUN_MAX + 1] = {0};

	if (data && nla_len(kind) == sizeof("tun") && strcmp(nla_data(kind), "tun") == 0 &&
	    nla_parse_nested(tb, IFLA_TUN_MAX, data, NULL) == 0 && tb[IFLA_TUN_TYPE] &&
	    nla_get_u8(tb[IFLA_TUN_TYPE]) == IFF_TAP)
		memcpy(nla_data(kind), "tap", sizeof("tap"));
}

/*
 * net_tun_add() - make a tun or tap link, and hold it where that is asked
 * @f: the fields of the request
 * @number: index that it shall have, or 0
 * @index: gets the one that it has
 */
int net_tun_add(struct net_ns *ns, const char *kind, const char *name, const struct net_field *f, unsigned int n,
		int wanted, int *index, struct net_err *err)
{
	bool many = flag(f, n, "multi_queue", false), hold = flag(f, n, "hold", false);
	bool persist = flag(f, n, "persist", true);
	int flags = (strcmp(kind, "tap") == 0 ? IFF_TAP : IFF_TUN) | (flag(f, n, "pi", false) ? 0 : IFF_NO_PI) |
		    (flag(f, n, "vnet_hdr", false) ? IFF_VNET_HDR : 0) | (many ? IFF_MULTI_QUEUE : 0);
	int fd, r = check(hold, number(f, n, "queues", 0), many, persist, err);

	if (r == 0)
		r = net_batch_flush(ns, NULL, err); /* in the order that was asked for */
	if (r < 0)
		return r;
	fd = attach(ns, name, wanted, flags | IFF_TUN_EXCL, err);
	if (fd < 0)
		return fd;
	r = net_link_index(ns, name, index, err);
	if (r == 0)
		r = configure(fd, f, n, persist, err);
	if (r < 0 || !hold) {
		close(fd);
		return r;
	}
	r = keep(fd, ns, *index, err);
	if (r == 0)
		r = hold_more(ns, *index, name, flags, number(f, n, "queues", 1) - 1, err);
	if (r < 0) {
		net_link_del(ns, *index, &(struct net_err){0});
		drop(ns, *index, 0);
	}
	return r;
}

/* net_tun_set() - change what only a descriptor can: whom it belongs to, whether it lasts and is held */
int net_tun_set(struct net_ns *ns, int index, const struct net_field *f, unsigned int n, struct net_err *err)
{
	unsigned int have = net_tun_held(ns, index), queues = number(f, n, "queues", 0);
	bool hold = flag(f, n, "hold", have > 0), persist;
	struct tun t = {0};
	int fd, r = look(ns, index, &t, err);

	if (r < 0)
		return r;
	persist = flag(f, n, "persist", t.persist);
	/* who lets go of a link that doesn't last knows that it ends */
	r = check(hold, queues, t.flags & IFF_MULTI_QUEUE, persist || !t.persist, err);
	if (r < 0)
		return r;
	for (unsigned int i = 0; i < n; i++)
		if (f[i].off && (f[i].row == &tun_rows[0] || f[i].row == &tun_rows[1]))
			return net_misuse(err, "%s can't be taken away, only given to another", f[i].row->key);
	fd = have ? any_held(ns, index) : attach(ns, t.name, 0, t.flags, err);
	if (fd < 0)
		return fd;
	r = configure(fd, f, n, persist, err);
	if (!have && (r < 0 || !hold))
		close(fd);
	else if (!have)
		r = keep(fd, ns, index, err);
	if (r < 0)
		return r;
	have = have ? have : 1;
	if (hold && queues > have)
		return hold_more(ns, index, t.name, t.flags, queues - have, err);
	drop(ns, index, hold ? (queues ? queues : have) : 0);
	return 0;
}

/* net_tun_moved() - a link has gone to another namespace: hold it from there */
int net_tun_moved(const struct net_ns *from, int index, struct net_ns *to, int new_index, struct net_err *err)
{
	unsigned int count = net_tun_held(from, index);
	struct tun t = {0};
	int fd, r;

	if (!count)
		return 0;
	r = look(to, new_index, &t, err);
	if (r < 0)
		return r;
	ioctl(any_held(from, index), TUNSETPERSIST, 1UL); /* for the moment that nobody holds it */
	drop(from, index, 0);
	r = hold_more(to, new_index, t.name, t.flags, count, err);
	fd = any_held(to, new_index);
	if (!t.persist && fd >= 0)
		ioctl(fd, TUNSETPERSIST, 0UL);
	return r;
}
