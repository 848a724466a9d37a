/* fields.c - option tables into the fields of a request */
#include <string.h>

#include "bind.h"

#define FIRST_ROOM 24

struct reader {
	lua_State *L;
	int box; /* stack index of the userdata that holds the fields */
	struct net_fields *f;
	enum bind_told told;
};

/* The fields live in a userdata; a larger one takes its place when it is full.  The last one is kept for whoever comes
 * next, when it is said to be free. */
struct box {
	struct net_fields f; /* first */
	bool busy;
	struct net_field v[];
};
static const char kept; /* its address is the key in the registry */

static struct net_fields *new_box(lua_State *L, unsigned int cap)
{
	struct box *box = lua_newuserdatauv(L, sizeof(*box) + cap * sizeof(struct net_field), 0);

	memset(box, 0, sizeof(*box));
	box->f.v = box->v;
	box->f.cap = cap;
	box->busy = true;
	lua_pushvalue(L, -1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &kept);
	return &box->f;
}

static struct net_fields *get_box(lua_State *L)
{
	struct box *box;

	lua_rawgetp(L, LUA_REGISTRYINDEX, &kept);
	box = lua_touserdata(L, -1);
	if (!box || box->busy) {
		lua_pop(L, 1);
		return new_box(L, FIRST_ROOM);
	}
	box->f.n = 0;
	box->f.kind = box->f.port = NULL;
	box->busy = true;
	return &box->f;
}

/* bind_fields_done() - nothing looks at the fields any more */
void bind_fields_done(struct net_fields *f)
{
	((struct box *)(void *)f)->busy = false;
}

static struct net_field *add(struct reader *r)
{
	struct net_fields *old = r->f;

	if (old->n == old->cap) {
		r->f = new_box(r->L, old->cap * 2);
		r->f->n = old->n;
		r->f->kind = old->kind;
		r->f->port = old->port;
		memcpy(r->f->v, old->v, old->n * sizeof(*old->v));
		lua_replace(r->L, r->box);
	}
	return &r->f->v[r->f->n++];
}

static void add_mark(struct reader *r, const struct net_row *row, enum net_mark op)
{
	struct net_field *f = add(r);

	memset(f, 0, sizeof(*f));
	f->row = row;
	f->op = (uint8_t)op;
	f->plen = -1;
}

/* Collect the keys that may be written, for the sentence about an unknown one. */
static unsigned int known_keys(const struct net_table *t, const struct net_kind *kind, const char **out, unsigned int n,
			       unsigned int max)
{
	for (unsigned int i = 0; t && i < t->n; i++) {
		const struct net_row *row = &t->rows[i];

		if (row->type == NET_KINDNEST)
			n = known_keys(kind ? kind->data : NULL, kind, out, n, max);
		else if (row->flags & NET_FLAT)
			n = known_keys(row->nest, kind, out, n, max);
		else if (row->key && n < max)
			out[n++] = row->key;
	}
	return n;
}

static int unknown_key(lua_State *L, const char *key, const struct net_table *t, const struct net_kind *kind)
{
	const char *known[257];
	unsigned int n = known_keys(t, kind, known, 0, 256);

	known[n] = NULL;
	bind_nearest(L, key, known);
	if (lua_isnil(L, -1))
		return bind_misuse(L, "unknown key '%s' of a %s", key, kind ? kind->name : t->name);
	return bind_misuse(L, "unknown key '%s'; did you mean '%s'?", key, lua_tostring(L, -1));
}

static void read_table(struct reader *r, int idx, const struct net_table *t, const struct net_kind *kind);

/* A link object keeps its index and its namespace as plain fields (wrap() of nsh/link.lua). */
static bool read_link(lua_State *L, struct net_field *f)
{
	if (!lua_istable(L, -1))
		return false;
	lua_pushliteral(L, "number");
	lua_rawget(L, -2);
	f->i = lua_tointeger(L, -1);
	lua_pop(L, 1);
	lua_pushliteral(L, "home");
	lua_rawget(L, -2);
	f->ns = bind_test_ns(L, -1);
	lua_pop(L, 1);
	return f->i > 0;
}

