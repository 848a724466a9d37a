/* noun.c - nsh.core.addr, .route, .neigh, ...: the same functions for each noun */
#include <string.h>

#include "bind.h"

static const struct net_noun *noun_of(lua_State *L)
{
	return lua_touserdata(L, lua_upvalueindex(1));
}

static int change(lua_State *L, enum net_change how)
{
	struct net_err err;
	const struct net_noun *noun = noun_of(L);
	struct net_ns *ns = bind_ns(L, 1);
	struct net_fields *f = bind_fields(L, 2, noun->table, NULL, NULL, BIND_PASS_OVER);
	int r = net_change(ns, noun, how, f, &err);

	bind_fields_done(f);
	return bind_ok(L, r, &err);
}

static int noun_add(lua_State *L)
{
	return change(L, NET_ADD);
}

static int noun_replace(lua_State *L)
{
	return change(L, NET_REPLACE);
}

static int noun_append(lua_State *L)
{
	return change(L, NET_APPEND);
}

static int noun_prepend(lua_State *L)
{
	return change(L, NET_PREPEND);
}

static int noun_change(lua_State *L)
{
	return change(L, NET_CHANGE);
}

static int noun_del(lua_State *L)
{
	return change(L, NET_DEL);
}

/* --- lists of changes --- */

struct many {
	struct net_ns *ns;
	const struct net_noun *noun;
	enum net_change how;
	lua_Integer at;	    /* the entry that is being read */
	struct net_err err; /* why it can't be asked for: there is no such link ... */
};

/* (many, list): queues a change for each entry */
static int queue_each(lua_State *L)
{
	struct many *many = lua_touserdata(L, 1);
	lua_Integer n = (lua_Integer)lua_rawlen(L, 2);

	for (many->at = 1; many->at <= n; many->at++) {
		struct net_fields *f;
		int r;

		if (lua_rawgeti(L, 2, many->at) != LUA_TTABLE && lua_type(L, -1) != LUA_TSTRING)
			bind_misuse(L, "a %s is a table, not a %s", many->noun->name, luaL_typename(L, -1));
		f = bind_fields(L, -1, many->noun->table, NULL, NULL, BIND_PASS_OVER);
		r = net_change(many->ns, many->noun, many->how, f, &many->err);
		bind_fields_done(f);
		if (r < 0 && many->err.misuse)
			bind_misuse(L, "%s", many->err.text);
		if (r < 0)
			break;
		many->err.code = 0;
		lua_pop(L, 2);
	}
	return 0;
}

/* What is wrong with an entry is told with its number. */
static int raise_of(lua_State *L, lua_Integer entry)
{
	const char *where, *text = lua_tostring(L, -1);
	size_t len;

	bind_where(L);
	where = lua_tolstring(L, -1, &len);
	if (!text || len == 0 || strncmp(text, where, len) != 0 || strncmp(text + len, ": ", 2) != 0) {
		lua_pop(L, 1);
		return lua_error(L);
	}
	lua_pushfstring(L, "%s: entry %I: %s", where, (LUAI_UACINT)entry, text + len + 2);
	return lua_error(L);
}

/* (many, list) in a batch; of a list with a slip nothing stays queued */
static int queue_all(lua_State *L)
{
	struct many *many = lua_touserdata(L, 1);
	unsigned int mark = net_batch_mark(many->ns);
	int status;

	lua_pushcfunction(L, queue_each);
	lua_insert(L, 1);
	status = lua_pcall(L, 2, 0, 0);
	if (status != LUA_OK || many->err.code)
		net_batch_back(many->ns, mark);
	return status == LUA_OK ? 0 : raise_of(L, many->at);
}

/* (ns, list) -> true: all entries in one batch; where one is open, in that.  detail.request says which one failed. */
static int change_all(lua_State *L, enum net_change how)
{
	struct net_ns *ns = bind_ns(L, 1);
	struct many *many;
	struct net_err err;
	int n, open;

	luaL_checktype(L, 2, LUA_TTABLE);
	lua_settop(L, 2);
	open = net_batch_open(ns, &err);
	if (open < 0)
		return bind_fail(L, &err);
	many = lua_newuserdatauv(L, sizeof(*many), 0);
	*many = (struct many){.ns = ns, .noun = noun_of(L), .how = how};
	lua_pushcfunction(L, queue_all);
	lua_pushvalue(L, 3);
	lua_pushvalue(L, 2);
	if (open) {
		lua_call(L, 2, 0);
		lua_pushboolean(L, 1);
		n = 1;
	} else {
		n = bind_batch(L, ns, 4, false);
	}
	if (!many->err.code)
		return n;
	n = bind_fail(L, &many->err);
	lua_pushinteger(L, many->at);
	lua_setfield(L, -2, "request");
	return n;
}

static int noun_add_all(lua_State *L)
{
	return change_all(L, NET_ADD);
}

static int noun_replace_all(lua_State *L)
{
	return change_all(L, NET_REPLACE);
}

