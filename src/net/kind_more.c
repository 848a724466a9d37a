/* kind_more.c - kinds of few options: amt, bareudp, batadv, dsa, gtp, hsr, ipoib, macsec, netkit, rmnet, wwan */
#include <linux/amt.h>
#include <linux/batman_adv.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/wwan.h>
#include <stddef.h>

#include "rows.h"
#include "tables.h"

/* clang-format off */

/* --- amt --- */

static const struct net_enum amt_modes = {.list = (struct net_word[]){{"gateway", 0}, {"relay", 1}, {NULL, 0}}};
static const struct net_row amt_rows[] = {
	ENUM("mode", IFLA_AMT_MODE, 4, amt_modes, NET_NEW, "which side it is"),
	ADDRESS("local", IFLA_AMT_LOCAL_IP, 4, NET_NEW, "this end"),
	ADDRESS("discovery", IFLA_AMT_DISCOVERY_IP, 4, NET_NEW, "where a gateway looks for its relay"),
	ADDRESS("remote", IFLA_AMT_REMOTE_IP, 4, NET_RO, "the relay that was found"),
	LINK("dev", IFLA_AMT_LINK, NET_NEW, "the link that it sends on"),
	UINT("relay_port", IFLA_AMT_RELAY_PORT, 2, NET_BE | NET_NEW, "UDP port of the relay"),
	UINT("gateway_port", IFLA_AMT_GATEWAY_PORT, 2, NET_BE | NET_NEW, "UDP port of the gateway"),
	UINT("max_tunnels", IFLA_AMT_MAX_TUNNELS, 4, NET_NEW, "most gateways of a relay"),
};
const struct net_table net_amt_table = {"amt", amt_rows, COUNT(amt_rows), 0, false};

/* --- bareudp --- */

static const struct net_enum ethertypes = {
	.list = (struct net_word[]){{"ipv4", ETH_P_IP}, {"ipv6", ETH_P_IPV6}, {"mpls_uc", ETH_P_MPLS_UC},
				    {"mpls_mc", ETH_P_MPLS_MC}, {NULL, 0}},
};
static const struct net_row bareudp_rows[] = {
	UINT("dstport", IFLA_BAREUDP_PORT, 2, NET_BE | NET_NEW, "UDP port"),
	ENUM("ethertype", IFLA_BAREUDP_ETHERTYPE, 2, ethertypes, NET_BE | NET_NEW, "what is in it"),
	UINT("srcportmin", IFLA_BAREUDP_SRCPORT_MIN, 2, NET_NEW, "lowest source port"),
	FLAG("multiproto", IFLA_BAREUDP_MULTIPROTO_MODE, NET_NEW, "IPv6 beside IPv4, or all of MPLS"),
};
const struct net_table net_bareudp_table = {"bareudp", bareudp_rows, COUNT(bareudp_rows), 0, false};

/* --- batadv, dsa, wwan, rmnet --- */

static const struct net_row batadv_rows[] = {
	{.key = "ra", .attr = IFLA_BATADV_ALGO_NAME, .type = NET_STRING, .max = 31, .flags = NET_NEW | NET_WO,
	 .doc = "routing algorithm, BATMAN_IV or BATMAN_V"},
};
const struct net_table net_batadv_table = {"batadv", batadv_rows, COUNT(batadv_rows), 0, false};

static const struct net_row dsa_rows[] = {
	LINK("conduit", IFLA_DSA_MASTER, 0, "the link that the switch hangs on"),
};
const struct net_table net_dsa_table = {"dsa", dsa_rows, COUNT(dsa_rows), 0, false};

static const struct net_row wwan_rows[] = {
	UINT("linkid", IFLA_WWAN_LINK_ID, 4, NET_NEW | NET_WO, "number of the session"),
};
const struct net_table net_wwan_table = {"wwan", wwan_rows, COUNT(wwan_rows), 0, false};

static const struct net_row rmnet_rows[] = {
	{.key = "mux_id", .attr = IFLA_RMNET_MUX_ID, .type = NET_UINT, .size = 2, .min = 1, .max = 254,
	 .doc = "number of the channel"},
};
const struct net_table net_rmnet_table = {"rmnet", rmnet_rows, COUNT(rmnet_rows), 0, false};

/* --- gtp --- */

