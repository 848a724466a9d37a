/* tc_shape.c - what shapes by a rate: tbf, htb, hfsc, and the action police */
#include <errno.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <stddef.h>

#include "tc.h"

/* clang-format off */
#define PART(s, member, part) (offsetof(s, member) + offsetof(struct tc_ratespec, part))
/* The rate of a C struct: its rows begin at @member. */
#define RATESPEC(s, member, k, text)                                                                       \
	{.key = (k), .attr = PART(s, member, rate), .type = NET_RATE, .size = 4, .flags = NET_HDR | NET_ZERO, \
	 .max = NET_MAX_RATE, .doc = (text)}
#define CELLS(s, member)                                                                                    \
	{.key = "overhead", .attr = PART(s, member, overhead), .type = NET_UINT, .size = 2,              \
	 .flags = NET_HDR | NET_ZERO, .doc = "bytes that each packet counts for more"},                     \
	{.key = "mpu", .attr = PART(s, member, mpu), .type = NET_UINT, .size = 2,                        \
	 .flags = NET_HDR | NET_ZERO, .doc = "bytes that each packet counts for at least"},                 \
	{.key = "rate", .attr = PART(s, member, linklayer), .type = NET_FIXED, .size = 1,                \
	 .begins = TC_LINKLAYER_ETHERNET, .flags = NET_HDR | NET_TWIN | NET_WO},                            \
	{.key = "linklayer", .attr = PART(s, member, linklayer), .type = NET_ENUM, .size = 1,            \
	 .min = TC_LINKLAYER_ATM, .max = TC_LINKLAYER_ATM, .flags = NET_HDR, .names = &linklayers,          \
	 .doc = "atm: packets count as whole cells; ethernet unless given"}
/* The same for the second rate of the struct, which has no words of its own. */
#define MORE_CELLS(s, member)                                                                               \
	{.key = "overhead", .attr = PART(s, member, overhead), .type = NET_UINT, .size = 2,              \
	 .flags = NET_HDR | NET_TWIN | NET_WO},                                                             \
	{.key = "mpu", .attr = PART(s, member, mpu), .type = NET_UINT, .size = 2,                        \
	 .flags = NET_HDR | NET_TWIN | NET_WO},                                                             \
	{.key = "rate", .attr = PART(s, member, linklayer), .type = NET_FIXED, .size = 1,                \
	 .begins = TC_LINKLAYER_ETHERNET, .flags = NET_HDR | NET_TWIN | NET_WO},                            \
	{.key = "linklayer", .attr = PART(s, member, linklayer), .type = NET_UINT, .size = 1,            \
	 .flags = NET_HDR | NET_TWIN | NET_WO}
/* Bytes that the kernel counts as time at the rate at @member. */
#define BURST(s, k, at, member, rate64, text)                                                               \
	{.key = (k), .attr = offsetof(s, at), .type = NET_BURST, .size = 4, .aux = PART(s, member, rate), \
	 .begins = (rate64), .flags = NET_HDR | NET_ZERO, .doc = (text)}
#define RATE64(k, number) {.key = (k), .attr = (number), .type = NET_RATE, .size = 8, .flags = NET_TWIN}

static const struct net_enum linklayers = {
	.list = (struct net_word[]){{"ethernet", TC_LINKLAYER_ETHERNET}, {"atm", TC_LINKLAYER_ATM},
				    {"adsl", TC_LINKLAYER_ATM}, {NULL, 0}},
};

static const struct net_row tbf_parms_rows[] = {
	RATESPEC(struct tc_tbf_qopt, rate, "rate", "packets leave no faster in the long run"),
	BURST(struct tc_tbf_qopt, "burst", buffer, rate, TCA_TBF_RATE64, "bytes that may leave at once"),
	TC_SIZE("limit", offsetof(struct tc_tbf_qopt, limit), NET_HDR, "most bytes that wait; or give latency"),
	RATESPEC(struct tc_tbf_qopt, peakrate, "peakrate", "packets leave no faster in the short run"),
	BURST(struct tc_tbf_qopt, "mtu", mtu, peakrate, TCA_TBF_PRATE64,
	      "peakrate: bytes that may leave at once; the link's largest packet"),
	CELLS(struct tc_tbf_qopt, rate),
	MORE_CELLS(struct tc_tbf_qopt, peakrate),
};
static const struct net_table tbf_parms = {"tbf", tbf_parms_rows, NET_COUNT(tbf_parms_rows),
					   sizeof(struct tc_tbf_qopt), true};
static const struct net_row tbf_rows[] = {
	{.attr = TCA_TBF_PARMS, .type = NET_NEST, .flags = NET_FLAT, .nest = &tbf_parms},
	RATE64("rate", TCA_TBF_RATE64),
	RATE64("peakrate", TCA_TBF_PRATE64),
	TC_TIME("latency", TCA_TBF_PAD, 1000000, NET_WO, "longest wait of a packet; it is told as limit"),
};
const struct net_table net_tbf_table = {"tbf", tbf_rows, NET_COUNT(tbf_rows), 0, false};

