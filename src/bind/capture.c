/* capture.c - nsh.core.capture: packets of links, as bytes and what is known of them */
#include <limits.h>
#include <string.h>

#include "bind.h"

#define CAPTURE "nsh.capture"
#define PCAP "nsh.pcap"
#define LINKS_MAX 4096
#define SNAPLEN_MIN 64
#define SNAPLEN_MAX 262144
#define BUFFER (4 << 20)
#define BUFFER_MIN 65536
#define BUFFER_MAX (1 << 30)
#define KEEP ((size_t)16 * BUFFER) /* bytes that wait here; as much as the buffer at least */

static const char *const option_keys[] = {"buffer", "count",  "direction", "fd",      "file",
					  "filter", "format", "promisc",   "snaplen", NULL};
static const char *const directions[] = {[NET_INOUT] = "inout", [NET_IN] = "in", [NET_OUT] = "out"};
static const char *const formats[] = {"pcap", "pcapng"};

static int capture_gc(lua_State *L)
{
	net_capture_close(luaL_checkudata(L, 1, CAPTURE));
	return 0;
}

static struct net_capture *check_capture(lua_State *L)
{
	struct net_capture *c = luaL_checkudata(L, 1, CAPTURE);

	if (!c->now)
		bind_misuse(L, "the capture is closed");
	return c;
}

static unsigned int read_word(lua_State *L, int idx, const char *key, const char *const *words, unsigned int n,
			      unsigned int def)
{
	const char *s = bind_string(L, idx, key, NULL);
	unsigned int i = 0;

	if (!s)
		return def;
	while (i < n && strcmp(s, words[i]) != 0)
		i++;
	if (i == n)
		bind_misuse(L, n == 2 ? "%s must be '%s' or '%s', not '%s'" : "%s must be '%s', '%s' or '%s', not '%s'",
			    key, words[0], words[1], n == 2 ? s : words[2], s);
	return i;
}

/* { { ns, "eth0" }, ... } at @idx; the list keeps what they point to */
static struct net_capture_link *read_links(lua_State *L, int idx, unsigned int *n)
{
	struct net_capture_link *v;
	size_t count;

	luaL_checktype(L, idx, LUA_TTABLE);
	count = lua_rawlen(L, idx);
	if (count < 1 || count > LINKS_MAX)
		bind_misuse(L, "a capture is of 1 to %d links", LINKS_MAX);
	v = lua_newuserdatauv(L, count * sizeof(*v), 0);
	for (size_t i = 0; i < count; i++) {
		lua_rawgeti(L, idx, (lua_Integer)i + 1);
		luaL_checktype(L, -1, LUA_TTABLE);
		lua_rawgeti(L, -1, 1);
		lua_rawgeti(L, -2, 2);
		v[i] = (struct net_capture_link){bind_ns(L, -2), luaL_checkstring(L, -1)};
		lua_pop(L, 3);
	}
	*n = (unsigned int)count;
	return v;
}

/* Links at @idx, options behind them; the lists keep what is read. */
static void read_spec(lua_State *L, int idx, struct net_capture_spec *s)
{
	int options = idx + 1;

	bind_known_keys(L, options, option_keys);
	s->filter = bind_string(L, options, "filter", NULL);
	s->direction = read_word(L, options, "direction", directions, 3, NET_INOUT);
	s->snaplen = (unsigned int)bind_bytes(L, options, "snaplen", SNAPLEN_MAX, SNAPLEN_MIN, SNAPLEN_MAX);
	s->count = (uint64_t)bind_integer(L, options, "count", 0, 1, LUA_MAXINTEGER);
	s->buffer = (size_t)bind_bytes(L, options, "buffer", BUFFER, BUFFER_MIN, BUFFER_MAX);
	s->keep = s->buffer > KEEP ? s->buffer : KEEP;
	s->promisc = bind_flag(L, options, "promisc", true);
	s->file = bind_string(L, options, "file", NULL);
	s->fd = (int)bind_integer(L, options, "fd", -1, 0, INT_MAX);
	s->ng = read_word(L, options, "format", formats, 2, 0);
	s->links = read_links(L, idx, &s->n);
}

/* open({ { ns, link }, ... }, options); fd: instead of a file */
static int capture_open(lua_State *L)
{
	struct net_capture_spec s;
	struct net_err err = {0};
	struct net_capture *c;

	read_spec(L, 1, &s);
	c = lua_newuserdatauv(L, sizeof(*c), 0);
	memset(c, 0, sizeof(*c));
	luaL_setmetatable(L, CAPTURE);
	if (net_capture_open(&s, c, &err) < 0)
		return bind_fail(L, &err);
	return 1;
}

/* add(capture, links, options): the options as before */
static int capture_add(lua_State *L)
{
	struct net_capture *c = check_capture(L);
	struct net_capture_spec s;
	struct net_err err = {0};

	read_spec(L, 2, &s);
	return bind_ok(L, net_capture_add(c, &s, &err), &err);
}

/* check(text): is it a filter? */
static int capture_check(lua_State *L)
{
	struct net_err err = {0};

	return bind_ok(L, net_capture_check(luaL_checkstring(L, 1), &err), &err);
}

/* filter(capture, { ns, ... }, text or nil): the namespaces of its links */
static int capture_filter(lua_State *L)
{
	struct net_capture *c = check_capture(L);
	struct net_err err = {0};
	struct net_ns **ns;
	size_t n;

	luaL_checktype(L, 2, LUA_TTABLE);
	n = lua_rawlen(L, 2);
	ns = lua_newuserdatauv(L, (n + 1) * sizeof(struct net_ns *), 0);
	for (size_t i = 0; i < n; i++) {
		lua_rawgeti(L, 2, (lua_Integer)i + 1);
		ns[i] = bind_test_ns(L, -1); /* one that was deleted is closed, and its links are gone */
		lua_pop(L, 1);
	}
	return bind_ok(L, net_capture_filter(c, ns, luaL_optstring(L, 3, NULL), &err), &err);
}

