/* line.c - reading a line: readline on a terminal, loaded only then; plain reading else
 *
 * Readline's callback interface in a loop of our own: waits go through net_poll(), so that signals and the
 * terminal are handled in one place, outside of handlers.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <readline/readline.h>
#include <readline/history.h>

#include "../net/net.h"
#include "history.h"
#include "shell.h"

#define CANDIDATES "nsh.candidates" /* registry: the list of the last completion */

/* All that we use of libreadline, functions and variables alike: rl.NAME is its address. */
/* clang-format off */
#define SYMBOLS(X) \
	X(rl_line_buffer) X(rl_point) X(rl_attempted_completion_over) X(rl_completion_append_character) \
	X(rl_completion_suppress_append) X(rl_completion_matches) X(rl_deprep_terminal) X(rl_prep_terminal) \
	X(rl_clear_visible_line) X(rl_forced_update_display) X(rl_resize_terminal) X(rl_callback_handler_remove) \
	X(rl_callback_handler_install) X(rl_callback_sigcleanup) X(rl_callback_read_char) X(history_length) \
	X(history_get) X(history_base) X(add_history) X(append_history) X(rl_function_of_keyseq) \
	X(rl_get_previous_history) X(rl_bind_keyseq) X(rl_history_search_backward) X(rl_get_next_history) \
	X(rl_history_search_forward) X(using_history) X(history_comment_char) X(history_write_timestamps) \
	X(history_multiline_entries) X(history_truncate_file) X(read_history) X(rl_readline_name) \
	X(rl_catch_signals) X(rl_catch_sigwinch) X(rl_change_environment) X(rl_attempted_completion_function) \
	X(rl_completion_word_break_hook) X(rl_initialize)
/* clang-format on */

static struct {
#define MEMBER(name) __typeof__ (&(name))(name);
	SYMBOLS(MEMBER)
} rl;

static struct {
	lua_State *L;
	bool editing;	   /* readline is there, and a terminal */
	int events[2];	   /* what the handlers say: 'w' new window size, 'z' suspend */
	bool done;	   /* a line came */
	char *text;	   /* the line; NULL: end of input */
	char breaks[2];	   /* the character before the word that is completed */
	int start, from;   /* where that word starts, and what readline replaces */
	int next, top;	   /* walk over the candidates */
	char history[512]; /* the file; empty: none */
} line;

static bool load_readline(void)
{
	static const struct {
		const char *name;
		size_t at;
	} symbols[] = {
#define ROW(name) {#name, offsetof(__typeof__(rl), name)},
		SYMBOLS(ROW)};
	void *lib = dlopen("libreadline.so.8", RTLD_NOW | RTLD_LOCAL);

	for (size_t i = 0; lib && i < sizeof(symbols) / sizeof(*symbols); i++) {
		void *symbol = dlsym(lib, symbols[i].name);

		if (!symbol)
			lib = NULL;
		memcpy((char *)&rl + symbols[i].at, &symbol, sizeof(symbol));
	}
	if (!lib)
		fprintf(stderr, "nsh: no line editing: %s; install the package libreadline8\n", dlerror());
	return lib != NULL;
}

/* --- completion --- */

/* Asks nsh.complete; leaves its list at the top of the stack and the start of the word in line.start. */
static int ask(lua_State *L)
{
	modules_require(L, "nsh.complete");
	lua_getfield(L, -1, "complete");
	lua_pushlstring(L, *rl.rl_line_buffer, (size_t)*rl.rl_point);
	lua_call(L, 1, 2);
	line.start = (int)lua_tointeger(L, -1) - 1;
	luaL_checktype(L, -2, LUA_TTABLE);
	if (line.start < 0 || line.start > *rl.rl_point)
		return luaL_error(L, "no such place");
	lua_pop(L, 1);
	lua_setfield(L, LUA_REGISTRYINDEX, CANDIDATES);
	return 0;
}

/* Readline looks back from the cursor for a break character: we give it the one before the word. */
static char *find_word(void)
{
	line.start = *rl.rl_point;
	lua_pushcfunction(line.L, ask);
	if (lua_pcall(line.L, 0, 0, 0) != LUA_OK) {
		lua_pop(line.L, 1);
		lua_pushnil(line.L);
		lua_setfield(line.L, LUA_REGISTRYINDEX, CANDIDATES);
	}
	line.breaks[0] = line.start ? (*rl.rl_line_buffer)[line.start - 1] : '\0';
	return line.breaks;
}

