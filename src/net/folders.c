/* folders.c - the mounts of a namespace's commands: its /sys and /proc, its files of /etc, a node's own folders */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net.h"
#include "sock.h"

#define SAFE (MS_NOSUID | MS_NODEV)

static int failed(const char *what, const char *path, struct net_err *err)
{
	int code = errno;

	return net_fail(err, code, "cannot %s %s: %s", what, path, net_strerror(code));
}

/* A container that hides parts of its own /proc or /sys may not mount whole ones: then its own are seen.  Where
 * the machine's /sys is that of this very namespace, there is nothing to mount: EBUSY. */
static int mount_or_keep(const char *type, const char *at, struct net_err *err)
{
	if (mount(type, at, type, MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 && errno != EPERM && errno != EBUSY)
		return failed("mount", at, err);
	return 0;
}

static int mount_sys(struct net_err *err)
{
	int cgroup = open("/sys/fs/cgroup", O_PATH | O_CLOEXEC), r = mount_or_keep("sysfs", "/sys", err);
	char from[64];

	if (cgroup < 0)
		return r;
	snprintf(from, sizeof(from), "/proc/self/fd/%d", cgroup);
	if (r == 0 && mount(from, "/sys/fs/cgroup", NULL, MS_BIND | MS_REC, NULL) < 0 && errno != EPERM &&
	    errno != ENOENT)
		r = failed("keep", "/sys/fs/cgroup", err);
	close(cgroup);
	return r;
}

static int mount_proc(bool own, struct net_err *err)
{
	if (!own)
		return net_world_is_host() ? 0 : mount_or_keep("proc", "/proc", err);
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0)
		return 0;
	failed("mount", "/proc", err);
	if (err->code == EPERM)
		net_hint(err, "a container that hides parts of its own /proc forbids it: leave pids out");
	return -err->code;
}

/* /etc/netns/NAME/x stands for /etc/x, as for ip netns exec */
static int bind_etc(const char *name, struct net_err *err)
{
	char dir[300], from[600], to[300];
	struct dirent *e;
	int r = 0;
	DIR *d;

	snprintf(dir, sizeof(dir), "/etc/netns/%s", name);
	d = opendir(dir);
	if (!d && errno == ENOENT)
		return 0;
	if (!d) {
		failed("read", dir, err);
		net_hint(err, "is %s a folder that we may read?", dir);
		return -err->code;
	}
	while (errno = 0, r == 0 && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(from, sizeof(from), "%s/%s", dir, e->d_name);
		snprintf(to, sizeof(to), "/etc/%s", e->d_name);
		if (mount(from, to, NULL, MS_BIND, NULL) < 0 && errno != ENOENT)
			r = failed("mount", from, err);
	}
	if (r == 0 && errno)
		r = failed("read", dir, err);
	closedir(d);
	return r;
}

/* --- a node's own folders --- */

static bool lies_in(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) == 0 && (path[len] == '/' || !path[len]);
}

/* Whether what is made there is gone with the node or the world: nothing may stay on the machine's disk. */
static bool is_ours(const struct net_node_spec *spec, const char *path)
{
	for (unsigned int i = 0; i < spec->n_folders; i++)
		if (strcmp(path, spec->folders[i].path) != 0 && lies_in(path, spec->folders[i].path) &&
		    !spec->folders[i].from)
			return true;
	return !net_world_is_host() && lies_in(path, "/run");
}

/* Makes what is missing of the folders down to the last '/' of @path. */
static int make_parents(const char *path)
{
	char part[PATH_MAX];

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return -1;
	}
	return 0;
}

static int want_folder(const struct net_node_spec *spec, const char *path, struct stat *st, struct net_err *err)
{
	if (stat(path, st) < 0 && errno == ENOENT && is_ours(spec, path) && make_parents(path) == 0)
		mkdir(path, 0755);
	if (stat(path, st) < 0) {
		failed("give the node its own", path, err);
		if (err->code == ENOENT)
			net_hint(err, "make the folder first, or make the one that it lies in private too");
		return -err->code;
	}
	if (!S_ISDIR(st->st_mode)) {
		errno = ENOTDIR;
		return failed("give the node its own", path, err);
	}
	return 0;
}

/* What nsh itself and `ip netns` need of /run stays. */
static const char *const kept[] = {"/run/netns", NET_RUN};

static int keep_open(const char *path, int fd[2])
{
	int n = 0;

	for (size_t i = 0; i < 2; i++) {
		fd[i] = strcmp(path, "/run") == 0 ? open(kept[i], O_PATH | O_CLOEXEC) : -1;
		n += fd[i] >= 0;
	}
	return n;
}

static int bring_back(int fd[2], struct net_err *err)
{
	char from[64];
	int r = 0;

	for (size_t i = 0; i < 2; i++) {
		if (fd[i] < 0)
			continue;
		snprintf(from, sizeof(from), "/proc/self/fd/%d", fd[i]);
		if (r == 0 && (mkdir(kept[i], 0700) < 0 || mount(from, kept[i], NULL, MS_BIND | MS_REC, NULL) < 0))
			r = failed("keep", kept[i], err);
		close(fd[i]);
	}
	return r;
}

