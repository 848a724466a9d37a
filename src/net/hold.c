/* hold.c - what the keeper of a named world does: hold descriptors of nodes, for the next nsh that joins it
 *
 * A mount namespace can be mounted on a file only where it is younger than the one with the file, which Linux 6.18
 * tells by numbers that processors draw in batches: so they are passed over a socket.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "net.h"

#include "hold.h"

#define PATIENCE 2 /* seconds for one that has connected to say what it wants */

struct held {
	uint64_t cookie;
	int fds[HOLD_FDS];
};

static struct held *all;
static unsigned int n, cap;

/* --- both sides --- */

union control {
	struct cmsghdr align;
	char buf[CMSG_SPACE(HOLD_FDS * sizeof(int))];
};

/* net_hold_send() - send a message with those of its descriptors that it has */
int net_hold_send(int sock, const struct hold_msg *msg, const int fds[HOLD_FDS])
{
	union control control;
	struct iovec iov = {.iov_base = (void *)msg, .iov_len = sizeof(*msg)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	int list[HOLD_FDS], count = 0;
	ssize_t r;

	for (int i = 0; i < HOLD_FDS; i++)
		if (msg->has[i])
			list[count++] = fds[i];
	if (count) {
		size_t size = (size_t)count * sizeof(int);

		control = (union control){
			.align = {.cmsg_len = CMSG_LEN(size), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
		memcpy(CMSG_DATA(&control.align), list, size);
		m.msg_control = control.buf;
		m.msg_controllen = CMSG_SPACE(size);
	}
	do
		r = sendmsg(sock, &m, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

/* net_hold_recv() - take a message with its descriptors, the others are -1; -EPIPE: the other side has left */
int net_hold_recv(int sock, struct hold_msg *msg, int fds[HOLD_FDS])
{
	union control control;
	struct iovec iov = {.iov_base = msg, .iov_len = sizeof(*msg)};
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf, .msg_controllen = sizeof(control)};
	int list[HOLD_FDS], count = 0, used = 0;
	struct cmsghdr *c;
	ssize_t r;

	for (int i = 0; i < HOLD_FDS; i++)
		fds[i] = -1;
	do
		r = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
		count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(list, CMSG_DATA(c), (size_t)count * sizeof(int));
	}
	for (int i = 0; i < HOLD_FDS; i++)
		fds[i] = r == sizeof(*msg) && msg->has[i] && used < count ? list[used++] : -1;
	for (; used < count; used++)
		close(list[used]);
	return r == sizeof(*msg) ? 0 : -EPIPE;
}

/* --- in the keeper --- */

static void close_all(const int fds[HOLD_FDS])
{
	for (int i = 0; i < HOLD_FDS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static struct held *find(uint64_t cookie)
{
	for (unsigned int i = 0; i < n; i++)
		if (all[i].cookie == cookie)
			return &all[i];
	return NULL;
}

static int put(uint64_t cookie, const int fds[HOLD_FDS])
{
	struct held *h = find(cookie);

	if (h)
		return -EEXIST;
	if (n == cap) {
		h = realloc(all, (cap + 64) * sizeof(*h));
		if (!h)
			return -ENOMEM;
		all = h;
		cap += 64;
	}
	all[n].cookie = cookie;
	memcpy(all[n++].fds, fds, sizeof(all->fds));
	return 0;
}

static int drop(uint64_t cookie)
{
	struct held *h = find(cookie);

	if (!h)
		return -ENOENT;
	close_all(h->fds);
	*h = all[--n];
	return 0;
}

static void answer(int sock)
{
	struct hold_msg msg;
	struct held *h = NULL;
	int fds[HOLD_FDS], none[HOLD_FDS] = {-1, -1, -1, -1};

	if (net_hold_recv(sock, &msg, fds) < 0)
		return;
	if (msg.op == HOLD_PUT) {
		msg.code = -put(msg.cookie, fds);
	} else if (msg.op == HOLD_DROP) {
		msg.code = -drop(msg.cookie);
	} else {
		h = find(msg.cookie);
		msg.code = h ? 0 : ENOENT;
	}
	if (msg.op != HOLD_PUT || msg.code)
		close_all(fds);
	for (int i = 0; i < HOLD_FDS; i++)
		msg.has[i] = h && h->fds[i] >= 0;
	net_hold_send(sock, &msg, h ? h->fds : none);
}

/* net_hold_listen() - the socket where requests come; -errno */
int net_hold_listen(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX, .sun_path = HOLD_PATH};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), code;

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 && listen(fd, SOMAXCONN) == 0)
		return fd;
	code = errno;
	close(fd);
	return -code;
}

static void serve(int listener)
{
	const struct timeval limit = {.tv_sec = PATIENCE};
	int sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (sock < 0) {
		if (errno != EINTR && errno != ECONNABORTED && errno != EAGAIN)
			usleep(10000); /* for want of memory or descriptors */
		return;
	}
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	answer(sock);
	close(sock);
}

/*
 * net_hold_serve() - answer requests until the end of the world
 * @watch: an inotify descriptor, -1: none; whenever it tells something @check is called
 */
_Noreturn void net_hold_serve(int listener, int watch, void (*check)(void))
{
	struct pollfd fds[2] = {{.fd = listener, .events = POLLIN}, {.fd = watch, .events = POLLIN}};
	char told[512];

	check(); /* what came before the watch did */
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents) {
			while (read(watch, told, sizeof(told)) > 0)
				;
			check();
		}
		if (fds[0].revents)
			serve(listener);
	}
}
