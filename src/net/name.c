/* name.c - named namespaces: files under /run/netns that a namespace is mounted on, as ip netns has them */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net.h"
#include "sock.h"

#define MAX_PATH (sizeof(NET_NAMES) + 256)

static int path_of(const char *name, char *path, struct net_err *err)
{
	int r = net_check_ns_name(name, strlen(name), err);

	if (r == 0)
		snprintf(path, MAX_PATH, "%s/%s", NET_NAMES, name);
	return r;
}

/* net_ns_open() - open a named namespace; -ENOENT, or -EINVAL for a file that is none */
int net_ns_open(struct net_ns *ns, const char *name, struct net_err *err)
{
	char path[MAX_PATH];
	int fd, r = path_of(name, path, err);

	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* whatever lies there, a pipe even */
	if (fd < 0 && errno == ENOENT)
		return net_fail(err, ENOENT, "no namespace %s", name);
	if (fd < 0)
		return net_fail(err, errno, "cannot open %s: %s", path, strerror(errno));
	return net_ns_adopt(ns, fd, name, err);
}

/* Two programs that make the directory a shared mount at the same time would mount it many times over; the lock
 * is the one that ip(8) takes. */
static int share_run_dir(struct net_err *err)
{
	bool bound = false;
	int lock, r = 0;

	if (mkdir(NET_NAMES, 0755) < 0 && errno != EEXIST)
		return net_fail(err, errno, "cannot make %s: %s", NET_NAMES, strerror(errno));
	lock = open(NET_NAMES, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock < 0)
		return net_fail(err, errno, "cannot open %s: %s", NET_NAMES, strerror(errno));
	flock(lock, LOCK_EX);
	while (mount("", NET_NAMES, "none", MS_SHARED | MS_REC, NULL) < 0) {
		if (errno != EINVAL || bound) {
			r = net_fail(err, errno, "cannot share the mount %s: %s", NET_NAMES, strerror(errno));
			break;
		}
		if (mount(NET_NAMES, NET_NAMES, "none", MS_BIND | MS_REC, NULL) < 0) {
			r = net_fail(err, errno, "cannot mount %s: %s", NET_NAMES, strerror(errno));
			break;
		}
		/* out of the peer group of /run, or every namespace would be mounted twice */
		mount("", NET_NAMES, "none", MS_PRIVATE, NULL);
		bound = true;
	}
	close(lock);
	return r;
}

static char mark[128];

/* net_ns_set_mark() - what namespaces are marked with from here on, so that one who comes after us knows them; NULL:
 * nothing */
void net_ns_set_mark(const char *text)
{
	snprintf(mark, sizeof(mark), "%s", text ? text : "");
}

/* net_ns_bind() - give a namespace a name (ip netns add, ip netns attach); -EEXIST */
int net_ns_bind(struct net_ns *ns, const char *name, struct net_err *err)
{
	char path[MAX_PATH], self[64];
	int fd, r = path_of(name, path, err);

	if (r == 0 && net_world_is_host())
		r = share_run_dir(err);
	if (r == 0 && *mark)
		r = net_link_mark(ns, mark, err);
	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
	if (fd < 0)
		return net_fail(err, errno, NULL);
	close(fd);
	net_changes++;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", ns->fd);
	if (mount(self, path, "none", MS_BIND, NULL) < 0) {
		r = net_fail(err, errno, "cannot mount the namespace on %s: %s", path, strerror(errno));
		unlink(path);
	}
	return r;
}

/* net_ns_unbind() - take a name away (ip netns del); the namespace ends with its last user */
int net_ns_unbind(const char *name, struct net_err *err)
{
	char path[MAX_PATH];
	int r = path_of(name, path, err);

	if (r < 0)
		return r;
	net_changes++;
	net_node_drop(name);
	/* EINVAL: a stale file, on which nothing is mounted */
	if (umount2(path, MNT_DETACH) < 0 && errno != EINVAL && errno != ENOENT)
		return net_fail(err, errno, "cannot unmount %s: %s", path, strerror(errno));
	if (unlink(path) == 0)
		return 0;
	if (errno == ENOENT)
		return net_fail(err, ENOENT, "no namespace %s", name);
	return net_fail(err, errno, "cannot remove %s: %s", path, strerror(errno));
}

/* net_folder_names() - what is in a folder, NUL-separated and in its order; free(*names).  None that isn't there. */
int net_folder_names(const char *path, char **names, size_t *len, struct net_err *err)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	size_t cap = 0;
	char *p;

	*names = NULL;
	*len = 0;
	if (!dir)
		return errno == ENOENT ? 0 : net_fail(err, errno, "cannot read %s: %s", path, strerror(errno));
	while (errno = 0, (e = readdir(dir))) {
		size_t n = strlen(e->d_name) + 1;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (*len + n > cap) {
			cap = (cap + n) * 2;
			p = realloc(*names, cap);
			if (!p) {
				closedir(dir);
				free(*names);
				*names = NULL;
				return net_fail(err, ENOMEM, NULL);
			}
			*names = p;
		}
		memcpy(*names + *len, e->d_name, n);
		*len += n;
	}
	if (errno) {
		net_fail(err, errno, "cannot read %s: %s", path, strerror(errno));
		free(*names);
		*names = NULL;
		closedir(dir);
		return -err->code;
	}
	closedir(dir);
	return 0;
}

/* net_ns_names() - all names, as net_folder_names() gives them */
int net_ns_names(char **names, size_t *len, struct net_err *err)
{
	return net_folder_names(NET_NAMES, names, len, err);
}
