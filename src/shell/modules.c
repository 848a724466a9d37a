/* modules.c - the Lua that is part of the binary, and the globals that load it at first use
 *
 * A script that needs no network shall start as fast as in lua(1), so `nsh`, `netns` and `lab` are empty tables until
 * something is asked of them.  Each module is made once for the process: test runners that empty package.loaded
 * between files get the same objects again.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../bind/bind.h"
#include "chunks.h"
#include "shell.h"

#define MODULES "nsh.modules" /* registry: name -> what the module returned */
#define LAZY "nsh.lazy"	      /* metatable of a global that is not loaded yet */
#define MAX_FILE (1 << 20)

static const char *const lazy_globals[] = {"nsh", "netns", "lab", NULL};
static const char *lua_dir; /* the files instead of the embedded ones, for work on them */

/* Pushes the table of globals that lua/nsh/init.lua fills. */
static void push_globals(lua_State *L)
{
	lua_getfield(L, LUA_REGISTRYINDEX, SHELL_GLOBALS);
}

static void set_lazy(lua_State *L, bool on)
{
	push_globals(L);
	for (int i = 0; lazy_globals[i]; i++) {
		lua_getfield(L, -1, lazy_globals[i]);
		if (on)
			luaL_getmetatable(L, LAZY);
		else
			lua_pushnil(L);
		lua_setmetatable(L, -2);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
}

/* Pushes the text of a chunk. */
static void push_text(lua_State *L, const struct nsh_chunk *chunk)
{
	const char *path;
	char *text;
	size_t n;
	FILE *f;

	if (!lua_dir) {
		lua_pushlstring(L, chunk->text, chunk->len);
		return;
	}
	path = lua_pushfstring(L, "%s/%s", lua_dir, chunk->chunkname + strlen(CHUNK_PREFIX));
	text = lua_newuserdatauv(L, MAX_FILE, 0);
	f = fopen(path, "re");
	if (!f)
		luaL_error(L, "cannot open %s (NSH_LUA_DIR is set)", path);
	n = f ? fread(text, 1, MAX_FILE, f) : 0;
	if (f)
		fclose(f);
	lua_pushlstring(L, text, n);
}

/* globals.source(module): the text of an embedded module, for help(); nil if there is none */
static int source(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);

	for (const struct nsh_chunk *chunk = nsh_chunks; chunk->module; chunk++)
		if (strcmp(chunk->module, name) == 0) {
			push_text(L, chunk);
			return 1;
		}
	return 0;
}

/* Pushes the function of a chunk.  Another Lua than that of the build may not take what that one has compiled. */
static void push_chunk(lua_State *L, const struct nsh_chunk *chunk)
{
	const char *text;
	size_t len;

	if (!lua_dir && luaL_loadbufferx(L, chunk->code, chunk->code_len, chunk->chunkname, "b") == LUA_OK)
		return;
	push_text(L, chunk);
	text = lua_tolstring(L, -1, &len);
	if (luaL_loadbufferx(L, text, len, chunk->chunkname, "t") != LUA_OK)
		lua_error(L);
}

/* package.preload function of an embedded module; its chunk is the upvalue. */
static int load_module(lua_State *L)
{
	const struct nsh_chunk *chunk = lua_touserdata(L, lua_upvalueindex(1));
	bool is_main = strcmp(chunk->module, "nsh") == 0;
	int status;

	lua_settop(L, 0);
	lua_getfield(L, LUA_REGISTRYINDEX, MODULES);
	if (lua_getfield(L, 1, chunk->module) != LUA_TNIL)
		return 1;
	push_chunk(L, chunk);
	lua_pushstring(L, chunk->module);
	if (is_main)
		set_lazy(L, false);
	status = lua_pcall(L, 1, 1, 0);
	if (status != LUA_OK) {
		if (is_main)
			set_lazy(L, true);
		return lua_error(L);
	}
	if (is_main) {
		push_globals(L);
		lua_getfield(L, -1, "nsh");
	} else if (lua_isnil(L, -1)) {
		lua_pushboolean(L, 1);
	}
	lua_pushvalue(L, -1);
	lua_setfield(L, 1, chunk->module);
	return 1;
}

static int load_core(lua_State *L)
{
	lua_getfield(L, LUA_REGISTRYINDEX, MODULES);
	if (lua_getfield(L, -1, "nsh.core") != LUA_TNIL)
		return 1;
	luaopen_nsh_core(L);
	lua_pushvalue(L, -1);
	lua_setfield(L, -4, "nsh.core");
	return 1;
}

/* Leaves the arguments of a metamethod for its operation to be done anew: the globals are no longer lazy then. */
static void load_globals(lua_State *L, int nargs)
{
	modules_require(L, "nsh");
	lua_settop(L, nargs);
}

