/* netns.c - nsh.core.netns: namespaces as userdata */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bind.h"

static int ns_gc(lua_State *L)
{
	net_ns_close(luaL_checkudata(L, 1, BIND_NS));
	return 0;
}

static int ns_tostring(lua_State *L)
{
	struct net_ns *ns = luaL_checkudata(L, 1, BIND_NS);

	lua_pushfstring(L, "netns: %s%s", ns->label, ns->fd < 0 ? " (deleted)" : "");
	return 1;
}

/* Born closed, so that a memory error in between leaves nothing open. */
static struct net_ns *new_ns(lua_State *L)
{
	struct net_ns *ns = lua_newuserdatauv(L, sizeof(*ns), 0);

	net_ns_init(ns);
	luaL_setmetatable(L, BIND_NS);
	return ns;
}

/* The userdata on top, or what went wrong. */
static int result(lua_State *L, int r, const struct net_err *err)
{
	return r < 0 ? bind_fail(L, err) : 1;
}

static const char *check_name(lua_State *L, int arg)
{
	struct net_err err;
	size_t len;
	const char *name;

	if (lua_type(L, arg) != LUA_TSTRING)
		bind_misuse(L, "the name of a namespace must be a string, not a %s", luaL_typename(L, arg));
	name = lua_tolstring(L, arg, &len);
	if (net_check_ns_name(name, len, &err) < 0)
		bind_misuse(L, "%s", err.text);
	return name;
}

static int check_int(lua_State *L, int arg, int min, const char *what)
{
	lua_Integer i = lua_isinteger(L, arg) ? lua_tointeger(L, arg) : (lua_Integer)min - 1;

	if (i < min || i > INT_MAX)
		bind_misuse(L, "%s must be a whole number from %d to %d, not %s", what, min, INT_MAX,
			    luaL_tolstring(L, arg, NULL));
	return (int)i;
}

static pid_t check_pid(lua_State *L, int arg)
{
	return check_int(L, arg, 1, "pid");
}

static int netns_root(lua_State *L)
{
	struct net_err err;
	struct net_ns *ns = new_ns(L);

	return result(L, net_ns_root(ns, &err), &err);
}

static int netns_outside(lua_State *L)
{
	struct net_err err;
	struct net_ns *ns = new_ns(L);

	return result(L, net_ns_outside(ns, &err), &err);
}

static int netns_open(lua_State *L)
{
	struct net_err err;
	const char *name = check_name(L, 1);
	struct net_ns *ns = new_ns(L);

	return result(L, net_ns_open(ns, name, &err), &err);
}

static int netns_of(lua_State *L)
{
	struct net_err err;
	pid_t pid = check_pid(L, 1);
	struct net_ns *ns = new_ns(L);

	return result(L, net_ns_of(ns, pid, &err), &err);
}

/* Give the namespace its name, unless making it failed already. */
static int named(lua_State *L, int r, struct net_ns *ns, const char *name, struct net_err *err)
{
	if (r == 0)
		r = net_ns_bind(ns, name, err);
	if (r == 0)
		net_ns_label(ns, name);
	else
		net_ns_close(ns);
	return result(L, r, err);
}

/* Make a namespace with the kernel's default sysctls and give it a name. */
static int netns_add(lua_State *L)
{
	struct net_err err;
	const char *name = check_name(L, 1);
	struct net_ns *ns = new_ns(L);
	int r = net_ns_new(ns, &err);

	if (r == 0 && !net_world_is_host())
		r = net_ns_defaults(ns, &err);
	return named(L, r, ns, name, &err);
}

/* ahead(n): as many will be added soon; 0: those that nobody took go */
static int netns_ahead(lua_State *L)
{
	net_ns_ahead((unsigned int)check_int(L, 1, 0, "n"));
	return 0;
}

/* new() -> a namespace without a name, which ends when it is closed */
static int netns_new(lua_State *L)
{
	struct net_err err;
	struct net_ns *ns = new_ns(L);
	int r = net_ns_new(ns, &err);

	if (r == 0)
		r = net_ns_defaults(ns, &err);
	return result(L, r, &err);
}

/* supports(ns, what) -> true */
static int netns_supports(lua_State *L)
{
	struct net_err err;
	struct net_ns *ns = bind_ns(L, 1);

	return bind_ok(L, net_ns_supports(ns, luaL_checkstring(L, 2), &err), &err);
}

static int netns_attach(lua_State *L)
{
	struct net_err err;
	const char *name = check_name(L, 1);
	pid_t pid = check_pid(L, 2);
	struct net_ns *ns = new_ns(L);

	return named(L, net_ns_of(ns, pid, &err), ns, name, &err);
}

