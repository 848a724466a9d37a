/* tc_flower.c - flower: filters by the fields of packets (tc-flower) */
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>

#include "tc.h"

/* clang-format off */
static const struct net_enum protos = {
	.list = (struct net_word[]){{"icmp", IPPROTO_ICMP}, {"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP},
				    {"sctp", IPPROTO_SCTP}, {"icmpv6", IPPROTO_ICMPV6}, {"l2tp", 115}, {NULL, 0}},
};

#define KEY(name) TCA_FLOWER_KEY_##name
#define MASKED(k, name, bytes, more, text)                                                              \
	{.key = (k), .attr = TCA_FLOWER_KEY_##name, .aux = TCA_FLOWER_KEY_##name##_MASK,                \
	 .type = NET_UINT, .size = (bytes), .flags = NET_MASKED | (more), .doc = (text)}
#define MAC(k, name, text)                                                                              \
	{.key = (k), .attr = TCA_FLOWER_KEY_##name, .aux = TCA_FLOWER_KEY_##name##_MASK,                \
	 .type = NET_MAC, .flags = NET_MASKED, .doc = (text)}
#define PREFIX(k, v4, v6, text) \
	{.key = (k), .attr = (v4), .aux = (v6), .type = NET_PREFIX, .flags = NET_MASKED | NET_BARE, .doc = (text)}
#define PORT(k, name, text) \
	{.key = (k), .attr = TCA_FLOWER_KEY_##name, .type = NET_UINT, .size = 2, .flags = NET_BE, .doc = (text)}
#define FLAG(k, bit, more, text)                                                                        \
	{.key = (k), .type = NET_BIT, .size = 4, .mask = (bit), .flags = NET_HDR | NET_QUIET | (more), .doc = (text)}

static const struct net_row flag_rows[] = {
	FLAG("skip_hw", TCA_CLS_FLAGS_SKIP_HW, 0, "don't try to have it done by hardware"),
	FLAG("skip_sw", TCA_CLS_FLAGS_SKIP_SW, 0, "have it done by hardware only"),
	FLAG("in_hw", TCA_CLS_FLAGS_IN_HW, NET_RO, "it is done by hardware"),
};
const struct net_table net_filter_flags = {"flags", flag_rows, NET_COUNT(flag_rows), 4, true};

#define LSE(name) TCA_FLOWER_KEY_MPLS_OPT_LSE_##name
static const struct net_row lse_rows[] = {
	{.key = "depth", .attr = LSE(DEPTH), .type = NET_UINT, .size = 1, .min = 1, .max = 7, .doc = "1: the outermost label"},
	{.key = "label", .attr = LSE(LABEL), .type = NET_UINT, .size = 4, .max = 0xfffff, .doc = "the label"},
	{.key = "tc", .attr = LSE(TC), .type = NET_UINT, .size = 1, .max = 7, .doc = "traffic class"},
	{.key = "bos", .attr = LSE(BOS), .type = NET_UINT, .size = 1, .max = 1, .doc = "1: it is the last label"},
	TC_UINT("ttl", LSE(TTL), 1, 0, "hops left"),
};
static const struct net_table lse = {"mpls", lse_rows, NET_COUNT(lse_rows), 0, false};

static const struct net_row flower_rows[] = {
	TC_CLASSID(TCA_FLOWER_CLASSID),
	{.key = "indev", .attr = TCA_FLOWER_INDEV, .type = NET_STRING, .max = 15, .doc = "link that it came by"},
	MAC("dst_mac", ETH_DST, "link-layer destination, as \"02:00:00:00:00:01\" or with a mask behind a slash"),
	MAC("src_mac", ETH_SRC, "link-layer source"),
	{.key = "eth_type", .attr = KEY(ETH_TYPE), .type = NET_ENUM, .size = 2, .flags = NET_BE, .names = &net_eth_types,
	 .doc = "protocol of the link layer; that of the filter unless given"},
	TC_UINT("num_of_vlans", KEY(NUM_OF_VLANS), 1, 0, "how many VLAN tags it has; since Linux 5.19"),
	{.key = "vlan_id", .attr = KEY(VLAN_ID), .type = NET_UINT, .size = 2, .max = 4095, .doc = "VLAN"},
	{.key = "vlan_prio", .attr = KEY(VLAN_PRIO), .type = NET_UINT, .size = 1, .max = 7, .doc = "its priority"},
	{.key = "vlan_ethtype", .attr = KEY(VLAN_ETH_TYPE), .type = NET_ENUM, .size = 2, .flags = NET_BE,
	 .names = &net_eth_types, .doc = "protocol behind the VLAN tag"},
	{.key = "cvlan_id", .attr = KEY(CVLAN_ID), .type = NET_UINT, .size = 2, .max = 4095, .doc = "inner VLAN"},
	{.key = "cvlan_prio", .attr = KEY(CVLAN_PRIO), .type = NET_UINT, .size = 1, .max = 7, .doc = "its priority"},
	{.key = "cvlan_ethtype", .attr = KEY(CVLAN_ETH_TYPE), .type = NET_ENUM, .size = 2, .flags = NET_BE,
	 .names = &net_eth_types, .doc = "protocol behind the inner VLAN tag"},
	{.key = "pppoe_sid", .attr = KEY(PPPOE_SID), .type = NET_UINT, .size = 2, .flags = NET_BE,
	 .doc = "PPPoE session; since Linux 6.0"},
	{.key = "ppp_proto", .attr = KEY(PPP_PROTO), .type = NET_ENUM, .size = 2, .flags = NET_BE, .names = &net_eth_types,
	 .doc = "protocol within PPP; since Linux 6.0"},
	TC_ENUM("ip_proto", KEY(IP_PROTO), 1, protos, 0, "protocol within IP"),
	PREFIX("dst_ip", KEY(IPV4_DST), KEY(IPV6_DST), "IP destination, an address or prefix"),
	PREFIX("src_ip", KEY(IPV4_SRC), KEY(IPV6_SRC), "IP source, an address or prefix"),
	MASKED("ip_tos", IP_TOS, 1, 0, "type of service"),
	MASKED("ip_ttl", IP_TTL, 1, 0, "hops left"),
	MASKED("ip_flags", FLAGS, 4, NET_BE, "1: a fragment, 2: a first one; with a mask, as \"0/1\""),
	MASKED("dst_port", TCP_DST, 2, NET_BE, "destination port, with ip_proto; a range as \"1000-2000\""),
	MASKED("dst_port", UDP_DST, 2, NET_BE | NET_TWIN, NULL),
	MASKED("dst_port", SCTP_DST, 2, NET_BE | NET_TWIN, NULL),
	MASKED("src_port", TCP_SRC, 2, NET_BE, "source port, with ip_proto; a range as \"1000-2000\""),
	MASKED("src_port", UDP_SRC, 2, NET_BE | NET_TWIN, NULL),
	MASKED("src_port", SCTP_SRC, 2, NET_BE | NET_TWIN, NULL),
	PORT("dst_port_min", PORT_DST_MIN, "first destination port of a range"),
	PORT("dst_port_max", PORT_DST_MAX, "last one"),
	PORT("src_port_min", PORT_SRC_MIN, "first source port of a range"),
	PORT("src_port_max", PORT_SRC_MAX, "last one"),
	MASKED("tcp_flags", TCP_FLAGS, 2, NET_BE, "flags of TCP, as \"0x2/0x12\""),
	MASKED("icmp_type", ICMPV4_TYPE, 1, 0, "type of ICMP, with ip_proto icmp or icmpv6"),
	MASKED("icmp_type", ICMPV6_TYPE, 1, NET_TWIN, NULL),
	MASKED("icmp_code", ICMPV4_CODE, 1, 0, "code of ICMP"),
	MASKED("icmp_code", ICMPV6_CODE, 1, NET_TWIN, NULL),
	PREFIX("arp_tip", KEY(ARP_TIP), 0, "address that an ARP packet is about"),
	PREFIX("arp_sip", KEY(ARP_SIP), 0, "address of its sender"),
	MASKED("arp_op", ARP_OP, 1, 0, "1: an ARP request, 2: a reply"),
	MAC("arp_tha", ARP_THA, "link-layer address that an ARP packet is about"),
	MAC("arp_sha", ARP_SHA, "link-layer address of its sender"),
	{.key = "mpls_label", .attr = KEY(MPLS_LABEL), .type = NET_UINT, .size = 4, .max = 0xfffff, .doc = "MPLS label"},
	{.key = "mpls_tc", .attr = KEY(MPLS_TC), .type = NET_UINT, .size = 1, .max = 7, .doc = "MPLS traffic class"},
	{.key = "mpls_bos", .attr = KEY(MPLS_BOS), .type = NET_UINT, .size = 1, .max = 1, .doc = "1: the last MPLS label"},
	TC_UINT("mpls_ttl", KEY(MPLS_TTL), 1, 0, "hops left of MPLS"),
	{.key = "mpls", .attr = KEY(MPLS_OPTS), .type = NET_NESTS, .aux = TCA_FLOWER_KEY_MPLS_OPTS_LSE, .nest = &lse,
	 .doc = "several MPLS labels, as { { depth = 1, label = 7 }, { depth = 2, bos = 1 } }"},
	{.key = "enc_key_id", .attr = KEY(ENC_KEY_ID), .type = NET_UINT, .size = 4, .flags = NET_BE,
	 .doc = "key, or VNI, of the tunnel that it came by"},
	PREFIX("enc_dst_ip", KEY(ENC_IPV4_DST), KEY(ENC_IPV6_DST), "outer destination of the tunnel"),
	PREFIX("enc_src_ip", KEY(ENC_IPV4_SRC), KEY(ENC_IPV6_SRC), "outer source of the tunnel"),
	MASKED("enc_dst_port", ENC_UDP_DST_PORT, 2, NET_BE, "outer UDP destination of the tunnel"),
	MASKED("enc_src_port", ENC_UDP_SRC_PORT, 2, NET_BE, "outer UDP source of the tunnel"),
	MASKED("enc_tos", ENC_IP_TOS, 1, 0, "outer type of service"),
	MASKED("enc_ttl", ENC_IP_TTL, 1, 0, "outer hops left"),
	{.key = "l2tpv3_sid", .attr = KEY(L2TPV3_SID), .type = NET_UINT, .size = 4, .flags = NET_BE,
	 .doc = "L2TPv3 session; since Linux 6.1"},
	MASKED("ct_state", CT_STATE, 2, 0,
	       "conntrack: 1 new, 2 established, 4 related, 8 tracked, 16 invalid, 32 reply; with a mask"),
	MASKED("ct_zone", CT_ZONE, 2, 0, "conntrack: zone"),
	MASKED("ct_mark", CT_MARK, 4, 0, "conntrack: mark"),
	MASKED("hash", HASH, 4, 0, "hash of the packet's fields"),
	{.attr = TCA_FLOWER_FLAGS, .type = NET_NEST, .flags = NET_FLAT, .nest = &net_filter_flags},
	TC_UINT("in_hw_count", TCA_FLOWER_IN_HW_COUNT, 4, NET_RO | NET_ZERO, "how many links do it by hardware"),
	TC_ACTIONS(TCA_FLOWER_ACT),
};
const struct net_table net_flower_table = {"flower", flower_rows, NET_COUNT(flower_rows), 0, false};
/* clang-format on */
