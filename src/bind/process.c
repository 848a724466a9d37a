/* process.c - nsh.core.process: run a command to its end, start one, look after it */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bind.h"

#define BIND_PROCESS "nsh.process"
#define BIND_EXEC "nsh.exec"
#define BIND_TERMINAL "nsh.terminal"

struct process {
	struct net_op op; /* can go on when the process has ended */
	struct pollfd fd;
	struct net_process p;
	double start, seconds; /* until its end was seen */
};

/* --- results --- */

static void set_number(lua_State *L, const char *key, double value)
{
	lua_pushnumber(L, value);
	lua_setfield(L, -2, key);
}

/* Only where bytes were lost: a record without these keys is whole. */
static void set_lost(lua_State *L, const char *key, const struct net_stream *s)
{
	if (!s || !s->from)
		return;
	lua_pushinteger(L, (lua_Integer)s->from);
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

	bind_command(L, &spec, known);
	bind_flag(L, 3, "check", true);
	input = bind_string(L, 3, "input", &input_len);
	timeout = bind_seconds(L, 3, "timeout", -1);
	e = lua_newuserdatauv(L, sizeof(*e), 0);
	*e = (struct net_exec){.process.pidfd = -1};
	luaL_setmetatable(L, BIND_EXEC);

	if (net_exec_start(&spec, input, input ? input_len : 0, timeout, e, &err) < 0)
		return bind_fail(L, &err);
	return 1;
}

/* result(op that is done) -> { status | signal, seconds, out, err, out_lost, err_lost, timed_out } */
static int process_result(lua_State *L)
{
	struct net_exec *e = luaL_checkudata(L, 1, BIND_EXEC);

	push_end(L, e->process.status, e->seconds);
	bind_push_kept(L, e->process.out);
	lua_setfield(L, -2, "out");
	bind_push_kept(L, e->process.err);
	lua_setfield(L, -2, "err");
	set_lost(L, "out_lost", e->process.out);
	set_lost(L, "err_lost", e->process.err);
	if (e->timed_out) {
		lua_pushboolean(L, 1);
		lua_setfield(L, -2, "timed_out");
	}
	net_exec_free(e);
	return 1;
}

static int start(lua_State *L, const struct net_spawn *spec, const struct net_stdio io[3])
{
	struct process *p = lua_newuserdatauv(L, sizeof(*p), 0);
	struct net_err err = {0};

	*p = (struct process){.p.pidfd = -1, .start = net_now()};
	luaL_setmetatable(L, BIND_PROCESS);
	if (net_start(spec, io, &p->p, &err) < 0)
		return bind_fail(L, &err);
	p->fd = (struct pollfd){.fd = p->p.pidfd, .events = POLLIN};
	p->op = (struct net_op){.fds = &p->fd, .n = 1, .deadline = -1};
	return 1;
}

/* spawn(ns, words, { cwd, env, input, out, err, keep }) -> process */
static int process_spawn(lua_State *L)
{
	static const char *const known[] = {"cwd", "env", "err", "input", "keep", "out", NULL};
	struct net_spawn spec = {0};
	struct net_stdio io[3];

	bind_command(L, &spec, known);
	bind_stdio(L, 3, io);
	return start(L, &spec, io);
}

/* shell(ns, words, { cwd, env }, foreground) -> process, with our own 0, 1 and 2 */
static int process_shell(lua_State *L)
{
	static const char *const known[] = {"cwd", "env", NULL};
	const struct net_stdio io[3] = {{.how = NET_INHERIT}, {.how = NET_INHERIT}, {.how = NET_INHERIT}};
	struct net_spawn spec = {.group = lua_toboolean(L, 4) ? NET_GROUP_FOREGROUND : NET_GROUP_OWN};

	bind_command(L, &spec, known);
	return start(L, &spec, io);
}

/* pass(ns, words) -> process, with our own 0, 1 and 2, in our group: the terminal's keys reach both */
static int process_pass(lua_State *L)
{
	static const char *const known[] = {NULL};
	const struct net_stdio io[3] = {{.how = NET_INHERIT}, {.how = NET_INHERIT}, {.how = NET_INHERIT}};
	struct net_spawn spec = {.group = NET_GROUP_OURS};

	bind_command(L, &spec, known);
	return start(L, &spec, io);
}

/* signal("TERM") -> 15 */
static int process_signal(lua_State *L)
{
	lua_pushinteger(L, net_signal_number(luaL_checkstring(L, 1)));
	return 1;
}

