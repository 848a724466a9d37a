/* tc_action.c - what filters do with packets: the kinds of actions */
#include <linux/pkt_cls.h>
#include <linux/tc_act/tc_bpf.h>
#include <linux/tc_act/tc_connmark.h>
#include <linux/tc_act/tc_csum.h>
#include <linux/tc_act/tc_ct.h>
#include <linux/tc_act/tc_defact.h>
#include <linux/tc_act/tc_gact.h>
#include <linux/tc_act/tc_mirred.h>
#include <linux/tc_act/tc_mpls.h>
#include <linux/tc_act/tc_sample.h>
#include <linux/tc_act/tc_skbedit.h>
#include <linux/tc_act/tc_tunnel_key.h>
#include <linux/tc_act/tc_vlan.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tc.h"

/* "goto chain 5" and "jump 2" carry a number. */
static const struct {
	const char *words;
	uint32_t code;
} extended[] = {{"goto chain ", TC_ACT_GOTO_CHAIN}, {"jump ", TC_ACT_JUMP}};

static int action_value(const char *name)
{
	for (int i = 0; i < 2; i++) {
		size_t len = strlen(extended[i].words);
		char *end;
		unsigned long n;

		if (strncmp(name, extended[i].words, len) != 0 || name[len] < '0' || name[len] > '9')
			continue;
		n = strtoul(name + len, &end, 10);
		return *end || n > TC_ACT_EXT_VAL_MASK ? -1 : (int)(extended[i].code | n);
	}
	return -1;
}

static char *action_name(int value, char *buf, size_t size)
{
	for (int i = 0; i < 2; i++)
		if (TC_ACT_EXT_CMP((uint32_t)value, extended[i].code)) {
			snprintf(buf, size, "%s%u", extended[i].words, (uint32_t)value & TC_ACT_EXT_VAL_MASK);
			return buf;
		}
	return NULL;
}

/* clang-format off */
const struct net_enum net_tc_actions = {
	.list = (struct net_word[]){{"pass", TC_ACT_OK}, {"ok", TC_ACT_OK}, {"drop", TC_ACT_SHOT}, {"shot", TC_ACT_SHOT},
				    {"pipe", TC_ACT_PIPE}, {"continue", (uint32_t)TC_ACT_UNSPEC},
				    {"reclassify", TC_ACT_RECLASSIFY}, {"stolen", TC_ACT_STOLEN}, {"trap", TC_ACT_TRAP},
				    {NULL, 0}},
	.value = action_value,
	.name = action_name,
};

#define TABLE(name, title) static const struct net_table name = {title, name##_rows, NET_COUNT(name##_rows), 0, false}
/* What all of them begin with: struct tc_gen. */
#define GEN(s)                                                                                                     \
	TC_ENUM("action", offsetof(s, action), 4, net_tc_actions, NET_HDR, "what comes after it"),                  \
	TC_UINT("index", offsetof(s, index), 4, NET_HDR | NET_RO, "its number")
#define PARMS(name, title, s) \
	static const struct net_table name##_parms = {title, name##_parms_rows, NET_COUNT(name##_parms_rows), sizeof(s), true}
#define BEGIN(number, name) {.attr = (number), .type = NET_NEST, .flags = NET_FLAT, .nest = &name##_parms}
#define BE16(k, number, text) \
	{.key = (k), .attr = (number), .type = NET_UINT, .size = 2, .flags = NET_BE, .doc = (text)}
#define ETHTYPE(k, number, text) \
	{.key = (k), .attr = (number), .type = NET_ENUM, .size = 2, .flags = NET_BE, .names = &net_eth_types, .doc = (text)}
#define MAC(k, number, text) {.key = (k), .attr = (number), .type = NET_MAC, .doc = (text)}
#define BIT(k, offset, bytes, bit, text) \
	{.key = (k), .attr = (offset), .type = NET_BIT, .size = (bytes), .mask = (bit), .flags = NET_HDR | NET_QUIET, \
	 .doc = (text)}

