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

/* One of the command's output pipes and what came out of it. */
struct stream {
	int fd;
	char *buf;
	size_t len, cap, lost;
};

struct run {
	struct net_exec *e;
	struct stream out, err;
	int in;
	const char *input;
	size_t input_left;
	double deadline;
};

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int make_room(struct stream *s)
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
static ssize_t take(struct stream *s)
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
static int take_rest(struct stream *s)
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

static int feed(struct run *x)
{
	ssize_t n = write(x->in, x->input, x->input_left);

	if (n > 0) {
		x->input += n;
		x->input_left -= (size_t)n;
	} else if (errno == EAGAIN || errno == EINTR) {
		return 0;
	} else if (errno != EPIPE) { /* a command need not read all of its input */
		return -errno;
	}
	if (n <= 0 || !x->input_left)
		shut(&x->in);
	return 0;
}

/* Time is out: TERM, a second later KILL. */
static void escalate(struct run *x)
{
	struct net_err ignored;

	net_process_kill(&x->e->process, x->e->timed_out ? SIGKILL : SIGTERM, &ignored);
	x->deadline = x->e->timed_out ? -1 : net_now() + TERM_GRACE;
	x->e->timed_out = true;
}

enum { PROCESS, OUT, ERR, IN, NFDS };

static int pump(struct run *x)
{
	int r;

	for (;;) {
		struct pollfd fds[NFDS] = {
			[PROCESS] = {.fd = x->e->process.pidfd, .events = POLLIN},
			[OUT] = {.fd = x->out.fd, .events = POLLIN},
			[ERR] = {.fd = x->err.fd, .events = POLLIN},
			[IN] = {.fd = x->in, .events = POLLOUT},
		};
		ssize_t n = 0;

		r = net_poll(fds, NFDS, x->deadline);
		if (r == -ETIME) {
			escalate(x);
			continue;
		}
		if (r < 0)
			return r;
		if (fds[IN].revents)
			n = feed(x);
		if (n >= 0 && fds[OUT].revents)
			n = take(&x->out);
		if (n >= 0 && fds[ERR].revents)
			n = take(&x->err);
		if (n < 0)
			return (int)n;
		if (fds[PROCESS].revents)
			break;
	}
	r = take_rest(&x->out);
	return r < 0 ? r : take_rest(&x->err);
}

/* Runs until the end, then sees to it that nothing of a command that was stopped goes on. */
static int run_to_end(struct run *x, struct net_err *err)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	struct net_err ignored;
	int r;

	sigaction(SIGPIPE, &ignore, &before);
	r = pump(x);
	sigaction(SIGPIPE, &before, NULL);
	if (r < 0) {
		net_process_stop(&x->e->process, INTERRUPT_GRACE);
		net_fail(err, -r, r == -EINTR ? "interrupted" : NULL);
	} else if (x->e->timed_out) {
		net_process_kill(&x->e->process, SIGKILL, &ignored);
	}
	return r;
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
 * net_exec() - run a command to its end and keep what it writes
 * @spec: what and where; its fd[] is not looked at
 * @input: what it reads, @input_len bytes; none: /dev/null
 * @timeout: seconds until its group gets SIGTERM, and SIGKILL a second later; negative: none
 * @e: what came of it; net_exec_free() in any case
 *
 * It has ended when the process has; a child that it left in the background isn't waited for, and finds its
 * output closed.
 *
 * Return: 0; -EINTR: interrupted, and its group is killed; or -errno: it never ran, or what it read or wrote
 * is not whole, and its group is killed.
 */
int net_exec(const struct net_spawn *spec, const char *input, size_t input_len, double timeout, struct net_exec *e,
	     struct net_err *err)
{
	struct net_spawn with_pipes = *spec;
	double start = net_now();
	struct pipes pipes;
	int r;

	*e = (struct net_exec){.process.pidfd = -1};
	r = make_pipes(&pipes, input_len > 0, err);
	if (r == 0) {
		memcpy(with_pipes.fd, pipes.child, sizeof(pipes.child));
		r = net_spawn(&with_pipes, &e->process, err);
	}
	shut_all(pipes.child);
	if (r == 0) {
		struct run x = {
			.e = e,
			.in = pipes.ours[0],
			.out.fd = pipes.ours[1],
			.err.fd = pipes.ours[2],
			.input = input,
			.input_left = input_len,
			.deadline = timeout < 0 ? -1 : start + timeout,
		};

		r = run_to_end(&x, err);
		memcpy(pipes.ours, (int[]){x.in, x.out.fd, x.err.fd}, sizeof(pipes.ours));
		e->out = x.out.buf;
		e->out_len = x.out.len;
		e->out_lost = x.out.lost;
		e->err = x.err.buf;
		e->err_len = x.err.len;
		e->err_lost = x.err.lost;
	}
	shut_all(pipes.ours);
	net_process_close(&e->process);
	e->seconds = net_now() - start;
	return r;
}

/* net_exec_free() - give back what net_exec() kept */
void net_exec_free(struct net_exec *e)
{
	free(e->out);
	free(e->err);
	e->out = e->err = NULL;
	e->out_len = e->err_len = 0;
	net_process_close(&e->process);
}
