/* interrupt.c - signals: Ctrl-C reaches every Lua loop, coroutine and wait, and no pcall swallows it
 *
 * A handler can't stop Lua code; it can set a hook on the coroutine that runs, which then raises.  Which one
 * runs is known because the functions that switch coroutines are replaced here by ones that keep track.  The
 * first raise unwinds everything: pcall and its kin pass it on instead of returning it.  While it does, the
 * waits of the net layer work again, so that to-be-closed variables can clean up; code that still runs after
 * GRACE instructions is stopped again, for good.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "../bind/bind.h"
#include "shell.h"

#define GRACE 10000000
#define EVERYTHING (LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT)
#define LIMITS "nsh.limits" /* registry: function -> seconds that an xpcall of it may take */
#define LIMITED 0x10000	    /* in the context of finish(): this call has one */
#define LAST_WORDS 5	    /* seconds for the clean-up of a call whose time is over */
#define REPEAT 0.1	    /* seconds in which a second SIGINT is an echo of the first: make, timeout pass theirs on */

static struct {
	lua_State *volatile running;	   /* the coroutine that executes; NULL: none any more */
	volatile sig_atomic_t signal;	   /* caught and not cleared */
	volatile sig_atomic_t unwinding;   /* its error has been raised */
	volatile sig_atomic_t interactive; /* at a prompt SIGINT never ends the program */
	volatile sig_atomic_t hold, held;  /* a command has the terminal; Ctrl-C was pressed meanwhile */
	volatile sig_atomic_t whole, late; /* calls that are not to be cut in two; the signal that came meanwhile */
	volatile sig_atomic_t relay;	   /* signals are for a process: its pidfd, or -1: not there yet */
	volatile sig_atomic_t relays;	   /* they are */
	volatile sig_atomic_t early;	   /* the last one that came before it was */
	volatile sig_atomic_t leaving;	   /* the script ends itself, without a signal */
	volatile sig_atomic_t limited;	   /* an xpcall has a time limit */
	volatile double since;
	double limit; /* seconds */
} now;

static struct {
	lua_CFunction resume, close;
} stock;

static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
static const int relayed[] = {SIGQUIT, SIGUSR1, SIGUSR2}; /* as well, to the process that has nsh's place */

/* The hook: raise at the script's own line. */
static void stop(lua_State *L, lua_Debug *ar)
{
	(void)ar;
	if (!now.signal) { /* left over from an earlier one */
		lua_sethook(L, NULL, 0, 0);
		return;
	}
	if (now.unwinding) {
		net_interrupt();
		lua_sethook(L, stop, EVERYTHING, 1);
	} else {
		now.unwinding = 1;
		net_interrupt_clear();
		lua_sethook(L, stop, LUA_MASKCOUNT, GRACE);
	}
	bind_where(L);
	lua_pushstring(L, lua_rawlen(L, -1) ? ": " : "");
	if (now.signal == SIGALRM)
		lua_pushfstring(L, "its time, %f s, was over here", now.limit);
	else
		lua_pushliteral(L, "interrupted!");
	lua_concat(L, 3);
	lua_error(L);
}

static void arm(lua_State *L)
{
	if (!now.signal)
		return;
	if (now.unwinding)
		lua_sethook(L, stop, LUA_MASKCOUNT, GRACE);
	else
		lua_sethook(L, stop, EVERYTHING, 1);
}

static void note(int sig)
{
	now.signal = sig;
	now.unwinding = 0;
	now.since = net_now();
	net_interrupt();
	if (now.running)
		arm(now.running);
}

/* A write to a pipe that nobody reads: the script's own affair, unless the pipe is standard output. */
static bool stdout_is_broken(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

	return poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}

static bool is_second(int sig)
{
	if (!now.signal || now.interactive || sig == SIGPIPE || sig == SIGHUP)
		return false;
	return (sig == SIGINT || sig == now.signal) && net_now() - now.since > REPEAT;
}

/* To the process that has nsh's place, once there is one. */
static void pass_on(int sig)
{
	if (now.relay >= 0)
		syscall(SYS_pidfd_send_signal, now.relay, sig, NULL, 0);
	else
		now.early = sig;
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	int saved = errno;

	(void)context;
	if (sig == SIGPIPE && !stdout_is_broken()) {
		errno = saved;
		return;
	}
	if (now.relays && sig != SIGPIPE) {
		if (info->si_code != SI_KERNEL) /* what the terminal sends goes to the whole group */
			pass_on(sig);
	} else if (sig == SIGINT && now.hold && info->si_code == SI_KERNEL) { /* from the terminal */
		now.held = 1;
	} else if (is_second(sig)) {
		signal(sig, SIG_DFL);
		raise(sig); /* it is blocked until this handler returns */
	} else if (now.whole) {
		now.late = sig;
	} else if (!now.signal || now.interactive) {
		note(sig);
	}
	errno = saved;
}

