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
	{"bond", &net_bond_table, &net_bond_port_table, "CONFIG_BONDING", "several links as one"},
	{"bridge", &net_bridge_table, &net_bridge_port_table, "CONFIG_BRIDGE", "an Ethernet switch in software"},
	{"dummy", NULL, NULL, "CONFIG_DUMMY", "a link that drops what is sent: a place for addresses"},
	{"geneve", &net_geneve_table, NULL, "CONFIG_GENEVE", "Ethernet over UDP (RFC 8926)"},
	{"ifb", NULL, NULL, "CONFIG_IFB", "intermediate functional block: a place to queue incoming packets"},
	{"ipvlan", &net_ipvlan_table, NULL, "CONFIG_IPVLAN", "another link with the same link-layer address"},
	{"ipvtap", &net_ipvlan_table, NULL, "CONFIG_IPVTAP", "an ipvlan for a program that holds it"},
	{"macvlan", &net_macvlan_table, NULL, "CONFIG_MACVLAN", "another link-layer address on a link"},
	{"macvtap", &net_macvlan_table, NULL, "CONFIG_MACVTAP", "a macvlan for a program that holds it"},
	{"nlmon", NULL, NULL, "CONFIG_NLMON", "what is said over netlink, to capture"},
	{"vcan", NULL, NULL, "CONFIG_CAN_VCAN", "a CAN bus in software"},
	{"tap", &net_tun_table, NULL, "CONFIG_TUN", "an Ethernet link whose other side is a program that holds it"},
	{"tun", &net_tun_table, NULL, "CONFIG_TUN", "the same for IP packets, without Ethernet"},
	{"veth", &veth, NULL, "CONFIG_VETH", "a pair of links: what goes into one comes out of the other"},
	{"vlan", &net_vlan_table, NULL, "CONFIG_VLAN_8021Q", "one VLAN of a link"},
	{"vrf", &net_vrf_table, &net_vrf_port_table, "CONFIG_NET_VRF",
	 "a routing table for the links that are its ports"},
	{"vxlan", &net_vxlan_table, NULL, "CONFIG_VXLAN", "Ethernet over UDP (RFC 7348)"},
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
