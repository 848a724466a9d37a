/* nft.c - nsh.core.nft: used */
#include "bind.h"

/* used(ns) -> boolean: has it tables of nftables? */
static int nft_used(lua_State *L)
{
	struct net_ns *ns = bind_ns(L, 1);
	struct net_err err = {0};
	int r = net_nft_used(ns, &err);

	if (r < 0)
		return bind_fail(L, &err);
	lua_pushboolean(L, r);
	return 1;
}

static const luaL_Reg lib[] = {
	{"used", nft_used},
	{NULL, NULL},
};

int bind_open_nft(lua_State *L)
{
	luaL_newlib(L, lib);
	return 1;
}