static const struct net_enum draws = {
	.list = (struct net_word[]){{"netrand", PGACT_NETRAND}, {"determ", PGACT_DETERM}, {NULL, 0}},
};
static const struct net_row gact_parms_rows[] = {GEN(struct tc_gact)};
PARMS(gact, "gact", struct tc_gact);
static const struct net_row chance_rows[] = {
	TC_ENUM("random", offsetof(struct tc_gact_p, ptype), 2, draws, NET_HDR | NET_ZERO,
		"how the packets are drawn that random_action is for"),
	TC_ENUM("random_action", offsetof(struct tc_gact_p, paction), 4, net_tc_actions, NET_HDR, "what is done with them"),
	TC_UINT("random_value", offsetof(struct tc_gact_p, pval), 2, NET_HDR, "one in so many"),
};
static const struct net_table chance = {"random", chance_rows, NET_COUNT(chance_rows), sizeof(struct tc_gact_p), true};
static const struct net_row gact_rows[] = {
	BEGIN(TCA_GACT_PARMS, gact),
	{.attr = TCA_GACT_PROB, .type = NET_NEST, .flags = NET_FLAT, .nest = &chance},
};
TABLE(gact, "gact");

static const struct net_enum egress = {
	.list = (struct net_word[]){{"redirect", TCA_EGRESS_REDIR}, {"mirror", TCA_EGRESS_MIRROR}, {NULL, 0}},
};
static const struct net_enum ingress = {
	.list = (struct net_word[]){{"redirect", TCA_INGRESS_REDIR}, {"mirror", TCA_INGRESS_MIRROR}, {NULL, 0}},
};
static const struct net_row mirred_parms_rows[] = {
	{.key = "egress", .attr = offsetof(struct tc_mirred, eaction), .type = NET_ENUM, .size = 4, .names = &egress,
	 .min = TCA_EGRESS_REDIR, .max = TCA_EGRESS_MIRROR, .flags = NET_HDR,
	 .doc = "send the packet, or a copy, by another link"},
	{.key = "ingress", .attr = offsetof(struct tc_mirred, eaction), .type = NET_ENUM, .size = 4, .names = &ingress,
	 .min = TCA_INGRESS_REDIR, .max = TCA_INGRESS_MIRROR, .flags = NET_HDR,
	 .doc = "let the packet, or a copy, arrive at another link"},
	{.key = "dev", .attr = offsetof(struct tc_mirred, ifindex), .type = NET_LINK, .size = 4, .flags = NET_HDR,
	 .doc = "that link"},
	GEN(struct tc_mirred),
};
PARMS(mirred, "mirred", struct tc_mirred);
static const struct net_row mirred_rows[] = {BEGIN(TCA_MIRRED_PARMS, mirred)};
TABLE(mirred, "mirred");

static const struct net_enum ptypes = {
	.list = (struct net_word[]){{"host", 0}, {"broadcast", 1}, {"multicast", 2}, {"otherhost", 3}, {NULL, 0}},
};
static const struct net_row skbedit_parms_rows[] = {GEN(struct tc_skbedit)};
PARMS(skbedit, "skbedit", struct tc_skbedit);
static const struct net_row skbedit_flag_rows[] = {
	BIT("inheritdsfield", 0, 8, SKBEDIT_F_INHERITDSFIELD, "priority by the packet's DS field"),
};
static const struct net_table skbedit_flags = {"skbedit", skbedit_flag_rows, 1, 8, true};
static const struct net_row skbedit_rows[] = {
	{.key = "priority", .attr = TCA_SKBEDIT_PRIORITY, .type = NET_HANDLE, .size = 4, .names = &net_class_ids,
	 .doc = "priority, or class as \"1:10\""},
	TC_UINT("queue_mapping", TCA_SKBEDIT_QUEUE_MAPPING, 2, 0, "send queue"),
	TC_UINT("mark", TCA_SKBEDIT_MARK, 4, 0, "firewall mark"),
	TC_UINT("mask", TCA_SKBEDIT_MASK, 4, 0, "mark: the bits that are set"),
	TC_ENUM("ptype", TCA_SKBEDIT_PTYPE, 2, ptypes, 0, "for whom it seems to be"),
	{.attr = TCA_SKBEDIT_FLAGS, .type = NET_NEST, .flags = NET_FLAT, .nest = &skbedit_flags},
	BEGIN(TCA_SKBEDIT_PARMS, skbedit),
};
TABLE(skbedit, "skbedit");

