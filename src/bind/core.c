/* core.c - nsh.core itself: the tables of all nouns, and what the objects need beside them */
#include <malloc.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bind.h"

static int core_where(lua_State *L)
{
	bind_where(L);
	return 1;
}

/* pass_over(folder): where() is never there, for what is in it stands between scripts and us */
static int core_pass_over(lua_State *L)
{
	luaL_checkstring(L, 1);
	luaL_getsubtable(L, LUA_REGISTRYINDEX, BIND_BETWEEN);
	lua_pushfstring(L, "@%s", lua_tostring(L, 1));
	lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
	return 0;
}

/* nearest(word, list) -> the word of the list that was probably meant, or nil */
static int core_nearest(lua_State *L)
{
	const char *word = luaL_checkstring(L, 1);
	const char **known;
	lua_Integer n, count = 0;

	luaL_checktype(L, 2, LUA_TTABLE);
	n = (lua_Integer)lua_rawlen(L, 2);
	known = lua_newuserdatauv(L, (size_t)(n + 1) * sizeof(*known), 0);
	for (lua_Integer i = 1; i <= n; i++) {
		if (lua_rawgeti(L, 2, i) == LUA_TSTRING)
			known[count++] = lua_tostring(L, -1); /* held by the list */
		lua_pop(L, 1);
	}
	known[count] = NULL;
	bind_nearest(L, word, known);
	return 1;
}

/* address_bytes(text) -> 4 or 16 bytes, or nil where it is no address */
static int core_address_bytes(lua_State *L)
{
	struct net_field f = {0};
	struct net_err err;
	size_t len;
	const char *text = luaL_checklstring(L, 1, &len);

	if (net_parse_ip(text, len, &f, &err) < 0)
		return 0;
	lua_pushlstring(L, (const char *)f.addr, f.len);
	return 1;
}

/* terminal_width(fd) -> columns of standard output, or of the descriptor; 0: not known; nil: no terminal */
static int core_terminal_width(lua_State *L)
{
	struct winsize size = {0};
	int fd = (int)luaL_optinteger(L, 1, STDOUT_FILENO);

	if (!isatty(fd))
		return 0;
	if (ioctl(fd, TIOCGWINSZ, &size) < 0)
		size.ws_col = 0;
	lua_pushinteger(L, size.ws_col);
	return 1;
}

/* record_types(Record, List): the metatables of what getters return */
static int core_record_types(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	luaL_checktype(L, 2, LUA_TTABLE);
	lua_settop(L, 2);
	lua_setfield(L, LUA_REGISTRYINDEX, "nsh.list");
	lua_setfield(L, LUA_REGISTRYINDEX, "nsh.record");
	return 0;
}

/* --- the attribute tables as data, for help, completion and the reference --- */

/* clang-format off */
static const char *const type_names[] = {
	[NET_BOOL] = "boolean", [NET_BIT] = "boolean",	   [NET_UINT] = "integer",   [NET_INT] = "integer",
	[NET_SIZE] = "integer",
	[NET_TIME] = "seconds", [NET_RATE] = "rate",	   [NET_FRACTION] = "fraction", [NET_ENUM] = "name",	   [NET_STRING] = "string",  [NET_MAC] = "mac",
	[NET_IP] = "address",	[NET_PREFIX] = "prefix",   [NET_GATEWAY] = "address", [NET_LINK] = "link",
	[NET_NETNS] = "netns",	[NET_BRIDGEID] = "string", [NET_NEST] = "table",     [NET_KINDNEST] = "table",
	[NET_PORTNEST] = "table", [NET_LIST] = "list",	   [NET_NESTS] = "list",     [NET_STRUCTS] = "list",
	[NET_STRINGS] = "strings", [NET_KEY] = "key",	   [NET_ENDPOINT] = "endpoint", [NET_PREFIXES] = "prefixes",
	[NET_BITSET] = "strings", [NET_TOGGLES] = "toggles",
	[NET_SEGS] = "strings",	[NET_LABELS] = "labels",   [NET_ENCAP] = "table",
	[NET_RANGE] = "range",  [NET_REALMS] = "range", [NET_GROUP] = "address",
	[NET_NUMBERS] = "numbers", [NET_HANDLE] = "handle",
	[NET_BURST] = "integer", [NET_DIST] = "name",	   [NET_FIXED] = "integer",
	[NET_FLAG] = "boolean", [NET_IPLIST] = "list",	   [NET_MACLIST] = "list",	   [NET_QOSMAP] = "table",
};
/* clang-format on */

static void set_string(lua_State *L, const char *key, const char *value)
{
	if (!value)
		return;
	lua_pushstring(L, value);
	lua_setfield(L, -2, key);
}

