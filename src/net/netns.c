/* netns.c - namespaces as descriptors: stepping in and out, making, identifying, numbering */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "net.h"
#include "sock.h"

static int home = -1;	 /* where this process lives */
static int outside = -1; /* where we came from, of a private world */
static int stand = -1;	 /* where net_ns_switch() has put it meanwhile; net_ns_leave() goes back there */
static sigset_t mask_outside;

void net_ns_init(struct net_ns *ns)
{
	memset(ns, 0, sizeof(*ns));
	ns->fd = ns->mnt = -1;
	net_node_init(&ns->node);
}

/* net_ns_close() - give back the descriptors; closing twice is harmless.  What runs in the namespace stays, unless it
 * is a node with processes of its own that the world doesn't keep. */
void net_ns_close(struct net_ns *ns)
{
	net_batch_lost(ns);
	net_sock_close(&ns->route);
	net_sock_close(&ns->genl);
	net_node_close(ns);
	if (ns->fd >= 0)
		close(ns->fd);
	ns->fd = -1;
}

/* net_ns_label() - what messages call it */
void net_ns_label(struct net_ns *ns, const char *label)
{
	snprintf(ns->label, sizeof(ns->label), "%s", label);
}

static int open_self(struct net_err *err)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return net_fail(err, errno, "cannot open /proc/thread-self/ns/net: %s", strerror(errno));
	return fd;
}

static int know_home(struct net_err *err)
{
	if (home < 0)
		home = open_self(err);
	return home < 0 ? home : 0;
}

/* net_ns_moving() - the process will unshare its network namespace: net_ns_outside() is where it stands now */
int net_ns_moving(struct net_err *err)
{
	if (outside < 0)
		outside = open_self(err);
	return outside < 0 ? outside : 0;
}

/* net_ns_moved() - the process has unshared its network namespace: home is elsewhere now */
int net_ns_moved(struct net_err *err)
{
	if (home >= 0)
		close(home);
	home = -1;
	return know_home(err);
}

/*
 * net_ns_enter() - stand in @ns for a moment, with all signals blocked
 *
 * net_ns_leave() must follow before anything else happens.
 */
int net_ns_enter(const struct net_ns *ns, struct net_err *err)
{
	sigset_t all;
	int r = know_home(err);

	if (r < 0)
		return r;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &mask_outside);
	if (setns(ns->fd, CLONE_NEWNET) < 0) {
		int code = errno;

		sigprocmask(SIG_SETMASK, &mask_outside, NULL);
		return net_fail(err, code, "cannot enter namespace %s: %s", ns->label, strerror(code));
	}
	return 0;
}

/* Going on in a namespace that is not ours could change the wrong network: better no process at all. */
static void go_back(void)
{
	if (setns(stand >= 0 ? stand : home, CLONE_NEWNET) < 0)
		abort();
}

/* net_ns_leave() - go back to where net_ns_enter() came from */
void net_ns_leave(void)
{
	go_back();
	sigprocmask(SIG_SETMASK, &mask_outside, NULL);
}

/*
 * net_ns_switch() - stand in @ns until net_ns_unswitch(), for code of the user's: signals stay as they are, and
 * whatever that code does with other namespaces comes back to @ns
 * @before: gets what net_ns_unswitch() needs; switches nest
 */
int net_ns_switch(const struct net_ns *ns, int *before, struct net_err *err)
{
	int fd, r = know_home(err);

	if (r < 0)
		return r;
	fd = fcntl(ns->fd, F_DUPFD_CLOEXEC, 0); /* the user's code may close its own */
	if (fd < 0)
		return net_fail(err, errno, "cannot enter namespace %s: %s", ns->label, strerror(errno));
	if (setns(fd, CLONE_NEWNET) < 0) {
		r = net_fail(err, errno, "cannot enter namespace %s: %s", ns->label, strerror(errno));
		close(fd);
		return r;
	}
	*before = stand;
	stand = fd;
	return 0;
}

/* net_ns_unswitch() - go back to where net_ns_switch() came from */
void net_ns_unswitch(int before)
{
	close(stand);
	stand = before;
	go_back();
}

/* net_ns_adopt() - make *ns of a descriptor that is ours from now on, whatever happens */
int net_ns_adopt(struct net_ns *ns, int fd, const char *label, struct net_err *err)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0) {
		int code = errno;

		close(fd);
		return net_fail(err, code, NULL);
	}
	if (fs.f_type != NSFS_MAGIC) {
		close(fd);
		net_fail(err, EINVAL, "%s is a stale file, no namespace", label);
		net_hint(err, "its namespace was never finished or is gone; netns.del \"%s\" removes the file", label);
		return -EINVAL;
	}
	ns->fd = fd;
	ns->dev = st.st_dev;
	ns->ino = st.st_ino;
	net_ns_label(ns, label);
	return 0;
}

/*
 * net_ns_outside() - the namespace that nsh was started in: a way out of a private world leads there
 *
 * Return: 0; -EPERM: in the world of an ordinary user, who may not enter it.
 */
