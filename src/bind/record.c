/* record.c - messages into records */
#include <string.h>

#include "bind.h"

#define BIND_NAMES "nsh.names"
#define MOST_KEYS 48

static int dump_gc(lua_State *L)
{
	net_dump_free(lua_touserdata(L, 1));
	return 0;
}

static int names_gc(lua_State *L)
{
	net_names_free(lua_touserdata(L, 1));
	return 0;
}

/* bind_new_owned() - zeroed memory in a userdata on the stack, with what frees what it holds */
void *bind_new_owned(lua_State *L, size_t size, const char *type, lua_CFunction gc)
{
	void *p = lua_newuserdatauv(L, size, 0);

	memset(p, 0, size);
	if (luaL_newmetatable(L, type)) {
		lua_pushcfunction(L, gc);
		lua_setfield(L, -2, "__gc");
	}
	lua_setmetatable(L, -2);
	return p;
}

/* bind_new_dump() - an empty dump in a userdata on the stack */
struct net_dump *bind_new_dump(lua_State *L)
{
	return bind_new_owned(L, sizeof(struct net_dump), BIND_DUMP, dump_gc);
}

/* bind_new_names() - an empty map of link names in a userdata on the stack */
struct net_link_names *bind_new_names(lua_State *L)
{
	return bind_new_owned(L, sizeof(struct net_link_names), BIND_NAMES, names_gc);
}

struct net_link_names *bind_test_names(lua_State *L, int arg)
{
	return luaL_testudata(L, arg, BIND_NAMES);
}

/* --- words --- */

#define WORDS 512

/* The same few keys and names stand in all records: Lua's strings of them are kept in a table, each where its row and
 * value lead to, and this says which.  What a value is called is settled once for all (net/names.c). */
struct words {
	struct {
		const struct net_row *row;
		int64_t value;
	} v[WORDS];
};
static const char words_key, strings_key; /* their addresses are keys in the registry */

#define KEY INT64_MIN /* the value that stands for the row's key itself */

struct writer {
	lua_State *L;
	struct net_ns *ns;
	const struct net_cursor *c; /* NULL: a request is written, no message */
	struct net_link_names *names;
	struct words *words;
	int strings; /* where that table is on the stack */
};

/* Puts two values on the stack, which stay there as long as it is used. */
static void open_writer(struct writer *w)
{
	luaL_checkstack(w->L, 16, NULL);
	lua_rawgetp(w->L, LUA_REGISTRYINDEX, &words_key);
	w->words = lua_touserdata(w->L, -1);
	if (w->words) {
		lua_rawgetp(w->L, LUA_REGISTRYINDEX, &strings_key);
	} else {
		lua_pop(w->L, 1);
		w->words = lua_newuserdatauv(w->L, sizeof(*w->words), 0);
		memset(w->words, 0, sizeof(*w->words));
		lua_createtable(w->L, WORDS, 0);
		for (int i = 1; i <= WORDS; i++) {
			lua_pushboolean(w->L, 0); /* so that no place need be made later */
			lua_rawseti(w->L, -2, i);
		}
		lua_pushvalue(w->L, -1);
		lua_rawsetp(w->L, LUA_REGISTRYINDEX, &strings_key);
		lua_pushvalue(w->L, -2);
		lua_rawsetp(w->L, LUA_REGISTRYINDEX, &words_key);
	}
	w->strings = lua_gettop(w->L);
}

static void push_name(lua_State *L, const struct net_field *f)
{
	char buf[128];
	const char *name = net_field_name(f, buf, sizeof(buf));

	if (name)
		lua_pushstring(L, name);
	else
		lua_pushinteger(L, f->i);
}

/* Push the key of a field, or with its number what that is called. */
static void push_word(const struct writer *w, const struct net_field *f, int64_t value)
{
	size_t at = ((uintptr_t)f->row / sizeof(*f->row) + (value == KEY ? 0 : (uint64_t)value * 31 + 7)) % WORDS;

	if (w->words->v[at].row == f->row && w->words->v[at].value == value) {
		lua_rawgeti(w->L, w->strings, (lua_Integer)at + 1);
		return;
	}
	if (value == KEY)
		lua_pushstring(w->L, f->row->key);
	else
		push_name(w->L, f);
	lua_pushvalue(w->L, -1);
	lua_rawseti(w->L, w->strings, (lua_Integer)at + 1);
	w->words->v[at].row = f->row;
	w->words->v[at].value = value;
}

/* --- records --- */

static void push_link(const struct writer *w, const struct net_field *f)
{
	const char *name = f->s;

	if (!name && w->c && !net_cursor_elsewhere(w->c, f))
		name = net_link_name(w->ns, w->names, (int)f->i);

	if (name)
		lua_pushstring(w->L, name);
	else
		lua_pushinteger(w->L, f->i);
}

static void push_handle(const struct writer *w, const struct net_field *f)
{
	bool u32 = w->c && w->c->level[0].kind && strcmp(w->c->level[0].kind->name, "u32") == 0;
	char buf[64];

	net_handle_text(f, buf, sizeof(buf));
	if (f->row->aux && !u32)
		lua_pushinteger(w->L, f->i); /* only u32 gives the parts of a filter's handle a meaning */
	else
		lua_pushstring(w->L, buf);
}

static void push_number(lua_State *L, const struct net_field *f)
{
	int64_t i;
	double v;

	if (net_field_number(f, &i, &v))
		lua_pushinteger(L, i);
	else
		lua_pushnumber(L, v);
}

