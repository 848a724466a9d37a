/* wireguard.c - nsh.core.wireguard: what a wireguard link has of its own, its peers one by one, and new keys */
#include <string.h>

#include "bind.h"

/* get(ns, index) -> list of parts, as the kernel's messages have them */
static int wireguard_get(lua_State *L)
{
	struct net_err err;
	struct net_ns *ns = bind_ns(L, 1);
	int index = (int)luaL_checkinteger(L, 2);
	struct net_dump *d = bind_new_dump(L);
	struct net_link_names *names = bind_new_names(L);
	struct net_cursor c;
	lua_Integer n = 0;

	if (net_wireguard_get(ns, index, d, &err) < 0)
		return bind_fail(L, &err);
	lua_newtable(L);
	while (net_wireguard_next(d, &c)) {
		bind_push_record(L, ns, &c, names, 8);
		lua_rawseti(L, -2, ++n);
	}
	return 1;
}

/* peer(ns, index, how, peer) */
static int wireguard_peer(lua_State *L)
{
	static const char *const ways[] = {"add", "replace", "set", "del", NULL};
	struct net_err err;
	struct net_ns *ns = bind_ns(L, 1);
	int index = (int)luaL_checkinteger(L, 2);
	enum net_wgpeer_change how = (enum net_wgpeer_change)luaL_checkoption(L, 3, NULL, ways);
	struct net_fields *f = bind_fields(L, 4, &net_wgpeer_table, NULL, NULL, BIND_PASS_OVER);

	return bind_ok(L, net_wireguard_peer(ns, index, how, f, &err), &err);
}

/* key() -> a new private key in base64 */
static int wireguard_key(lua_State *L)
{
	struct net_err err;
	unsigned char key[NET_KEY_LEN];
	char text[NET_KEY_TEXT];

	if (net_key_new(key, &err) < 0)
		return bind_fail(L, &err);
	net_key_text(key, text);
	lua_pushstring(L, text);
	return 1;
}

static const luaL_Reg lib[] = {
	{"get", wireguard_get},
	{"key", wireguard_key},
	{"peer", wireguard_peer},
	{NULL, NULL},
};

int bind_open_wireguard(lua_State *L)
{
	luaL_newlib(L, lib);
	return 1;
}
