/* maddr.c - nsh.core.maddr: list, add, del; the lists are taken apart in Lua */
#include <stdlib.h>

#include "bind.h"

#define TEXT "nsh.maddr.text"

struct text {
	char *s;
	size_t len;
};

static int text_gc(lua_State *L)
{
	struct text *text = luaL_checkudata(L, 1, TEXT);

	free(text->s);
	text->s = NULL;
	return 0;
}

/* list(ns, "link" or "inet" or "inet6") -> text as the kernel writes it */
static int maddr_list(lua_State *L)
{
	static const char *const which[] = {"link", "inet", "inet6", NULL};
	struct net_err err;
	struct net_ns *ns = bind_ns(L, 1);
	unsigned int i = (unsigned int)luaL_checkoption(L, 2, NULL, which);
	struct text *text = bind_new_owned(L, sizeof(*text), TEXT, text_gc);

	if (net_maddr_list(ns, i, &text->s, &text->len, &err) < 0)
		return bind_fail(L, &err);
	lua_pushlstring(L, text->s ? text->s : "", text->len);
	return 1;
}

static int change(lua_State *L, bool add)
{
	struct net_err err;
	struct net_ns *ns = bind_ns(L, 1);
	int index = (int)luaL_checkinteger(L, 2);
	const char *mac = luaL_checkstring(L, 3);

	return bind_ok(L, net_maddr_change(ns, index, mac, add, &err), &err);
}

/* add(ns, index, mac) */
static int maddr_add(lua_State *L)
{
	return change(L, true);
}

/* del(ns, index, mac) */
static int maddr_del(lua_State *L)
{
	return change(L, false);
}

static const luaL_Reg lib[] = {
	{"add", maddr_add},
	{"del", maddr_del},
	{"list", maddr_list},
	{NULL, NULL},
};

int bind_open_maddr(lua_State *L)
{
	luaL_newlib(L, lib);
	return 1;
}
