/* stdio.c - a program started with its standard input and output where they are wanted: files, pipes, nothing */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net.h"

#define PIPE_SIZE ((size_t)1 << 20)
#define LARGE_PIPES 32 /* at a time: an ordinary user may have 64 MiB of pipes, with more each has 8 KiB */

/* The child's ends of 0, 1 and 2, -1: none, and what we do at ours. */
struct ends {
	int child[3];
	struct net_stream *stream[3];
};

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int open_file(const struct net_stdio *io, int i, int *fd, struct net_err *err)
{
	int flags = i == 0 ? O_RDONLY : O_WRONLY | O_CREAT | O_APPEND | (io->append ? 0 : O_TRUNC);

	/* a named pipe that nobody has at its other end would wait for ever */
	*fd = open(io->path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
	if (*fd < 0)
		return net_fail(err, errno, "cannot open %s: %s", io->path, net_strerror(errno));
	if (fcntl(*fd, F_SETFL, flags & O_APPEND) < 0)
		return net_fail(err, errno, "cannot open %s: %s", io->path, net_strerror(errno));
	return 0;
}

static int open_pipe(const struct net_stdio *io, int i, struct ends *e, struct net_process *p, struct net_err *err)
{
	int fd[2], ours = i == 0 ? 1 : 0;

	if (pipe2(fd, O_CLOEXEC) < 0)
		return net_fail(err, errno, "cannot make a pipe: %s", net_strerror(errno));
	e->child[i] = fd[!ours];
	if (i > 0 && !io->attended && net_pump_pipes() < LARGE_PIPES)
		fcntl(fd[ours], F_SETPIPE_SZ, (int)PIPE_SIZE); /* a smaller one does, too */
	fcntl(fd[ours], F_SETFL, O_NONBLOCK);
	e->stream[i] = net_stream_new(fd[ours], i == 0 ? 0 : io->keep, p);
	if (!e->stream[i])
		return net_fail(err, ENOMEM, "cannot keep the output of a process: %s", net_strerror(ENOMEM));
	return 0;
}

static int open_end(const struct net_stdio *io, int i, struct ends *e, struct net_process *p, struct net_err *err)
{
	switch (io->how) {
	case NET_INHERIT: e->child[i] = fcntl(i, F_DUPFD_CLOEXEC, STDERR_FILENO + 1); return 0;
	case NET_FILE: return open_file(io, i, &e->child[i], err);
	case NET_PIPE: return open_pipe(io, i, e, p, err);
	case NET_AS_OUT: e->child[i] = fcntl(e->child[1], F_DUPFD_CLOEXEC, STDERR_FILENO + 1); return 0;
	default: return 0;
	}
}

static int give_input(const struct net_stdio *io, struct net_stream *in, struct net_err *err)
{
	int r;

	if (!in)
		return 0;
	r = net_stream_put(in, io->text, io->len, err);
	if (r == -EPIPE) /* it need not read its input */
		r = 0;
	if (!io->open)
		net_stream_finish(in);
	return r;
}

/*
 * net_start() - start a program with its 0, 1 and 2 where @io says
 * @spec: its fd[] is not looked at
 * @p: the process, with streams where there are pipes; net_process_close() must follow in the end
 *
 * Return: as net_spawn().  A file that was opened for it stays.
 */
int net_start(const struct net_spawn *spec, const struct net_stdio io[3], struct net_process *p, struct net_err *err)
{
	struct ends e = {.child = {-1, -1, -1}};
	struct net_spawn with = *spec;
	int r = 0;

	*p = (struct net_process){.pidfd = -1};
	for (int i = 0; i < 3 && r == 0; i++)
		r = open_end(&io[i], i, &e, p, err);
	if (r == 0) {
		memcpy(with.fd, e.child, sizeof(e.child));
		r = net_spawn(&with, p, err);
	}
	for (int i = 0; i < 3; i++)
		shut(&e.child[i]);
	if (r < 0) {
		for (int i = 0; i < 3; i++)
			net_stream_free(e.stream[i], false);
		return r;
	}
	p->in = e.stream[0];
	p->out = e.stream[1];
	p->err = e.stream[2];
	r = give_input(&io[0], p->in, err);
	if (r < 0) {
		net_process_stop(p, 0);
		net_process_close(p);
	}
	return r;
}
