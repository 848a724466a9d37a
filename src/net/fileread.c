/* fileread.c - a file as commands of one namespace see it
 *
 * nsh itself must not be among these mounts.  A child opens the file and ends; it shares nsh's descriptors and memory,
 * so it costs little, and does nothing but system calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net.h"

enum { OPENER_STACK = 16384, MOST = 64 << 20 };

struct job {
	int mnt, fd, code;
	const char *path;
};

/* It runs on a stack that the address sanitizer knows nothing of. */
__attribute__((no_sanitize("address", "undefined"))) static int opener(void *arg)
{
	struct job *job = arg;

	job->fd = setns(job->mnt, CLONE_NEWNS) < 0 ? -1 : open(job->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	job->code = job->fd < 0 ? errno : 0;
	_exit(0);
}

static int open_there(const struct net_ns *ns, const char *path, struct net_err *err)
{
	alignas(16) char stack[OPENER_STACK];
	struct job job = {.mnt = ns->mnt, .path = path, .fd = -1};
	sigset_t all, mask;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &mask); /* nsh's handlers are not for the child */
	pid = clone(opener, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, &job);
	if (pid < 0)
		job.code = errno;
	sigprocmask(SIG_SETMASK, &mask, NULL);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (job.fd < 0)
		return net_fail(err, job.code, "cannot read %s in %s: %s", path, ns->label, net_strerror(job.code));
	return job.fd;
}

static int take(int fd, struct net_file *file, struct net_err *err)
{
	struct stat st;
	ssize_t n = 1;
	char *text;

	if (fstat(fd, &st) < 0)
		return net_fail(err, errno, NULL);
	if (!S_ISREG(st.st_mode))
		return net_fail(err, EISDIR, "%s is no file", file->path);
	if (st.st_size > MOST)
		return net_fail(err, EFBIG, "%s is too large to be compared", file->path);
	file->text = text = malloc((size_t)st.st_size + 1);
	if (!text)
		return net_fail(err, ENOMEM, NULL);
	file->mode = st.st_mode & 07777;
	while (n != 0 && file->len < (size_t)st.st_size) {
		n = read(fd, text + file->len, (size_t)st.st_size - file->len);
		if (n < 0 && errno != EINTR)
			return net_fail(err, errno, "cannot read %s: %s", file->path, net_strerror(errno));
		file->len += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/*
 * net_node_read() - read a file as commands of @ns see it
 * @file: its path; gets the text, which the caller frees, and the mode
 *
 * Return: 0; -ENOENT: there is none, or @ns has no mounts of its own; -errno
 */
int net_node_read(struct net_ns *ns, struct net_file *file, struct net_err *err)
{
	int fd, r = ns->mnt < 0 ? net_node_there(ns, err) : 0;

	if (r < 0)
		return r;
	if (ns->mnt < 0)
		return net_fail(err, ENOENT, "%s has no files of its own", ns->label);
	fd = open_there(ns, file->path, err);
	if (fd < 0)
		return fd;
	r = take(fd, file, err);
	close(fd);
	return r;
}
