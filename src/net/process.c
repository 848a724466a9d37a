/* process.c - a running child: is it running, wait for it and for its words, signal it, let go of it */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net.h"
#include "sock.h"

/* What a child gets whose status somebody else took (a program that embeds us and ignores SIGCHLD). */
#define STATUS_LOST (255 << 8)

/* Children that were let go while they ran: still ours to reap, or they would stay zombies as long as we live. */
static struct {
	struct left {
		pid_t pid;
		int pidfd;
		uint64_t ino; /* of the network namespace */
		bool watched; /* every wait takes its end */
	} * v;
	size_t n, cap;
} left;

static struct net_process *all; /* that are held */

#define END_WAIT 1.0 /* seconds for a killed process to go; one stuck in the kernel is left to its fate */

/* net_process_reap_left() - take the ends of those that ended; never blocks */
void net_process_reap_left(void)
{
	size_t kept = 0;

	for (size_t i = 0; i < left.n; i++) {
		if (waitpid(left.v[i].pid, NULL, WNOHANG) == 0) {
			left.v[kept++] = left.v[i];
			continue;
		}
		if (left.v[i].watched)
			net_pump_unwatch(left.v[i].pidfd);
		close(left.v[i].pidfd);
	}
	left.n = kept;
}

static void leave(const struct net_process *p)
{
	if (left.n == left.cap) {
		size_t cap = left.cap ? left.cap * 2 : 16;
		struct left *v = realloc(left.v, cap * sizeof(*v));

		if (!v) {
			close(p->pidfd);
			return;
		}
		left.v = v;
		left.cap = cap;
	}
	left.v[left.n++] = (struct left){p->pid, p->pidfd, p->ino, net_pump_watch(p->pidfd)};
}

/* net_process_begin() - a child was born; until net_process_close() it is in our list */
void net_process_begin(struct net_process *p, const struct net_ns *ns, pid_t pid, int pidfd)
{
	p->pid = pid;
	p->pidfd = pidfd;
	p->ino = ns->ino;
	p->next = all;
	all = p;
}

static void forget(const struct net_process *p)
{
	struct net_process **at = &all;

	while (*at && *at != p)
		at = &(*at)->next;
	if (*at)
		*at = p->next;
}

static void await(int pidfd, double deadline)
{
	struct pollfd fd = {.fd = pidfd, .events = POLLIN};
	double rest = deadline - net_now();

	poll(&fd, 1, rest > 0 ? (int)(rest * 1000) + 1 : 0);
}

/* net_process_reap() - take the ends of all children in @ns, which are being killed */
void net_process_reap(const struct net_ns *ns, double deadline)
{
	for (struct net_process *p = all; p; p = p->next) {
		if (p->ino != ns->ino || p->ended)
			continue;
		await(p->pidfd, deadline);
		net_process_running(p);
	}
	for (size_t i = 0; i < left.n; i++)
		if (left.v[i].ino == ns->ino)
			await(left.v[i].pidfd, deadline);
	net_process_reap_left();
}

/* net_process_end_all() - end all children and their groups, and take their ends */
void net_process_end_all(void)
{
	for (struct net_process *p = all; p; p = p->next)
		if (net_process_running(p))
			kill(-p->pid, SIGKILL);
	for (size_t i = 0; i < left.n; i++)
		kill(-left.v[i].pid, SIGKILL);
	for (struct net_process *p = all; p; p = p->next)
		net_process_stop(p, 0);
	for (size_t i = 0; i < left.n; i++)
		await(left.v[i].pidfd, net_now() + END_WAIT);
	net_process_reap_left();
}

/* net_process_look() - take in all that it has written until now */
void net_process_look(struct net_process *p)
{
	net_stream_take(p->out);
	net_stream_take(p->err);
}

/* net_process_running() - is it? An end that this sees is final: p->ended and p->status are set, its output is whole.
 */
bool net_process_running(struct net_process *p)
{
	pid_t r;

	if (p->ended || !p->pid)
		return false;
	do
		r = waitpid(p->pid, &p->status, WNOHANG);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		p->status = STATUS_LOST;
	p->ended = r != 0;
	if (p->ended)
		net_process_look(p);
	return !p->ended;
}

/*
 * net_process_wait() - wait for the end of a process
 * @timeout: seconds; negative: as long as it takes
 *
 * Return: 0, and p->status is set; -ETIME, -EINTR.
 */
int net_process_wait(struct net_process *p, double timeout, struct net_err *err)
{
	double deadline = timeout < 0 ? -1 : net_now() + timeout;
	struct pollfd fd = {.fd = p->pidfd, .events = POLLIN};
	int r;

	if (!p->ended && p->pidfd < 0)
		return net_fail(err, EBADF, "the process is closed");
	while (net_process_running(p)) {
		r = net_poll(&fd, 1, deadline);
		if (r == -ETIME)
			return net_fail(err, ETIME, "process %d still runs after %g s", (int)p->pid, timeout);
		if (r < 0)
			return net_fail(err, -r, r == -EINTR ? "interrupted" : NULL);
	}
	return 0;
}

