/* kind_tunnel.c - IP in IP: ipip, sit, ip6tnl, and the IPsec links vti, vti6 and xfrm */
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/in.h>
#include <linux/ip6_tunnel.h>
#include <stddef.h>

#include "rows.h"
#include "tables.h"

/* clang-format off */

/* --- what all tunnels share --- */

const struct net_enum net_tunnel_ttls = {.list = (struct net_word[]){{"inherit", 0}, {NULL, 0}}};
const struct net_enum net_tunnel_toses = {.list = (struct net_word[]){{"inherit", 1}, {NULL, 0}}};
const struct net_enum net_tunnel_encaps = {
	.list = (struct net_word[]){{"none", TUNNEL_ENCAP_NONE}, {"fou", TUNNEL_ENCAP_FOU}, {"gue", TUNNEL_ENCAP_GUE},
				    {"mpls", TUNNEL_ENCAP_MPLS}, {NULL, 0}},
};
/* words that a bit stands for, not a number */
const struct net_enum net_tunnel_limits = {.list = (struct net_word[]){{"none", -1}, {NULL, 0}}};
const struct net_enum net_tunnel_inherit = {.list = (struct net_word[]){{"inherit", -1}, {NULL, 0}}};

#define ENCAP(k, bit, text) \
	{.key = (k), .type = NET_BIT, .size = 2, .mask = (bit), .flags = NET_HDR | NET_QUIET, .doc = (text)}
static const struct net_row encap_rows[] = {
	ENCAP("encap_csum", TUNNEL_ENCAP_FLAG_CSUM, "UDP checksums over IPv4"),
	ENCAP("encap_csum6", TUNNEL_ENCAP_FLAG_CSUM6, "UDP checksums over IPv6"),
	ENCAP("encap_remcsum", TUNNEL_ENCAP_FLAG_REMCSUM, "gue: remote checksum offload"),
};
const struct net_table net_encap_table = {"encap flags", encap_rows, COUNT(encap_rows), 2, true};

/* Traffic class and flow label are one number. */
#define FLOW(k, bits, top, text)                                                                                \
	{.key = (k), .type = NET_ENUM, .size = 4, .mask = (bits), .max = (top), .names = &net_tunnel_inherit, \
	 .flags = NET_HDR | NET_BE | NET_ZERO | NET_MARKED, .doc = (text)}
static const struct net_row flowinfo_rows[] = {
	FLOW("tclass", 0x0ff00000, 255, "traffic class of the outer packets"),
	FLOW("flowlabel", 0x000fffff, 0xfffff, "flow label of the outer packets"),
};
const struct net_table net_flowinfo_table = {"flowinfo", flowinfo_rows, COUNT(flowinfo_rows), 4, true};

static const struct net_enum dscps = {.list = (struct net_word[]){{"inherit", 1}, {NULL, 0}}};
#define WORD(k, words, bit) \
	{.key = (k), .type = NET_ENUM, .size = 4, .mask = (bit), .names = &(words), .flags = NET_HDR | NET_MARK}
static const struct net_row ip6flag_rows[] = {
	WORD("encaplimit", net_tunnel_limits, IP6_TNL_F_IGN_ENCAP_LIMIT),
	WORD("tclass", net_tunnel_inherit, IP6_TNL_F_USE_ORIG_TCLASS),
	WORD("flowlabel", net_tunnel_inherit, IP6_TNL_F_USE_ORIG_FLOWLABEL),
	WORD("fwmark", net_tunnel_inherit, IP6_TNL_F_USE_ORIG_FWMARK),
	{.key = "dscp", .type = NET_ENUM, .size = 4, .mask = IP6_TNL_F_RCV_DSCP_COPY, .names = &dscps, .max = 1,
	 .flags = NET_HDR | NET_ZERO, .doc = "inherit: inner packets get that of the outer one"},
	{.key = "allow_localremote", .type = NET_BIT, .size = 4, .mask = IP6_TNL_F_ALLOW_LOCAL_REMOTE,
	 .flags = NET_HDR | NET_QUIET, .doc = "the other end may be an address of this namespace"},
};
const struct net_table net_ip6flags_table = {"ip6 tunnel flags", ip6flag_rows, COUNT(ip6flag_rows), 4, true};