static int read_scalar(lua_State *L, const struct net_row *row, struct net_field *f, struct net_err *err)
{
	size_t len;
	const char *s;

	switch (lua_type(L, -1)) {
	case LUA_TBOOLEAN: return net_field_bool(row, lua_toboolean(L, -1), f, err);
	case LUA_TNUMBER:
		if (lua_isinteger(L, -1))
			return net_field_int(row, lua_tointeger(L, -1), f, err);
		return net_field_num(row, lua_tonumber(L, -1), f, err);
	case LUA_TSTRING: s = lua_tolstring(L, -1, &len); return net_field_text(row, s, len, f, err);
	default: return net_field_refuse(row, luaL_typename(L, -1), err);
	}
}

/* The value on top of the stack, for a row that is no nest. */
static void read_value(struct reader *r, const struct net_row *row)
{
	struct net_err err;
	struct net_field *f = add(r);

	if (row->type != NET_NETNS && (row->type != NET_LINK || !lua_istable(r->L, -1))) {
		if (read_scalar(r->L, row, f, &err) < 0)
			bind_misuse(r->L, "%s", err.text);
		return;
	}
	memset(f, 0, sizeof(*f));
	f->row = row;
	f->plen = -1;
	if (row->type == NET_NETNS) {
		f->ns = bind_test_ns(r->L, -1);
		if (!f->ns)
			bind_misuse(r->L, "%s must be a namespace or its name, not a %s", row->key,
				    luaL_typename(r->L, -1));
		else if (f->ns->fd < 0)
			bind_misuse(r->L, "namespace %s was deleted", f->ns->label);
		else
			f->i = f->ns->fd;
	} else if (!read_link(r->L, f) && read_scalar(r->L, row, f, &err) < 0) {
		bind_misuse(r->L, "%s", err.text);
	}
}

/* The kind that the table at @idx names, where its options are those of a kind in a registry. */
static const struct net_kind *own_kind(lua_State *L, int idx, const struct net_table *t)
{
	const struct net_row *options = net_kind_nest(t), *key = options ? net_key(t, NULL, NULL, "kind") : NULL;
	const struct net_kind *kind = NULL;

	if (!key)
		return NULL;
	lua_pushliteral(L, "kind");
	lua_rawget(L, idx);
	if (lua_isnil(L, -1) && key->flags & NET_MAIN) {
		lua_pop(L, 1);
		lua_rawgeti(L, idx, 1);
	}
	if (lua_type(L, -1) == LUA_TSTRING)
		kind = options->kinds(lua_tostring(L, -1));
	lua_pop(L, 1);
	return kind;
}

static void read_list(struct reader *r, const struct net_row *row)
{
	lua_State *L = r->L;
	lua_Integer n = (lua_Integer)lua_rawlen(L, -1);
	enum bind_told told = r->told;

	if (told == BIND_REFUSE) /* a list is written whole: its elements may be records */
		r->told = BIND_PASS_OVER;
	for (lua_Integer i = 1; i <= n; i++) {
		add_mark(r, row, NET_ITEM);
		lua_rawgeti(L, -1, i);
		if (lua_istable(L, -1))
			read_table(r, lua_absindex(L, -1), row->nest, own_kind(L, lua_absindex(L, -1), row->nest));
		else if (lua_type(L, -1) == LUA_TSTRING && net_main_key(row->nest))
			read_value(r, net_main_key(row->nest));
		else
			bind_misuse(L, "%s[%I] must be a table, not a %s", row->key, (LUAI_UACINT)i,
				    luaL_typename(L, -1));
		lua_pop(L, 1);
		add_mark(r, row, NET_END);
	}
	r->told = told;
}

