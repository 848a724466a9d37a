/* exec.c - a command run to its end, with what it wrote */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "net.h"

#define KEPT_MAX ((size_t)64 << 20) /* of each stream */
#define CHUNK 16384
#define TERM_GRACE 1.0	     /* seconds between TERM and KILL when time is out */
#define INTERRUPT_GRACE 0.05 /* the same on Ctrl-C, which ends within 0.1 s */

enum { PROCESS, OUT, ERR, IN };

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int make_room(struct net_output *s)
{
	size_t cap = s->cap ? s->cap * 2 : CHUNK;
	char *buf;

	if (s->cap - s->len >= CHUNK / 2)
		return 0;
	buf = realloc(s->buf, cap);
	if (!buf)
		return -ENOMEM;
	s->buf = buf;
	s->cap = cap;
	return 0;
}

/* Reads once.  Return: bytes; 0: nothing there now, or never again and the pipe is closed; -errno. */
static ssize_t take(struct net_output *s)
{
	bool full = s->len >= KEPT_MAX;
	char scrap[CHUNK];
	ssize_t n;

	if (!full && make_room(s) < 0)
		return -ENOMEM;
	n = full ? read(s->fd, scrap, sizeof(scrap)) : read(s->fd, s->buf + s->len, s->cap - s->len);
	if (n > 0)
		*(full ? &s->lost : &s->len) += (size_t)n;
	else if (n == 0)
		shut(&s->fd);
	else if (errno != EAGAIN && errno != EINTR)
		return -errno; /* less than all of its output is no result */
	return n > 0 ? n : 0;
}

/* What is in the pipe at this moment; a background child may hold it open and write for ever. */
static int take_rest(struct net_output *s)
{
	int left = 0;

	if (s->fd < 0 || ioctl(s->fd, FIONREAD, &left) < 0)
		return 0;
	while (left > 0) {
		ssize_t n = take(s);

		if (n <= 0)
			return (int)n;
		left -= (int)n;
	}
	return 0;
}

static ssize_t write_quietly(int fd, const char *buf, size_t len)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	ssize_t n;
	int code;

	sigaction(SIGPIPE, &ignore, &before);
	n = write(fd, buf, len);
	code = errno;
	sigaction(SIGPIPE, &before, NULL);
	errno = code;
	return n;
}

static int feed(struct net_exec *e)
{
	ssize_t n = write_quietly(e->in, e->input, e->input_left);

	if (n > 0) {
		e->input += n;
		e->input_left -= (size_t)n;
	} else if (errno == EAGAIN || errno == EINTR) {
		return 0;
	} else if (errno != EPIPE) { /* a command need not read all of its input */
		return -errno;
	}
	if (n <= 0 || !e->input_left)
		shut(&e->in);
	return 0;
}

/* Time is out: TERM, a second later KILL. */
static void escalate(struct net_exec *e)
{
	struct net_err ignored;

	net_process_kill(&e->process, e->timed_out ? SIGKILL : SIGTERM, &ignored);
	e->op.deadline = e->timed_out ? -1 : net_now() + TERM_GRACE;
	e->timed_out = true;
}

static void wait_for(struct net_exec *e)
{
	e->fds[PROCESS] = (struct pollfd){.fd = e->process.pidfd, .events = POLLIN};
	e->fds[OUT] = (struct pollfd){.fd = e->out.fd, .events = POLLIN};
	e->fds[ERR] = (struct pollfd){.fd = e->err.fd, .events = POLLIN};
	e->fds[IN] = (struct pollfd){.fd = e->in, .events = POLLOUT};
}

static int pump(struct net_exec *e)
{
	ssize_t n = 0;

	if (e->fds[IN].revents)
		n = feed(e);
	if (n >= 0 && e->fds[OUT].revents)
		n = take(&e->out);
	if (n >= 0 && e->fds[ERR].revents)
		n = take(&e->err);
	return n < 0 ? (int)n : 0;
}

