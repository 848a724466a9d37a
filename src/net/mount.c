/* mount.c - what of the file system a world sees differently: /run */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
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

/* A folder of the machine that goes takes with it what is mounted there: ours are not mounted on it. */
static bool is_ours(const char *name)
{
	static const char *const names[] = {".", "..", "netns", "nsh"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
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
		if (!is_ours(e->d_name) && bind_back(old, e) < 0)
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
	if (r == 0 && mkdir(RUN_NETNS, 0755) < 0)
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
