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

#endif
