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
	{"--host", NULL, "work in the machine's own network, as ip(8) does (root)"},
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

/* The value of -e and -l: the rest of the word, or the next word, which is then stepped over. */
static const char *value_of(char **argv, int *i)
{
	if (argv[*i][2])
		return argv[*i] + 2;
	if (argv[*i + 1] && argv[*i + 1][0] != '-')
		return argv[++*i];
	return NULL;
}

static bool read_long(const char *arg, struct options *o)
{
	if (is(arg, "--host"))
		o->host = true;
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
		if (arg[1] == 'e' || arg[1] == 'l') {
			o->chunk |= arg[1] == 'e';
			if (!value_of(argv, &i))
				o->bad = arg;
		} else if (!(arg[1] == '-' ? read_long(arg, o) : read_short(arg, o))) {
			o->bad = arg;
		}
		if (o->bad)
			break;
	}
	o->script = argc;
}

/* options_next() - walk the options that act in order, from *i on, which starts at 1 */
char options_next(char **argv, int script, int *i, const char **value)
{
	for (; *i < script; ++*i) {
		char letter = argv[*i][1];

		if (letter != 'e' && letter != 'l' && letter != 'W')
			continue;
		*value = letter == 'W' ? NULL : value_of(argv, i);
		++*i;
		return letter;
	}
	return 0;
}

/* options_usage() - print the table; on stderr when it is an answer to a slip */
void options_usage(bool failed)
{
	FILE *out = failed ? stderr : stdout;

	fputs("usage: nsh [options] [script [args]]\n"
	      "Lua with the Linux network in its hands; without a script, a prompt.\n\n",
	      out);
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
		char left[32];

		snprintf(left, sizeof(left), "%s%s%s", options[i].name, options[i].takes ? " " : "",
			 options[i].takes ? options[i].takes : "");
		fprintf(out, "  %-12s %s\n", left, options[i].help);
	}
	fputs("\nExit status: 0, 1 script error, 2 usage, 4 this kernel or privilege lacks something.\n", out);
}