static void set_flag(lua_State *L, const char *key, bool value)
{
	if (!value)
		return;
	lua_pushboolean(L, 1);
	lua_setfield(L, -2, key);
}

static void push_rows(lua_State *L, const struct net_table *t, bool into);
static void set_kinds(lua_State *L, const struct net_kind *(*all)(unsigned int i));

/* The rows of all encapsulations in one list, each key once. */
static void push_encaps(lua_State *L)
{
	const struct net_table *t;

	lua_newtable(L); /* the list */
	lua_newtable(L); /* the keys in it */
	for (unsigned int i = 0; (t = net_lwt_any(i)); i++) {
		push_rows(L, t, false);
		for (lua_Integer k = 1; lua_rawgeti(L, -1, k) == LUA_TTABLE; k++) {
			lua_getfield(L, -1, "key");
			lua_pushvalue(L, -1);
			if (lua_rawget(L, -5) == LUA_TNIL) {
				lua_pushvalue(L, -2);
				lua_pushboolean(L, 1);
				lua_rawset(L, -7);
				lua_pushvalue(L, -3);
				lua_rawseti(L, -7, (lua_Integer)lua_rawlen(L, -7) + 1);
			}
			lua_pop(L, 3);
		}
		lua_pop(L, 2);
	}
	lua_pop(L, 1);
}

static void push_row(lua_State *L, const struct net_row *row)
{
	lua_newtable(L);
	set_string(L, "key", row->key);
	set_string(L, "doc", row->doc);
	set_string(L, "type", type_names[row->type]);
	set_flag(L, "readonly", row->flags & NET_RO);
	set_flag(L, "writeonly", row->flags & NET_WO && !net_ethtool_has(row));
	set_flag(L, "asked", net_ethtool_has(row));
	set_flag(L, "creation", row->flags & NET_NEW);
	set_flag(L, "main", row->flags & NET_MAIN);
	if (row->min || row->max) {
		lua_pushinteger(L, row->min);
		lua_setfield(L, -2, "min");
		lua_pushinteger(L, row->max);
		lua_setfield(L, -2, "max");
	}
	if (row->names && row->names->list) {
		lua_newtable(L);
		for (int i = 0; row->names->list[i].name; i++) {
			lua_pushstring(L, row->names->list[i].name);
			lua_rawseti(L, -2, i + 1);
		}
		lua_setfield(L, -2, "values");
	}
	if (row->type == NET_ENCAP) {
		push_encaps(L);
		lua_setfield(L, -2, "rows");
	}
	/* a veth's peer has the keys of a link, which stand in the link's own table */
	if (row->nest && strcmp(row->nest->name, "peer") != 0) {
		push_rows(L, row->nest, false);
		lua_setfield(L, -2, "rows");
		if (net_kind_nest(row->nest) && net_kind_nest(row->nest)->kind_all)
			set_kinds(L, net_kind_nest(row->nest)->kind_all);
	}
}

/* Append the rows of a table to the list on top (@into), or push a new list of them. */
static void push_rows(lua_State *L, const struct net_table *t, bool into)
{
	luaL_checkstack(L, 8, NULL);
	if (!into)
		lua_newtable(L);
	for (unsigned int i = 0; t && i < t->n; i++) {
		if (t->rows[i].flags & NET_FLAT) {
			push_rows(L, t->rows[i].nest, true);
		} else if (t->rows[i].key && !(t->rows[i].flags & (NET_MARK | NET_TWIN)) &&
			   net_key(t, NULL, NULL, t->rows[i].key) == &t->rows[i]) {
			push_row(L, &t->rows[i]);
			lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
		}
	}
}

/* Set `kinds` of the table on top to the list of kinds. */
static void set_kinds(lua_State *L, const struct net_kind *(*all)(unsigned int i))
{
	const struct net_kind *kind;

	lua_newtable(L);
	for (unsigned int i = 0; (kind = all(i)); i++) {
		lua_newtable(L);
		set_string(L, "name", kind->name);
		set_string(L, "doc", kind->doc);
		set_string(L, "config", kind->config);
		set_flag(L, "pair", net_kind_pair(kind));
		push_rows(L, kind->data, false);
		lua_setfield(L, -2, "rows");
		push_rows(L, kind->port, false);
		lua_setfield(L, -2, "port_rows");
		lua_rawseti(L, -2, (int)i + 1);
	}
	lua_setfield(L, -2, "kinds");
}

static void push_noun(lua_State *L, const struct net_noun *noun)
{
	lua_newtable(L);
	set_string(L, "noun", noun->name);
	push_rows(L, noun->table, false);
	lua_setfield(L, -2, "rows");
	if (noun->kind_all)
		set_kinds(L, noun->kind_all);
}