static const struct net_enum gtp_roles = {.list = (struct net_word[]){{"ggsn", 0}, {"sgsn", 1}, {NULL, 0}}};
static const struct net_row gtp_rows[] = {
	ENUM("role", IFLA_GTP_ROLE, 4, gtp_roles, NET_NEW, "which side it is"),
	{.key = "hsize", .attr = IFLA_GTP_PDP_HASHSIZE, .type = NET_UINT, .size = 4, .min = 1, .max = 131071,
	 .flags = NET_NEW | NET_WO, .doc = "size of the table of contexts"},
	UINT("restart_count", IFLA_GTP_RESTART_COUNT, 1, NET_NEW, "how often the node has started"),
	BOOL("create_sockets", IFLA_GTP_CREATE_SOCKETS, NET_NEW | NET_WO, "the kernel opens the sockets itself"),
	UINT("fd0", IFLA_GTP_FD0, 4, NET_NEW | NET_WO, "descriptor of a UDP socket for version 0, by who has one"),
	UINT("fd1", IFLA_GTP_FD1, 4, NET_NEW | NET_WO, "descriptor of a UDP socket for version 1"),
};
const struct net_table net_gtp_table = {"gtp", gtp_rows, COUNT(gtp_rows), 0, false};

/* --- hsr --- */

static const struct net_enum hsr_protocols = {.list = (struct net_word[]){{"hsr", 0}, {"prp", 1}, {NULL, 0}}};
static const struct net_row hsr_rows[] = {
	LINK("slave1", IFLA_HSR_SLAVE1, NET_NEW, "one side of the ring, or the one network"),
	LINK("slave2", IFLA_HSR_SLAVE2, NET_NEW, "the other"),
	LINK("interlink", NEW_HSR_INTERLINK, NET_NEW, "a link to another ring; since Linux 6.10"),
	UINT("supervision", IFLA_HSR_MULTICAST_SPEC, 1, NET_NEW | NET_WO, "last byte of the supervision address"),
	{.key = "version", .attr = IFLA_HSR_VERSION, .type = NET_UINT, .size = 1, .max = 1,
	 .flags = NET_NEW | NET_WO, .doc = "of HSR: 0 or 1"},
	ENUM("proto", IFLA_HSR_PROTOCOL, 1, hsr_protocols, NET_NEW, "ring, or two networks"),
	{.key = "supervision_addr", .attr = IFLA_HSR_SUPERVISION_ADDR, .type = NET_MAC, .flags = NET_RO,
	 .doc = "where its nodes tell of themselves"},
	UINT("seq_nr", IFLA_HSR_SEQ_NR, 2, NET_RO, "number of the last frame sent"),
};
const struct net_table net_hsr_table = {"hsr", hsr_rows, COUNT(hsr_rows), 0, false};

/* --- ipoib --- */

static const struct net_enum ipoib_modes = {
	.list = (struct net_word[]){{"datagram", 0}, {"connected", 1}, {NULL, 0}},
};
static const struct net_row ipoib_rows[] = {
	{.key = "pkey", .attr = IFLA_IPOIB_PKEY, .type = NET_UINT, .size = 2, .min = 0x8001, .max = 0xffff,
	 .flags = NET_NEW, .doc = "partition"},
	ENUM("mode", IFLA_IPOIB_MODE, 2, ipoib_modes, 0, "transport"),
	{.key = "umcast", .attr = IFLA_IPOIB_UMCAST, .type = NET_BOOL, .size = 2,
	 .doc = "programs join multicast groups themselves"},
};
const struct net_table net_ipoib_table = {"ipoib", ipoib_rows, COUNT(ipoib_rows), 0, false};

/* --- macsec --- */

