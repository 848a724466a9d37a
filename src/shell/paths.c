/* paths.c - where require looks: absolute folders, the script's own, the recipes; text only */
#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../bind/bind.h"
#include "shell.h"

static char recipes[PATH_MAX] = NSH_DATADIR "/stdlib";

/* What lies in the working directory is no module: a script means the same wherever it is started. */
static void keep_absolute(lua_State *L, const char *field)
{
	luaL_Buffer b;
	const char *at;
	bool some = false;

	lua_getfield(L, -1, field);
	at = lua_tostring(L, -1);
	luaL_buffinit(L, &b);
	while (at && *at) {
		size_t n = strcspn(at, ";");

		if (*at == '/') {
			if (some)
				luaL_addchar(&b, ';');
			luaL_addlstring(&b, at, n);
			some = true;
		}
		at += n + (at[n] == ';');
	}
	luaL_pushresult(&b);
	lua_setfield(L, -3, field);
	lua_pop(L, 1);
}

/* Puts DIR/?.lua;DIR/?/init.lua before or after package.path. */
static void add_folder(lua_State *L, const char *dir, bool first)
{
	const char *path, *sep;

	if (strpbrk(dir, ";?")) /* no way to say such a folder in a path */
		return;
	lua_getfield(L, -1, "path");
	path = lua_tostring(L, -1);
	sep = *path ? ";" : "";
	if (first)
		lua_pushfstring(L, "%s/?.lua;%s/?/init.lua%s%s", dir, dir, sep, path);
	else
		lua_pushfstring(L, "%s%s%s/?.lua;%s/?/init.lua", path, sep, dir, dir);
	lua_setfield(L, -3, "path");
	lua_pop(L, 1);
}

static void add_script_folder(lua_State *L, const char *script)
{
	char real[PATH_MAX], *slash;

	if (!realpath(script, real))
		return;
	slash = strrchr(real, '/');
	*slash = '\0';
	add_folder(L, real, true);
}

/* The recipes: stdlib/ beside the binary in the source tree (a link, where that was built elsewhere), else where they
 * are installed. */
static void add_stdlib(lua_State *L)
{
	char exe[PATH_MAX], real[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - sizeof("/stdlib"));
	char *slash;

	if (n > 0) {
		exe[n] = '\0';
		slash = strrchr(exe, '/');
		memcpy(slash, "/stdlib", sizeof("/stdlib"));
		if (realpath(exe, real))
			memcpy(recipes, real, strlen(real) + 1);
	}
	slash = strrchr(recipes, '/');
	*slash = '\0';
	add_folder(L, recipes, false);
	*slash = '/';
	lua_pushfstring(L, "@%s/", recipes);
	lua_setfield(L, LUA_REGISTRYINDEX, BIND_RECIPES);
}

/* The searcher for Lua files; crafted bytecode can crash Lua, so only text is taken. */
static int search_lua(lua_State *L)
{
	const char *file;

	lua_getfield(L, lua_upvalueindex(1), "searchpath");
	lua_pushvalue(L, 1);
	lua_getfield(L, lua_upvalueindex(1), "path");
	lua_call(L, 2, 2);
	if (lua_isnil(L, -2))
		return 1; /* the list of places tried */
	lua_pop(L, 1);
	file = lua_tostring(L, -1);
	if (luaL_loadfilex(L, file, "t") != LUA_OK)
		return luaL_error(L, "error loading module '%s' from file '%s':\n\t%s", lua_tostring(L, 1), file,
				  lua_tostring(L, -1));
	lua_insert(L, -2);
	return 2;
}

/* paths_stdlib() - globals.stdlib(): the modules of the recipes, for completion */
int paths_stdlib(lua_State *L)
{
	DIR *dir = opendir(recipes);
	struct dirent *entry;
	lua_Integer n = 0;

	lua_newtable(L);
	while (dir && (entry = readdir(dir))) {
		size_t len = strlen(entry->d_name);

		if (len <= 4 || strcmp(entry->d_name + len - 4, ".lua") != 0)
			continue;
		lua_pushfstring(L, "stdlib.%s", entry->d_name);
		lua_pushlstring(L, lua_tostring(L, -1), strlen("stdlib.") + len - 4);
		lua_remove(L, -2);
		lua_rawseti(L, -2, ++n);
	}
	if (dir)
		closedir(dir);
	return 1;
}

/* paths_open() - set package.path, package.cpath and the searcher; script may be NULL */
void paths_open(lua_State *L, const char *script)
{
	lua_getglobal(L, "package");
	keep_absolute(L, "path");
	keep_absolute(L, "cpath");
	if (script)
		add_script_folder(L, script);
	add_stdlib(L);
	lua_getfield(L, -1, "searchers");
	lua_pushvalue(L, -2);
	lua_pushcclosure(L, search_lua, 1);
	lua_rawseti(L, -2, 2);
	lua_pop(L, 2);
}
