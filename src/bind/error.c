/* error.c - the two channels of failure: nil, message, code, detail; and misuse raised at the caller's line */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bind.h"

static void set_text(lua_State *L, const char *key, const char *text)
{
	if (!*text)
		return;
	lua_pushstring(L, text);
	lua_setfield(L, -2, key);
}

/* bind_fail() - push nil, message, code, detail of a failed net_*() call; returns 4.  A slip is raised. */
int bind_fail(lua_State *L, const struct net_err *err)
{
	if (err->misuse)
		return bind_misuse(L, "%s", err->text);
	lua_pushnil(L);
	lua_pushstring(L, *err->text ? err->text : net_strerror(err->code));
	lua_pushstring(L, net_errname(err->code));
	lua_createtable(L, 0, 4);
	lua_pushinteger(L, err->code);
	lua_setfield(L, -2, "errno");
	set_text(L, "extack", err->extack);
	set_text(L, "attr", err->attr);
	set_text(L, "hint", err->hint);
	return 4;
}

int bind_ok(lua_State *L, int r, const struct net_err *err)
{
	if (r < 0)
		return bind_fail(L, err);
	lua_pushboolean(L, 1);
	return 1;
}

#define OURS "nsh.ours" /* registry: what the sources of our own Lua begin with */

/* Pushes it: "=nsh/" in the program; "@" and the folder of the files in a stock Lua, as one of them tells. */
static const char *push_ours(lua_State *L)
{
	int top = lua_gettop(L);
	const char *slash;
	lua_Debug ar;

	if (lua_getfield(L, LUA_REGISTRYINDEX, OURS) == LUA_TSTRING)
		return lua_tostring(L, -1);
	lua_pop(L, 1);
	lua_pushliteral(L, "=nsh/");
	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
	if (lua_getfield(L, -1, "nsh.error") == LUA_TTABLE && lua_getfield(L, -1, "misuse") == LUA_TFUNCTION) {
		lua_getinfo(L, ">S", &ar);
		slash = strrchr(ar.source, '/');
		if (slash) {
			lua_pushlstring(L, ar.source, (size_t)(slash + 1 - ar.source));
			lua_pushvalue(L, -1);
			lua_setfield(L, LUA_REGISTRYINDEX, OURS);
			lua_replace(L, top + 1);
		}
	}
	lua_settop(L, top + 1);
	return lua_tostring(L, -1);
}

/* In the folder; the recipes have none within. */
static bool lies_in(const lua_Debug *ar, const char *folder, bool deep)
{
	size_t len = strlen(folder);

	return strncmp(ar->source, folder, len) == 0 && (deep || !strchr(ar->source + len, '/'));
}

/* Of those who stand between a script and us, as what runs specs does. */
static bool lies_between(lua_State *L, const lua_Debug *ar)
{
	int top = lua_gettop(L);
	bool found = false;

	if (lua_getfield(L, LUA_REGISTRYINDEX, BIND_BETWEEN) == LUA_TTABLE)
		for (lua_Integer i = 1; !found && lua_rawgeti(L, top + 1, i) == LUA_TSTRING; i++)
			found = lies_in(ar, lua_tostring(L, -1), true);
	lua_settop(L, top);
	return found;
}

/* Our own Lua is no place to send a user to, nor is that of the recipes. */
static bool is_ours(const lua_Debug *ar, const char *ours, const char *recipes)
{
	return ar->currentline < 0 || lies_in(ar, ours, true) || (recipes && lies_in(ar, recipes, false));
}

void bind_where(lua_State *L)
{
	const char *ours = push_ours(L), *recipes;
	lua_Debug ar;

	lua_getfield(L, LUA_REGISTRYINDEX, BIND_RECIPES);
	recipes = lua_tostring(L, -1);
	for (int level = 0; lua_getstack(L, level, &ar); level++) {
		lua_getinfo(L, "Sl", &ar);
		if (!is_ours(&ar, ours, recipes) && !lies_between(L, &ar)) {
			lua_pushfstring(L, "%s:%d", ar.short_src, ar.currentline);
			lua_replace(L, -3);
			lua_pop(L, 1);
			return;
		}
	}
	lua_pop(L, 2);
	lua_pushliteral(L, "");
}

/* bind_misuse() - raise a sentence with the position of the script's own line */
int bind_misuse(lua_State *L, const char *fmt, ...)
{
	va_list args;

	bind_where(L);
	if (lua_rawlen(L, -1))
		lua_pushliteral(L, ": ");
	else
		lua_pushliteral(L, "");
	va_start(args, fmt);
	lua_pushvfstring(L, fmt, args);
	va_end(args);
	lua_concat(L, 3);
	return lua_error(L);
}

/* Words of other tools for what ip(8) calls otherwise. */
/* clang-format off */
static const struct {
	const char *word, *key;
} synonyms[] = {
	{"gateway", "via"},   {"gatway", "via"},   {"gw", "via"},	  {"nexthop", "nexthops"}, {"nexthop", "via"}, {"device", "dev"},
	{"lookup", "table"},  {"dsfield", "tos"},  {"realms", "realm"},
	{"interface", "dev"}, {"iface", "dev"},	   {"link", "dev"},	  {"oif", "dev"},	 {"address", "addr"},
	{"ip", "addr"},	      {"type", "kind"},	   {"protocol", "proto"}, {"prefsrc", "src"},	 {"destination", "dst"},
	{"to", "dst"},	      {"bridge", "master"},{"lladdr", "mac"},	  {"hwaddr", "mac"},	 {"namespace", "netns"},
	{"ns", "netns"},      {"brd", "broadcast"},{"stp_state", "stp"},  {"txqueuelen", "txqlen"}, {"preference", "metric"},
	{"priority", "metric"}, {"flowid", "classid"}, {"dev", "link"},
};
/* clang-format on */

#define MAX_WORD 40

/* Edit distance, with a swap of neighbours as one step. */
static int distance(const char *a, const char *b)
{
	int row[3][MAX_WORD + 1], m = (int)strlen(a), n = (int)strlen(b);

	if (m > MAX_WORD || n > MAX_WORD)
		return MAX_WORD;
	for (int j = 0; j <= n; j++)
		row[0][j] = j;
	for (int i = 1; i <= m; i++) {
		int *cur = row[i % 3], *up = row[(i - 1) % 3], *up2 = row[(i + 1) % 3];

		cur[0] = i;
		for (int j = 1; j <= n; j++) {
			int d = up[j - 1] + (a[i - 1] != b[j - 1]);

			if (up[j] + 1 < d)
				d = up[j] + 1;
			if (cur[j - 1] + 1 < d)
				d = cur[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && up2[j - 2] + 1 < d)
				d = up2[j - 2] + 1;
			cur[j] = d;
		}
	}
	return row[m % 3][n];
}

static bool is_known(const char *word, const char *const *known)
{
	for (; *known; known++)
		if (strcmp(word, *known) == 0)
			return true;
	return false;
}

/* bind_nearest() - push the known word that was probably meant, or nil */
void bind_nearest(lua_State *L, const char *word, const char *const *known)
{
	const char *best = NULL;
	int least = (int)strlen(word) / 3 + 2;

	for (size_t i = 0; i < sizeof(synonyms) / sizeof(*synonyms); i++)
		if (strcmp(word, synonyms[i].word) == 0 && is_known(synonyms[i].key, known)) {
			lua_pushstring(L, synonyms[i].key);
			return;
		}
	for (; *known; known++) {
		int d = distance(word, *known);

		if (d < least) {
			least = d;
			best = *known;
		}
	}
	lua_pushstring(L, best);
}
