/* encap.c - what routes and nexthops wrap packets in: the encapsulations of lightweight tunnels */
#include <errno.h>
#include <linux/ioam6_iptunnel.h>
#include <linux/lwtunnel.h>
#include <linux/mpls_iptunnel.h>
#include <linux/seg6_iptunnel.h>
#include <linux/seg6_local.h>
#include <string.h>
#include <sys/socket.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "net.h"
#include "tables.h"

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))
#define SEG 16 /* bytes of a segment */

/* clang-format off */
static const struct net_enum types = {
	.list = (struct net_word[]){{"mpls", LWTUNNEL_ENCAP_MPLS}, {"ip", LWTUNNEL_ENCAP_IP}, {"ip6", LWTUNNEL_ENCAP_IP6},
				    {"seg6", LWTUNNEL_ENCAP_SEG6}, {"seg6local", LWTUNNEL_ENCAP_SEG6_LOCAL},
				    {"bpf", LWTUNNEL_ENCAP_BPF}, {"ila", LWTUNNEL_ENCAP_ILA},
				    {"rpl", LWTUNNEL_ENCAP_RPL}, {"ioam6", LWTUNNEL_ENCAP_IOAM6},
				    {"xfrm", LWTUNNEL_ENCAP_XFRM}, {NULL, 0}},
};
static const struct net_enum modes = {
	.list = (struct net_word[]){{"inline", SEG6_IPTUN_MODE_INLINE}, {"encap", SEG6_IPTUN_MODE_ENCAP},
				    {"l2encap", SEG6_IPTUN_MODE_L2ENCAP}, {"encap.red", SEG6_IPTUN_MODE_ENCAP_RED},
				    {"l2encap.red", SEG6_IPTUN_MODE_L2ENCAP_RED}, {NULL, 0}},
};
static const struct net_enum actions = {
	.list = (struct net_word[]){{"End", SEG6_LOCAL_ACTION_END}, {"End.X", SEG6_LOCAL_ACTION_END_X},
				    {"End.T", SEG6_LOCAL_ACTION_END_T}, {"End.DX2", SEG6_LOCAL_ACTION_END_DX2},
				    {"End.DX6", SEG6_LOCAL_ACTION_END_DX6}, {"End.DX4", SEG6_LOCAL_ACTION_END_DX4},
				    {"End.DT6", SEG6_LOCAL_ACTION_END_DT6}, {"End.DT4", SEG6_LOCAL_ACTION_END_DT4},
				    {"End.DT46", SEG6_LOCAL_ACTION_END_DT46}, {"End.B6", SEG6_LOCAL_ACTION_END_B6},
				    {"End.B6.Encaps", SEG6_LOCAL_ACTION_END_B6_ENCAP},
				    {"End.BM", SEG6_LOCAL_ACTION_END_BM}, {"End.S", SEG6_LOCAL_ACTION_END_S},
				    {"End.AS", SEG6_LOCAL_ACTION_END_AS}, {"End.AM", SEG6_LOCAL_ACTION_END_AM},
				    {"End.BPF", SEG6_LOCAL_ACTION_END_BPF}, {NULL, 0}},
};
static const struct net_enum ioam6_modes = {
	.list = (struct net_word[]){{"inline", IOAM6_IPTUNNEL_MODE_INLINE}, {"encap", IOAM6_IPTUNNEL_MODE_ENCAP},
				    {"auto", IOAM6_IPTUNNEL_MODE_AUTO}, {NULL, 0}},
};

/* What is inside stands behind its type, which is an attribute beside it. */
#define TYPE                                                                                       \
	{.key = "type", .type = NET_ENUM, .size = 2, .flags = NET_HDR, .names = &types,            \
	 .doc = "how packets are wrapped"}
#define UINT(k, number, bytes, more, text)                                                         \
	{.key = (k), .attr = (number), .type = NET_UINT, .size = (bytes), .flags = (more), .doc = (text)}
#define IP(k, number, more, text) {.key = (k), .attr = (number), .type = NET_IP, .flags = (more), .doc = (text)}
#define DEV(k, number, text) {.key = (k), .attr = (number), .type = NET_LINK, .size = 4, .doc = (text)}
#define BIT(k, bit, text)                                                                          \
	{.key = (k), .type = NET_BIT, .size = 2, .mask = (bit), .flags = NET_HDR | NET_BE | NET_QUIET, .doc = (text)}
#define TABLE(id, text) \
	static const struct net_table id##_table = {text " encapsulation", id##_rows, COUNT(id##_rows), 0, false}

static const struct net_row other_rows[] = {TYPE};
TABLE(other, "such");

