/* main.c - from the command line to the exit code */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <lualib.h>

#include "../net/net.h"
#include "shell.h"

struct command_line {
	int argc;
	char **argv;
	struct options options;
	bool trust_env;
};

/* The environment of someone with less privilege than the program has must not choose what code runs. */
static bool env_is_foreign(void)
{
	return getauxval(AT_SECURE) != 0 || (geteuid() == 0 && getuid() != 0);
}

/* Global `arg`: the script at 0, its arguments after, the interpreter and its options before. */
static void set_arg(lua_State *L, const struct command_line *c)
{
	int script = c->options.script < c->argc ? c->options.script : 0;

	lua_createtable(L, c->argc - script, script + 1);
	for (int i = 0; i < c->argc; i++) {
		lua_pushstring(L, c->argv[i]);
		lua_rawseti(L, -2, i - script);
	}
	lua_setglobal(L, "arg");
}

static int run(lua_State *L, int status, int nargs, int nresults)
{
	if (status == LUA_OK)
		status = report_call(L, nargs, nresults);
	if (status == LUA_OK)
		return SHELL_OK;
	if (interrupt_left(L)) {
		lua_pop(L, 1);
		return SHELL_OK;
	}
	if (interrupt_signal() == SIGPIPE) {
		lua_pop(L, 1);
		return SHELL_ERROR;
	}
	return report_error(L);
}

static int run_file(lua_State *L, const char *file, int nargs, int nresults)
{
	int status = luaL_loadfilex(L, file, "t");

	if (status == LUA_OK)
		lua_insert(L, -1 - nargs);
	return run(L, status, nargs, nresults);
}

static int run_string(lua_State *L, const char *text, const char *name)
{
	return run(L, luaL_loadbufferx(L, text, strlen(text), name, "t"), 0, 0);
}

static int require_library(lua_State *L, const char *spec)
{
	const char *eq = strchr(spec, '=');
	const char *module = eq ? eq + 1 : spec;

	lua_getglobal(L, "require");
	lua_pushstring(L, module);
	if (report_call(L, 1, 1) != LUA_OK)
		return report_error(L);
	lua_pushglobaltable(L);
	lua_pushlstring(L, spec, eq ? (size_t)(eq - spec) : strlen(spec));
	lua_pushvalue(L, -3);
	lua_settable(L, -3);
	lua_pop(L, 2);
	return SHELL_OK;
}

static int run_init(lua_State *L)
{
	const char *name = "=LUA_INIT_5_4", *init = getenv(name + 1);

	if (!init) {
		name = "=LUA_INIT";
		init = getenv(name + 1);
	}
	if (!init)
		return SHELL_OK;
	return *init == '@' ? run_file(L, init + 1, 0, 0) : run_string(L, init, name);
}

static int run_options(lua_State *L, const struct command_line *c)
{
	const char *value;
	int i = 1, code = SHELL_OK;
	char letter;

	while (code == SHELL_OK && (letter = options_next(c->argv, c->options.script, &i, &value))) {
		if (letter == 'W')
			lua_warning(L, "@on", 0);
		else if (letter == 'e')
			code = run_string(L, value, "=(command line)");
		else if (letter == 'l')
			code = require_library(L, value);
	}
	return code;
}

/* Leaves what the script returned, if it ended well. */
static int run_script(lua_State *L, const struct command_line *c)
{
	int script = c->options.script, nargs = c->argc - script - 1;
	const char *file = c->argv[script];

	if (strcmp(file, "-") == 0 && strcmp(c->argv[script - 1], "--") != 0)
		file = NULL; /* standard input */
	luaL_checkstack(L, nargs + 3, "too many arguments to the script");
	for (int i = 1; i <= nargs; i++)
		lua_pushstring(L, c->argv[script + i]);
	return run_file(L, file, nargs, 1);
}

/* The script, and what its words say of the lab that it returns.
 * @prompt: go on with the prompt, though nobody asked for it */
static int run_lab(lua_State *L, const struct command_line *c, bool *prompt)
{
	int code = run_script(L, c);

	if (code == SHELL_OK && !interrupt_signal())
		code = lab_verb(L, c->argc, c->argv, &c->options, prompt);
	else if (code == SHELL_ERROR && access(c->argv[c->options.script], F_OK) < 0)
		worlds_orphans(L, &c->options);
	return code;
}

