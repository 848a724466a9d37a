/* shell.h - what the files of this layer share */
#ifndef NSH_SHELL_H
#define NSH_SHELL_H

#include <stdbool.h>

#include <lauxlib.h>
#include <lua.h>

#ifndef NSH_VERSION
#define NSH_VERSION "0.1.0"
#endif
#ifndef NSH_DATADIR
#define NSH_DATADIR "/usr/local/share/nsh"
#endif
#define SHELL_VERSION "nsh " NSH_VERSION " (" LUA_RELEASE ")"
#define SHELL_GLOBALS "nsh.globals" /* package.loaded: the lazy tables, and `host` */

enum shell_exit { SHELL_OK = 0, SHELL_ERROR = 1, SHELL_USAGE = 2, SHELL_LACKS = 4 };

/* the command line (options.c) */
struct options {
	int script;	  /* index in argv; argc: none */
	bool interactive; /* -i */
	bool version;	  /* -v */
	bool no_env;	  /* -E */
	bool chunk;	  /* an -e was there */
	bool host, doctor, help, version_only;
	const char *world;	/* -w NAME */
	bool worlds, kill, gc;	/* --worlds, --kill, --gc */
	bool check, json, test; /* --check, --json; --test: it stands where a script would */
	bool capture;		/* --capture */
	bool to_stdout;		/* -w - */
	const char *bad;	/* the option that is none */
};
void options_read(int argc, char **argv, struct options *o);
/* the letters in order, 'C' for --capture; 0 at the end */
char options_next(char **argv, int script, int *i, const char **value);
bool options_is_verb(const char *word);
bool options_is_help(const char *word);
bool options_wants(const struct options *o);
void options_usage(bool failed);

/* what a script finds in its state (paths.c, modules.c, oslib.c) */
void paths_open(lua_State *L, const char *script);
int paths_stdlib(lua_State *L); /* lua_CFunction: the names of the recipes */
void modules_open(lua_State *L, bool trust_env, const struct options *o, const char *script);
void modules_require(lua_State *L, const char *name); /* pushes the module */
bool modules_loaded(lua_State *L, const char *name);  /* pushes it if it is loaded */
void oslib_open(lua_State *L);

/* Runs `command` by /bin/sh in the current namespace with the terminal.  Return: its wait(2) status, or -1 with
 * nil, message, code pushed */
int oslib_command(lua_State *L, const char *command);

/* signals (interrupt.c) */
void interrupt_open(lua_State *L);
void interrupt_interactive(bool on);
int interrupt_signal(void); /* caught and not yet cleared, or 0 */
void interrupt_clear(lua_State *L);
void interrupt_hold(void);     /* Ctrl-C is for the command that has the terminal */
bool interrupt_release(void);  /* true: there was one */
void interrupt_now(void);      /* as if SIGINT had come */
void interrupt_teardown(void); /* from here on a first signal waits for the end */
void interrupt_die(int sig) __attribute__((noreturn));

int interrupt_whole(lua_State *L); /* lua_CFunction: whole(f, ...): signals are heeded behind it */
int interrupt_relay(lua_State *L); /* lua_CFunction: relay(process or nil): signals are for that process */
int interrupt_leave(lua_State *L); /* lua_CFunction: leave(): ends the script, whatever it catches */
bool interrupt_is_leave(lua_State *L);
bool interrupt_left(lua_State *L); /* it was ended so; forgets it */
int interrupt_limit(lua_State *L); /* lua_CFunction: limit(f, seconds): so long may xpcall(f) take */

/* --capture (sniff.c) */
int sniff_begin(lua_State *L, char **argv, const struct options *o);
int sniff_end(lua_State *L, bool wait);

/* another nsh (child.c) */
int child_start(lua_State *L); /* lua_CFunction */

/* --worlds, --kill, --gc (worlds.c) */
int worlds_run(lua_State *L, const struct options *o);
void worlds_orphans(lua_State *L, const struct options *o);

/* labs (lab.c) */
int lab_verb(lua_State *L, int argc, char **argv, const struct options *o, bool *prompt);
void lab_check_begin(lua_State *L);
int lab_check_end(lua_State *L, int code, int argc, char **argv, const struct options *o);
void lab_errors(int argc, char **argv, const struct options *o);
void lab_tell_error(lua_State *L, int code);
int lab_test(lua_State *L, int argc, char **argv, const struct options *o);

/* errors (report.c) */
int report_call(lua_State *L, int nargs, int nresults); /* lua_pcall() that remembers the traceback */
int report_error(lua_State *L);				/* prints and pops the error; returns the exit code */

/* the prompt (repl.c, line.c) */
int repl_run(lua_State *L, const char *banner);
void line_open(lua_State *L);
void line_remember(const char *text);
char *line_read(const char *prompt, bool *interrupted); /* malloc'd; NULL: end of input, or interrupted */

/* the end (main.c): closes the state, ends the world, leaves with the code or by the signal that came */
void shell_end(lua_State *L, bool close, int code) __attribute__((noreturn));

#endif
