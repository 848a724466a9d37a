/* state.c - the folder where named worlds and journals are known: that it is ours alone, and records in it that are
 * replaced as a whole
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "net.h"
#include "state.h"

#define STATE_FOLDER "nsh"

static char path[PATH_MAX]; /* "": not looked for yet */
static int parent = -1;	    /* the folder that it lies in, as the machine has it: a world hides it */
static char notice[PATH_MAX + 512];

/* The parent is /run for root, the user's own runtime folder for others. */
static int find_parent(struct net_err *err)
{
	const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
	char own[64];

	if (parent >= 0)
		return 0;
	snprintf(own, sizeof(own), "/run/user/%u", (unsigned int)geteuid());
	if (geteuid() == 0)
		runtime = "/run";
	else if (!runtime || *runtime != '/')
		runtime = own;
	parent = open(runtime, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0) {
		net_fail(err, errno, "there is no folder %s to keep named worlds in: %s", runtime, strerror(errno));
		net_hint(err, "set XDG_RUNTIME_DIR to a folder of yours that no one else may write");
		return -err->code;
	}
	snprintf(path, sizeof(path), "%s/" STATE_FOLDER, runtime);
	return 0;
}

/* net_state_remember() - before a world hides it: know where the folder is */
void net_state_remember(void)
{
	struct net_err ignored;

	find_parent(&ignored);
}

/* net_state_path() - the folder's path as the machine has it; "" before it was looked for */
const char *net_state_path(void)
{
	return path;
}

/* Nobody else may have put it there, nor change what is in it. */
static int check_ours(int fd, const char *name, struct net_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return net_fail(err, errno, "cannot look at %s: %s", name, strerror(errno));
	if (st.st_uid != geteuid()) {
		net_fail(err, EPERM, "%s belongs to user %u, not to us: nothing in it is trusted", name,
			 (unsigned int)st.st_uid);
		net_hint(err, "have it removed, or set XDG_RUNTIME_DIR to a folder of yours");
		return -EPERM;
	}
	if (st.st_mode & 022) {
		net_fail(err, EPERM, "%s may be written by others (mode %03o): nothing in it is trusted", name,
			 (unsigned int)st.st_mode & 0777);
		net_hint(err, "look at what is in it, then chmod 700 %s, or remove it", name);
		return -EPERM;
	}
	return 0;
}

/*
 * net_state_sub() - open a folder in a folder of ours, and see that it is ours
 * @folder: its path below the one of state; the last name of that lies in @dir
 * @make: when it isn't there
 *
 * Return: a descriptor; -ENOENT, -ENOTDIR for what is no folder, -EPERM for another's.
 */
int net_state_sub(int dir, const char *folder, bool make, struct net_err *err)
{
	const char *slash = strrchr(folder, '/'), *name = slash ? slash + 1 : *folder ? folder : STATE_FOLDER;
	char at[sizeof(path) + 64];
	int fd, r;

	snprintf(at, sizeof(at), "%s%s%s", path, *folder ? "/" : "", folder);
	if (make && mkdirat(dir, name, 0700) < 0 && errno != EEXIST) {
		net_fail(err, errno, "cannot make the folder %s: %s", at, strerror(errno));
		if ((err->code == EACCES || err->code == EROFS) && !*folder)
			net_hint(err, "set XDG_RUNTIME_DIR to a folder of yours that no one else may write");
		return -err->code;
	}
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		net_fail(err, errno, "cannot open the folder %s: %s", at, strerror(errno));
		if (err->code == ENOTDIR || err->code == ELOOP)
			net_hint(err, "something that is no folder is in its place; move it away");
		return -err->code;
	}
	r = check_ours(fd, at, err);
	if (r < 0)
		close(fd);
	return r < 0 ? r : fd;
}

/* net_state_open() - open the folder itself, /run/nsh or $XDG_RUNTIME_DIR/nsh; as net_state_sub() */
int net_state_open(bool make, struct net_err *err)
{
	int r = find_parent(err);

	return r < 0 ? r : net_state_sub(parent, "", make, err);
}

/* net_state_read() - the text of a file; -errno, -E2BIG for one that has more than @size - 1 bytes */
int net_state_read(int dir, const char *file, char *text, size_t size)
{
	int fd = openat(dir, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), code = 0;
	ssize_t n;

	*text = '\0';
	if (fd < 0)
		return -errno;
	n = read(fd, text, size);
	if (n < 0)
		code = errno;
	else if ((size_t)n == size)
		code = E2BIG;
	else
		text[n] = '\0';
	close(fd);
	if (code)
		*text = '\0';
	return -code;
}

