/* value.c - what labs ask for by the thousand and Lua is slow at: copies of tables, prefixes as bytes, hashes */
#include <string.h>
#include <sys/socket.h>

#include "bind.h"

#define MAX_ROOM 1024 /* for what is added to a copy */

/* copy(table, room) -> a new table with the same keys, without a metatable; with room for some more */
int bind_copy(lua_State *L)
{
	lua_Integer room = luaL_optinteger(L, 2, 0);
	lua_Unsigned list;
	int n = 0;

	luaL_checktype(L, 1, LUA_TTABLE);
	luaL_argcheck(L, room >= 0 && room <= MAX_ROOM, 2, "from 0 to 1024");
	lua_settop(L, 1);
	list = lua_rawlen(L, 1);
	for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1))
		n++;
	lua_createtable(L, (int)list, n - (n < (int)list ? n : (int)list) + (int)room);
	for (lua_pushnil(L); lua_next(L, 1);) {
		lua_pushvalue(L, -2);
		lua_insert(L, -2);
		lua_rawset(L, 2);
	}
	return 1;
}

/* The first bits of an address, the others zero. */
static void mask(unsigned char *to, const struct net_field *f, int bits)
{
	memcpy(to, f->addr, f->len);
	for (int i = 0; i < f->len; i++) {
		int left = bits - i * 8;

		if (left < 8)
			to[i] &= (unsigned char)(left <= 0 ? 0 : 0xff00 >> left);
	}
}

/* prefix(text) -> bytes, length, network: text that is the same for all of one network; nil where it is no prefix */
int bind_prefix(lua_State *L)
{
	unsigned char network[sizeof(((struct net_field *)0)->addr) + 1];
	struct net_field f = {0};
	struct net_err err;
	size_t len;
	const char *text = luaL_checklstring(L, 1, &len);
	int bits;

	if (net_parse_prefix(text, len, &f, &err) < 0 || f.len == 0)
		return 0;
	bits = f.plen < 0 ? f.len * 8 : f.plen;
	mask(network, &f, bits);
	network[f.len] = (unsigned char)bits;
	lua_pushlstring(L, (const char *)f.addr, f.len);
	lua_pushinteger(L, bits);
	lua_pushlstring(L, (const char *)network, (size_t)f.len + 1);
	return 3;
}

/* network(text) -> the network of an address as routes name it, and the last address of one of IPv4 that has more than
 * its hosts; nil where it is no prefix */
int bind_network(lua_State *L)
{
	static const struct net_row row = {.type = NET_PREFIX, .flags = NET_BARE}, bare = {.type = NET_IP};
	struct net_field f = {0}, last;
	char text[NET_ADDR_TEXT];
	struct net_err err;
	size_t len;
	const char *s = luaL_checklstring(L, 1, &len);

	if (net_parse_prefix(s, len, &f, &err) < 0 || f.len == 0)
		return 0;
	if (f.plen < 0)
		f.plen = (int16_t)(f.len * 8);
	last = f;
	mask(f.addr, &last, f.plen);
	f.row = &row;
	net_field_addr(&f, text);
	lua_pushstring(L, text);
	if (f.family != AF_INET || f.plen > 30)
		return 1;
	last = f;
	last.row = &bare;
	for (int i = 0; i < last.len; i++)
		last.addr[i] |= (unsigned char)(f.plen - i * 8 <= 0  ? 0xff
						: f.plen - i * 8 < 8 ? 0xff >> (f.plen - i * 8)
								     : 0);
	net_field_addr(&last, text);
	lua_pushstring(L, text);
	return 2;
}

#define FNV_OFFSET 0xcbf29ce484222325
#define FNV_PRIME 0x100000001b3

/* FNV-1a of all arguments, and what the last bytes did is spread by shifts, for who asks takes some of the bits. */
static uint64_t hash(lua_State *L)
{
	uint64_t h = FNV_OFFSET;
	int n = lua_gettop(L);

	for (int i = 1; i <= n; i++) {
		size_t len;
		const char *s = luaL_checklstring(L, i, &len);

		for (size_t k = 0; k < len; k++)
			h = (h ^ (unsigned char)s[k]) * FNV_PRIME;
		if (i < n)
			h *= FNV_PRIME; /* a byte of zero between them */
	}
	h = (h ^ (h >> 33)) * 0xff51afd7ed558ccd;
	return h ^ (h >> 29);
}

/* hash(text, ...) -> a number of 64 bits, always the same */
int bind_hash(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)hash(L));
	return 1;
}

/* hash_mac(text, ...) -> a MAC address, always the same: locally administered, unicast */
int bind_hash_mac(lua_State *L)
{
	static const struct net_row row = {.type = NET_MAC};
	struct net_field f = {.row = &row, .addr = {2}, .len = 6};
	char text[NET_ADDR_TEXT];
	uint64_t h = hash(L);

	for (int i = 1; i < 6; i++, h >>= 8)
		f.addr[i] = (unsigned char)h;
	net_field_addr(&f, text);
	lua_pushstring(L, text);
	return 1;
}

/* link_local(mac) -> the address that the kernel makes of it, with its prefix; nil where it has not six bytes */
int bind_link_local(lua_State *L)
{
	static const struct net_row row = {.type = NET_PREFIX};
	struct net_field f = {.row = &row, .family = AF_INET6, .addr = {0xfe, 0x80}, .len = 16, .plen = 64};
	struct net_field mac = {0};
	char text[NET_ADDR_TEXT];
	struct net_err err;
	size_t len;
	const char *s = luaL_checklstring(L, 1, &len);

	if (net_parse_mac(s, len, &mac, &err) < 0)
		return 0;
	memcpy(f.addr + 8, mac.addr, 3);
	f.addr[8] ^= 2;
	f.addr[11] = 0xff;
	f.addr[12] = 0xfe;
	memcpy(f.addr + 13, mac.addr + 3, 3);
	net_field_addr(&f, text);
	lua_pushstring(L, text);
	return 1;
}