static const struct net_row htb_glob_rows[] = {
	{.key = "default", .attr = offsetof(struct tc_htb_glob, defcls), .type = NET_HANDLE, .size = 4, .mask = 0xffff,
	 .flags = NET_HDR | NET_ZERO, .names = &net_class_ids,
	 .doc = "class of packets that no filter puts elsewhere, as \"1:10\" or \"10\"; absent: not shaped"},
	TC_UINT("r2q", offsetof(struct tc_htb_glob, rate2quantum), 4, NET_HDR, "a class's quantum is its rate by this; 10"),
	{.key = "r2q", .attr = offsetof(struct tc_htb_glob, version), .type = NET_FIXED, .size = 4,
	 .begins = TC_HTB_PROTOVER, .flags = NET_HDR | NET_TWIN | NET_WO},
	TC_UINT("direct_packets", offsetof(struct tc_htb_glob, direct_pkts), 4, NET_HDR | NET_RO,
		"packets that were not shaped"),
};
static const struct net_table htb_glob = {"htb", htb_glob_rows, NET_COUNT(htb_glob_rows), sizeof(struct tc_htb_glob),
					  true};
static const struct net_row htb_rows[] = {
	{.attr = TCA_HTB_INIT, .type = NET_NEST, .flags = NET_FLAT, .nest = &htb_glob},
	TC_UINT("direct_qlen", TCA_HTB_DIRECT_QLEN, 4, 0, "most packets that wait unshaped; the link's txqlen"),
	{.key = "offload", .attr = TCA_HTB_OFFLOAD, .type = NET_FLAG, .doc = "done by hardware"},
};
const struct net_table net_htb_table = {"htb", htb_rows, NET_COUNT(htb_rows), 0, false};

#define HTB(member) offsetof(struct tc_htb_opt, member)
static const struct net_row htb_opt_rows[] = {
	RATESPEC(struct tc_htb_opt, rate, "rate", "what the class surely gets"),
	RATESPEC(struct tc_htb_opt, ceil, "ceil", "most that it gets when others leave something; rate unless given"),
	BURST(struct tc_htb_opt, "burst", buffer, rate, TCA_HTB_RATE64, "bytes that may leave at once beyond rate"),
	BURST(struct tc_htb_opt, "cburst", cbuffer, ceil, TCA_HTB_CEIL64, "bytes that may leave at once beyond ceil"),
	TC_UINT("quantum", HTB(quantum), 4, NET_HDR | NET_ZERO, "bytes before another class has its turn"),
	TC_UINT("prio", HTB(prio), 4, NET_HDR, "0 to 7: lower ones are first offered what others leave"),
	TC_UINT("level", HTB(level), 4, NET_HDR | NET_RO, "0: a leaf"),
	CELLS(struct tc_htb_opt, rate),
	MORE_CELLS(struct tc_htb_opt, ceil),
};
static const struct net_table htb_opt = {"htb", htb_opt_rows, NET_COUNT(htb_opt_rows), sizeof(struct tc_htb_opt), true};
static const struct net_row htb_class_rows[] = {
	{.attr = TCA_HTB_PARMS, .type = NET_NEST, .flags = NET_FLAT, .nest = &htb_opt},
	RATE64("rate", TCA_HTB_RATE64),
	RATE64("ceil", TCA_HTB_CEIL64),
};
const struct net_table net_htb_class_table = {"htb class", htb_class_rows, NET_COUNT(htb_class_rows), 0, false};

static const struct net_row hfsc_rows[] = {
	{.key = "default", .attr = offsetof(struct tc_hfsc_qopt, defcls), .type = NET_HANDLE, .size = 2, .mask = 0xffff,
	 .flags = NET_HDR | NET_ZERO, .names = &net_class_ids, .doc = "class of packets that no filter puts elsewhere"},
};
const struct net_table net_hfsc_table = {"hfsc", hfsc_rows, 1, sizeof(struct tc_hfsc_qopt), true};

#define CURVE(member) offsetof(struct tc_service_curve, member)
static const struct net_row curve_rows[] = {
	TC_RATE("m1", CURVE(m1), NET_HDR, "the rate at first"),
	TC_TIME("d", CURVE(d), 1000000, NET_HDR, "how long that lasts"),
	TC_RATE("m2", CURVE(m2), NET_HDR, "the rate after"),
};
static const struct net_table curve = {"curve", curve_rows, NET_COUNT(curve_rows), sizeof(struct tc_service_curve),
				       true};
static const struct net_row hfsc_class_rows[] = {
	{.key = "rt", .attr = TCA_HFSC_RSC, .type = NET_NEST, .nest = &curve, .doc = "service that it surely gets"},
	{.key = "ls", .attr = TCA_HFSC_FSC, .type = NET_NEST, .nest = &curve, .doc = "its share of what is left"},
	{.key = "ul", .attr = TCA_HFSC_USC, .type = NET_NEST, .nest = &curve, .doc = "most service that it gets"},
};
const struct net_table net_hfsc_class_table = {"hfsc class", hfsc_class_rows, NET_COUNT(hfsc_class_rows), 0, false};

