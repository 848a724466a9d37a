/* link.h - inside the net layer: what making links shares with changing them */
#ifndef NSH_LINK_H
#define NSH_LINK_H

#include "net.h"

#define NET_NAME_SIZE 16 /* of a link's name, with its NUL */

struct net_field *net_link_field(struct net_field *f, unsigned int n, const struct net_table *t, const char *key,
				 const struct net_kind *kind);
int net_link_send(struct net_ns *ns, int flags, int index, const struct net_ctx *ctx, const struct net_field *f,
		  unsigned int n, struct net_dump *echo, struct net_err *err);
int net_link_set_fields(struct net_ns *ns, int index, const struct net_ctx *ctx, struct net_field *f, unsigned int n,
			struct net_err *err);
int net_link_read(struct net_ns *ns, int index, struct net_dump *d, struct net_cursor *c, struct net_err *err);
int net_link_whole(struct net_ns *ns, int index, const struct net_kind *kind, struct net_field *v, unsigned int *n,
		   struct net_dump *d, struct net_err *err);
int net_link_altnames(struct net_ns *ns, int index, bool born, const struct net_field *f, unsigned int n,
		      struct net_err *err);

unsigned int net_link_pick(struct net_field *to, const struct net_field *f, unsigned int n, const char *const *keys,
			   bool in);

/* tun and tap links (tun.c) */
#define NET_TUN_QUEUES 256 /* what the driver gives to a link with multi_queue */
extern const char *const net_tun_keys[];
bool net_kind_is_tun(const struct net_kind *kind);
void net_tun_fix(struct nlattr *kind, struct nlattr *data);
int net_tun_add(struct net_ns *ns, const char *kind, const char *name, const struct net_field *f, unsigned int n,
		int wanted, int *index, struct net_err *err);
int net_tun_set(struct net_ns *ns, int index, const struct net_field *f, unsigned int n, struct net_err *err);
int net_tun_moved(const struct net_ns *from, int index, struct net_ns *to, int new_index, struct net_err *err);

unsigned int net_link_own(const struct net_fields *f);

/* wireguard links (wireguard.c): their own fields, among others that are passed over */
bool net_wireguard_has(const struct net_row *row);
int net_wireguard_check(const struct net_field *f, unsigned int n, struct net_err *err);
int net_wireguard_set(struct net_ns *ns, int index, const struct net_field *f, unsigned int n, struct net_err *err);

#endif
