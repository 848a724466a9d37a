/* lab.c - what follows a script that returned a lab, and what is done with scripts in its place: --check, --test */
#include <string.h>
#include <unistd.h>

#include "shell.h"

/* Pushes a function of one of our modules. */
static void push_function(lua_State *L, const char *module, const char *name)
{
	modules_require(L, "nsh");
	modules_require(L, module);
	lua_getfield(L, -1, name);
	lua_replace(L, -3);
	lua_pop(L, 1);
}

static void set_flag(lua_State *L, const char *key, bool value)
{
	lua_pushboolean(L, value);
	lua_setfield(L, -2, key);
}

/* Pushes { script, words, before, json, interactive, terminal }; before: the words of nsh's own options */
static void push_options(lua_State *L, int argc, char **argv, const struct options *o)
{
	lua_createtable(L, 0, 5);
	lua_pushstring(L, argv[o->script]);
	lua_setfield(L, -2, "script");
	lua_createtable(L, argc - o->script - 1, 0);
	for (int i = o->script + 1; i < argc; i++) {
		lua_pushstring(L, argv[i]);
		lua_rawseti(L, -2, i - o->script);
	}
	lua_setfield(L, -2, "words");
	lua_createtable(L, o->script, 0);
	for (int i = 1; i < o->script; i++) {
		lua_pushstring(L, argv[i]);
		lua_rawseti(L, -2, i);
	}
	lua_setfield(L, -2, "before");
	set_flag(L, "json", o->json);
	set_flag(L, "interactive", o->interactive);
	set_flag(L, "terminal", isatty(STDIN_FILENO) && isatty(STDOUT_FILENO));
}

static struct {
	int argc;
	char **argv;
	const struct options *o; /* NULL: errors are for people alone */
} line;

/* lab_errors() - from here on errors are told as this command line asks for; @o: NULL: to people alone */
void lab_errors(int argc, char **argv, const struct options *o)
{
	line.argc = argc;
	line.argv = argv;
	line.o = o;
}

static bool may_ask_json(void)
{
	bool may = line.o && line.o->json;

	for (int i = line.o ? line.o->script + 1 : line.argc; i < line.argc; i++)
		may |= strcmp(line.argv[i], "--json") == 0;
	return may;
}

static int tell_error(lua_State *L)
{
	push_function(L, "nsh.lab.verbs", "tell_error");
	lua_insert(L, 1);
	if (line.o->script < line.argc) {
		push_options(L, line.argc, line.argv, line.o);
	} else {
		lua_createtable(L, 0, 2);
		lua_newtable(L);
		lua_setfield(L, -2, "words");
		set_flag(L, "json", true);
	}
	lua_insert(L, 3);
	lua_call(L, 3, 0);
	return 0;
}

/* lab_tell_error() - print the error at the top of the stack as JSON, if that is asked for; @code: the exit code */
void lab_tell_error(lua_State *L, int code)
{
	if (!may_ask_json())
		return;
	lua_pushcfunction(L, tell_error);
	lua_pushvalue(L, -2);
	lua_pushinteger(L, code);
	if (lua_pcall(L, 2, 0, 0) != LUA_OK)
		lua_pop(L, 1);
}

/*
 * lab_verb() - do what the words after a script say with the lab that it returned; anything else is let be
 * @prompt: set where the prompt is to follow
 *
 * What the script returned is at the top, and is popped.  Return: the exit code.
 */
int lab_verb(lua_State *L, int argc, char **argv, const struct options *o, bool *prompt)
{
	int code = SHELL_OK;

	if (!modules_loaded(L, "nsh.lab")) {
		lua_pop(L, 1);
		return code;
	}
	lua_pop(L, 1);
	push_function(L, "nsh.lab.verbs", "run");
	lua_insert(L, -2);
	push_options(L, argc, argv, o);
	if (report_call(L, 2, 2) != LUA_OK)
		return report_error(L);
	if (!lua_isnil(L, -2)) {
		code = (int)lua_tointeger(L, -2);
		*prompt = lua_toboolean(L, -1);
	}
	lua_pop(L, 2);
	return code;
}

/* lab_check_begin() - before a script that is only looked at runs */
void lab_check_begin(lua_State *L)
{
	push_function(L, "nsh.lab.dry", "begin");
	lua_call(L, 0, 0);
}

/* Calls the function on top with the options; returns the exit code, its own. */
static int call_with_options(lua_State *L, int argc, char **argv, const struct options *o)
{
	int code;

	push_options(L, argc, argv, o);
	if (report_call(L, 1, 1) != LUA_OK)
		return report_error(L);
	code = (int)lua_tointeger(L, -1);
	lua_pop(L, 1);
	return code;
}

/* lab_check_end() - tell of the labs that the script declared, when it ended well; returns the exit code */
int lab_check_end(lua_State *L, int code, int argc, char **argv, const struct options *o)
{
	if (code != SHELL_OK || interrupt_signal())
		return code;
	push_function(L, "nsh.lab.dry", "finish");
	return call_with_options(L, argc, argv, o);
}

/* lab_test() - run specs; returns the exit code */
int lab_test(lua_State *L, int argc, char **argv, const struct options *o)
{
	push_function(L, "nsh.test_run", "main");
	return call_with_options(L, argc, argv, o);
}
