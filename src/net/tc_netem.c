/* tc_netem.c - netem: delay, loss and other harm to packets (tc-netem) */
#include <linux/pkt_sched.h>
#include <stddef.h>

#include "tc.h"

#define TCA_NETEM_PRNG_SEED_ 14 /* since Linux 6.6 */
#define HDR(member) offsetof(struct tc_netem_qopt, member)

/* clang-format off */
#define FRACTION(k, offset, more, text) \
	{.key = (k), .attr = (offset), .type = NET_FRACTION, .size = 4, .flags = NET_HDR | (more), .doc = (text)}
#define NS(k, number, more, text) \
	{.key = (k), .attr = (number), .type = NET_TIME, .size = 8, .unit = 1000000000, .max = 1LL << 60, .flags = (more), \
	 .doc = (text)}
#define STRUCT(number, table) {.attr = (number), .type = NET_NEST, .flags = NET_FLAT, .nest = &(table)}

static const struct net_row corr_rows[] = {
	FRACTION("delay_correlation", offsetof(struct tc_netem_corr, delay_corr), NET_ZERO,
		 "how much the delay of a packet depends on the one before"),
	FRACTION("loss_correlation", offsetof(struct tc_netem_corr, loss_corr), NET_ZERO, "the same of loss"),
	FRACTION("duplicate_correlation", offsetof(struct tc_netem_corr, dup_corr), NET_ZERO, "the same of duplicate"),
};
static const struct net_table corr = {"netem", corr_rows, NET_COUNT(corr_rows), sizeof(struct tc_netem_corr), true};

static const struct net_row reorder_rows[] = {
	FRACTION("reorder", offsetof(struct tc_netem_reorder, probability), NET_ZERO,
		 "share of the packets that overtake the delayed ones"),
	FRACTION("reorder_correlation", offsetof(struct tc_netem_reorder, correlation), NET_ZERO,
		 "how much that depends on the packet before"),
};
static const struct net_table reorder = {"netem", reorder_rows, NET_COUNT(reorder_rows),
					 sizeof(struct tc_netem_reorder), true};

static const struct net_row corrupt_rows[] = {
	FRACTION("corrupt", offsetof(struct tc_netem_corrupt, probability), NET_ZERO,
		 "share of the packets that get a wrong bit"),
	FRACTION("corrupt_correlation", offsetof(struct tc_netem_corrupt, correlation), NET_ZERO,
		 "how much that depends on the packet before"),
};
static const struct net_table corrupt = {"netem", corrupt_rows, NET_COUNT(corrupt_rows),
					 sizeof(struct tc_netem_corrupt), true};

#define STATE(k, text) FRACTION(#k, offsetof(struct tc_netem_gimodel, k), 0, text)
static const struct net_row state_rows[] = {
	STATE(p13, "from good to losing all"),
	STATE(p31, "from losing all to good; 1 - p13 is usual"),
	STATE(p32, "from losing all to good within a burst"),
	STATE(p23, "from good within a burst to losing all"),
	STATE(p14, "a single loss while good"),
};
static const struct net_table state = {"loss_state", state_rows, NET_COUNT(state_rows),
				       sizeof(struct tc_netem_gimodel), true};

static const struct net_row gemodel_rows[] = {
	FRACTION("p", offsetof(struct tc_netem_gemodel, p), 0, "from the good state to the bad one"),
	FRACTION("r", offsetof(struct tc_netem_gemodel, r), 0, "from the bad state to the good one; 1 - p is usual"),
	FRACTION("h", offsetof(struct tc_netem_gemodel, h), 0, "share that survives in the bad state; tc(8) takes 1-h"),
	FRACTION("k", offsetof(struct tc_netem_gemodel, k1), NET_INVERT,
		 "share that survives in the good state; tc(8) takes 1-k"),
};
static const struct net_table gemodel = {"loss_gemodel", gemodel_rows, NET_COUNT(gemodel_rows),
					 sizeof(struct tc_netem_gemodel), true};

static const struct net_row loss_rows[] = {
	{.key = "loss_state", .attr = NETEM_LOSS_GI, .type = NET_NEST, .nest = &state,
	 .doc = "loss by a Markov chain of four states: their transitions"},
	{.key = "loss_gemodel", .attr = NETEM_LOSS_GE, .type = NET_NEST, .nest = &gemodel,
	 .doc = "loss by the model of Gilbert and Elliott"},
};
static const struct net_table loss = {"netem", loss_rows, NET_COUNT(loss_rows), 0, false};

