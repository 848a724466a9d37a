/* sysctl.c - nsh.core.sysctl: get, set, list, all */
#include <stdlib.h>
#include <string.h>

#include "bind.h"

#define NAMES "nsh.sysctl.names"

enum { MAX_TEXT = 1 << 16 };

struct names {
	char *text; /* NUL-separated */
	size_t len;
};

static int names_gc(lua_State *L)
{
	struct names *names = luaL_checkudata(L, 1, NAMES);

	free(names->text);
	names->text = NULL;
	return 0;
}

static struct names *new_names(lua_State *L)
{
	struct names *names = lua_newuserdatauv(L, sizeof(*names), 0);

	memset(names, 0, sizeof(*names));
	if (luaL_newmetatable(L, NAMES)) {
		lua_pushcfunction(L, names_gc);
		lua_setfield(L, -2, "__gc");
	}
	lua_setmetatable(L, -2);
	return names;
}

static const char *check_text(lua_State *L, int arg, const char *what)
{
	size_t len;
	const char *s;

	if (lua_type(L, arg) != LUA_TSTRING)
		bind_misuse(L, "a sysctl's %s is a string, got %s", what, luaL_typename(L, arg));
	s = lua_tolstring(L, arg, &len);
	if (strlen(s) != len)
		bind_misuse(L, "a sysctl's %s holds no NUL byte", what);
	return s;
}

/* get(ns, key) -> text */
static int sysctl_get(lua_State *L)
{
	struct net_ns *ns = bind_ns(L, 1);
	const char *key = check_text(L, 2, "key");
	struct net_err err = {0};
	char buf[MAX_TEXT];
	int n = net_sysctl_get(ns, key, buf, sizeof(buf), &err);

	if (n < 0)
		return bind_fail(L, &err);
	lua_pushlstring(L, buf, (size_t)n);
	return 1;
}

/* set(ns, key, text) */
static int sysctl_set(lua_State *L)
{
	struct net_ns *ns = bind_ns(L, 1);
	const char *key = check_text(L, 2, "key"), *value = check_text(L, 3, "value");
	struct net_err err = {0};

	return bind_ok(L, net_sysctl_set(ns, key, value, &err), &err);
}

/* list(ns, key) -> names of what is in that directory, subdirectories with a "/" at the end */
static int sysctl_list(lua_State *L)
{
	struct net_ns *ns = bind_ns(L, 1);
	const char *key = check_text(L, 2, "key");
	struct names *names = new_names(L);
	struct net_err err = {0};
	lua_Integer n = 0;

	if (net_sysctl_list(ns, key, &names->text, &names->len, &err) < 0)
		return bind_fail(L, &err);
	lua_newtable(L);
	for (size_t at = 0; at < names->len; at += strlen(names->text + at) + 1) {
		lua_pushstring(L, names->text + at);
		lua_rawseti(L, -2, ++n);
	}
	return 1;
}

/* all(ns) -> { key = text, ... } of what can be read */
static int sysctl_all(lua_State *L)
{
	struct net_ns *ns = bind_ns(L, 1);
	struct names *all = new_names(L);
	struct net_err err = {0};

	if (net_sysctl_all(ns, &all->text, &all->len, &err) < 0)
		return bind_fail(L, &err);
	lua_newtable(L);
	for (size_t at = 0; at < all->len;) {
		const char *value = all->text + at + strlen(all->text + at) + 1;

		lua_pushstring(L, value);
		lua_setfield(L, -2, all->text + at);
		at = (size_t)(value - all->text) + strlen(value) + 1;
	}
	return 1;
}

static const luaL_Reg lib[] = {
	{"all", sysctl_all}, {"get", sysctl_get}, {"list", sysctl_list}, {"set", sysctl_set}, {NULL, NULL},
};

int bind_open_sysctl(lua_State *L)
{
	luaL_newlib(L, lib);
	return 1;
}
