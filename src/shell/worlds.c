/* worlds.c - --worlds, --kill and --gc */
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../net/net.h"
#include "shell.h"

static int run(lua_State *L, const char *what, const struct options *o)
{
	modules_require(L, "nsh");
	modules_require(L, "nsh.worlds");
	lua_getfield(L, -1, "main");
	lua_pushstring(L, what);
	lua_pushstring(L, o->world);
	lua_pushboolean(L, o->json);
	if (report_call(L, 3, 0) != LUA_OK)
		return report_error(L);
	lua_pop(L, 2);
	return SHELL_OK;
}

/* A process works in one world: each is looked through by a child, which ends as nsh does.
 * @code: gets what came of it
 * Return: whether this is the child */
static bool in_child(int *code)
{
	int status = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		return true;
	if (pid < 0)
		fprintf(stderr, "nsh: cannot fork: %s\n", net_strerror(errno));
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid < 0 || status)
		*code = pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : SHELL_ERROR;
	return false;
}

/* As if the command line had said so. */
static int run_in(lua_State *L, const char *world, const struct options *o)
{
	lua_getfield(L, LUA_REGISTRYINDEX, SHELL_GLOBALS);
	lua_pushstring(L, world);
	lua_setfield(L, -2, "world");
	lua_pushboolean(L, !world);
	lua_setfield(L, -2, "host");
	lua_pop(L, 1);
	return run(L, "gc", o);
}

/* What dead worlds have left, what labs of killed runs have in living ones, and on the machine. */
static int collect(lua_State *L, const struct options *o)
{
	struct net_worlds list = {0};
	struct net_err err;
	int code = SHELL_OK;

	if (net_worlds(&list, &err) < 0) {
		fprintf(stderr, "nsh: %s\n", *err.text ? err.text : net_strerror(err.code));
		if (*err.hint)
			fprintf(stderr, "  hint: %s\n", err.hint);
		code = SHELL_ERROR;
	}
	for (unsigned int i = 0; i < list.n && !interrupt_signal(); i++)
		if (list.v[i].keeper > 0 && in_child(&code))
			return run_in(L, list.v[i].name, o);
	net_worlds_free(&list);
	if (net_has_journal() && !interrupt_signal() && in_child(&code))
		return run_in(L, NULL, o);
	return code;
}

/* worlds_run() - do what these options say; returns the exit code */
int worlds_run(lua_State *L, const struct options *o)
{
	if (o->kill)
		return run(L, "kill", o);
	if (!o->gc)
		return run(L, "list", o);
	return o->host || o->world ? run(L, "gc", o) : collect(L, o);
}

/* worlds_orphans() - the script isn't there: say which labs are up from it, and how to go on without it */
void worlds_orphans(lua_State *L, const struct options *o)
{
	if (!o->world && !o->host)
		return;
	modules_require(L, "nsh");
	modules_require(L, "nsh.lab.gc");
	lua_getfield(L, -1, "orphans");
	lua_getfield(L, LUA_REGISTRYINDEX, SHELL_GLOBALS);
	lua_getfield(L, -1, "script");
	lua_remove(L, -2);
	if (report_call(L, 1, 0) != LUA_OK)
		report_error(L);
	lua_pop(L, 2);
}
