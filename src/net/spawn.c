/* spawn.c - start a program inside a namespace
 *
 * The child shares our memory until it runs the program (CLONE_VM | CLONE_VFORK, as posix_spawn does), so a
 * start costs the same however big nsh is, and what failed is simply written where the parent reads it.
 * The price: between clone and execve only system calls, no allocation, nothing that keeps state.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/close_range.h>

#include "net.h"
#include "sock.h"
#include "state.h"

/* The child runs on a stack that the address sanitizer knows nothing of. */
#define CHILD_CODE __attribute__((no_sanitize("address", "undefined"), noinline))
#define CHILD_STACK 32768

#define FALLBACK_PATH "PATH=/usr/local/bin:/usr/bin:/bin"

static const char *const admin_dirs[] = {"/usr/local/sbin", "/usr/sbin", "/sbin"};

enum stage {
	STAGE_NONE,
	STAGE_PARENT,
	STAGE_WHO,
	STAGE_ENTER,
	STAGE_MOUNTS,
	STAGE_CD,
	STAGE_STDIO,
	STAGE_RUN,
	STAGE_INTERPRETER
};

struct job {
	const struct net_spawn *spec;
	const char **env;	    /* of the child, the array is ours */
	char *path;		    /* "PATH=..." with the administrator's directories, ours */
	char home[PATH_MAX];	    /* where we stand, for a child that changes its mounts; "" where that has no path */
	const struct rlimit *files; /* NULL: ours */
	bool bound;		    /* it dies with us: nothing else would end it then */
	pid_t parent;		    /* as it sees us */
	/* written by the child */
	volatile enum stage stage;
	volatile int code;
	volatile int pidfd; /* of one that stays: our descriptors are shared with what starts it */
	char stat[1024];    /* its /proc/PID/stat */
};

/* --- in the child --- */

CHILD_CODE static _Noreturn void give_up(struct job *job, enum stage stage)
{
	job->code = errno;
	job->stage = stage;
	_exit(127);
}

/* Handlers point into nsh: none may run here once signals are let in, and execve keeps SIG_IGN. */
CHILD_CODE static void default_signals(void)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL};

	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &dfl, NULL);
}

CHILD_CODE static int above_stdio(int fd)
{
	return fd < 0 || fd > STDERR_FILENO ? fd : fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

/* All three are lifted first, so that none is overwritten before it is copied.  One that we have closed ourselves
 * becomes /dev/null. */
CHILD_CODE static void place_stdio(struct job *job)
{
	int fd[3];

	for (int i = 0; i < 3; i++) {
		fd[i] = above_stdio(job->spec->fd[i]);
		if (fd[i] < 0)
			fd[i] = above_stdio(open("/dev/null", O_RDWR | O_CLOEXEC));
		if (fd[i] < 0)
			give_up(job, STAGE_STDIO);
	}
	for (int i = 0; i < 3; i++)
		if (dup2(fd[i], i) < 0)
			give_up(job, STAGE_STDIO);
	close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
}

CHILD_CODE static void enter_namespaces(struct job *job)
{
	const char *cwd = job->spec->cwd;

	if (setns(job->spec->ns->fd, CLONE_NEWNET) < 0)
		give_up(job, STAGE_ENTER);
	if (job->spec->ns->node.uts >= 0 && setns(job->spec->ns->node.uts, CLONE_NEWUTS) < 0)
		give_up(job, STAGE_ENTER);
	if (job->spec->ns->mnt >= 0) {
		if (setns(job->spec->ns->mnt, CLONE_NEWNS) < 0)
			give_up(job, STAGE_MOUNTS);
		/* that moved us to its root; folders of a node's own may hide where we were */
		if (*job->home && (!cwd || *cwd != '/') && chdir(job->home) < 0 && (cwd || job->spec->ns->node.uts < 0))
			give_up(job, STAGE_CD);
	}
	if (cwd && chdir(cwd) < 0)
		give_up(job, STAGE_CD);
}

CHILD_CODE static void try_program(struct job *job, const char *file)
{
	execve(file, (char *const *)job->spec->argv, (char *const *)job->env);
	if (errno == ENOENT && access(file, F_OK) == 0) {
		errno = ENOENT;
		give_up(job, STAGE_INTERPRETER);
	}
}

static bool is_elsewhere(int code)
{
	return code == ENOENT || code == ENOTDIR || code == ELOOP || code == ENAMETOOLONG || code == ENODEV ||
	       code == ESTALE;
}

/* An empty entry of PATH would mean the working directory: never, for a tool that root uses. */
CHILD_CODE static void run_program(struct job *job)
{
	const char *name = job->spec->argv[0], *dir = strchr(job->path, '=') + 1, *end;
	size_t name_len = strlen(name);
	char file[PATH_MAX];
	int code = ENOENT;

	if (strchr(name, '/')) {
		try_program(job, name);
		give_up(job, STAGE_RUN);
	}
	for (;; dir = end + 1) {
		size_t len;

		end = strchrnul(dir, ':');
		len = (size_t)(end - dir);
		if (len && name_len && len + name_len + 2 <= sizeof(file)) {
			memcpy(file, dir, len);
			file[len] = '/';
			memcpy(file + len + 1, name, name_len + 1);
			try_program(job, file);
			if (errno == EACCES)
				/* not when it is the folder that is closed to us */
				code = access(file, F_OK) == 0 ? EACCES : code;
			else if (!is_elsewhere(errno))
				give_up(job, STAGE_RUN);
		}
		if (!*end)
			break;
	}
	errno = code;
	give_up(job, STAGE_RUN);
}

/* The /proc that we stand before has our numbers: nobody else knows its before it runs, and may end. */
CHILD_CODE static void tell_who(struct job *job)
{
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, job->stat, sizeof(job->stat) - 1);

	if (n > 0)
		job->stat[n] = '\0';
	else
		give_up(job, STAGE_WHO);
	close(fd);
}

