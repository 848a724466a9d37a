/* probe.c - nsh.core.probe: ping, reaches, sleep */
#include <string.h>

#include "bind.h"

#define PING "nsh.ping"

static const char *const ping_keys[] = {"count", "dev", "interval", "size", "src", "timeout", "ttl", NULL};
static const char *const reaches_keys[] = {"dev", "size", "src", "timeout", "ttl", NULL};

static int ping_gc(lua_State *L)
{
	net_ping_free(luaL_checkudata(L, 1, PING));
	return 0;
}

/* The answers live in this userdata until they are Lua's; it holds the options, too. */
static struct net_ping *new_ping(lua_State *L)
{
	struct net_ping *p = lua_newuserdatauv(L, sizeof(*p), 2);

	memset(p, 0, sizeof(*p));
	luaL_setmetatable(L, PING);
	for (int i = 2; i <= 3; i++) {
		lua_pushvalue(L, i);
		lua_setiuservalue(L, -2, i - 1);
	}
	return p;
}

/* (ns, dst, options?) */
static struct net_ping *read_ping(lua_State *L, const char *const *keys)
{
	struct net_ping *p;
	size_t len;

	if (lua_type(L, 2) != LUA_TSTRING)
		bind_misuse(L, "ping wants an address like \"10.0.0.1\", got %s", luaL_typename(L, 2));
	lua_settop(L, 3);
	bind_known_keys(L, 3, keys);
	p = new_ping(L);
	p->dst = lua_tolstring(L, 2, &len);
	if (strlen(p->dst) != len)
		bind_misuse(L, "an address holds no NUL byte");
	p->dev = bind_string(L, 3, "dev", NULL);
	p->src = bind_string(L, 3, "src", NULL);
	p->timeout = bind_seconds(L, 3, "timeout", 2);
	p->size = (unsigned int)bind_integer(L, 3, "size", 56, 0, 65507);
	p->ttl = (unsigned int)bind_integer(L, 3, "ttl", 0, 1, 255);
	return p;
}

static void set_number(lua_State *L, const char *key, double v)
{
	lua_pushnumber(L, v);
	lua_setfield(L, -2, key);
}

static void set_integer(lua_State *L, const char *key, lua_Integer v)
{
	lua_pushinteger(L, v);
	lua_setfield(L, -2, key);
}

static void push_reply(lua_State *L, const struct net_ping_reply *r)
{
	lua_createtable(L, 0, 5);
	set_integer(L, "seq", r->seq);
	if (*r->from) {
		lua_pushstring(L, r->from);
		lua_setfield(L, -2, "from");
	}
	if (r->rtt < 0) {
		lua_pushstring(L, r->what);
		lua_setfield(L, -2, "error");
		return;
	}
	set_number(L, "rtt", r->rtt);
	set_integer(L, "bytes", r->bytes);
	set_integer(L, "ttl", r->ttl);
}

static void push_result(lua_State *L, const struct net_ping *p)
{
	lua_createtable(L, 0, 8);
	set_integer(L, "id", p->id);
	set_integer(L, "sent", p->sent);
	set_integer(L, "received", p->received);
	set_number(L, "loss", p->sent ? 1 - (double)p->received / p->sent : 0);
	if (p->received) {
		lua_createtable(L, 0, 4);
		set_number(L, "min", p->min);
		set_number(L, "avg", p->avg);
		set_number(L, "max", p->max);
		set_number(L, "mdev", p->mdev);
		lua_setfield(L, -2, "rtt");
	}
	lua_createtable(L, (int)p->n, 0);
	for (unsigned int i = 0; i < p->n; i++) {
		push_reply(L, &p->replies[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_setfield(L, -2, "replies");
}

static int start(lua_State *L, struct net_ns *ns, struct net_ping *p)
{
	struct net_err err = {0};

	if (net_ping_start(ns, p, &err) < 0)
		return bind_fail(L, &err);
	return 1;
}

/* ping(ns, dst, options) -> an op */
static int probe_ping(lua_State *L)
{
	struct net_ns *ns = bind_ns(L, 1);
	struct net_ping *p = read_ping(L, ping_keys);

	p->count = (unsigned int)bind_integer(L, 3, "count", 1, 1, 65535);
	p->interval = bind_seconds(L, 3, "interval", 0.2);
	return start(L, ns, p);
}

/* reaches(ns, dst, options) -> an op */
static int probe_reaches(lua_State *L)
{
	struct net_ns *ns = bind_ns(L, 1);
	struct net_ping *p = read_ping(L, reaches_keys);

	p->first_reply = true;
	return start(L, ns, p);
}

/* result(op that is done) -> what came of it */
static int probe_result(lua_State *L)
{
	push_result(L, luaL_checkudata(L, 1, PING));
	return 1;
}

static const luaL_Reg lib[] = {
	{"ping", probe_ping},
	{"reaches", probe_reaches},
	{"result", probe_result},
	{NULL, NULL},
};

static const luaL_Reg meta[] = {
	{"__close", ping_gc},
	{"__gc", ping_gc},
	{NULL, NULL},
};

int bind_open_probe(lua_State *L)
{
	luaL_newmetatable(L, PING);
	luaL_setfuncs(L, meta, 0);
	bind_op_class(L);
	lua_pop(L, 1);
	luaL_newlib(L, lib);
	return 1;
}
