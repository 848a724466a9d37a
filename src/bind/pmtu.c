/* pmtu.c - nsh.core.pmtu: how large packets may be on a path */
#include "bind.h"

#define PMTU "nsh.pmtu"

static const char *const keys[] = {"dev", "link_mtu", "src", "timeout", NULL};

static int pmtu_gc(lua_State *L)
{
	net_pmtu_free(luaL_checkudata(L, 1, PMTU));
	return 0;
}

/* start(ns, dst, { dev, link_mtu, src, timeout }) -> an op */
static int pmtu_start(lua_State *L)
{
	struct net_ns *ns = bind_ns(L, 1);
	struct net_err err = {0};
	struct net_pmtu *p;

	lua_settop(L, 3);
	bind_known_keys(L, 3, keys);
	p = lua_newuserdatauv(L, sizeof(*p), 0);
	*p = (struct net_pmtu){.dst = luaL_checkstring(L, 2)};
	luaL_setmetatable(L, PMTU);
	p->src = bind_string(L, 3, "src", NULL);
	p->dev = bind_string(L, 3, "dev", NULL);
	p->link_mtu = (unsigned int)bind_integer(L, 3, "link_mtu", 65535, 1, INT32_MAX);
	p->timeout = bind_seconds(L, 3, "timeout", 1);
	if (net_pmtu_start(ns, p, &err) < 0)
		return bind_fail(L, &err);
	return 1;
}

/* result(op that is done) -> { mtu, rtt, reached, blackhole, limits = { { from, mtu }, ... } } */
static int pmtu_result(lua_State *L)
{
	struct net_pmtu *p = luaL_checkudata(L, 1, PMTU);

	lua_createtable(L, 0, 5);
	if (p->mtu) {
		lua_pushinteger(L, p->mtu);
		lua_setfield(L, -2, "mtu");
	}
	if (p->rtt > 0) {
		lua_pushnumber(L, p->rtt);
		lua_setfield(L, -2, "rtt");
	}
	lua_pushboolean(L, p->reached);
	lua_setfield(L, -2, "reached");
	lua_pushboolean(L, p->reached && p->blackhole);
	lua_setfield(L, -2, "blackhole");
	lua_createtable(L, (int)p->n_limits, 0);
	for (unsigned int i = 0; i < p->n_limits; i++) {
		lua_createtable(L, 0, 2);
		lua_pushstring(L, p->limits[i].from);
		lua_setfield(L, -2, "from");
		lua_pushinteger(L, p->limits[i].mtu);
		lua_setfield(L, -2, "mtu");
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_setfield(L, -2, "limits");
	return 1;
}

static const luaL_Reg lib[] = {
	{"result", pmtu_result},
	{"start", pmtu_start},
	{NULL, NULL},
};

static const luaL_Reg meta[] = {
	{"__close", pmtu_gc},
	{"__gc", pmtu_gc},
	{NULL, NULL},
};

int bind_open_pmtu(lua_State *L)
{
	luaL_newmetatable(L, PMTU);
	luaL_setfuncs(L, meta, 0);
	bind_op_class(L);
	lua_pop(L, 1);
	luaL_newlib(L, lib);
	return 1;
}