CHILD_CODE static int child(void *arg)
{
	struct job *job = arg;
	sigset_t none;

	if (job->bound) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != job->parent)
			_exit(127);
	}
	if (job->spec->stays) {
		setsid();
		tell_who(job);
	} else if (job->spec->group != NET_GROUP_OURS) {
		setpgid(0, 0);
	}
	if (job->spec->group == NET_GROUP_FOREGROUND)
		tcsetpgrp(job->spec->fd[0], getpid()); /* all signals are blocked: none stops us for it */
	enter_namespaces(job);
	place_stdio(job);
	if (job->files)
		setrlimit(RLIMIT_NOFILE, job->files); /* never above what it has: nothing to fail */
	default_signals();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	run_program(job);
	return 127;
}

/* Between us and a child that stays, which is left to the world's init. */
CHILD_CODE static int middle(void *arg)
{
	alignas(16) char stack[CHILD_STACK];
	struct job *job = arg;
	int pidfd;

	if (clone(child, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, job, &pidfd) < 0)
		give_up(job, STAGE_PARENT);
	job->pidfd = pidfd;
	_exit(0);
}

/* --- in the parent --- */

static bool has_dir(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	for (const char *p = strchr(path, '=') + 1;; p++) {
		const char *end = strchrnul(p, ':');

		if ((size_t)(end - p) == len && memcmp(p, dir, len) == 0)
			return true;
		if (!*end)
			return false;
		p = end;
	}
}

/* The child's environment is the one asked for, with its PATH made longer.  Where there is no PATH there is none for
 * the child either, and the program is looked for in the usual places. */
static int make_env(struct job *job)
{
	const char *const *env = job->spec->env ? job->spec->env : (const char *const *)environ;
	const char *old = FALLBACK_PATH;
	size_t n = 0, room, at = SIZE_MAX;

	for (; env && env[n]; n++)
		if (strncmp(env[n], "PATH=", 5) == 0) {
			old = env[n];
			at = n;
		}
	room = strlen(old) + 1;
	for (size_t i = 0; i < sizeof(admin_dirs) / sizeof(*admin_dirs); i++)
		room += strlen(admin_dirs[i]) + 1;
	job->path = malloc(room);
	job->env = calloc(n + 1, sizeof(*job->env));
	if (!job->path || !job->env)
		return -ENOMEM;
	strcpy(job->path, old);
	for (size_t i = 0; i < sizeof(admin_dirs) / sizeof(*admin_dirs); i++)
		if (!has_dir(old, admin_dirs[i]))
			strcat(strcat(job->path, ":"), admin_dirs[i]);
	if (n)
		memcpy(job->env, env, n * sizeof(*env));
	if (at != SIZE_MAX)
		job->env[at] = job->path;
	return 0;
}

static int explain_run(const struct job *job, struct net_err *err)
{
	const char *name = job->spec->argv[0];
	int code = job->code;

	if (code != ENOENT) {
		net_fail(err, code, "cannot run '%s': %s", name, net_strerror(code));
		if (code == EACCES && strchr(name, '/'))
			net_hint(err, "is it an executable file? chmod +x %s", name);
		if (code == ENOEXEC)
			net_hint(err, "a script says on its first line what runs it: #!/bin/sh");
		return -code;
	}
	if (strchr(name, '/'))
		net_fail(err, code, "no program '%s'", name);
	else
		net_fail(err, code, "no program '%s' in PATH", name);
	if (strchr(name, ' ') && !job->spec->argv[1])
		net_hint(err, "a table is run without a shell, one word an element; a string is run by `sh -c`");
	return -code;
}

