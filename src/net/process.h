/* process.h - a part of net.h: programs that run in namespaces, and the pipes to them */
#ifndef NSH_PROCESS_H
#define NSH_PROCESS_H

#include <termios.h>

#include "net.h"

/* A program that stays (stay.c), told from a later one with its number. */
struct net_stayed {
	pid_t pid; /* as seen from outside the world */
	int64_t start;
};

/* All pointers are the caller's; but for stays they are only read. */
struct net_spawn {
	struct net_ns *ns;	 /* where it runs */
	const char *const *argv; /* argv[0] is looked up in PATH of env */
	const char *const *env;	 /* "NAME=value"..., the whole environment; NULL: ours */
	const char *cwd;	 /* NULL: ours */
	int fd[3];		 /* 0, 1, 2 of the child; -1: /dev/null */
	/* its process group: one of its own; nsh's, which has the terminal's signals; its own, in the terminal's
	 * foreground */
	enum { NET_GROUP_OWN, NET_GROUP_OURS, NET_GROUP_FOREGROUND } group;
	/* it is no child of ours but of the world's init, in a session of its own, and goes on when we leave; gets
	 * what it is known by.  NULL: it is a child */
	struct net_stayed *stays;
};

/* Our end of a pipe to a process (pump.c): of its output the last bytes are kept, of its input what it has not yet
 * read. */
struct net_stream {
	int fd; /* -1: closed */
	bool feeds, watched;
	bool closing; /* is closed when it is empty */
	bool broken;  /* nobody reads it any more */
	int error;    /* the errno of what failed otherwise: bytes are missing */
	char *buf;    /* of an output a ring: byte i since the first is at i % cap */
	size_t cap, keep;
	uint64_t from, end;	   /* which bytes are there */
	struct net_process *owner; /* NULL: nobody holds it */
	struct net_stream *next;   /* of those */
};

/* What 0, 1 or 2 of a process is. */
struct net_stdio {
	const char *path; /* NET_FILE */
	size_t keep;	  /* NET_PIPE of an output: how many bytes */
	const char *text; /* NET_PIPE of the input: len bytes, and open: what net_stream_put() gives */
	size_t len;
	enum { NET_NOTHING, NET_INHERIT, NET_FILE, NET_PIPE, NET_AS_OUT } how;
	bool append;
	bool attended; /* somebody waits for the process all the time: a small pipe does */
	bool open;
};

struct net_process {
	pid_t pid; /* as seen from outside the world; 0: none */
	int pidfd; /* -1: closed */
	bool ended;
	int status;			   /* as waitpid(2) gives it, once ended */
	struct net_stream *in, *out, *err; /* where these are pipes of ours */
	struct net_look *looks;
	uint64_t ino; /* of its network namespace */
	struct net_process *next;
};

/* A wait for word of a process. */
struct net_look {
	struct net_op op;
	struct pollfd fds[3];
	struct net_process *process;
	uint64_t seen; /* bytes */
	struct net_look *next;
};

int net_spawn(const struct net_spawn *spec, struct net_process *p, struct net_err *err);
int net_start(const struct net_spawn *spec, const struct net_stdio io[3], struct net_process *p, struct net_err *err);
int net_stay(const struct net_spawn *spec, const struct net_stdio io[3], struct net_stayed *s, struct net_err *err);
bool net_stayed_running(const struct net_stayed *s);
int net_stayed_stop(const struct net_stayed *s, double grace, struct net_err *err);
int64_t net_process_start(pid_t pid);
int net_process_wait(struct net_process *p, double timeout, struct net_err *err); /* -ETIME, -EINTR */
bool net_process_running(struct net_process *p);
void net_process_look(struct net_process *p);				   /* takes its output in */
int net_process_kill(struct net_process *p, int sig, struct net_err *err); /* the whole process group */
void net_process_stop(struct net_process *p, double grace);		   /* TERM, after grace seconds KILL; waits */
void net_process_close(struct net_process *p);				   /* reaps if ended; never kills */
void net_look_news(struct net_look *look, struct net_process *p);
void net_look_input(struct net_look *look, struct net_process *p);
void net_look_end(struct net_look *look);

/* The terminal, lent to a process in its foreground (terminal.c). */
struct net_terminal {
	bool ours; /* to take back */
	pid_t group;
	struct termios mode;
};

bool net_terminal_take(struct net_terminal *t);
void net_terminal_back(struct net_terminal *t);

int net_signal_number(const char *name); /* "TERM", "SIGTERM"; 0: unknown */
const char *net_signal_name(int sig);	 /* "TERM" */

int net_pump_fd(void); /* every wait polls it; -1: nothing to do */
void net_pump(void);
unsigned int net_pump_pipes(void);
struct net_stream *net_stream_new(int fd, size_t keep, struct net_process *owner);
void net_stream_free(struct net_stream *s, bool goes_on);
void net_stream_take(struct net_stream *s);
ssize_t net_stream_read(struct net_stream *s, size_t most);
bool net_stream_line(const struct net_stream *s, uint64_t *pos, bool rest, uint64_t *start, size_t *len);
void net_stream_copy(const struct net_stream *s, uint64_t from, size_t len, char *to);
int net_stream_put(struct net_stream *s, const char *data, size_t len, struct net_err *err);
void net_stream_finish(struct net_stream *s);

/* A command run to its end with its output kept. */
struct net_exec {
	struct net_op op;
	struct pollfd fd;
	struct net_process process;
	double start, seconds;
	bool timed_out;
};

int net_exec_start(const struct net_spawn *spec, const char *input, size_t input_len, double timeout,
		   struct net_exec *e, struct net_err *err);
void net_exec_free(struct net_exec *e);

#endif
