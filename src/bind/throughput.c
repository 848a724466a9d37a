/* throughput.c - nsh.core.throughput: traffic between two namespaces, and what came of it */
#include <string.h>

#include "bind.h"

#define THROUGHPUT "nsh.throughput"
#define MAX_STREAMS 128
#define MAX_SIZE (1 << 20)
#define PACKET_MAX 65507
#define STAMP 16 /* what every datagram and request begins with */

static const char *const keys[] = {"addr", "dev", "latency", "port", "rate", "seconds",
				   "size", "src", "streams", "udp",  NULL};

static int throughput_gc(lua_State *L)
{
	net_throughput_free(luaL_checkudata(L, 1, THROUGHPUT));
	return 0;
}

/* start(from, to, { addr, src, dev, port, udp, latency, streams, size, seconds, rate }) -> an op */
static int throughput_start(lua_State *L)
{
	struct net_throughput *t;
	struct net_err err = {0};
	lua_Integer most;

	lua_settop(L, 3);
	bind_known_keys(L, 3, keys);
	t = lua_newuserdatauv(L, sizeof(*t), 3);
	*t = (struct net_throughput){.from = bind_ns(L, 1), .to = bind_ns(L, 2), .listener = -1};
	luaL_setmetatable(L, THROUGHPUT);
	for (int i = 1; i <= 3; i++) { /* it uses them as long as it is under way */
		lua_pushvalue(L, i);
		lua_setiuservalue(L, -2, i);
	}
	t->addr = bind_string(L, 3, "addr", NULL);
	t->src = bind_string(L, 3, "src", NULL);
	t->dev = bind_string(L, 3, "dev", NULL);
	t->udp = bind_flag(L, 3, "udp", false);
	t->latency = bind_flag(L, 3, "latency", false);
	t->streams = (unsigned int)bind_integer(L, 3, "streams", 1, 1, MAX_STREAMS);
	t->port = (unsigned int)bind_integer(L, 3, "port", 0, 1, 65535);
	t->seconds = bind_seconds(L, 3, "seconds", 1);
	if (t->seconds <= 0)
		bind_misuse(L, "seconds must be more than 0");
	t->rate = bind_rate(L, 3, "rate", 0);
	most = t->udp || t->latency ? PACKET_MAX : MAX_SIZE;
	t->size = (unsigned int)bind_bytes(L, 3, "size", t->latency ? 64 : 0, t->udp || t->latency ? STAMP : 1, most);
	if (!t->addr)
		bind_misuse(L, "addr is needed");
	if (t->port + (t->udp ? t->streams - 1 : 0) > 65535)
		bind_misuse(L, "port %d is too high for %d streams, which have one each", t->port, t->streams);
	if (net_throughput_start(t, &err) < 0)
		return bind_fail(L, &err);
	return 1;
}

static void set_number(lua_State *L, const char *key, double v)
{
	lua_pushnumber(L, v);
	lua_setfield(L, -2, key);
}

static void set_integer(lua_State *L, const char *key, uint64_t v)
{
	lua_pushinteger(L, (lua_Integer)v);
	lua_setfield(L, -2, key);
}

static void push_flow(lua_State *L, const struct net_flow *f)
{
	lua_createtable(L, 0, 16);
	set_integer(L, "size", f->size);
	set_integer(L, "sent", f->sent);
	set_integer(L, "sent_packets", f->sent_packets);
	set_number(L, "send_seconds", f->send_seconds);
	set_integer(L, "retransmits", f->retransmits);
	set_integer(L, "received", f->received);
	set_integer(L, "received_packets", f->received_packets);
	set_integer(L, "reordered", f->reordered);
	set_number(L, "receive_seconds", f->receive_seconds);
	set_number(L, "jitter", f->jitter);
	set_integer(L, "answered", f->answered);
	set_number(L, "rtt_min", f->rtt_min);
	set_number(L, "rtt_max", f->rtt_max);
	set_number(L, "rtt_sum", f->rtt_sum);
	set_number(L, "user", f->user[0] + f->user[1]);
	set_number(L, "system", f->system[0] + f->system[1]);
}

/* result(op that is done) -> { flow, ...; busy, p50, p90, p99 } */
static int throughput_result(lua_State *L)
{
	struct net_throughput *t = luaL_checkudata(L, 1, THROUGHPUT);

	if (!t->flows)
		return bind_misuse(L, "the test is over");
	lua_createtable(L, (int)t->streams, 4);
	for (unsigned int i = 0; i < t->streams; i++) {
		push_flow(L, &t->flows[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	set_number(L, "busy", t->busy);
	if (t->latency) {
		set_number(L, "p50", net_throughput_rtt(t, 0.5));
		set_number(L, "p90", net_throughput_rtt(t, 0.9));
		set_number(L, "p99", net_throughput_rtt(t, 0.99));
	}
	return 1;
}

static const luaL_Reg lib[] = {
	{"result", throughput_result},
	{"start", throughput_start},
	{NULL, NULL},
};

static const luaL_Reg meta[] = {
	{"__close", throughput_gc},
	{"__gc", throughput_gc},
	{NULL, NULL},
};

int bind_open_throughput(lua_State *L)
{
	luaL_newmetatable(L, THROUGHPUT);
	luaL_setfuncs(L, meta, 0);
	bind_op_class(L);
	lua_pop(L, 1);
	luaL_newlib(L, lib);
	return 1;
}