/* An empty folder, with the mode of the one that it hides. */
static int mount_empty(const char *path, const struct stat *st, struct net_err *err)
{
	char mode[32];
	int fd[2], r = 0;

	keep_open(path, fd);
	snprintf(mode, sizeof(mode), "mode=%o", (unsigned int)st->st_mode & 07777);
	if (mount(NET_NODE_MOUNT, path, "tmpfs", SAFE, mode) < 0)
		r = failed("mount a tmpfs on", path, err);
	return r == 0 ? bring_back(fd, err) : r;
}

static int mount_folders(const struct net_node_spec *spec, struct net_err *err)
{
	struct stat st;
	int r = 0;

	for (unsigned int i = 0; i < spec->n_folders && r == 0; i++) {
		const struct net_folder *f = &spec->folders[i];

		r = want_folder(spec, f->path, &st, err);
		if (r == 0 && !f->from)
			r = mount_empty(f->path, &st, err);
		else if (r == 0 && mount(f->from, f->path, NULL, MS_BIND | MS_REC, NULL) < 0)
			r = net_fail(err, errno, "cannot put %s in the place of %s: %s", f->from, f->path,
				     net_strerror(errno));
	}
	return r;
}

/* --- a node's own files --- */

#define DESK "/sys" /* under a tmpfs for a moment, before its own /sys comes */

static int write_text(const char *path, const char *text, struct net_err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644), r = 0;
	size_t len = strlen(text);

	if (fd < 0)
		return failed("write", path, err);
	if (write(fd, text, len) != (ssize_t)len)
		r = failed("write", path, err);
	if (fchmod(fd, 0644) < 0) /* whatever our umask is */
		r = failed("write", path, err);
	close(fd);
	return r;
}

/* /etc/resolv.conf is often a link into /run, which may have become empty: there the file is made. */
static int make_target(const struct net_node_spec *spec, const char *path)
{
	char link[PATH_MAX], target[PATH_MAX];
	ssize_t n = readlink(path, link, sizeof(link) - 1);
	int fd;

	if (n < 0)
		return -1;
	link[n] = '\0';
	if (*link == '/')
		snprintf(target, sizeof(target), "%s", link);
	else if (strncmp(link, "../", 3) == 0)
		snprintf(target, sizeof(target), "%.*s", (int)sizeof(target) - 1, link + 2);
	else
		return -1;
	if (strstr(target, "..") || !is_ours(spec, target) || make_parents(target) < 0)
		return -1;
	fd = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	return fd < 0 ? -1 : close(fd);
}

static int put_file(const struct net_node_spec *spec, const char *name, const char *text, struct net_err *err)
{
	char from[64], to[64];
	int r;

	if (!text)
		return 0;
	snprintf(from, sizeof(from), DESK "/%s", name);
	snprintf(to, sizeof(to), "/etc/%s", name);
	r = write_text(from, text, err);
	if (r < 0 || mount(from, to, NULL, MS_BIND, NULL) == 0)
		return r;
	if (errno == ENOENT && make_target(spec, to) == 0 && mount(from, to, NULL, MS_BIND, NULL) == 0)
		return 0;
	return failed("give the node its own", to, err);
}

static int mount_files(const struct net_node_spec *spec, struct net_err *err)
{
	int r;

	if (!spec->hosts && !spec->resolv)
		return 0;
	if (mount(NET_NODE_MOUNT, DESK, "tmpfs", SAFE, "mode=755") < 0)
		return failed("mount a tmpfs on", DESK, err);
	r = put_file(spec, "hosts", spec->hosts, err);
	if (r == 0)
		r = put_file(spec, "resolv.conf", spec->resolv, err);
	if (umount2(DESK, MNT_DETACH) < 0 && r == 0)
		r = failed("unmount", DESK, err);
	return r;
}

/*
 * net_node_mounts() - in a fresh mount namespace, in its other namespaces already: what commands of @ns see
 *
 * A private world keeps propagation, so that a name given inside is seen outside; on the host nothing may flow back, as
 * with ip netns exec.
 */
int net_node_mounts(const struct net_ns *ns, const struct net_node_spec *spec, struct net_err *err)
{
	int r = 0;

	if (net_world_is_host() && mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return failed("detach the mounts of", ns->label, err);
	if (strcmp(ns->label, "root") != 0)
		r = bind_etc(ns->label, err);
	if (r == 0)
		r = mount_folders(spec, err);
	if (r == 0)
		r = mount_files(spec, err);
	if (r == 0)
		r = mount_sys(err);
	if (r == 0)
		r = mount_proc(spec->pids, err);
	return r;
}

/* net_node_wanted() - whether @spec asks for more than the mounts that every namespace has */
bool net_node_wanted(const struct net_node_spec *spec)
{
	return spec->hostname || spec->hosts || spec->resolv || spec->n_folders || spec->pids;
}