static int netns_del(lua_State *L)
{
	struct net_err err;

	return bind_ok(L, net_ns_unbind(check_name(L, 1), &err), &err);
}

static int names_gc(lua_State *L)
{
	free(*(char **)lua_touserdata(L, 1));
	return 0;
}

/* The names as a list, sorted by the caller; without those that other programs gave and no function here takes. */
static int netns_names(lua_State *L)
{
	struct net_err err;
	char **box = lua_newuserdatauv(L, sizeof(*box), 0);
	lua_Integer n = 0;
	size_t len;

	*box = NULL;
	if (luaL_newmetatable(L, "nsh.ns-names")) {
		lua_pushcfunction(L, names_gc);
		lua_setfield(L, -2, "__gc");
	}
	lua_setmetatable(L, -2);
	if (net_ns_names(box, &len, &err) < 0)
		return bind_fail(L, &err);
	lua_newtable(L);
	for (const char *p = *box; p && p < *box + len; p += strlen(p) + 1) {
		if (net_check_ns_name(p, strlen(p), &err) < 0)
			continue;
		lua_pushstring(L, p);
		lua_rawseti(L, -2, ++n);
	}
	return 1;
}

static int netns_close(lua_State *L)
{
	struct net_ns *ns = bind_test_ns(L, 1);

	if (ns)
		net_ns_close(ns);
	return 0;
}

/* Device and inode as one string: who has the same is the same namespace. */
static int netns_identity(lua_State *L)
{
	struct net_ns *ns = bind_ns(L, 1);

	lua_pushfstring(L, "%I:%I", (LUAI_UACINT)ns->dev, (LUAI_UACINT)ns->ino);
	return 1;
}

static int netns_id(lua_State *L)
{
	struct net_err err;
	struct net_ns *viewer = bind_ns(L, 1), *target = bind_ns(L, 2);
	int id;

	if (net_ns_id(viewer, target, &id, &err) < 0)
		return bind_fail(L, &err);
	lua_pushinteger(L, id);
	return 1;
}

/* set_id(viewer, target, id): without an id the kernel chooses one */
static int netns_set_id(lua_State *L)
{
	struct net_err err;
	struct net_ns *viewer = bind_ns(L, 1), *target = bind_ns(L, 2);
	int id = lua_isnoneornil(L, 3) ? -1 : check_int(L, 3, 0, "id");

	return bind_ok(L, net_ns_set_id(viewer, target, id, &err), &err);
}

/* ids(viewer) -> records { id } */
static int netns_ids(lua_State *L)
{
	struct net_err err;
	struct net_ns *viewer = bind_ns(L, 1);
	struct net_dump *d = bind_new_dump(L);
	struct net_fields filter = {0};

	if (net_list(viewer, &net_nsid, &filter, d, &err) < 0)
		return bind_fail(L, &err);
	return bind_push_records(L, viewer, &net_nsid, d);
}

static int pids_gc(lua_State *L)
{
	free(((struct net_pids *)lua_touserdata(L, 1))->v);
	return 0;
}