/* The process has ended: what it left in the pipes, and nothing of a command that was stopped goes on. */
static int finish(struct net_exec *e)
{
	struct net_err ignored;
	int r = take_rest(&e->out);

	if (r >= 0)
		r = take_rest(&e->err);
	if (r < 0)
		return r;
	if (e->timed_out)
		net_process_kill(&e->process, SIGKILL, &ignored);
	net_process_running(&e->process);
	e->seconds = net_now() - e->start;
	return 1;
}

static int step(struct net_op *op, struct net_err *err)
{
	struct net_exec *e = (struct net_exec *)op;
	int r;

	if (op->deadline >= 0 && net_now() >= op->deadline)
		escalate(e);
	r = pump(e);
	if (r == 0 && e->fds[PROCESS].revents)
		r = finish(e);
	if (r < 0)
		net_exec_free(e);
	if (r != 0)
		return r < 0 ? net_fail(err, -r, NULL) : 1;
	wait_for(e);
	return 0;
}

/* Pipes of a command, one array each for 0, 1 and 2; our ends don't block. */
struct pipes {
	int child[3], ours[3];
};

static int make_pipe(struct pipes *p, int i)
{
	int fd[2], ours = i == 0 ? 1 : 0;

	if (pipe2(fd, O_CLOEXEC) < 0)
		return -errno;
	p->ours[i] = fd[ours];
	p->child[i] = fd[!ours];
	return fcntl(fd[ours], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int make_pipes(struct pipes *p, bool input, struct net_err *err)
{
	int r = 0;

	memset(p, -1, sizeof(*p));
	for (int i = input ? 0 : 1; i < 3 && r == 0; i++)
		r = make_pipe(p, i);
	return r < 0 ? net_fail(err, -r, "cannot make a pipe: %s", net_strerror(-r)) : 0;
}

static void shut_all(int fd[3])
{
	for (int i = 0; i < 3; i++)
		shut(&fd[i]);
}

/*
 * net_exec_start() - start a command that is to run to its end, with what it writes kept
 * @spec: what and where; its fd[] is not looked at
 * @input: what it reads, @input_len bytes, the caller's until the end; none: /dev/null
 * @timeout: seconds until its group gets SIGTERM, and SIGKILL a second later; negative: none
 * @e: an op; done, it has what came of the command.  net_exec_free() in any case, which kills its group unless it has
 * ended.
 *
 * It has ended when the process has; a child that it left in the background isn't waited for, and finds its
 * output closed.  A step that fails did not get all of its output, and has killed its group.
 *
 * Return: 0; or -errno: it never ran.
 */
int net_exec_start(const struct net_spawn *spec, const char *input, size_t input_len, double timeout,
		   struct net_exec *e, struct net_err *err)
{
	struct net_spawn with_pipes = *spec;
	struct pipes pipes;
	int r;

	*e = (struct net_exec){.op = {.step = step, .fds = e->fds, .n = NET_EXEC_FDS},
			       .process.pidfd = -1,
			       .input = input,
			       .input_left = input_len,
			       .start = net_now()};
	e->op.deadline = timeout < 0 ? -1 : e->start + timeout;
	r = make_pipes(&pipes, input_len > 0, err);
	if (r == 0) {
		memcpy(with_pipes.fd, pipes.child, sizeof(pipes.child));
		r = net_spawn(&with_pipes, &e->process, err);
	}
	shut_all(pipes.child);
	e->in = pipes.ours[0];
	e->out.fd = pipes.ours[1];
	e->err.fd = pipes.ours[2];
	if (r < 0)
		net_exec_free(e);
	else
		wait_for(e);
	return r;
}

/* net_exec_free() - kill what still runs, and give back what was kept.  Doing it twice is harmless. */
void net_exec_free(struct net_exec *e)
{
	net_process_stop(&e->process, INTERRUPT_GRACE);
	net_process_close(&e->process);
	shut(&e->in);
	shut(&e->out.fd);
	shut(&e->err.fd);
	free(e->out.buf);
	free(e->err.buf);
	e->out = e->err = (struct net_output){.fd = -1};
	e->op.n = 0;
}
