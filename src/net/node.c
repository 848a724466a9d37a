/* node.c - what a namespace's commands have beside its network: mounts and, where it is a node, a host name, processes
 * and folders of its own
 *
 * A helper makes these namespaces, for nsh itself must not be in them; nsh opens them and the helper ends.  A node with
 * processes of its own has an init, which holds it until its leash is let go.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net.h"
#include "sock.h"

#define END_WAIT 1.0 /* seconds for a node's processes to go; one stuck in the kernel is left to its fate */

static int own_uts = -1, own_pids = -1; /* nsh's, to come back to */

void net_node_init(struct net_node *node)
{
	*node = (struct net_node){.uts = -1, .pids = -1, .init = -1, .leash = -1};
}

/* --- in the helper, and in the init that it leaves --- */

static void report(int sock, const struct net_err *err)
{
	while (send(sock, err, sizeof(*err), MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

static int build(const struct net_ns *ns, const struct net_node_spec *spec, struct net_err *err)
{
	if (spec->hostname && sethostname(spec->hostname, strlen(spec->hostname)) < 0)
		return net_fail(err, errno, "cannot set the host name %s: %s", spec->hostname, net_strerror(errno));
	return net_node_mounts(ns, spec, err);
}

static int leave_world(const struct net_ns *ns, const struct net_node_spec *spec, struct net_err *err)
{
	int flags = CLONE_NEWNS | (net_node_wanted(spec) ? CLONE_NEWUTS : 0) | (spec->pids ? CLONE_NEWPID : 0);

	if (setns(ns->fd, CLONE_NEWNET) < 0 || unshare(flags) < 0)
		return net_fail(err, errno, "cannot make the namespaces for commands in %s: %s", ns->label,
				net_strerror(errno));
	return 0;
}

/* Process 1 of a node, which sees no other processes from here on. */
static _Noreturn void init(const struct net_ns *ns, const struct net_node_spec *spec, int sock, int leash)
{
	struct net_err err = {0};
	int r = build(ns, spec, &err);

	report(sock, &err);
	if (r < 0)
		_exit(1);
	net_init_main(leash, !net_world_name());
}

static _Noreturn void helper(const struct net_ns *ns, const struct net_node_spec *spec, int sock, int leash)
{
	struct net_err err = {0};
	int r = leave_world(ns, spec, &err);
	pid_t pid = -1;
	char byte;

	if (r == 0 && spec->pids) {
		/* a child of nsh's, which reaps it, not of whoever takes in what the helper leaves; in a named world
		 * that is its keeper, who does so when we have left */
		pid = (pid_t)syscall(SYS_clone, (net_world_name() ? 0 : CLONE_PARENT) | SIGCHLD, NULL, NULL, NULL,
				     NULL);
		if (pid == 0)
			init(ns, spec, sock, leash);
		if (pid < 0)
			net_fail(&err, errno, "cannot start the init of %s: %s", ns->label, net_strerror(errno));
	} else if (r == 0) {
		build(ns, spec, &err);
	}
	if (pid < 0)
		report(sock, &err);
	while (recv(sock, &byte, 1, 0) < 0 && errno == EINTR)
		; /* until nsh has what it wants of us */
	_exit(0);
}

/* --- in nsh --- */

/* Takes the report and who it comes from, as we number it. */
static int hear(int sock, pid_t *from, struct net_err *err)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec iov = {.iov_base = err, .iov_len = sizeof(*err)};
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	struct cmsghdr *c;
	struct ucred who;
	ssize_t n;

	do
		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n != sizeof(*err) && net_world_lost(err))
		return -err->code;
	if (n != sizeof(*err))
		return net_fail(err, EIO, "the helper that makes the mounts for commands has died");
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_type == SCM_CREDENTIALS) {
		memcpy(&who, CMSG_DATA(c), sizeof(who));
		*from = who.pid;
	}
	return -err->code;
}

static int open_of(pid_t pid, const char *name, int *fd, struct net_err *err)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, name);
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	return *fd < 0 ? net_fail(err, errno, "cannot open %s: %s", path, net_strerror(errno)) : 0;
}

static int fetch(pid_t pid, int sock, struct net_ns *ns, const struct net_node_spec *spec, struct net_err *err)
{
	pid_t from = pid;
	int r = hear(sock, &from, err);

	if (from != pid) { /* it is of the init, and that a child of ours from here on */
		ns->node.pid = from;
		ns->node.init = (int)syscall(SYS_pidfd_open, from, 0);
		if (ns->node.init < 0 && errno != ENOSYS && r == 0) /* that valgrind says: its number does then */
			r = net_fail(err, errno, "cannot hold the init of %s: %s", ns->label, net_strerror(errno));
	}
	if (r == 0)
		r = open_of(pid, "mnt", &ns->mnt, err);
	if (r == 0 && net_node_wanted(spec))
		r = open_of(pid, "uts", &ns->node.uts, err);
	if (r == 0 && spec->pids)
		r = open_of(pid, "pid_for_children", &ns->node.pids, err);
	return r;
}

static int know_own(struct net_err *err)
{
	int r = 0;

	if (own_uts < 0)
		r = open_of(getpid(), "uts", &own_uts, err);
	if (r == 0 && own_pids < 0)
		r = open_of(getpid(), "pid_for_children", &own_pids, err);
	return r;
}

static int start_helper(struct net_ns *ns, const struct net_node_spec *spec, int sock[2], int leash[2],
			struct net_err *err)
{
	int on = 1, r;
	pid_t pid;

