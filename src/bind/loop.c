/* loop.c - nsh.core.loop: things that take time, stepped and waited for; who goes on when is Lua's business */
#include "bind.h"

#define FD "nsh.fd"

/* A descriptor of somebody else's that is only waited for. */
struct fd_op {
	struct net_op op;
	struct pollfd fd;
};

static const char is_op; /* its address is a key of their metatables */

void bind_op_class(lua_State *L)
{
	lua_pushboolean(L, 1);
	lua_rawsetp(L, -2, &is_op);
}

struct net_op *bind_op(lua_State *L, int arg)
{
	bool known = false;

	if (lua_isuserdata(L, arg) && lua_getmetatable(L, arg)) {
		known = lua_rawgetp(L, -1, &is_op) == LUA_TBOOLEAN;
		lua_pop(L, 2);
	}
	if (!known)
		bind_misuse(L, "a %s can't be waited for", luaL_typename(L, arg));
	return lua_touserdata(L, arg);
}

static struct net_op *steppable(lua_State *L)
{
	struct net_op *op = bind_op(L, 1);

	if (!op->step)
		bind_misuse(L, "a %s is only waited for", luaL_typename(L, 1));
	return op;
}

/* step(op) -> true: done; false: not yet; or its failure */
static int loop_step(lua_State *L)
{
	struct net_op *op = steppable(L);
	struct net_err err = {0};
	int r = op->step(op, &err);

	if (r < 0)
		return bind_fail(L, &err);
	lua_pushboolean(L, r);
	return 1;
}

/* run(op) -> true: done, while nothing else goes on; or its failure */
static int loop_run(lua_State *L)
{
	struct net_err err = {0};

	return bind_ok(L, net_op_run(steppable(L), &err), &err);
}

/* poll({ op, ... }, deadline) -> the numbers of those that can go on; an empty list: it is late */
static int loop_poll(lua_State *L)
{
	struct net_err err = {0};
	struct net_op **ops;
	lua_Integer n, count = 0;
	double deadline = luaL_optnumber(L, 2, -1);

	luaL_checktype(L, 1, LUA_TTABLE);
	n = (lua_Integer)lua_rawlen(L, 1);
	ops = lua_newuserdatauv(L, (size_t)(n + 1) * sizeof(struct net_op *), 0);
	for (lua_Integer i = 0; i < n; i++) {
		lua_rawgeti(L, 1, i + 1);
		ops[i] = bind_op(L, -1); /* the list holds it */
		lua_pop(L, 1);
	}
	if (net_op_poll(ops, (unsigned int)n, deadline, &err) < 0)
		return bind_fail(L, &err);
	lua_newtable(L);
	for (lua_Integer i = 0; i < n; i++) {
		if (!ops[i]->ready)
			continue;
		lua_pushinteger(L, i + 1);
		lua_rawseti(L, -2, ++count);
	}
	return 1;
}

/* fd(number, "r", "w" or "rw") -> an op that can go on when the descriptor is ready; it stays the caller's */
static int loop_fd(lua_State *L)
{
	static const char *const words[] = {"r", "w", "rw", NULL};
	static const short events[] = {POLLIN, POLLOUT, POLLIN | POLLOUT};
	int fd = (int)luaL_checkinteger(L, 1);
	short wanted = events[luaL_checkoption(L, 2, "r", words)];
	struct fd_op *o = lua_newuserdatauv(L, sizeof(*o), 0);

	*o = (struct fd_op){.op = {.n = 1, .deadline = -1}, .fd = {.fd = fd, .events = wanted}};
	o->op.fds = &o->fd;
	luaL_setmetatable(L, FD);
	return 1;
}

static int loop_now(lua_State *L)
{
	lua_pushnumber(L, net_now());
	return 1;
}

/* deadline(seconds, key?): by the clock of poll(), for an option of that name ("timeout"); nil for nil: none */
static int loop_deadline(lua_State *L)
{
	const char *key = luaL_optstring(L, 2, "timeout");
	double seconds;

	if (lua_isnoneornil(L, 1)) {
		lua_pushnil(L);
		return 1;
	}
	lua_settop(L, 2);
	lua_createtable(L, 0, 1);
	lua_pushvalue(L, 1);
	lua_setfield(L, 3, key);
	seconds = bind_seconds(L, 3, key, 0);
	lua_pushnumber(L, net_now() + seconds);
	return 1;
}

static const luaL_Reg lib[] = {
	{"deadline", loop_deadline}, {"fd", loop_fd},	  {"now", loop_now}, {"poll", loop_poll},
	{"run", loop_run},	     {"step", loop_step}, {NULL, NULL},
};

int bind_open_loop(lua_State *L)
{
	luaL_newmetatable(L, FD);
	bind_op_class(L);
	lua_pop(L, 1);
	luaL_newlib(L, lib);
	return 1;
}