static const struct net_enum vlan_modes = {
	.list = (struct net_word[]){{"pop", TCA_VLAN_ACT_POP}, {"push", TCA_VLAN_ACT_PUSH}, {"modify", TCA_VLAN_ACT_MODIFY},
				    {"pop_eth", TCA_VLAN_ACT_POP_ETH}, {"push_eth", TCA_VLAN_ACT_PUSH_ETH}, {NULL, 0}},
};
static const struct net_row vlan_parms_rows[] = {
	TC_ENUM("mode", offsetof(struct tc_vlan, v_action), 4, vlan_modes, NET_HDR, "what is done with the tag or header"),
	GEN(struct tc_vlan),
};
PARMS(vlan, "vlan", struct tc_vlan);
static const struct net_row vlan_rows[] = {
	BEGIN(TCA_VLAN_PARMS, vlan),
	{.key = "id", .attr = TCA_VLAN_PUSH_VLAN_ID, .type = NET_UINT, .size = 2, .max = 4095, .doc = "VLAN"},
	ETHTYPE("protocol", TCA_VLAN_PUSH_VLAN_PROTOCOL, "of the tag: 802.1q unless given"),
	{.key = "priority", .attr = TCA_VLAN_PUSH_VLAN_PRIORITY, .type = NET_UINT, .size = 1, .max = 7,
	 .doc = "priority in the tag"},
	MAC("dst_mac", TCA_VLAN_PUSH_ETH_DST, "push_eth: destination"),
	MAC("src_mac", TCA_VLAN_PUSH_ETH_SRC, "push_eth: source"),
};
TABLE(vlan, "vlan");

#define SUM(k, bit, text) BIT(k, offsetof(struct tc_csum, update_flags), 4, TCA_CSUM_UPDATE_FLAG_##bit, text)
static const struct net_row csum_parms_rows[] = {
	SUM("iph", IPV4HDR, "work out the IPv4 header's checksum"), SUM("icmp", ICMP, "that of ICMP"),
	SUM("igmp", IGMP, "that of IGMP"), SUM("tcp", TCP, "that of TCP"), SUM("udp", UDP, "that of UDP"),
	SUM("udplite", UDPLITE, "that of UDP-Lite"), SUM("sctp", SCTP, "that of SCTP"),
	GEN(struct tc_csum),
};
PARMS(csum, "csum", struct tc_csum);
static const struct net_row csum_rows[] = {BEGIN(TCA_CSUM_PARMS, csum)};
TABLE(csum, "csum");

static const struct net_enum tunnel_modes = {
	.list = (struct net_word[]){{"set", TCA_TUNNEL_KEY_ACT_SET}, {"unset", TCA_TUNNEL_KEY_ACT_RELEASE}, {NULL, 0}},
};
static const struct net_row tunnel_key_parms_rows[] = {
	TC_ENUM("mode", offsetof(struct tc_tunnel_key, t_action), 4, tunnel_modes, NET_HDR,
		"give the packet what a tunnel needs, or take it away"),
	GEN(struct tc_tunnel_key),
};
PARMS(tunnel_key, "tunnel_key", struct tc_tunnel_key);
#define OUTER(k, side, text)                                                             \
	{.key = (k), .attr = TCA_TUNNEL_KEY_ENC_IPV4_##side, .aux = TCA_TUNNEL_KEY_ENC_IPV6_##side, \
	 .type = NET_IP, .doc = (text)}
