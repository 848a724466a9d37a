/* worlds.c - named worlds: making, joining, listing and ending them
 *
 * Each has a folder below that of state.c, with its record and two locks.  What the kernel says (who holds the
 * keeper's lock) counts; what the record says is only told to the user.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "net.h"
#include "sock.h"
#include "state.h"

#define WORLDS "worlds"
#define TRIES 100 /* to lock a folder that others remove meanwhile */

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void net_world_leave(struct net_world_place *p)
{
	if (p->lock >= 0)
		flock(p->lock, LOCK_UN); /* a keeper just made has it open for a moment yet */
	shut(&p->lock);
	shut(&p->dir);
	shut(&p->worlds);
}

/* net_check_world_name() - whether a world may be called so; misuse says how */
int net_check_world_name(const char *name, size_t len, struct net_err *err)
{
	static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", more[] = "_.-";
	bool good = len >= 1 && len <= NET_WORLD_NAME && memchr(first, name[0], sizeof(first) - 1);

	for (size_t i = 0; i < len && good; i++)
		good = memchr(first, name[i], sizeof(first) - 1) || memchr(more, name[i], sizeof(more) - 1);
	return good ? 0
		    : net_misuse(err,
				 "'%.64s' can't be the name of a world: 1 to %d letters, digits, '_', '.' and '-', "
				 "the first a letter or digit",
				 name, NET_WORLD_NAME);
}

/* net_worlds_open() - the folder of all worlds; as net_state_sub() */
int net_worlds_open(bool make, struct net_err *err)
{
	int base = net_state_open(make, err), fd;

	if (base < 0)
		return base;
	fd = net_state_sub(base, WORLDS, make, err);
	close(base);
	return fd;
}

/*
 * net_world_visit() - open a world's folder and lock it
 * @make: when it isn't there
 * @wait: false: -EAGAIN when somebody has the lock
 */
int net_world_visit(struct net_world_place *p, const char *name, bool make, bool wait, struct net_err *err)
{
	char folder[sizeof(WORLDS) + NET_WORLD_NAME + 1];
	int tries = TRIES;

	snprintf(folder, sizeof(folder), WORLDS "/%s", name);
	*p = (struct net_world_place){.name = name, .worlds = -1, .dir = -1, .lock = -1};
	do {
		net_world_leave(p);
		p->worlds = net_worlds_open(make, err);
		if (p->worlds >= 0)
			p->dir = net_state_sub(p->worlds, folder, make, err);
		if (p->dir >= 0)
			p->lock = net_state_lock(p->dir, STATE_LOCK_FILE, wait, err);
		if (p->lock >= 0)
			break;
		/* who had the lock has ended the world and removed the folder */
	} while (--tries && !net_interrupted() &&
		 (err->code == ESTALE || (err->code == ENOENT && (make || p->dir >= 0))));
	if (p->lock < 0) {
		net_world_leave(p);
		return -err->code;
	}
	p->keeper = net_state_holder(p->dir);
	return 0;
}

/* net_world_clear() - take away what is ours of a dead world's folder; what others have put there stays, and the
 * folder with it
 * @folder: false: the world is made anew
 */
void net_world_clear(const struct net_world_place *p, bool folder)
{
	static const char *const files[] = {STATE_WORLD_FILE, STATE_WORLD_FILE ".new", STATE_KEEPER_FILE};

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		unlinkat(p->dir, files[i], 0);
	if (!folder)
		return;
	unlinkat(p->dir, STATE_LOCK_FILE, 0);
	unlinkat(p->worlds, p->name, AT_REMOVEDIR);
}

/* --- records --- */