static const struct net_row mpls_rows[] = {
	TYPE,
	{.key = "labels", .attr = MPLS_IPTUNNEL_DST, .type = NET_LABELS, .doc = "mpls: the labels, as '100/200'"},
	UINT("ttl", MPLS_IPTUNNEL_TTL, 1, 0, "mpls, ip: time to live"),
};
TABLE(mpls, "mpls");

static const struct net_row tunnel_flag_rows[] = {
	BIT("key", 0x04, "ip, ip6: id is sent as the tunnel's key"),
	BIT("csum", 0x01, "ip, ip6: with checksums"),
	BIT("seq", 0x08, "ip, ip6: with sequence numbers"),
};
static const struct net_table tunnel_flags = {"tunnel flags", tunnel_flag_rows, COUNT(tunnel_flag_rows), 2, true};

static const struct net_row ip_rows[] = {
	TYPE,
	UINT("id", LWTUNNEL_IP_ID, 8, NET_BE, "ip, ip6: tunnel number"),
	IP("dst", LWTUNNEL_IP_DST, NET_ZERO, "ip, ip6: the tunnel's other end"),
	IP("src", LWTUNNEL_IP_SRC, NET_ZERO, "ip, ip6: the tunnel's address here"),
	UINT("ttl", LWTUNNEL_IP_TTL, 1, 0, "mpls, ip: time to live"),
	UINT("tos", LWTUNNEL_IP_TOS, 1, 0, "ip: type of service"),
	{.attr = LWTUNNEL_IP_FLAGS, .type = NET_NEST, .flags = NET_FLAT, .nest = &tunnel_flags},
};
TABLE(ip, "ip");

static const struct net_row ip6_rows[] = {
	TYPE,
	UINT("id", LWTUNNEL_IP6_ID, 8, NET_BE, "ip, ip6: tunnel number"),
	IP("dst", LWTUNNEL_IP6_DST, NET_ZERO, "ip, ip6: the tunnel's other end"),
	IP("src", LWTUNNEL_IP6_SRC, NET_ZERO, "ip, ip6: the tunnel's address here"),
	UINT("hoplimit", LWTUNNEL_IP6_HOPLIMIT, 1, 0, "ip6: hop limit"),
	UINT("tc", LWTUNNEL_IP6_TC, 1, 0, "ip6: traffic class"),
	{.attr = LWTUNNEL_IP6_FLAGS, .type = NET_NEST, .flags = NET_FLAT, .nest = &tunnel_flags},
};
TABLE(ip6, "ip6");

static const struct net_row seg6_rows[] = {
	TYPE,
	/* written with the segments, which share its attribute */
	{.key = "mode", .attr = SEG6_IPTUNNEL_SRH, .type = NET_ENUM, .size = 4, .flags = NET_WITH, .names = &modes,
	 .doc = "seg6, ioam6: in the packet (inline), around it (encap), around the frame (l2encap), as needed (auto)"},
	{.key = "segs", .attr = SEG6_IPTUNNEL_SRH, .type = NET_SEGS, .size = SEG, .min = 4,
	 .doc = "seg6: the segments, a list of addresses"},
};
TABLE(seg6, "seg6");

static const struct net_row count_rows[] = {
	UINT("packets", SEG6_LOCAL_CNT_PACKETS, 8, 0, "packets that were treated so"),
	UINT("bytes", SEG6_LOCAL_CNT_BYTES, 8, 0, "their bytes"),
	UINT("errors", SEG6_LOCAL_CNT_ERRORS, 8, 0, "packets that could not be"),
};
static const struct net_table count = {"count", count_rows, COUNT(count_rows), 0, false};

#define FLAVOR(k, number, text)                                                                    \
	{.key = (k), .type = NET_BIT, .size = 4, .mask = 1U << (number), .flags = NET_HDR | NET_QUIET, .doc = (text)}
static const struct net_row operation_rows[] = {
	FLAVOR("psp", SEG6_LOCAL_FLV_OP_PSP, "seg6local: the last but one takes the header off"),
	FLAVOR("usp", SEG6_LOCAL_FLV_OP_USP, "seg6local: the last one takes the header off"),
	FLAVOR("usd", SEG6_LOCAL_FLV_OP_USD, "seg6local: the last one takes the packet out"),
	FLAVOR("next_csid", SEG6_LOCAL_FLV_OP_NEXT_CSID, "seg6local: several segments in an address"),
};
static const struct net_table operations = {"flavors", operation_rows, COUNT(operation_rows), 4, true};
static const struct net_row flavor_rows[] = {
	{.attr = SEG6_LOCAL_FLV_OPERATION, .type = NET_NEST, .flags = NET_FLAT, .nest = &operations},
	UINT("lblen", SEG6_LOCAL_FLV_LCBLOCK_BITS, 1, 0, "seg6local, next_csid: bits of the block before them"),
	UINT("nflen", SEG6_LOCAL_FLV_LCNODE_FN_BITS, 1, 0, "seg6local, next_csid: bits of each"),
};
static const struct net_table flavors = {"flavors", flavor_rows, COUNT(flavor_rows), 0, false};