/* A list of whole numbers, at most row.max of them. */
static void read_numbers(struct reader *r, const struct net_row *row)
{
	lua_Integer most = (lua_Integer)(row->size >= 4 ? UINT32_MAX : (1U << (row->size * 8)) - 1);
	lua_Integer n = (lua_Integer)lua_rawlen(r->L, -1);

	for (lua_Integer i = 1; i <= n; i++) {
		struct net_field f = {.row = row, .plen = -1};

		lua_rawgeti(r->L, -1, i);
		f.i = lua_tointeger(r->L, -1);
		if (!lua_isinteger(r->L, -1) || f.i < 0 || f.i > most || n > row->max)
			bind_misuse(r->L, "%s must be a list of up to %d whole numbers from 0 to %I", row->key,
				    (int)row->max, (LUAI_UACINT)most);
		lua_pop(r->L, 1);
		*add(r) = f;
	}
}

/* A list of addresses or names, or priorities by priorities. */
static void read_array(struct reader *r, const struct net_row *row)
{
	struct net_err err = {0};
	lua_State *L = r->L;

	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
		struct net_field f = {.row = row, .plen = -1};
		size_t len = 0;
		const char *s = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &len) : "";

		if (row->type == NET_TOGGLES) {
			if (lua_type(L, -2) != LUA_TSTRING || !lua_isboolean(L, -1))
				bind_misuse(L, "%s must be a table as { tso = false } of true and false", row->key);
			f.s = lua_tolstring(L, -2, &f.slen);
			f.i = lua_toboolean(L, -1);
		} else if (row->type == NET_STRINGS || row->type == NET_BITSET || row->type == NET_PREFIXES) {
			if (lua_type(L, -1) != LUA_TSTRING)
				bind_misuse(L, "%s must be a list of strings", row->key);
			else if (net_field_text(row, s, len, &f, &err) < 0)
				bind_misuse(L, "%s", err.text);
		} else if (row->type == NET_MACLIST) {
			if (net_parse_mac(s, len, &f, &err) < 0)
				bind_misuse(L, "%s must be a list of MAC addresses", row->key);
		} else if (row->type == NET_IPLIST || row->type == NET_SEGS) {
			if (net_parse_ip(s, len, &f, &err) < 0 || f.len != row->size)
				bind_misuse(L, "%s must be a list of IPv%d addresses", row->key,
					    row->size == 4 ? 4 : 6);
		} else {
			if (!lua_isinteger(L, -1) || !lua_isinteger(L, -2) || lua_tointeger(L, -1) < 0 ||
			    lua_tointeger(L, -2) < 0 || lua_tointeger(L, -1) > UINT32_MAX ||
			    lua_tointeger(L, -2) > INT32_MAX)
				bind_misuse(L, "%s must be a table as { [5] = 2 } of whole numbers", row->key);
			f.i = (int64_t)((uint64_t)lua_tointeger(L, -2) << 32 | (uint64_t)lua_tointeger(L, -1));
		}
		*add(r) = f;
	}
}

/* false stands for the list without elements. */
static bool is_off(lua_State *L, const struct net_row *row)
{
	bool can = row->type == NET_NESTS || row->type == NET_STRUCTS || row->type == NET_STRINGS ||
		   row->type == NET_IPLIST || row->type == NET_MACLIST || row->type == NET_PREFIXES ||
		   row->type == NET_BITSET;

	return can && lua_isboolean(L, -1) && !lua_toboolean(L, -1);
}

/* What the table on top may have, by its key `type`. */
static const struct net_table *encap_of(lua_State *L)
{
	const char *name = lua_istable(L, -1) ? bind_string(L, lua_absindex(L, -1), "type", NULL) : "";
	const struct net_table *t = net_lwt_find(name ? name : "");
	struct net_err err;

	if (!t && name && *name) {
		net_lwt_refuse(name, &err);
		bind_misuse(L, "%s", err.text);
	} else if (!t) {
		bind_misuse(L, name ? "encap must be a table with a type" : "encap needs a type, as 'mpls'");
	}
	return t;
}

