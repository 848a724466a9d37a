/* socket.c - nsh.core.socket: connections, listeners and sockets of UDP; none of it waits */
#include <errno.h>
#include <limits.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bind.h"

#define SOCKET "nsh.socket"
#define MOST (1 << 20) /* bytes that are read at once */

static const char *const words[] = {"tcp", "udp", NULL};
static const int types[] = {SOCK_STREAM, SOCK_DGRAM};

struct socket {
	int fd; /* -1: closed */
};

static int socket_close(lua_State *L)
{
	struct socket *s = luaL_checkudata(L, 1, SOCKET);

	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	return 0;
}

static int check_fd(lua_State *L)
{
	struct socket *s = luaL_checkudata(L, 1, SOCKET);

	if (s->fd < 0)
		bind_misuse(L, "it is closed");
	return s->fd;
}

static struct socket *new_socket(lua_State *L)
{
	struct socket *s = lua_newuserdatauv(L, sizeof(*s), 0);

	s->fd = -1;
	luaL_setmetatable(L, SOCKET);
	return s;
}

static int result(lua_State *L, struct socket *s, int fd, const struct net_err *err)
{
	if (fd < 0)
		return bind_fail(L, err);
	s->fd = fd;
	return 1;
}

/* dial("tcp" or "udp", ns, destination, { src, dev, ttl }) -> a socket; one of TCP is to be asked whether it connected
 */
static int socket_dial(lua_State *L)
{
	static const char *const keys[] = {"dev", "src", "ttl", NULL};
	int type = types[luaL_checkoption(L, 1, NULL, words)];
	struct net_ns *ns = bind_ns(L, 2);
	struct net_dial d = {.dst = luaL_checkstring(L, 3)};
	struct net_err err = {0};
	struct socket *s;

	lua_settop(L, 4);
	bind_known_keys(L, 4, keys);
	d.src = bind_string(L, 4, "src", NULL);
	d.dev = bind_string(L, 4, "dev", NULL);
	d.ttl = (unsigned int)bind_integer(L, 4, "ttl", 0, 1, 255);
	s = new_socket(L);
	return result(L, s, net_dial(ns, type, &d, &err), &err);
}

/* bound("tcp" or "udp", ns, "address:port" or port, { dev, backlog }) -> a socket */
static int socket_bound(lua_State *L)
{
	static const char *const keys[] = {"backlog", "dev", NULL};
	int type = types[luaL_checkoption(L, 1, NULL, words)];
	struct net_ns *ns = bind_ns(L, 2);
	struct net_bound b = {0};
	struct net_err err = {0};
	struct socket *s;

	lua_settop(L, 4);
	bind_known_keys(L, 4, keys);
	if (lua_isinteger(L, 3)) {
		lua_Integer port = lua_tointeger(L, 3);

		if (port < 0 || port > 65535)
			bind_misuse(L, "a port is 0 to 65535, not %I", (LUAI_UACINT)port);
		b.port = (unsigned int)port;
	} else {
		b.at = luaL_checkstring(L, 3);
	}
	b.dev = bind_string(L, 4, "dev", NULL);
	b.backlog = (unsigned int)bind_integer(L, 4, "backlog", 128, 0, INT_MAX);
	s = new_socket(L);
	return result(L, s, net_bound(ns, type, &b, &err), &err);
}

/* socket:connected() -> true, false: not yet; or its failure */
static int socket_connected(lua_State *L)
{
	struct net_err err = {0};
	int r = net_connected(check_fd(L), &err);

	if (r < 0)
		return bind_fail(L, &err);
	lua_pushboolean(L, r);
	return 1;
}

/* socket:accept() -> a socket; false: not yet */
static int socket_accept(lua_State *L)
{
	int fd = check_fd(L), r;
	struct socket *s = new_socket(L);
	struct net_err err = {0};

	r = net_accept(fd, &s->fd, &err);
	if (r < 0)
		return bind_fail(L, &err);
	if (r == 0)
		lua_pushboolean(L, 0);
	return 1;
}

