/* sniff.c - --capture: packets as lines or as a file, while a script runs and after it */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../net/net.h"
#include "shell.h"

/* What the options say, as { links, filter, count, file, fd }. */
static void push_options(lua_State *L, char **argv, const struct options *o, int fd)
{
	lua_Integer links = 0;
	const char *value;
	char letter;
	int i = 1;

	lua_newtable(L);
	lua_newtable(L);
	while ((letter = options_next(argv, o->script, &i, &value))) {
		if (letter == 'C') {
			lua_pushstring(L, value);
			lua_rawseti(L, -2, ++links);
		} else if (links && (letter == 'f' || letter == 'c' || letter == 'w')) {
			lua_pushstring(L, value);
			lua_setfield(L, -3, letter == 'f' ? "filter" : letter == 'c' ? "count" : "file");
		}
	}
	lua_setfield(L, -2, "links");
	if (fd >= 0) {
		lua_pushinteger(L, fd);
		lua_setfield(L, -2, "fd");
	}
}

/* Packets go where standard output went; all that writes there, commands too, goes to standard error from now on. */
static int take_stdout(void)
{
	int fd;

	if (isatty(STDOUT_FILENO)) {
		fputs("nsh: -w -: standard output is a terminal; a pipe or a file is wanted\n", stderr);
		return -1;
	}
	fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (fd < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
		fprintf(stderr, "nsh: -w -: %s\n", net_strerror(errno));
		return -1;
	}
	return fd;
}

/* Calls a function of the module with what is at the top.  Return: what it returned, an exit code. */
static int call(lua_State *L, const char *name)
{
	int code;

	modules_require(L, "nsh");
	modules_require(L, "nsh.sniff");
	lua_getfield(L, -1, name);
	lua_replace(L, -3);
	lua_pop(L, 1);
	lua_pushvalue(L, -2);
	if (report_call(L, 1, 1) != LUA_OK)
		return -1;
	code = (int)lua_tointeger(L, -1);
	lua_pop(L, 2);
	return code;
}

/* sniff_begin() - capture the links that there are, and the others once they come; returns the exit code */
int sniff_begin(lua_State *L, char **argv, const struct options *o)
{
	int fd = -1, code;

	if (o->to_stdout) {
		fd = take_stdout();
		if (fd < 0)
			return SHELL_USAGE;
	}
	push_options(L, argv, o, fd);
	code = call(L, "begin");
	return code < 0 ? report_error(L) : code;
}

/* sniff_end() - go on until Ctrl-C, or for as long as the capture does, and tell how much there was
 * @wait: false: end it now
 */
int sniff_end(lua_State *L, bool wait)
{
	int code;

	lua_pushboolean(L, wait);
	code = call(L, "finish");
	if (code >= 0)
		return code;
	if (interrupt_signal() != SIGINT || !wait)
		return report_error(L);
	lua_pop(L, 2);
	interrupt_clear(L); /* Ctrl-C is how it is meant to end */
	lua_pushboolean(L, false);
	code = call(L, "finish");
	return code < 0 ? report_error(L) : code;
}
