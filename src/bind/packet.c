/* packet.c - nsh.core.packet: bytes from a wire as a table */
#include <limits.h>

#include "bind.h"

#define LAYER_KEYS 8

static const char *const option_keys[] = {"len", "linktype", NULL};

static void push_value(lua_State *L, const struct net_packet_field *f)
{
	char buf[NET_PACKET_TEXT];

	switch (f->type) {
	case NET_PACKET_INTEGER: lua_pushinteger(L, f->i); break;
	case NET_PACKET_NUMBER: lua_pushnumber(L, f->d); break;
	case NET_PACKET_TRUE: lua_pushboolean(L, 1); break;
	case NET_PACKET_BYTES: lua_pushlstring(L, f->p, f->len); break;
	default: lua_pushlstring(L, buf, net_packet_text(f, buf));
	}
}

/* Put the value on top into the table below it. */
static void put_value(lua_State *L, const char *key)
{
	if (key)
		lua_setfield(L, -2, key);
	else
		lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

/* Put the fields from the @i-th on into the table on top, up to its end; Return: what comes behind that. */
static unsigned int push_fields(lua_State *L, const struct net_packet *packet, unsigned int i)
{
	luaL_checkstack(L, 4, NULL);
	while (i < packet->n && packet->v[i].type != NET_PACKET_END) {
		const struct net_packet_field *f = &packet->v[i++];

		if (f->type == NET_PACKET_TABLE || f->type == NET_PACKET_LIST) {
			bind_push_table(L, f->type == NET_PACKET_LIST ? "nsh.list" : "nsh.record", LAYER_KEYS);
			i = push_fields(L, packet, i);
		} else {
			push_value(L, f);
		}
		put_value(L, f->key);
	}
	return i + 1;
}

/* decode(bytes, { linktype, len }) -> record; len: on the wire, where the bytes are only its beginning */
static int packet_decode(lua_State *L)
{
	struct net_packet packet;
	const char *bytes;
	lua_Integer len;
	size_t cap;
	int linktype;

	if (lua_type(L, 1) != LUA_TSTRING)
		bind_misuse(L, "decode wants the bytes of a packet, got %s", luaL_typename(L, 1));
	lua_settop(L, 2);
	bytes = lua_tolstring(L, 1, &cap);
	if (!lua_isnil(L, 2))
		bind_known_keys(L, 2, option_keys);
	linktype = (int)bind_integer(L, 2, "linktype", 1, 0, 65535);
	len = bind_integer(L, 2, "len", (lua_Integer)cap, (lua_Integer)cap, INT_MAX);
	net_packet_decode(bytes, cap, (size_t)len, linktype, &packet);
	lua_createtable(L, 0, LAYER_KEYS);
	push_fields(L, &packet, 0);
	return 1;
}

static const luaL_Reg lib[] = {
	{"decode", packet_decode},
	{NULL, NULL},
};

int bind_open_packet(lua_State *L)
{
	luaL_newlib(L, lib);
	return 1;
}
