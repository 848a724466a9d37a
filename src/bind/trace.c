/* trace.c - nsh.core.trace: the way of packets */
#include <string.h>

#include "bind.h"

#define TRACE "nsh.trace"

static const char *const keys[] = {"dev", "max_hops", "method", "port", "probes", "src", "timeout", NULL};
static const char *const methods[] = {"udp", "icmp", "tcp", NULL};

static int trace_gc(lua_State *L)
{
	net_trace_free(luaL_checkudata(L, 1, TRACE));
	return 0;
}

static enum net_trace_method read_method(lua_State *L, int idx)
{
	const char *word = bind_string(L, idx, "method", NULL);

	for (int i = 0; word && methods[i]; i++)
		if (strcmp(word, methods[i]) == 0)
			return (enum net_trace_method)i;
	if (word)
		bind_misuse(L, "method is \"udp\", \"icmp\" or \"tcp\", not '%s'", word);
	return NET_TRACE_UDP;
}

/* start(ns, dst, { dev, max_hops, method, port, probes, src, timeout }) -> an op */
static int trace_start(lua_State *L)
{
	struct net_err err = {0};
	struct net_trace *t;

	lua_settop(L, 3);
	if (lua_type(L, 2) != LUA_TSTRING)
		bind_misuse(L, "traceroute wants an address like \"10.0.0.1\", got %s", luaL_typename(L, 2));
	bind_known_keys(L, 3, keys);
	t = lua_newuserdatauv(L, sizeof(*t), 3);
	*t = (struct net_trace){.ns = bind_ns(L, 1), .dst = lua_tostring(L, 2)};
	luaL_setmetatable(L, TRACE);
	for (int i = 1; i <= 3; i++) { /* it uses them as long as it is under way */
		lua_pushvalue(L, i);
		lua_setiuservalue(L, -2, i);
	}
	t->method = read_method(L, 3);
	t->src = bind_string(L, 3, "src", NULL);
	t->dev = bind_string(L, 3, "dev", NULL);
	t->max_hops = (unsigned int)bind_integer(L, 3, "max_hops", 30, 1, 255);
	t->probes = (unsigned int)bind_integer(L, 3, "probes", 3, 1, 10);
	t->port = (unsigned int)bind_integer(L, 3, "port", 0, 1, t->method == NET_TRACE_UDP ? 60000 : 65535);
	t->timeout = bind_seconds(L, 3, "timeout", 1);
	if (net_trace_start(t, &err) < 0)
		return bind_fail(L, &err);
	return 1;
}

/* One answer; an empty table where there is none. */
static void push_answer(lua_State *L, const struct net_trace_probe *p)
{
	lua_createtable(L, 0, 4);
	if (p->rtt < 0)
		return;
	lua_pushstring(L, p->from);
	lua_setfield(L, -2, "from");
	lua_pushnumber(L, p->rtt);
	lua_setfield(L, -2, "rtt");
	lua_pushstring(L, p->what);
	lua_setfield(L, -2, "what");
	lua_pushboolean(L, p->end);
	lua_setfield(L, -2, "last");
}

/* result(op that is done) -> { { answer, ... }, ... } hop by hop */
static int trace_result(lua_State *L)
{
	struct net_trace *t = luaL_checkudata(L, 1, TRACE);

	lua_createtable(L, (int)t->hops, 0);
	for (unsigned int hop = 0; t->answers && hop < t->hops; hop++) {
		lua_createtable(L, (int)t->probes, 0);
		for (unsigned int i = 0; i < t->probes; i++) {
			push_answer(L, &t->answers[hop * t->probes + i]);
			lua_rawseti(L, -2, (lua_Integer)i + 1);
		}
		lua_rawseti(L, -2, (lua_Integer)hop + 1);
	}
	return 1;
}

static const luaL_Reg lib[] = {
	{"result", trace_result},
	{"start", trace_start},
	{NULL, NULL},
};

static const luaL_Reg meta[] = {
	{"__close", trace_gc},
	{"__gc", trace_gc},
	{NULL, NULL},
};

int bind_open_trace(lua_State *L)
{
	luaL_newmetatable(L, TRACE);
	luaL_setfuncs(L, meta, 0);
	bind_op_class(L);
	lua_pop(L, 1);
	luaL_newlib(L, lib);
	return 1;
}