static const struct net_row tunnel_key_rows[] = {
	BEGIN(TCA_TUNNEL_KEY_PARMS, tunnel_key),
	OUTER("src_ip", SRC, "outer source"),
	OUTER("dst_ip", DST, "outer destination"),
	{.key = "id", .attr = TCA_TUNNEL_KEY_ENC_KEY_ID, .type = NET_UINT, .size = 4, .flags = NET_BE, .doc = "key, or VNI"},
	BE16("dst_port", TCA_TUNNEL_KEY_ENC_DST_PORT, "outer UDP destination"),
	TC_UINT("tos", TCA_TUNNEL_KEY_ENC_TOS, 1, 0, "outer type of service"),
	TC_UINT("ttl", TCA_TUNNEL_KEY_ENC_TTL, 1, 0, "outer hops"),
	TC_BOOL("nocsum", TCA_TUNNEL_KEY_NO_CSUM, 1, 0, "have no outer UDP checksum"),
};
TABLE(tunnel_key, "tunnel_key");

static const struct net_row connmark_parms_rows[] = {
	TC_UINT("zone", offsetof(struct tc_connmark, zone), 2, NET_HDR, "zone of conntrack"), GEN(struct tc_connmark),
};
PARMS(connmark, "connmark", struct tc_connmark);
static const struct net_row connmark_rows[] = {BEGIN(TCA_CONNMARK_PARMS, connmark)};
TABLE(connmark, "connmark");

static const struct net_row sample_parms_rows[] = {GEN(struct tc_sample)};
PARMS(sample, "sample", struct tc_sample);
static const struct net_row sample_rows[] = {
	BEGIN(TCA_SAMPLE_PARMS, sample),
	TC_UINT("rate", TCA_SAMPLE_RATE, 4, 0, "one packet in so many"),
	TC_UINT("trunc", TCA_SAMPLE_TRUNC_SIZE, 4, 0, "bytes of it that are kept"),
	TC_UINT("group", TCA_SAMPLE_PSAMPLE_GROUP, 4, 0, "where the samples go to"),
};
TABLE(sample, "sample");

static const struct net_enum mpls_modes = {
	.list = (struct net_word[]){{"pop", TCA_MPLS_ACT_POP}, {"push", TCA_MPLS_ACT_PUSH}, {"modify", TCA_MPLS_ACT_MODIFY},
				    {"dec_ttl", TCA_MPLS_ACT_DEC_TTL}, {"mac_push", TCA_MPLS_ACT_MAC_PUSH}, {NULL, 0}},
};
static const struct net_row mpls_parms_rows[] = {
	TC_ENUM("mode", offsetof(struct tc_mpls, m_action), 4, mpls_modes, NET_HDR, "what is done with the label"),
	GEN(struct tc_mpls),
};
PARMS(mpls, "mpls", struct tc_mpls);
static const struct net_row mpls_rows[] = {
	BEGIN(TCA_MPLS_PARMS, mpls),
	ETHTYPE("protocol", TCA_MPLS_PROTO, "push: of the header; pop: of what is behind it"),
	{.key = "label", .attr = TCA_MPLS_LABEL, .type = NET_UINT, .size = 4, .max = 0xfffff, .doc = "the label"},
	{.key = "tc", .attr = TCA_MPLS_TC, .type = NET_UINT, .size = 1, .max = 7, .doc = "traffic class"},
	{.key = "ttl", .attr = TCA_MPLS_TTL, .type = NET_UINT, .size = 1, .min = 1, .max = 255, .doc = "hops"},
	{.key = "bos", .attr = TCA_MPLS_BOS, .type = NET_UINT, .size = 1, .max = 1, .doc = "1: it is the last label"},
};
TABLE(mpls, "mpls");

static const struct net_row simple_parms_rows[] = {GEN(struct tc_defact)};
PARMS(simple, "simple", struct tc_defact);
static const struct net_row simple_rows[] = {
	BEGIN(TCA_DEF_PARMS, simple),
	{.key = "sdata", .attr = TCA_DEF_DATA, .type = NET_STRING, .max = 31, .doc = "what the kernel logs"},
};
TABLE(simple, "simple");

#define CT(k, bit, text) \
	{.key = (k), .type = NET_BIT, .size = 2, .mask = (bit), .flags = NET_HDR | NET_QUIET, .doc = (text)}
