/* alloc.c - all bindings while memory fails: at the N-th allocation, of Lua's or of the net layer's
 *
 * alloc SEED COUNT: tries COUNT points (0: all) of each section of alloc.lua and each way to fail.  Every section must
 * end well or with an error that says memory; then nothing may be left: descriptors, names, Lua memory.  C memory is
 * the leak sanitizer's.  It works in namespaces of its own.  Needs malloc, calloc and realloc wrapped by the linker.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

int luaopen_nsh_core(lua_State *L);

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

/* How allocations fail.  Lua tries a second time after it has collected garbage, so one failure is overcome. */
static const struct way {
	const char *name;
	int of_c;
	unsigned long failures;
} ways[] = {
	{"Lua once", 0, 1}, {"Lua twice", 0, 2},	 {"Lua from then on", 0, ~0UL},
	{"C once", 1, 1},   {"C from then on", 1, ~0UL},
};

#define WAYS (sizeof(ways) / sizeof(*ways))

/* Counters of both kinds of allocations; one fails when its number is in [from, to). */
static struct {
	unsigned long count, from, to;
} of_lua, of_c;

static size_t lua_bytes;

static int fails(int c)
{
	unsigned long n = c ? ++of_c.count : ++of_lua.count;

	return c ? n >= of_c.from && n < of_c.to : n >= of_lua.from && n < of_lua.to;
}

static void disarm(void)
{
	memset(&of_lua, 0, sizeof(of_lua));
	memset(&of_c, 0, sizeof(of_c));
}

static void arm(const struct way *way, unsigned long n)
{
	unsigned long to = way->failures > ~0UL - n ? ~0UL : n + way->failures;

	disarm();
	if (way->of_c) {
		of_c.from = n;
		of_c.to = to;
	} else {
		of_lua.from = n;
		of_lua.to = to;
	}
}

void *__wrap_malloc(size_t size)
{
	return fails(1) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails(1) ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails(1) ? NULL : __real_realloc(p, size);
}

static void *lua_memory(void *ud, void *p, size_t old, size_t size)
{
	void *new = NULL;

	(void)ud;
	if (!p)
		old = 0;
	if (size > old && fails(0))
		return NULL;
	if (size)
		new = __real_realloc(p, size);
	else
		free(p);
	lua_bytes += size - old;
	return new;
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "alloc: %s: %s\n", what, why);
	_exit(1);
}

/* Namespaces of our own, but for the pid namespace: the leak sanitizer can't look into us from there. */
static void write_map(const char *path, const char *fmt, unsigned int id)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || dprintf(fd, fmt, id) < 0)
		die(path, "cannot write");
	close(fd);
}

static void make_world(void)
{
	unsigned int uid = geteuid(), gid = getegid();

	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) < 0)
			die("unshare", "no namespaces");
		write_map("/proc/self/setgroups", "deny", 0);
		write_map("/proc/self/uid_map", "0 %u 1", uid);
		write_map("/proc/self/gid_map", "0 %u 1", gid);
	}
	if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0 || mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0)
		die("mount", "no /run of our own");
}

static unsigned int descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (dir && readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void die_of_descriptors(const char *what, unsigned int wanted)
{
	char path[32], target[256];
	ssize_t n;

	fprintf(stderr, "%u were open before, %u are now:\n", wanted, descriptors());
	for (int fd = 0; fd < 256; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, target, sizeof(target));
		if (n > 0)
			fprintf(stderr, "  %d -> %.*s\n", fd, (int)n, target);
	}
	die(what, "descriptors are left open");
}

/* The output of a command that nobody holds any more is read to its end, while nsh waits for something. */
static void expect_descriptors(lua_State *L, unsigned int fds, const char *what)
{
	for (int tries = 0; descriptors() != fds; tries++) {
		if (tries == 500)
			die_of_descriptors(what, fds);
		if (luaL_dostring(L, "require('nsh').sleep(0.02)") != LUA_OK)
			die(what, lua_tostring(L, -1));
	}
}

static int load(lua_State *L)
{
	luaL_openlibs(L);
	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
	lua_pushcfunction(L, luaopen_nsh_core);
	lua_setfield(L, -2, "nsh.core");
	lua_getglobal(L, "package");
	lua_pushstring(L, "lua/?.lua;lua/?/init.lua");
	lua_setfield(L, -2, "path");
	lua_getglobal(L, "require");
	lua_pushstring(L, "nsh");
	lua_call(L, 1, 0);
	return 0;
}

static int in_our_world(lua_State *L)
{
	if (luaL_dostring(L, "assert(require('nsh.core').world.make(true))"))
		return lua_error(L);
	return 0;
}

/* Return: 0; 1: the error on top says memory; anything else ends the run. */
static int outcome(lua_State *L, int status, const char *what)
{
	const char *text;

	if (status == LUA_OK)
		return 0;
	text = luaL_tolstring(L, -1, NULL);
	if (status != LUA_ERRMEM && !strstr(text, "not enough memory") && !strstr(text, "ENOMEM"))
		die(what, text);
	lua_settop(L, 3);
	return 1;
}

