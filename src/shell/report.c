/* report.c - uncaught errors: the message, the script's own frames where they help, the exit code */
#include <stdio.h>
#include <string.h>

#include "chunks.h"
#include "shell.h"

#define TRACEBACK "nsh.traceback" /* registry: of the last error */
#define FIRST 10		  /* frames of a long traceback that are shown at either end */
#define LAST 10
#define WINDOW 30 /* levels at either end of the stack that are looked at for them */

/* Frames of our own Lua and of C functions say nothing about the script. */
static bool is_script_frame(lua_State *L, lua_Debug *ar)
{
	lua_getinfo(L, "Slnt", ar);
	return ar->currentline >= 0 && strncmp(ar->source, CHUNK_PREFIX, strlen(CHUNK_PREFIX)) != 0;
}

static void add_frame(lua_State *L, luaL_Buffer *b, const lua_Debug *ar)
{
	lua_pushfstring(L, "\n\t%s:%d: in ", ar->short_src, ar->currentline);
	luaL_addvalue(b);
	if (*ar->namewhat)
		lua_pushfstring(L, "%s '%s'", ar->namewhat, ar->name);
	else if (*ar->what == 'm')
		lua_pushliteral(L, "main chunk");
	else
		lua_pushfstring(L, "function <%s:%d>", ar->short_src, ar->linedefined);
	luaL_addvalue(b);
	if (ar->istailcall)
		luaL_addstring(b, "\n\t(...tail calls...)");
}

/* The outermost level.  To reach a level takes a time that grows with it, so they are not counted one by one: a
 * runaway recursion has 200000. */
static int last_level(lua_State *L)
{
	lua_Debug ar;
	int there = 0, beyond = 1;

	for (; lua_getstack(L, beyond, &ar); beyond *= 2)
		there = beyond;
	while (beyond - there > 1) {
		int middle = there + (beyond - there) / 2;

		*(lua_getstack(L, middle, &ar) ? &there : &beyond) = middle;
	}
	return there;
}

/* The script's frames at either end of the stack.  Return: how many. */
static int find_frames(lua_State *L, lua_Debug frames[2 * WINDOW])
{
	int n = 0, last = last_level(L);

	for (int level = 1; level <= last; level++) {
		if (level == WINDOW + 1 && last > 2 * WINDOW)
			level = last - WINDOW + 1;
		n += lua_getstack(L, level, &frames[n]) && is_script_frame(L, &frames[n]);
	}
	return n;
}

/* Pushes the traceback, or nil where the message's own position says as much. */
static void push_traceback(lua_State *L)
{
	lua_Debug frames[2 * WINDOW];
	int n = find_frames(L, frames);
	luaL_Buffer b;

	if (n < 2) {
		lua_pushnil(L);
		return;
	}
	luaL_buffinit(L, &b);
	luaL_addstring(&b, "stack traceback:");
	for (int i = 0; i < n; i++) {
		if (i == FIRST && n > FIRST + LAST) {
			luaL_addstring(&b, "\n\t...");
			i = n - LAST;
		}
		add_frame(L, &b, &frames[i]);
	}
	luaL_pushresult(&b);
}

/* Message handler: the error value goes on as it is. */
static int remember(lua_State *L)
{
	push_traceback(L);
	lua_setfield(L, LUA_REGISTRYINDEX, TRACEBACK);
	return 1;
}

/* An error object of lua/nsh/error.lua, at the top of the stack, which says that something is not to be had here? */
static bool is_lack(lua_State *L)
{
	static const char *const codes[] = {"EPERM", "EACCES", "EOPNOTSUPP", "EAFNOSUPPORT", "ENOSYS", NULL};
	int top = lua_gettop(L);
	bool lack = false;

	if (lua_istable(L, top) && lua_getmetatable(L, top) && modules_loaded(L, "nsh.error")) {
		lua_getfield(L, -1, "Error");
		if (lua_rawequal(L, -1, top + 1)) {
			lua_pushliteral(L, "lacks");
			lua_rawget(L, top);
			lack = lua_toboolean(L, -1);
			lua_pushliteral(L, "code");
			if (lua_rawget(L, top) == LUA_TSTRING)
				for (int i = 0; codes[i]; i++)
					lack |= strcmp(codes[i], lua_tostring(L, -1)) == 0;
		}
	}
	lua_settop(L, top);
	return lack;
}

static int message_of(lua_State *L)
{
	if (lua_type(L, 1) != LUA_TSTRING && !luaL_getmetafield(L, 1, "__tostring"))
		lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, 1));
	else
		luaL_tolstring(L, 1, NULL);
	return 1;
}

/* report_call() - lua_pcall() that remembers where an error came from */
int report_call(lua_State *L, int nargs, int nresults)
{
	int base = lua_gettop(L) - nargs, status;

	lua_pushcfunction(L, remember);
	lua_insert(L, base);
	status = lua_pcall(L, nargs, nresults, base);
	lua_remove(L, base);
	return status;
}

/* report_error() - print the error at the top of the stack and pop it; returns the exit code that it means */
int report_error(lua_State *L)
{
	int code = is_lack(L) ? SHELL_LACKS : SHELL_ERROR;

	if (interrupt_signal())
		lua_sethook(L, NULL, 0, 0); /* it has done its work; __tostring may run */
	else
		lab_tell_error(L, code);
	lua_pushcfunction(L, message_of);
	lua_insert(L, -2);
	if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
		lua_pop(L, 1);
		lua_pushliteral(L, "(the error's __tostring failed)");
	}
	fflush(stdout);
	fprintf(stderr, "%s\n", lua_tostring(L, -1));
	lua_pop(L, 1);
	if (lua_getfield(L, LUA_REGISTRYINDEX, TRACEBACK) == LUA_TSTRING && !interrupt_signal())
		fprintf(stderr, "%s\n", lua_tostring(L, -1));
	lua_pop(L, 1);
	lua_pushnil(L);
	lua_setfield(L, LUA_REGISTRYINDEX, TRACEBACK);
	return code;
}
