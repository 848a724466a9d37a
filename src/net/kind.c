/* kind.c - the kinds of links: one row each, and the tables of the kinds that need no file of their own */
#include <linux/can/vxcan.h>
#include <linux/if_link.h>
#include <linux/veth.h>
#include <string.h>

#include "tables.h"

/* clang-format off */
#define PEER(number)                                                                                             \
	{.key = "peer", .attr = (number), .type = NET_NEST, .flags = NET_NEW | NET_WO, .nest = &net_peer_table, \
	 .doc = "the other end: its name, or a table with the keys of a link"}
static const struct net_row veth_rows[] = {PEER(VETH_INFO_PEER)};
static const struct net_table veth = {"veth", veth_rows, 1, 0, false};
static const struct net_row vxcan_rows[] = {PEER(VXCAN_INFO_PEER)};
static const struct net_table vxcan = {"vxcan", vxcan_rows, 1, 0, false};

static const struct net_kind kinds[] = {
	{"amt", &net_amt_table, NULL, "CONFIG_AMT", "automatic multicast tunnel (RFC 7450)"},
	{"bareudp", &net_bareudp_table, NULL, "CONFIG_BAREUDP", "IP or MPLS right in UDP"},
	{"batadv", &net_batadv_table, NULL, "CONFIG_BATMAN_ADV", "a mesh of its ports"},
	{"bond", &net_bond_table, &net_bond_port_table, "CONFIG_BONDING", "several links as one"},
	{"bridge", &net_bridge_table, &net_bridge_port_table, "CONFIG_BRIDGE", "an Ethernet switch in software"},
	{"can", &net_can_table, NULL, "CONFIG_CAN_DEV", "a CAN bus; of hardware only"},
	{"dsa", &net_dsa_table, NULL, "CONFIG_NET_DSA", "a port of a switch chip; of hardware only"},
	{"dummy", NULL, NULL, "CONFIG_DUMMY", "a link that drops what is sent: a place for addresses"},
	{"erspan", &net_erspan_table, NULL, "CONFIG_NET_IPGRE", "mirrored Ethernet in GRE over IPv4"},
	{"geneve", &net_geneve_table, NULL, "CONFIG_GENEVE", "Ethernet over UDP (RFC 8926)"},
	{"gre", &net_gre_table, NULL, "CONFIG_NET_IPGRE", "GRE over IPv4"},
	{"gretap", &net_gre_table, NULL, "CONFIG_NET_IPGRE", "Ethernet in GRE over IPv4"},
	{"gtp", &net_gtp_table, NULL, "CONFIG_GTP", "GPRS tunnels, whose ends another program sets up"},
	{"hsr", &net_hsr_table, NULL, "CONFIG_HSR", "a ring, or two networks, for redundancy (IEC 62439-3)"},
	{"ifb", NULL, NULL, "CONFIG_IFB", "intermediate functional block: a place to queue incoming packets"},
	{"ip6erspan", &net_ip6erspan_table, NULL, "CONFIG_IPV6_GRE", "mirrored Ethernet in GRE over IPv6"},
	{"ip6gre", &net_ip6gre_table, NULL, "CONFIG_IPV6_GRE", "GRE over IPv6"},
	{"ip6gretap", &net_ip6gre_table, NULL, "CONFIG_IPV6_GRE", "Ethernet in GRE over IPv6"},
	{"ip6tnl", &net_ip6tnl_table, NULL, "CONFIG_IPV6_TUNNEL", "IPv6 or IPv4 in IPv6"},
	{"ipip", &net_ipip_table, NULL, "CONFIG_NET_IPIP", "IPv4 in IPv4"},
	{"ipoib", &net_ipoib_table, NULL, "CONFIG_INFINIBAND_IPOIB", "IP over InfiniBand"},
	{"ipvlan", &net_ipvlan_table, NULL, "CONFIG_IPVLAN", "another link with the same link-layer address"},
	{"ipvtap", &net_ipvlan_table, NULL, "CONFIG_IPVTAP", "an ipvlan for a program that holds it"},
	{"lowpan", NULL, NULL, "CONFIG_IEEE802154_6LOWPAN", "IPv6 over IEEE 802.15.4"},
	{"macsec", &net_macsec_table, NULL, "CONFIG_MACSEC", "Ethernet encrypted (IEEE 802.1AE)"},
	{"macvlan", &net_macvlan_table, NULL, "CONFIG_MACVLAN", "another link-layer address on a link"},
	{"macvtap", &net_macvlan_table, NULL, "CONFIG_MACVTAP", "a macvlan for a program that holds it"},
	{"netdevsim", NULL, NULL, "CONFIG_NETDEVSIM", "a simulated link, to test drivers' interfaces"},
	{"netkit", &net_netkit_table, NULL, "CONFIG_NETKIT", "a pair of links run by BPF programs"},
	{"nlmon", NULL, NULL, "CONFIG_NLMON", "what is said over netlink, to capture"},
	{"rmnet", &net_rmnet_table, NULL, "CONFIG_RMNET", "one channel of a Qualcomm modem"},
	{"sit", &net_sit_table, NULL, "CONFIG_IPV6_SIT", "IPv6 in IPv4, 6rd and ISATAP"},
	{"team", NULL, NULL, "CONFIG_NET_TEAM", "several links as one, run by teamd"},
	{"vcan", NULL, NULL, "CONFIG_CAN_VCAN", "a CAN bus in software"},
	{"tap", &net_tun_table, NULL, "CONFIG_TUN", "an Ethernet link whose other side is a program that holds it"},
	{"tun", &net_tun_table, NULL, "CONFIG_TUN", "the same for IP packets, without Ethernet"},
	{"veth", &veth, NULL, "CONFIG_VETH", "a pair of links: what goes into one comes out of the other"},
	{"virt_wifi", NULL, NULL, "CONFIG_VIRT_WIFI", "a link that looks like a wireless one"},
	{"vlan", &net_vlan_table, NULL, "CONFIG_VLAN_8021Q", "one VLAN of a link"},
	{"vrf", &net_vrf_table, &net_vrf_port_table, "CONFIG_NET_VRF",
	 "a routing table for the links that are its ports"},
	{"vti", &net_vti_table, NULL, "CONFIG_NET_IPVTI", "IPsec over IPv4 as a link"},
	{"vti6", &net_vti6_table, NULL, "CONFIG_IPV6_VTI", "IPsec over IPv6 as a link"},
	{"vxcan", &vxcan, NULL, "CONFIG_CAN_VXCAN", "a pair of CAN links"},
	{"vxlan", &net_vxlan_table, NULL, "CONFIG_VXLAN", "Ethernet over UDP (RFC 7348)"},
	{"wireguard", &net_wireguard_table, NULL, "CONFIG_WIREGUARD", "an encrypted tunnel to its peers over UDP"},
	{"wwan", &net_wwan_table, NULL, "CONFIG_WWAN", "one session of a modem"},
	{"xfrm", &net_xfrm_table, NULL, "CONFIG_XFRM_INTERFACE", "IPsec as a link, by number"},
};
/* clang-format on */