static int explain(const struct job *job, struct net_err *err)
{
	const struct net_spawn *spec = job->spec;
	const char *why = net_strerror(job->code);

	switch (job->stage) {
	case STAGE_WHO: return net_fail(err, job->code, "cannot look at /proc: %s", why);
	case STAGE_ENTER: return net_fail(err, job->code, "cannot enter %s: %s", spec->ns->label, why);
	case STAGE_MOUNTS: return net_fail(err, job->code, "cannot enter the mounts of %s: %s", spec->ns->label, why);
	case STAGE_CD: return net_fail(err, job->code, "cannot cd to %s: %s", spec->cwd ? spec->cwd : job->home, why);
	case STAGE_STDIO: return net_fail(err, job->code, "cannot set up standard input and output: %s", why);
	case STAGE_INTERPRETER:
		return net_fail(err, job->code, "cannot run '%s': the interpreter that it asks for is missing",
				spec->argv[0]);
	case STAGE_RUN: return explain_run(job, err);
	default:
		if (net_world_lost(err))
			return -err->code;
		net_fail(err, job->code, "cannot start a process: %s", why);
		if (job->code == EAGAIN)
			net_hint(err, "too many processes; see ulimit -u and the pids limit of the control group");
		if (job->code == ENOMEM && (spec->ns->node.pids >= 0 || !net_world_is_host()))
			net_hint(err, "out of memory, or the init of this %s has been killed",
				 spec->ns->node.pids >= 0 ? "node" : "world");
		return -job->code;
	}
}

static void take_end(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static pid_t clone_child(struct job *job, int *pidfd)
{
	alignas(16) char stack[2 * CHILD_STACK];
	pid_t pid;

	if (!job->spec->stays)
		return clone(child, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, job, pidfd);
	pid = clone(middle, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, job);
	if (pid > 0)
		take_end(pid);
	*pidfd = job->pidfd;
	return pid < 0 ? pid : 0; /* whose number nobody has told us */
}

static int start(struct job *job, struct net_process *p)
{
	sigset_t all, mask;
	int pidfd = -1, r;
	pid_t pid = -1;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &mask);
	r = net_node_enter(job->spec->ns);
	if (r == 0) {
		pid = clone_child(job, &pidfd);
		r = pid < 0 ? -errno : 0;
		net_node_leave(job->spec->ns);
	}
	if (r < 0) {
		job->code = -r;
		job->stage = STAGE_PARENT;
	}
	sigprocmask(SIG_SETMASK, &mask, NULL);
	if (job->stage == STAGE_NONE) {
		p->pidfd = pidfd;
		if (job->spec->stays)
			*job->spec->stays = (struct net_stayed){.pid = (pid_t)strtol(job->stat, NULL, 10),
								.start = net_stat_number(job->stat, 22)};
		else
			net_process_begin(p, job->spec->ns, pid, pidfd);
		return 0;
	}
	if (pid > 0)
		take_end(pid);
	if (pidfd >= 0)
		close(pidfd);
	return -job->code;
}

/*
 * net_spawn() - start a program inside a namespace
 * @spec: what and where
 * @p: the process; net_process_close() must follow in the end
 *
 * Return: 0 when the program itself is running there; -errno of the step that failed, and nothing is left then.
 */
int net_spawn(const struct net_spawn *spec, struct net_process *p, struct net_err *err)
{
	struct job job = {.spec = spec, .files = net_world_files(), .pidfd = -1};
	int r;

	*p = (struct net_process){.pidfd = -1};
	r = net_mount_ns(spec->ns, err);
	if (r < 0)
		return r;
	if (spec->ns->mnt >= 0 && (!getcwd(job.home, sizeof(job.home)) || *job.home != '/'))
		*job.home = '\0';
	job.bound = !spec->stays && (net_world_is_host() || net_world_name());
	if (net_world_is_host() && spec->ns->node.pids < 0)
		job.parent = getpid(); /* in other pid namespaces our number is 0 */
	r = make_env(&job);
	if (r < 0)
		net_fail(err, -r, NULL);
	else if (start(&job, p) < 0)
		r = explain(&job, err);
	free(job.env);
	free(job.path);
	return r;
}