#define RATE(member) offsetof(struct tc_netem_rate, member)
static const struct net_row rate_rows[] = {
	{.key = "rate", .attr = RATE(rate), .type = NET_RATE, .size = 4, .flags = NET_HDR | NET_ZERO,
	 .max = NET_MAX_RATE, .doc = "packets leave no faster"},
	{.key = "packet_overhead", .attr = RATE(packet_overhead), .type = NET_INT, .size = 4, .flags = NET_HDR | NET_ZERO,
	 .doc = "rate: bytes that each packet counts for more"},
	TC_UINT("cell_size", RATE(cell_size), 4, NET_HDR | NET_ZERO, "rate: packets go in cells of so many bytes"),
	{.key = "cell_overhead", .attr = RATE(cell_overhead), .type = NET_INT, .size = 4, .flags = NET_HDR | NET_ZERO,
	 .doc = "rate: bytes that each cell counts for more"},
};
static const struct net_table rate = {"netem", rate_rows, NET_COUNT(rate_rows), sizeof(struct tc_netem_rate), true};

#define SLOT(member) offsetof(struct tc_netem_slot, member)
static const struct net_row slot_rows[] = {
	NS("min_delay", SLOT(min_delay), NET_HDR | NET_ZERO, "shortest wait for the next slot"),
	NS("max_delay", SLOT(max_delay), NET_HDR | NET_ZERO, "longest one"),
	NS("delay", SLOT(dist_delay), NET_HDR | NET_ZERO, "mean wait, with a distribution"),
	NS("jitter", SLOT(dist_jitter), NET_HDR | NET_ZERO, "its variation"),
	{.key = "packets", .attr = SLOT(max_packets), .type = NET_INT, .size = 4, .flags = NET_HDR | NET_ZERO,
	 .doc = "most packets of a slot"},
	{.key = "bytes", .attr = SLOT(max_bytes), .type = NET_INT, .size = 4, .flags = NET_HDR | NET_ZERO,
	 .doc = "most bytes of a slot"},
};
static const struct net_table slot = {"slot", slot_rows, NET_COUNT(slot_rows), sizeof(struct tc_netem_slot), true};

static const struct net_row netem_rows[] = {
	NS("delay", TCA_NETEM_LATENCY64, NET_ZERO, "how long packets are held"),
	NS("jitter", TCA_NETEM_JITTER64, NET_ZERO, "variation of the delay"),
	STRUCT(TCA_NETEM_CORR, corr),
	{.key = "distribution", .attr = TCA_NETEM_DELAY_DIST, .type = NET_DIST, .size = 1, .names = &net_dists, .flags = NET_WO,
	 .doc = "how the delay varies; uniform unless given; the kernel doesn't tell"},
	FRACTION("loss", HDR(loss), NET_ZERO, "share of the packets that are lost"),
	STRUCT(TCA_NETEM_LOSS, loss),
	TC_BOOL("ecn", TCA_NETEM_ECN, 4, NET_ZERO, "mark packets instead of losing them, where they can be marked"),
	FRACTION("duplicate", HDR(duplicate), NET_ZERO, "share of the packets that come twice"),
	STRUCT(TCA_NETEM_CORRUPT, corrupt),
	STRUCT(TCA_NETEM_REORDER, reorder),
	TC_UINT("gap", HDR(gap), 4, NET_HDR | NET_ZERO, "reorder: each so-manieth packet overtakes"),
	STRUCT(TCA_NETEM_RATE, rate),
	{.key = "rate", .attr = TCA_NETEM_RATE64, .type = NET_RATE, .size = 8, .flags = NET_TWIN},
	{.key = "slot", .attr = TCA_NETEM_SLOT, .type = NET_NEST, .nest = &slot,
	 .doc = "packets leave in bursts, as on a shared medium"},
	{.key = "slot_distribution", .attr = TCA_NETEM_SLOT_DIST, .type = NET_DIST, .size = 1, .names = &net_dists,
	 .flags = NET_WO, .doc = "how slot's delay varies"},
	TC_UINT("limit", HDR(limit), 4, NET_HDR, "most packets that are held; 1000 unless given"),
	{.key = "seed", .attr = TCA_NETEM_PRNG_SEED_, .type = NET_INT, .size = 8,
	 .doc = "the dice begin with it, any integer; since Linux 6.6"},
};
const struct net_table net_netem_table = {"netem", netem_rows, NET_COUNT(netem_rows), sizeof(struct tc_netem_qopt),
					  false};
/* clang-format on */
