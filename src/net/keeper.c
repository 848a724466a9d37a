/* keeper.c - the process that holds a named world: process 1 of its pid namespace, in all of its namespaces
 *
 * A helper of nsh makes the namespaces, as nsh itself does for a private world, and leaves the keeper in them, which
 * has nothing of nsh's or of its terminal's.  When it ends, however that comes, the kernel ends the world's processes,
 * and the namespaces go with the last nsh that has joined them.  That it lives is seen by its lock on a file, which
 * the kernel gives back.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net.h"
#include "sock.h"
#include "state.h"

#include "hold.h"

enum { SOCK = STDERR_FILENO + 1, LOCK, KEEPER, FIRST_OTHER };

static void default_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL); /* of these, process 1 gets none but KILL and STOP */
	signal(SIGCHLD, SIG_IGN);     /* orphans are reaped by the kernel */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* All are lifted first, so that none is overwritten before it has its place. */
static int place(int sock, int lock, int keeper)
{
	const int from[] = {-1, -1, -1, sock, lock, keeper};
	int lifted[FIRST_OTHER];

	for (int i = 0; i < FIRST_OTHER; i++) {
		lifted[i] = from[i] < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : from[i];
		lifted[i] = fcntl(lifted[i], F_DUPFD_CLOEXEC, FIRST_OTHER);
		if (lifted[i] < 0)
			return -errno;
	}
	for (int i = 0; i < FIRST_OTHER; i++)
		if (dup2(lifted[i], i) < 0)
			return -errno;
	close_range(FIRST_OTHER, ~0U, 0);
	return 0;
}

static bool report(int sock, const struct net_err *err)
{
	ssize_t n;

	do
		n = send(sock, err, sizeof(*err), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(*err);
}

/* Whether whoever wanted the world knows of it, and has noted it. */
static bool is_wanted(const struct net_err *err)
{
	char byte;
	ssize_t n;

	if (!report(SOCK, err))
		return false;
	do
		n = recv(SOCK, &byte, 1, 0);
	while (n < 0 && errno == EINTR);
	return n == 1;
}

/* What tells when our file is removed, by the end of a login for one; -1: nothing can. */
static int watch_file(void)
{
	char path[32];
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", KEEPER);
	if (fd >= 0 && inotify_add_watch(fd, path, IN_ATTRIB) >= 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* A world that nobody can find any more ends. */
static void check_file(void)
{
	struct stat st;

	if (fstat(KEEPER, &st) < 0 || !st.st_nlink)
		_exit(0);
}

static _Noreturn void keep(int sock, int lock, int keeper)
{
	struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct net_err err = {0};
	int r, listener, to = sock;

	prctl(PR_SET_NAME, "nsh-keeper");
	default_signals();
	r = place(sock, lock, keeper);
	if (r == 0)
		to = SOCK;
	if (r == 0 && mkdir(NET_LABS, 0700) < 0)
		r = -errno;
	listener = r < 0 ? r : net_hold_listen();
	if (listener < 0)
		net_fail(&err, -listener, "cannot set up the keeper of the world: %s", strerror(-listener));
	else if (fcntl(KEEPER, F_SETLK, &all) < 0)
		net_fail(&err, errno, "cannot lock the keeper's file: %s", strerror(errno));
	if (r < 0 || err.code) {
		report(to, &err);
		_exit(1);
	}
	if (!is_wanted(&err))
		_exit(1);
	close(SOCK);
	close(LOCK);
	net_hold_serve(listener, watch_file(), check_file);
}

/* net_keeper_make() - in a child of nsh: make the namespaces of a world, and leave its keeper in them
 * @sock: where a struct net_err goes; its code is 0 when the world is there
 * @lock, @keeper: descriptors of the files in the world's folder; nobody else gets the lock before it is there
 */
_Noreturn void net_keeper_make(int sock, int lock, int keeper)
{
	struct net_err err = {0};
	pid_t pid = -1;
	int r;

	setsid();
	umask(022);
	r = chdir("/") < 0 ? net_fail(&err, errno, "cannot go to /: %s", strerror(errno)) : net_world_new(&err);
	if (r == 0)
		pid = fork();
	if (pid == 0)
		keep(sock, lock, keeper);
	if (r == 0 && pid < 0)
		net_fail(&err, errno, "cannot start the keeper of the world: %s", strerror(errno));
	if (pid < 0)
		report(sock, &err);
	_exit(0);
}
