/* worldlist.c - named worlds: which there are, who is in them, and their end */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "net.h"
#include "sock.h"
#include "state.h"

#define HEAD_START 0.01 /* seconds until who has joined a world is told: then it sees what has become of that */
#define TERM_GRACE 2.0	/* seconds for an nsh that has joined a world to leave it when that is ended */
#define END_WAIT 15.0	/* seconds for all that is killed to be gone */

/* --- who is in it --- */

/* Whether a process namespace lies in another one, or is it. */
static bool pids_within(const char *path, uint64_t ino)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC), up;
	bool found = false;

	while (fd >= 0 && !found) {
		found = fstat(fd, &st) == 0 && st.st_ino == ino;
		up = found ? -1 : ioctl(fd, NS_GET_PARENT);
		close(fd);
		fd = up;
	}
	return found;
}

/* The init of a node isn't the user's. */
static bool is_init(pid_t pid)
{
	char path[64], name[32];

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	return net_state_read(AT_FDCWD, path, name, sizeof(name)) == 0 && strcmp(name, "nsh-init\n") == 0;
}

enum { ELSEWHERE, INSIDE, JOINED };

/* What a process has to do with the world whose process namespace this is. */
static int part_of(pid_t pid, uint64_t world)
{
	uint64_t own = net_proc_ns(pid, "pid");
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
	if (!own)
		return ELSEWHERE; /* gone, or another user's */
	if (own == world)
		return INSIDE;
	if (net_proc_ns(pid, "pid_for_children") == world)
		return JOINED;
	return own != net_proc_ns(0, "pid") && pids_within(path, world) ? INSIDE : ELSEWHERE;
}

/* Counts who is in there; those who have joined it are put into @joined, which has room for @room. */
static void look_around(struct net_world_info *info, pid_t *joined, unsigned int room)
{
	uint64_t world = info->keeper > 0 ? net_proc_ns(info->keeper, "pid") : 0;
	struct dirent *e;
	DIR *proc = world ? opendir("/proc") : NULL;

	info->processes = info->sessions = proc ? 0 : -1;
	while (proc && (e = readdir(proc))) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
		int part = pid > 0 && pid != info->keeper ? part_of(pid, world) : ELSEWHERE;

		if (part == INSIDE && !is_init(pid))
			info->processes++;
		if (part == JOINED && (unsigned int)info->sessions < room)
			joined[info->sessions] = pid;
		info->sessions += part == JOINED;
	}
	if (proc)
		closedir(proc);
}

/* Lists a folder as the world has it. */
static int list_inside(pid_t keeper, const char *folder, char **names, size_t *len)
{
	struct net_err ignored;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/root%s", (int)keeper, folder);
	if (access(path, F_OK) == 0)
		return net_folder_names(path, names, len, &ignored);
	*names = NULL;
	*len = 0;
	return -errno;
}

static int count_names(pid_t keeper)
{
	size_t len;
	char *names;
	int n = list_inside(keeper, "/run/netns", &names, &len);

	for (size_t i = 0; n >= 0 && i < len; i++)
		n += !names[i];
	free(names);
	return n < 0 ? -1 : n;
}

/* --- all of them --- */

static int grow(struct net_worlds *list, struct net_err *err)
{
	struct net_world_info *v;

	if (list->n < list->cap)
		return 0;
	v = realloc(list->v, (list->cap + 8) * sizeof(*v));
	if (!v)
		return net_fail(err, ENOMEM, NULL);
	list->v = v;
	list->cap += 8;
	return 0;
}

/* Looks at one world; what a dead one left goes. */
static int look_at(const char *name, struct net_worlds *list, struct net_err *err)
{
	struct net_world_place p;
	struct net_world_info *info;
	int r = grow(list, err);

	if (r < 0)
		return r;
	r = net_world_visit(&p, name, false, false, err);
	if (r < 0 && r != -EAGAIN)
		return r == -ENOENT ? 0 : r;
	info = &list->v[list->n];
	if (r == -EAGAIN) { /* somebody makes, joins or ends it at this moment */
		memset(info, 0, sizeof(*info));
		info->processes = info->sessions = info->namespaces = -1;
	} else {
		net_world_record(&p, info);
		if (!p.keeper) {
			net_world_clear(&p, true);
			net_world_leave(&p);
			return 0;
		}
		info->keeper = p.keeper;
		look_around(info, NULL, 0);
		info->namespaces = count_names(p.keeper);
		list_inside(p.keeper, NET_LABS, &info->labs, &info->labs_len);
		net_world_leave(&p);
	}
	snprintf(info->name, sizeof(info->name), "%.*s", NET_WORLD_NAME, name);
	list->n++;
	return 0;
}