static int lazy_index(lua_State *L)
{
	load_globals(L, 2);
	lua_gettable(L, 1);
	return 1;
}

static int lazy_newindex(lua_State *L)
{
	load_globals(L, 3);
	lua_settable(L, 1);
	return 0;
}

static int lazy_tostring(lua_State *L)
{
	load_globals(L, 1);
	luaL_tolstring(L, 1, NULL);
	return 1;
}

/* Calls what is at 1 with the rest of the stack. */
static int call_all(lua_State *L)
{
	lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
	return lua_gettop(L);
}

static int lazy_call(lua_State *L)
{
	load_globals(L, lua_gettop(L));
	return call_all(L);
}

static int lazy_pairs(lua_State *L)
{
	load_globals(L, 1);
	lua_getglobal(L, "pairs");
	lua_insert(L, 1);
	return call_all(L);
}

static int help(lua_State *L)
{
	modules_require(L, "nsh.help");
	lua_insert(L, 1);
	return call_all(L);
}

/* modules_require() - push module `name`, loading it if need be; may raise */
void modules_require(lua_State *L, const char *name)
{
	if (modules_loaded(L, name))
		return;
	lua_getglobal(L, "require");
	lua_pushstring(L, name);
	lua_call(L, 1, 1);
}

/* modules_loaded() - push module `name` if it is loaded; else push nothing and return false */
bool modules_loaded(lua_State *L, const char *name)
{
	lua_getfield(L, LUA_REGISTRYINDEX, MODULES);
	lua_getfield(L, -1, name);
	lua_remove(L, -2);
	if (!lua_isnil(L, -1))
		return true;
	lua_pop(L, 1);
	return false;
}

static const luaL_Reg lazy[] = {
	{"__index", lazy_index}, {"__newindex", lazy_newindex}, {"__call", lazy_call},
	{"__pairs", lazy_pairs}, {"__tostring", lazy_tostring}, {NULL, NULL},
};

/* What our own modules ask of the program. */
static const luaL_Reg services[] = {
	{"child", child_start},	    {"leave", interrupt_leave}, {"limit", interrupt_limit}, {"relay", interrupt_relay},
	{"whole", interrupt_whole}, {"source", source},		{"stdlib", paths_stdlib},   {NULL, NULL},
};

/* What the modules know of the command line. */
static void set_options(lua_State *L, const struct options *o, const char *script)
{
	char real[PATH_MAX], cwd[PATH_MAX];

	lua_pushboolean(L, o->host);
	lua_setfield(L, -2, "host");
	lua_pushboolean(L, o->check);
	lua_setfield(L, -2, "check");
	lua_pushstring(L, o->world);
	lua_setfield(L, -2, "world");
	if (o->test) /* its word is no script */
		lua_pushnil(L);
	else if (script && realpath(script, real))
		lua_pushstring(L, real);
	else if (script && *script != '/' && getcwd(cwd, sizeof(cwd))) /* one that is gone, of which a lab may be up */
		lua_pushfstring(L, "%s/%s", cwd, script);
	else
		lua_pushstring(L, script);
	lua_setfield(L, -2, "script");
}

/* modules_open() - register the embedded modules and set the globals */
void modules_open(lua_State *L, bool trust_env, const struct options *o, const char *script)
{
	lua_dir = trust_env ? getenv("NSH_LUA_DIR") : NULL;
	lua_newtable(L);
	lua_setfield(L, LUA_REGISTRYINDEX, MODULES);

	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
	for (const struct nsh_chunk *chunk = nsh_chunks; chunk->module; chunk++) {
		lua_pushlightuserdata(L, (void *)chunk);
		lua_pushcclosure(L, load_module, 1);
		lua_setfield(L, -2, chunk->module);
	}
	lua_pushcfunction(L, load_core);
	lua_setfield(L, -2, "nsh.core");

	luaL_newmetatable(L, LAZY);
	luaL_setfuncs(L, lazy, 0);
	lua_newtable(L);
	set_options(L, o, script);
	lua_pushliteral(L, NSH_VERSION);
	lua_setfield(L, -2, "version");
	luaL_setfuncs(L, services, 0);
	for (int i = 0; lazy_globals[i]; i++) {
		lua_newtable(L);
		lua_pushvalue(L, -1);
		lua_setglobal(L, lazy_globals[i]);
		lua_setfield(L, -2, lazy_globals[i]);
	}
	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
	lua_pushvalue(L, -2);
	lua_setfield(L, -2, SHELL_GLOBALS);
	lua_pop(L, 1);
	lua_setfield(L, LUA_REGISTRYINDEX, SHELL_GLOBALS);
	lua_pop(L, 2);
	set_lazy(L, true);
	lua_pushcfunction(L, help);
	lua_setglobal(L, "help");
}
