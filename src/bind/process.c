/* process.c - nsh.core.process: run a command to its end, start one, look after it */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "bind.h"

#define BIND_PROCESS "nsh.process"
#define BIND_EXEC "nsh.exec"

struct process {
	struct net_op op; /* can go on when the process has ended */
	struct pollfd fd;
	struct net_process p;
	double start, seconds; /* until its end was seen */
};

/* --- arguments --- */

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

/* Makes sure that there is a table of options at @idx. */
static void want_options(lua_State *L, int idx, const char *const *known)
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

/* Reads namespace, words and options at 1, 2, 3.  What they point to stays on the stack. */
static void read_spec(lua_State *L, struct net_spawn *spec, const char *const *known)
{
	want_options(L, 3, known);
	spec->ns = bind_ns(L, 1);
	spec->argv = read_argv(L, 2);
	spec->cwd = bind_string(L, 3, "cwd", NULL);
	if (lua_getfield(L, 3, "env") == LUA_TTABLE)
		spec->env = read_env(L, lua_gettop(L));
	else if (!lua_isnil(L, -1))
		bind_misuse(L, "env must be a table { NAME = \"value\" }, got %s", luaL_typename(L, -1));
}

/* --- results --- */

static void set_number(lua_State *L, const char *key, double value)
{
	lua_pushnumber(L, value);
	lua_setfield(L, -2, key);
}

static void set_bytes(lua_State *L, const char *key, const char *s, size_t len)
{
	lua_pushlstring(L, s ? s : "", len);
	lua_setfield(L, -2, key);
}

/* Only where bytes were lost: a record without these keys is whole. */
static void set_lost(lua_State *L, const char *key, size_t lost)
{
	if (!lost)
		return;
	lua_pushinteger(L, (lua_Integer)lost);
	lua_setfield(L, -2, key);
}

static void push_signal(lua_State *L, int sig)
{
	const char *name = net_signal_name(sig);

	if (name)
		lua_pushstring(L, name);
	else
		lua_pushfstring(L, "%d", sig);
}

/* Pushes { status | signal, seconds } */
static void push_end(lua_State *L, int status, double seconds)
{
	lua_createtable(L, 0, 6);
	if (WIFSIGNALED(status)) {
		push_signal(L, WTERMSIG(status));
		lua_setfield(L, -2, "signal");
	} else {
		lua_pushinteger(L, WEXITSTATUS(status));
		lua_setfield(L, -2, "status");
	}
	set_number(L, "seconds", seconds);
}

/* --- functions --- */

static int exec_gc(lua_State *L)
{
	net_exec_free(luaL_checkudata(L, 1, BIND_EXEC));
	return 0;
}

/* exec(ns, words, { cwd, env, input, timeout }) -> an op */
static int process_exec(lua_State *L)
{
	static const char *const known[] = {"check", "cwd", "env", "input", "timeout", NULL};
	struct net_spawn spec = {0};
	struct net_err err = {0};
	size_t input_len = 0;
	const char *input;
	struct net_exec *e;
	double timeout;

	read_spec(L, &spec, known);
	bind_flag(L, 3, "check", true);
	input = bind_string(L, 3, "input", &input_len);
	timeout = bind_seconds(L, 3, "timeout", -1);
	e = lua_newuserdatauv(L, sizeof(*e), 1);
	*e = (struct net_exec){.process.pidfd = -1, .in = -1, .out.fd = -1, .err.fd = -1};
	luaL_setmetatable(L, BIND_EXEC);
	lua_getfield(L, 3, "input"); /* it is read while the command runs */
	lua_setiuservalue(L, -2, 1);

	if (net_exec_start(&spec, input, input ? input_len : 0, timeout, e, &err) < 0)
		return bind_fail(L, &err);
	return 1;
}

/* result(op that is done) -> { status | signal, seconds, out, err } */
static int process_result(lua_State *L)
{
	struct net_exec *e = luaL_checkudata(L, 1, BIND_EXEC);

	push_end(L, e->process.status, e->seconds);
	set_bytes(L, "out", e->out.buf, e->out.len);
	set_bytes(L, "err", e->err.buf, e->err.len);
	set_lost(L, "out_lost", e->out.lost);
	set_lost(L, "err_lost", e->err.lost);
	if (e->timed_out) {
		lua_pushboolean(L, 1);
		lua_setfield(L, -2, "timed_out");
	}
	net_exec_free(e);
	return 1;
}

/* spawn(ns, words, { cwd, env }) -> process, with our own stdout and stderr */
static int process_spawn(lua_State *L)
{
	static const char *const known[] = {"cwd", "env", NULL};
	struct net_spawn spec = {.fd = {-1, 1, 2}};
	struct net_err err = {0};
	struct process *p;

	read_spec(L, &spec, known);
	p = lua_newuserdatauv(L, sizeof(*p), 0);
	*p = (struct process){.p.pidfd = -1, .start = net_now()};
	luaL_setmetatable(L, BIND_PROCESS);

	if (net_spawn(&spec, &p->p, &err) < 0)
		return bind_fail(L, &err);
	p->fd = (struct pollfd){.fd = p->p.pidfd, .events = POLLIN};
	p->op = (struct net_op){.fds = &p->fd, .n = 1, .deadline = -1};
	return 1;
}