/* What nobody else could write into a line. */
static void put_plain(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
	for (char *c = to; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
}

static int put_record(const struct net_world_place *p, const struct net_world_info *info, struct net_err *err)
{
	char text[2048];

	snprintf(text, sizeof(text), "nsh-world 1\nname %s\npid %d\nstart %lld\nsince %lld\nscript %s\nend\n", p->name,
		 (int)info->keeper, (long long)net_process_start(info->keeper), (long long)info->since, info->script);
	return net_state_write(p->dir, STATE_WORLD_FILE, text, err);
}

/* Reads "KEY VALUE\n" and steps over it. */
static bool take_line(const char **at, const char *key, char *value, size_t size)
{
	size_t len = strlen(key);
	const char *end = strchr(*at, '\n');

	if (!end || strncmp(*at, key, len) != 0 || (*at)[len] != ' ' || (size_t)(end - *at) - len > size)
		return false;
	snprintf(value, size, "%.*s", (int)((size_t)(end - *at) - len - 1), *at + len + 1);
	*at = end + 1;
	return true;
}

static bool parse(const char *text, struct net_world_info *info, char pid[16], char start[32])
{
	char since[32];
	const char *at = text;

	if (strncmp(at, "nsh-world 1\n", 12) != 0)
		return false;
	at += 12;
	if (!take_line(&at, "name", info->name, sizeof(info->name)) || !take_line(&at, "pid", pid, 16) ||
	    !take_line(&at, "start", start, 32) || !take_line(&at, "since", since, sizeof(since)) ||
	    !take_line(&at, "script", info->script, sizeof(info->script)) || strcmp(at, "end\n") != 0)
		return false;
	info->since = strtoll(since, NULL, 10);
	return true;
}

/* net_world_record() - read the record of a world.  One that is torn, or not of this world or its keeper, is put
 * aside. */
void net_world_record(const struct net_world_place *p, struct net_world_info *info)
{
	char text[2048], pid[16], start[32];
	int r = net_state_read(p->dir, STATE_WORLD_FILE, text, sizeof(text));
	bool good;

	memset(info, 0, sizeof(*info));
	if (r == -ENOENT)
		return;
	good = r == 0 && parse(text, info, pid, start) && strcmp(info->name, p->name) == 0;
	/* one with another pid was written by whoever made the world and died before the keeper's was known */
	if (good && p->keeper > 0 && strtol(pid, NULL, 10) == p->keeper)
		good = strtoll(start, NULL, 10) == net_process_start(p->keeper);
	if (good)
		return;
	memset(info, 0, sizeof(*info));
	net_state_aside(p->dir, STATE_WORLD_FILE, p->name);
}

/* --- making --- */

/* Takes the keeper's word that the world is there, or why it isn't. */
static int hear(int sock, struct net_err *err)
{
	ssize_t n;

	do
		n = recv(sock, err, sizeof(*err), 0);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(*err))
		return net_fail(err, EIO, "the keeper of the world has died while it made it");
	return -err->code;
}

/* Starts the keeper, which has made the world then; it waits for word by *sock that it is noted. */
static int start_keeper(struct net_world_place *p, int *sock, struct net_err *err)
{
	int ends[2] = {-1, -1}, file, r;
	sigset_t all, mask;
	pid_t pid;

	file = openat(p->dir, STATE_KEEPER_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file < 0)
		return net_fail(err, errno, "cannot make the keeper's file: %s", strerror(errno));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		r = net_fail(err, errno, NULL);
		close(file);
		return r;
	}
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &mask);
	pid = fork();
	if (pid == 0) {
		close(ends[0]); /* or it wouldn't see our end */
		net_keeper_make(ends[1], p->lock, file);
	}
	sigprocmask(SIG_SETMASK, &mask, NULL);
	close(ends[1]);
	close(file);
	*sock = ends[0];
	r = pid < 0 ? net_fail(err, errno, "cannot fork: %s", strerror(errno)) : hear(ends[0], err);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}

