/* worker.c - a function of ours in a forked process: for work that must not stop nsh meanwhile
 *
 * It has one socket and nothing else of nsh's, lives in the world's process namespace and ends with it.  What it finds
 * out it writes to memory that it shares with nsh.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker.h"

enum { WORK_FD, GO_FD, FIRST_OTHER };

/* Both are lifted first, so that none is overwritten before it has its place. */
static void keep_only(int fd, int go)
{
	fd = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_OTHER);
	go = fcntl(go, F_DUPFD_CLOEXEC, FIRST_OTHER);
	if (fd < 0 || go < 0 || dup2(fd, WORK_FD) < 0 || dup2(go, GO_FD) < 0)
		_exit(1);
	close_range(FIRST_OTHER, ~0U, 0);
}

static _Noreturn void work(const struct worker *w, pid_t parent)
{
	sigset_t none;
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	setpgid(0, 0); /* the terminal's signals are nsh's to act on */
	prctl(PR_SET_NAME, w->name);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	keep_only(w->fd, w->go);
	fcntl(WORK_FD, F_SETFL, 0); /* blocking: it has nothing else to do */
	while (read(GO_FD, &byte, 1) < 0 && errno == EINTR)
		;
	w->run(WORK_FD, w->arg);
	_exit(0);
}

/* worker_start() - fork a process for @w; net_process_close() must follow in the end */
int worker_start(const struct worker *w, struct net_process *p, struct net_err *err)
{
	/* from within the world's process namespace nsh, which stands outside, has the number 0 */
	pid_t parent = net_world_is_host() ? getpid() : 0;
	sigset_t all, mask;
	int code;

	*p = (struct net_process){.pidfd = -1};
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &mask);
	p->pid = fork();
	code = errno;
	if (p->pid == 0)
		work(w, parent);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	if (p->pid < 0) {
		p->pid = 0;
		return net_fail(err, code, "cannot start a process: %s", net_strerror(code));
	}
	p->pidfd = pidfd_open(p->pid, 0); /* is closed when we run a program */
	if (p->pidfd >= 0)
		return 0;
	net_fail(err, errno, NULL);
	kill(p->pid, SIGKILL);
	while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
		;
	*p = (struct net_process){.pidfd = -1};
	return -err->code;
}
