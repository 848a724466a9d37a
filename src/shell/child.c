/* child.c - another nsh, for each file of specs: outside of our world, and what it tells comes by a pipe */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shell.h"

#define TELL 3 /* the descriptor that the child writes to */

/* A file handle of the io library with the process at its other end. */
struct child_stream {
	luaL_Stream stream;
	pid_t pid;
};

/* Pushes the vector of words for execv(), which the table at 1 keeps alive. */
static char **push_words(lua_State *L)
{
	lua_Integer n = luaL_len(L, 1);
	char **words = lua_newuserdatauv(L, ((size_t)n + 2) * sizeof(*words), 0);

	words[0] = "nsh";
	for (lua_Integer i = 1; i <= n; i++) {
		lua_rawgeti(L, 1, i);
		luaL_checktype(L, -1, LUA_TSTRING); /* a number's text would not be kept alive */
		words[i] = (char *)lua_tostring(L, -1);
		lua_pop(L, 1);
	}
	words[n + 1] = NULL;
	return words;
}

/* In the child: it ends with us, and has its end of the pipe. */
static void become(char **words, int fd, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(127);
	if (fd == TELL ? fcntl(fd, F_SETFD, 0) < 0 : dup2(fd, TELL) < 0)
		_exit(127);
	execv("/proc/self/exe", words);
	_exit(127);
}

/* Closes the pipe and waits for the child, which is told when we are on our way out. */
static int close_child(lua_State *L)
{
	struct child_stream *s = luaL_checkudata(L, 1, LUA_FILEHANDLE);
	int status;

	fclose(s->stream.f);
	if (interrupt_signal())
		kill(s->pid, SIGTERM);
	while (waitpid(s->pid, &status, 0) < 0)
		if (errno != EINTR)
			return luaL_fileresult(L, 0, NULL);
		else if (interrupt_signal())
			kill(s->pid, SIGTERM);
	errno = 0; /* or luaL_execresult() takes it for the failure's */
	return luaL_execresult(L, status);
}

/* child_start() - child { words... }: starts nsh with these words; returns a file that has what it writes to descriptor
 * 3, and whose close() tells how it ended; or nil, message, errno */
int child_start(lua_State *L)
{
	struct child_stream *s;
	char **words;
	int ends[2];
	pid_t pid, us = getpid();

	luaL_checktype(L, 1, LUA_TTABLE);
	words = push_words(L);
	s = lua_newuserdatauv(L, sizeof(*s), 0);
	memset(s, 0, sizeof(*s)); /* born closed */
	luaL_setmetatable(L, LUA_FILEHANDLE);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return luaL_fileresult(L, 0, "pipe");
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		become(words, ends[1], us);
	close(ends[1]);
	s->stream.f = pid < 0 ? NULL : fdopen(ends[0], "r");
	if (!s->stream.f) {
		int r = luaL_fileresult(L, 0, "nsh");

		close(ends[0]);
		return r;
	}
	s->pid = pid;
	s->stream.closef = close_child;
	return 1;
}
