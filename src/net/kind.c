/* kind.c - the kinds of links: one row each, and the tables of the kinds that need no file of their own */
#include <linux/if_link.h>
#include <linux/veth.h>
#include <string.h>

#include "tables.h"

static const struct net_row veth_rows[] = {
	{.key = "peer",
	 .attr = VETH_INFO_PEER,
	 .type = NET_NEST,
	 .flags = NET_NEW | NET_WO,
	 .nest = &net_peer_table,
	 .doc = "the other end: its name, or a table with the keys of a link"},
};
static const struct net_table veth = {"veth", veth_rows, 1, 0, false};

static const struct net_kind kinds[] = {
	{"bridge", &net_bridge_table, &net_bridge_port_table, "CONFIG_BRIDGE", "an Ethernet switch in software"},
	{"ifb", NULL, NULL, "CONFIG_IFB", "intermediate functional block: a place to queue incoming packets"},
	{"veth", &veth, NULL, "CONFIG_VETH", "a pair of links: what goes into one comes out of the other"},
};

/* net_kind_find() - the kind of a name; NULL: one whose options nsh doesn't know */
const struct net_kind *net_kind_find(const char *name)
{
	for (unsigned int i = 0; name && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

const struct net_kind *net_kind_all(unsigned int i)
{
	return i < sizeof(kinds) / sizeof(*kinds) ? &kinds[i] : NULL;
}