/* What works here, as a page: the code says whether a world can be made. */
static int run_doctor(lua_State *L)
{
	int code;

	modules_require(L, "nsh");
	modules_require(L, "nsh.doctor");
	lua_getfield(L, -1, "main");
	if (report_call(L, 0, 1) != LUA_OK)
		return report_error(L);
	code = lua_toboolean(L, -1) ? SHELL_OK : SHELL_LACKS;
	lua_pop(L, 3);
	return code;
}

/* Joins the world that -w names, or makes it. */
static int enter_world(lua_State *L)
{
	modules_require(L, "nsh");
	modules_require(L, "nsh.world");
	lua_getfield(L, -1, "ensure");
	if (report_call(L, 0, 0) != LUA_OK)
		return report_error(L);
	lua_pop(L, 2);
	return SHELL_OK;
}

/* The words after the script; "": there is none. */
static const char *word_at(const struct command_line *c, int i)
{
	return c->options.script + i < c->argc ? c->argv[c->options.script + i] : "";
}

/* Whether the named world is left to the first who needs it.  Tests are run by other nsh, which can't be started from
 * within one; and no world is made for a word after the script that may be a verb which needs what is there. */
static bool enters_late(const struct command_line *c)
{
	const struct options *o = &c->options;
	const char *word = word_at(c, 1);
	bool help = strcmp(word, "help") == 0 || options_is_help(word) || options_is_help(word_at(c, 2));

	if (o->test || strcmp(word, "test") == 0)
		return true;
	return (help || (options_is_verb(word) && strcmp(word, "up") != 0)) && !net_world_known(o->world);
}

/* A verb and a script that stand the wrong way round. */
static bool is_turned_round(const struct command_line *c)
{
	const char *verb = word_at(c, 0), *script = word_at(c, 1);

	return !c->options.test && options_is_verb(verb) && access(verb, F_OK) < 0 && access(script, F_OK) == 0;
}

static int run_rest(lua_State *L, const struct command_line *c)
{
	const struct options *o = &c->options;
	bool script = o->script < c->argc, prompt = o->interactive;
	int code = SHELL_OK;

	if (o->test)
		return lab_test(L, c->argc, c->argv, o);
	if (script)
		code = run_lab(L, c, &prompt);
	if (code != SHELL_OK || interrupt_signal())
		return code;
	if (prompt) {
		lab_errors(0, NULL, NULL);
		return repl_run(L, o->version ? NULL : SHELL_VERSION);
	}
	if (script || o->chunk || o->version || o->capture)
		return SHELL_OK;
	if (isatty(STDIN_FILENO))
		return repl_run(L, SHELL_VERSION);
	return run_file(L, NULL, 0, 0);
}

/* --check: the script for what it declares. */
static int run_check(lua_State *L, const struct command_line *c)
{
	const struct options *o = &c->options;

	if (o->script >= c->argc) {
		fputs("nsh: --check wants a script\n", stderr);
		return SHELL_USAGE;
	}
	lab_check_begin(L);
	return lab_check_end(L, run_script(L, c), c->argc, c->argv, o);
}

/* The end of the script is that of its tasks; what went wrong in them isn't lost. */
static int finish_tasks(lua_State *L, int code)
{
	if (!modules_loaded(L, "nsh.task"))
		return code;
	lua_getfield(L, -1, "finish");
	if (report_call(L, 0, 1) != LUA_OK)
		return report_error(L);
	for (lua_Integer i = 1; lua_rawgeti(L, -1, i) != LUA_TNIL; i++)
		if (interrupt_is_leave(L))
			lua_pop(L, 1);
		else
			code = report_error(L);
	lua_pop(L, 3);
	return code;
}

/* What the options and the script say, and a capture meanwhile. */
static int run_all(lua_State *L, const struct command_line *c)
{
	const struct options *o = &c->options;
	int code = SHELL_OK;

	lab_errors(c->argc, c->argv, o);
	if (o->worlds || o->kill || o->gc)
		return worlds_run(L, o);
	if (o->world && !o->doctor && !o->check && !enters_late(c))
		code = enter_world(L);
	if (code == SHELL_OK && o->capture)
		code = sniff_begin(L, c->argv, o);
	if (code == SHELL_OK)
		code = run_options(L, c);
	if (code == SHELL_OK)
		code = o->doctor ? run_doctor(L) : o->check ? run_check(L, c) : run_rest(L, c);
	if (o->capture && code != SHELL_USAGE && !interrupt_signal()) {
		int end = sniff_end(L, code == SHELL_OK && !o->interactive);

		code = code == SHELL_OK ? end : code;
	}
	return code;
}