static const struct net_row seg6local_rows[] = {
	TYPE,
	{.key = "action", .attr = SEG6_LOCAL_ACTION, .type = NET_ENUM, .size = 4, .names = &actions,
	 .doc = "seg6local: what this segment does"},
	{.key = "srh", .attr = SEG6_LOCAL_SRH, .type = NET_SEGS, .size = SEG, .doc = "seg6local: more segments, a list"},
	{.key = "table", .attr = SEG6_LOCAL_TABLE, .type = NET_ENUM, .size = 4, .names = &net_route_tables,
	 .doc = "seg6local: routing table"},
	{.key = "vrftable", .attr = SEG6_LOCAL_VRFTABLE, .type = NET_ENUM, .size = 4, .names = &net_route_tables,
	 .doc = "seg6local: routing table of a VRF"},
	IP("nh4", SEG6_LOCAL_NH4, 0, "seg6local: IPv4 nexthop"),
	IP("nh6", SEG6_LOCAL_NH6, 0, "seg6local: IPv6 nexthop"),
	DEV("iif", SEG6_LOCAL_IIF, "seg6local: link to receive on"),
	DEV("oif", SEG6_LOCAL_OIF, "seg6local: link to send on"),
	{.attr = SEG6_LOCAL_FLAVORS, .type = NET_NEST, .flags = NET_FLAT, .nest = &flavors},
	{.key = "count", .attr = SEG6_LOCAL_COUNTERS, .type = NET_NEST, .nest = &count,
	 .doc = "seg6local: counters; { packets = 0, bytes = 0, errors = 0 } asks for them"},
};
TABLE(seg6local, "seg6local");

static const struct net_row prog_rows[] = {
	{.key = "xmit", .attr = LWT_BPF_PROG_NAME, .type = NET_STRING, .flags = NET_RO,
	 .doc = "bpf: name of the program that sees what is sent"},
};
static const struct net_table prog = {"program", prog_rows, COUNT(prog_rows), 0, false};
static const struct net_row bpf_rows[] = {
	TYPE,
	{.attr = LWT_BPF_XMIT, .type = NET_NEST, .flags = NET_FLAT, .nest = &prog},
	UINT("headroom", LWT_BPF_XMIT_HEADROOM, 4, NET_RO, "bpf: bytes that it may put before packets"),
};
TABLE(bpf, "bpf");

static const struct net_row ioam6_rows[] = {
	TYPE,
	{.key = "mode", .attr = IOAM6_IPTUNNEL_MODE, .type = NET_ENUM, .size = 1, .names = &ioam6_modes,
	 .flags = NET_RO,
	 .doc = "seg6, ioam6: in the packet (inline), around it (encap), around the frame (l2encap), as needed (auto)"},
	IP("tundst", IOAM6_IPTUNNEL_DST, NET_RO, "ioam6: the tunnel's other end"),
};
TABLE(ioam6, "ioam6");

static const struct net_row xfrm_rows[] = {
	TYPE,
	UINT("if_id", LWT_XFRM_IF_ID, 4, 0, "xfrm: number of the IPsec interface"),
	DEV("link_dev", LWT_XFRM_LINK, "xfrm: the link below"),
};
TABLE(xfrm, "xfrm");
/* clang-format on */

#define SEGS (&seg6_rows[2])

/* By number; those that are not here have a type alone. */
static const struct net_table *const tables[] = {
	[LWTUNNEL_ENCAP_MPLS] = &mpls_table,   [LWTUNNEL_ENCAP_IP] = &ip_table,
	[LWTUNNEL_ENCAP_IP6] = &ip6_table,     [LWTUNNEL_ENCAP_SEG6] = &seg6_table,
	[LWTUNNEL_ENCAP_BPF] = &bpf_table,     [LWTUNNEL_ENCAP_SEG6_LOCAL] = &seg6local_table,
	[LWTUNNEL_ENCAP_IOAM6] = &ioam6_table, [LWTUNNEL_ENCAP_XFRM] = &xfrm_table,
};

/* net_lwt_table() - what stands in an encapsulation of this number */
const struct net_table *net_lwt_table(unsigned int number)
{
	return number < COUNT(tables) && tables[number] ? tables[number] : &other_table;
}

