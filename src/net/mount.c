/* mount.c - what of the file system a world and its commands see differently: /run/netns, /sys, /proc, /etc */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net.h"
#include "sock.h"

#define RUN "/run"
#define RUN_NETNS "/run/netns"

/* Bind one entry of the old /run back, by the descriptor that still sees it. */
static int bind_back(int old, const struct dirent *e)
{
	char from[300], to[300], target[4096];
	struct stat st;
	ssize_t n;
	int fd;

	snprintf(from, sizeof(from), "/proc/self/fd/%d/%s", old, e->d_name);
	snprintf(to, sizeof(to), RUN "/%s", e->d_name);
	if (fstatat(old, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0; /* gone meanwhile */
	if (S_ISLNK(st.st_mode)) {
		n = readlinkat(old, e->d_name, target, sizeof(target) - 1);
		if (n < 0)
			return 0;
		target[n] = 0;
		return symlink(target, to);
	}
	if (S_ISDIR(st.st_mode)) {
		if (mkdir(to, 0755) < 0)
			return -1;
	} else {
		fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0)
			return -1;
		close(fd);
	}
	return mount(from, to, NULL, MS_BIND | MS_REC, NULL);
}

/* Bind all entries of the old /run back; takes the descriptor. */
static int bind_all_back(int old, struct net_err *err)
{
	DIR *dir = fdopendir(old);
	struct dirent *e;
	int r = 0;

	if (!dir) {
		r = net_fail(err, errno, "cannot read the old " RUN ": %s", strerror(errno));
		close(old);
		return r;
	}
	while (errno = 0, r == 0 && (e = readdir(dir)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 && strcmp(e->d_name, "nsh") != 0 &&
		    bind_back(old, e) < 0)
			r = net_fail(err, errno, "cannot keep " RUN "/%s: %s", e->d_name, strerror(errno));
	if (r == 0 && errno)
		r = net_fail(err, errno, "cannot read " RUN ": %s", strerror(errno));
	closedir(dir);
	return r;
}

/* A /run of our own with the same in it: where the machine has no /run/netns there is one then, and what programs of
 * the world leave in /run/nsh goes with the world, however that ends. */
static int replace_run(struct net_err *err)
{
	int old = open(RUN, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (old < 0)
		return net_fail(err, errno, "cannot open " RUN ": %s", strerror(errno));
	if (mount("tmpfs", RUN, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0) {
		r = net_fail(err, errno, "cannot mount a tmpfs on " RUN ": %s", strerror(errno));
		close(old);
		return r;
	}
	r = bind_all_back(old, err);
	if (r == 0 && mkdir(RUN_NETNS, 0755) < 0 && errno != EEXIST)
		r = net_fail(err, errno, "cannot make " RUN_NETNS ": %s", strerror(errno));
	if (r == 0 && mkdir(NET_RUN, 0700) < 0)
		r = net_fail(err, errno, "cannot make " NET_RUN ": %s", strerror(errno));
	return r;
}

/*
 * net_world_mounts() - in a fresh mount namespace: nothing of ours flows back to the machine, and /run/netns is
 * a shared mount of our own, so that a name given by any program of the world is seen by all of it
 */
int net_world_mounts(struct net_err *err)
{
	int r;

	if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return net_fail(err, errno, "cannot detach the mounts from the machine's: %s", strerror(errno));
	r = replace_run(err);
	if (r < 0)
		return r;
	if (mount("tmpfs", RUN_NETNS, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755") < 0)
		return net_fail(err, errno, "cannot mount a tmpfs on " RUN_NETNS ": %s", strerror(errno));
	if (mount(NULL, RUN_NETNS, NULL, MS_SHARED | MS_REC, NULL) < 0)
		return net_fail(err, errno, "cannot share " RUN_NETNS ": %s", strerror(errno));
	return 0;
}

/* A container that hides parts of its own /proc or /sys may not mount whole ones: then its own are seen. */
static int mount_or_keep(const char *type, const char *at)
{
	if (mount(type, at, type, MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 && errno != EPERM)
		return -errno;
	return 0;
}

static int mount_sys(void)
{
	int cgroup = open("/sys/fs/cgroup", O_PATH | O_CLOEXEC), r = mount_or_keep("sysfs", "/sys");
	char from[64];

	if (cgroup < 0)
		return r;
	snprintf(from, sizeof(from), "/proc/self/fd/%d", cgroup);
	if (r == 0 && mount(from, "/sys/fs/cgroup", NULL, MS_BIND | MS_REC, NULL) < 0 && errno != EPERM &&
	    errno != ENOENT)
		r = -errno;
	close(cgroup);
	return r;
}

/* /etc/netns/NAME/x stands for /etc/x, as for ip netns exec */
static int bind_etc(const char *name)
{
	char dir[300], from[600], to[300];
	struct dirent *e;
	int r = 0;
	DIR *d;

	snprintf(dir, sizeof(dir), "/etc/netns/%s", name);
	d = opendir(dir);
	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while (errno = 0, r == 0 && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(from, sizeof(from), "%s/%s", dir, e->d_name);
		snprintf(to, sizeof(to), "/etc/%s", e->d_name);
		if (mount(from, to, NULL, MS_BIND, NULL) < 0 && errno != ENOENT)
			r = -errno;
	}
	if (r == 0)
		r = -errno;
	closedir(d);
	return r;
}

/* In a child that will end at once: build the mount namespace.  Return: -errno. */
static int build(const struct net_ns *ns)
{
	int r = 0;

	if (setns(ns->fd, CLONE_NEWNET) < 0 || unshare(CLONE_NEWNS) < 0)
		return -errno;
	/* A private world keeps propagation, so that a name given inside is seen outside; on the host nothing may
	 * flow back, as with ip netns exec. */
	if (net_world_is_host() && mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return -errno;
	r = mount_sys();
	if (r == 0 && !net_world_is_host())
		r = mount_or_keep("proc", "/proc");
	if (r == 0 && strcmp(ns->label, "root") != 0)
		r = bind_etc(ns->label);
	return r;
}

/* The child tells its result in one int and stays until the other end is closed. */
static _Noreturn void child(const struct net_ns *ns, int in, int out)
{
	int r = build(ns);
	char byte;

	if (write(out, &r, sizeof(r)) == (ssize_t)sizeof(r))
		while (read(in, &byte, 1) < 0 && errno == EINTR)
			;
	_exit(0);
}

static int fetch(pid_t pid, int from, struct net_ns *ns, struct net_err *err)
{
	char path[64];
	int r = -EIO;

	while (read(from, &r, sizeof(r)) < 0 && errno == EINTR)
		;
	if (r < 0) {
		net_fail(err, -r, "cannot make the mounts for commands in %s: %s", ns->label, strerror(-r));
		if (r == -EACCES || r == -ENOTDIR)
			net_hint(err, "is /etc/netns/%s a folder that we may read?", ns->label);
		return r;
	}
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)pid);
	ns->mnt = open(path, O_RDONLY | O_CLOEXEC);
	return ns->mnt < 0 ? net_fail(err, errno, "cannot open %s: %s", path, strerror(errno)) : 0;
}

/*
 * net_mount_ns() - the mount namespace for commands in @ns, made once
 * @mnt: its descriptor, kept by @ns; -1 where commands need none (the machine's own network)
 */
int net_mount_ns(struct net_ns *ns, int *mnt, struct net_err *err)
{
	int up[2], down[2], r;
	pid_t pid;

	*mnt = ns->mnt;
	if (ns->mnt >= 0 || (net_world_is_host() && strcmp(ns->label, "host") == 0))
		return 0;
	if (pipe2(up, O_CLOEXEC) < 0)
		return net_fail(err, errno, NULL);
	if (pipe2(down, O_CLOEXEC) < 0) {
		r = net_fail(err, errno, NULL);
		close(up[0]);
		close(up[1]);
		return r;
	}
	pid = fork();
	if (pid == 0) {
		close(down[1]); /* or we would wait for ourselves */
		child(ns, down[0], up[1]);
	}
	close(up[1]);
	close(down[0]);
	r = pid < 0 ? net_fail(err, errno, "cannot fork: %s", strerror(errno)) : fetch(pid, up[0], ns, err);
	close(down[1]);
	close(up[0]);
	if (pid > 0)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	*mnt = ns->mnt;
	return r;
}
