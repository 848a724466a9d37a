/* record.c - messages into records */
#include <string.h>

#include "bind.h"

#define BIND_NAMES "nsh.names"

static int dump_gc(lua_State *L)
{
	net_dump_free(lua_touserdata(L, 1));
	return 0;
}

static int names_gc(lua_State *L)
{
	net_names_free(lua_touserdata(L, 1));
	return 0;
}

/* bind_new_owned() - zeroed memory in a userdata on the stack, with what frees what it holds */
void *bind_new_owned(lua_State *L, size_t size, const char *type, lua_CFunction gc)
{
	void *p = lua_newuserdatauv(L, size, 0);

	memset(p, 0, size);
	if (luaL_newmetatable(L, type)) {
		lua_pushcfunction(L, gc);
		lua_setfield(L, -2, "__gc");
	}
	lua_setmetatable(L, -2);
	return p;
}

/* bind_new_dump() - an empty dump in a userdata on the stack */
struct net_dump *bind_new_dump(lua_State *L)
{
	return bind_new_owned(L, sizeof(struct net_dump), BIND_DUMP, dump_gc);
}

/* bind_new_names() - an empty map of link names in a userdata on the stack */
struct net_link_names *bind_new_names(lua_State *L)
{
	return bind_new_owned(L, sizeof(struct net_link_names), BIND_NAMES, names_gc);
}

struct net_link_names *bind_test_names(lua_State *L, int arg)
{
	return luaL_testudata(L, arg, BIND_NAMES);
}

static void push_link(lua_State *L, struct net_ns *ns, const struct net_cursor *c, const struct net_field *f,
		      struct net_link_names *names)
{
	const char *name = f->s;

	if (!name && c && !net_cursor_elsewhere(c, f))
		name = net_link_name(ns, names, (int)f->i);

	if (name)
		lua_pushstring(L, name);
	else
		lua_pushinteger(L, f->i);
}

static void push_value(lua_State *L, struct net_ns *ns, const struct net_cursor *c, const struct net_field *f,
		       struct net_link_names *names)
{
	char buf[128];
	const char *name;
	int64_t i;
	double v;

	if (f->row->flags & NET_MASKED && f->row->type != NET_PREFIX && net_masked_text(f, buf, sizeof(buf))) {
		lua_pushstring(L, buf);
		return;
	}
	switch (f->row->type) {
	case NET_BOOL:
	case NET_FLAG:
	case NET_BIT: lua_pushboolean(L, f->i != 0); break;
	case NET_STRING:
	case NET_BITSET:
	case NET_STRINGS: lua_pushlstring(L, f->s, f->slen); break;
	case NET_LINK: push_link(L, ns, c, f, names); break;
	case NET_NETNS: lua_pushstring(L, f->ns->label); break;
	case NET_HANDLE:
		net_handle_text(f, buf, sizeof(buf));
		if (f->row->aux && !(c && c->level[0].kind && strcmp(c->level[0].kind->name, "u32") == 0))
			lua_pushinteger(L, f->i); /* only u32 gives the parts of a filter's handle a meaning */
		else
			lua_pushstring(L, buf);
		break;
	case NET_MAC:
	case NET_GROUP:
	case NET_IP:
	case NET_IPLIST:
	case NET_MACLIST:
	case NET_LABELS:
	case NET_SEGS:
	case NET_PREFIX:
	case NET_GATEWAY:
	case NET_BRIDGEID:
	case NET_KEY:
	case NET_ENDPOINT:
	case NET_PREFIXES:
		net_field_addr(f, buf);
		lua_pushstring(L, buf);
		break;
	case NET_ENUM:
		name = net_field_name(f, buf, sizeof(buf));
		if (name)
			lua_pushstring(L, name);
		else
			lua_pushinteger(L, f->i);
		break;
	case NET_RANGE:
	case NET_REALMS:
		name = net_field_pair(f, buf, sizeof(buf), &i);
		if (name)
			lua_pushstring(L, name);
		else
			lua_pushinteger(L, i);
		break;
	default:
		if (net_field_number(f, &i, &v))
			lua_pushinteger(L, i);
		else
			lua_pushnumber(L, v);
	}
}

