/* files.c - files that commands of one namespace see, and nobody else: over the machine's, or where that has none
 *
 * What is written lies in a tmpfs that is known by its name among the mounts, so that nothing of the machine's is ever
 * written to.  A folder that gets a file which it hasn't becomes a tmpfs with all that was in it put back in its place.
 * It is made ready in a copy of the mounts: nobody sees what is half done, and nothing of it reaches other namespaces.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net.h"
#include "sock.h"

#define DESK "/sys"	 /* of the copy: under a tmpfs */
#define MAX_ENTRIES 4096 /* of a folder that is put back piece by piece */

/* Of the helper: the namespace's mounts, and its own folder in /proc as it was outside of them. */
static int mounts = -1, self = -1;

static int failed(const char *what, const char *path, struct net_err *err)
{
	int code = errno;

	return net_fail(err, code, "cannot %s %s: %s", what, path, net_strerror(code));
}

/* Whether @path lies in @folder, or is it; "/" has all. */
static bool lies_in(const char *path, const char *folder)
{
	size_t len = strcmp(folder, "/") == 0 ? 0 : strlen(folder);

	return strncmp(path, folder, len) == 0 && (path[len] == '/' || !path[len]);
}

/*
 * What @path is without symbolic links, which could lead out of what is ours; of what isn't there yet or leads to
 * itself, as far as it is there
 */
static int resolve(const char *path, char real[PATH_MAX], struct net_err *err)
{
	char part[PATH_MAX], *slash;
	size_t len;

	if (strlen(path) >= sizeof(part))
		return net_fail(err, ENAMETOOLONG, "the path %.64s... is too long", path);
	strcpy(part, path);
	while (!realpath(part, real)) {
		slash = strrchr(part, '/');
		if ((errno != ENOENT && errno != ELOOP) || !slash)
			return failed("look at", path, err);
		*slash = '\0';
		if (slash == part) {
			strcpy(real, "/");
			break;
		}
	}
	len = strcmp(real, "/") == 0 ? 0 : strlen(real);
	if (len + strlen(path + strlen(part)) >= PATH_MAX)
		return net_fail(err, ENAMETOOLONG, "the path %.64s... is too long", path);
	strcpy(real + len, path + strlen(part));
	return 0;
}

/* Paths in mountinfo have blanks and the like as "\\040". */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++)
		if (*s == '\\' && strspn(s + 1, "01234567") >= 3) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	*to = '\0';
}