static void read_nest(struct reader *r, const struct net_row *row)
{
	const struct net_table *t = row->nest;
	bool array = net_is_array(row);
	lua_State *L = r->L;

	if (row->type == NET_ENCAP)
		t = encap_of(L);
	if (row->type == NET_PORTNEST)
		t = r->f->port ? r->f->port->port : NULL;
	if (!t && !array)
		bind_misuse(L, "%s: the link has no master whose ports have options; set master too", row->key);
	add_mark(r, row, NET_BEGIN);
	if (lua_istable(L, -1) && net_is_list(row))
		read_list(r, row);
	else if (lua_istable(L, -1) && row->type == NET_NUMBERS)
		read_numbers(r, row);
	else if (lua_istable(L, -1) && array)
		read_array(r, row);
	else if (lua_istable(L, -1))
		read_table(r, lua_absindex(L, -1), t, own_kind(L, lua_absindex(L, -1), t));
	else if (!array && !net_is_list(row) && lua_type(L, -1) == LUA_TSTRING && net_main_key(t))
		read_value(r, net_main_key(t));
	else if (!is_off(L, row))
		bind_misuse(L, "%s must be a table, not a %s", row->key, luaL_typename(L, -1));
	add_mark(r, row, NET_END);
}

/* The key and value on top of the stack; returns the row of that key. */
static const struct net_row *read_pair(struct reader *r, const struct net_table *t, const struct net_kind *kind)
{
	const struct net_row *row = NULL;
	lua_State *L = r->L;
	int type = lua_type(L, -2);

	if (type == LUA_TSTRING)
		row = net_key(t, kind, NULL, lua_tostring(L, -2));
	else if (type == LUA_TNUMBER && lua_tointeger(L, -2) == 1)
		row = net_main_key(t);
	if (!row && type == LUA_TSTRING)
		unknown_key(L, lua_tostring(L, -2), t, kind);
	if (!row) {
		bind_misuse(
			L, net_main_key(t) ? "unknown key [%s] of a %s; only [1] is taken" : "unknown key [%s] of a %s",
			luaL_tolstring(L, -2, NULL), t->name);
		return NULL;
	}
	if (row->flags & NET_RO && r->told != BIND_TAKE) {
		if (r->told == BIND_REFUSE)
			bind_misuse(L, "%s can't be set: it is what the kernel tells", row->key);
		return row;
	}
	if (net_is_nest(row))
		read_nest(r, row);
	else
		read_value(r, row);
	return row;
}

static void read_table(struct reader *r, int idx, const struct net_table *t, const struct net_kind *kind)
{
	const struct net_row *main_key = net_main_key(t);
	bool given = false;

	luaL_checkstack(r->L, 8, "option tables nested too deep");
	for (lua_pushnil(r->L); lua_next(r->L, idx); lua_pop(r->L, 1)) {
		if (read_pair(r, t, kind) != main_key || !main_key)
			continue;
		if (given)
			bind_misuse(r->L, "%s is given twice: as [1] and as %s", main_key->key, main_key->key);
		given = true;
	}
}

/*
 * bind_fields() - read the option table at @idx; a string there stands for the main key
 * @kind, @port: what the flat keys of a link and its `port` mean; may be NULL
 * @told: what is done with keys that the kernel only tells
 *
 * Return: the fields, in a userdata on top of the stack; their text is held by the table.
 */
struct net_fields *bind_fields(lua_State *L, int idx, const struct net_table *t, const struct net_kind *kind,
			       const struct net_kind *port, enum bind_told told)
{
	struct reader r = {.L = L, .told = told};

	idx = lua_absindex(L, idx);
	r.f = get_box(L);
	r.box = lua_gettop(L);
	if (!kind && lua_istable(L, idx))
		kind = own_kind(L, idx, t);
	r.f->kind = kind;
	r.f->port = port;
	if (lua_istable(L, idx)) {
		read_table(&r, idx, t, kind);
	} else if (!lua_isnoneornil(L, idx)) {
		const struct net_row *row = net_main_key(t);

		lua_pushvalue(L, idx);
		if (!row)
			bind_misuse(L, "a %s is a table, not a %s", t->name, luaL_typename(L, -1));
		else if (lua_type(L, -1) != LUA_TSTRING)
			bind_misuse(L, "a %s is a table or text, not a %s", t->name, luaL_typename(L, -1));
		else
			read_value(&r, row);
		lua_pop(L, 1);
	}
	return r.f;
}