/* pids(ns) -> list */
static int netns_pids(lua_State *L)
{
	struct net_err err;
	struct net_ns *ns = bind_ns(L, 1);
	struct net_pids *list = bind_new_owned(L, sizeof(*list), "nsh.pids", pids_gc);

	if (net_ns_pids(ns, list, &err) < 0)
		return bind_fail(L, &err);
	lua_createtable(L, (int)list->n, 0);
	for (unsigned int i = 0; i < list->n; i++) {
		lua_pushinteger(L, list->v[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

static int netns_label(lua_State *L)
{
	struct net_ns *ns = bind_ns(L, 1);

	if (lua_isstring(L, 2))
		net_ns_label(ns, lua_tostring(L, 2));
	lua_pushstring(L, ns->label);
	return 1;
}

/* call(ns, f, ...): run f in there; what it returns or raises comes out here, at home. */
static int netns_call(lua_State *L)
{
	struct net_err err;
	struct net_ns *ns = bind_ns(L, 1);
	int status, r, before;

	luaL_checktype(L, 2, LUA_TFUNCTION);
	r = net_ns_switch(ns, &before, &err);
	if (r < 0)
		return bind_fail(L, &err);
	status = lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 0);
	net_ns_unswitch(before);
	if (status != LUA_OK)
		return lua_error(L);
	lua_pushboolean(L, 1);
	lua_replace(L, 1);
	return lua_gettop(L);
}

/* --- batches --- */

static int failures_gc(lua_State *L)
{
	net_failures_free(lua_touserdata(L, 1));
	return 0;
}

static struct net_failures *new_failures(lua_State *L)
{
	return bind_new_owned(L, sizeof(struct net_failures), "nsh.failures", failures_gc);
}

/* As bind_fail(); detail.request is the number of the first request that failed, and detail.failed has all of them:
 * tables as detail itself, with code, message and netns. */
static int failed(lua_State *L, const struct net_err *err, const struct net_failures *list)
{
	int n = bind_fail(L, err);

	if (list->n == 0)
		return n;
	lua_pushinteger(L, list->v[0].request);
	lua_setfield(L, -2, "request");
	lua_createtable(L, (int)list->n, 0);
	for (unsigned int i = 0; i < list->n; i++) {
		bind_fail(L, &list->v[i].why); /* nil, message, code, detail */
		lua_pushinteger(L, list->v[i].request);
		lua_setfield(L, -2, "request");
		lua_pushstring(L, list->v[i].netns);
		lua_setfield(L, -2, "netns");
		lua_pushvalue(L, -2);
		lua_setfield(L, -2, "code");
		lua_pushvalue(L, -3);
		lua_setfield(L, -2, "message");
		lua_rawseti(L, -5, (lua_Integer)i + 1);
		lua_pop(L, 3);
	}
	lua_setfield(L, -2, "failed");
	return n;
}

/* bind_batch() - run the function at @f with what is behind it while changes queue up, then send them.  All in here, so
 * that nothing, be it Ctrl-C or a lack of memory, can leave a batch open that swallows what comes after. */
int bind_batch(lua_State *L, struct net_ns *ns, int f, bool stop)
{
	struct net_failures *failures;
	struct net_group *group;
	struct net_err err;
	unsigned int asked;
	int status, r;
	bool gone;

	luaL_checktype(L, f, LUA_TFUNCTION);
	failures = new_failures(L);
	lua_insert(L, f++);
	if (net_batch_begin(ns, stop, &group, &err) < 0)
		return bind_fail(L, &err);
	status = lua_pcall(L, lua_gettop(L) - f, 0, 0);
	gone = ns && !ns->batch;
	r = net_batch_end(group, status == LUA_OK, failures, &asked, &err);
	if (status != LUA_OK)
		return lua_error(L);
	if (gone)
		return bind_misuse(L, "namespace %s was deleted in its own batch: what that held is lost", ns->label);
	if (r < 0)
		return failed(L, &err, failures);
	lua_pushinteger(L, asked);
	return 1;
}

/* batch(ns, f, ...) -> how many requests were sent */
static int netns_batch(lua_State *L)
{
	return bind_batch(L, bind_ns(L, 1), 2, false);
}

/* batch_all(stop, f, ...): changes of all namespaces; with stop nothing is sent after a window that had a failure */
static int netns_batch_all(lua_State *L)
{
	return bind_batch(L, NULL, 2, lua_toboolean(L, 1));
}

/* flush(ns): send what an open batch holds; flush(): that of all namespaces; without one there is nothing to do */
static int netns_flush(lua_State *L)
{
	struct net_err err;
	struct net_ns *ns = lua_isnoneornil(L, 1) ? NULL : bind_ns(L, 1);
	struct net_failures *failures = new_failures(L);

	if (net_batch_flush(ns, failures, &err) < 0)
		return failed(L, &err, failures);
	lua_pushboolean(L, 1);
	return 1;
}

/* asked() -> how many requests batch_all() was given up to now: the last one's number */
static int netns_asked(lua_State *L)
{
	lua_pushinteger(L, net_batch_asked());
	return 1;
}

static const luaL_Reg lib[] = {
	{"add", netns_add},
	{"ahead", netns_ahead},
	{"asked", netns_asked},
	{"attach", netns_attach},
	{"batch", netns_batch},
	{"batch_all", netns_batch_all},
	{"call", netns_call},
	{"close", netns_close},
	{"del", netns_del},
	{"flush", netns_flush},
	{"id", netns_id},
	{"identity", netns_identity},
	{"ids", netns_ids},
	{"label", netns_label},
	{"names", netns_names},
	{"new", netns_new},
	{"of", netns_of},
	{"open", netns_open},
	{"pids", netns_pids},
	{"outside", netns_outside},
	{"root", netns_root},
	{"set_id", netns_set_id},
	{"supports", netns_supports},
	{NULL, NULL},
};

static const luaL_Reg meta[] = {
	{"__gc", ns_gc},
	{"__tostring", ns_tostring},
	{NULL, NULL},
};

int bind_open_netns(lua_State *L)
{
	luaL_newmetatable(L, BIND_NS);
	luaL_setfuncs(L, meta, 0);
	lua_pop(L, 1);
	luaL_newlib(L, lib);
	return 1;
}
