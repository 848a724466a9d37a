/* world.c - the private world: a user (where needed), pid, mount, host name and network namespace that end with nsh */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net.h"
#include "sock.h"
#include "state.h"

#define PF_EXITING 4 /* of the flags in /proc/PID/stat */

static struct {
	bool made, host;
	struct net_err broken; /* why it could not be made: half-way in there is no way back */
	int leash;	       /* init ends when this end of its pipe is closed */
	pid_t init;	       /* of a named world: its keeper */
	char name[NET_WORLD_NAME + 1];
	int keeper; /* pidfd */
	bool raised;
	struct rlimit files; /* the limit of open files before it was raised */
} world = {.leash = -1, .keeper = -1};

bool net_world_made(void)
{
	return world.made;
}

bool net_world_is_host(void)
{
	return world.host;
}

pid_t net_world_init(void)
{
	return world.init;
}

/* net_world_name() - of the named world that we have joined; NULL: it has none */
const char *net_world_name(void)
{
	return *world.name ? world.name : NULL;
}

/* net_world_gone() - whether the keeper of the named world that we are in has ended, and all its processes with it */
bool net_world_gone(void)
{
	struct pollfd fd = {.fd = world.keeper, .events = POLLIN};

	return world.keeper >= 0 && poll(&fd, 1, 0) > 0;
}

/* net_world_ending() - the same, or that it ends: it can't have ended before all of its processes are reaped */
bool net_world_ending(void)
{
	int64_t flags;

	if (!net_world_name())
		return false;
	flags = net_proc_stat(world.init, 9);
	return flags == -1 || (flags >= 0 && (flags & PF_EXITING)) || net_world_gone();
}

/* net_world_lost() - where the named world has ended a failure is told as that */
bool net_world_lost(struct net_err *err)
{
	if (!net_world_ending())
		return false;
	net_fail(err, EOWNERDEAD, "the world %s was ended, and all that ran in it", world.name);
	net_hint(err, "leave nsh; nsh -w %s makes it anew", world.name);
	return true;
}

static bool may_unshare(void)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[2] = {0};

	return syscall(SYS_capget, &h, d) == 0 && (d[0].effective & (1U << CAP_SYS_ADMIN));
}

static int read_number(const char *path)
{
	char buf[16] = "";
	int n = -1, fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (read(fd, buf, sizeof(buf) - 1) > 0)
			n = (int)strtol(buf, NULL, 10);
		close(fd);
	}
	return n;
}

/* Say which of the known switches forbids what we need. */
static int forbidden(int code, const char *what, struct net_err *err)
{
	bool none = read_number("/proc/sys/user/max_user_namespaces") == 0;

	if (none && code == ENOSPC)
		code = EPERM; /* nothing is full: there may be none at all */
	net_fail(err, code, "cannot make a private world: %s: %s", what, strerror(code));
	if (read_number("/proc/sys/kernel/unprivileged_userns_clone") == 0)
		net_hint(err, "sysctl kernel.unprivileged_userns_clone is 0; set it to 1, or run nsh as root");
	else if (none)
		net_hint(err, "sysctl user.max_user_namespaces is 0; raise it, or run nsh as root");
	else if (read_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1)
		net_hint(
			err,
			"AppArmor keeps unprivileged user namespaces powerless (sysctl "
			"kernel.apparmor_restrict_unprivileged_userns = 1); allow nsh in a profile, or run it as root");
	else if (code == ENOSPC)
		net_hint(err,
			 "the limit in /proc/sys/user/ for this user is reached, or namespaces are nested too deep");
	else
		net_hint(err, "a container or security policy (seccomp, SELinux) forbids it here; run nsh outside of "
			      "it, or with CAP_SYS_ADMIN");
	return -code;
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), code = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		code = errno;
	close(fd);
	return -code;
}

/* We become root of a user namespace that holds us alone. */
static int enter_user(struct net_err *err)
{
	char uid[32], gid[32];
	int r;

	snprintf(uid, sizeof(uid), "0 %u 1", (unsigned int)geteuid());
	snprintf(gid, sizeof(gid), "0 %u 1", (unsigned int)getegid());
	if (unshare(CLONE_NEWUSER) < 0)
		return forbidden(errno, "user namespace", err);
	r = write_file("/proc/self/setgroups", "deny");
	if (r == 0)
		r = write_file("/proc/self/uid_map", uid);
	if (r == 0)
		r = write_file("/proc/self/gid_map", gid);
	return r < 0 ? forbidden(-r, "user mapping", err) : 0;
}

