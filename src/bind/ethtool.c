/* ethtool.c - nsh.core.ethtool: what drivers know of a link; links are set by nsh.core.link */
#include <string.h>

#include "bind.h"

static void set_text(lua_State *L, const char *key, const char *text)
{
	if (!*text)
		return;
	lua_pushstring(L, text);
	lua_setfield(L, -2, key);
}

static void set_bool(lua_State *L, const char *key, bool on)
{
	lua_pushboolean(L, on);
	lua_setfield(L, -2, key);
}

/* get(ns, index, part) -> record of that part */
static int ethtool_get(lua_State *L)
{
	struct net_err err;
	struct net_ns *ns = bind_ns(L, 1);
	int index = (int)luaL_checkinteger(L, 2);
	const char *part = luaL_checkstring(L, 3);
	struct net_dump *d = bind_new_dump(L);
	struct net_link_names *names = bind_new_names(L);
	struct net_cursor c;

	if (net_ethtool_get(ns, index, part, d, &c, &err) < 0)
		return bind_fail(L, &err);
	bind_push_record(L, ns, &c, names, 8);
	return 1;
}

/* driver(ns, index) -> { driver, version, firmware, bus }, number of its counters */
static int ethtool_driver(lua_State *L)
{
	struct net_err err;
	struct net_driver driver;
	struct net_ns *ns = bind_ns(L, 1);

	if (net_ethtool_driver(ns, (int)luaL_checkinteger(L, 2), &driver, &err) < 0)
		return bind_fail(L, &err);
	lua_createtable(L, 0, 4);
	set_text(L, "driver", driver.name);
	set_text(L, "version", driver.version);
	set_text(L, "firmware", driver.firmware);
	set_text(L, "bus", driver.bus);
	lua_pushinteger(L, driver.counters);
	return 2;
}

/* counters(ns, index, how many) -> values by name */
static int ethtool_counters(lua_State *L)
{
	struct net_err err;
	struct net_ns *ns = bind_ns(L, 1);
	int index = (int)luaL_checkinteger(L, 2);
	lua_Integer n = luaL_checkinteger(L, 3);
	const uint64_t *values;
	const char *names;
	void *room;

	luaL_argcheck(L, n >= 0 && n < 1 << 20, 3, "out of range");
	room = lua_newuserdatauv(L, NET_COUNTERS_ROOM((size_t)n), 0);
	if (net_ethtool_counters(ns, index, (unsigned int)n, room, &names, &values, &err) < 0)
		return bind_fail(L, &err);
	lua_createtable(L, 0, (int)n);
	for (lua_Integer i = 0; i < n; i++) {
		const char *name = names + i * NET_COUNTER_NAME;

		lua_pushlstring(L, name, strnlen(name, NET_COUNTER_NAME));
		lua_pushinteger(L, (lua_Integer)values[i]);
		lua_rawset(L, -3);
	}
	return 1;
}

/* features(ns, index) -> { { name, on, wanted, fixed }... }, values by the short names */
static int ethtool_features(lua_State *L)
{
	struct net_err err;
	struct net_ns *ns = bind_ns(L, 1);
	int index = (int)luaL_checkinteger(L, 2);
	struct net_features *all = lua_newuserdatauv(L, sizeof(*all), 0);
	const char *name;
	lua_Integer n = 0;

	if (net_ethtool_features(ns, index, all, &err) < 0)
		return bind_fail(L, &err);
	lua_createtable(L, (int)all->n, 0);
	for (unsigned int i = 0; i < all->n; i++) {
		if (!all->v[i].name)
			continue;
		lua_createtable(L, 0, 4);
		set_text(L, "name", all->v[i].name);
		set_bool(L, "on", all->v[i].on);
		set_bool(L, "wanted", all->v[i].wanted);
		set_bool(L, "fixed", all->v[i].fixed);
		lua_rawseti(L, -2, ++n);
	}
	lua_newtable(L);
	for (unsigned int i = 0; (name = net_offload_name(i)); i++) {
		if (net_offload_on(all, name) >= 0)
			set_bool(L, name, net_offload_on(all, name));
	}
	return 2;
}

static const luaL_Reg lib[] = {
	{"counters", ethtool_counters},
	{"driver", ethtool_driver},
	{"features", ethtool_features},
	{"get", ethtool_get},
	{NULL, NULL},
};

int bind_open_ethtool(lua_State *L)
{
	luaL_newlib(L, lib);
	return 1;
}