static int make(struct net_world_place *p, const struct net_world_spec *spec, struct net_err *err)
{
	struct net_world_info info = {.keeper = getpid(), .since = time(NULL)};
	int r, sock = -1;

	net_world_clear(p, false);
	put_plain(info.script, sizeof(info.script), spec->script);
	r = put_record(p, &info, err);
	if (r == 0)
		r = start_keeper(p, &sock, err);
	if (r == 0) {
		info.keeper = p->keeper = net_state_holder(p->dir);
		r = p->keeper > 0 ? put_record(p, &info, err)
				  : net_fail(err, EIO, "the record of world %s was removed while it was made", p->name);
	}
	if (r == 0 && send(sock, "", 1, MSG_NOSIGNAL) < 0)
		r = net_fail(err, errno, "the keeper of world %s has died at once", p->name);
	shut(&sock); /* without that word the keeper ends */
	if (r < 0)
		net_world_clear(p, true);
	return r;
}

/* --- joining --- */

/* net_proc_ns() - the inode of a namespace of a process, 0: ours; 0: it can't be seen */
uint64_t net_proc_ns(pid_t pid, const char *ns)
{
	struct stat st;
	char path[64];

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, ns);
	else
		snprintf(path, sizeof(path), "/proc/self/ns/%s", ns);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

/* net_world_keeper() - a descriptor of the keeper itself: whoever had its number before or after doesn't hold the
 * lock */
int net_world_keeper(const struct net_world_place *p, struct net_err *err)
{
	int fd = p->keeper > 0 ? (int)syscall(SYS_pidfd_open, p->keeper, 0) : -1;

	if (p->keeper < 0) {
		net_fail(err, EXDEV, "the keeper of world %s runs in another process namespace", p->name);
		net_hint(err, "use the world from where it was made: another container, or another nsh");
		return -EXDEV;
	}
	if (fd >= 0 && net_state_holder(p->dir) == p->keeper)
		return fd;
	if (fd >= 0)
		close(fd);
	return net_fail(err, ESRCH, "the keeper of world %s has just ended", p->name);
}

static int enter(const struct net_world_place *p, int keeper, struct net_err *err)
{
	int flags = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWPID;
	char cwd[PATH_MAX];
	int r = net_ns_moving(err);

	if (r < 0)
		return r;
	if (net_proc_ns(p->keeper, "user") != net_proc_ns(0, "user"))
		flags |= CLONE_NEWUSER;
	if (!getcwd(cwd, sizeof(cwd)) || *cwd != '/')
		strcpy(cwd, "/");
	if (setns(keeper, flags) < 0)
		return net_fail(err, errno, "cannot join world %s: %s", p->name, strerror(errno));
	if (chdir(cwd) < 0) {
		net_fail(err, errno, "world %s doesn't see the folder %.100s: %s", p->name, cwd, strerror(errno));
		net_hint(err, "it sees the mounts that there were when it was made; start nsh from another folder");
		return -err->code;
	}
	return net_ns_moved(err);
}

/*
 * net_world_join() - join the named world, which is made when there is none
 * @keeper, @pidfd: get who holds it
 */
int net_world_join(const struct net_world_spec *spec, pid_t *keeper, int *pidfd, struct net_err *err)
{
	struct net_world_info info;
	struct net_world_place p = {.name = spec->name, .worlds = -1, .dir = -1, .lock = -1};
	int r = net_check_world_name(spec->name, strlen(spec->name), err), tries = TRIES;

	if (r == 0)
		r = net_world_visit(&p, spec->name, true, true, err);
	if (r < 0)
		return r;
	net_world_record(&p, &info);
	if (!p.keeper && info.since)
		net_state_ended(p.name);
	do { /* somebody may kill its keeper at this moment */
		if (!p.keeper)
			r = make(&p, spec, err);
		*pidfd = r == 0 ? net_world_keeper(&p, err) : r;
		r = *pidfd < 0 ? *pidfd : enter(&p, *pidfd, err);
		if (r < 0)
			shut(pidfd);
		p.keeper = r == -ESRCH ? net_state_holder(p.dir) : p.keeper;
	} while (r == -ESRCH && !p.keeper && --tries);
	*keeper = p.keeper;
	net_world_leave(&p);
	return r;
}
