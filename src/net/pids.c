/* pids.c - which processes are in a namespace (ip netns pids) */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net.h"
#include "sock.h"

static int by_number(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

static int add(struct net_pids *list, pid_t pid)
{
	if (list->n == list->cap) {
		pid_t *more = realloc(list->v, (list->cap * 2 + 16) * sizeof(*more));

		if (!more)
			return -ENOMEM;
		list->v = more;
		list->cap = list->cap * 2 + 16;
	}
	list->v[list->n++] = pid;
	return 0;
}

/* Whether a process is in there; one that is gone or another user's, whose namespaces nobody tells, is not. */
static bool is_in(int proc, const char *name, const struct net_ns *ns)
{
	char path[300];
	struct stat st;

	strcpy(stpcpy(path, name), "/ns/net");
	return fstatat(proc, path, &st, 0) == 0 && st.st_ino == ns->ino && st.st_dev == ns->dev;
}

/*
 * net_ns_pids() - the processes of a namespace, sorted, as seen from outside the world
 * @list: free(list->v)
 *
 * nsh itself, the init of its world and that of a node are not the user's, and left out.
 */
int net_ns_pids(struct net_ns *ns, struct net_pids *list, struct net_err *err)
{
	DIR *proc = opendir("/proc");
	struct dirent *e;
	int code = 0;

	if (!proc)
		return net_fail(err, errno, "cannot read /proc: %s", strerror(errno));
	net_node_find(ns, &(struct net_err){0});
	while (!code && (errno = 0, e = readdir(proc))) { /* what is_in() meets on its way is no failure */
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);

		if (pid > 0 && pid != getpid() && pid != net_world_init() && pid != ns->node.pid &&
		    is_in(dirfd(proc), e->d_name, ns))
			code = -add(list, pid);
	}
	if (!code)
		code = errno; /* of readdir() */
	closedir(proc);
	if (code)
		return net_fail(err, code, "cannot read /proc: %s", strerror(code));
	if (list->n)
		qsort(list->v, list->n, sizeof(*list->v), by_number);
	return 0;
}