#define POLICE(member) offsetof(struct tc_police, member)
static const struct net_row police_parms_rows[] = {
	RATESPEC(struct tc_police, rate, "rate", "what is faster is too much"),
	/* without a table of the right size, and a hint how coarse it is, there is no rate */
	{.key = "rate", .attr = POLICE(rate.cell_log), .type = NET_FIXED, .size = 1, .begins = 3,
	 .flags = NET_HDR | NET_TWIN | NET_WO},
	BURST(struct tc_police, "burst", burst, rate, TCA_POLICE_RATE64, "bytes that may come at once"),
	TC_SIZE("mtu", POLICE(mtu), NET_HDR | NET_ZERO, "larger packets are too much; 2040 unless given"),
	RATESPEC(struct tc_police, peakrate, "peakrate", "what is faster in the short run is too much"),
	{.key = "peakrate", .attr = POLICE(peakrate.cell_log), .type = NET_FIXED, .size = 1, .begins = 3,
	 .flags = NET_HDR | NET_TWIN | NET_WO},
	TC_ENUM("exceed", POLICE(action), 4, net_tc_actions, NET_HDR, "what happens to what is too much"),
	TC_UINT("index", POLICE(index), 4, NET_HDR | NET_RO, "number of the action"),
	CELLS(struct tc_police, rate),
	MORE_CELLS(struct tc_police, peakrate),
};
static const struct net_table police_parms = {"police", police_parms_rows, NET_COUNT(police_parms_rows),
					      sizeof(struct tc_police), true};
static const struct net_row police_rows[] = {
	{.attr = TCA_POLICE_TBF, .type = NET_NEST, .flags = NET_FLAT, .nest = &police_parms},
	{.key = "rate", .attr = TCA_POLICE_RATE, .type = NET_FIXED, .max = TC_RTAB_SIZE, .flags = NET_TWIN | NET_WO},
	{.key = "peakrate", .attr = TCA_POLICE_PEAKRATE, .type = NET_FIXED, .max = TC_RTAB_SIZE,
	 .flags = NET_TWIN | NET_WO},
	RATE64("rate", TCA_POLICE_RATE64),
	RATE64("peakrate", TCA_POLICE_PEAKRATE64),
	TC_ENUM("conform", TCA_POLICE_RESULT, 4, net_tc_actions, 0, "what happens to the rest; pass unless given"),
	{.key = "avrate", .attr = TCA_POLICE_AVRATE, .type = NET_RATE, .size = 4,
	 .doc = "what is faster on average is too much; needs an estimator"},
	{.key = "pkts_rate", .attr = TCA_POLICE_PKTRATE64, .type = NET_UINT, .size = 8,
	 .doc = "packets in a second; more are too much"},
	{.key = "pkts_burst", .attr = TCA_POLICE_PKTBURST64, .type = NET_BURST, .size = 8,
	 .aux = TCA_POLICE_PKTRATE64,
	 .doc = "packets that may come at once"},
};
const struct net_table net_police_table = {"police", police_rows, NET_COUNT(police_rows), 0, false};
/* clang-format on */

#define RATE (&tbf_parms_rows[0])
#define BURST_ROW (&tbf_parms_rows[1])
#define LIMIT (&tbf_parms_rows[2])
#define PEAK (&tbf_parms_rows[3])
#define MTU (&tbf_parms_rows[4])
#define LATENCY (&tbf_rows[3])

/* net_tbf_prepare() - what tbf needs; a latency becomes the limit that brings it */
int net_tbf_prepare(struct net_fields *f, struct net_err *err)
{
	const struct net_field *rate = net_given(f->v, f->n, RATE), *burst = net_given(f->v, f->n, BURST_ROW);
	struct net_field *latency = (struct net_field *)(uintptr_t)net_given(f->v, f->n, LATENCY);
	const struct net_field *limit = net_given(f->v, f->n, LIMIT), *peak = net_given(f->v, f->n, PEAK);
	const struct net_field *mtu = net_given(f->v, f->n, MTU);
	double bytes, less;

	if (!rate || !rate->i || !burst || !burst->i)
		return net_misuse(err, "tbf needs rate and burst, as rate = \"10mbit\", burst = \"32kb\"");
	if (!limit && !latency)
		return net_misuse(err, "tbf needs limit or latency: how many bytes, or how long, packets wait");
	if (peak && peak->i && !mtu)
		return net_misuse(err, "peakrate needs mtu: the bytes of the largest packet");
	if (!latency)
		return 0;
	if (limit)
		return net_misuse(err, "limit and latency say the same; give one of them");
	bytes = (double)rate->i * (double)latency->i / 1e6 + (double)burst->i;
	if (peak && peak->i) { /* whichever of the two buckets holds packets longer */
		less = (double)peak->i * (double)latency->i / 1e6 + (double)mtu->i;
		bytes = less < bytes ? less : bytes;
	}
	if (bytes > UINT32_MAX)
		return net_misuse(err, "latency is too long for this rate: the queue would hold %.0f bytes", bytes);
	latency->row = LIMIT;
	latency->i = (int64_t)bytes;
	return 0;
}
