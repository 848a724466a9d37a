/* command.c - what is to be run: words, environment, folder, and where its standard input and output are */
#include <string.h>
#include <unistd.h>

#include "bind.h"

/* Pushes room for @n strings and a table that keeps them alive; both stay on the stack during the call. */
static const char **push_vector(lua_State *L, size_t n)
{
	const char **v = lua_newuserdatauv(L, (n + 1) * sizeof(*v), 0);

	memset(v, 0, (n + 1) * sizeof(*v));
	lua_newtable(L);
	return v;
}

/* Takes the string at the top into slot @i of the vector whose table stands at @anchor. */
static void keep(lua_State *L, const char **v, size_t i, int anchor)
{
	v[i] = lua_tostring(L, -1);
	lua_rawseti(L, anchor, (lua_Integer)i + 1);
}

static bool has_nul(lua_State *L, int idx)
{
	size_t len;
	const char *s = lua_tolstring(L, idx, &len);

	return strlen(s) != len;
}

static void check_word_keys(lua_State *L, int idx, lua_Integer n)
{
	lua_pushnil(L);
	while (lua_next(L, idx)) {
		lua_pop(L, 1);
		if (!lua_isinteger(L, -1) || lua_tointeger(L, -1) < 1 || lua_tointeger(L, -1) > n)
			bind_misuse(L, "the command has a key '%s'; its words stand at 1, 2, 3...",
				    luaL_tolstring(L, -1, NULL));
	}
}

static const char *const *read_argv(lua_State *L, int idx)
{
	const char **argv;
	lua_Integer n;
	int anchor;

	if (!lua_istable(L, idx))
		bind_misuse(L, "the command must be a string or a table of words, got %s", luaL_typename(L, idx));
	n = (lua_Integer)lua_rawlen(L, idx);
	check_word_keys(L, idx, n);
	argv = push_vector(L, (size_t)n);
	anchor = lua_gettop(L);
	for (lua_Integer i = 1; i <= n; i++) {
		int type = lua_rawgeti(L, idx, i);

		if (type != LUA_TSTRING && type != LUA_TNUMBER)
			bind_misuse(L, "word %I of the command must be a string, got %s", (LUAI_UACINT)i,
				    luaL_typename(L, -1));
		if (has_nul(L, -1))
			bind_misuse(L, "word %I of the command contains a NUL byte", (LUAI_UACINT)i);
		keep(L, argv, (size_t)i - 1, anchor);
	}
	if (!argv[0] || !*argv[0])
		bind_misuse(L, "the command is empty");
	return argv;
}

/* Reads one pair of env, key at -2 and value at -1.  Return: whether it sets the variable. */
static bool check_variable(lua_State *L)
{
	const char *name;

	if (lua_type(L, -2) != LUA_TSTRING)
		bind_misuse(L, "env takes names: env = { NAME = \"value\" }, got a key of type %s",
			    luaL_typename(L, -2));
	name = lua_tostring(L, -2);
	if (!*name || strchr(name, '=') || has_nul(L, -2))
		bind_misuse(L, "env: '%s' can't be the name of a variable", name);
	if (lua_isboolean(L, -1) && !lua_toboolean(L, -1))
		return false;
	if (lua_type(L, -1) != LUA_TSTRING && lua_type(L, -1) != LUA_TNUMBER)
		bind_misuse(L, "env: %s must be a string, or false to unset it; got %s", name, luaL_typename(L, -1));
	lua_pushvalue(L, -1); /* the value itself must stay what it is while the table is walked */
	if (has_nul(L, -1))
		bind_misuse(L, "env: %s contains a NUL byte", name);
	lua_pop(L, 1);
	return true;
}

static size_t count_env(lua_State *L, int idx)
{
	size_t n = 0;

	lua_pushnil(L);
	while (lua_next(L, idx)) {
		n += check_variable(L);
		lua_pop(L, 1);
	}
	for (char **v = environ; v && *v; v++)
		n++;
	return n;
}

/* The whole environment: ours, with what the table at @idx sets and unsets. */
static const char *const *read_env(lua_State *L, int idx)
{
	const char **env = push_vector(L, count_env(L, idx));
	int anchor = lua_gettop(L);
	size_t n = 0;

	for (char **v = environ; v && *v; v++) {
		lua_pushlstring(L, *v, strcspn(*v, "="));
		if (lua_rawget(L, idx) == LUA_TNIL)
			env[n++] = *v;
		lua_pop(L, 1);
	}
	lua_pushnil(L);
	while (lua_next(L, idx)) {
		if (check_variable(L)) {
			const char *value = luaL_tolstring(L, -1, NULL);

			lua_pushfstring(L, "%s=%s", lua_tostring(L, -3), value);
			keep(L, env, n++, anchor);
			lua_pop(L, 1);
		}
		lua_pop(L, 1);
	}
	return env;
}

