/* kin.c - the processes that one has brought forth, as descriptors: those of its group, and those that have left it */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "net.h"
#include "sock.h"
#include "state.h"

enum { PARENT = 4, SESSION = 6, START = 22 }; /* places in /proc/PID/stat */

static bool make_room(struct net_kin *k)
{
	struct pollfd *v = net_grow(k->v, k->n, &k->room, sizeof(*v));
	pid_t *pids = net_grow(k->pids, k->n, &k->pids_room, sizeof(*pids));

	k->v = v ? v : k->v;
	k->pids = pids ? pids : k->pids;
	return v && pids;
}

/* Takes a process in, if it still is the one that has @value at @place. */
static int add(struct net_kin *k, pid_t pid, int place, int64_t value)
{
	int64_t is;
	int fd;

	for (unsigned int i = 0; i < k->n; i++)
		if (k->pids[i] == pid)
			return 0;
	if (!make_room(k))
		return -ENOMEM;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0) /* EINVAL: it has ended, and its number is still that of a session (before Linux 6.9) */
		return errno == ESRCH || errno == EINVAL ? 0 : -errno;
	is = net_proc_stat(pid, place);
	if (is != value) {
		close(fd);
		return is == PROC_UNKNOWN ? -EMFILE : 0;
	}
	k->v[k->n] = (struct pollfd){.fd = fd, .events = POLLIN};
	k->pids[k->n++] = pid;
	return 0;
}

/* Whoever has ended has no children; of others it can't be told, as without descriptors. */
static int none_or_error(void)
{
	return errno == ENOENT || errno == ESRCH ? 0 : -errno;
}

static int add_children(struct net_kin *k, pid_t pid)
{
	char path[64], *word = NULL;
	struct dirent *e;
	size_t room = 0;
	DIR *tasks;
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	if (!tasks)
		return none_or_error();
	while (r == 0 && (e = readdir(tasks))) {
		FILE *f;

		if (*e->d_name == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/children", (int)pid, e->d_name);
		f = fopen(path, "re");
		if (!f)
			r = none_or_error();
		while (r == 0 && f && getdelim(&word, &room, ' ', f) > 1)
			r = add(k, (pid_t)strtol(word, NULL, 10), PARENT, pid);
		if (f)
			fclose(f);
	}
	free(word);
	closedir(tasks);
	return r;
}

/* Whoever is of its session and not younger; its number is nobody else's as long as there are any. */
static int add_session(struct net_kin *k, const struct net_stayed *s)
{
	DIR *proc = opendir("/proc");
	struct dirent *e;
	int r = 0;

	if (!proc)
		return -errno;
	while (r == 0 && (e = readdir(proc))) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
		int64_t start = pid > 0 && getsid(pid) == s->pid ? net_proc_stat(pid, START) : -1;

		if (start == PROC_UNKNOWN)
			r = -EMFILE;
		else if (start >= s->start)
			r = add(k, pid, SESSION, s->pid);
	}
	closedir(proc);
	return r;
}

/*
 * net_kin_find() - one that stays and all that it has started: its descendants, and when it has ended those of its
 * session; what is known already stays
 * @k: net_kin_free() in any case
 *
 * What has left its parents and its session, as daemons do, is nobody's.
 */
int net_kin_find(struct net_kin *k, const struct net_stayed *s)
{
	int r = add(k, s->pid, START, s->start);

	for (unsigned int i = 0; r == 0 && i < k->n; i++)
		r = add_children(k, k->pids[i]);
	if (r == 0 && net_process_start(s->pid) != s->start && kill(-s->pid, 0) == 0)
		r = add_session(k, s);
	return r;
}

/* net_kin_signal() - those of the group of @leader get it at one moment, the others after that */
void net_kin_signal(const struct net_kin *k, pid_t leader, int sig)
{
	bool group = false;

	for (unsigned int i = 0; i < k->n && !group; i++)
		group = getpgid(k->pids[i]) == leader;
	if (group)
		kill(-leader, sig);
	for (unsigned int i = 0; i < k->n; i++)
		if (!group || getpgid(k->pids[i]) != leader)
			syscall(SYS_pidfd_send_signal, k->v[i].fd, sig, NULL, 0);
}

/* net_kin_await() - until all have ended; -ETIME, -EINTR */
int net_kin_await(struct net_kin *k, double deadline)
{
	int r = 0;

	while (r >= 0 && k->n) {
		r = net_poll(k->v, k->n, deadline);
		for (unsigned int i = k->n; r >= 0 && i-- > 0;)
			if (k->v[i].revents) {
				close(k->v[i].fd);
				k->v[i] = k->v[--k->n];
				k->pids[i] = k->pids[k->n];
			}
	}
	return r < 0 ? r : 0;
}

void net_kin_free(struct net_kin *k)
{
	for (unsigned int i = 0; i < k->n; i++)
		close(k->v[i].fd);
	free(k->v);
	free(k->pids);
	*k = (struct net_kin){0};
}