/*
 * net_worlds() - the named worlds that there are
 * @list: zeroed; net_worlds_free() in any case
 *
 * What is no world of ours in their folder is left alone.
 */
int net_worlds(struct net_worlds *list, struct net_err *err)
{
	int fd = net_worlds_open(false, err), r = 0;
	struct net_err other;
	struct dirent *e;
	DIR *dir;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return net_fail(err, ENOMEM, NULL);
	}
	while (r != -ENOMEM && (e = readdir(dir)))
		if (net_check_world_name(e->d_name, strlen(e->d_name), &other) == 0)
			r = look_at(e->d_name, list, err);
	closedir(dir);
	return r == -ENOMEM ? r : 0;
}

/* net_world_known() - whether there is a named world: alive, being made, or dead and not cleared away yet */
bool net_world_known(const char *name)
{
	struct net_err ignored;
	struct stat st;
	int fd = net_worlds_open(false, &ignored);
	bool known = fd >= 0 && fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;

	if (fd >= 0)
		close(fd);
	return known || (fd < 0 && fd != -ENOENT); /* why it can't be looked at is told when it is made */
}

void net_worlds_free(struct net_worlds *list)
{
	for (unsigned int i = 0; i < list->n; i++)
		free(list->v[i].labs);
	free(list->v);
	*list = (struct net_worlds){0};
}

/* --- its end --- */

#define MAX_JOINED 1024

static void tell(const pid_t *joined, int n, uint64_t world, int sig)
{
	for (int i = 0; i < n && i < MAX_JOINED; i++) {
		int fd = (int)syscall(SYS_pidfd_open, joined[i], 0);

		if (fd >= 0 && part_of(joined[i], world) == JOINED)
			syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0);
		if (fd >= 0)
			close(fd);
	}
}

/* Its processes end with the keeper, which the kernel lets go when all are reaped, by an nsh that has joined it too. */
static int end(const struct net_world_place *p, int keeper, struct net_err *err)
{
	struct net_world_info info = {.keeper = p->keeper};
	struct pollfd fd = {.fd = keeper, .events = POLLIN};
	uint64_t world = net_proc_ns(p->keeper, "pid");
	pid_t joined[MAX_JOINED];
	int r;

	look_around(&info, joined, MAX_JOINED);
	if (syscall(SYS_pidfd_send_signal, keeper, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
		return net_fail(err, errno, "cannot end the keeper of world %s: %s", p->name, strerror(errno));
	r = net_poll(&fd, 1, net_now() + HEAD_START);
	tell(joined, info.sessions, world, SIGTERM);
	if (r == -ETIME)
		r = net_poll(&fd, 1, net_now() + TERM_GRACE);
	if (r == -ETIME) {
		tell(joined, info.sessions, world, SIGKILL);
		r = net_poll(&fd, 1, net_now() + END_WAIT);
	}
	if (r == -ETIME)
		return net_fail(err, ETIME, "the processes of world %s don't end", p->name);
	return r < 0 ? net_fail(err, -r, NULL) : 0;
}

/*
 * net_world_kill() - end a named world, all processes in it, and each nsh that has joined it; wait until it is gone
 *
 * Return: 0; -ENOENT: there is none.
 */
int net_world_kill(const char *name, struct net_err *err)
{
	struct net_world_place p;
	int keeper, r = net_check_world_name(name, strlen(name), err);

	if (r < 0)
		return r;
	if (net_world_name() && strcmp(net_world_name(), name) == 0)
		return net_misuse(err, "nsh is in the world %s itself: end it from outside, nsh -w %s --kill", name,
				  name);
	r = net_world_visit(&p, name, false, true, err);
	if (r < 0)
		return r == -ENOENT ? net_fail(err, ENOENT, "there is no world %s", name) : r;
	if (!p.keeper) {
		net_world_clear(&p, true);
		r = net_fail(err, ENOENT, "there is no world %s", name);
	} else {
		keeper = net_world_keeper(&p, err);
		r = keeper < 0 ? keeper : end(&p, keeper, err);
		if (keeper >= 0)
			close(keeper);
		if (r == 0)
			net_world_clear(&p, true);
	}
	net_world_leave(&p);
	return r;
}
