/* exec.c - a command run to its end, with what it wrote */
#include <errno.h>
#include <poll.h>
#include <signal.h>

#include "net.h"

#define KEPT_MAX ((size_t)64 << 20) /* of each stream */
#define TERM_GRACE 1.0		    /* seconds between TERM and KILL when time is out */
#define INTERRUPT_GRACE 0.05	    /* the same on Ctrl-C, which ends within 0.1 s */

/* Time is out: TERM, a second later KILL. */
static void escalate(struct net_exec *e)
{
	struct net_err ignored;

	net_process_kill(&e->process, e->timed_out ? SIGKILL : SIGTERM, &ignored);
	e->op.deadline = e->timed_out ? -1 : net_now() + TERM_GRACE;
	e->timed_out = true;
}

/* What went between us and the command must be all of it. */
static int whole(const struct net_process *p, struct net_err *err)
{
	const struct net_stream *streams[] = {p->in, p->out, p->err};
	static const char *const what[] = {"input", "output", "error output"};

	for (int i = 0; i < 3; i++)
		if (streams[i] && streams[i]->error)
			return net_fail(err, streams[i]->error, "its %s is not whole: %s", what[i],
					net_strerror(streams[i]->error));
	return 1;
}

static int step(struct net_op *op, struct net_err *err)
{
	struct net_exec *e = (struct net_exec *)op;
	struct net_err ignored;

	/* nothing of a command that was stopped goes on; its group's number is its own until it is reaped */
	if (e->timed_out && poll(&e->fd, 1, 0) > 0)
		net_process_kill(&e->process, SIGKILL, &ignored);
	if (net_process_running(&e->process)) {
		if (op->deadline >= 0 && net_now() >= op->deadline)
			escalate(e);
		return 0;
	}
	e->seconds = net_now() - e->start;
	return whole(&e->process, err);
}

/*
 * net_exec_start() - start a command that is to run to its end, with what it writes kept
 * @spec: what and where; its fd[] is not looked at
 * @input: what it reads, @input_len bytes; none: /dev/null
 * @timeout: seconds until its group gets SIGTERM, and SIGKILL a second later; negative: none
 * @e: an op; done, it has what came of the command.  net_exec_free() in any case.
 *
 * It has ended when the process has; a child that it left in the background isn't waited for, and finds its
 * output closed.
 *
 * Return: 0; or -errno: it never ran.
 */
int net_exec_start(const struct net_spawn *spec, const char *input, size_t input_len, double timeout,
		   struct net_exec *e, struct net_err *err)
{
	const struct net_stdio io[3] = {
		{.how = input_len ? NET_PIPE : NET_NOTHING, .text = input, .len = input_len},
		{.how = NET_PIPE, .keep = KEPT_MAX, .attended = true},
		{.how = NET_PIPE, .keep = KEPT_MAX, .attended = true},
	};
	int r;

	*e = (struct net_exec){.op = {.step = step, .fds = &e->fd}, .start = net_now()};
	e->op.deadline = timeout < 0 ? -1 : e->start + timeout;
	r = net_start(spec, io, &e->process, err);
	if (r < 0)
		return r;
	e->fd = (struct pollfd){.fd = e->process.pidfd, .events = POLLIN};
	e->op.n = 1;
	return 0;
}

/* net_exec_free() - kill what still runs, and give back what was kept.  Doing it twice is harmless. */
void net_exec_free(struct net_exec *e)
{
	struct net_process *p = &e->process;

	net_process_stop(p, INTERRUPT_GRACE);
	net_stream_free(p->in, false);
	net_stream_free(p->out, false);
	net_stream_free(p->err, false);
	p->in = p->out = p->err = NULL;
	net_process_close(p);
	e->op.n = 0;
}