static int push_frame(lua_State *L, const struct net_frame *f)
{
	lua_pushlstring(L, (const char *)f->data, f->caplen);
	lua_pushinteger(L, f->linktype);
	lua_pushinteger(L, f->len);
	lua_pushinteger(L, (lua_Integer)f->time);
	lua_pushinteger(L, (lua_Integer)f->source + 1);
	lua_pushinteger(L, f->index);
	if (f->direction == NET_INOUT)
		return 6;
	lua_pushstring(L, directions[f->direction]);
	return 7;
}

/* next(capture, until) -> bytes, linktype, length on the wire, nanoseconds, number of its link, index, direction */
static int capture_next(lua_State *L)
{
	struct net_capture *c = luaL_checkudata(L, 1, CAPTURE);
	lua_Integer until = luaL_optinteger(L, 2, LUA_MAXINTEGER);

	struct net_frame f;

	return net_capture_next(c, (uint64_t)until, &f) ? push_frame(L, &f) : 0;
}

/* seen(capture): how many packets there were up to its last step */
static int capture_seen(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)check_capture(L)->seen);
	return 1;
}

/* stats(capture, number of a link) -> received, dropped, cut, only in the file, whether the link is gone */
static int capture_stats(lua_State *L)
{
	struct net_capture *c = check_capture(L);
	lua_Integer source = luaL_checkinteger(L, 2);
	struct net_capture_stats s = {0};

	if (source < 1 || !net_capture_stats(c, (unsigned int)source - 1, &s))
		luaL_argerror(L, 2, "no such link");
	lua_pushinteger(L, (lua_Integer)s.received);
	lua_pushinteger(L, (lua_Integer)s.dropped);
	lua_pushinteger(L, (lua_Integer)s.cut);
	lua_pushinteger(L, (lua_Integer)s.written);
	lua_pushboolean(L, s.gone);
	return 5;
}

/* ended(capture) -> nil while it runs; "stopped", "count", "gone", "unread" or "failed", and the message, its code */
static int capture_ended(lua_State *L)
{
	static const char *const words[] = {
		[NET_CAPTURE_STOPPED] = "stopped", [NET_CAPTURE_COUNT] = "count",   [NET_CAPTURE_GONE] = "gone",
		[NET_CAPTURE_UNREAD] = "unread",   [NET_CAPTURE_FAILED] = "failed",
	};
	struct net_capture *c = luaL_checkudata(L, 1, CAPTURE);

	lua_pushstring(L, words[c->end]);
	if (!c->why.code)
		return 1;
	lua_pushstring(L, *c->why.text ? c->why.text : net_strerror(c->why.code));
	lua_pushstring(L, net_errname(c->why.code));
	lua_pushinteger(L, c->why.code);
	return 4;
}

/* leave(capture, number of a link): its namespace is to end */
static int capture_leave(lua_State *L)
{
	net_capture_leave(check_capture(L), (unsigned int)luaL_checkinteger(L, 2) - 1);
	return 0;
}

static int capture_stop(lua_State *L)
{
	net_capture_stop(check_capture(L));
	return 0;
}

/* --- files --- */

static int pcap_gc(lua_State *L)
{
	net_pcap_close(luaL_checkudata(L, 1, PCAP));
	return 0;
}

/* read(path) -> a capture file */
static int pcap_open(lua_State *L)
{
	const char *path = luaL_checkstring(L, 1);
	struct net_pcap *file = lua_newuserdatauv(L, sizeof(*file), 0);
	struct net_err err = {0};

	file->now = NULL;
	luaL_setmetatable(L, PCAP);
	if (net_pcap_open(file, path, NULL, 0, &err) < 0)
		return bind_fail(L, &err);
	return 1;
}

/* frame(file) -> as next() of a capture, and the name of what it came from; false: there is no more */
static int pcap_frame(lua_State *L)
{
	struct net_pcap *file = luaL_checkudata(L, 1, PCAP);
	struct net_err err = {0};
	struct net_frame f;
	int r = file->now ? net_pcap_next(file, &f, &err) : 0;

	if (r < 0)
		return bind_fail(L, &err);
	if (r == 0) {
		lua_pushboolean(L, 0);
		return 1;
	}
	push_frame(L, &f);
	lua_settop(L, 1 + 7);
	lua_pushstring(L, net_pcap_name(file, f.source));
	return 8;
}

static const luaL_Reg lib[] = {
	{"add", capture_add},	  {"check", capture_check},   {"close", capture_gc},
	{"close_file", pcap_gc},  {"frame", pcap_frame},      {"read", pcap_open},
	{"ended", capture_ended}, {"filter", capture_filter}, {"leave", capture_leave},
	{"next", capture_next},	  {"open", capture_open},     {"seen", capture_seen},
	{"stats", capture_stats}, {"stop", capture_stop},     {NULL, NULL},
};

static const luaL_Reg meta[] = {
	{"__close", capture_gc},
	{"__gc", capture_gc},
	{NULL, NULL},
};

static const luaL_Reg file_meta[] = {
	{"__close", pcap_gc},
	{"__gc", pcap_gc},
	{NULL, NULL},
};

int bind_open_capture(lua_State *L)
{
	luaL_newmetatable(L, PCAP);
	luaL_setfuncs(L, file_meta, 0);
	lua_pop(L, 1);
	luaL_newmetatable(L, CAPTURE);
	luaL_setfuncs(L, meta, 0);
	bind_op_class(L);
	lua_pop(L, 1);
	luaL_newlib(L, lib);
	return 1;
}