	if (setsockopt(sock[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		return net_fail(err, errno, NULL);
	pid = fork();
	if (pid == 0) {
		close(sock[0]); /* or we would wait for ourselves */
		helper(ns, spec, sock[1], leash[0]);
	}
	close(sock[1]);
	sock[1] = -1;
	if (pid < 0) {
		r = net_fail(err, errno, "cannot fork: %s", net_strerror(errno));
		return net_world_lost(err) ? -err->code : r;
	}
	r = fetch(pid, sock[0], ns, spec, err);
	close(sock[0]);
	sock[0] = -1;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* net_node_there() - 1: commands of @ns have things of their own already, made by us or, in a named world, by another
 */
int net_node_there(struct net_ns *ns, struct net_err *err)
{
	return ns->node.uts >= 0 ? 1 : net_node_find(ns, err);
}

/*
 * net_node_make() - make what commands of @ns have of their own, once
 * @spec: all empty: mounts alone, with the /sys, /proc and /etc/netns of the namespace
 *
 * Return: 0; -errno, and nothing is left.
 */
int net_node_make(struct net_ns *ns, const struct net_node_spec *spec, struct net_err *err)
{
	int sock[2] = {-1, -1}, leash[2] = {-1, -1}, r = know_own(err);

	if (r < 0)
		return r;
	shut(&ns->mnt); /* commands had mounts alone up to now */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock) < 0)
		return net_fail(err, errno, NULL);
	if (spec->pids && pipe2(leash, O_CLOEXEC) < 0)
		r = net_fail(err, errno, NULL);
	else
		r = start_helper(ns, spec, sock, leash, err);
	ns->node.leash = leash[1];
	shut(&sock[0]);
	shut(&sock[1]);
	shut(&leash[0]);
	if (r == 0 && net_world_name() && net_node_wanted(spec))
		r = net_node_keep(ns, err);
	if (r < 0)
		net_node_end(ns);
	if (r == -EEXIST && net_world_name()) { /* another nsh was faster: it is that one's */
		r = net_node_find(ns, err);
		if (r == 0)
			r = -ESTALE;
	}
	if (r == -ESTALE && net_world_name())
		return net_fail(err, ESTALE, "its name was taken away meanwhile");
	return r < 0 ? r : 0;
}

/* net_mount_ns() - where commands in @ns need mounts of their own (all but those in the machine's own network) they
 * are there: ns->mnt */
int net_mount_ns(struct net_ns *ns, struct net_err *err)
{
	const struct net_node_spec plain = {0};
	int r = know_own(err);

	if (r < 0)
		return r;
	if (ns->mnt >= 0 || (net_world_is_host() && strcmp(ns->label, "host") == 0))
		return 0;
	r = net_node_find(ns, err);
	if (r != 0)
		return r < 0 ? r : 0;
	return net_node_make(ns, &plain, err);
}

static void let_go(struct net_ns *ns)
{
	struct net_node *node = &ns->node;

	shut(&node->leash);
	shut(&node->init);
	shut(&node->pids);
	shut(&node->uts);
	shut(&ns->mnt);
	node->pid = 0;
	node->kept = false;
}

/*
 * net_node_end() - end the processes of a node and let go of what its commands have of their own
 *
 * The kernel lets its init go when all of its processes are reaped, ours among them.
 */
void net_node_end(struct net_ns *ns)
{
	struct net_node *node = &ns->node;
	struct pollfd fd = {.fd = node->init, .events = POLLIN};

	shut(&node->leash);
	if (node->pid && node->init < 0) {
		/* it ends by its leash; where it isn't our child the number isn't ours */
		net_process_reap(ns, net_now() + END_WAIT);
		while (waitpid(node->pid, NULL, 0) < 0 && errno == EINTR)
			;
	} else if (node->pid) {
		/* somebody may have stopped it; one that the world keeps is no child of ours, its number can be
		 * another's by now */
		syscall(SYS_pidfd_send_signal, node->init, SIGKILL, NULL, 0);
		net_process_reap(ns, net_now() + END_WAIT);
		poll(&fd, 1, (int)(END_WAIT * 1000));
		waitpid(node->pid, NULL, WNOHANG);
	}
	let_go(ns);
}

/* net_node_close() - the same, but one that the named world keeps goes on */
void net_node_close(struct net_ns *ns)
{
	if (ns->node.kept)
		let_go(ns);
	else
		net_node_end(ns);
}

/* net_node_enter() - children are born among the processes of @ns until net_node_leave(); signals are blocked */
int net_node_enter(const struct net_ns *ns)
{
	return ns->node.pids >= 0 && setns(ns->node.pids, CLONE_NEWPID) < 0 ? -errno : 0;
}

/* In the wrong place nothing could be right from here on. */
void net_node_leave(const struct net_ns *ns)
{
	if (ns->node.pids >= 0 && setns(own_pids, CLONE_NEWPID) < 0)
		abort();
}

/* net_node_hostname() - the host name that its commands see */
int net_node_hostname(struct net_ns *ns, char *name, size_t size, struct net_err *err)
{
	sigset_t all, mask;
	int r = ns->node.uts < 0 ? net_node_find(ns, err) : 0;

	if (r >= 0)
		r = know_own(err);
	if (r < 0)
		return r;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &mask);
	if (ns->node.uts >= 0 && setns(ns->node.uts, CLONE_NEWUTS) < 0)
		r = net_fail(err, errno, "cannot look at the host name of %s: %s", ns->label, net_strerror(errno));
	if (r == 0 && gethostname(name, size) < 0)
		r = net_fail(err, errno, NULL);
	if (ns->node.uts >= 0 && setns(own_uts, CLONE_NEWUTS) < 0)
		abort();
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return r;
}