static const struct net_enum ciphers = {
	.list = (struct net_word[]){{"gcm-aes-128", 0x0080c20001000001}, {"gcm-aes-256", 0x0080c20001000002},
				    {"gcm-aes-xpn-128", 0x0080c20001000003}, {"gcm-aes-xpn-256", 0x0080c20001000004},
				    {"default", 0x0080020001000001}, {NULL, 0}},
};
static const struct net_enum validations = {
	.list = (struct net_word[]){{"disabled", 0}, {"check", 1}, {"strict", 2}, {NULL, 0}},
};
static const struct net_enum offloads = {
	.list = (struct net_word[]){{"off", 0}, {"phy", 1}, {"mac", 2}, {NULL, 0}},
};
static const struct net_row macsec_rows[] = {
	{.key = "sci", .attr = IFLA_MACSEC_SCI, .type = NET_MAC, .size = 8, .flags = NET_NEW,
	 .doc = "its channel: a MAC address and two bytes of port, as 02:00:00:00:00:01:00:01"},
	UINT("sci_port", IFLA_MACSEC_PORT, 2, NET_BE | NET_NEW | NET_WO, "the port, behind the link's own address"),
	{.key = "icvlen", .attr = IFLA_MACSEC_ICV_LEN, .type = NET_UINT, .size = 1, .min = 8, .max = 16,
	 .flags = NET_NEW, .doc = "bytes of the integrity check"},
	ENUM("cipher", IFLA_MACSEC_CIPHER_SUITE, 8, ciphers, NET_NEW, "how it encrypts"),
	UINT("window", IFLA_MACSEC_WINDOW, 4, NET_ZERO, "how far late packets may be behind; with replay"),
	{.key = "encodingsa", .attr = IFLA_MACSEC_ENCODING_SA, .type = NET_UINT, .size = 1, .max = 3,
	 .doc = "number of the association that it sends with"},
	BOOL("encrypt", IFLA_MACSEC_ENCRYPT, 0, "encrypt, not only authenticate"),
	BOOL("protect", IFLA_MACSEC_PROTECT, 0, "protect what is sent"),
	BOOL("send_sci", IFLA_MACSEC_INC_SCI, 0, "tell the channel in each packet"),
	BOOL("end_station", IFLA_MACSEC_ES, 0, "the end station bit"),
	BOOL("scb", IFLA_MACSEC_SCB, 0, "the single copy broadcast bit"),
	BOOL("replay", IFLA_MACSEC_REPLAY_PROTECT, 0, "drop what comes late; with window"),
	ENUM("validate", IFLA_MACSEC_VALIDATION, 1, validations, 0, "what is done with packets that fail"),
	ENUM("macsec_offload", IFLA_MACSEC_OFFLOAD, 1, offloads, 0, "whether hardware does it"),
};
const struct net_table net_macsec_table = {"macsec", macsec_rows, COUNT(macsec_rows), 0, false};

/* --- netkit --- */

static const struct net_enum netkit_modes = {.list = (struct net_word[]){{"l2", 0}, {"l3", 1}, {NULL, 0}}};
static const struct net_enum netkit_policies = {
	.list = (struct net_word[]){{"forward", 0}, {"blackhole", 2}, {NULL, 0}},
};
static const struct net_enum netkit_scrubs = {.list = (struct net_word[]){{"none", 0}, {"default", 1}, {NULL, 0}}};
static const struct net_row netkit_rows[] = {
	{.key = "peer", .attr = NEW_NETKIT_PEER_INFO, .type = NET_NEST, .flags = NET_NEW | NET_WO,
	 .nest = &net_peer_table, .doc = "the other end: its name, or a table with the keys of a link"},
	ENUM("mode", NEW_NETKIT_MODE, 4, netkit_modes, NET_NEW, "Ethernet, or IP alone"),
	ENUM("policy", NEW_NETKIT_POLICY, 4, netkit_policies, 0, "what is done without a BPF program"),
	ENUM("peer_policy", NEW_NETKIT_PEER_POLICY, 4, netkit_policies, 0, "the same for the peer"),
	ENUM("scrub", NEW_NETKIT_SCRUB, 4, netkit_scrubs, NET_NEW, "whether a packet's mark and priority are cleared"),
	ENUM("peer_scrub", NEW_NETKIT_PEER_SCRUB, 4, netkit_scrubs, NET_NEW, "the same for the peer"),
	UINT("headroom", NEW_NETKIT_HEADROOM, 2, NET_NEW, "bytes kept free before each packet; since Linux 6.14"),
	UINT("tailroom", NEW_NETKIT_TAILROOM, 2, NET_NEW, "bytes kept free behind each packet; since Linux 6.14"),
	BOOL("primary", NEW_NETKIT_PRIMARY, NET_RO, "whether it is the end that was made, not its peer"),
};
const struct net_table net_netkit_table = {"netkit", netkit_rows, COUNT(netkit_rows), 0, false};
/* clang-format on */