/* Runs a stock function that resumes or closes `co`, with account of who runs. */
static int switch_to(lua_State *L, lua_State *co, lua_CFunction f)
{
	int n;

	now.running = co;
	arm(co);
	n = f(L);
	now.running = L;
	arm(L);
	if (now.unwinding && n == 2 && !lua_toboolean(L, -2))
		lua_error(L); /* on it goes */
	return n;
}

static int co_resume(lua_State *L)
{
	lua_State *co = lua_tothread(L, 1);

	return co ? switch_to(L, co, stock.resume) : stock.resume(L);
}

static int co_close(lua_State *L)
{
	lua_State *co = lua_tothread(L, 1);

	/* one that runs, or waits for another, has status LUA_OK; the stock function raises on it */
	return co && lua_status(co) != LUA_OK ? switch_to(L, co, stock.close) : stock.close(L);
}

/* The error of a wrapped coroutine goes on in the caller, as in the stock library. */
static int raise_from(lua_State *L, lua_State *co)
{
	int status = lua_status(co);

	if (status != LUA_OK && status != LUA_YIELD) {
		now.running = co;
		status = lua_resetthread(co); /* runs its __close metamethods */
		now.running = L;
		lua_xmove(co, L, 1);
	}
	if (status != LUA_ERRMEM && !now.unwinding && lua_type(L, -1) == LUA_TSTRING) {
		luaL_where(L, 1);
		lua_insert(L, -2);
		lua_concat(L, 2);
	}
	return lua_error(L);
}

static int wrapped(lua_State *L)
{
	lua_State *co = lua_tothread(L, lua_upvalueindex(1));
	int n;

	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	now.running = co;
	arm(co);
	n = stock.resume(L);
	now.running = L;
	arm(L);
	if (!lua_toboolean(L, -n))
		return raise_from(L, co);
	return n - 1;
}

static int co_wrap(lua_State *L)
{
	lua_State *co;

	luaL_checktype(L, 1, LUA_TFUNCTION);
	co = lua_newthread(L);
	lua_pushvalue(L, 1);
	lua_xmove(L, co, 1);
	lua_pushcclosure(L, wrapped, 1);
	return 1;
}

/* --- a limit on the time that an xpcall may take, which catches the error that its end raises --- */

static double limit_of(lua_State *L, int f)
{
	double seconds = 0;

	if (!now.limited && lua_getfield(L, LUA_REGISTRYINDEX, LIMITS) == LUA_TTABLE) {
		lua_pushvalue(L, f);
		lua_rawget(L, -2);
		seconds = lua_tonumber(L, -1);
		lua_pop(L, 1);
	}
	if (!now.limited)
		lua_pop(L, 1);
	return seconds;
}

static void set_timer(double seconds)
{
	struct itimerval t = {.it_value = {.tv_sec = (time_t)seconds}};

	t.it_value.tv_usec = (suseconds_t)((seconds - (double)t.it_value.tv_sec) * 1e6);
	if (seconds > 0)
		t.it_interval.tv_sec =
			LAST_WORDS; /* the second alarm ends nsh: it is in a function that heeds nothing */
	now.limit = seconds;
	setitimer(ITIMER_REAL, &t, NULL);
	now.limited = seconds > 0;
}

/* The time limit was what ended the call?  Then that is over. */
static bool limit_ends(lua_State *L)
{
	set_timer(0);
	if (now.signal != SIGALRM)
		return false;
	interrupt_clear(L);
	return true;
}

/* What pcall and xpcall return; `skip` values below are not part of it. */
static int finish(lua_State *L, int status, lua_KContext skip)
{
	bool limited = skip & LIMITED && limit_ends(L);

	skip &= ~LIMITED;
	if (status == LUA_OK || status == LUA_YIELD)
		return lua_gettop(L) - (int)skip;
	if (now.unwinding && !limited) {
		if (lua_isnil(L, -1)) /* what a message handler made of it */
			lua_pushliteral(L, "interrupted!");
		return lua_error(L);
	}
	lua_pushboolean(L, 0);
	lua_insert(L, -2);
	return 2;
}

static int protected_call(lua_State *L)
{
	luaL_checkany(L, 1);
	lua_pushboolean(L, 1);
	lua_insert(L, 1);
	return finish(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, finish), 0);
}

static int protected_call_with(lua_State *L)
{
	int nargs = lua_gettop(L) - 2, skip = 2;
	double limit = limit_of(L, 1);

	luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_pushboolean(L, 1);
	lua_pushvalue(L, 1);
	lua_rotate(L, 3, 2); /* function, handler, true, function, arguments */
	if (limit > 0) {
		set_timer(limit);
		skip |= LIMITED;
	}
	return finish(L, lua_pcallk(L, nargs, LUA_MULTRET, 2, skip, finish), skip);
}

/* interrupt_signal() - the signal that was caught and not cleared, or 0 */
int interrupt_signal(void)
{
	return now.signal;
}

/* interrupt_interactive() - at a prompt a SIGINT stops what runs, however many come */
void interrupt_interactive(bool on)
{
	now.interactive = on;
}