/* --- ipip and sit --- */

static const struct net_enum ipip_modes = {
	.list = (struct net_word[]){{"ipip", IPPROTO_IPIP}, {"mplsip", IPPROTO_MPLS}, {"any", 0}, {NULL, 0}},
};
static const struct net_enum sit_modes = {
	.list = (struct net_word[]){{"ip6ip", IPPROTO_IPV6}, {"ipip", IPPROTO_IPIP}, {"mplsip", IPPROTO_MPLS},
				    {"any", 0}, {NULL, 0}},
};

#define TUNNEL_ENCAP                                                                                             \
	ENUM("encap", IFLA_IPTUN_ENCAP_TYPE, 2, net_tunnel_encaps, 0, "more around it, to pass as UDP"),         \
	UINT("encap_sport", IFLA_IPTUN_ENCAP_SPORT, 2, NET_BE, "UDP source port; 0: by the flow"),               \
	UINT("encap_dport", IFLA_IPTUN_ENCAP_DPORT, 2, NET_BE, "UDP destination port"),                          \
	NEST(IFLA_IPTUN_ENCAP_FLAGS, net_encap_table)

#define TUNNEL4_ROWS                                                                                             \
	ADDRESS("remote", IFLA_IPTUN_REMOTE, 4, 0, "the other end; none: it comes with each packet"),            \
	ADDRESS("local", IFLA_IPTUN_LOCAL, 4, 0, "this end"),                                                    \
	LINK("dev", IFLA_IPTUN_LINK, 0, "the link that it sends on"),                                            \
	NUMBER("ttl", IFLA_IPTUN_TTL, 1, net_tunnel_ttls, 255, 0, "of the outer packets"),                       \
	NUMBER("tos", IFLA_IPTUN_TOS, 1, net_tunnel_toses, 255, 0, "of the outer packets"),                      \
	BOOL("pmtudisc", IFLA_IPTUN_PMTUDISC, 0, "don't fragment outer packets: find the path's mtu"),           \
	UINT("fwmark", IFLA_IPTUN_FWMARK, 4, NET_ZERO, "mark of the outer packets, for rules"),                  \
	TUNNEL_ENCAP

static const struct net_row ipip_rows[] = {
	ENUM("mode", IFLA_IPTUN_PROTO, 1, ipip_modes, NET_NEW, "what is in it"),
	TUNNEL4_ROWS,
	FLAG("external", IFLA_IPTUN_COLLECT_METADATA, NET_NEW, "the tunnel's ends come with each packet"),
};

static const struct net_row sit_flag_rows[] = {
	{.key = "isatap", .type = NET_BIT, .size = 2, .mask = SIT_ISATAP, .flags = NET_HDR | NET_QUIET | NET_NEW,
	 .doc = "intra-site automatic tunnel (RFC 5214)"},
};
static const struct net_table sit_flags = {"sit flags", sit_flag_rows, COUNT(sit_flag_rows), 2, true};

static const struct net_row sit_rows[] = {
	ENUM("mode", IFLA_IPTUN_PROTO, 1, sit_modes, NET_NEW, "what is in it"),
	TUNNEL4_ROWS,
	{.key = "sixrd_prefix", .attr = IFLA_IPTUN_6RD_PREFIX, .aux = IFLA_IPTUN_6RD_PREFIXLEN, .type = NET_PREFIX,
	 .size = 16, .flags = NET_ZERO, .doc = "6rd: addresses that hold the other end's (RFC 5969)"},
	{.key = "sixrd_relay_prefix", .attr = IFLA_IPTUN_6RD_RELAY_PREFIX, .aux = IFLA_IPTUN_6RD_RELAY_PREFIXLEN,
	 .type = NET_PREFIX, .size = 4, .flags = NET_ZERO, .doc = "6rd: the IPv4 prefix that the ends share"},
	NEST(IFLA_IPTUN_FLAGS, sit_flags),
};

