/* embed.c - a program for the build: prints Lua files as C, their text and what Lua makes of it
 *   embed lua/nsh/FILE.lua ... > build/chunks.c
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>

#include "chunks.h"

#define ROOT "lua/nsh/"

/* Bytes as string literals, one a line of text, or of so many bytes; always three digits, so that none runs into the
 * next character. */
static void print_bytes(const unsigned char *s, size_t len)
{
	size_t column = 0;

	printf("\t\"");
	for (size_t i = 0; i < len; i++) {
		if (s[i] < ' ' || s[i] > '~' || s[i] == '"' || s[i] == '\\' || s[i] == '?')
			printf("\\%03o", s[i]);
		else
			putchar(s[i]);
		if (i + 1 < len && (s[i] == '\n' || ++column > 200)) {
			printf("\"\n\t\"");
			column = 0;
		}
	}
	printf("\";\n");
}

static const char *path_in_root(const char *file)
{
	const char *found = strstr(file, ROOT);

	return found ? found + strlen(ROOT) : file;
}

/* lua/nsh/lab/plan.lua is nsh.lab.plan, lua/nsh/init.lua is nsh */
static void print_module(const char *path)
{
	size_t len = strlen(path) - strlen(".lua");

	printf("nsh");
	if (strcmp(path, "init.lua") == 0)
		return;
	putchar('.');
	for (size_t i = 0; i < len; i++)
		putchar(path[i] == '/' ? '.' : path[i]);
}

struct taker {
	luaL_Buffer b;
	bool begun;
};

static int take(lua_State *L, const void *p, size_t n, void *ud)
{
	struct taker *to = ud;

	if (!to->begun)
		luaL_buffinit(L, &to->b); /* what it keeps lies above the function */
	to->begun = true;
	luaL_addlstring(&to->b, p, n);
	return 0;
}

/* Pushes the text of a file, and what Lua makes of it: with its lines' numbers, for messages. */
static int read_file(lua_State *L, const char *file)
{
	FILE *f = fopen(file, "re");
	struct taker code = {.begun = false};
	luaL_Buffer b;
	size_t n = BUFSIZ;

	if (!f)
		return luaL_error(L, "cannot open %s", file);
	luaL_buffinit(L, &b);
	while (n == BUFSIZ) {
		n = fread(luaL_prepbuffsize(&b, BUFSIZ), 1, BUFSIZ, f);
		luaL_addsize(&b, n);
	}
	fclose(f);
	luaL_pushresult(&b);
	lua_pushfstring(L, CHUNK_PREFIX "%s", path_in_root(file));
	if (luaL_loadbufferx(L, lua_tostring(L, -2), lua_rawlen(L, -2), lua_tostring(L, -1), "t") != LUA_OK)
		return lua_error(L);
	lua_dump(L, take, &code, 0);
	luaL_pushresult(&code.b);
	return 0;
}

static int print_all(lua_State *L)
{
	char **files = lua_touserdata(L, 1);

	printf("/* made by embed.c */\n#include \"chunks.h\"\n");
	for (int i = 0; files[i]; i++) {
		lua_settop(L, 1);
		read_file(L, files[i]);
		printf("\nstatic const char text%d[] =\n", i);
		print_bytes((const void *)lua_tostring(L, 2), lua_rawlen(L, 2));
		printf("static const char code%d[] =\n", i);
		print_bytes((const void *)lua_tostring(L, -1), lua_rawlen(L, -1));
	}
	printf("\nconst struct nsh_chunk nsh_chunks[] = {\n");
	for (int i = 0; files[i]; i++) {
		const char *path = path_in_root(files[i]);

		printf("\t{\"");
		print_module(path);
		printf("\", \"" CHUNK_PREFIX "%s\", text%d, sizeof(text%d) - 1, code%d, sizeof(code%d) - 1},\n", path,
		       i, i, i, i);
	}
	printf("\t{NULL, NULL, NULL, 0, NULL, 0},\n};\n");
	return 0;
}

int main(int argc, char **argv)
{
	lua_State *L = luaL_newstate();
	int status;

	(void)argc;
	if (!L)
		return 1;
	lua_pushcfunction(L, print_all);
	lua_pushlightuserdata(L, argv + 1);
	status = lua_pcall(L, 1, 0, 0);
	if (status != LUA_OK)
		fprintf(stderr, "embed: %s\n", lua_tostring(L, -1));
	lua_close(L);
	return status != LUA_OK || fflush(stdout) != 0;
}