/* The table of the encapsulation that these fields are; NULL: something is missing. */
static const struct net_table *given_table(const struct net_field *f, unsigned int n, struct net_err *err)
{
	for (unsigned int i = 0; i < n; i += net_span(f, n, i)) {
		if (strcmp(f[i].row->key, "type") != 0)
			continue;
		if (f[i].i == LWTUNNEL_ENCAP_SEG6 && !net_given(f, n, SEGS))
			break;
		return net_lwt_table((unsigned int)f[i].i);
	}
	net_misuse(err, "encap.segs is needed: the addresses of the segments");
	return NULL;
}

/* net_lwt_find() - the same by its name; NULL: there is no such one */
const struct net_table *net_lwt_find(const char *name)
{
	for (const struct net_word *w = types.list; w->name; w++)
		if (strcmp(w->name, name) == 0)
			return net_lwt_table((unsigned int)w->value);
	return NULL;
}

/* net_lwt_refuse() - "encap.type must be one of ..." */
int net_lwt_refuse(const char *got, struct net_err *err)
{
	struct net_row row = {.key = "encap.type", .type = NET_ENUM, .names = &types};

	return net_field_refuse(&row, got, err);
}

/*
 * net_put_segs() - a list of segments as a routing header, last segment first, behind the mode where there is one
 * @mode: of a row with a mode
 * @f, @n: the segments
 */
int net_put_segs(struct nl_msg *m, const struct net_row *row, uint32_t mode, const struct net_field *f, unsigned int n,
		 struct net_err *err)
{
	/* the packet's own destination is the last segment of an inline header: its place stays empty */
	unsigned int room = row->min && mode == SEG6_IPTUN_MODE_INLINE ? n + 1 : n;
	struct ipv6_sr_hdr srh = {.hdrlen = (uint8_t)(room * 2), .type = 4};
	struct nlattr *a;
	char *to;

	if (n == 0 || room > 127)
		return net_misuse(err, "%s must be a list of 1 to 126 addresses", row->key);
	srh.segments_left = srh.first_segment = (uint8_t)(room - 1);
	a = nla_reserve(m, row->attr, (int)row->min + (int)sizeof(srh) + (int)room * SEG);
	if (!a)
		return -1;
	to = nla_data(a);
	memset(to, 0, (size_t)nla_len(a));
	memcpy(to, &mode, (size_t)row->min);
	to += row->min;
	memcpy(to, &srh, sizeof(srh));
	to += sizeof(srh);
	for (unsigned int i = 0; i < n; i++)
		memcpy(to + (room - 1 - i) * SEG, f[i].addr, SEG);
	return 0;
}

/* net_segs_span() - where the segments begin and end in an attribute; false: there are none */
bool net_segs_span(const struct net_row *row, const char *data, int len, const char **begin, const char **end)
{
	static const char none[SEG];
	struct ipv6_sr_hdr srh;
	uint32_t mode = SEG6_IPTUN_MODE_ENCAP;

	if (len < (int)row->min + (int)sizeof(srh))
		return false;
	memcpy(&mode, data, (size_t)row->min);
	memcpy(&srh, data + row->min, sizeof(srh));
	*begin = data + row->min + sizeof(srh);
	*end = *begin + (srh.first_segment + 1) * SEG;
	if (*end > data + len)
		return false;
	if (mode == SEG6_IPTUN_MODE_INLINE && srh.first_segment > 0 && memcmp(*begin, none, SEG) == 0)
		*begin += SEG;
	return true;
}

/* net_lwt_any() - the tables of all encapsulations, for the pages; NULL at the end */
const struct net_table *net_lwt_any(unsigned int i)
{
	return i < COUNT(tables) ? net_lwt_table(i) : NULL;
}

/* net_put_encap() - the type is a header of its own while the table is written, and goes out as the attribute beside
 * it. */
int net_put_encap(struct nl_msg *m, const struct net_row *row, const struct net_field *f, unsigned int n,
		  struct net_err *err)
{
	struct net_ctx ctx = {.family = AF_UNSPEC}; /* the tunnel's addresses may be of the other family */
	uint16_t type = 0;
	struct nlattr *nest = nla_nest_start(m, row->attr);
	const struct net_table *t = given_table(f, n, err);
	int r;

	if (!nest || !t)
		return err->code ? -err->code : -1;
	r = net_encode(m, &ctx, t, (char *)&type, f, n, err);
	if (r < 0)
		return r;
	nla_nest_end_keep_empty(m, nest);
	return nla_put_u16(m, row->aux, type);
}
