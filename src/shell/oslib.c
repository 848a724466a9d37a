/* oslib.c - os.exit, os.execute and io.popen: as in lua(1), but cleaning up, and never outside the world */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lualib.h>

#include "../bind/bind.h"
#include "shell.h"

/* A file handle of the io library with the process at its other end. */
struct pipe_stream {
	luaL_Stream stream;
	struct net_process process;
};

/* Pushes the namespace that commands run in, making the world if need be. */
static struct net_ns *push_current(lua_State *L)
{
	modules_require(L, "nsh.world");
	lua_getfield(L, -1, "ensure");
	lua_call(L, 0, 0);
	lua_getfield(L, -1, "current_core");
	lua_call(L, 0, 1);
	lua_remove(L, -2);
	return bind_ns(L, -1);
}

static int spawn_shell(struct net_ns *ns, const char *command, const int fd[3], struct net_process *p,
		       struct net_err *err)
{
	const char *const argv[] = {"/bin/sh", "-c", command, NULL};
	struct net_spawn spec = {.ns = ns, .argv = argv, .fd = {fd[0], fd[1], fd[2]}, .group = NET_GROUP_OURS};

	fflush(NULL);
	return net_spawn(&spec, p, err);
}

/* nil, message, errno: what the stock functions return when there is no child at all */
static int push_failure(lua_State *L, const struct net_err *err)
{
	lua_pushnil(L);
	lua_pushstring(L, *err->text ? err->text : net_strerror(err->code));
	lua_pushinteger(L, err->code);
	return 3;
}

int oslib_command(lua_State *L, const char *command)
{
	const int fd[3] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
	struct net_process p = {.pidfd = -1};
	struct net_err err = {0};
	struct net_ns *ns = push_current(L);
	int r;

	interrupt_hold();
	r = spawn_shell(ns, command, fd, &p, &err);
	if (r == 0)
		r = net_process_wait(&p, -1, &err);
	if (r == -EINTR) /* by another signal than Ctrl-C: it is not for the command alone */
		net_process_kill(&p, SIGTERM, &err);
	net_process_close(&p);
	interrupt_release();
	lua_pop(L, 1);
	if (r < 0) {
		push_failure(L, &err);
		return -1;
	}
	return p.status;
}

static int os_execute(lua_State *L)
{
	const char *command = luaL_optstring(L, 1, NULL);
	int status;

	if (!command) { /* is there a shell? */
		lua_pushboolean(L, access("/bin/sh", X_OK) == 0);
		return 1;
	}
	status = oslib_command(L, command);
	if (status == -1)
		return 3;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGINT)
		interrupt_now(); /* Ctrl-C took the command; it meant the script */
	errno = 0;		 /* or luaL_execresult() takes it for the failure's */
	return luaL_execresult(L, status);
}

/* Closes the pipe and waits for the command, but not while the program is on its way out. */
static int close_pipe(lua_State *L)
{
	struct pipe_stream *s = luaL_checkudata(L, 1, LUA_FILEHANDLE);
	struct net_err err = {0};
	int r = -EINTR;

	fclose(s->stream.f);
	if (!interrupt_signal())
		r = net_process_wait(&s->process, -1, &err);
	net_process_close(&s->process);
	if (r < 0) {
		errno = -r;
		return luaL_fileresult(L, 0, NULL);
	}
	errno = 0; /* as above */
	return luaL_execresult(L, s->process.status);
}

static struct pipe_stream *new_stream(lua_State *L)
{
	struct pipe_stream *s = lua_newuserdatauv(L, sizeof(*s), 0);

	memset(s, 0, sizeof(*s));
	s->process.pidfd = -1;
	luaL_setmetatable(L, LUA_FILEHANDLE);
	return s;
}

/* Starts the command with one end of a pipe and leaves the other in s->stream.f. */
static int open_pipe(struct net_ns *ns, const char *command, bool reads, struct pipe_stream *s, struct net_err *err)
{
	int fd[3] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}, ends[2], r;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return net_fail(err, errno, "cannot make a pipe: %s", net_strerror(errno));
	fd[reads ? 1 : 0] = ends[reads ? 1 : 0];
	s->stream.f = fdopen(ends[reads ? 0 : 1], reads ? "r" : "w");
	if (!s->stream.f) {
		r = net_fail(err, errno, "cannot open the pipe: %s", net_strerror(errno));
		close(ends[0]);
		close(ends[1]);
		return r;
	}
	r = spawn_shell(ns, command, fd, &s->process, err);
	close(ends[reads ? 1 : 0]);
	if (r < 0)
		fclose(s->stream.f);
	return r;
}

static int io_popen(lua_State *L)
{
	const char *command = luaL_checkstring(L, 1);
	const char *mode = luaL_optstring(L, 2, "r");
	struct net_err err = {0};
	struct pipe_stream *s;
	struct net_ns *ns;

	luaL_argcheck(L, (*mode == 'r' || *mode == 'w') && !mode[1], 2, "invalid mode");
	ns = push_current(L);
	s = new_stream(L); /* born closed */
	if (open_pipe(ns, command, *mode == 'r', s, &err) < 0) {
		s->stream.f = NULL;
		return push_failure(L, &err);
	}
	s->stream.closef = close_pipe;
	return 1;
}

static int os_exit(lua_State *L)
{
	int code;

	if (lua_isboolean(L, 1))
		code = lua_toboolean(L, 1) ? SHELL_OK : SHELL_ERROR;
	else
		code = (int)luaL_optinteger(L, 1, SHELL_OK);
	shell_end(L, lua_isnoneornil(L, 2) || lua_toboolean(L, 2), code);
}

/* oslib_open() - replace the functions of the stock libraries */
void oslib_open(lua_State *L)
{
	lua_getglobal(L, "os");
	lua_pushcfunction(L, os_exit);
	lua_setfield(L, -2, "exit");
	lua_pushcfunction(L, os_execute);
	lua_setfield(L, -2, "execute");
	lua_getglobal(L, "io");
	lua_pushcfunction(L, io_popen);
	lua_setfield(L, -2, "popen");
	lua_pop(L, 2);
}
