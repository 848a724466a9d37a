/* node.c - nsh.core.node: what commands of a namespace have of their own beside its network */
#include <limits.h>
#include <stdlib.h>

#include "bind.h"

#define TEXT "nsh.node.text"

static int text_gc(lua_State *L)
{
	struct net_file *file = luaL_checkudata(L, 1, TEXT);

	free((void *)file->text);
	file->text = NULL;
	return 0;
}

static struct net_file *new_text(lua_State *L)
{
	struct net_file *file = lua_newuserdatauv(L, sizeof(*file), 0);

	*file = (struct net_file){0};
	if (luaL_newmetatable(L, TEXT)) {
		lua_pushcfunction(L, text_gc);
		lua_setfield(L, -2, "__gc");
	}
	lua_setmetatable(L, -2);
	return file;
}

/* Reads the list of { path, from } at the top. */
static void read_folders(lua_State *L, struct net_node_spec *spec)
{
	lua_Integer n = lua_istable(L, -1) ? (lua_Integer)lua_rawlen(L, -1) : 0;
	struct net_folder *folders = lua_newuserdatauv(L, (size_t)(n + 1) * sizeof(*folders), 0);

	for (lua_Integer i = 0; i < n; i++) {
		lua_rawgeti(L, -2, i + 1);
		folders[i].path = bind_string(L, -1, "path", NULL);
		folders[i].from = bind_string(L, -1, "from", NULL);
		lua_pop(L, 1); /* the list holds it */
		luaL_argcheck(L, folders[i].path, 2, "path");
	}
	spec->folders = folders;
	spec->n_folders = (unsigned int)n;
	lua_remove(L, -2);
}

/* make(ns, { hostname, hosts, resolv, folders = { { path, from }, ... }, pids }) -> true */
static int node_make(lua_State *L)
{
	struct net_err err;
	struct net_ns *ns = bind_ns(L, 1);
	struct net_node_spec spec = {0};

	spec.hostname = bind_string(L, 2, "hostname", NULL);
	spec.hosts = bind_string(L, 2, "hosts", NULL);
	spec.resolv = bind_string(L, 2, "resolv", NULL);
	spec.pids = bind_flag(L, 2, "pids", false);
	lua_getfield(L, 2, "folders");
	read_folders(L, &spec);
	return bind_ok(L, net_node_make(ns, &spec, &err), &err);
}

/* there(ns) -> whether its commands have things of their own already */
static int node_there(lua_State *L)
{
	struct net_err err;
	int r = net_node_there(bind_ns(L, 1), &err);

	if (r < 0)
		return bind_fail(L, &err);
	lua_pushboolean(L, r);
	return 1;
}

/* file(ns, path, text, mode): a file that its commands see alone; text nil: it goes */
static int node_file(lua_State *L)
{
	struct net_err err = {0};
	struct net_ns *ns = bind_ns(L, 1);
	struct net_file file = {.path = luaL_checkstring(L, 2), .mode = (unsigned int)luaL_optinteger(L, 4, 0644)};

	file.text = luaL_optlstring(L, 3, NULL, &file.len);
	return bind_ok(L, net_node_file(ns, &file, &err), &err);
}

/* read(ns, path) -> text, mode: of a file as its commands see it */
static int node_read(lua_State *L)
{
	struct net_err err = {0};
	struct net_ns *ns = bind_ns(L, 1);
	const char *path = luaL_checkstring(L, 2);
	struct net_file *file = new_text(L);

	file->path = path;
	if (net_node_read(ns, file, &err) < 0)
		return bind_fail(L, &err);
	lua_pushlstring(L, file->text, file->len);
	lua_pushinteger(L, file->mode);
	free((void *)file->text);
	file->text = NULL;
	return 2;
}

/* hostname(ns) -> text */
static int node_hostname(lua_State *L)
{
	char name[HOST_NAME_MAX + 1] = "";
	struct net_err err;

	if (net_node_hostname(bind_ns(L, 1), name, sizeof(name), &err) < 0)
		return bind_fail(L, &err);
	lua_pushstring(L, name);
	return 1;
}

static const luaL_Reg lib[] = {
	{"file", node_file}, {"hostname", node_hostname}, {"make", node_make},
	{"read", node_read}, {"there", node_there},	  {NULL, NULL},
};

int bind_open_node(lua_State *L)
{
	luaL_newlib(L, lib);
	return 1;
}
