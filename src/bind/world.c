/* world.c - nsh.core.world: make it, ask about it */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bind.h"

/* make(host, name, script) -> true; name: of the named world, and script what goes into its record */
static int world_make(lua_State *L)
{
	struct net_err err;
	struct net_world_spec spec = {
		.mode = lua_toboolean(L, 1) ? NET_WORLD_HOST : NET_WORLD_PRIVATE,
		.name = luaL_optstring(L, 2, NULL),
		.script = luaL_optstring(L, 3, NULL),
	};

	if (net_wait_init(&err) < 0)
		return bind_fail(L, &err);
	return bind_ok(L, net_world_make(&spec, &err), &err);
}

static int world_made(lua_State *L)
{
	lua_pushboolean(L, net_world_made());
	return 1;
}

/* lasts([at_work]) -> true; or that the named world that we are in has ended, or is just being ended by the kernel */
static int world_lasts(lua_State *L)
{
	bool at_work = lua_toboolean(L, 1);
	struct net_err err;

	return bind_ok(L, (at_work || net_world_gone()) && net_world_lost(&err) ? -1 : 0, &err);
}

/* --- named worlds --- */

static int list_gc(lua_State *L)
{
	net_worlds_free(lua_touserdata(L, 1));
	return 0;
}

static void set_count(lua_State *L, const char *key, lua_Integer value)
{
	if (value < 0)
		return;
	lua_pushinteger(L, value);
	lua_setfield(L, -2, key);
}

static void push_info(lua_State *L, const struct net_world_info *info)
{
	lua_Integer n = 0;

	lua_createtable(L, 0, 8);
	lua_pushstring(L, info->name);
	lua_setfield(L, -2, "name");
	if (*info->script) {
		lua_pushstring(L, info->script);
		lua_setfield(L, -2, "script");
	}
	set_count(L, "since", info->since ? info->since : -1);
	set_count(L, "keeper", info->keeper > 0 ? info->keeper : -1);
	set_count(L, "processes", info->processes);
	set_count(L, "sessions", info->sessions);
	set_count(L, "namespaces", info->namespaces);
	lua_newtable(L);
	for (const char *p = info->labs; p && p < info->labs + info->labs_len; p += strlen(p) + 1) {
		lua_pushstring(L, p);
		lua_rawseti(L, -2, ++n);
	}
	lua_setfield(L, -2, "labs");
}

/* list() -> list of { name, script, since, keeper, processes, sessions, namespaces, labs } */
static int world_list(lua_State *L)
{
	struct net_worlds *list = bind_new_owned(L, sizeof(*list), "nsh.worlds", list_gc);
	struct net_err err;

	if (net_worlds(list, &err) < 0)
		return bind_fail(L, &err);
	lua_createtable(L, (int)list->n, 0);
	for (unsigned int i = 0; i < list->n; i++) {
		push_info(L, &list->v[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

/* known(name) -> whether there is a world of this name */
static int world_known(lua_State *L)
{
	lua_pushboolean(L, net_world_known(luaL_checkstring(L, 1)));
	return 1;
}

/* kill(name) -> true, when it is gone */
static int world_kill(lua_State *L)
{
	struct net_err err;
	size_t len;
	const char *name = luaL_checklstring(L, 1, &len);

	if (net_check_world_name(name, len, &err) < 0)
		return bind_misuse(L, "%s", err.text);
	return bind_ok(L, net_world_kill(name, &err), &err);
}

static int names_gc(lua_State *L)
{
	free(*(char **)lua_touserdata(L, 1));
	return 0;
}

/* folder(path) -> the names in it */
static int world_folder(lua_State *L)
{
	const char *path = luaL_checkstring(L, 1);
	char **names = bind_new_owned(L, sizeof(*names), "nsh.folder-names", names_gc);
	struct net_err err;
	lua_Integer n = 0;
	size_t len;

	if (net_folder_names(path, names, &len, &err) < 0)
		return bind_fail(L, &err);
	lua_newtable(L);
	for (const char *p = *names; p && p < *names + len; p += strlen(p) + 1) {
		lua_pushstring(L, p);
		lua_rawseti(L, -2, ++n);
	}
	return 1;
}

/* journal() -> the folder where labs on the machine itself are noted */
static int world_journal(lua_State *L)
{
	char path[PATH_MAX];
	struct net_err err;

	if (net_journal(path, sizeof(path), &err) < 0)
		return bind_fail(L, &err);
	lua_pushstring(L, path);
	return 1;
}

static int lock_gc(lua_State *L)
{
	int *fd = lua_touserdata(L, 1);

	if (*fd > 0)
		close(*fd);
	*fd = 0;
	return 0;
}

/* lock(path) -> what holds the lock until it is closed */
static int world_lock(lua_State *L)
{
	const char *path = luaL_checkstring(L, 1);
	int *fd = bind_new_owned(L, sizeof(*fd), "nsh.lock", lock_gc), r;
	struct net_err err;

	luaL_getmetatable(L, "nsh.lock");
	lua_pushcfunction(L, lock_gc);
	lua_setfield(L, -2, "__close");
	lua_pop(L, 1);
	r = net_lock_file(path, &err);
	if (r < 0)
		return bind_fail(L, &err);
	*fd = r;
	return 1;
}

/* mark(text): new namespaces have it as an alternative name of their lo; nil: none */
static int world_mark(lua_State *L)
{
	net_ns_set_mark(luaL_optstring(L, 1, NULL));
	return 0;
}

/* self() -> our own pid, and when we were started */
static int world_self(lua_State *L)
{
	lua_pushinteger(L, getpid());
	lua_pushinteger(L, net_process_start(getpid()));
	return 2;
}

/* notice() -> what the user should know of the records; nil: nothing */
static int world_notice(lua_State *L)
{
	lua_pushstring(L, net_state_notice());
	return 1;
}

/* run() -> the folder for sockets and the like of its programs */
static int world_run(lua_State *L)
{
	lua_pushstring(L, net_world_is_host() ? "/run" : NET_RUN);
	return 1;
}

static const luaL_Reg lib[] = {
	{"folder", world_folder}, {"journal", world_journal},
	{"kill", world_kill},	  {"known", world_known},
	{"lasts", world_lasts},	  {"list", world_list},
	{"lock", world_lock},	  {"made", world_made},
	{"make", world_make},	  {"mark", world_mark},
	{"notice", world_notice}, {"run", world_run},
	{"self", world_self},	  {NULL, NULL},
};

int bind_open_world(lua_State *L)
{
	luaL_newlib(L, lib);
	return 1;
}
