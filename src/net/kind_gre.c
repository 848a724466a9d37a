/* kind_gre.c - GRE over IPv4 and IPv6, bare, with Ethernet in it, and with mirrored Ethernet (erspan) */
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <stddef.h>

#include "rows.h"
#include "tables.h"

/* The kernel's flags in the byte order of the machine, as the tables have them. */
enum { CSUM = 0x8000, KEY = 0x2000, SEQ = 0x1000 };

/* clang-format off */
#define MASK(k, bit, text) \
	{.key = (k), .type = NET_BIT, .size = 2, .mask = (bit), .flags = NET_HDR | NET_BE | NET_QUIET, .doc = (text)}
#define HAS_KEY(k) {.key = (k), .type = NET_BIT, .size = 2, .mask = KEY, .flags = NET_HDR | NET_BE | NET_MARK}
static const struct net_row iflag_rows[] = {
	MASK("iseq", SEQ, "drop packets that come out of order; seq stands for both ways"),
	MASK("icsum", CSUM, "want checksums in packets that come; csum stands for both ways"),
	HAS_KEY("ikey"),
};
static const struct net_row oflag_rows[] = {
	MASK("oseq", SEQ, "number the packets sent"),
	MASK("ocsum", CSUM, "send checksums"),
	HAS_KEY("okey"),
};
static const struct net_table iflags = {"gre iflags", iflag_rows, COUNT(iflag_rows), 2, true};
static const struct net_table oflags = {"gre oflags", oflag_rows, COUNT(oflag_rows), 2, true};

static const struct net_enum directions = {.list = (struct net_word[]){{"ingress", 0}, {"egress", 1}, {NULL, 0}}};

#define GRE_KEYS                                                                                                 \
	LINK("dev", IFLA_GRE_LINK, 0, "the link that it sends on"),                                              \
	{.key = "ikey", .attr = IFLA_GRE_IKEY, .type = NET_UINT, .size = 4, .flags = NET_BE | NET_MARKED,        \
	 .aux = IFLA_GRE_IFLAGS, .mask = KEY, .doc = "key of packets that come, key for both ways; false: none"},                   \
	{.key = "okey", .attr = IFLA_GRE_OKEY, .type = NET_UINT, .size = 4, .flags = NET_BE | NET_MARKED,        \
	 .aux = IFLA_GRE_OFLAGS, .mask = KEY, .doc = "key of packets sent; false: none"},                        \
	NEST(IFLA_GRE_IFLAGS, iflags),                                                                           \
	NEST(IFLA_GRE_OFLAGS, oflags)

#define GRE_ENCAP                                                                                                \
	ENUM("encap", IFLA_GRE_ENCAP_TYPE, 2, net_tunnel_encaps, 0, "more around it, to pass as UDP"),           \
	UINT("encap_sport", IFLA_GRE_ENCAP_SPORT, 2, NET_BE, "UDP source port; 0: by the flow"),                 \
	UINT("encap_dport", IFLA_GRE_ENCAP_DPORT, 2, NET_BE, "UDP destination port"),                            \
	NEST(IFLA_GRE_ENCAP_FLAGS, net_encap_table),                                                             \
	FLAG("external", IFLA_GRE_COLLECT_METADATA, NET_NEW, "the tunnel's ends come with each packet")

#define GRE4_ROWS                                                                                                \
	ADDRESS("remote", IFLA_GRE_REMOTE, 4, 0, "the other end; none: it comes with each packet"),              \
	ADDRESS("local", IFLA_GRE_LOCAL, 4, 0, "this end"),                                                      \
	GRE_KEYS,                                                                                                \
	NUMBER("ttl", IFLA_GRE_TTL, 1, net_tunnel_ttls, 255, 0, "of the outer packets"),                         \
	NUMBER("tos", IFLA_GRE_TOS, 1, net_tunnel_toses, 255, 0, "of the outer packets"),                        \
	BOOL("pmtudisc", IFLA_GRE_PMTUDISC, 0, "don't fragment outer packets: find the path's mtu"),             \
	BOOL("ignore_df", IFLA_GRE_IGNORE_DF, 0, "fragment inner packets that ask not to be"),                   \
	UINT("fwmark", IFLA_GRE_FWMARK, 4, NET_ZERO, "mark of the outer packets, for rules"),                    \
	GRE_ENCAP

#define GRE6_ROWS                                                                                                \
	ADDRESS("remote", IFLA_GRE_REMOTE, 16, 0, "the other end"),                                              \
	ADDRESS("local", IFLA_GRE_LOCAL, 16, 0, "this end"),                                                     \
	GRE_KEYS,                                                                                                \
	NUMBER("hoplimit", IFLA_GRE_TTL, 1, net_tunnel_ttls, 255, 0, "of the outer packets"),                    \
	NUMBER("encaplimit", IFLA_GRE_ENCAP_LIMIT, 1, net_tunnel_limits, 255, NET_MARKED,                        \
	       "how many tunnels there may be around it"),                                                       \
	NUMBER("fwmark", IFLA_GRE_FWMARK, 4, net_tunnel_inherit, UINT32_MAX, NET_ZERO | NET_MARKED,              \
	       "mark of the outer packets, for rules"),                                                          \
	NEST(IFLA_GRE_FLOWINFO, net_flowinfo_table),                                                             \
	NEST(IFLA_GRE_FLAGS, net_ip6flags_table),                                                                \
	GRE_ENCAP

#define ERSPAN_ROWS                                                                                              \
	{.key = "erspan_ver", .attr = IFLA_GRE_ERSPAN_VER, .type = NET_UINT, .size = 1, .max = 2,                \
	 .doc = "version of the header, 0 to 2"},                                                                \
	{.key = "erspan", .attr = IFLA_GRE_ERSPAN_INDEX, .type = NET_UINT, .size = 4, .max = 0xfffff,            \
	 .doc = "version 1: number of the mirrored port"},                                                       \
	ENUM("erspan_dir", IFLA_GRE_ERSPAN_DIR, 1, directions, 0, "version 2: which packets are mirrored"),      \
	{.key = "erspan_hwid", .attr = IFLA_GRE_ERSPAN_HWID, .type = NET_UINT, .size = 2, .max = 63,             \
	 .doc = "version 2: number of the mirroring hardware"}

static const struct net_row gre_rows[] = {GRE4_ROWS};
static const struct net_row erspan_rows[] = {GRE4_ROWS, ERSPAN_ROWS};
static const struct net_row ip6gre_rows[] = {GRE6_ROWS};
static const struct net_row ip6erspan_rows[] = {GRE6_ROWS, ERSPAN_ROWS};
/* clang-format on */

const struct net_table net_gre_table = {"gre", gre_rows, COUNT(gre_rows), 0, false};
const struct net_table net_erspan_table = {"erspan", erspan_rows, COUNT(erspan_rows), 0, false};
const struct net_table net_ip6gre_table = {"ip6gre", ip6gre_rows, COUNT(ip6gre_rows), 0, false};
const struct net_table net_ip6erspan_table = {"ip6erspan", ip6erspan_rows, COUNT(ip6erspan_rows), 0, false};