/* net_init_main() - process 1 of the world or of a node: reaps what is orphaned, holds no descriptor, and takes all
 * with it when nsh is gone or lets its leash go, unless it had word by it that it stays
 * @bound: it is a child of nsh's
 */
_Noreturn void net_init_main(int leash, bool bound)
{
	char byte;
	ssize_t n;

	if (bound)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "nsh-init");
	setsid();
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL); /* of these, process 1 gets none but KILL and STOP */
	signal(SIGCHLD, SIG_IGN);     /* orphans are reaped by the kernel */
	if (dup2(leash, 0) != 0 || chdir("/") < 0)
		_exit(1);
	close_range(1, ~0U, 0);
	do
		n = read(0, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		_exit(0);
	for (;;)
		pause();
}

static int start_init(struct net_err *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return net_fail(err, errno, NULL);
	world.init = fork();
	if (world.init == 0)
		net_init_main(ends[0], true);
	close(ends[0]);
	world.leash = ends[1];
	return world.init < 0 ? net_fail(err, errno, "cannot start the world's init: %s", strerror(errno)) : 0;
}

/* Two descriptors a namespace: the soft limit of 1024 is soon reached. */
static void raise_limit(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur >= l.rlim_max)
		return;
	world.files = l;
	l.rlim_cur = l.rlim_max;
	world.raised = setrlimit(RLIMIT_NOFILE, &l) == 0;
}

/* net_world_files() - the limit of open files that commands get, select(2) of theirs relies on it; NULL: ours */
const struct rlimit *net_world_files(void)
{
	return world.raised ? &world.files : NULL;
}

/* net_world_new() - move this process into the namespaces of a new world, but for its pid namespace, which is that of
 * the children from here on */
int net_world_new(struct net_err *err)
{
	struct net_ns root;
	int r;

	net_ns_defaults_begin();
	r = net_ns_moving(err);
	if (r == 0 && !may_unshare())
		r = enter_user(err);
	if (r == 0 && unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWNET) < 0)
		r = forbidden(errno, "mount, host name and network namespace", err);
	if (r == 0 && unshare(CLONE_NEWPID) < 0)
		r = forbidden(errno, "pid namespace", err);
	if (r == 0)
		r = net_ns_moved(err);
	if (r == 0)
		r = net_world_mounts(err);
	if (r < 0)
		return r;
	net_ns_init(&root);
	r = net_ns_root(&root, err);
	if (r == 0)
		r = net_ns_defaults(&root, err);
	net_ns_close(&root);
	return r;
}

static int make_private(struct net_err *err)
{
	int r;

	net_state_remember();
	r = net_world_new(err);
	return r == 0 ? start_init(err) : r;
}

static int join_named(const struct net_world_spec *spec, struct net_err *err)
{
	pid_t keeper = 0;
	int pidfd = -1, r;

	net_ns_defaults_begin();
	r = net_world_join(spec, &keeper, &pidfd, err);
	if (r < 0) { /* it is not ours to end */
		if (pidfd >= 0)
			close(pidfd);
		return r;
	}
	world.init = keeper;
	world.keeper = pidfd;
	snprintf(world.name, sizeof(world.name), "%s", spec->name);
	return 0;
}

/*
 * net_world_make() - make the world that @spec asks for, or do nothing when there is one
 *
 * Order matters: the user namespace gives the right to the others, and init must be the first process of its
 * pid namespace, but stand in the world's other namespaces, or commands could reach the machine's through it.
 * Nothing may run threads before or after.
 */
int net_world_make(const struct net_world_spec *spec, struct net_err *err)
{
	int r = 0;

	if (world.made)
		return 0;
	if (world.broken.code) {
		*err = world.broken;
		return -err->code;
	}
	raise_limit();
	world.host = spec->mode == NET_WORLD_HOST;
	if (spec->name)
		r = join_named(spec, err);
	else if (!world.host)
		r = make_private(err);
	if (r < 0)
		world.broken = *err;
	world.made = r == 0;
	return r;
}

/* net_world_end() - end all processes of the world and wait until they are gone; of a named one those that are ours */
void net_world_end(void)
{
	if (net_world_name()) {
		net_process_end_all();
		return;
	}
	if (world.leash >= 0)
		close(world.leash);
	world.leash = -1;
	if (world.init > 0)
		kill(world.init, SIGKILL); /* someone may have stopped it */
	/* a child that nobody has waited for yet keeps init from going: take them all */
	for (pid_t pid = 0; world.init > 0 && pid != world.init && (pid >= 0 || errno == EINTR);)
		pid = waitpid(-1, NULL, 0);
	world.init = 0;
}