/* stay(ns, words, { cwd, env, input, out, err }) -> pid, start; it goes on when nsh leaves */
static int process_stay(lua_State *L)
{
	static const char *const known[] = {"cwd", "env", "err", "input", "out", NULL};
	struct net_spawn spec = {0};
	struct net_stdio io[3];
	struct net_stayed s;
	struct net_err err = {0};

	bind_command(L, &spec, known);
	bind_stdio(L, 3, io);
	for (int i = 0; i < 3; i++)
		if (io[i].how == NET_PIPE)
			io[i].how = NET_NOTHING;
	if (net_stay(&spec, io, &s, &err) < 0)
		return bind_fail(L, &err);
	lua_pushinteger(L, s.pid);
	lua_pushinteger(L, s.start);
	return 2;
}

static struct net_stayed to_stayed(lua_State *L)
{
	return (struct net_stayed){.pid = (pid_t)luaL_checkinteger(L, 1), .start = luaL_checkinteger(L, 2)};
}

/* stayed(pid, start) -> whether it runs */
static int process_stayed(lua_State *L)
{
	struct net_stayed s = to_stayed(L);

	lua_pushboolean(L, net_stayed_running(&s));
	return 1;
}

/* end_stayed(pid, start, grace) -> whether it ran */
static int process_end_stayed(lua_State *L)
{
	struct net_stayed s = to_stayed(L);
	double grace = luaL_checknumber(L, 3);
	struct net_err err = {0};
	int r = net_stayed_stop(&s, grace, &err);

	if (r < 0)
		return bind_fail(L, &err);
	lua_pushboolean(L, r);
	return 1;
}

static int terminal_back(lua_State *L)
{
	net_terminal_back(luaL_checkudata(L, 1, BIND_TERMINAL));
	return 0;
}

/* terminal() -> what gives it back to us when it is closed; nil: there is none, or we are in its background */
static int process_terminal(lua_State *L)
{
	struct net_terminal *t = lua_newuserdatauv(L, sizeof(*t), 0);

	t->ours = false;
	luaL_setmetatable(L, BIND_TERMINAL);
	return net_terminal_take(t) ? 1 : 0;
}

/* --- methods of a process --- */

static struct process *to_process(lua_State *L)
{
	return luaL_checkudata(L, 1, BIND_PROCESS);
}

struct net_process *bind_process(lua_State *L, int arg)
{
	return &((struct process *)luaL_checkudata(L, arg, BIND_PROCESS))->p;
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

/* process:result() -> { status | signal, seconds }; nil: it runs */
static int process_result_so_far(lua_State *L)
{
	struct process *p = to_process(L);

	if (net_process_running(&p->p) || !p->p.ended)
		return 0;
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
	if (strlen(lua_tostring(L, idx)) != lua_rawlen(L, idx) || !net_signal_number(lua_tostring(L, idx)))
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

/* process:stop(grace): ends it and its group, and waits */
static int process_stop(lua_State *L)
{
	struct process *p = to_process(L);

	net_process_stop(&p->p, luaL_checknumber(L, 2));
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
	{"close", process_close},     {"kill", process_kill}, {"pid", process_pid}, {"result", process_result_so_far},
	{"running", process_running}, {"stop", process_stop}, {NULL, NULL},
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

static const luaL_Reg terminal_meta[] = {
	{"__close", terminal_back},
	{"__gc", terminal_back},
	{NULL, NULL},
};

static const luaL_Reg lib[] = {
	{"end_stayed", process_end_stayed},
	{"exec", process_exec},
	{"pass", process_pass},
	{"result", process_result},
	{"shell", process_shell},
	{"signal", process_signal},
	{"spawn", process_spawn},
	{"stay", process_stay},
	{"stayed", process_stayed},
	{"terminal", process_terminal},
	{NULL, NULL},
};

int bind_open_process(lua_State *L)
{
	luaL_newmetatable(L, BIND_EXEC);
	luaL_setfuncs(L, exec_meta, 0);
	bind_op_class(L);
	lua_pop(L, 1);
	luaL_newmetatable(L, BIND_TERMINAL);
	luaL_setfuncs(L, terminal_meta, 0);
	lua_pop(L, 1);
	luaL_newmetatable(L, BIND_PROCESS);
	luaL_setfuncs(L, process_meta, 0);
	luaL_newlib(L, methods);
	bind_output_methods(L);
	lua_setfield(L, -2, "__index");
	bind_op_class(L);
	lua_pop(L, 1);
	luaL_newlib(L, lib);
	return 1;
}
