/* wait.c - every blocking wait of nsh goes through here, so that Ctrl-C reaches all of them
 *
 * A signal handler calls net_interrupt(): it sets a flag that stays set until the top level clears it, and
 * writes to a pipe that every poll watches, so no signal can slip between a check and a wait.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "net.h"

static atomic_bool interrupted;
static int wake[2] = {-1, -1};

/* net_wait_init() - make the wake pipe; without it waits still work but only end by themselves */
int net_wait_init(struct net_err *err)
{
	if (wake[0] >= 0)
		return 0;
	if (pipe2(wake, O_CLOEXEC | O_NONBLOCK) < 0)
		return net_fail(err, errno, "cannot make the wake pipe: %s", strerror(errno));
	return 0;
}

void net_interrupt(void)
{
	int saved = errno;

	atomic_store(&interrupted, true);
	if (wake[1] >= 0 && write(wake[1], "", 1) < 0) {
		/* a full pipe wakes as well as one more byte does */
	}
	errno = saved;
}

void net_interrupt_clear(void)
{
	char buf[64];

	atomic_store(&interrupted, false);
	while (wake[0] >= 0 && read(wake[0], buf, sizeof(buf)) > 0)
		;
}

bool net_interrupted(void)
{
	return atomic_load(&interrupted);
}

double net_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

enum { WAKE, PUMP, OWN };

/* Before the @n of @all are the wake pipe and the pipes of processes: the kernel looks at them first, so that a pipe
 * that it finds ready through the pump is found by whoever waits for it, too. */
static int poll_all(struct pollfd *all, nfds_t n, double deadline)
{
	for (;;) {
		struct timespec t, *limit = NULL;
		int r, own;

		if (net_interrupted())
			return -EINTR;
		if (deadline >= 0) {
			double left = deadline - net_now();

			if (left < 0)
				left = 0;
			t.tv_sec = left > 1e9 ? 1000000000 : (time_t)left;
			t.tv_nsec = left > 1e9 ? 0 : (long)((left - (double)t.tv_sec) * 1e9);
			limit = &t;
		}
		r = ppoll(all, n + OWN, limit, NULL);
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r == 0)
			return -ETIME;
		if (r > 0 && !net_interrupted()) {
			if (all[WAKE].revents)
				net_interrupt_clear(); /* a stale byte of an interrupt that is over */
			if (all[PUMP].revents)
				net_pump();
			own = (all[WAKE].revents != 0) + (all[PUMP].revents != 0);
			if (r > own)
				return r - own;
			if (deadline >= 0 && net_now() >= deadline)
				return -ETIME; /* a process that writes all the time would keep us here */
		}
	}
}

#define FEW 64

/*
 * net_poll() - poll(2) with a deadline, ended by net_interrupt()
 * @fds, @n: as poll(2); revents are set
 * @deadline: by net_now(); negative: none
 *
 * Return: how many are ready; -ETIME, -EINTR, or another -errno.
 */
int net_poll(struct pollfd *fds, nfds_t n, double deadline)
{
	struct pollfd few[FEW + OWN], *all = n > FEW ? malloc((n + OWN) * sizeof(*all)) : few;
	int r;

	if (!all)
		return -ENOMEM;
	for (nfds_t i = 0; i < n; i++)
		all[OWN + i] = (struct pollfd){.fd = fds[i].fd, .events = fds[i].events};
	all[WAKE] = (struct pollfd){.fd = wake[0], .events = POLLIN};
	all[PUMP] = (struct pollfd){.fd = net_pump_fd(), .events = POLLIN};
	r = poll_all(all, n, deadline);
	for (nfds_t i = 0; i < n; i++)
		fds[i].revents = all[OWN + i].revents; /* on -EINTR, too: to poll may be to take word of something */
	if (all != few)
		free(all);
	return r;
}
