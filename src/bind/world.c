/* world.c - nsh.core.world: make it, ask about it */
#include "bind.h"

static int world_make(lua_State *L)
{
	struct net_err err;
	bool host = lua_toboolean(L, 1);

	if (net_wait_init(&err) < 0)
		return bind_fail(L, &err);
	return bind_ok(L, net_world_make(host ? NET_WORLD_HOST : NET_WORLD_PRIVATE, &err), &err);
}

static int world_made(lua_State *L)
{
	lua_pushboolean(L, net_world_made());
	return 1;
}

/* run() -> the folder for sockets and the like of its programs */
static int world_run(lua_State *L)
{
	lua_pushstring(L, net_world_is_host() ? "/run" : NET_RUN);
	return 1;
}

static const luaL_Reg lib[] = {
	{"made", world_made},
	{"make", world_make},
	{"run", world_run},
	{NULL, NULL},
};

int bind_open_world(lua_State *L)
{
	luaL_newlib(L, lib);
	return 1;
}
