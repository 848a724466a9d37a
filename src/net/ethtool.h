/* ethtool.h - inside the net layer: the messages of ethtool's family */
#ifndef NSH_ETHTOOL_H
#define NSH_ETHTOOL_H

#include <netlink/msg.h>

#include "net.h"

/* A message that reads a part of what ethtool knows, and one that sets it. */
struct net_ethtool_part {
	const char *name; /* with @flat: a word of ours; else the key of the link whose nest it is */
	const struct net_table *table;
	uint8_t get, set; /* set 0: can't be */
	bool flat;	  /* its keys stand beside the link's */
};

const struct net_ethtool_part *net_ethtool_part(unsigned int i); /* NULL at the end */
struct nl_msg *net_ethtool_msg(struct net_ns *ns, uint8_t cmd, int index, uint32_t flags, struct net_err *err);
int net_offload_set(struct net_ns *ns, int index, const struct net_field *f, unsigned int n, struct net_err *err);

/* The fields of a link that are ethtool's */
int net_ethtool_set(struct net_ns *ns, int index, const struct net_field *f, unsigned int n, struct net_err *err);

#endif
