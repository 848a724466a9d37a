/* tables.h - inside the net layer: name tables and attribute tables that several nouns share */
#ifndef NSH_TABLES_H
#define NSH_TABLES_H

#include "net.h"

extern const struct net_enum net_families, net_scopes, net_protocols, net_route_tables;
extern const struct net_table net_link_table, net_peer_table, net_bridge_table, net_bridge_port_table;

int net_resolve_links(struct net_ns *ns, struct net_fields *f, struct net_err *err);

#endif
