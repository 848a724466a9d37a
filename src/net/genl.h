/* genl.h - inside the net layer: generic netlink */
#ifndef NSH_GENL_H
#define NSH_GENL_H

#include <netlink/msg.h>

#include "net.h"

struct nl_msg *net_genl_msg(struct net_ns *ns, const char *family, uint8_t cmd, struct net_err *err);
/* These free the message. */
int net_genl_ask(struct net_ns *ns, struct nl_msg *m, const struct net_table *t, struct net_dump *d,
		 struct net_err *err);
int net_genl_dump(struct net_ns *ns, struct nl_msg *m, struct net_dump *d, struct net_err *err);

#endif