/* interrupt_clear() - forget what came; only the top level may */
void interrupt_clear(lua_State *L)
{
	now.running = L;
	now.signal = 0;
	now.unwinding = 0;
	net_interrupt_clear();
	if (lua_gethook(L) == stop)
		lua_sethook(L, NULL, 0, 0);
}

void interrupt_hold(void)
{
	now.held = 0;
	now.hold = 1;
	signal(SIGQUIT, SIG_IGN);
}

bool interrupt_release(void)
{
	now.hold = 0;
	signal(SIGQUIT, SIG_DFL);
	return now.held;
}

void interrupt_now(void)
{
	note(SIGINT);
}

/* interrupt_teardown() - the clean-up is not to be cut short: a signal is dealt with at its end, a second at once */
void interrupt_teardown(void)
{
	now.running = NULL;
	now.interactive = 0;
	now.unwinding = 0;
	net_interrupt_clear();
}

/* interrupt_die() - end as a shell expects of a program that this signal stopped */
void interrupt_die(int sig)
{
	sigset_t set;

	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	raise(sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	_exit(128 + sig);
}

static void catch_signal(int sig)
{
	struct sigaction act = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};

	sigemptyset(&act.sa_mask);
	sigaction(sig, &act, NULL);
}

/* interrupt_whole() - whole(f, ...): calls f, and heeds a signal that comes meanwhile behind it; f must not wait */
int interrupt_whole(lua_State *L)
{
	int status, sig;

	now.whole++;
	status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
	sig = --now.whole ? 0 : now.late;
	if (sig) {
		now.late = 0;
		raise(sig);
	}
	return status == LUA_OK ? lua_gettop(L) : lua_error(L);
}

/* interrupt_relay() - relay(true): from now on signals are for a process that is about to start; relay(process): for
 * that one; relay(false): for nsh again */
int interrupt_relay(lua_State *L)
{
	int pidfd = lua_isuserdata(L, 1) ? bind_process(L, 1)->pidfd : -1;

	if (pidfd < 0) {
		now.relay = -1;
		now.early = 0;
		now.relays = lua_toboolean(L, 1);
	}
	for (size_t i = 0; i < sizeof(relayed) / sizeof(*relayed); i++)
		if (now.relays)
			catch_signal(relayed[i]);
		else
			signal(relayed[i], SIG_DFL);
	now.relay = pidfd;
	if (pidfd >= 0 && now.early)
		pass_on(now.early);
	return 0;
}

/* interrupt_leave() - leave(): the script ends here; no pcall catches it */
int interrupt_leave(lua_State *L)
{
	now.unwinding = now.leaving = 1;
	lua_pushlightuserdata(L, &now);
	return lua_error(L);
}

/* interrupt_is_leave() - is the value at the top what leave() raises? */
bool interrupt_is_leave(lua_State *L)
{
	return lua_touserdata(L, -1) == &now;
}

/* interrupt_left() - has the script ended itself so?  That is over then. */
bool interrupt_left(lua_State *L)
{
	bool left = now.leaving && !now.signal;

	if (left)
		interrupt_clear(L);
	now.leaving = 0;
	return left;
}

/* interrupt_limit() - limit(f, seconds): an xpcall of f is ended when it takes longer, and returns that as an error */
int interrupt_limit(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TFUNCTION);
	if (lua_getfield(L, LUA_REGISTRYINDEX, LIMITS) == LUA_TNIL) {
		lua_newtable(L);
		lua_createtable(L, 0, 1);
		lua_pushliteral(L, "k");
		lua_setfield(L, -2, "__mode");
		lua_setmetatable(L, -2);
		lua_pushvalue(L, -1);
		lua_setfield(L, LUA_REGISTRYINDEX, LIMITS);
		catch_signal(SIGALRM);
	}
	lua_pushvalue(L, 1);
	lua_pushnumber(L, luaL_checknumber(L, 2));
	lua_rawset(L, -3);
	return 0;
}

static const luaL_Reg coroutines[] = {{"close", co_close}, {"resume", co_resume}, {"wrap", co_wrap}, {NULL, NULL}};
static const luaL_Reg basics[] = {{"pcall", protected_call}, {"xpcall", protected_call_with}, {NULL, NULL}};

/* interrupt_open() - catch the signals and replace the functions that must know about them */
void interrupt_open(lua_State *L)
{
	struct sigaction old;

	now.running = L;
	lua_getglobal(L, "coroutine");
	lua_getfield(L, -1, "resume");
	stock.resume = lua_tocfunction(L, -1);
	lua_getfield(L, -2, "close");
	stock.close = lua_tocfunction(L, -1);
	lua_pop(L, 2);
	luaL_setfuncs(L, coroutines, 0);
	lua_pop(L, 1);
	lua_pushglobaltable(L);
	luaL_setfuncs(L, basics, 0);
	lua_pop(L, 1);

	for (size_t i = 0; i < sizeof(caught) / sizeof(*caught); i++)
		/* nohup(1) had SIGHUP ignored, and so it stays */
		if (caught[i] != SIGHUP || sigaction(SIGHUP, NULL, &old) < 0 || old.sa_handler != SIG_IGN)
			catch_signal(caught[i]);
}