/* tables() -> the nouns, the link first, each with its rows and its kinds; tables(name): that one alone, or nil */
static int core_tables(lua_State *L)
{
	const char *name = luaL_optstring(L, 1, NULL);
	const struct net_noun *noun;

	if (!name)
		lua_newtable(L);
	for (unsigned int i = 0; (noun = net_noun_all(i)); i++) {
		if (!name || strcmp(noun->name, name) == 0)
			push_noun(L, noun);
		if (!name)
			lua_rawseti(L, -2, (int)i + 1);
		else if (lua_istable(L, -1))
			return 1;
	}
	return name ? 0 : 1;
}

/* Set the keys of the table on top that things have only when they are made. */
static void add_creation(lua_State *L, const struct net_table *t)
{
	for (unsigned int i = 0; t && i < t->n; i++) {
		if (t->rows[i].flags & NET_FLAT)
			add_creation(L, t->rows[i].nest);
		else if (t->rows[i].key)
			set_flag(L, t->rows[i].key, t->rows[i].flags & NET_NEW);
	}
}

/* link_creation(kind) -> { KEY = true } of what links of a kind are made with and keep */
static int core_link_creation(lua_State *L)
{
	const struct net_kind *kind = net_kind_find(luaL_checkstring(L, 1));

	lua_newtable(L);
	add_creation(L, net_link.table);
	add_creation(L, kind ? kind->data : NULL);
	return 1;
}

/* Set the keys of the table on top that name another link: "after" where they are set when that is there. */
static void add_named(lua_State *L, const struct net_table *t)
{
	for (unsigned int i = 0; t && i < t->n; i++) {
		const struct net_row *row = &t->rows[i];

		if (row->flags & NET_FLAT)
			add_named(L, row->nest);
		else if (row->key && row->type == NET_LINK && !(row->flags & NET_RO))
			set_string(L, row->key, row->flags & NET_AFTER ? "after" : "with");
	}
}

/* link_named(kind) -> { KEY = "with" or "after" } of what names another link: as a link of the kind is made, or when it
 * is; the same of the options of its ports
 */
static int core_link_named(lua_State *L)
{
	const struct net_kind *kind = net_kind_find(luaL_checkstring(L, 1));

	lua_newtable(L);
	add_named(L, net_link.table);
	add_named(L, kind ? kind->data : NULL);
	lua_newtable(L);
	add_named(L, kind ? kind->port : NULL);
	return 2;
}

/* sent() -> how many requests that change something this process has sent to the kernel */
static int core_sent(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)net_changes);
	return 1;
}

/* trim(): what free() has kept goes back to the machine */
static int core_trim(lua_State *L)
{
	lua_pushboolean(L, malloc_trim(0));
	return 1;
}

static const luaL_Reg lib[] = {
	{"address_bytes", core_address_bytes},
	{"copy", bind_copy},
	{"hash", bind_hash},
	{"hash_mac", bind_hash_mac},
	{"link_creation", core_link_creation},
	{"link_local", bind_link_local},
	{"link_named", core_link_named},
	{"nearest", core_nearest},
	{"prefix", bind_prefix},
	{"network", bind_network},
	{"record_types", core_record_types},
	{"sent", core_sent},
	{"tables", core_tables},
	{"terminal_width", core_terminal_width},
	{"trim", core_trim},
	{"pass_over", core_pass_over},
	{"where", core_where},
	{NULL, NULL},
};

/* clang-format off */
static const luaL_Reg parts[] = {
	{"capture", bind_open_capture},
	{"ethtool", bind_open_ethtool},
	{"link", bind_open_link},
	{"loop", bind_open_loop},
	{"maddr", bind_open_maddr},
	{"netns", bind_open_netns},
	{"nft", bind_open_nft},
	{"node", bind_open_node},
	{"packet", bind_open_packet},
	{"pings", bind_open_pings},
	{"pmtu", bind_open_pmtu},
	{"probe", bind_open_probe},
	{"process", bind_open_process},
	{"socket", bind_open_socket},
	{"sysctl", bind_open_sysctl},
	{"throughput", bind_open_throughput},
	{"trace", bind_open_trace},
	{"watch", bind_open_watch},
	{"wireguard", bind_open_wireguard},
	{"world", bind_open_world},
	{NULL, NULL},
};
/* clang-format on */

/* luaopen_nsh_core() - what require "nsh.core" returns, in the program and in nsh/core.so */
__attribute__((visibility("default"))) int luaopen_nsh_core(lua_State *L)
{
	luaL_newlib(L, lib);
	for (const luaL_Reg *p = parts; p->name; p++) {
		p->func(L);
		lua_setfield(L, -2, p->name);
	}
	bind_open_noun(L);
	return 1;
}
