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

#define END_WAIT 5.0 /* seconds for killed processes to go */

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
 * @s: gets what it is known by, also where it has ended at once
 *
 * Return: as net_spawn().
 */
int net_stay(const struct net_spawn *spec, const struct net_stdio io[3], struct net_stayed *s, struct net_err *err)
{
	struct net_spawn with = *spec;
	struct net_process p;
	int r;

	with.stays = s;
	r = net_start(&with, io, &p, err);
	if (r == 0)
		close(p.pidfd);
	return r;
}

/* net_stayed_running() - does it?  What can't be told to have ended runs. */
bool net_stayed_running(const struct net_stayed *s)
{
	int64_t start = s->pid > 1 && s->start >= 0 ? net_process_start(s->pid) : -1;

	return start == PROC_UNKNOWN || (start >= 0 && start == s->start);
}

/*
 * net_stayed_stop() - end it and all that it has started: TERM, then KILL
 * @grace: seconds between the two
 *
 * Return: 1; 0: it had ended already; -ETIME: it doesn't end, -EINTR.
 */
int net_stayed_stop(const struct net_stayed *s, double grace, struct net_err *err)
{
	struct net_kin kin = {0};
	bool any;
	int r = s->pid > 1 && s->start >= 0 ? net_kin_find(&kin, s) : 0;

	any = kin.n > 0;
	if (r == 0 && any) {
		net_kin_signal(&kin, s->pid, SIGTERM);
		r = net_kin_await(&kin, net_now() + grace);
		if (r == -ETIME)
			r = 0;
	}
	while (r == 0 && any) { /* they may bring forth others meanwhile */
		r = net_kin_find(&kin, s);
		if (r < 0 || !kin.n)
			break;
		net_kin_signal(&kin, s->pid, SIGKILL);
		r = net_kin_await(&kin, net_now() + END_WAIT);
	}
	net_kin_free(&kin);
	if (r == -ETIME)
		return net_fail(err, ETIME, "process %d doesn't end", (int)s->pid);
	return r < 0 ? net_fail(err, -r, "cannot end process %d: %s", (int)s->pid, net_strerror(-r)) : any;
}