/* --- ip6tnl --- */

static const struct net_enum ip6tnl_modes = {
	.list = (struct net_word[]){{"any", 0}, {"ip6ip6", IPPROTO_IPV6}, {"ipip6", IPPROTO_IPIP}, {NULL, 0}},
};

static const struct net_row ip6tnl_rows[] = {
	ENUM("mode", IFLA_IPTUN_PROTO, 1, ip6tnl_modes, 0, "what is in it"),
	ADDRESS("remote", IFLA_IPTUN_REMOTE, 16, 0, "the other end"),
	ADDRESS("local", IFLA_IPTUN_LOCAL, 16, 0, "this end"),
	LINK("dev", IFLA_IPTUN_LINK, 0, "the link that it sends on"),
	NUMBER("hoplimit", IFLA_IPTUN_TTL, 1, net_tunnel_ttls, 255, 0, "of the outer packets"),
	NUMBER("encaplimit", IFLA_IPTUN_ENCAP_LIMIT, 1, net_tunnel_limits, 255, NET_MARKED,
	       "how many tunnels there may be around it"),
	NUMBER("fwmark", IFLA_IPTUN_FWMARK, 4, net_tunnel_inherit, UINT32_MAX, NET_ZERO | NET_MARKED,
	       "mark of the outer packets, for rules"),
	NEST(IFLA_IPTUN_FLOWINFO, net_flowinfo_table),
	NEST(IFLA_IPTUN_FLAGS, net_ip6flags_table),
	TUNNEL_ENCAP,
	FLAG("external", IFLA_IPTUN_COLLECT_METADATA, NET_NEW, "the tunnel's ends come with each packet"),
};

/* --- vti, vti6, xfrm --- */

#define VTI_ROWS(bytes)                                                                                          \
	ADDRESS("remote", IFLA_VTI_REMOTE, bytes, 0, "the other end"),                                           \
	ADDRESS("local", IFLA_VTI_LOCAL, bytes, 0, "this end"),                                                  \
	LINK("dev", IFLA_VTI_LINK, 0, "the link that it sends on"),                                              \
	UINT("ikey", IFLA_VTI_IKEY, 4, NET_BE | NET_ZERO, "mark of the policies for what comes"),                \
	UINT("okey", IFLA_VTI_OKEY, 4, NET_BE | NET_ZERO, "mark of the policies for what is sent"),              \
	UINT("fwmark", IFLA_VTI_FWMARK, 4, NET_ZERO, "mark of the outer packets, for rules")
static const struct net_row vti_rows[] = {VTI_ROWS(4)};
static const struct net_row vti6_rows[] = {VTI_ROWS(16)};

static const struct net_row xfrm_rows[] = {
	LINK("dev", IFLA_XFRM_LINK, NET_NEW, "the link that it sends on"),
	UINT("if_id", IFLA_XFRM_IF_ID, 4, NET_ZERO, "number that ties policies and states to it"),
	FLAG("external", IFLA_XFRM_COLLECT_METADATA, NET_NEW, "the number comes with each packet"),
};
/* clang-format on */

const struct net_table net_ipip_table = {"ipip", ipip_rows, COUNT(ipip_rows), 0, false};
const struct net_table net_sit_table = {"sit", sit_rows, COUNT(sit_rows), 0, false};
const struct net_table net_ip6tnl_table = {"ip6tnl", ip6tnl_rows, COUNT(ip6tnl_rows), 0, false};
const struct net_table net_vti_table = {"vti", vti_rows, COUNT(vti_rows), 0, false};
const struct net_table net_vti6_table = {"vti6", vti6_rows, COUNT(vti6_rows), 0, false};
const struct net_table net_xfrm_table = {"xfrm", xfrm_rows, COUNT(xfrm_rows), 0, false};