/* The candidate as a replacement of what readline replaces, which starts at `from`; NULL: it can't be one. */
static char *fit(const char *candidate, int from)
{
	const char *buffer = *rl.rl_line_buffer;
	char *word = NULL;

	if (from > line.start) { /* the break character is part of the word, too */
		size_t skip = (size_t)(from - line.start);

		if (strncmp(candidate, buffer + line.start, skip) == 0)
			word = strdup(candidate + skip);
	} else if (asprintf(&word, "%.*s%s", line.start - from, buffer + from, candidate) < 0) {
		word = NULL;
	}
	return word;
}

/* Readline's generator: one candidate a call, from state 0 on. */
static char *next_candidate(const char *text, int state)
{
	lua_State *L = line.L;
	char *word = NULL;
	bool more;

	(void)text;
	if (state == 0)
		line.next = 1;
	lua_getfield(L, LUA_REGISTRYINDEX, CANDIDATES);
	do {
		more = lua_istable(L, -1) && lua_rawgeti(L, -1, line.next++) == LUA_TSTRING;
		if (more) {
			word = fit(lua_tostring(L, -1), line.from);
			lua_pop(L, 1);
		}
	} while (more && !word);
	lua_settop(L, line.top);
	return word;
}

static char **complete(const char *text, int from, int to)
{
	(void)to;
	*rl.rl_attempted_completion_over = 1;
	*rl.rl_completion_append_character = '\0';
	*rl.rl_completion_suppress_append = 1;
	line.from = from;
	line.top = lua_gettop(line.L);
	return rl.rl_completion_matches(text, next_candidate);
}

/* --- signals at the prompt --- */

static void on_event(int sig)
{
	int saved = errno;

	if (write(line.events[1], sig == SIGWINCH ? "w" : "z", 1) < 0) {
		/* full: something is on its way anyhow */
	}
	errno = saved;
}

static void catch_events(bool on)
{
	struct sigaction act = {.sa_handler = on ? on_event : SIG_DFL, .sa_flags = SA_RESTART};

	sigemptyset(&act.sa_mask);
	sigaction(SIGWINCH, &act, NULL);
	sigaction(SIGTSTP, &act, NULL);
}

/* Ctrl-Z: leave the terminal as others expect it, stop, and take it up again. */
static void suspend(void)
{
	rl.rl_deprep_terminal();
	catch_events(false);
	raise(SIGTSTP);
	catch_events(true);
	rl.rl_prep_terminal(1);
	rl.rl_forced_update_display();
}

static void handle_event(void)
{
	char what;

	while (read(line.events[0], &what, 1) == 1) {
		if (what == 'w')
			rl.rl_resize_terminal();
		else
			suspend();
	}
}

/* --- lines --- */

static void on_line(char *text)
{
	rl.rl_callback_handler_remove(); /* the terminal is the program's again */
	line.text = text;
	line.done = true;
}

/* --- what goes on meanwhile: it prints above the line, which is drawn again below --- */

static int before_turn(lua_State *L)
{
	(void)L;
	rl.rl_clear_visible_line();
	return 0;
}

static int behind_turn(lua_State *L)
{
	(void)L;
	fflush(stdout);
	rl.rl_forced_update_display();
	return 0;
}

/* Waits until there is something to read, while tasks and handlers go on.  Return: 0; -EINTR */
static int attend(struct pollfd fds[2])
{
	lua_State *L = line.L;
	int status;

	if (!modules_loaded(L, "nsh.task"))
		return net_poll(fds, 2, -1);
	lua_getfield(L, -1, "attend");
	lua_remove(L, -2);
	lua_pushinteger(L, fds[0].fd);
	lua_pushinteger(L, fds[1].fd);
	lua_pushcfunction(L, before_turn);
	lua_pushcfunction(L, behind_turn);
	status = report_call(L, 4, 0);
	if (status != LUA_OK && interrupt_signal()) {
		lua_pop(L, 1);
		return -EINTR;
	}
	if (status != LUA_OK) {
		rl.rl_clear_visible_line();
		report_error(L);
		rl.rl_forced_update_display();
	}
	return poll(fds, 2, 0) < 0 && errno != EINTR ? -errno : 0;
}

