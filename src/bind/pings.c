/* pings.c - nsh.core.pings: many pings at once */
#include <string.h>
#include <sys/socket.h>

#include "bind.h"

#define PINGS "nsh.pings"
#define MOST (1 << 20) /* pairs */

static const char *const keys[] = {"count", "interval", "size", "timeout", NULL};

static int pings_gc(lua_State *L)
{
	net_pings_free(luaL_checkudata(L, 1, PINGS));
	return 0;
}

static const char *text_at(lua_State *L, int list, lua_Integer i)
{
	const char *s;

	if (lua_rawgeti(L, list, i) != LUA_TSTRING)
		bind_misuse(L, "an address is text like \"10.0.0.1\", not a %s", luaL_typename(L, -1));
	s = lua_tostring(L, -1); /* held by the list */
	lua_pop(L, 1);
	return s;
}

/* The namespaces of the list at @list, as handles; held by the list. */
static const struct net_ns **read_namespaces(lua_State *L, int list, lua_Integer n)
{
	const struct net_ns **v = lua_newuserdatauv(L, (size_t)(n + 1) * sizeof(struct net_ns *), 0);

	for (lua_Integer i = 0; i < n; i++) {
		lua_rawgeti(L, list, i + 1);
		v[i] = bind_ns(L, -1);
		lua_pop(L, 1);
	}
	return v;
}

/* start({ ns, ... }, { which of these, ... }, { address, ... }, { count, interval, size, timeout }) -> an op */
static int pings_start(lua_State *L)
{
	lua_Integer namespaces, n;
	struct net_err err = {0};
	struct net_pings *p;

	for (int i = 1; i <= 4; i++)
		luaL_checktype(L, i, LUA_TTABLE);
	lua_settop(L, 4);
	bind_known_keys(L, 4, keys);
	namespaces = (lua_Integer)lua_rawlen(L, 1);
	n = (lua_Integer)lua_rawlen(L, 3);
	if (n > MOST)
		bind_misuse(L, "%d pairs are more than %d", (int)n, MOST);
	p = lua_newuserdatauv(L, sizeof(*p), 1);
	*p = (struct net_pings){.n = (unsigned int)n};
	luaL_setmetatable(L, PINGS);
	p->count = (unsigned int)bind_integer(L, 4, "count", 1, 1, 1000);
	p->interval = bind_seconds(L, 4, "interval", 0.2);
	p->timeout = bind_seconds(L, 4, "timeout", 2);
	p->size = (unsigned int)bind_integer(L, 4, "size", 56, 0, 65507);
	p->pairs = lua_newuserdatauv(L, (size_t)(n + 1) * sizeof(*p->pairs), 0);
	memset(p->pairs, 0, (size_t)n * sizeof(*p->pairs));
	lua_setiuservalue(L, -2, 1);
	for (lua_Integer i = 0; i < n; i++) {
		lua_rawgeti(L, 2, i + 1);
		p->pairs[i].from = (unsigned int)lua_tointeger(L, -1) - 1;
		lua_pop(L, 1);
		luaL_argcheck(L, p->pairs[i].from < (unsigned int)namespaces, 2, "no such namespace");
		if (net_pings_target(&p->pairs[i], text_at(L, 3, i + 1), &err) < 0)
			return bind_fail(L, &err);
	}
	p->namespaces = read_namespaces(L, 1, namespaces);
	lua_pushvalue(L, 5);
	if (net_pings_start(p, (unsigned int)namespaces, &err) < 0)
		return bind_fail(L, &err);
	return 1;
}

/* go_on(op, how many pairs) */
static int pings_go_on(lua_State *L)
{
	struct net_pings *p = luaL_checkudata(L, 1, PINGS);
	lua_Integer until = luaL_checkinteger(L, 2);

	luaL_argcheck(L, p->state && until >= 0 && until <= MOST, 2, "how many");
	net_pings_go_on(p, (unsigned int)until);
	return 0;
}

/* result(op, i) -> sent, received, min, sum, max, error, who reported it; of one pair */
static int pings_result(lua_State *L)
{
	struct net_pings *p = luaL_checkudata(L, 1, PINGS);
	lua_Integer i = luaL_checkinteger(L, 2);
	const struct net_pings_pair *pair;

	luaL_argcheck(L, i >= 1 && i <= (lua_Integer)p->n, 2, "which");
	pair = &p->pairs[i - 1];
	lua_pushinteger(L, pair->sent);
	lua_pushinteger(L, pair->received);
	lua_pushnumber(L, pair->min);
	lua_pushnumber(L, pair->sum);
	lua_pushnumber(L, pair->max);
	lua_pushstring(L, pair->what);
	lua_pushstring(L, *pair->whose ? pair->whose : NULL);
	return 7;
}

/* neighbours(ns, "inet" or "inet6") -> entries of the machine's table, how many it takes, how often it was full */
static int pings_neighbours(lua_State *L)
{
	static const char *const words[] = {"inet", "inet6", NULL};
	static const uint8_t families[] = {AF_INET, AF_INET6};
	struct net_ns *ns = bind_ns(L, 1);
	uint8_t family = families[luaL_checkoption(L, 2, NULL, words)];
	struct net_ntable_use use;
	struct net_err err = {0};

	if (net_ntable_use(ns, family, &use, &err) < 0)
		return bind_fail(L, &err);
	lua_pushinteger(L, use.entries);
	lua_pushinteger(L, use.most);
	lua_pushinteger(L, (lua_Integer)use.fulls);
	return 3;
}

static const luaL_Reg lib[] = {
	{"go_on", pings_go_on}, {"neighbours", pings_neighbours}, {"result", pings_result}, {"start", pings_start},
	{NULL, NULL},
};

static const luaL_Reg meta[] = {
	{"__close", pings_gc},
	{"__gc", pings_gc},
	{NULL, NULL},
};

int bind_open_pings(lua_State *L)
{
	luaL_newmetatable(L, PINGS);
	luaL_setfuncs(L, meta, 0);
	bind_op_class(L);
	lua_pop(L, 1);
	luaL_newlib(L, lib);
	return 1;
}
