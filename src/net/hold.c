/* hold.c - what the keeper of a named world does: hold descriptors of nodes, for the next nsh that joins it
 *
 * A mount namespace can be mounted on a file only where it is younger than the one with the file, which Linux 6.18
 * tells by numbers that processors draw in batches: so they are passed over a socket.
 */
#include <errno.h>
#include <signal.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "net.h"
#include "sock.h"

#include "hold.h"

#define PATIENCE 2 /* seconds for one that has connected to say what it wants */

struct held {
	uint64_t cookie;
	char *name;
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

/* net_hold_close() - those that are there */
void net_hold_close(int fds[HOLD_FDS])
{
	for (int i = 0; i < HOLD_FDS; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

/* net_hold_recv() - take a message with its descriptors, the others are -1; -EPIPE: the other side has left; -EMFILE:
 * there is no room for them, the message is whole */
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
	if (r != sizeof(*msg))
		return -EPIPE;
	for (int i = 0; i < HOLD_FDS; i++)
		if (msg->has[i] && fds[i] < 0) {
			net_hold_close(fds);
			return -EMFILE;
		}
	return 0;
}

/* --- in the keeper --- */

static struct held *find(uint64_t cookie, const char *name)
{
	for (unsigned int i = 0; i < n; i++)
		if (cookie ? all[i].cookie == cookie : name && strcmp(all[i].name, name) == 0)
			return &all[i];
	return NULL;
}

static bool is_named(const char *name)
{
	char path[sizeof(NET_NAMES) + 256];

	snprintf(path, sizeof(path), NET_NAMES "/%s", name);
	return access(path, F_OK) == 0;
}

/* One that has lost its name meanwhile would never go. */
static int put(const struct hold_msg *msg, const int fds[HOLD_FDS])
{
	struct held *h;
	char *name;

	if (!is_named(msg->name))
		return -ESTALE;
	if (find(msg->cookie, NULL))
		return -EEXIST;
	h = net_grow(all, n, &cap, sizeof(*h));
	name = h ? strdup(msg->name) : NULL;
	all = h ? h : all;
	if (!name)
		return -ENOMEM;
	h = &all[n++];
	*h = (struct held){.cookie = msg->cookie, .name = name};
	memcpy(h->fds, fds, sizeof(h->fds));
	return 0;
}

/* Its processes end with its init. */
static int drop(uint64_t cookie, const char *name)
{
	struct held *h = find(cookie, name);

	if (!h)
		return -ENOENT;
	if (h->fds[HOLD_INIT] >= 0)
		syscall(SYS_pidfd_send_signal, h->fds[HOLD_INIT], SIGKILL, NULL, 0);
	net_hold_close(h->fds);
	free(h->name);
	*h = all[--n];
	return 0;
}

/* Takes in what was told of names: nodes that have lost theirs go, before anything is asked of others. */
static void heed(int watch)
{
	alignas(struct inotify_event) char told[4096];
	ssize_t len;

	while ((len = read(watch, told, sizeof(told))) > 0)
		for (ssize_t at = 0; at < len;) {
			const struct inotify_event *e = (const void *)(told + at);

			at += (ssize_t)(sizeof(*e) + e->len);
			if (e->len)
				drop(0, e->name);
			for (unsigned int i = n; (e->mask & IN_Q_OVERFLOW) && i-- > 0;)
				if (!is_named(all[i].name))
					drop(all[i].cookie, NULL);
		}
}

static void answer(int sock, int watch)
{
	struct hold_msg msg;
	struct held *h = NULL;
	int fds[HOLD_FDS], none[HOLD_FDS] = {-1, -1, -1, -1}, r = net_hold_recv(sock, &msg, fds);

	if (r < 0 && r != -EMFILE)
		return;
	heed(watch);
	msg.name[sizeof(msg.name) - 1] = '\0';
	if (r == 0 && msg.op == HOLD_PUT) {
		inotify_add_watch(watch, NET_NAMES, IN_DELETE | IN_MOVED_FROM);
		r = put(&msg, fds);
	} else if (r == 0 && msg.op == HOLD_DROP) {
		r = drop(msg.cookie, msg.name);
	} else if (r == 0) {
		h = find(msg.cookie, NULL);
		r = h ? 0 : -ENOENT;
	}
	if (msg.op != HOLD_PUT || r < 0)
		net_hold_close(fds);
	msg.code = -r;
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

static void serve(int listener, int watch)
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
	answer(sock, watch);
	close(sock);
}

/*
 * net_hold_serve() - answer requests until the end of the world
 * @watch: an inotify descriptor, -1: none; whenever it tells something @check is called
 */
_Noreturn void net_hold_serve(int listener, int watch, void (*check)(void))
{
	struct pollfd fds[2] = {{.fd = listener, .events = POLLIN}, {.fd = watch, .events = POLLIN}};

	check(); /* what came before the watch did */
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents) {
			heed(watch);
			check();
		}
		if (fds[0].revents)
			serve(listener, watch);
	}
}