static void push_value(const struct writer *w, const struct net_field *f)
{
	lua_State *L = w->L;
	const char *name;
	char buf[128];
	int64_t i;

	if (f->row->flags & NET_MASKED && f->row->type != NET_PREFIX && net_masked_text(f, buf, sizeof(buf))) {
		lua_pushstring(L, buf);
		return;
	}
	switch (f->row->type) {
	case NET_BOOL:
	case NET_FLAG:
	case NET_BIT: lua_pushboolean(L, f->i != 0); break;
	case NET_STRING:
	case NET_BITSET:
	case NET_STRINGS: lua_pushlstring(L, f->s, f->slen); break;
	case NET_LINK: push_link(w, f); break;
	case NET_NETNS: lua_pushstring(L, f->ns->label); break;
	case NET_HANDLE: push_handle(w, f); break;
	case NET_MAC:
	case NET_GROUP:
	case NET_IP:
	case NET_IPLIST:
	case NET_MACLIST:
	case NET_LABELS:
	case NET_SEGS:
	case NET_PREFIX:
	case NET_GATEWAY:
	case NET_BRIDGEID:
	case NET_KEY:
	case NET_ENDPOINT:
	case NET_PREFIXES:
		net_field_addr(f, buf);
		lua_pushstring(L, buf);
		break;
	case NET_ENUM: push_word(w, f, f->i); break;
	case NET_UINT:
	case NET_SIZE:
		if (f->row->unit || f->row->flags & (NET_SHARE | NET_LOG2))
			push_number(L, f);
		else
			lua_pushinteger(L, f->i);
		break;
	case NET_RANGE:
	case NET_REALMS:
		name = net_field_pair(f, buf, sizeof(buf), &i);
		if (name)
			lua_pushstring(L, name);
		else
			lua_pushinteger(L, i);
		break;
	default: push_number(L, f);
	}
}

/* bind_push_table() - push a table that prints as "nsh.record" or "nsh.list"; @room is a guess of its keys */
void bind_push_table(lua_State *L, const char *metatable, int room)
{
	lua_createtable(L, 0, room);
	if (luaL_getmetatable(L, metatable) == LUA_TTABLE)
		lua_setmetatable(L, -2);
	else
		lua_pop(L, 1);
}

/* About how many keys a table has of so many that there are: one that grows key by key is made six times. */
static int room_for(const struct net_table *t)
{
	return t->n < MOST_KEYS ? (int)t->n : MOST_KEYS;
}

/* Adds a field to the table on top, or begins or ends one within it. */
static void add_field(const struct writer *w, const struct net_field *f)
{
	lua_State *L = w->L;

	switch (f->op) {
	case NET_BEGIN:
		push_word(w, f, KEY);
		lua_createtable(L, 0, w->c ? room_for(w->c->level[w->c->depth].table) : 0);
		break;
	case NET_ITEM:
		lua_pushinteger(L, (lua_Integer)lua_rawlen(L, -1) + 1);
		lua_newtable(L);
		break;
	case NET_END: lua_rawset(L, -3); break;
	default:
		if (f->row->type == NET_QOSMAP) {
			lua_pushinteger(L, f->i & UINT32_MAX);
			lua_rawseti(L, -2, f->i >> 32);
			break;
		}
		if (net_is_array(f->row))
			lua_pushinteger(L, (lua_Integer)lua_rawlen(L, -1) + 1);
		else
			push_word(w, f, KEY);
		push_value(w, f);
		lua_rawset(L, -3);
	}
}

/* Pushes the message as a table; @room is a guess of its keys, returned is their number. */
static int push_record(struct writer *w, struct net_cursor *c, int room)
{
	struct net_field f;
	int n = 0;

	w->c = c;
	bind_push_table(w->L, "nsh.record", room);
	while (net_next(c, &f)) {
		n += c->depth == 0 || c->level[c->depth].flat;
		add_field(w, &f);
	}
	return n;
}

/* bind_push_record() - push the message as a table; @room is a guess of its keys */
void bind_push_record(lua_State *L, struct net_ns *ns, struct net_cursor *c, struct net_link_names *names, int room)
{
	struct writer w = {.L = L, .ns = ns, .names = names};
	int top = lua_gettop(L);

	open_writer(&w);
	push_record(&w, c, room);
	lua_replace(L, top + 1);
	lua_settop(L, top + 1);
}

/* bind_push_fields() - push what a request asks for as the record that would tell of it */
void bind_push_fields(lua_State *L, const struct net_fields *f)
{
	struct writer w = {.L = L};

	open_writer(&w);
	bind_push_table(L, "nsh.record", (int)f->n);
	for (unsigned int i = 0; i < f->n; i++) {
		if (f->v[i].off) {
			push_word(&w, &f->v[i], KEY);
			lua_pushboolean(L, 0);
			lua_rawset(L, -3);
		} else {
			add_field(&w, &f->v[i]);
		}
	}
}

/* bind_names_result() - the record or list on top is the result, unless the name of a link could not be asked for */
int bind_names_result(lua_State *L, const struct net_link_names *names)
{
	struct net_err err;

	if (!names->code)
		return 1;
	net_fail(&err, names->code, "cannot ask for the name of a link: %s", net_strerror(names->code));
	return bind_fail(L, &err);
}

/* bind_push_records() - all messages of the dump as a list; returns the number of results */
int bind_push_records(lua_State *L, struct net_ns *ns, const struct net_noun *noun, struct net_dump *d)
{
	struct writer w = {.L = L, .ns = ns, .names = bind_new_names(L)};
	struct net_cursor c;
	lua_Integer n = 0;
	int room = room_for(noun->told ? noun->told : noun->table);

	if (noun == &net_link)
		w.names->links = d;
	open_writer(&w);
	bind_push_table(L, "nsh.list", 0);
	while (net_dump_next(d, noun, &c)) {
		room = push_record(&w, &c, room); /* records of a list are much alike */
		lua_rawseti(L, -2, ++n);
	}
	return bind_names_result(L, w.names);
}
