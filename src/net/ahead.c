/* ahead.c - namespaces made ahead of their use, by a process beside nsh: the kernel takes half a millisecond for each
 *
 * It sends their descriptors through a socket.  Where nsh would have to wait for one it makes one itself: both take
 * from one number of those that nobody has begun.  When there is no such process, or it fails, namespaces are made as
 * always, and what is wrong is told then.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net.h"
#include "sock.h"
#include "worker.h"

#define SELF "/proc/thread-self/ns/net"
#define LEAST 4 /* fewer aren't worth a process */

static struct {
	int sock;	   /* -1: there is none */
	unsigned int left; /* to be taken */
	atomic_uint *open; /* that nobody has begun, in memory of both processes */
	struct net_process maker;
} ahead = {.sock = -1};

/* Whether there is one more to be made, which is ours then. */
static bool begin_one(void)
{
	unsigned int n = atomic_load(ahead.open);

	while (n && !atomic_compare_exchange_weak(ahead.open, &n, n - 1))
		;
	return n > 0;
}

union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(int))];
};

/* --- in the process beside --- */

static int send_fd(int sock, int fd)
{
	char byte = 0;
	struct iovec data = {.iov_base = &byte, .iov_len = 1};
	union control control = {0};
	struct msghdr m = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control.room)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(sock, &m, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/* Each from where nsh stands: a namespace may inherit from the one that it is made in. */
static void make(int sock, void *unused)
{
	int home = open(SELF, O_RDONLY | O_CLOEXEC), fd;

	(void)unused;
	while (begin_one()) {
		if (setns(home, CLONE_NEWNET) < 0 || unshare(CLONE_NEWNET) < 0)
			return;
		fd = open(SELF, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || send_fd(sock, fd) < 0)
			return;
		close(fd);
	}
}

/* --- in nsh --- */

static void end(void)
{
	close(ahead.sock); /* it sends to nobody and ends */
	ahead.sock = -1;
	while (waitpid(ahead.maker.pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(ahead.maker.pidfd);
	munmap(ahead.open, sizeof(*ahead.open));
}

static bool has_processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 1;
}

/*
 * net_ns_ahead() - as many namespaces will be made soon
 * @n: 0: no more are needed; those that nobody took go
 */
void net_ns_ahead(unsigned int n)
{
	struct worker w = {.name = "nsh-ahead", .run = make};
	struct net_err ignored;
	int ends[2];

	if (ahead.sock >= 0)
		end();
	if (n < LEAST || !has_processors())
		return;
	ahead.open = mmap(NULL, sizeof(*ahead.open), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ahead.open == MAP_FAILED)
		return;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0) {
		ahead.left = n;
		atomic_init(ahead.open, n);
		w.fd = ends[1];
		w.go = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (w.go >= 0 && worker_start(&w, &ahead.maker, &ignored) == 0)
			ahead.sock = ends[0];
		else
			close(ends[0]);
		close(ends[1]);
		if (w.go >= 0)
			close(w.go);
	}
	if (ahead.sock < 0)
		munmap(ahead.open, sizeof(*ahead.open));
}

/* The next one: 1, and its descriptor; 0: none is ready, and we are not to wait; -1: there will be none. */
static int receive(int flags, int *fd)
{
	char byte;
	struct iovec data = {.iov_base = &byte, .iov_len = 1};
	union control control;
	struct msghdr m = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control.room)};
	const struct cmsghdr *c;
	ssize_t n;

	do
		n = recvmsg(ahead.sock, &m, MSG_CMSG_CLOEXEC | flags);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	c = n == 1 ? CMSG_FIRSTHDR(&m) : NULL;
	if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(*fd)))
		return -1;
	memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	return 1;
}

/* net_ns_take() - the descriptor of a new namespace that is there already, or soon; -1: the caller is to make one */
int net_ns_take(void)
{
	int fd = -1, r;

	if (ahead.sock < 0)
		return -1;
	r = receive(MSG_DONTWAIT, &fd);
	if (r == 0 && !begin_one())
		r = receive(0, &fd);
	if (r < 0 || --ahead.left == 0)
		end();
	return fd;
}
