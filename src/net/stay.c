/* stay.c - programs that go on when nsh leaves: started, found again by whoever knows their number and start, ended */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "net.h"
#include "sock.h"
#include "state.h"

/* net_pidfd_pid() - the number of a process, of which we have a descriptor; 0 and less: it has ended */
pid_t net_pidfd_pid(int pidfd)
{
	char path[64], text[512], *line;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	if (net_state_read(AT_FDCWD, path, text, sizeof(text)) < 0)
		return 0;
	line = strstr(text, "\nPid:");
	return line ? (pid_t)strtol(line + 5, NULL, 10) : 0;
}

/*
 * net_stay() - start a program that goes on when nsh leaves: until it is ended, or the world is
 * @io: no pipes: nobody would be at our end of them
 * @s: gets what it is known by
 *
 * Return: as net_spawn(); -ECHILD: it has ended at once.
 */
int net_stay(const struct net_spawn *spec, const struct net_stdio io[3], struct net_stayed *s, struct net_err *err)
{
	struct net_spawn with = *spec;
	struct net_process p;
	int r;

	with.stays = true;
	r = net_start(&with, io, &p, err);
	if (r < 0)
		return r;
	s->pid = net_pidfd_pid(p.pidfd);
	s->start = s->pid > 0 ? net_process_start(s->pid) : -1;
	close(p.pidfd);
	return s->start < 0 ? net_fail(err, ECHILD, "it has ended at once") : 0;
}

/* A descriptor of the process; -1: it has ended, or is none that we can have started. */
static int open_stayed(const struct net_stayed *s)
{
	int fd = s->pid > 1 ? (int)syscall(SYS_pidfd_open, s->pid, 0) : -1;

	if (fd >= 0 && net_process_start(s->pid) == s->start)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

bool net_stayed_running(const struct net_stayed *s)
{
	return s->pid > 1 && s->start >= 0 && net_process_start(s->pid) == s->start;
}

/*
 * net_stayed_stop() - end it and all of its session's first group: TERM, then KILL
 * @grace: seconds between the two
 *
 * Return: 1; 0: it had ended already; -ETIME: it doesn't end, -EINTR.
 */
int net_stayed_stop(const struct net_stayed *s, double grace, struct net_err *err)
{
	struct pollfd fd = {.fd = open_stayed(s), .events = POLLIN};
	const int signals[] = {SIGTERM, SIGKILL};
	int r = -ETIME;

	if (fd.fd < 0)
		return 0;
	for (int i = 0; i < 2 && r == -ETIME; i++) {
		if (kill(-s->pid, signals[i]) < 0 && errno != ESRCH)
			r = -errno;
		else
			r = net_poll(&fd, 1, net_now() + (i ? 5 : grace));
	}
	close(fd.fd);
	if (r == -ETIME)
		return net_fail(err, ETIME, "process %d doesn't end", (int)s->pid);
	return r < 0 ? net_fail(err, -r, "cannot end process %d: %s", (int)s->pid, net_strerror(-r)) : 1;
}
