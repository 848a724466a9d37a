/* output.c - nsh.core.process: what a process wrote, what it is given to read, and waits for both */
#include <string.h>

#include "bind.h"

#define BIND_LOOK "nsh.look"

/* bind_push_kept() - push what is kept of an output; nil where it isn't ours */
void bind_push_kept(lua_State *L, const struct net_stream *s)
{
	luaL_Buffer b;
	size_t len;

	if (!s) {
		lua_pushnil(L);
		return;
	}
	len = (size_t)(s->end - s->from);
	net_stream_copy(s, s->from, len, luaL_buffinitsize(L, &b, len));
	luaL_pushresultsize(&b, len);
}

/* The stream that is named at 2. */
static struct net_stream *stream_of(lua_State *L, const struct net_process *p)
{
	static const char *const names[] = {"out", "err", NULL};

	return luaL_checkoption(L, 2, NULL, names) == 0 ? p->out : p->err;
}

/* process:kept("out" or "err") -> text, bytes that are lost; nil: it isn't kept */
static int process_kept(lua_State *L)
{
	struct net_process *p = bind_process(L, 1);
	struct net_stream *s = stream_of(L, p);

	net_process_look(p);
	bind_push_kept(L, s);
	lua_pushinteger(L, s ? (lua_Integer)s->from : 0);
	return 2;
}

/* process:written("out" or "err") -> bytes until now; nil: it isn't kept */
static int process_written(lua_State *L)
{
	struct net_process *p = bind_process(L, 1);
	struct net_stream *s = stream_of(L, p);

	net_process_look(p);
	if (!s)
		return 0;
	lua_pushinteger(L, (lua_Integer)s->end);
	return 1;
}

/* process:line("out" or "err", position, rest) -> line, where it begins, position of the next; nil: none yet */
static int process_line(lua_State *L)
{
	struct net_stream *s = stream_of(L, bind_process(L, 1));
	uint64_t pos = (uint64_t)luaL_checkinteger(L, 3), start;
	luaL_Buffer b;
	size_t len;

	if (!s || !net_stream_line(s, &pos, lua_toboolean(L, 4), &start, &len))
		return 0;
	net_stream_copy(s, start, len, luaL_buffinitsize(L, &b, len));
	luaL_pushresultsize(&b, len);
	lua_pushinteger(L, (lua_Integer)start);
	lua_pushinteger(L, (lua_Integer)pos);
	return 3;
}

/* process:put(text) -> true */
static int process_put(lua_State *L)
{
	struct net_process *p = bind_process(L, 1);
	struct net_err err = {0};
	size_t len;
	const char *text = luaL_checklstring(L, 2, &len);

	if (!p->in)
		return bind_misuse(L, "the process has no input to write to: spawn(command, { input = true })");
	return bind_ok(L, net_stream_put(p->in, text, len, &err), &err);
}

/* process:finish(): it reads the end when it has read all */
static int process_finish(lua_State *L)
{
	struct net_process *p = bind_process(L, 1);

	if (!p->in)
		return bind_misuse(L, "the process has no input to close: spawn(command, { input = true })");
	net_stream_finish(p->in);
	return 0;
}

/* --- waits --- */

static struct net_look *new_look(lua_State *L)
{
	struct net_look *look = lua_newuserdatauv(L, sizeof(*look), 1);

	memset(look, 0, sizeof(*look));
	lua_pushvalue(L, 1); /* the process stays as long as it does */
	lua_setiuservalue(L, -2, 1);
	luaL_setmetatable(L, BIND_LOOK);
	return look;
}

/* process:news() -> an op, done whenever there is more output, or the end */
static int process_news(lua_State *L)
{
	struct net_process *p = bind_process(L, 1);

	net_look_news(new_look(L), p);
	return 1;
}

/* process:fed() -> an op, done when all that was put is in the pipe */
static int process_fed(lua_State *L)
{
	struct net_process *p = bind_process(L, 1);

	net_look_input(new_look(L), p);
	return 1;
}

static int look_gc(lua_State *L)
{
	net_look_end(luaL_checkudata(L, 1, BIND_LOOK));
	return 0;
}

static const luaL_Reg methods[] = {
	{"fed", process_fed},	{"finish", process_finish}, {"kept", process_kept},	  {"line", process_line},
	{"news", process_news}, {"put", process_put},	    {"written", process_written}, {NULL, NULL},
};

static const luaL_Reg meta[] = {
	{"__close", look_gc},
	{"__gc", look_gc},
	{NULL, NULL},
};

/* bind_output_methods() - add these methods to the table at the top */
void bind_output_methods(lua_State *L)
{
	luaL_setfuncs(L, methods, 0);
	luaL_newmetatable(L, BIND_LOOK);
	luaL_setfuncs(L, meta, 0);
	bind_op_class(L);
	lua_pop(L, 1);
}