/* net_state_write() - replace a file as a whole: who reads it finds the old text or the new one */
int net_state_write(int dir, const char *file, const char *text, struct net_err *err)
{
	char new[NAME_MAX + 1];
	size_t len = strlen(text);
	ssize_t n;
	int fd, code = 0;

	snprintf(new, sizeof(new), "%s.new", file);
	unlinkat(dir, new, 0);
	fd = openat(dir, new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return net_fail(err, errno, "cannot write %s in %s: %s", new, path, strerror(errno));
	n = write(fd, text, len);
	if (n != (ssize_t)len)
		code = n < 0 ? errno : ENOSPC;
	close(fd);
	if (!code && renameat(dir, new, dir, file) < 0)
		code = errno;
	if (code) {
		unlinkat(dir, new, 0);
		return net_fail(err, code, "cannot write %s in %s: %s", file, path, strerror(code));
	}
	return 0;
}

/*
 * net_state_lock() - lock a file of the folder, which is made, against others that do
 * @wait: false: -EAGAIN when somebody has it
 *
 * Return: the descriptor that holds the lock; -ESTALE: the file was removed meanwhile; -EINTR.
 */
int net_state_lock(int dir, const char *file, bool wait, struct net_err *err)
{
	struct stat ours, now;
	int fd = openat(dir, file, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600), r;

	if (fd < 0)
		return net_fail(err, errno, "cannot open %s in %s: %s", file, path, strerror(errno));
	do
		r = flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB));
	while (r < 0 && errno == EINTR && !net_interrupted());
	if (r < 0) {
		r = net_fail(err, errno, "cannot lock %s in %s: %s", file, path, strerror(errno));
	} else if (fstat(fd, &ours) < 0 || fstatat(dir, file, &now, AT_SYMLINK_NOFOLLOW) < 0 ||
		   ours.st_ino != now.st_ino || !ours.st_nlink) {
		r = net_fail(err, ESTALE, "%s in %s was removed meanwhile", file, path);
	}
	if (r < 0)
		close(fd);
	return r < 0 ? r : fd;
}

/* net_state_aside() - keep a record that nobody can trust, under another name, and note that */
void net_state_aside(int dir, const char *file, const char *world)
{
	struct net_err ignored;
	char kept[NAME_MAX + 1];
	int base = net_state_open(false, &ignored);

	snprintf(kept, sizeof(kept), "%s.%s.kept-%lld", world, file, (long long)time(NULL));
	if (base < 0 || renameat(dir, file, base, kept) < 0)
		unlinkat(dir, file, 0);
	else
		snprintf(notice, sizeof(notice),
			 "the record of world %s is torn or not its own; nothing that it says is believed, and it is "
			 "kept as "
			 "%s/%s",
			 world, path, kept);
	if (base >= 0)
		close(base);
}

/* net_state_ended() - note that a world was there once, and went without anybody having asked for that */
void net_state_ended(const char *world)
{
	snprintf(notice, sizeof(notice),
		 "world %s ended without --kill: its keeper is gone, with all that was in it; it is made anew", world);
}

/* net_state_notice() - what the user should know of it, once; NULL: nothing */
const char *net_state_notice(void)
{
	static char told[sizeof(notice)];

	memcpy(told, notice, sizeof(told));
	*notice = '\0';
	return *told ? told : NULL;
}

/* net_stat_number() - the same in the text of a /proc/PID/stat */
int64_t net_stat_number(const char *text, int place)
{
	const char *at = strrchr(text, ')'); /* a name may have any characters */

	if (!at || at[1] != ' ' || at[2] == 'Z' || at[2] == 'X')
		return -1;
	for (int i = 2; at && i < place; i++)
		at = strchr(at + 1, ' ');
	return at ? strtoll(at, NULL, 10) : -1;
}

/* net_proc_stat() - a number of a process, by its place in proc(5); -1: it has ended; PROC_UNKNOWN: that can't be told,
 * for want of descriptors for one */
int64_t net_proc_stat(pid_t pid, int place)
{
	char file[32], text[1024];

	int r;

	snprintf(file, sizeof(file), "/proc/%d/stat", (int)pid);
	r = net_state_read(AT_FDCWD, file, text, sizeof(text));
	if (r < 0)
		return r == -ENOENT || r == -ESRCH ? -1 : PROC_UNKNOWN;
	return net_stat_number(text, place);
}

/* net_process_start() - when a process was started, in ticks since the machine was; as net_proc_stat() */
int64_t net_process_start(pid_t pid)
{
	return net_proc_stat(pid, 22);
}

/*
 * net_journal() - the folder where labs on the machine itself are noted, which is made
 * @at: gets its path
 */
int net_journal(char *at, size_t size, struct net_err *err)
{
	int base = net_state_open(true, err), fd;

	if (base < 0 && geteuid() != 0) {
		net_fail(err, EPERM, "labs on the machine itself are for root");
		net_hint(err, "with --host nsh must be run by root; without it anyone may, in a private world");
	}
	if (base < 0)
		return -err->code;
	fd = net_state_sub(base, "host", true, err);
	close(base);
	if (fd < 0)
		return fd;
	close(fd);
	snprintf(at, size, "%s/host", path);
	return 0;
}

/* net_has_journal() - whether labs on the machine itself have ever been noted */
bool net_has_journal(void)
{
	struct net_err ignored;
	int base = net_state_open(false, &ignored);
	bool has = base >= 0 && geteuid() == 0 && faccessat(base, "host", F_OK, 0) == 0;

	if (base >= 0)
		close(base);
	return has;
}

/* net_lock_file() - lock a file, which is made, until the descriptor is closed; -EINTR */
int net_lock_file(const char *file, struct net_err *err)
{
	return net_state_lock(AT_FDCWD, file, true, err);
}

/* net_state_holder() - who holds the keeper's file of a world; 0: nobody; -1: one that isn't seen from here */
pid_t net_state_holder(int dir)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = openat(dir, STATE_KEEPER_FILE, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	pid_t pid = 0;

	if (fd < 0)
		return 0;
	if (fcntl(fd, F_GETLK, &l) == 0 && l.l_type != F_UNLCK)
		pid = l.l_pid > 0 ? l.l_pid : -1;
	close(fd);
	return pid;
}