/* net_kind_find() - the kind of a name; NULL: one whose options nsh doesn't know */
const struct net_kind *net_kind_find(const char *name)
{
	static const struct net_kind *last = kinds; /* links of a list are much alike */

	if (!name)
		return NULL;
	if (strcmp(last->name, name) == 0)
		return last;
	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return last = &kinds[i];
	return NULL;
}

const struct net_kind *net_kind_all(unsigned int i)
{
	return i < sizeof(kinds) / sizeof(*kinds) ? &kinds[i] : NULL;
}

/* net_kind_pair() - the row of the peer that a kind is made with; NULL: it is made alone */
const struct net_row *net_kind_pair(const struct net_kind *kind)
{
	const struct net_row *row = kind && kind->data ? net_key(kind->data, NULL, NULL, "peer") : NULL;

	return row && row->nest == &net_peer_table ? row : NULL;
}

/* net_kind_whole() - whether the kernel starts a change from nothing, so that what is there must be sent with it */
bool net_kind_whole(const struct net_kind *kind)
{
	static const struct net_table *const whole[] = {
		&net_gre_table, &net_erspan_table, &net_ip6gre_table, &net_ip6erspan_table, &net_ipip_table,
		&net_sit_table, &net_ip6tnl_table, &net_vti_table,    &net_vti6_table,	    &net_xfrm_table,
	};

	for (unsigned int i = 0; kind && i < sizeof(whole) / sizeof(*whole); i++)
		if (kind->data == whole[i])
			return true;
	return false;
}