static char *edit_line(const char *prompt, bool *interrupted)
{
	struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = line.events[0], .events = POLLIN}};

	line.done = false;
	line.text = NULL;
	catch_events(true);
	rl.rl_callback_handler_install(prompt, on_line);
	while (!line.done) {
		int r = attend(fds);

		if (r < 0) {
			*interrupted = r == -EINTR;
			rl.rl_callback_sigcleanup();
			puts("^C"); /* before the cursor goes back to the start of the line */
			rl.rl_callback_handler_remove();
			break;
		}
		if (fds[1].revents)
			handle_event();
		if (fds[0].revents)
			rl.rl_callback_read_char();
	}
	catch_events(false);
	if (line.done && !line.text)
		puts("");
	return line.text;
}

static char *plain_line(const char *prompt, bool *interrupted)
{
	char *text = NULL;
	size_t size = 0;
	ssize_t n;

	if (isatty(STDIN_FILENO))
		fputs(prompt, stdout);
	fflush(stdout);
	n = getline(&text, &size, stdin);
	if (n < 0) {
		*interrupted = interrupt_signal() != 0;
		clearerr(stdin);
		free(text);
		return NULL;
	}
	if (n > 0 && text[n - 1] == '\n')
		text[n - 1] = '\0';
	return text;
}

/* line_read() - read one line; it may hold newlines, when a block was pasted */
char *line_read(const char *prompt, bool *interrupted)
{
	*interrupted = false;
	return line.editing ? edit_line(prompt, interrupted) : plain_line(prompt, interrupted);
}

/* line_remember() - put a chunk into the history as one entry, unless it is the one before again */
void line_remember(const char *text)
{
	HIST_ENTRY *last;

	if (!line.editing || !text[strspn(text, " \t\n")])
		return;
	last = *rl.history_length ? rl.history_get(*rl.history_base + *rl.history_length - 1) : NULL;
	if (last && strcmp(last->line, text) == 0)
		return;
	rl.add_history(text);
	if (*line.history)
		rl.append_history(1, line.history);
}

/* Up and Down look for what was typed so far, unless ~/.inputrc has them do something else. */
static void bind_arrows(void)
{
	static const char *const up[] = {"\\e[A", "\\eOA"}, *const down[] = {"\\e[B", "\\eOB"};

	for (int i = 0; i < 2; i++) {
		const char raw_up[] = {'\033', "[O"[i], 'A', 0}, raw_down[] = {'\033', "[O"[i], 'B', 0};

		if (rl.rl_function_of_keyseq(raw_up, NULL, NULL) == rl.rl_get_previous_history)
			rl.rl_bind_keyseq(up[i], rl.rl_history_search_backward);
		if (rl.rl_function_of_keyseq(raw_down, NULL, NULL) == rl.rl_get_next_history)
			rl.rl_bind_keyseq(down[i], rl.rl_history_search_forward);
	}
}

static void open_history(void)
{
	rl.using_history();
	*rl.history_comment_char = '#'; /* with these three a block comes back as one entry */
	*rl.history_write_timestamps = 1;
	*rl.history_multiline_entries = 1;
	if (!history_file(line.history, sizeof(line.history)))
		return;
	rl.history_truncate_file(line.history, HISTORY_MAX);
	rl.read_history(line.history);
}

/* line_open() - get ready to read lines from standard input */
void line_open(lua_State *L)
{
	line.L = L;
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || !load_readline())
		return;
	if (pipe2(line.events, O_CLOEXEC | O_NONBLOCK) < 0)
		return;
	line.editing = true;
	*rl.rl_readline_name = "nsh";
	*rl.rl_catch_signals = 0;
	*rl.rl_catch_sigwinch = 0;
	*rl.rl_change_environment = 0; /* LINES and COLUMNS of now would be wrong for commands later */
	*rl.rl_attempted_completion_function = complete;
	*rl.rl_completion_word_break_hook = find_word;
	rl.rl_initialize();
	bind_arrows();
	open_history();
}