int net_ns_outside(struct net_ns *ns, struct net_err *err)
{
	int fd, r;

	if (outside < 0)
		return net_ns_root(ns, err);
	fd = fcntl(outside, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return net_fail(err, errno, "cannot hold the outside: %s", strerror(errno));
	r = net_ns_adopt(ns, fd, NET_OUTSIDE, err);
	if (r == 0)
		r = net_ns_enter(ns, err);
	if (r == 0)
		net_ns_leave();
	return r;
}

/* net_ns_root() - the namespace that this process lives in, wherever it stands at the moment */
int net_ns_root(struct net_ns *ns, struct net_err *err)
{
	int fd, r = know_home(err);

	if (r < 0)
		return r;
	fd = fcntl(home, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return net_fail(err, errno, "cannot hold the world's root: %s", strerror(errno));
	return net_ns_adopt(ns, fd, net_world_is_host() ? "host" : "root", err);
}

/* Say why there is no new namespace. */
static int no_namespace(int code, struct net_err *err)
{
	if (code == ENOSPC) {
		net_fail(err, ENOSPC, "no more network namespaces allowed");
		net_hint(err, "raise the sysctl user.max_net_namespaces");
		return -ENOSPC;
	}
	net_fail(err, code, "cannot make a network namespace: %s", strerror(code));
	if (code == EPERM && net_world_is_host())
		net_hint(err, "with --host nsh must be run by root; without it anyone may, in a private world");
	return -code;
}

/* net_ns_new() - make an unnamed namespace; it lives as long as *ns, a name or a process holds it */
int net_ns_new(struct net_ns *ns, struct net_err *err)
{
	sigset_t all;
	int fd, r = know_home(err);

	if (r < 0)
		return r;
	fd = net_ns_take();
	if (fd >= 0)
		return net_ns_adopt(ns, fd, "new", err);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &mask_outside);
	if (unshare(CLONE_NEWNET) < 0) {
		r = no_namespace(errno, err);
		sigprocmask(SIG_SETMASK, &mask_outside, NULL);
		return r;
	}
	fd = open_self(err);
	net_ns_leave();
	if (fd < 0)
		return fd;
	return net_ns_adopt(ns, fd, "new", err);
}

/* net_ns_of() - the namespace of a process (ip netns identify; pid as seen from outside the world) */
int net_ns_of(struct net_ns *ns, pid_t pid, struct net_err *err)
{
	char path[64], label[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	snprintf(label, sizeof(label), "of pid %d", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return net_fail(err, ESRCH, "no process %d", (int)pid);
	if (fd < 0)
		return net_fail(err, errno, "cannot look at process %d: %s", (int)pid, strerror(errno));
	return net_ns_adopt(ns, fd, label, err);
}

static struct nl_msg *nsid_request(int type, const struct net_ns *target, struct net_err *err)
{
	struct rtgenmsg hdr = {.rtgen_family = AF_UNSPEC};
	struct nl_msg *m = net_msg_new(type, 0, &hdr, sizeof(hdr), err);

	if (m && nla_put_u32(m, NETNSA_FD, (uint32_t)target->fd) < 0) {
		net_msg_free(m);
		net_fail(err, EMSGSIZE, NULL);
		return NULL;
	}
	return m;
}

/* net_ns_id() - the number that @viewer has for @target (ip netns list-id); *id is -1 where it has none */
int net_ns_id(struct net_ns *viewer, const struct net_ns *target, int *id, struct net_err *err)
{
	struct nl_msg *m = nsid_request(RTM_GETNSID, target, err);
	struct net_dump d = {0};
	int r;

	*id = -1;
	if (!m)
		return -err->code;
	r = net_ask(viewer, m, &d, err);
	if (r == 0 && d.len) {
		struct nlattr *a =
			nlmsg_find_attr((struct nlmsghdr *)(void *)d.buf, sizeof(struct rtgenmsg), NETNSA_NSID);

		if (a)
			*id = (int)nla_get_u32(a);
	}
	net_dump_free(&d);
	return r;
}

/*
 * net_ns_set_id() - ip netns set
 *
 * Is done at once where a batch is open, too: what comes next asks by the number, and by the time that a batch is sent
 * @target may be closed.
 *
 * Return: -EEXIST when the number is another's, or the namespace has one already.
 */
int net_ns_set_id(struct net_ns *viewer, const struct net_ns *target, int id, struct net_err *err)
{
	struct nl_msg *m = nsid_request(RTM_NEWNSID, target, err);

	if (!m)
		return -err->code;
	if (nla_put_u32(m, NETNSA_NSID, (uint32_t)id) < 0) {
		net_msg_free(m);
		return net_fail(err, EMSGSIZE, NULL);
	}
	return net_ask(viewer, m, NULL, err);
}

/* clang-format off */
static const struct net_row nsid_rows[] = {
	{.key = "id", .attr = NETNSA_NSID, .type = NET_INT, .size = 4, .flags = NET_RO, .doc = "number of a namespace"},
};
static const struct net_table nsid_table = {"nsid", nsid_rows, 1, sizeof(struct rtgenmsg), false};
/* clang-format on */

/* The numbers that one namespace has for others (ip netns list-id). */
const struct net_noun net_nsid = {.name = "nsid", .table = &nsid_table, .add = RTM_NEWNSID, .get = RTM_GETNSID};
