/* watch.c - nsh.core.watch: what the kernel announces, as records; who believes what is Lua's business */
#include <errno.h>
#include <limits.h>
#include <linux/netlink.h>
#include <string.h>

#include "bind.h"

#define WATCH "nsh.watch"
#define RECORD_KEYS 16
#define BUFFER (16 << 20)
#define BUFFER_MIN 2048

static const char *const option_keys[] = {"all", "buffer", "everything", NULL};

static int watch_gc(lua_State *L)
{
	net_watch_close(luaL_checkudata(L, 1, WATCH));
	return 0;
}

static struct net_watch *check_watch(lua_State *L, int arg)
{
	struct net_watch *w = luaL_checkudata(L, arg, WATCH);

	if (w->fd < 0)
		bind_misuse(L, "the watch is closed");
	return w;
}

/* The nouns that the list at @idx names; none for nil. */
static void read_nouns(lua_State *L, int idx, struct net_watch *w)
{
	lua_Integer n = lua_istable(L, idx) ? (lua_Integer)lua_rawlen(L, idx) : 0;

	if (n > NET_MAX_WATCHED)
		bind_misuse(L, "a watch hears of %d nouns at most", NET_MAX_WATCHED);
	for (lua_Integer i = 1; i <= n; i++) {
		lua_rawgeti(L, idx, i);
		w->nouns[w->n++] = bind_announced(L, -1);
		lua_pop(L, 1);
	}
}

/* open(ns, nouns, { all, buffer, everything }) */
static int watch_open(lua_State *L)
{
	struct net_err err;
	struct net_ns *ns = bind_ns(L, 1);
	struct net_watch *w;
	bool all, everything;
	int buffer;

	bind_known_keys(L, 3, option_keys);
	all = bind_flag(L, 3, "all", false);
	everything = bind_flag(L, 3, "everything", false);
	buffer = (int)bind_bytes(L, 3, "buffer", BUFFER, BUFFER_MIN, INT_MAX / 2);
	w = lua_newuserdatauv(L, sizeof(*w), 0);
	net_watch_init(w);
	w->everything = everything;
	luaL_setmetatable(L, WATCH);
	read_nouns(L, 2, w);
	if (net_watch_open(w, ns, all, buffer, &err) < 0)
		return bind_fail(L, &err);
	return 1;
}

static int watch_close(lua_State *L)
{
	return watch_gc(L);
}

/* The record of an event; false where nobody gave us names of the namespace it comes from. */
static bool push_event(lua_State *L, const struct net_event *e, struct net_cursor *c)
{
	struct net_link_names *names;

	lua_rawgeti(L, 2, e->nsid);
	names = bind_test_names(L, -1);
	if (!names) {
		lua_pop(L, 1);
		return false;
	}
	lua_pushinteger(L, e->nsid);
	lua_pushstring(L, e->news == NET_NEWS_SET ? "set" : "gone");
	bind_push_record(L, NULL, c, names, RECORD_KEYS); /* the names are all there: no namespace is asked */
	lua_pushstring(L, e->noun->name);
	lua_pushboolean(L, e->flags & NLM_F_REPLACE);
	lua_remove(L, -6);
	return true;
}

/*
 * read(watch, names by nsid) -> nsid, "set" or "gone", record, noun, whether it takes the place of another
 *	or nsid, "port", index; nsid, "id" or "no id", number
 *	or nil: nothing more at the moment; or false: some are lost
 */
static int watch_read(lua_State *L)
{
	static const char *const words[] = {
		[NET_NEWS_PORT] = "port",
		[NET_NEWS_ID] = "id",
		[NET_NEWS_NO_ID] = "no id",
	};
	struct net_watch *w = check_watch(L, 1);
	struct net_cursor c;
	struct net_event e;
	struct net_err err;
	int r;

	luaL_checktype(L, 2, LUA_TTABLE);
	while ((r = net_watch_next(w, &e, &c, &err)) == 1) {
		if (e.noun && push_event(L, &e, &c))
			return 5;
		if (e.noun)
			continue;
		lua_pushinteger(L, e.nsid);
		lua_pushstring(L, words[e.news]);
		lua_pushinteger(L, e.number);
		return 3;
	}
	if (r < 0 && r != -ENOBUFS)
		return bind_fail(L, &err);
	if (r < 0)
		lua_pushboolean(L, 0);
	else
		lua_pushnil(L);
	return 1;
}

/* drain(watch) -> whether there was something */
static int watch_drain(lua_State *L)
{
	struct net_err err;
	int r = net_watch_drain(check_watch(L, 1), &err);

	if (r < 0)
		return bind_fail(L, &err);
	lua_pushboolean(L, r);
	return 1;
}

static int watch_moved(lua_State *L)
{
	lua_pushboolean(L, net_watch_moved(check_watch(L, 1)));
	return 1;
}

/* names() -> an empty map that is told all names */
static int watch_names(lua_State *L)
{
	bind_new_names(L)->full = true;
	return 1;
}

/* name(names, index, name or nil) */
static int watch_name(lua_State *L)
{
	struct net_link_names *names = bind_test_names(L, 1);
	struct net_err err;

	luaL_argcheck(L, names, 1, "names");
	if (net_names_put(names, (int)luaL_checkinteger(L, 2), luaL_optstring(L, 3, NULL)) < 0) {
		net_fail(&err, ENOMEM, NULL);
		return bind_fail(L, &err);
	}
	lua_pushboolean(L, 1);
	return 1;
}

static const luaL_Reg lib[] = {
	{"close", watch_close}, {"drain", watch_drain}, {"moved", watch_moved}, {"name", watch_name},
	{"names", watch_names}, {"open", watch_open},	{"read", watch_read},	{NULL, NULL},
};

static const luaL_Reg meta[] = {
	{"__close", watch_gc},
	{"__gc", watch_gc},
	{NULL, NULL},
};

int bind_open_watch(lua_State *L)
{
	luaL_newmetatable(L, WATCH);
	luaL_setfuncs(L, meta, 0);
	bind_op_class(L);
	lua_pop(L, 1);
	luaL_newlib(L, lib);
	return 1;
}