/* All that may raise, in one protected call; returns the exit code. */
static int protected_main(lua_State *L)
{
	const struct command_line *c = lua_touserdata(L, 1);
	int script = c->options.script, code;
	const char *file = script < c->argc && strcmp(c->argv[script], "-") != 0 ? c->argv[script] : NULL;

	lua_pushboolean(L, !c->trust_env);
	lua_setfield(L, LUA_REGISTRYINDEX, "LUA_NOENV");
	luaL_openlibs(L);
	paths_open(L, file);
	modules_open(L, c->trust_env, &c->options, file);
	oslib_open(L);
	interrupt_open(L);
	set_arg(L, c);
	lua_gc(L, LUA_GCGEN, 0, 0);
	code = c->trust_env ? run_init(L) : SHELL_OK;
	if (code == SHELL_OK)
		code = run_all(L, c);
	code = finish_tasks(L, code);
	lua_pushinteger(L, code);
	return 1;
}

/* Output that could not be written is a failure, even at the very end. */
static int flush(int code)
{
	bool before = ferror(stdout);

	if (!before && fflush(stdout) == 0)
		return code;
	if (interrupt_signal() != SIGPIPE)
		fprintf(stderr, "nsh: cannot write to standard output%s%s\n", before ? "" : ": ",
			before ? "" : net_strerror(errno));
	return code ? code : SHELL_ERROR;
}

void shell_end(lua_State *L, bool close, int code)
{
	interrupt_teardown();
	if (close)
		lua_close(L);
	net_world_end();
	code = flush(code);
	if (interrupt_signal() == SIGTERM && net_world_ending())
		fprintf(stderr, "nsh: the world %s was ended, and all that ran in it\n", net_world_name());
	if (interrupt_signal())
		interrupt_die(interrupt_signal());
	exit(code);
}

/* A standard descriptor that is closed stays unusable, but its number is taken: nothing of ours may come there. */
static void hold_stdio(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
			exit(SHELL_ERROR);
}

static int start(struct command_line *c)
{
	struct net_err err = {0};
	lua_State *L;

	if (net_wait_init(&err) < 0) {
		fprintf(stderr, "nsh: %s\n", *err.text ? err.text : net_strerror(err.code));
		return SHELL_ERROR;
	}
	L = luaL_newstate();
	if (!L) {
		fputs("nsh: not enough memory\n", stderr);
		return SHELL_ERROR;
	}
	lua_pushcfunction(L, protected_main);
	lua_pushlightuserdata(L, c);
	shell_end(L, true, report_call(L, 1, 1) == LUA_OK ? (int)lua_tointeger(L, -1) : report_error(L));
}

/* Options that don't go together.  Return: what to say; NULL: all is well. */
static const char *conflict(const struct options *o, bool script)
{
	static struct net_err err;

	if (script && (o->kill || o->worlds || o->gc))
		return o->kill ? "--kill takes no script: it ends the world with all that is in it"
			       : "--worlds and --gc take no script: they are about all worlds, or that of -w";
	if (o->world && net_check_world_name(o->world, strlen(o->world), &err) < 0)
		return err.text;
	if (o->world && o->host)
		return "--host is the machine's own network, -w a world beside it: one of them, please";
	if (o->kill && !o->world)
		return "--kill: which world? nsh -w NAME --kill; nsh --worlds lists them";
	return NULL;
}

int main(int argc, char **argv)
{
	struct command_line c = {.argc = argc, .argv = argv};
	const char *problem;

	hold_stdio();
	options_read(argc, argv, &c.options);
	if (c.options.bad) {
		fprintf(stderr, "nsh: %s: %s\n", c.options.bad,
			options_wants(&c.options) ? "needs an argument" : "no such option");
		options_usage(true);
		return SHELL_USAGE;
	}
	problem = conflict(&c.options, c.options.script < argc);
	if (problem) {
		fprintf(stderr, "nsh: %s\n", problem);
		return SHELL_USAGE;
	}
	if (c.options.help) {
		options_usage(false);
		return SHELL_OK;
	}
	if (c.options.version || c.options.version_only)
		puts(SHELL_VERSION);
	if (c.options.version_only)
		return SHELL_OK;
	if (is_turned_round(&c)) {
		fprintf(stderr, "nsh: the script comes before the verb: nsh %s %s\n", word_at(&c, 1), word_at(&c, 0));
		return SHELL_USAGE;
	}
	c.trust_env = !c.options.no_env && !env_is_foreign();
	return start(&c);
}
