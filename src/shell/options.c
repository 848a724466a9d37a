/* options.c - the command line: one table for reading it and for telling about it */
#include <stdio.h>
#include <string.h>

#include "shell.h"

/* A superset of lua(1).  `takes` names the argument; it may follow at once or as the next word. */
static const struct {
	const char *name, *takes, *help;
} options[] = {
	{"-e", "CHUNK", "run the string CHUNK"},
	{"-l", "MODULE", "require MODULE into the global of that name (NAME=MODULE: into NAME)"},
	{"-i", NULL, "enter the prompt after the script"},
	{"-v", NULL, "show the version"},
	{"-E", NULL, "ignore LUA_INIT, LUA_PATH and LUA_CPATH"},
	{"-W", NULL, "turn warnings on"},
	{"--check", NULL, "run the script and plan its labs, asking nothing of the kernel"},
	{"--json", NULL, "what a verb, --check, --worlds or --gc tells, as JSON"},
	{"-w", "NAME", "work in the world NAME, which stays: made when there is none, else joined"},
	{"  --kill", NULL, "with -w: end that world and all that is in it"},
	{"--worlds", NULL, "list the named worlds"},
	{"--test", "[ARGS]", "run specs as busted's ARGS say, each file in a world of its own"},
	{"--host", NULL, "work in the machine's own network, as ip(8) does (root)"},
	{"--gc", NULL, "show what killed runs have left, and remove it; with -w or --host only there"},
	{"--capture", "[NS:]LINK", "capture there until Ctrl-C; may come several times"},
	{"  -f", "FILTER", "after --capture: only these packets, as tcpdump has it"},
	{"  -w", "FILE", "after --capture: into a file instead of lines; -: standard output"},
	{"  -c", "COUNT", "after --capture: no more packets than that"},
	{"--doctor", NULL, "try what works here, tell what is missing and what brings it, and leave"},
	{"-h, --help", NULL, "show this and leave"},
	{"--version", NULL, "show the version and leave"},
	{"--", NULL, "end of options"},
	{"-", NULL, "run standard input as the script"},
};

static bool is(const char *arg, const char *name)
{
	return strcmp(arg, name) == 0;
}

/* Which options have a value: the rest of the word, or the next word. */
static bool has_value(const char *arg, bool capture)
{
	return is(arg, "--capture") || (arg[1] && arg[1] != '-' && strchr(capture ? "elfwc" : "elw", arg[1]));
}

/* The value, and a step over its word. */
static const char *value_of(char **argv, int *i)
{
	const char *next = argv[*i + 1];

	if (argv[*i][1] != '-' && argv[*i][2])
		return argv[*i] + 2;
	if (next && (next[0] != '-' || (is(argv[*i], "-w") && is(next, "-"))))
		return argv[++*i];
	return NULL;
}

static bool read_long(const char *arg, struct options *o)
{
	if (is(arg, "--host"))
		o->host = true;
	else if (is(arg, "--check"))
		o->check = true;
	else if (is(arg, "--worlds"))
		o->worlds = true;
	else if (is(arg, "--kill"))
		o->kill = true;
	else if (is(arg, "--gc"))
		o->gc = true;
	else if (is(arg, "--json"))
		o->json = true;
	else if (is(arg, "--doctor"))
		o->doctor = true;
	else if (is(arg, "--help"))
		o->help = true;
	else if (is(arg, "--version"))
		o->version_only = true;
	else
		return false;
	return true;
}

static bool read_short(const char *arg, struct options *o)
{
	if (is(arg, "-i"))
		o->interactive = true;
	else if (is(arg, "-v"))
		o->version = true;
	else if (is(arg, "-E"))
		o->no_env = true;
	else if (is(arg, "-h"))
		o->help = true;
	else
		return is(arg, "-W");
	return true;
}

/* options_read() - fill *o from the words before the script */
void options_read(int argc, char **argv, struct options *o)
{
	memset(o, 0, sizeof(*o));
	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i];

		if (arg[0] != '-' || !arg[1]) { /* a script, or "-" */
			o->script = i;
			return;
		}
		if (is(arg, "--")) {
			o->script = i + 1;
			return;
		}
		if (is(arg, "--test")) { /* it stands for the script, and the rest is its own */
			o->test = true;
			o->script = i;
			return;
		}
		if (has_value(arg, o->capture)) {
			const char *value = value_of(argv, &i);

			o->chunk |= arg[1] == 'e';
			o->capture |= arg[1] == '-';
			o->to_stdout |= o->capture && arg[1] == 'w' && value && is(value, "-");
			if (arg[1] == 'w' && !o->capture)
				o->world = value;
			if (!value)
				o->bad = arg;
		} else if (!(arg[1] == '-' ? read_long(arg, o) : read_short(arg, o))) {
			o->bad = arg;
		}
		if (o->bad)
			break;
	}
	o->script = argc;
}

/* options_next() - walk the options in order, from *i on, which starts at 1; *value: NULL where it has none */
char options_next(char **argv, int script, int *i, const char **value)
{
	while (*i < script) {
		const char *arg = argv[*i];
		char letter = is(arg, "--capture") ? 'C' : arg[1];

		*value = has_value(arg, true) ? value_of(argv, i) : NULL;
		++*i;
		if (letter != '-')
			return letter;
	}
	return 0;
}

/* options_is_verb() - is it a word that does something with the lab of a script? */
bool options_is_verb(const char *word)
{
	static const char *const verbs[] = {"down", "exec", "graph", "ping", "plan", "shell", "status", "test", "up"};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (is(word, verbs[i]))
			return true;
	return false;
}

/* options_is_help() - does a word ask what there is? */
bool options_is_help(const char *word)
{
	return is(word, "-h") || is(word, "--help");
}

/* options_wants() - is it an option that lacks its value? */
bool options_wants(const struct options *o)
{
	return has_value(o->bad, o->capture);
}

/* options_usage() - print the table; on stderr when it is an answer to a slip */
void options_usage(bool failed)
{
	FILE *out = failed ? stderr : stdout;

	fputs("usage: nsh [options] [script [args]]\n"
	      "Lua with the Linux network in its hands; without a script, a prompt.\n\n"
	      "A script that returns a lab takes: up, down, plan, status, ping [--json],\n"
	      "  graph [FORMAT] [FILE], exec NODE [--] CMD..., shell NODE, test [SPEC...]\n\n",
	      out);
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
		char left[32];

		snprintf(left, sizeof(left), "%s%s%s", options[i].name, options[i].takes ? " " : "",
			 options[i].takes ? options[i].takes : "");
		fprintf(out, "  %-19s %s\n", left, options[i].help);
	}
	fputs("\nExit status: 0, 1 script error, 2 usage, 4 this kernel or privilege lacks something.\n", out);
}
