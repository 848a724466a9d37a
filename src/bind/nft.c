/* nft.c - nsh.core.nft: used, generation */
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

/* generation(ns) -> number of its ruleset, another one after each change */
static int nft_generation(lua_State *L)
{
	const struct net_ns *ns = bind_ns(L, 1);
	struct net_err err = {0};
	uint32_t gen;

	if (net_nft_generation(ns, &gen, &err) < 0)
		return bind_fail(L, &err);
	lua_pushinteger(L, gen);
	return 1;
}

static const luaL_Reg lib[] = {
	{"generation", nft_generation},
	{"used", nft_used},
	{NULL, NULL},
};

int bind_open_nft(lua_State *L)
{
	luaL_newlib(L, lib);
	return 1;
}