static const struct net_row ct_bit_rows[] = {
	CT("commit", TCA_CT_ACT_COMMIT, "keep the connection"), CT("force", TCA_CT_ACT_FORCE, "even in the other direction"),
	CT("clear", TCA_CT_ACT_CLEAR, "forget what is known of the packet"),
	CT("nat", TCA_CT_ACT_NAT, "change addresses as the connection says"),
};
static const struct net_table ct_bits = {"ct", ct_bit_rows, NET_COUNT(ct_bit_rows), 2, true};
static const struct net_row ct_parms_rows[] = {GEN(struct tc_ct)};
PARMS(ct, "ct", struct tc_ct);
static const struct net_row ct_rows[] = {
	BEGIN(TCA_CT_PARMS, ct),
	{.attr = TCA_CT_ACTION, .type = NET_NEST, .flags = NET_FLAT, .nest = &ct_bits},
	TC_UINT("zone", TCA_CT_ZONE, 2, 0, "zone of conntrack"),
	{.key = "mark", .attr = TCA_CT_MARK, .aux = TCA_CT_MARK_MASK, .type = NET_UINT, .size = 4, .flags = NET_MASKED,
	 .doc = "mark of the connection, with a mask as \"0x1/0xff\""},
};
TABLE(ct, "ct");

static const struct net_row bpf_rows[] = {
	{.key = "name", .attr = TCA_ACT_BPF_NAME, .type = NET_STRING, .flags = NET_RO, .doc = "name of the program"},
	TC_UINT("id", TCA_ACT_BPF_ID, 4, NET_RO, "its number"),
};
TABLE(bpf, "bpf");

static const struct net_kind actions[] = {
	{"bpf", &bpf, NULL, "CONFIG_NET_ACT_BPF", "run a program; it is only read"},
	{"connmark", &connmark, NULL, "CONFIG_NET_ACT_CONNMARK", "give the packet the mark of its connection"},
	{"csum", &csum, NULL, "CONFIG_NET_ACT_CSUM", "work checksums out"},
	{"ct", &ct, NULL, "CONFIG_NET_ACT_CT", "track connections"},
	{"gact", &gact, NULL, "CONFIG_NET_ACT_GACT", "drop it, let it pass, or go on"},
	{"mirred", &mirred, NULL, "CONFIG_NET_ACT_MIRRED", "another link gets the packet or a copy"},
	{"mpls", &mpls, NULL, "CONFIG_NET_ACT_MPLS", "change MPLS labels"},
	{"pedit", NULL, NULL, "CONFIG_NET_ACT_PEDIT", "change any bytes; its options are not known"},
	{"police", &net_police_table, NULL, "CONFIG_NET_ACT_POLICE", "what is more than a rate is treated apart"},
	{"sample", &sample, NULL, "CONFIG_NET_ACT_SAMPLE", "copies of some packets to a program"},
	{"simple", &simple, NULL, "CONFIG_NET_ACT_SIMP", "log a text"},
	{"skbedit", &skbedit, NULL, "CONFIG_NET_ACT_SKBEDIT", "change what the kernel knows of the packet"},
	{"tunnel_key", &tunnel_key, NULL, "CONFIG_NET_ACT_TUNNEL_KEY", "what a tunnel link shall send it with"},
	{"vlan", &vlan, NULL, "CONFIG_NET_ACT_VLAN", "push, pop or change a VLAN tag"},
	{0},
};
const struct net_kind *const net_action_kinds = actions;

static const struct net_kind *find(const char *name)
{
	return net_kind_in(actions, name);
}

static const struct net_kind *all(unsigned int i)
{
	return actions[i].name ? &actions[i] : NULL;
}

static const struct net_row action_rows[] = {
	{.key = "kind", .attr = TCA_ACT_KIND, .type = NET_STRING, .min = 1, .max = 15, .flags = NET_MAIN,
	 .doc = "what sort of action it is"},
	{.attr = TCA_ACT_OPTIONS, .type = NET_KINDNEST, .kinds = find, .kind_all = all},
	{.key = "stats", .attr = TCA_ACT_STATS, .type = NET_NEST, .flags = NET_RO, .nest = &net_tc_stats,
	 .doc = "its counters"},
};
const struct net_table net_action_table = {"action", action_rows, NET_COUNT(action_rows), 0, false};
/* clang-format on */