/* --- methods of a process --- */

static struct process *to_process(lua_State *L)
{
	return luaL_checkudata(L, 1, BIND_PROCESS);
}

static void note_end(struct process *p)
{
	if (p->p.ended && !p->seconds)
		p->seconds = net_now() - p->start;
}

static int process_pid(lua_State *L)
{
	lua_pushinteger(L, to_process(L)->p.pid);
	return 1;
}

static int process_running(lua_State *L)
{
	struct process *p = to_process(L);

	lua_pushboolean(L, net_process_running(&p->p));
	note_end(p);
	return 1;
}

/* process:wait { timeout } -> { status | signal, seconds }, where it has ended; the failure of that time else */
static int process_wait(lua_State *L)
{
	static const char *const known[] = {"check", "timeout", NULL};
	struct process *p = to_process(L);
	struct net_err err = {0};
	double timeout;

	want_options(L, 2, known);
	bind_flag(L, 2, "check", true);
	timeout = bind_seconds(L, 2, "timeout", -1);
	if (net_process_running(&p->p)) {
		net_fail(&err, ETIME, "process %d still runs after %g s", (int)p->p.pid, timeout);
		return bind_fail(L, &err);
	}
	note_end(p);
	push_end(L, p->p.status, p->seconds);
	return 1;
}

static int unknown_signal(lua_State *L, const char *name)
{
	const char *names[NSIG] = {NULL};
	size_t n = 0;

	for (int sig = 1; sig < NSIG; sig++)
		if (net_signal_name(sig))
			names[n++] = net_signal_name(sig);
	bind_nearest(L, name, names);
	if (lua_isnil(L, -1))
		return bind_misuse(L, "unknown signal '%s'", name);
	return bind_misuse(L, "unknown signal '%s'; did you mean '%s'?", name, lua_tostring(L, -1));
}

static int read_signal(lua_State *L, int idx)
{
	if (lua_isnoneornil(L, idx))
		return SIGTERM;
	if (lua_isinteger(L, idx)) {
		lua_Integer sig = lua_tointeger(L, idx);

		if (sig < 1 || sig >= NSIG)
			bind_misuse(L, "signal %I is out of range 1-%d", (LUAI_UACINT)sig, NSIG - 1);
		return (int)sig;
	}
	if (lua_type(L, idx) != LUA_TSTRING)
		bind_misuse(L, "a signal is a name (\"TERM\") or a number, got %s", luaL_typename(L, idx));
	if (has_nul(L, idx) || !net_signal_number(lua_tostring(L, idx)))
		unknown_signal(L, lua_tostring(L, idx));
	return net_signal_number(lua_tostring(L, idx));
}

/* process:kill(signal) -> whether it ran */
static int process_kill(lua_State *L)
{
	struct process *p = to_process(L);
	int sig = read_signal(L, 2);
	struct net_err err = {0};
	int r = net_process_kill(&p->p, sig, &err);

	if (r < 0)
		return bind_fail(L, &err);
	lua_pushboolean(L, r);
	return 1;
}

#define STOP_GRACE 1.0 /* seconds between TERM and KILL */

/* process:stop(): ends it and its group, and waits */
static int process_stop(lua_State *L)
{
	struct process *p = to_process(L);

	net_process_stop(&p->p, STOP_GRACE);
	note_end(p);
	return 0;
}

static int process_close(lua_State *L)
{
	struct process *p = to_process(L);

	net_process_close(&p->p);
	p->op.n = 0;
	note_end(p);
	return 0;
}

static const luaL_Reg methods[] = {
	{"close", process_close}, {"kill", process_kill}, {"pid", process_pid}, {"running", process_running},
	{"stop", process_stop},	  {"wait", process_wait}, {NULL, NULL},
};

static const luaL_Reg process_meta[] = {
	{"__close", process_close},
	{"__gc", process_close},
	{"__index", NULL},
	{NULL, NULL},
};

static const luaL_Reg exec_meta[] = {
	{"__close", exec_gc},
	{"__gc", exec_gc},
	{NULL, NULL},
};

static const luaL_Reg lib[] = {
	{"exec", process_exec},
	{"result", process_result},
	{"spawn", process_spawn},
	{NULL, NULL},
};

int bind_open_process(lua_State *L)
{
	luaL_newmetatable(L, BIND_EXEC);
	luaL_setfuncs(L, exec_meta, 0);
	bind_op_class(L);
	lua_pop(L, 1);
	luaL_newmetatable(L, BIND_PROCESS);
	luaL_setfuncs(L, process_meta, 0);
	luaL_newlib(L, methods);
	lua_setfield(L, -2, "__index");
	bind_op_class(L);
	lua_pop(L, 1);
	luaL_newlib(L, lib);
	return 1;
}