/*
 * net_process_kill() - send a signal to a process and all of its group
 *
 * As long as the process isn't reaped nobody else can have its number or its group's.
 *
 * Return: 1: sent; 0: it had ended already (what is left of its group got the signal); -errno.
 */
int net_process_kill(struct net_process *p, int sig, struct net_err *err)
{
	struct pollfd fd = {.fd = p->pidfd, .events = POLLIN};
	bool running;
	int r;

	if (p->ended || p->pidfd < 0)
		return 0;
	running = poll(&fd, 1, 0) == 0;
	r = kill(-p->pid, sig);
	if (r < 0 && errno == ESRCH) /* it is in our group, with our terminal */
		r = (int)syscall(SYS_pidfd_send_signal, p->pidfd, sig, NULL, 0);
	if (r < 0 && errno != ESRCH)
		return net_fail(err, errno, "cannot signal process %d: %s", (int)p->pid, net_strerror(errno));
	return r == 0 && running;
}

/* Takes in what it says last, which it may not end before.  Any signal that comes to us ends the wait. */
static void await_end(struct net_process *p, double seconds)
{
	double rest, end = net_now() + seconds;
	struct pollfd fds[2] = {{.fd = p->pidfd, .events = POLLIN}, {.events = POLLIN}};

	while ((rest = end - net_now()) > 0) {
		fds[1].fd = net_pump_fd();
		if (poll(fds, 2, (int)(rest * 1000) + 1) <= 0 || fds[0].revents)
			return;
		net_pump();
	}
}

/*
 * net_process_stop() - end a process and its whole group: SIGTERM, then SIGKILL, and wait for it
 * @grace: seconds between the two, cut short by any signal that comes to us
 *
 * This wait isn't net_poll(): it has to work after an interruption, too.
 */
void net_process_stop(struct net_process *p, double grace)
{
	struct net_err ignored;

	if (p->ended || p->pidfd < 0)
		return;
	if (net_process_kill(p, SIGTERM, &ignored) > 0)
		await_end(p, grace);
	if (net_process_kill(p, SIGKILL, &ignored) > 0)
		await_end(p, END_WAIT);
	net_process_running(p);
}

/* net_process_close() - let go of a process; one that runs goes on.  Closing twice is harmless. */
void net_process_close(struct net_process *p)
{
	if (p->pidfd < 0)
		return;
	net_pump(); /* a script that never waits has its pipes closed, too */
	net_process_reap_left();
	forget(p);
	if (net_process_running(p))
		leave(p);
	else
		close(p->pidfd);
	net_stream_free(p->in, true);
	net_stream_free(p->out, true);
	net_stream_free(p->err, true);
	p->in = p->out = p->err = NULL;
	p->pidfd = -1;
	for (struct net_look *look = p->looks; look; look = look->next)
		look->op.deadline = 0;
}

/* --- waiting for word of a process --- */

static uint64_t written(const struct net_process *p)
{
	return (p->out ? p->out->end : 0) + (p->err ? p->err->end : 0);
}

static void wait_for(struct net_look *look, int fd, short events)
{
	if (fd >= 0)
		look->fds[look->op.n++] = (struct pollfd){.fd = fd, .events = events};
}

static int step_news(struct net_op *op, struct net_err *err)
{
	struct net_look *look = (struct net_look *)op;
	struct net_process *p = look->process;
	bool running;

	(void)err;
	op->n = 0;
	op->deadline = -1;
	running = net_process_running(p) && p->pidfd >= 0;
	net_process_look(p);
	if (!running || look->seen != written(p)) {
		look->seen = written(p);
		return 1;
	}
	wait_for(look, p->pidfd, POLLIN);
	wait_for(look, p->out ? p->out->fd : -1, POLLIN);
	wait_for(look, p->err ? p->err->fd : -1, POLLIN);
	return 0;
}

static int step_input(struct net_op *op, struct net_err *err)
{
	struct net_look *look = (struct net_look *)op;
	struct net_stream *in = look->process->in;

	op->n = 0;
	op->deadline = -1;
	net_pump();
	if (!in || in->broken)
		return net_fail(err, EPIPE, "the process reads no more");
	if (in->from == in->end)
		return 1;
	wait_for(look, in->fd, POLLOUT);
	return 0;
}

static void begin(struct net_look *look, struct net_process *p, int (*step)(struct net_op *op, struct net_err *err))
{
	*look = (struct net_look){
		.op = {.step = step, .fds = look->fds, .deadline = -1}, .process = p, .next = p->looks};
	p->looks = look;
}

/* net_look_news() - an op that is done whenever the process has written more since its last step, or has ended */
void net_look_news(struct net_look *look, struct net_process *p)
{
	begin(look, p, step_news);
}

/* net_look_input() - an op that is done when all that was put into its input is in the pipe; -EPIPE: it reads no more
 */
void net_look_input(struct net_look *look, struct net_process *p)
{
	begin(look, p, step_input);
}

/* net_look_end() - the process must still be there; doing it twice is harmless */
void net_look_end(struct net_look *look)
{
	struct net_look **at = look->process ? &look->process->looks : NULL;

	while (at && *at && *at != look)
		at = &(*at)->next;
	if (at && *at)
		*at = look->next;
	look->process = NULL;
	look->op.n = 0;
}