static void call(lua_State *L, int index, const char *what)
{
	lua_pushvalue(L, index);
	if (lua_pcall(L, 0, 0, 0) != LUA_OK)
		die(what, luaL_tolstring(L, -1, NULL));
}

static void collect(lua_State *L)
{
	lua_gc(L, LUA_GCCOLLECT);
	lua_gc(L, LUA_GCCOLLECT);
}

static const char *describe(const char *section, const struct way *way, unsigned long n)
{
	static char text[160];

	snprintf(text, sizeof(text), "section '%s', %s at allocation %lu", section, way->name, n);
	return text;
}

/* The points of one section and way: all, or some at random. */
static unsigned long point(unsigned long i, unsigned long all, unsigned long count)
{
	return count ? 1 + (unsigned long)random() % all : i + 1;
}

/* Stack of L: 1 sections, 2 put_back, 3 the section's function. */
static void fail_section(lua_State *L, const char *section, const struct way *way, unsigned long count,
			 unsigned int fds, unsigned long figures[3])
{
	unsigned long all, n;

	disarm();
	call(L, 3, section);
	all = way->of_c ? of_c.count : of_lua.count;
	for (unsigned long i = 0; i < (count && count < all ? count : all); i++) {
		const char *what;
		int broke;

		n = point(i, all, count && count < all);
		what = describe(section, way, n);
		lua_pushvalue(L, 3);
		arm(way, n);
		broke = lua_pcall(L, 0, 0, 0);
		disarm();
		figures[outcome(L, broke, what)]++;
		if (broke != LUA_OK)
			call(L, 2, what);
		collect(L);
		expect_descriptors(L, fds, what);
		disarm();
	}
	figures[2] += all;
}

static void fail_sections(lua_State *L, unsigned long count)
{
	unsigned long figures[3] = {0};
	unsigned int fds;
	size_t bytes;

	lua_settop(L, 0);
	if (luaL_loadfile(L, "tests/faults/alloc.lua") || lua_pcall(L, 0, 2, 0))
		die("alloc.lua", lua_tostring(L, -1));
	for (int round = 0; round < 2; round++)
		for (int i = 1; lua_rawgeti(L, 1, i) == LUA_TTABLE; i++) {
			lua_getfield(L, -1, "run");
			lua_replace(L, 3);
			lua_settop(L, 3);
			call(L, 3, "first run");
			call(L, 2, "putting back");
		}
	lua_settop(L, 2);
	collect(L);
	fds = descriptors();
	bytes = lua_bytes;
	for (int i = 1; lua_rawgeti(L, 1, i) == LUA_TTABLE; i++) {
		char name[40];

		lua_getfield(L, -1, "name");
		snprintf(name, sizeof(name), "%s", lua_tostring(L, -1));
		lua_getfield(L, -2, "run");
		lua_replace(L, 3);
		lua_settop(L, 3);
		for (size_t w = 0; w < WAYS; w++)
			fail_section(L, name, &ways[w], count, fds, figures);
		lua_settop(L, 2);
	}
	collect(L);
	if (lua_bytes > bytes + 65536)
		die("Lua memory", "it grows");
	printf("bindings: %lu points, %lu overcome, %lu errors told; Lua memory %zu -> %zu bytes\n", figures[2],
	       figures[0], figures[1], bytes, lua_bytes);
}

/* A state of its own for each point: what fails while the libraries open and the modules load. */
static void fail_load(unsigned long count)
{
	unsigned long all = 0, figures[2] = {0};

	for (unsigned long i = 0; i == 0 || i <= (count ? count : all * 2); i++) {
		lua_State *L;
		int status;

		disarm();
		if (i)
			arm(&ways[1 + (i & 1)], point(i / 2, all, count));
		L = lua_newstate(lua_memory, NULL);
		if (!L) {
			disarm();
			figures[1]++;
			continue;
		}
		lua_pushcfunction(L, load);
		status = lua_pcall(L, 0, 0, 0);
		if (i == 0)
			all = of_lua.count;
		disarm();
		figures[outcome(L, status, "loading")]++;
		lua_close(L);
		if (lua_bytes)
			die("loading", "Lua memory is left");
	}
	printf("loading: %lu points, %lu overcome, %lu errors told\n", all * 2, figures[0], figures[1]);
}

int main(int argc, char **argv)
{
	unsigned long count;
	lua_State *L;

	if (argc != 3)
		die("usage", "alloc SEED COUNT");
	srandom((unsigned int)strtoul(argv[1], NULL, 10));
	count = strtoul(argv[2], NULL, 10);
	make_world();
	fail_load(count * 10);
	L = lua_newstate(lua_memory, NULL);
	if (!L)
		die("load", "no memory");
	lua_pushcfunction(L, load);
	if (lua_pcall(L, 0, 0, 0) != LUA_OK)
		die("load", lua_tostring(L, -1));
	lua_pushcfunction(L, in_our_world);
	if (lua_pcall(L, 0, 0, 0) != LUA_OK)
		die("world", lua_tostring(L, -1));
	fail_sections(L, count);
	lua_close(L);
	if (lua_bytes)
		die("end", "Lua memory is left");
	return 0;
}
