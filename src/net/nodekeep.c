/* nodekeep.c - nodes of a named world stay for the next nsh that joins it: its keeper holds what they have of their
 * own, under the cookie of their network namespace, a number that no other one ever has
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "net.h"
#include "sock.h"
#include "state.h"

#include "hold.h"

#define MARK NET_RUN "/nodes" /* is there when the world has any: most have none, and no one has to be asked */

static const int none[HOLD_FDS] = {-1, -1, -1, -1};

static bool has_nodes(void)
{
	return net_world_name() && access(MARK, F_OK) == 0;
}

static int cookie_of(struct net_ns *ns, uint64_t *cookie, struct net_err *err)
{
	struct net_sock *s = net_sock_get(ns, NETLINK_ROUTE, err);
	socklen_t len = sizeof(*cookie);

	if (!s)
		return -err->code;
	if (getsockopt(s->fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &len) < 0)
		return net_fail(err, errno, "cannot tell %s from other namespaces: %s", ns->label, strerror(errno));
	return 0;
}

static int keeper_gone(int code, struct net_err *err)
{
	if (net_world_lost(err))
		return -err->code;
	return net_fail(err, code, "the keeper of world %s doesn't answer: %s", net_world_name(), strerror(code));
}

/*
 * ask_for() - have the keeper do something with the descriptors of a node
 * @cookie: 0: it has the name
 * @fds: those that it gets; they become those that it gives
 */
static int ask_for(uint64_t cookie, const char *name, enum hold_op op, int fds[HOLD_FDS], struct net_err *err)
{
	const struct sockaddr_un addr = {.sun_family = AF_UNIX, .sun_path = HOLD_PATH};
	struct hold_msg msg = {.op = op, .cookie = cookie};
	int r, sock;

	snprintf(msg.name, sizeof(msg.name), "%s", name);
	for (int i = 0; i < HOLD_FDS; i++)
		msg.has[i] = fds[i] >= 0;
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return net_fail(err, errno, NULL);
	do
		r = connect(sock, (const struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : 0;
	while (r == -EINTR);
	if (r == 0)
		r = net_hold_send(sock, &msg, fds);
	if (r == 0)
		r = net_hold_recv(sock, &msg, fds);
	close(sock);
	if (r == -EMFILE)
		return net_fail(err, EMFILE, "cannot get what %s has of its own: %s", name, strerror(EMFILE));
	if (r < 0)
		return keeper_gone(-r, err);
	return msg.code ? net_fail(err, msg.code, "the keeper of world %s can't hold %s: %s", net_world_name(), name,
				   strerror(msg.code))
			: 0;
}

static int ask(struct net_ns *ns, enum hold_op op, int fds[HOLD_FDS], struct net_err *err)
{
	uint64_t cookie = 0;
	int r = cookie_of(ns, &cookie, err);

	return r < 0 ? r : ask_for(cookie, ns->label, op, fds, err);
}

/* net_node_keep() - have a node just made stay when nsh leaves; its init is told by its leash */
int net_node_keep(struct net_ns *ns, struct net_err *err)
{
	int fds[HOLD_FDS] = {ns->mnt, ns->node.uts, ns->node.pids, ns->node.init};
	int fd = open(MARK, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), r;
	struct net_err ignored;

	if (fd < 0)
		return net_fail(err, errno, "cannot make " MARK ": %s", strerror(errno));
	close(fd);
	r = ask(ns, HOLD_PUT, fds, err);
	if (r < 0)
		return r;
	ns->node.kept = true;
	if (ns->node.leash < 0)
		return 0;
	r = write(ns->node.leash, "", 1) == 1 ? 0 : net_fail(err, errno, "the init of %s has died", ns->label);
	close(ns->node.leash);
	ns->node.leash = -1;
	if (r < 0) {
		memcpy(fds, none, sizeof(fds));
		ask(ns, HOLD_DROP, fds, &ignored);
	}
	return r;
}

/* The number of a node's init; 0: it was ended, and the number is another's or nobody's. */
static pid_t live_pid(int init)
{
	pid_t pid = net_pidfd_pid(init);

	return pid > 0 ? pid : 0;
}

/*
 * net_node_find() - where another nsh has made @ns a node of this named world, get what its commands have of their own
 *
 * Return: 1: it is one; 0: it isn't, or is known already.
 */
int net_node_find(struct net_ns *ns, struct net_err *err)
{
	int fds[HOLD_FDS], r;

	if (ns->node.kept || !has_nodes())
		return 0;
	memcpy(fds, none, sizeof(fds));
	r = ask(ns, HOLD_GET, fds, err);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (ns->mnt >= 0)
		close(ns->mnt); /* commands of ours had mounts alone up to now */
	ns->mnt = fds[HOLD_MNT];
	ns->node.uts = fds[HOLD_UTS];
	ns->node.pids = fds[HOLD_PIDS];
	ns->node.init = fds[HOLD_INIT];
	if (ns->node.init >= 0)
		ns->node.pid = live_pid(ns->node.init);
	ns->node.kept = true;
	return 1;
}

/* net_node_drop() - the namespace of this name loses it: if it is a node of a named world, that ends */
void net_node_drop(const char *name)
{
	struct net_err ignored;
	int fds[HOLD_FDS];
	struct net_ns ns;

	if (!has_nodes())
		return;
	net_ns_init(&ns);
	memcpy(fds, none, sizeof(fds));
	if (net_ns_open(&ns, name, &ignored) < 0) {
		ask_for(0, name, HOLD_DROP, fds, &ignored); /* nobody can be asked who had it */
	} else if (net_node_find(&ns, &ignored) > 0) {
		net_node_end(&ns);
		ask(&ns, HOLD_DROP, fds, &ignored);
	}
	net_ns_close(&ns);
}
