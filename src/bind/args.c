/* args.c - reading arguments: namespaces, and the fields of option tables */
#include <string.h>

#include "bind.h"

/* bind_test_ns() - the namespace at @arg: the userdata, or an object that keeps it at .core; NULL: neither */
struct net_ns *bind_test_ns(lua_State *L, int arg)
{
	struct net_ns *ns = luaL_testudata(L, arg, BIND_NS);

	if (ns || !lua_istable(L, arg))
		return ns;
	arg = lua_absindex(L, arg);
	lua_pushliteral(L, "core");
	lua_rawget(L, arg);
	ns = luaL_testudata(L, -1, BIND_NS);
	lua_pop(L, 1); /* the object holds it */
	return ns;
}

/* bind_ns() - the same, raising for anything else and for one that is closed */
struct net_ns *bind_ns(lua_State *L, int arg)
{
	struct net_ns *ns = bind_test_ns(L, arg);

	if (!ns)
		bind_misuse(L, "a namespace is wanted, not a %s", luaL_typename(L, arg));
	else if (ns->fd < 0)
		bind_misuse(L, "namespace %s was deleted", ns->label);
	return ns;
}

/* Push the field; false when it is absent.  No metamethod is asked: what it gives would be held by nobody. */
static bool field(lua_State *L, int idx, const char *key)
{
	if (lua_istable(L, idx)) {
		idx = lua_absindex(L, idx);
		lua_pushstring(L, key);
		lua_rawget(L, idx);
	} else {
		lua_pushnil(L);
	}
	return !lua_isnil(L, -1);
}

double bind_seconds(lua_State *L, int idx, const char *key, double def)
{
	double v = def;

	if (field(L, idx, key)) {
		size_t len = 0;
		bool text = lua_type(L, -1) == LUA_TSTRING;
		const char *s = text ? lua_tolstring(L, -1, &len) : NULL; /* tolstring would turn a number into text */

		if (lua_type(L, -1) == LUA_TNUMBER)
			v = lua_tonumber(L, -1);
		else if (!text || net_parse_seconds(s, len, &v) < 0)
			bind_misuse(L, "%s must be seconds (a number, or text as '10ms'), not %s", key,
				    luaL_tolstring(L, -1, NULL));
		if (!(v >= 0 && v <= 1e9))
			bind_misuse(L, "%s must be seconds from 0 to 1000000000, not %f", key, v);
	}
	lua_pop(L, 1);
	return v;
}

double bind_rate(lua_State *L, int idx, const char *key, double def)
{
	double v = def;

	if (field(L, idx, key)) {
		size_t len = 0;
		bool text = lua_type(L, -1) == LUA_TSTRING;
		const char *s = text ? lua_tolstring(L, -1, &len) : NULL;

		if (lua_type(L, -1) == LUA_TNUMBER)
			v = lua_tonumber(L, -1);
		else if (!text || net_parse_rate(s, len, &v) < 0)
			v = -1;
		if (!(v > 0 && v <= 1e15))
			bind_misuse(L, "%s must be bits per second (a number, or text as '10mbit'), not %s", key,
				    luaL_tolstring(L, -1, NULL));
	}
	lua_pop(L, 1);
	return v;
}

bool bind_flag(lua_State *L, int idx, const char *key, bool def)
{
	if (field(L, idx, key)) {
		if (!lua_isboolean(L, -1))
			bind_misuse(L, "%s must be true or false, not a %s", key, luaL_typename(L, -1));
		def = lua_toboolean(L, -1);
	}
	lua_pop(L, 1);
	return def;
}

lua_Integer bind_integer(lua_State *L, int idx, const char *key, lua_Integer def, lua_Integer min, lua_Integer max)
{
	if (field(L, idx, key)) {
		int whole = 0;

		if (lua_type(L, -1) == LUA_TNUMBER)
			def = lua_tointegerx(L, -1, &whole);
		if (!whole || def < min || def > max)
			bind_misuse(L, "%s must be a whole number from %I to %I, not %s", key, (LUAI_UACINT)min,
				    (LUAI_UACINT)max, luaL_tolstring(L, -1, NULL));
	}
	lua_pop(L, 1);
	return def;
}

/* bind_bytes() - a field that is a number of bytes, as 65536 or "64kb" */
lua_Integer bind_bytes(lua_State *L, int idx, const char *key, lua_Integer def, lua_Integer min, lua_Integer max)
{
	size_t len;
	double v;

	if (field(L, idx, key) && lua_type(L, -1) == LUA_TSTRING) {
		const char *s = lua_tolstring(L, -1, &len);

		if (net_parse_bytes(s, len, &v) < 0 || !(v >= (double)min && v <= (double)max))
			bind_misuse(L, "%s must be bytes from %I to %I, as 65536 or '64kb', not %s", key,
				    (LUAI_UACINT)min, (LUAI_UACINT)max, s);
		lua_pop(L, 1);
		return (lua_Integer)v;
	}
	lua_pop(L, 1);
	return bind_integer(L, idx, key, def, min, max);
}

/* bind_string() - the field as text, held by the table; NULL: absent */
const char *bind_string(lua_State *L, int idx, const char *key, size_t *len)
{
	const char *s = NULL;
	size_t n = 0;

	if (field(L, idx, key)) {
		if (lua_type(L, -1) != LUA_TSTRING)
			bind_misuse(L, "%s must be a string, not a %s", key, luaL_typename(L, -1));
		s = lua_tolstring(L, -1, &n);
		if (!len && strlen(s) != n)
			bind_misuse(L, "%s has a NUL byte", key);
	}
	if (len)
		*len = n;
	lua_pop(L, 1);
	return s;
}

/* bind_unknown() - raise for a key that nobody knows, naming the nearest */
static void unknown(lua_State *L, const char *key, const char *const *known)
{
	bind_nearest(L, key, known);
	if (lua_isnil(L, -1))
		bind_misuse(L, "unknown key '%s'", key);
	bind_misuse(L, "unknown key '%s'; did you mean '%s'?", key, lua_tostring(L, -1));
}

/* bind_known_keys() - raise for a string key that is not in the list */
void bind_known_keys(lua_State *L, int idx, const char *const *known)
{
	if (lua_isnoneornil(L, idx))
		return;
	if (!lua_istable(L, idx))
		bind_misuse(L, "a table of options is wanted, not a %s", luaL_typename(L, idx));
	idx = lua_absindex(L, idx);
	for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
		const char *const *k = known;

		if (lua_type(L, -2) != LUA_TSTRING)
			continue;
		while (*k && strcmp(*k, lua_tostring(L, -2)) != 0)
			k++;
		if (!*k)
			unknown(L, lua_tostring(L, -2), known);
	}
}