/* bind_push_table() - push a table that prints as "nsh.record" or "nsh.list"; @room is a guess of its keys */
void bind_push_table(lua_State *L, const char *metatable, int room)
{
	lua_createtable(L, 0, room);
	if (luaL_getmetatable(L, metatable) == LUA_TTABLE)
		lua_setmetatable(L, -2);
	else
		lua_pop(L, 1);
}

/* Adds a field to the table on top, or begins or ends one within it.  Without a cursor it is one of a request. */
static void add_field(lua_State *L, struct net_ns *ns, const struct net_cursor *c, const struct net_field *f,
		      struct net_link_names *names)
{
	switch (f->op) {
	case NET_BEGIN:
		lua_pushstring(L, f->row->key);
		lua_newtable(L);
		break;
	case NET_ITEM:
		lua_pushinteger(L, (lua_Integer)lua_rawlen(L, -1) + 1);
		lua_newtable(L);
		break;
	case NET_END: lua_rawset(L, -3); break;
	default:
		if (f->row->type == NET_QOSMAP) {
			lua_pushinteger(L, f->i & UINT32_MAX);
			lua_rawseti(L, -2, f->i >> 32);
			break;
		}
		if (net_is_array(f->row))
			lua_pushinteger(L, (lua_Integer)lua_rawlen(L, -1) + 1);
		else
			lua_pushstring(L, f->row->key);
		push_value(L, ns, c, f, names);
		lua_rawset(L, -3);
	}
}

/* bind_push_record() - push the message as a table; @room is a guess of its keys, returned is their number */
int bind_push_record(lua_State *L, struct net_ns *ns, struct net_cursor *c, struct net_link_names *names, int room)
{
	struct net_field f;
	int n = 0;

	luaL_checkstack(L, 12, NULL);
	bind_push_table(L, "nsh.record", room);
	while (net_next(c, &f)) {
		n += c->depth == 0 || c->level[c->depth].flat;
		add_field(L, ns, c, &f, names);
	}
	return n;
}

/* bind_push_fields() - push what a request asks for as the record that would tell of it */
void bind_push_fields(lua_State *L, const struct net_fields *f)
{
	luaL_checkstack(L, 12, NULL);
	bind_push_table(L, "nsh.record", (int)f->n);
	for (unsigned int i = 0; i < f->n; i++) {
		if (f->v[i].off) {
			lua_pushstring(L, f->v[i].row->key);
			lua_pushboolean(L, 0);
			lua_rawset(L, -3);
		} else {
			add_field(L, NULL, NULL, &f->v[i], NULL);
		}
	}
}

/* bind_names_result() - the record or list on top is the result, unless the name of a link could not be asked for */
int bind_names_result(lua_State *L, const struct net_link_names *names)
{
	struct net_err err;

	if (!names->code)
		return 1;
	net_fail(&err, names->code, "cannot ask for the name of a link: %s", net_strerror(names->code));
	return bind_fail(L, &err);
}

/* bind_push_records() - all messages of the dump as a list; returns the number of results */
int bind_push_records(lua_State *L, struct net_ns *ns, const struct net_noun *noun, struct net_dump *d)
{
	struct net_link_names *names = bind_new_names(L);
	struct net_cursor c;
	lua_Integer n = 0;
	int room = 0;

	luaL_checkstack(L, 16, NULL);
	bind_push_table(L, "nsh.list", 0);
	while (net_dump_next(d, noun, &c)) {
		room = bind_push_record(L, ns, &c, names, room); /* records of a list are much alike */
		lua_rawseti(L, -2, ++n);
	}
	return bind_names_result(L, names);
}
