/* tc_cake.c - cake: a shaper, fair queues and queue management in one (tc-cake) */
#include <linux/pkt_sched.h>

#include "tc.h"

/* clang-format off */
static const struct net_enum diffservs = {
	.list = (struct net_word[]){{"diffserv3", CAKE_DIFFSERV_DIFFSERV3}, {"diffserv4", CAKE_DIFFSERV_DIFFSERV4},
				    {"diffserv8", CAKE_DIFFSERV_DIFFSERV8}, {"besteffort", CAKE_DIFFSERV_BESTEFFORT},
				    {"precedence", CAKE_DIFFSERV_PRECEDENCE}, {NULL, 0}},
};
static const struct net_enum flow_modes = {
	.list = (struct net_word[]){{"flowblind", CAKE_FLOW_NONE}, {"srchost", CAKE_FLOW_SRC_IP},
				    {"dsthost", CAKE_FLOW_DST_IP}, {"hosts", CAKE_FLOW_HOSTS}, {"flows", CAKE_FLOW_FLOWS},
				    {"dual-srchost", CAKE_FLOW_DUAL_SRC}, {"dual-dsthost", CAKE_FLOW_DUAL_DST},
				    {"triple-isolate", CAKE_FLOW_TRIPLE}, {NULL, 0}},
};
static const struct net_enum atms = {
	.list = (struct net_word[]){{"noatm", CAKE_ATM_NONE}, {"atm", CAKE_ATM_ATM}, {"ptm", CAKE_ATM_PTM}, {NULL, 0}},
};
static const struct net_enum ack_filters = {
	.list = (struct net_word[]){{"disabled", CAKE_ACK_NONE}, {"enabled", CAKE_ACK_FILTER},
				    {"aggressive", CAKE_ACK_AGGRESSIVE}, {NULL, 0}},
};

static const struct net_row cake_rows[] = {
	{.key = "bandwidth", .attr = TCA_CAKE_BASE_RATE64, .type = NET_RATE, .size = 8, .flags = NET_ZERO,
	 .max = NET_MAX_RATE, .doc = "packets leave no faster; absent: unlimited"},
	TC_BOOL("autorate_ingress", TCA_CAKE_AUTORATE, 4, 0, "find the bandwidth out from what arrives"),
	TC_ENUM("diffserv", TCA_CAKE_DIFFSERV_MODE, 4, diffservs, 0, "tins for the packets' priorities"),
	TC_ENUM("flowmode", TCA_CAKE_FLOW_MODE, 4, flow_modes, 0, "between whom it is fair"),
	TC_BOOL("nat", TCA_CAKE_NAT, 4, 0, "tell hosts apart behind our address translation"),
	TC_BOOL("wash", TCA_CAKE_WASH, 4, 0, "clear the packets' priorities"),
	TC_BOOL("ingress", TCA_CAKE_INGRESS, 4, 0, "it shapes what arrived: count dropped packets as well"),
	TC_ENUM("ack_filter", TCA_CAKE_ACK_FILTER, 4, ack_filters, 0, "drop acknowledgements that others make needless"),
	TC_BOOL("split_gso", TCA_CAKE_SPLIT_GSO, 4, 0, "take segment-offload packets apart"),
	TC_TIME("rtt", TCA_CAKE_RTT, 1000000, 0, "round-trip time of the usual path"),
	TC_TIME("target", TCA_CAKE_TARGET, 1000000, NET_WO, "queueing delay that is fine; 1/20 of rtt unless given"),
	{.key = "raw", .attr = TCA_CAKE_RAW, .type = NET_BOOL, .size = 4,
	 .doc = "count packets as the kernel does: no overhead, atm and mpu"},
	{.key = "overhead", .attr = TCA_CAKE_OVERHEAD, .type = NET_INT, .size = 4, .min = -64, .max = 256,
	 .doc = "bytes that each packet counts for more"},
	TC_ENUM("atm", TCA_CAKE_ATM, 4, atms, 0, "cells that packets are put into"),
	{.key = "mpu", .attr = TCA_CAKE_MPU, .type = NET_UINT, .size = 4, .max = 256,
	 .doc = "bytes that each packet counts for at least"},
	TC_SIZE("memlimit", TCA_CAKE_MEMORY, 0, "most memory in bytes; 0: by bandwidth and rtt"),
	TC_UINT("fwmark", TCA_CAKE_FWMARK, 4, 0, "bits of the firewall mark that choose the tin"),
};
const struct net_table net_cake_table = {"cake", cake_rows, NET_COUNT(cake_rows), 0, false};
/* clang-format on */