/* Whether the mount that @path is on is one of ours; @root: gets whether that begins at the path itself. */
static bool is_ours(const char *path, bool *root)
{
	char line[2 * PATH_MAX], at[PATH_MAX], best[PATH_MAX] = "";
	int fd = openat(self, "mountinfo", O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	bool ours = false;

	while (f && fgets(line, sizeof(line), f)) {
		const char *end = strstr(line, " - ");

		if (sscanf(line, "%*s %*s %*s %*s %4095s", at) != 1)
			continue;
		unescape(at);
		if (!lies_in(path, at) || strlen(at) < strlen(best))
			continue;
		snprintf(best, sizeof(best), "%s", at);
		ours = end && strstr(end, " " NET_NODE_MOUNT " ");
	}
	if (f)
		fclose(f);
	*root = strcmp(best, path) == 0;
	return ours;
}

static int write_file(const char *path, const struct net_file *file, struct net_err *err)
{
	struct stat st;
	size_t done = 0;
	int fd, r = 0;

	/* a link leads to nothing, and must not lead to a new file of the machine's; a pipe waits for who reads */
	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
	if (fd < 0)
		return failed("write", path, err);
	while (r == 0 && done < file->len) {
		ssize_t n = write(fd, file->text + done, file->len - done);

		if (n < 0 && errno != EINTR)
			r = failed("write", path, err);
		done += n > 0 ? (size_t)n : 0;
	}
	if (r == 0 && fchmod(fd, file->mode) < 0)
		r = failed("set the mode of", path, err);
	close(fd);
	return r;
}

/* What is done from here on is done in a copy of the mounts: names of namespaces go on to come into it, nothing goes
 * out. */
static int begin_desk(struct net_err *err)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return failed("copy", "the mounts", err);
	return mount(NET_NODE_MOUNT, DESK, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0
		       ? failed("mount a tmpfs on", DESK, err)
		       : 0;
}

/*
 * end_desk() - go back, and put what is ready in its place
 * @r: what has come of it up to now
 * @ready: on the desk
 */
static int end_desk(int r, const char *ready, const char *path, struct net_err *err)
{
	int tree = r < 0 ? -1 : open_tree(AT_FDCWD, ready, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	if (r == 0 && tree < 0)
		r = failed("take up", path, err);
	if (setns(mounts, CLONE_NEWNS) < 0 && r == 0)
		r = failed("go back to", "the mounts", err);
	if (r == 0 && move_mount(tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		r = failed("give the node its own", path, err);
	if (tree >= 0)
		close(tree);
	return r;
}

/* A file over one that is there. */
static int cover(const struct net_file *file, struct net_err *err)
{
	int r = begin_desk(err);

	if (r == 0)
		r = write_file(DESK "/file", file, err);
	return end_desk(r, DESK "/file", file->path, err);
}

/* One thing of a folder, where the folder will be. */
static int put_back(const char *folder, const char *name, struct net_err *err)
{
	char from[PATH_MAX], to[PATH_MAX], link[PATH_MAX];
	struct stat st;
	ssize_t n;
	int fd;

	if (snprintf(from, sizeof(from), "%s/%s", folder, name) >= (int)sizeof(from))
		return net_fail(err, ENAMETOOLONG, "cannot keep %.200s/%.50s: its path is too long", folder, name);
	snprintf(to, sizeof(to), DESK "/%s", name);
	if (lstat(from, &st) < 0)
		return errno == ENOENT ? 0 : failed("look at", from, err);
	if (S_ISLNK(st.st_mode)) {
		n = readlink(from, link, sizeof(link) - 1);
		link[n > 0 ? n : 0] = '\0';
		return n < 0 || symlink(link, to) < 0 ? failed("keep", from, err) : 0;
	}
	fd = S_ISDIR(st.st_mode) ? mkdir(to, 0755) : open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return failed("keep", from, err);
	if (!S_ISDIR(st.st_mode))
		close(fd);
	return mount(from, to, NULL, MS_BIND | MS_REC, NULL) < 0 ? failed("keep", from, err) : 0;
}

static int fill_desk(const char *folder, struct net_err *err)
{
	DIR *d = opendir(folder);
	unsigned int count = 0;
	struct dirent *e;
	int r = 0;

	if (!d)
		return failed("read", folder, err);
	while (r == 0 && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		r = ++count > MAX_ENTRIES ? net_fail(err, E2BIG, "%s has too much in it to give a node its own", folder)
					  : put_back(folder, e->d_name, err);
	}
	closedir(d);
	return r;
}

/* There is no folder that could become the node's own to take a file. */
static int no_top(const char *path, struct net_err *err)
{
	const char *slash = strchr(path + 1, '/');

	if (slash)
		return net_fail(err, ENOENT, "there is no folder %.*s, and the root folder can't be a node's own",
				(int)(slash - path), path);
	return net_fail(err, EPERM, "the root folder can't be a node's own");
}

/* A folder becomes the node's own, with all that is in it, for the file at @path. */
static int unfold(const char *folder, const char *path, struct net_err *err)
{
	struct stat st;
	int r;

	if (strcmp(folder, "/") == 0)
		return no_top(path, err);
	if (lies_in(folder, "/proc") || lies_in(folder, DESK) || lies_in(folder, "/dev"))
		return net_fail(err, EPERM, "%s can't be a node's own", folder);
	r = begin_desk(err);
	if (r == 0)
		r = fill_desk(folder, err);
	if (r == 0 && stat(folder, &st) == 0)
		(void)!chmod(DESK, st.st_mode & 07777);
	return end_desk(r, DESK, folder, err);
}

/* The folders down to the file; the last one that there is becomes the node's own. */
static int make_way(const char *path, struct net_err *err)
{
	char part[PATH_MAX], last[PATH_MAX] = "/";
	bool root, ours;
	struct stat st;
	int r = 0;

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		if (stat(part, &st) < 0)
			break;
		snprintf(last, sizeof(last), "%s", part);
	}
	ours = is_ours(last, &root);
	if (!ours)
		r = unfold(last, path, err);
	for (const char *slash = strchr(path + 1, '/'); r == 0 && slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			r = failed("make", part, err);
	}
	return r;
}

static int put(const struct net_file *file, struct net_err *err)
{
	struct stat st;
	bool root, ours = is_ours(file->path, &root), there = stat(file->path, &st) == 0;
	int r;

	if (there && S_ISDIR(st.st_mode) && (root || !ours)) /* what is the machine's may be in it */
		return net_fail(err, EISDIR, "%s is a folder", file->path);
	if (there && !ours)
		return cover(file, err);
	r = ours && root ? 0 : make_way(file->path, err);
	return r == 0 ? write_file(file->path, file, err) : r;
}

/* What is not ours stays as it is. */
static int take_away(const char *path, struct net_err *err)
{
	bool root;

	if (!is_ours(path, &root))
		return 0;
	if ((root ? umount2(path, MNT_DETACH) : unlink(path)) < 0 && errno != ENOENT)
		return failed("take away", path, err);
	return 0;
}

static _Noreturn void helper(const struct net_ns *ns, const struct net_file *file, int to)
{
	struct net_err err = {0};
	struct net_file real = *file;
	char path[PATH_MAX] = "";
	int r = 0;

	mounts = ns->mnt;
	self = open("/proc/thread-self", O_PATH | O_DIRECTORY | O_CLOEXEC); /* a node may have a /proc without us */
	if (self < 0)
		r = failed("look at", "/proc/thread-self", &err);
	if (r == 0 && setns(mounts, CLONE_NEWNS) < 0)
		r = net_fail(&err, errno, "cannot enter the mounts of %s: %s", ns->label, net_strerror(errno));
	if (r == 0)
		r = resolve(file->path, path, &err);
	real.path = path;
	if (r == 0 && file->text)
		put(&real, &err);
	else if (r == 0)
		take_away(path, &err);
	_exit(write(to, &err, sizeof(err)) == (ssize_t)sizeof(err) ? 0 : 1);
}

/*
 * net_node_file() - give the commands of @ns a file of their own, or change it; without a text, take it away
 *
 * nsh itself must not be among the mounts of a namespace, so a helper does it.
 */
int net_node_file(struct net_ns *ns, const struct net_file *file, struct net_err *err)
{
	int fd[2], r = net_mount_ns(ns, err);
	ssize_t n;
	pid_t pid;

	if (r < 0)
		return r;
	if (ns->mnt < 0)
		return net_fail(err, EOPNOTSUPP, "the machine's own network has the machine's files");
	if (pipe2(fd, O_CLOEXEC) < 0)
		return net_fail(err, errno, NULL);
	pid = fork();
	if (pid == 0)
		helper(ns, file, fd[1]);
	close(fd[1]);
	r = pid < 0 ? net_fail(err, errno, "cannot fork: %s", net_strerror(errno)) : 0;
	do
		n = read(fd[0], err, sizeof(*err));
	while (n < 0 && errno == EINTR);
	close(fd[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if ((r < 0 || n != (ssize_t)sizeof(*err)) && net_world_lost(err))
		return -err->code;
	if (r == 0 && n != (ssize_t)sizeof(*err))
		return net_fail(err, EIO, "the helper that writes %s has died", file->path);
	return r < 0 ? r : -err->code;
}
