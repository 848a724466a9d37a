/* repl.c - the prompt: read, evaluate, print, and never end because of what is read */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "../net/net.h"
#include "shell.h"

static bool coloured(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

/* Pushes where we are: "ns1", "root", "host"; or "" as long as there is no world. */
static int push_place(lua_State *L)
{
	bool host;

	lua_getfield(L, LUA_REGISTRYINDEX, SHELL_GLOBALS);
	lua_getfield(L, -1, "host");
	host = lua_toboolean(L, -1);
	if (host)
		modules_require(L, "nsh.world");
	else if (!modules_loaded(L, "nsh.world")) {
		lua_pushliteral(L, "");
		return 1;
	}
	lua_getfield(L, -1, "prompt");
	lua_call(L, 0, 1);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_pushstring(L, host ? "host" : "");
	}
	return 1;
}

/* Pushes the prompt; a name from outside can't send control sequences to the terminal. */
static const char *push_prompt(lua_State *L)
{
	char place[256];
	bool red;

	lua_pushcfunction(L, push_place);
	if (lua_pcall(L, 0, 1, 0) != LUA_OK || !lua_isstring(L, -1)) {
		lua_pop(L, 1);
		lua_pushliteral(L, "?");
	}
	snprintf(place, sizeof(place), "%s", lua_tostring(L, -1));
	lua_pop(L, 1);
	for (char *p = place; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	if (!*place)
		return lua_pushliteral(L, "nsh> ");
	red = net_world_made() ? net_world_is_host() : strcmp(place, "host") == 0;
	if (red && coloured()) /* \1 and \2 tell readline that what is between takes no room */
		return lua_pushfstring(L, "nsh:\1\033[31m\2%s\1\033[0m\2> ", place);
	return lua_pushfstring(L, "nsh:%s> ", place);
}

/* --- reading a chunk --- */

/* Does the error message at the top say that the chunk only lacks its end? */
static bool is_incomplete(lua_State *L, int status)
{
	static const char mark[] = "<eof>";
	size_t len;
	const char *message = lua_tolstring(L, -1, &len);

	return status == LUA_ERRSYNTAX && len >= strlen(mark) && strcmp(message + len - strlen(mark), mark) == 0;
}

/* Compiles the text at the top as an expression or as statements; leaves the function or message above it. */
static int compile(lua_State *L)
{
	size_t len;
	const char *text = lua_tolstring(L, -1, &len), *expression = lua_pushfstring(L, "return %s", text);
	int status = luaL_loadbufferx(L, expression, strlen(expression), "=stdin", "t");

	if (status == LUA_OK) {
		lua_remove(L, -2);
		return status;
	}
	lua_pop(L, 2);
	return luaL_loadbufferx(L, text, len, "=stdin", "t");
}

/* Takes a line that line_read() gave and leaves it on the stack. */
static void push_line(lua_State *L, char *text)
{
	size_t len = strlen(text);

	while (len && text[len - 1] == '\n') /* a pasted block ends with one */
		len--;
	lua_pushlstring(L, text, len);
	free(text);
}

enum got { GOT_CHUNK, GOT_ERROR, GOT_COMMAND, GOT_NOTHING, GOT_END };

/* Reads until a chunk is complete; leaves its text and, above, the function or the error. */
static enum got read_chunk(lua_State *L)
{
	bool interrupted;
	char *text = line_read(push_prompt(L), &interrupted);
	int status;

	if (!text)
		return interrupted ? GOT_NOTHING : GOT_END;
	push_line(L, text);
	if (*lua_tostring(L, -1) == '!')
		return GOT_COMMAND;
	while (is_incomplete(L, status = compile(L))) {
		text = line_read("...> ", &interrupted);
		if (!text)
			return interrupted ? GOT_NOTHING : GOT_ERROR;
		lua_pop(L, 1);
		lua_pushliteral(L, "\n");
		push_line(L, text);
		lua_concat(L, 3);
	}
	return status == LUA_OK ? GOT_CHUNK : GOT_ERROR;
}

/* --- evaluating and printing --- */

/* Prints its arguments; the first one becomes global `_`. */
static int print_results(lua_State *L)
{
	int n = lua_gettop(L);

	if (!lua_isnil(L, 1)) {
		lua_pushvalue(L, 1);
		lua_setglobal(L, "_");
	}
	lua_getglobal(L, "help");
	if (n == 1 && lua_rawequal(L, 1, -1)) { /* the word alone */
		modules_require(L, "nsh.help");
		puts(luaL_tolstring(L, -1, NULL));
		return 0;
	}
	lua_pop(L, 1);
	modules_require(L, "nsh.show");
	lua_getfield(L, -1, "repl");
	lua_insert(L, 1);
	lua_settop(L, n + 1);
	lua_call(L, n, 1);
	if (lua_isstring(L, -1))
		puts(lua_tostring(L, -1));
	return 0;
}

static void evaluate(lua_State *L, int base)
{
	int status = report_call(L, 0, LUA_MULTRET);
	int n = lua_gettop(L) - base;

	if (status == LUA_OK && n > 0) {
		lua_pushcfunction(L, print_results);
		lua_insert(L, base + 1);
		status = report_call(L, n, 0);
	}
	if (status != LUA_OK)
		report_error(L);
}

/* `!cmd`: in the current namespace, with the terminal */
static int run_command(lua_State *L)
{
	int status = oslib_command(L, lua_tostring(L, 1));

	if (status == -1)
		fprintf(stderr, "%s\n", lua_tostring(L, -2));
	else if (WIFSIGNALED(status))
		fprintf(stderr, "signal %s\n", net_signal_name(WTERMSIG(status)));
	else if (status != 0)
		fprintf(stderr, "exit status %d\n", WEXITSTATUS(status));
	return 0;
}

static void command(lua_State *L)
{
	struct termios before;
	bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;

	lua_pushcfunction(L, run_command);
	lua_pushstring(L, lua_tostring(L, -2) + 1);
	if (report_call(L, 1, 0) != LUA_OK)
		report_error(L);
	if (terminal) /* whatever state the command left it in */
		tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
}

static void turn(lua_State *L, enum got got, int base)
{
	if (got == GOT_NOTHING)
		return;
	line_remember(lua_tostring(L, base));
	if (got == GOT_COMMAND)
		command(L);
	else if (got == GOT_CHUNK)
		evaluate(L, base);
	else
		report_error(L);
	if (fflush(stdout) != 0)
		clearerr(stdout);
}

/*
 * repl_run() - read and run what is typed until the end of input, or a signal other than Ctrl-C
 * @banner: a first line, or NULL
 *
 * Return: the exit code.
 */
int repl_run(lua_State *L, const char *banner)
{
	int top = lua_gettop(L);
	enum got got;

	interrupt_interactive(true);
	line_open(L);
	if (banner && isatty(STDIN_FILENO))
		printf("%s: help() for help, Ctrl-D leaves\n", banner);
	do {
		interrupt_clear(L);
		got = read_chunk(L);
		if (got != GOT_END)
			turn(L, got, top + 2);
		lua_settop(L, top);
	} while (got != GOT_END && (!interrupt_signal() || interrupt_signal() == SIGINT));
	if (interrupt_signal() == SIGINT)
		interrupt_clear(L);
	interrupt_interactive(false);
	return SHELL_OK;
}