/* socket:send(data, from) -> how many bytes of it, from that one on, went; 0: there is no room */
static int socket_send(lua_State *L)
{
	int fd = check_fd(L);
	size_t len;
	const char *data = luaL_checklstring(L, 2, &len);
	lua_Integer from = luaL_optinteger(L, 3, 1);
	struct net_err err = {0};
	ssize_t n;

	luaL_argcheck(L, from >= 1 && (size_t)from <= len + 1, 3, "beyond the data");
	n = net_send(fd, data + from - 1, len - (size_t)from + 1, &err);
	if (n < 0)
		return bind_fail(L, &err);
	lua_pushinteger(L, n);
	return 1;
}

/* socket:send_to(data, "address:port" or nil) -> true; false: there is no room */
static int socket_send_to(lua_State *L)
{
	int fd = check_fd(L), r;
	size_t len;
	const char *data = luaL_checklstring(L, 2, &len), *to = luaL_optstring(L, 3, NULL);
	struct net_err err = {0};

	r = net_send_to(fd, to, data, len, &err);
	if (r < 0)
		return bind_fail(L, &err);
	lua_pushboolean(L, r);
	return 1;
}

/* socket:receive(size, whether to tell from whom) -> data, from; "": the end; false: nothing yet */
static int socket_receive(lua_State *L)
{
	int fd = check_fd(L);
	lua_Integer size = luaL_checkinteger(L, 2);
	bool ask = lua_toboolean(L, 3);
	struct net_err err = {0};
	char from[NET_END_TEXT];
	luaL_Buffer b;
	ssize_t n;

	luaL_argcheck(L, size > 0 && size <= MOST, 2, "size");
	n = net_receive(fd, luaL_buffinitsize(L, &b, (size_t)size), (size_t)size, ask ? from : NULL, &err);
	luaL_pushresultsize(&b, n > 0 ? (size_t)n : 0);
	if (n == -EAGAIN) {
		lua_pushboolean(L, 0);
		return 1;
	}
	if (n < 0)
		return bind_fail(L, &err);
	if (ask)
		lua_pushstring(L, from);
	return ask ? 2 : 1;
}

/* socket:finish(): the other side gets to know that no more comes */
static int socket_finish(lua_State *L)
{
	struct net_err err = {0};

	return bind_ok(L, net_finish(check_fd(L), &err), &err);
}

/* socket:ends() -> its own address and port, the other's */
static int socket_ends(lua_State *L)
{
	int fd = check_fd(L);
	char text[NET_END_TEXT];

	net_end_of(fd, false, text);
	lua_pushstring(L, text);
	net_end_of(fd, true, text);
	lua_pushstring(L, text);
	return 2;
}

/* socket:fd() -> its number; nil: it is closed */
static int socket_fd(lua_State *L)
{
	struct socket *s = luaL_checkudata(L, 1, SOCKET);

	if (s->fd < 0)
		return 0;
	lua_pushinteger(L, s->fd);
	return 1;
}

static const luaL_Reg methods[] = {
	{"accept", socket_accept},
	{"close", socket_close},
	{"connected", socket_connected},
	{"ends", socket_ends},
	{"fd", socket_fd},
	{"finish", socket_finish},
	{"receive", socket_receive},
	{"send", socket_send},
	{"send_to", socket_send_to},
	{NULL, NULL},
};

static const luaL_Reg meta[] = {
	{"__close", socket_close},
	{"__gc", socket_close},
	{"__index", NULL},
	{NULL, NULL},
};

static const luaL_Reg lib[] = {
	{"bound", socket_bound},
	{"dial", socket_dial},
	{NULL, NULL},
};

int bind_open_socket(lua_State *L)
{
	luaL_newmetatable(L, SOCKET);
	luaL_setfuncs(L, meta, 0);
	luaL_newlib(L, methods);
	lua_setfield(L, -2, "__index");
	lua_pop(L, 1);
	luaL_newlib(L, lib);
	return 1;
}
