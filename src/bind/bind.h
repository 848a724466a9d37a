/* bind.h - what the files of this layer share: Lua values <-> C specs
 *
 * Every function of nsh.core has three beats: read all arguments (may raise), make one net_*() call (cannot
 * raise), push the results.  Memory that must outlive a raise lives in a userdata with __gc made before the
 * call.  A failure of the outside world returns nil, message, code, detail; misuse raises a string.
 */
#ifndef NSH_BIND_H
#define NSH_BIND_H

#include <lauxlib.h>
#include <lua.h>

#include "../net/net.h"

#define BIND_NS "nsh.ns"
#define BIND_DUMP "nsh.dump"

/* errors (error.c) */
#define BIND_BETWEEN "nsh.between" /* registry: list of what the sources of who calls for a script begin with */
#define BIND_RECIPES "nsh.recipes" /* registry: what the sources of the recipes begin with; the program sets it */
int bind_fail(lua_State *L, const struct net_err *err);	     /* pushes nil, message, code, {errno,extack,attr,hint} */
int bind_ok(lua_State *L, int r, const struct net_err *err); /* r < 0: as bind_fail; else pushes true */
int bind_misuse(lua_State *L, const char *fmt, ...);	     /* raises with the position of the caller outside nsh */
void bind_where(lua_State *L);				     /* pushes "file:line" of that caller, or "" */
void bind_nearest(lua_State *L, const char *word, const char *const *known); /* pushes the nearest one or nil */

/* arguments (args.c) */
struct net_ns *bind_ns(lua_State *L, int arg);	    /* a namespace userdata, or an object that has one at .core */
struct net_ns *bind_test_ns(lua_State *L, int arg); /* the same, NULL for anything else */
double bind_seconds(lua_State *L, int idx, const char *key, double def); /* field of the table at idx: 1.5 or "10ms" */
double bind_rate(lua_State *L, int idx, const char *key, double def);	 /* bits per second: 1e6 or "1mbit" */
bool bind_flag(lua_State *L, int idx, const char *key, bool def);
lua_Integer bind_integer(lua_State *L, int idx, const char *key, lua_Integer def, lua_Integer min, lua_Integer max);
lua_Integer bind_bytes(lua_State *L, int idx, const char *key, lua_Integer def, lua_Integer min, lua_Integer max);
/* NULL: absent; refuses NUL bytes when len is NULL */
const char *bind_string(lua_State *L, int idx, const char *key, size_t *len);
int bind_batch(lua_State *L, struct net_ns *ns, int f, bool stop);     /* netns.c */
void bind_known_keys(lua_State *L, int idx, const char *const *known); /* raises on any other string key */

/* records (fields.c, record.c) */
/* What is done with keys that the kernel only tells: refused, passed over in a record, taken in a filter. */
enum bind_told { BIND_REFUSE, BIND_PASS_OVER, BIND_TAKE };

struct net_fields *bind_fields(lua_State *L, int idx, const struct net_table *t, const struct net_kind *kind,
			       const struct net_kind *port, enum bind_told told);
void bind_fields_done(struct net_fields *f);
void *bind_new_owned(lua_State *L, size_t size, const char *type, lua_CFunction gc);
struct net_dump *bind_new_dump(lua_State *L);		       /* userdata on the stack */
struct net_link_names *bind_new_names(lua_State *L);	       /* userdata on the stack */
struct net_link_names *bind_test_names(lua_State *L, int arg); /* NULL for anything else */
int bind_push_records(lua_State *L, struct net_ns *ns, const struct net_noun *noun, struct net_dump *d);
int bind_names_result(lua_State *L, const struct net_link_names *names);
void bind_push_table(lua_State *L, const char *metatable, int room);
void bind_push_record(lua_State *L, struct net_ns *ns, struct net_cursor *c, struct net_link_names *names, int room);
void bind_push_fields(lua_State *L, const struct net_fields *f);

/* what takes time (loop.c) */
void bind_op_class(lua_State *L); /* marks the metatable at the top: its userdata begin with a struct net_op */
struct net_op *bind_op(lua_State *L, int arg); /* raises for anything else */

/* processes (command.c, process.c, output.c) */
void bind_options(lua_State *L, int idx, const char *const *known);
void bind_command(lua_State *L, struct net_spawn *spec, const char *const *known);
void bind_stdio(lua_State *L, int idx, struct net_stdio io[3]);
struct net_process *bind_process(lua_State *L, int arg);
void bind_push_kept(lua_State *L, const struct net_stream *s); /* as text; nil for NULL */
void bind_output_methods(lua_State *L);

/* nouns (noun.c) */
const struct net_noun *bind_announced(lua_State *L,
				      int arg); /* by name; raises where changes of it are not announced */

/* values (value.c) */
int bind_copy(lua_State *L);
int bind_prefix(lua_State *L);
int bind_network(lua_State *L);
int bind_link_local(lua_State *L);
int bind_hash(lua_State *L);
int bind_hash_mac(lua_State *L);

/* one luaopen per file, each sets one table in nsh.core */
int bind_open_capture(lua_State *L);
int bind_open_netns(lua_State *L);
int bind_open_node(lua_State *L);
int bind_open_ethtool(lua_State *L);
int bind_open_link(lua_State *L);
int bind_open_loop(lua_State *L);
int bind_open_maddr(lua_State *L);
int bind_open_noun(lua_State *L);
int bind_open_packet(lua_State *L);
int bind_open_pings(lua_State *L);
int bind_open_process(lua_State *L);
int bind_open_pmtu(lua_State *L);
int bind_open_probe(lua_State *L);
int bind_open_socket(lua_State *L);
int bind_open_nft(lua_State *L);
int bind_open_sysctl(lua_State *L);
int bind_open_throughput(lua_State *L);
int bind_open_trace(lua_State *L);
int bind_open_watch(lua_State *L);
int bind_open_wireguard(lua_State *L);
int bind_open_world(lua_State *L);
int luaopen_nsh_core(lua_State *L);

#endif