static int noun_del_all(lua_State *L)
{
	return change_all(L, NET_DEL);
}

/* --- reading --- */

static int noun_list(lua_State *L)
{
	struct net_err err;
	const struct net_noun *noun = noun_of(L);
	struct net_ns *ns = bind_ns(L, 1);
	struct net_fields *filter = bind_fields(L, 2, noun->told ? noun->told : noun->table, NULL, NULL, BIND_TAKE);
	struct net_dump *d = bind_new_dump(L);

	if (net_list(ns, noun, filter, d, &err) < 0)
		return bind_fail(L, &err);
	return bind_push_records(L, ns, noun, d);
}

/* The one record that was asked for. */
static int push_answer(lua_State *L, struct net_ns *ns, const struct net_noun *noun, struct net_dump *d)
{
	int r = bind_push_records(L, ns, noun, d);

	if (r == 1)
		lua_rawgeti(L, -1, 1);
	return r;
}

static int noun_get(lua_State *L)
{
	struct net_err err;
	const struct net_noun *noun = noun_of(L);
	struct net_ns *ns = bind_ns(L, 1);
	struct net_fields *f = bind_fields(L, 2, noun->table, NULL, NULL, BIND_REFUSE);
	struct net_dump *d = bind_new_dump(L);

	return net_get(ns, noun, f, d, &err) < 0 ? bind_fail(L, &err) : push_answer(L, ns, noun, d);
}

/* read(spec) -> the record that would tell of it; raises what is wrong with it.  Nobody is asked. */
static int noun_read(lua_State *L)
{
	struct net_fields *f = bind_fields(L, 1, noun_of(L)->table, NULL, NULL, BIND_PASS_OVER);

	bind_push_fields(L, f);
	bind_fields_done(f);
	return 1;
}

/* check(spec): raises what is wrong with a request to add it.  Nobody is asked. */
static int noun_check(lua_State *L)
{
	struct net_err err;
	struct net_fields *f = bind_fields(L, 1, noun_of(L)->table, NULL, NULL, BIND_PASS_OVER);
	int r = net_check(noun_of(L), f, &err);

	bind_fields_done(f);
	return bind_ok(L, r, &err);
}

static int route_to(lua_State *L)
{
	struct net_err err;
	struct net_ns *ns = bind_ns(L, 1);
	struct net_fields *f = bind_fields(L, 2, net_way.table, NULL, NULL, BIND_REFUSE);
	struct net_dump *d = bind_new_dump(L);

	return net_route_to(ns, f, d, &err) < 0 ? bind_fail(L, &err) : push_answer(L, ns, &net_route, d);
}

#define MAX_NOUNS 64

/* bind_announced() - the noun of a name whose changes the kernel announces; raises for any other */
const struct net_noun *bind_announced(lua_State *L, int arg)
{
	const char *word = luaL_tolstring(L, arg, NULL), *known[MAX_NOUNS];
	const struct net_noun *noun, *found = NULL;
	unsigned int n = 0;

	known[n++] = "netns"; /* which is not ours, but a word that may be meant */
	for (unsigned int i = 0; (noun = net_noun_all(i)) && n < MAX_NOUNS - 1; i++) {
		if (!noun->groups[0])
			continue;
		known[n++] = noun->name;
		if (strcmp(word, noun->name) == 0)
			found = noun;
	}
	known[n] = NULL;
	if (!found) {
		bind_nearest(L, word, known);
		if (!lua_isnil(L, -1))
			bind_misuse(L, "unknown noun '%s'; did you mean '%s'?", word, lua_tostring(L, -1));
		lua_pushstring(L, known[0]);
		for (unsigned int i = 1; i < n; i++) {
			lua_pushfstring(L, ", %s", known[i]);
			lua_concat(L, 2);
		}
		bind_misuse(L, "unknown noun '%s'; what can be watched: %s", word, lua_tostring(L, -1));
	}
	lua_pop(L, 1);
	return found;
}

static const luaL_Reg lib[] = {
	{"add", noun_add},	   {"add_all", noun_add_all},
	{"append", noun_append},   {"change", noun_change},
	{"check", noun_check},	   {"del", noun_del},
	{"del_all", noun_del_all}, {"get", noun_get},
	{"list", noun_list},	   {"read", noun_read},
	{"replace", noun_replace}, {"replace_all", noun_replace_all},
	{"prepend", noun_prepend}, {NULL, NULL},
};

/* Sets one table per noun in the table on top of the stack. */
int bind_open_noun(lua_State *L)
{
	const struct net_noun *noun;

	for (unsigned int i = 1; (noun = net_noun_all(i)); i++) { /* links have functions of their own */
		luaL_newlibtable(L, lib);
		lua_pushlightuserdata(L, (void *)(uintptr_t)noun);
		luaL_setfuncs(L, lib, 1);
		lua_setfield(L, -2, noun->name);
	}
	lua_getfield(L, -1, "route");
	lua_pushcfunction(L, route_to);
	lua_setfield(L, -2, "to");
	lua_pop(L, 1);
	return 0;
}
