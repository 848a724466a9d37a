/* tc_qdisc.c - the kinds of qdiscs and classes: one row each, and the options of those that need no file of their own
 */
#include <linux/pkt_sched.h>
#include <stddef.h>
#include <string.h>

#include "tc.h"

/* clang-format off */
#define US(k, number, text) TC_TIME(k, number, 1000000, 0, text)
#define STEPS(k, number, step, text) \
	{.key = (k), .attr = (number), .type = NET_TIME, .size = 4, .unit = 1000000, .aux = (step), .doc = (text)}
#define TABLE(name, title) static const struct net_table name = {title, name##_rows, NET_COUNT(name##_rows), 0, false}
#define STRUCT(name, title, s) \
	static const struct net_table name = {title, name##_rows, NET_COUNT(name##_rows), sizeof(s), true}

static const struct net_row pfifo_rows[] = {TC_UINT("limit", 0, 4, NET_HDR, "most packets that wait")};
STRUCT(pfifo, "pfifo", struct tc_fifo_qopt);
static const struct net_row bfifo_rows[] = {TC_SIZE("limit", 0, NET_HDR, "most bytes that wait")};
STRUCT(bfifo, "bfifo", struct tc_fifo_qopt);
static const struct net_row skbprio_rows[] = {TC_UINT("limit", 0, 4, NET_HDR, "most packets that wait")};
STRUCT(skbprio, "skbprio", struct tc_skbprio_qopt);

static const struct net_row prio_rows[] = {
	{.key = "bands", .attr = offsetof(struct tc_prio_qopt, bands), .type = NET_UINT, .size = 4, .flags = NET_HDR,
	 .min = 2, .max = 16, .doc = "classes, the first is served first; 3 unless given"},
	{.key = "priomap", .attr = offsetof(struct tc_prio_qopt, priomap), .type = NET_NUMBERS, .size = 1, .max = 16,
	 .flags = NET_HDR, .doc = "band of each of the 16 packet priorities, from 0 on"},
};
STRUCT(prio, "prio", struct tc_prio_qopt);
static const struct net_row pfifo_fast_rows[] = {
	TC_UINT("bands", offsetof(struct tc_prio_qopt, bands), 4, NET_HDR | NET_RO, "bands, the first is served first"),
	{.key = "priomap", .attr = offsetof(struct tc_prio_qopt, priomap), .type = NET_NUMBERS, .size = 1, .max = 16,
	 .flags = NET_HDR | NET_RO, .doc = "band of each of the 16 packet priorities, from 0 on"},
};
STRUCT(pfifo_fast, "pfifo_fast", struct tc_prio_qopt);
static const struct net_row multiq_rows[] = {
	TC_UINT("bands", offsetof(struct tc_multiq_qopt, bands), 2, NET_HDR, "bands: one for each send queue, whatever is said"),
	TC_UINT("max_bands", offsetof(struct tc_multiq_qopt, max_bands), 2, NET_HDR | NET_RO, "send queues of the link"),
};
STRUCT(multiq, "multiq", struct tc_multiq_qopt);

static const struct net_row codel_rows[] = {
	TC_UINT("limit", TCA_CODEL_LIMIT, 4, 0, "most packets that wait"),
	STEPS("target", TCA_CODEL_TARGET, 1024, "queueing delay that is fine"),
	STEPS("interval", TCA_CODEL_INTERVAL, 1024, "how long the delay may be longer"),
	STEPS("ce_threshold", TCA_CODEL_CE_THRESHOLD, 1024, "mark packets that waited longer"),
	TC_BOOL("ecn", TCA_CODEL_ECN, 4, 0, "mark packets instead of dropping them, where they can be marked"),
};
TABLE(codel, "codel");
static const struct net_row fq_codel_rows[] = {
	TC_UINT("limit", TCA_FQ_CODEL_LIMIT, 4, 0, "most packets that wait"),
	TC_UINT("flows", TCA_FQ_CODEL_FLOWS, 4, NET_NEW, "queues that connections are spread over"),
	TC_SIZE("quantum", TCA_FQ_CODEL_QUANTUM, 0, "bytes before another queue has its turn"),
	STEPS("target", TCA_FQ_CODEL_TARGET, 1024, "queueing delay that is fine"),
	STEPS("interval", TCA_FQ_CODEL_INTERVAL, 1024, "how long the delay may be longer"),
	STEPS("ce_threshold", TCA_FQ_CODEL_CE_THRESHOLD, 1024, "mark packets that waited longer"),
	TC_UINT("ce_threshold_mask", TCA_FQ_CODEL_CE_THRESHOLD_MASK, 1, NET_ZERO,
		"ce_threshold: bits of the DS field that say for which packets"),
	TC_UINT("ce_threshold_selector", TCA_FQ_CODEL_CE_THRESHOLD_SELECTOR, 1, NET_ZERO,
		"ce_threshold: their value"),
	TC_SIZE("memory_limit", TCA_FQ_CODEL_MEMORY_LIMIT, 0, "most memory in bytes"),
	TC_BOOL("ecn", TCA_FQ_CODEL_ECN, 4, 0, "mark packets instead of dropping them, where they can be marked"),
	TC_UINT("drop_batch", TCA_FQ_CODEL_DROP_BATCH_SIZE, 4, 0, "packets that are dropped at once when it is full"),
};
TABLE(fq_codel, "fq_codel");

#define FQRATE(k, number, text) \
	{.key = (k), .attr = (number), .type = NET_RATE, .size = 4, .flags = NET_FOREVER, .doc = (text)}
static const struct net_row fq_rows[] = {
	TC_UINT("limit", TCA_FQ_PLIMIT, 4, 0, "most packets that wait"),
	TC_UINT("flow_limit", TCA_FQ_FLOW_PLIMIT, 4, 0, "most packets of a connection that wait"),
	TC_UINT("buckets", TCA_FQ_BUCKETS_LOG, 4, NET_LOG2, "queues that connections are spread over; a power of 2"),
	TC_UINT("orphan_mask", TCA_FQ_ORPHAN_MASK, 4, 0, "bits of the hash for packets without a socket"),
	TC_SIZE("quantum", TCA_FQ_QUANTUM, 0, "bytes before another connection has its turn"),
	TC_SIZE("initial_quantum", TCA_FQ_INITIAL_QUANTUM, 0, "the same for a new connection"),
	TC_BOOL("pacing", TCA_FQ_RATE_ENABLE, 4, 0, "keep to the rate that a socket asks for"),
	FQRATE("maxrate", TCA_FQ_FLOW_MAX_RATE, "most of a connection; absent: no bound"),
	FQRATE("low_rate_threshold", TCA_FQ_LOW_RATE_THRESHOLD, "below, packets are paced one by one"),
	US("refill_delay", TCA_FQ_FLOW_REFILL_DELAY, "quiet time after which a connection is new again"),
	{.key = "ce_threshold", .attr = TCA_FQ_CE_THRESHOLD, .type = NET_TIME, .size = 4, .unit = 1000000,
	 .flags = NET_FOREVER, .doc = "mark packets that waited longer; absent: none"},
	TC_TIME("timer_slack", TCA_FQ_TIMER_SLACK, 1000000000, 0, "how late a packet may be sent"),
	US("horizon", TCA_FQ_HORIZON, "how far ahead a packet may be timed"),
	TC_BOOL("horizon_drop", TCA_FQ_HORIZON_DROP, 1, 0, "drop packets beyond the horizon"),
};
TABLE(fq, "fq");

#define SFQ(member) offsetof(struct tc_sfq_qopt_v1, member)
static const struct net_row sfq_rows[] = {
	TC_SIZE("quantum", SFQ(v0.quantum), NET_HDR, "bytes before another queue has its turn"),
	TC_TIME("perturb", SFQ(v0.perturb_period), 1, NET_HDR | NET_ZERO, "how often connections are spread anew"),
	TC_UINT("limit", SFQ(v0.limit), 4, NET_HDR, "most packets that wait"),
	TC_UINT("divisor", SFQ(v0.divisor), 4, NET_HDR, "size of the hash table; a power of 2"),
	TC_UINT("flows", SFQ(v0.flows), 4, NET_HDR, "most connections that are told apart"),
	TC_UINT("depth", SFQ(depth), 4, NET_HDR, "most packets of a connection that wait"),
	TC_BOOL("headdrop", SFQ(headdrop), 4, NET_HDR, "drop the oldest packet, not the newest"),
};
STRUCT(sfq, "sfq", struct tc_sfq_qopt_v1);

static const struct net_row pie_rows[] = {
	TC_UINT("limit", TCA_PIE_LIMIT, 4, 0, "most packets that wait"),
	STEPS("target", TCA_PIE_TARGET, 64, "queueing delay that is aimed at"),
	US("tupdate", TCA_PIE_TUPDATE, "how often the share that is dropped is worked out"),
	TC_UINT("alpha", TCA_PIE_ALPHA, 4, 0, "weight of the distance from target, 0 to 32"),
	TC_UINT("beta", TCA_PIE_BETA, 4, 0, "weight of its trend, 0 to 32"),
	TC_BOOL("ecn", TCA_PIE_ECN, 4, 0, "mark packets instead of dropping them, where they can be marked"),
	TC_BOOL("bytemode", TCA_PIE_BYTEMODE, 4, 0, "larger packets are dropped rather"),
	TC_BOOL("dq_rate_estimator", TCA_PIE_DQ_RATE_ESTIMATOR, 4, 0, "work the delay out from the rate"),
};
TABLE(pie, "pie");
static const struct net_row fq_pie_rows[] = {
	TC_UINT("limit", TCA_FQ_PIE_LIMIT, 4, 0, "most packets that wait"),
	TC_UINT("flows", TCA_FQ_PIE_FLOWS, 4, NET_NEW, "queues that connections are spread over"),
	STEPS("target", TCA_FQ_PIE_TARGET, 64, "queueing delay that is aimed at"),
	US("tupdate", TCA_FQ_PIE_TUPDATE, "how often the share that is dropped is worked out"),
	TC_UINT("alpha", TCA_FQ_PIE_ALPHA, 4, 0, "weight of the distance from target, 0 to 32"),
	TC_UINT("beta", TCA_FQ_PIE_BETA, 4, 0, "weight of its trend, 0 to 32"),
	TC_SIZE("quantum", TCA_FQ_PIE_QUANTUM, 0, "bytes before another queue has its turn"),
	TC_SIZE("memory_limit", TCA_FQ_PIE_MEMORY_LIMIT, 0, "most memory in bytes"),
	TC_UINT("ecn_prob", TCA_FQ_PIE_ECN_PROB, 4, 0, "percent that is marked before packets are dropped"),
	TC_BOOL("ecn", TCA_FQ_PIE_ECN, 4, 0, "mark packets instead of dropping them, where they can be marked"),
	TC_BOOL("bytemode", TCA_FQ_PIE_BYTEMODE, 4, 0, "larger packets are dropped rather"),
	TC_BOOL("dq_rate_estimator", TCA_FQ_PIE_DQ_RATE_ESTIMATOR, 4, 0, "work the delay out from the rate"),
};
TABLE(fq_pie, "fq_pie");
static const struct net_row hhf_rows[] = {
	TC_UINT("limit", TCA_HHF_BACKLOG_LIMIT, 4, 0, "most packets that wait"),
	TC_SIZE("quantum", TCA_HHF_QUANTUM, 0, "bytes before the other group has its turn"),
	TC_UINT("hh_limit", TCA_HHF_HH_FLOWS_LIMIT, 4, 0, "most heavy connections that are known"),
	US("reset_timeout", TCA_HHF_RESET_TIMEOUT, "how long the counters last"),
	TC_SIZE("admit_bytes", TCA_HHF_ADMIT_BYTES, 0, "bytes that make a connection heavy"),
	US("evict_timeout", TCA_HHF_EVICT_TIMEOUT, "quiet time after which it isn't any more"),
	TC_UINT("non_hh_weight", TCA_HHF_NON_HH_WEIGHT, 4, 0, "turns of the others to one of the heavy"),
};
TABLE(hhf, "hhf");

static const struct net_row ets_rows[] = {
	{.key = "bands", .attr = TCA_ETS_NBANDS, .type = NET_UINT, .size = 1, .min = 1, .max = 16, .doc = "classes"},
	{.key = "strict", .attr = TCA_ETS_NSTRICT, .type = NET_UINT, .size = 1, .max = 16,
	 .flags = NET_ZERO, .doc = "so many of them are served in order, the first first"},
	{.key = "quanta", .attr = TCA_ETS_QUANTA, .type = NET_NUMBERS, .size = 4, .max = 16, .aux = TCA_ETS_QUANTA_BAND,
	 .doc = "bytes of a turn of each of the others"},
	{.key = "priomap", .attr = TCA_ETS_PRIOMAP, .type = NET_NUMBERS, .size = 1, .max = 16, .aux = TCA_ETS_PRIOMAP_BAND,
	 .doc = "band of each of the 16 packet priorities, from 0 on"},
};
TABLE(ets, "ets");

#define CBS(member) offsetof(struct tc_cbs_qopt, member)
#define CREDIT(k, text) {.key = #k, .attr = CBS(k), .type = NET_INT, .size = 4, .flags = NET_HDR, .doc = (text)}
static const struct net_row cbs_parms_rows[] = {
	CREDIT(idleslope, "credit in kbit/s while it waits"), CREDIT(sendslope, "credit in kbit/s while it sends"),
	CREDIT(hicredit, "most credit in bytes"), CREDIT(locredit, "least credit in bytes"),
	TC_BOOL("offload", CBS(offload), 1, NET_HDR, "done by hardware"),
};
STRUCT(cbs_parms, "cbs", struct tc_cbs_qopt);
static const struct net_row cbs_rows[] = {
	{.attr = TCA_CBS_PARMS, .type = NET_NEST, .flags = NET_FLAT, .nest = &cbs_parms},
};
TABLE(cbs, "cbs");

static const struct net_enum clocks = {
	.list = (struct net_word[]){{"CLOCK_REALTIME", 0}, {"CLOCK_MONOTONIC", 1}, {"CLOCK_BOOTTIME", 7},
				    {"CLOCK_TAI", 11}, {NULL, 0}},
};
#define ETF(member) offsetof(struct tc_etf_qopt, member)
#define ETF_BIT(k, bit, text) \
	{.key = (k), .attr = ETF(flags), .type = NET_BIT, .size = 4, .mask = (bit), .flags = NET_HDR, .doc = (text)}
static const struct net_row etf_parms_rows[] = {
	TC_ENUM("clockid", ETF(clockid), 4, clocks, NET_HDR, "the clock of the packets' times; only CLOCK_TAI is taken"),
	TC_TIME("delta", ETF(delta), 1000000000, NET_HDR, "how long before its time a packet is taken"),
	ETF_BIT("deadline_mode", TC_ETF_DEADLINE_MODE_ON, "a packet's time is the latest, not the one"),
	ETF_BIT("offload", TC_ETF_OFFLOAD_ON, "done by hardware"),
	ETF_BIT("skip_sock_check", TC_ETF_SKIP_SOCK_CHECK, "take packets of sockets that set no clock"),
};
STRUCT(etf_parms, "etf", struct tc_etf_qopt);
static const struct net_row etf_rows[] = {
	{.attr = TCA_ETF_PARMS, .type = NET_NEST, .flags = NET_FLAT, .nest = &etf_parms},
};
TABLE(etf, "etf");

#define RED(member) offsetof(struct tc_red_qopt, member)
#define RED_BIT(k, bit, text) \
	{.key = (k), .attr = RED(flags), .type = NET_BIT, .size = 1, .mask = (bit), .flags = NET_HDR, .doc = (text)}
static const struct net_row red_parms_rows[] = {
	TC_SIZE("limit", RED(limit), NET_HDR, "most bytes that wait"),
	TC_SIZE("min", RED(qth_min), NET_HDR, "mean of the bytes that wait at which dropping begins"),
	TC_SIZE("max", RED(qth_max), NET_HDR, "mean at which probability is reached"),
	{.key = "ewma", .attr = RED(Wlog), .type = NET_UINT, .size = 1, .max = 31, .flags = NET_HDR,
	 .doc = "how slowly the mean follows: by 1 of 2^ewma parts; 9 unless given"},
	{.key = "scell_log", .attr = RED(Scell_log), .type = NET_UINT, .size = 1, .max = 31, .flags = NET_HDR,
	 .doc = "how slowly it falls while nothing waits; 9 unless given"},
	RED_BIT("ecn", TC_RED_ECN, "mark packets instead of dropping them, where they can be marked"),
	RED_BIT("harddrop", TC_RED_HARDDROP, "but drop beyond max"),
	RED_BIT("adaptive", TC_RED_ADAPTATIVE, "let the kernel find probability out"),
};
STRUCT(red_parms, "red", struct tc_red_qopt);
static const struct net_row red_rows[] = {
	{.attr = TCA_RED_PARMS, .type = NET_NEST, .flags = NET_FLAT, .nest = &red_parms},
	/* a table of zeros has the kernel work out itself what idle time does to the mean */
	{.key = "limit", .attr = TCA_RED_STAB, .type = NET_FIXED, .max = 256, .flags = NET_TWIN | NET_WO},
	{.key = "probability", .attr = TCA_RED_MAX_P, .type = NET_FRACTION, .size = 4,
	 .doc = "share that is dropped at max; 0.02 unless given"},
};
TABLE(red, "red");

static const struct net_row drr_class_rows[] = {
	TC_SIZE("quantum", TCA_DRR_QUANTUM, 0, "bytes before another class has its turn; the link's mtu unless given"),
};
TABLE(drr_class, "drr class");
static const struct net_row qfq_class_rows[] = {
	TC_UINT("weight", TCA_QFQ_WEIGHT, 4, 0, "its share beside the other classes"),
	TC_SIZE("maxpkt", TCA_QFQ_LMAX, 0, "bytes of the largest packet"),
};
TABLE(qfq_class, "qfq class");
static const struct net_row ets_class_rows[] = {
	TC_SIZE("quantum", TCA_ETS_QUANTA_BAND, 0, "bytes of a turn"),
};
TABLE(ets_class, "ets class");

static const struct net_kind qdiscs[] = {
	{"bfifo", &bfifo, NULL, "CONFIG_NET_SCH_FIFO", "first in, first out, with a limit in bytes"},
	{"cake", &net_cake_table, NULL, "CONFIG_NET_SCH_CAKE", "a shaper, fair queues and queue management in one"},
	{"cbs", &cbs, NULL, "CONFIG_NET_SCH_CBS", "credit-based shaper (802.1Qav)"},
	{"clsact", NULL, NULL, "CONFIG_NET_SCH_INGRESS", "a place for filters on what arrives and what leaves"},
	{"codel", &codel, NULL, "CONFIG_NET_SCH_CODEL", "drops by how long packets wait (RFC 8289)"},
	{"drr", NULL, NULL, "CONFIG_NET_SCH_DRR", "classes in turn, by their quantum"},
	{"etf", &etf, NULL, "CONFIG_NET_SCH_ETF", "sends each packet at the time it bears"},
	{"ets", &ets, NULL, "CONFIG_NET_SCH_ETS", "some classes in order, the others in turn (802.1Qaz)"},
	{"fq", &fq, NULL, "CONFIG_NET_SCH_FQ", "fair between connections, and paces them"},
	{"fq_codel", &fq_codel, NULL, "CONFIG_NET_SCH_FQ_CODEL", "fair between connections, drops by how long packets wait "
	 "(RFC 8290)"},
	{"fq_pie", &fq_pie, NULL, "CONFIG_NET_SCH_FQ_PIE", "fair between connections, drops as pie does"},
	{"hfsc", &net_hfsc_table, NULL, "CONFIG_NET_SCH_HFSC", "classes by service curves"},
	{"hhf", &hhf, NULL, "CONFIG_NET_SCH_HHF", "heavy connections apart from the others"},
	{"htb", &net_htb_table, NULL, "CONFIG_NET_SCH_HTB", "a tree of classes with rates, which lend to each other"},
	{"ingress", NULL, NULL, "CONFIG_NET_SCH_INGRESS", "a place for filters on what arrives"},
	{"mq", NULL, NULL, "CONFIG_NET_SCHED", "one class for each send queue"},
	{"multiq", &multiq, NULL, "CONFIG_NET_SCH_MULTIQ", "one band for each send queue"},
	{"netem", &net_netem_table, NULL, "CONFIG_NET_SCH_NETEM", "delay, loss and other harm"},
	{"noqueue", NULL, NULL, "CONFIG_NET_SCHED", "no queue at all: what can't be sent is dropped"},
	{"pfifo", &pfifo, NULL, "CONFIG_NET_SCH_FIFO", "first in, first out, with a limit in packets"},
	{"pfifo_fast", &pfifo_fast, NULL, "CONFIG_NET_SCHED", "three bands by packet priority"},
	{"pfifo_head_drop", &pfifo, NULL, "CONFIG_NET_SCH_FIFO", "first in, first out; drops the oldest packet"},
	{"pie", &pie, NULL, "CONFIG_NET_SCH_PIE", "drops by an estimate of the delay (RFC 8033)"},
	{"prio", &prio, NULL, "CONFIG_NET_SCH_PRIO", "classes in order of priority"},
	{"qfq", NULL, NULL, "CONFIG_NET_SCH_QFQ", "classes by weight"},
	{"red", &red, NULL, "CONFIG_NET_SCH_RED", "drops at random, the more the longer the queue"},
	{"sfq", &sfq, NULL, "CONFIG_NET_SCH_SFQ", "fair between connections, at random"},
	{"skbprio", &skbprio, NULL, "CONFIG_NET_SCH_SKBPRIO", "drops the packets of lowest priority"},
	{"tbf", &net_tbf_table, NULL, "CONFIG_NET_SCH_TBF", "a rate, by a token bucket"},
	{0},
};
const struct net_kind *const net_qdisc_kinds = qdiscs;

static const struct net_kind classes[] = {
	{"drr", &drr_class, NULL, "CONFIG_NET_SCH_DRR", "a class of drr"},
	{"ets", &ets_class, NULL, "CONFIG_NET_SCH_ETS", "a class of ets"},
	{"hfsc", &net_hfsc_class_table, NULL, "CONFIG_NET_SCH_HFSC", "a class of hfsc"},
	{"htb", &net_htb_class_table, NULL, "CONFIG_NET_SCH_HTB", "a class of htb"},
	{"qfq", &qfq_class, NULL, "CONFIG_NET_SCH_QFQ", "a class of qfq"},
	{0},
};
const struct net_kind *const net_class_kinds = classes;
/* clang-format on */
