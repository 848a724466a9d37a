/* pump.c - pipes between nsh and processes: what they write is taken in and what they read is given during every
 * wait, so that no process stands still because nobody asked for its output
 *
 * One epoll descriptor watches all of these pipes; net_poll() has it beside whatever it waits for and calls
 * net_pump() when it is ready.  Of an output the last bytes are kept, in a ring (stream.c).  Children that nobody holds
 * any more are watched by it, too: they are reaped when they end.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "net.h"
#include "sock.h"

#define TURN ((size_t)1 << 20) /* bytes of one pipe before the others have their turn; no pipe holds more */
#define TOGETHER 64	       /* pipes */

static int pump = -1;
static unsigned int watched, children; /* pipes, and what has no stream */
static struct net_stream *orphans;

static int control(int op, int fd, struct epoll_event e)
{
	if (pump < 0)
		pump = epoll_create1(EPOLL_CLOEXEC);
	return pump < 0 || epoll_ctl(pump, op, fd, &e) < 0 ? -errno : 0;
}

static int watch(struct net_stream *s, int op)
{
	struct epoll_event e = {.events = s->feeds ? EPOLLOUT : EPOLLIN, .data.ptr = s};
	int r = control(op, s->fd, e);

	if (r < 0)
		return r;
	s->watched = op == EPOLL_CTL_ADD;
	if (s->watched)
		watched++;
	else
		watched--;
	return 0;
}

static void shut(struct net_stream *s)
{
	if (s->watched)
		watch(s, EPOLL_CTL_DEL);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

static void forget(struct net_stream *s)
{
	free(s->buf);
	s->buf = NULL;
	s->cap = s->keep = 0;
	s->from = s->end;
}

/* Whoever waits for word of the process has it. */
static void tell(struct net_stream *s)
{
	for (struct net_look *look = s->owner ? s->owner->looks : NULL; look; look = look->next)
		look->op.deadline = 0;
}

/* --- output of a process --- */

static void take(struct net_stream *s, size_t most)
{
	while (s->fd >= 0 && most > 0) {
		ssize_t n = net_stream_read(s, most);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0)
			s->error = errno;
		tell(s);
		if (n <= 0)
			shut(s);
		else
			most -= (size_t)n;
	}
}

/* net_stream_take() - take in what is in the pipe at this moment; who holds its other end may write for ever */
void net_stream_take(struct net_stream *s)
{
	if (s)
		take(s, TURN);
}

/* --- input of a process --- */

/* A process that reads no more must not be our end. */
static ssize_t write_quietly(int fd, const char *data, size_t len)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	ssize_t n;
	int code;

	sigaction(SIGPIPE, &ignore, &before);
	n = write(fd, data, len);
	code = errno;
	sigaction(SIGPIPE, &before, NULL);
	errno = code;
	return n;
}

/* Gives what the pipe has room for; what is left waits for the next turn. */
static void give(struct net_stream *s)
{
	while (s->fd >= 0 && s->from < s->end) {
		ssize_t n = write_quietly(s->fd, s->buf + (s->cap - (s->end - s->from)), s->end - s->from);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) { /* EPIPE: a process need not read all of its input */
			s->broken = true;
			s->error = errno != EPIPE ? errno : 0;
			shut(s);
			break;
		}
		s->from += (size_t)n;
	}
	forget(s);
	if (s->closing || s->broken)
		shut(s);
	else if (s->watched)
		watch(s, EPOLL_CTL_DEL);
	tell(s);
}

/*
 * net_stream_put() - give a process something to read
 *
 * What its pipe has no room for is kept and given later, by any wait.
 */
int net_stream_put(struct net_stream *s, const char *data, size_t len, struct net_err *err)
{
	size_t left = s->end - s->from;
	char *buf;
	int r = 0;

	if (s->fd < 0 || s->closing)
		return net_fail(err, EPIPE, s->broken ? "the process reads no more" : "its input is closed");
	if (!len)
		return 0;
	buf = malloc(left + len);
	if (!buf)
		return net_fail(err, ENOMEM, NULL);
	if (left)
		memcpy(buf, s->buf + (s->cap - left), left);
	memcpy(buf + left, data, len);
	free(s->buf);
	s->buf = buf;
	s->cap = left + len; /* what is left stands at its end */
	s->end += len;
	give(s);
	if (s->broken)
		return net_fail(err, s->error ? s->error : EPIPE, s->error ? NULL : "the process reads no more");
	if (s->from < s->end && !s->watched)
		r = watch(s, EPOLL_CTL_ADD);
	return r < 0 ? net_fail(err, -r, "cannot watch a pipe: %s", net_strerror(-r)) : 0;
}

/* net_stream_finish() - its end is what the process reads when it has read all */
void net_stream_finish(struct net_stream *s)
{
	s->closing = true;
	if (s->from == s->end)
		shut(s);
}

/* --- both --- */

static void drop_orphan(struct net_stream *s)
{
	struct net_stream **at = &orphans;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	free(s);
}

/* net_pump_fd() - what every wait polls (POLLIN) beside its own; -1: nothing */
int net_pump_fd(void)
{
	return watched || children ? pump : -1;
}

unsigned int net_pump_pipes(void)
{
	return watched;
}

/* net_pump_watch() - have a child reaped by whatever wait its end comes in: whether it is */
bool net_pump_watch(int pidfd)
{
	if (control(EPOLL_CTL_ADD, pidfd, (struct epoll_event){.events = EPOLLIN}) < 0)
		return false;
	children++;
	return true;
}

void net_pump_unwatch(int pidfd)
{
	control(EPOLL_CTL_DEL, pidfd, (struct epoll_event){0});
	children--;
}

/* net_pump() - take in and give what is possible now; never blocks */
void net_pump(void)
{
	struct epoll_event e[TOGETHER];
	int n = net_pump_fd() >= 0 ? epoll_wait(pump, e, TOGETHER, 0) : 0;
	bool child = false;

	for (int i = 0; i < n; i++) {
		struct net_stream *s = e[i].data.ptr;

		child = child || !s;
		if (!s)
			continue;
		if (s->feeds)
			give(s);
		else
			take(s, TURN);
		if (s->fd < 0 && !s->owner)
			drop_orphan(s);
	}
	if (child)
		net_process_reap_left();
}

/*
 * net_stream_new() - look after our end of a pipe, which doesn't block
 * @fd: the stream's from now on
 * @keep: bytes of an output; 0 for one that the process reads
 *
 * Return: NULL: no memory, or no descriptor to watch it with; @fd is closed.
 */
struct net_stream *net_stream_new(int fd, size_t keep, struct net_process *owner)
{
	struct net_stream *s = calloc(1, sizeof(*s));

	if (!s) {
		close(fd);
		return NULL;
	}
	*s = (struct net_stream){.fd = fd, .keep = keep, .feeds = !keep, .owner = owner};
	if (keep && watch(s, EPOLL_CTL_ADD) < 0) {
		shut(s);
		free(s);
		return NULL;
	}
	return s;
}

/*
 * net_stream_free() - let go of a pipe
 * @goes_on: who is at its other end may go on: then it is read to its end, for nobody, or given what it is to read
 */
void net_stream_free(struct net_stream *s, bool goes_on)
{
	if (!s)
		return;
	s->owner = NULL;
	if (goes_on && s->fd >= 0 && (!s->feeds || s->from < s->end)) {
		s->closing = true;
		s->next = orphans;
		orphans = s;
		if (!s->feeds)
			forget(s);
		return;
	}
	forget(s);
	shut(s);
	free(s);
}
