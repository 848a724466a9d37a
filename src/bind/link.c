/* link.c - nsh.core.link: links by index; an object's name and friendliness are Lua's business */
#include <errno.h>
#include <string.h>

#include "bind.h"

#define LINK_KEYS 48 /* about so many has a record */

/* The kind that a table names, at .kind. */
static const struct net_kind *kind_field(lua_State *L, int idx)
{
	const char *name = lua_istable(L, idx) ? bind_string(L, idx, "kind", NULL) : NULL;

	return net_kind_find(name);
}

static const struct net_kind *kind_arg(lua_State *L, int arg)
{
	return net_kind_find(luaL_optstring(L, arg, NULL));
}

/* add(ns, spec, master's kind) -> index, peer's index */
static int link_add(lua_State *L)
{
	struct net_err err;
	struct net_ns *ns = bind_ns(L, 1);
	const struct net_kind *kind = kind_field(L, 2);
	struct net_fields *f = bind_fields(L, 2, net_link.table, kind, kind_arg(L, 3), BIND_PASS_OVER);
	int index, peer, r = net_link_add(ns, bind_string(L, 2, "kind", NULL), f, &index, &peer, &err);

	bind_fields_done(f);
	if (r < 0)
		return bind_fail(L, &err);
	lua_pushinteger(L, index);
	lua_pushinteger(L, peer);
	return 2;
}

/* set(ns, index, spec, kind, master's kind) */
static int link_set(lua_State *L)
{
	struct net_err err;
	struct net_ns *ns = bind_ns(L, 1);
	lua_Integer index = luaL_checkinteger(L, 2);
	const char *kind = luaL_optstring(L, 4, NULL);
	struct net_fields *f = bind_fields(L, 3, net_link.table, net_kind_find(kind), kind_arg(L, 5), BIND_REFUSE);
	int r = net_link_set(ns, (int)index, kind, f, &err);

	bind_fields_done(f);
	return bind_ok(L, r, &err);
}

static int link_del(lua_State *L)
{
	struct net_err err;
	struct net_ns *ns = bind_ns(L, 1);

	return bind_ok(L, net_link_del(ns, (int)luaL_checkinteger(L, 2), &err), &err);
}

/* set_group(ns, group, spec): all links of a group */
static int link_set_group(lua_State *L)
{
	struct net_err err;
	struct net_ns *ns = bind_ns(L, 1);
	lua_Integer group = luaL_checkinteger(L, 2);
	struct net_fields *f = bind_fields(L, 3, net_link.table, NULL, NULL, BIND_REFUSE);

	return bind_ok(L, net_link_set_group(ns, group, f, &err), &err);
}

/* flush(ns, group): delete all links of a group */
static int link_flush(lua_State *L)
{
	struct net_err err;
	struct net_ns *ns = bind_ns(L, 1);

	return bind_ok(L, net_link_flush(ns, luaL_checkinteger(L, 2), &err), &err);
}

/* get(ns, index or name, nsid) -> record.  With an nsid, other links of the record stay numbers. */
static int link_get(lua_State *L)
{
	struct net_err err;
	struct net_ns *ns = bind_ns(L, 1);
	int index = lua_type(L, 2) == LUA_TNUMBER ? (int)luaL_checkinteger(L, 2) : 0;
	const char *name = index ? NULL : luaL_checkstring(L, 2);
	int nsid = (int)luaL_optinteger(L, 3, -1);
	struct net_dump *d = bind_new_dump(L);
	struct net_link_names *names = bind_new_names(L);
	struct net_cursor c;

	if (!index && strlen(name) > 127)
		return bind_misuse(L, "name '%s' of a link has more than 127 bytes", name);
	if (net_link_get(ns, index, name, nsid, d, &err) < 0)
		return bind_fail(L, &err);
	names->full = nsid >= 0; /* ours say nothing about links over there */
	if (!net_dump_next(d, &net_link, &c)) {
		net_fail(&err, EPROTO, "the kernel's answer tells of no link");
		return bind_fail(L, &err);
	}
	bind_push_record(L, ns, &c, names, LINK_KEYS);
	return bind_names_result(L, names);
}

/* list(ns, filter, with counters) */
static int link_list(lua_State *L)
{
	struct net_err err;
	struct net_ns *ns = bind_ns(L, 1);
	bool stats = lua_toboolean(L, 3); /* before anything else stands there */
	struct net_fields *filter = bind_fields(L, 2, net_link.table, kind_field(L, 2), NULL, BIND_TAKE);
	struct net_dump *d = bind_new_dump(L);

	if (net_link_list(ns, filter, stats, d, &err) < 0)
		return bind_fail(L, &err);
	return bind_push_records(L, ns, &net_link, d);
}

/* read(spec, kind, master's kind) -> the record that would tell of it; raises what is wrong.  Nobody is asked. */
static int link_read(lua_State *L)
{
	const struct net_kind *kind = kind_arg(L, 2);
	struct net_fields *f = bind_fields(L, 1, net_link.table, kind, kind_arg(L, 3), BIND_PASS_OVER);

	bind_push_fields(L, f);
	bind_fields_done(f);
	return 1;
}

/* has(kind, key) -> whether links of a kind have a key beside those that all have; false for what is no kind */
static int link_has(lua_State *L)
{
	const struct net_kind *kind = lua_type(L, 1) == LUA_TSTRING ? kind_arg(L, 1) : NULL;

	lua_pushboolean(L, kind && kind->data && net_key(kind->data, NULL, NULL, luaL_checkstring(L, 2)));
	return 1;
}

/* held(ns, index) -> how many queues of a tun or tap link nsh holds */
static int link_held(lua_State *L)
{
	struct net_ns *ns = bind_ns(L, 1);

	lua_pushinteger(L, net_tun_held(ns, (int)luaL_checkinteger(L, 2)));
	return 1;
}

/* let_go(ns): hold no link of this namespace any more */
static int link_let_go(lua_State *L)
{
	net_tun_let_go(bind_ns(L, 1), 0);
	return 0;
}

static int link_check_name(lua_State *L)
{
	struct net_err err;
	size_t len;
	const char *name = luaL_checklstring(L, 1, &len);

	return bind_ok(L, net_check_link_name(name, len, &err), &err);
}

static int link_check_altname(lua_State *L)
{
	struct net_err err;
	size_t len;
	const char *name = luaL_checklstring(L, 1, &len);

	return bind_ok(L, net_check_altname(name, len, &err), &err);
}

/* altname(ns, index, name, add) */
static int link_altname(lua_State *L)
{
	struct net_err err;
	struct net_ns *ns = bind_ns(L, 1);
	lua_Integer index = luaL_checkinteger(L, 2);
	const char *name = luaL_checkstring(L, 3);

	return bind_ok(L, net_link_altname(ns, (int)index, lua_toboolean(L, 4), name, &err), &err);
}

static const luaL_Reg lib[] = {
	{"add", link_add},
	{"altname", link_altname},
	{"check_altname", link_check_altname},
	{"check_name", link_check_name},
	{"del", link_del},
	{"get", link_get},
	{"has", link_has},
	{"held", link_held},
	{"let_go", link_let_go},
	{"list", link_list},
	{"read", link_read},
	{"set", link_set},
	{"set_group", link_set_group},
	{"flush", link_flush},
	{NULL, NULL},
};

int bind_open_link(lua_State *L)
{
	luaL_newlib(L, lib);
	return 1;
}