/* bind_options() - make sure that there is a table of options at @idx, the last argument */
void bind_options(lua_State *L, int idx, const char *const *known)
{
	lua_settop(L, idx);
	if (lua_isnil(L, idx)) {
		lua_newtable(L);
		lua_replace(L, idx);
	} else if (!lua_istable(L, idx)) {
		bind_misuse(L, "the options must be a table, got %s", luaL_typename(L, idx));
	}
	bind_known_keys(L, idx, known);
}

/* bind_command() - read namespace, words and options at 1, 2, 3.  What they point to stays on the stack. */
void bind_command(lua_State *L, struct net_spawn *spec, const char *const *known)
{
	bind_options(L, 3, known);
	spec->ns = bind_ns(L, 1);
	spec->argv = read_argv(L, 2);
	spec->cwd = bind_string(L, 3, "cwd", NULL);
	if (lua_getfield(L, 3, "env") == LUA_TTABLE)
		spec->env = read_env(L, lua_gettop(L));
	else if (!lua_isnil(L, -1))
		bind_misuse(L, "env must be a table { NAME = \"value\" }, got %s", luaL_typename(L, -1));
}

/* --- standard input and output --- */

#define KEEP_DEFAULT (1 << 20)
#define KEEP_MAX (1 << 30)

/* Reads { file = path, append = true } at the top. */
static void read_file(lua_State *L, const char *key, struct net_stdio *io)
{
	static const char *const outputs[] = {"append", "file", NULL}, *const inputs[] = {"file", NULL};
	bool input = strcmp(key, "input") == 0;

	bind_known_keys(L, -1, input ? inputs : outputs);
	io->how = NET_FILE;
	io->path = bind_string(L, -1, "file", NULL);
	io->append = bind_flag(L, -1, "append", false);
	if (!io->path || !*io->path)
		bind_misuse(L, "%s: a table names a file, as { file = \"log\" }", key);
}

static bool is_word(lua_State *L, const char *word)
{
	return lua_type(L, -1) == LUA_TSTRING && strcmp(lua_tostring(L, -1), word) == 0;
}

static void read_output(lua_State *L, int idx, const char *key, struct net_stdio *io)
{
	bool is_err = strcmp(key, "err") == 0;

	lua_getfield(L, idx, key);
	if (lua_isnil(L, -1) || is_word(L, "keep"))
		io->how = NET_PIPE;
	else if (is_word(L, "inherit"))
		io->how = NET_INHERIT;
	else if (is_err && is_word(L, "out"))
		io->how = NET_AS_OUT;
	else if (lua_isboolean(L, -1) && !lua_toboolean(L, -1))
		io->how = NET_NOTHING;
	else if (lua_istable(L, -1))
		read_file(L, key, io);
	else
		bind_misuse(L, "%s must be \"keep\", \"inherit\", %s{ file = path } or false, not %s", key,
			    is_err ? "\"out\", " : "", luaL_tolstring(L, -1, NULL));
	lua_pop(L, 1); /* the options hold it */
}

static void read_input(lua_State *L, int idx, struct net_stdio *io)
{
	lua_getfield(L, idx, "input");
	if (lua_istable(L, -1)) {
		read_file(L, "input", io);
	} else if (lua_type(L, -1) == LUA_TSTRING) {
		io->text = lua_tolstring(L, -1, &io->len);
		io->how = io->len ? NET_PIPE : NET_NOTHING;
	} else if (lua_isboolean(L, -1)) {
		io->open = lua_toboolean(L, -1);
		io->how = io->open ? NET_PIPE : NET_NOTHING;
	} else if (!lua_isnil(L, -1)) {
		bind_misuse(L, "input must be text, true (for write), { file = path } or false, not a %s",
			    luaL_typename(L, -1));
	}
	lua_pop(L, 1);
}

/* bind_stdio() - read input, out, err and keep of the options at @idx, which hold what the result points to */
void bind_stdio(lua_State *L, int idx, struct net_stdio io[3])
{
	size_t keep = (size_t)bind_bytes(L, idx, "keep", KEEP_DEFAULT, 1, KEEP_MAX);

	memset(io, 0, 3 * sizeof(*io));
	read_input(L, idx, &io[0]);
	read_output(L, idx, "out", &io[1]);
	read_output(L, idx, "err", &io[2]);
	io[1].keep = io[2].keep = keep;
}
