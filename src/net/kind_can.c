/* kind_can.c - CAN buses of hardware (ip link set DEV type can) */
#include <linux/can/netlink.h>
#include <linux/if_link.h>
#include <stddef.h>

#include "rows.h"
#include "tables.h"

/* clang-format off */
#define TIMING(k, member, text) \
	{.key = (k), .attr = offsetof(struct can_bittiming, member), .type = NET_UINT, .size = 4, .flags = NET_HDR, \
	 .doc = (text)}
#define TIMINGS(d)                                                                                       \
	TIMING(d "bitrate", bitrate, "bits per second"),                                                 \
	{.key = d "sample_point", .attr = offsetof(struct can_bittiming, sample_point), .type = NET_TIME, \
	 .size = 4, .unit = 1000, .max = 999, .flags = NET_HDR, .doc = "where in a bit it is read, 0 to 0.999"}, \
	TIMING(d "tq", tq, "time quantum in nanoseconds"),                                               \
	TIMING(d "prop_seg", prop_seg, "quanta of propagation"),                                         \
	TIMING(d "phase_seg1", phase_seg1, "quanta before the sample"),                                  \
	TIMING(d "phase_seg2", phase_seg2, "quanta behind the sample"),                                  \
	TIMING(d "sjw", sjw, "most quanta that a phase may be shifted by")
static const struct net_row timing_rows[] = {TIMINGS("")};
static const struct net_row data_timing_rows[] = {TIMINGS("d")};
static const struct net_table timing = {"bittiming", timing_rows, COUNT(timing_rows), sizeof(struct can_bittiming),
					true};
static const struct net_table data_timing = {"data bittiming", data_timing_rows, COUNT(data_timing_rows),
					     sizeof(struct can_bittiming), true};

/* Each mode has its bit twice: in the mask of those that change, and as it is. */
#define MODE(k, bit, text)                                                                                     \
	{.key = (k), .attr = offsetof(struct can_ctrlmode, flags), .type = NET_BIT, .size = 4, .mask = (bit), \
	 .flags = NET_HDR | NET_MARKED, .doc = (text)},                                                       \
	{.key = (k), .attr = offsetof(struct can_ctrlmode, mask), .type = NET_BIT, .size = 4, .mask = (bit),  \
	 .flags = NET_HDR | NET_MARK}
static const struct net_row mode_rows[] = {
	MODE("loopback", CAN_CTRLMODE_LOOPBACK, "what is sent comes back"),
	MODE("listen_only", CAN_CTRLMODE_LISTENONLY, "send nothing, not even acknowledgements"),
	MODE("triple_sampling", CAN_CTRLMODE_3_SAMPLES, "read each bit three times"),
	MODE("one_shot", CAN_CTRLMODE_ONE_SHOT, "send once only"),
	MODE("berr_reporting", CAN_CTRLMODE_BERR_REPORTING, "report bus errors"),
	MODE("fd", CAN_CTRLMODE_FD, "CAN FD"),
	MODE("presume_ack", CAN_CTRLMODE_PRESUME_ACK, "do without acknowledgements"),
	MODE("fd_non_iso", CAN_CTRLMODE_FD_NON_ISO, "CAN FD as it was before ISO"),
	MODE("cc_len8_dlc", CAN_CTRLMODE_CC_LEN8_DLC, "keep lengths above 8 of classic frames"),
	MODE("tdc_auto", CAN_CTRLMODE_TDC_AUTO, "compensate the transmitter's delay by what is measured"),
	MODE("tdc_manual", CAN_CTRLMODE_TDC_MANUAL, "compensate it by tdcv"),
};
static const struct net_table modes = {"ctrlmode", mode_rows, COUNT(mode_rows), sizeof(struct can_ctrlmode), true};

static const struct net_row tdc_rows[] = {
	UINT("tdcv", IFLA_CAN_TDC_TDCV, 4, 0, "the transmitter's delay, in clock periods"),
	UINT("tdco", IFLA_CAN_TDC_TDCO, 4, 0, "offset to that"),
	UINT("tdcf", IFLA_CAN_TDC_TDCF, 4, 0, "window of the filter"),
};
static const struct net_table tdc = {"tdc", tdc_rows, COUNT(tdc_rows), 0, false};

#define COUNTER(k, member, text) \
	{.key = (k), .attr = offsetof(struct can_berr_counter, member), .type = NET_UINT, .size = 2, \
	 .flags = NET_HDR | NET_RO, .doc = (text)}
static const struct net_row counter_rows[] = {
	COUNTER("berr_tx", txerr, "errors in sending"),
	COUNTER("berr_rx", rxerr, "errors in receiving"),
};
static const struct net_table counters = {"berr_counter", counter_rows, COUNT(counter_rows),
					  sizeof(struct can_berr_counter), true};

static const struct net_enum states = {
	.list = (struct net_word[]){{"error-active", 0}, {"error-warning", 1}, {"error-passive", 2}, {"bus-off", 3},
				    {"stopped", 4}, {"sleeping", 5}, {NULL, 0}},
};

static const struct net_row can_rows[] = {
	ENUM("can_state", IFLA_CAN_STATE, 4, states, NET_RO, "what the controller may do"),
	NEST(IFLA_CAN_BITTIMING, timing),
	NEST(IFLA_CAN_DATA_BITTIMING, data_timing),
	NEST(IFLA_CAN_CTRLMODE, modes),
	NEST(IFLA_CAN_TDC, tdc),
	{.key = "restart_ms", .attr = IFLA_CAN_RESTART_MS, .type = NET_TIME, .size = 4, .unit = 1000,
	 .doc = "wait before a controller that is off the bus starts again; 0: it doesn't"},
	{.key = "restart", .attr = IFLA_CAN_RESTART, .type = NET_BOOL, .size = 4, .flags = NET_WO,
	 .doc = "true starts the controller again"},
	UINT("termination", IFLA_CAN_TERMINATION, 2, 0, "ohms of the resistor"),
	NEST(IFLA_CAN_BERR_COUNTER, counters),
	UINT("clock", IFLA_CAN_CLOCK, 4, NET_RO, "the controller's clock in Hz"),
};
/* clang-format on */

const struct net_table net_can_table = {"can", can_rows, COUNT(can_rows), 0, false};
