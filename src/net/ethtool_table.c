/* ethtool_table.c - what ethtool(8) shows and sets of a link, one table for each of its messages */
#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>

#include "ethtool.h"
#include "tables.h"

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))
#define TABLE(name, rows)                                                 \
	{                                                                 \
		name, rows, COUNT(rows), sizeof(struct genlmsghdr), false \
	}
/* clang-format off */
#define U32(k, a, more, text) {.key = (k), .attr = (a), .type = NET_UINT, .size = 4, .flags = (more), .doc = (text)}
#define BOOL(k, a, more, text) {.key = (k), .attr = (a), .type = NET_BOOL, .size = 1, .flags = (more), .doc = (text)}
#define BITS(k, a, more, text) {.key = (k), .attr = (a), .type = NET_BITSET, .flags = (more), .doc = (text)}

/* --- the medium --- */

static const struct net_enum duplexes = {
	.list = (struct net_word[]){{"half", DUPLEX_HALF}, {"full", DUPLEX_FULL}, {NULL, 0}},
};
static const struct net_enum roles = {
	.list = (struct net_word[]){{"preferred-master", MASTER_SLAVE_CFG_MASTER_PREFERRED},
				    {"preferred-slave", MASTER_SLAVE_CFG_SLAVE_PREFERRED},
				    {"forced-master", MASTER_SLAVE_CFG_MASTER_FORCE},
				    {"forced-slave", MASTER_SLAVE_CFG_SLAVE_FORCE}, {NULL, 0}},
};
static const struct net_row modes_rows[] = {
	{.key = "speed", .attr = ETHTOOL_A_LINKMODES_SPEED, .type = NET_RATE, .size = 4, .unit = 1000000,
	 .flags = NET_AFTER | NET_FOREVER, .doc = "bits per second"},
	{.key = "duplex", .attr = ETHTOOL_A_LINKMODES_DUPLEX, .type = NET_ENUM, .size = 1, .names = &duplexes,
	 .flags = NET_AFTER | NET_FOREVER, .doc = "whether both sides may send at once"},
	BOOL("autoneg", ETHTOOL_A_LINKMODES_AUTONEG, NET_AFTER, "agree on speed and duplex with the other side"),
	BITS("advertise", ETHTOOL_A_LINKMODES_OURS, NET_AFTER,
	     "the modes that are offered to the other side, as { \"1000baseT/Full\" }"),
	U32("lanes", ETHTOOL_A_LINKMODES_LANES, NET_AFTER | NET_ZERO, "number of lanes"),
	{.key = "master_slave", .attr = ETHTOOL_A_LINKMODES_MASTER_SLAVE_CFG, .type = NET_ENUM, .size = 1,
	 .names = &roles, .flags = NET_AFTER | NET_ZERO, .doc = "which side gives the clock"},
};
static const struct net_table modes = TABLE("speed", modes_rows);
const struct net_table net_modes_table = {"speed", modes_rows, COUNT(modes_rows), 0, false}; /* beside a link's own */

static const struct net_enum ports = {
	.list = (struct net_word[]){{"tp", PORT_TP}, {"aui", PORT_AUI}, {"mii", PORT_MII}, {"fibre", PORT_FIBRE},
				    {"bnc", PORT_BNC}, {"da", PORT_DA}, {"none", PORT_NONE}, {"other", PORT_OTHER},
				    {NULL, 0}},
};
static const struct net_enum transceivers = {
	.list = (struct net_word[]){{"internal", XCVR_INTERNAL}, {"external", XCVR_EXTERNAL}, {NULL, 0}},
};
static const struct net_enum mdix = {
	.list = (struct net_word[]){{"unknown", ETH_TP_MDI_INVALID}, {"mdi", ETH_TP_MDI}, {"mdix", ETH_TP_MDI_X},
				    {"auto", ETH_TP_MDI_AUTO}, {NULL, 0}},
};
static const struct net_row info_rows[] = {
	{.key = "connector", .attr = ETHTOOL_A_LINKINFO_PORT, .type = NET_ENUM, .size = 1, .names = &ports,
	 .flags = NET_RO, .doc = "what the cable is plugged into"},
	{.key = "phyaddr", .attr = ETHTOOL_A_LINKINFO_PHYADDR, .type = NET_UINT, .size = 1, .flags = NET_RO,
	 .doc = "address of the PHY"},
	{.key = "transceiver", .attr = ETHTOOL_A_LINKINFO_TRANSCEIVER, .type = NET_ENUM, .size = 1,
	 .names = &transceivers, .flags = NET_RO, .doc = "where the PHY is"},
	{.key = "mdix", .attr = ETHTOOL_A_LINKINFO_TP_MDIX, .type = NET_ENUM, .size = 1, .names = &mdix,
	 .flags = NET_RO, .doc = "whether the pairs are crossed"},
};
static const struct net_table info = TABLE("connector", info_rows);

static const struct net_row state_rows[] = {
	BOOL("detected", ETHTOOL_A_LINKSTATE_LINK, NET_RO, "whether the other side is there"),
};
static const struct net_table state = TABLE("state", state_rows);

/* --- queues --- */

static const struct net_enum splits = {
	.list = (struct net_word[]){{"auto", ETHTOOL_TCP_DATA_SPLIT_UNKNOWN}, {"off", ETHTOOL_TCP_DATA_SPLIT_DISABLED},
				    {"on", ETHTOOL_TCP_DATA_SPLIT_ENABLED}, {NULL, 0}},
};
static const struct net_row rings_rows[] = {
	U32("rx", ETHTOOL_A_RINGS_RX, 0, "receive ring"),
	U32("tx", ETHTOOL_A_RINGS_TX, 0, "send ring"),
	U32("rx_mini", ETHTOOL_A_RINGS_RX_MINI, 0, "receive ring of short packets"),
	U32("rx_jumbo", ETHTOOL_A_RINGS_RX_JUMBO, 0, "receive ring of long packets"),
	U32("rx_max", ETHTOOL_A_RINGS_RX_MAX, NET_RO, "largest rx"),
	U32("tx_max", ETHTOOL_A_RINGS_TX_MAX, NET_RO, "largest tx"),
	U32("rx_mini_max", ETHTOOL_A_RINGS_RX_MINI_MAX, NET_RO, "largest rx_mini"),
	U32("rx_jumbo_max", ETHTOOL_A_RINGS_RX_JUMBO_MAX, NET_RO, "largest rx_jumbo"),
	U32("rx_buf_len", ETHTOOL_A_RINGS_RX_BUF_LEN, 0, "bytes of a receive buffer"),
	U32("cqe_size", ETHTOOL_A_RINGS_CQE_SIZE, 0, "bytes of a completion"),
	BOOL("tx_push", ETHTOOL_A_RINGS_TX_PUSH, 0, "write descriptors straight to the device"),
	{.key = "tcp_data_split", .attr = ETHTOOL_A_RINGS_TCP_DATA_SPLIT, .type = NET_ENUM, .size = 1,
	 .names = &splits, .doc = "headers and data in buffers of their own"},
};
const struct net_table net_rings_table = TABLE("rings", rings_rows);

static const struct net_row channels_rows[] = {
	U32("rx", ETHTOOL_A_CHANNELS_RX_COUNT, 0, "channels that receive"),
	U32("tx", ETHTOOL_A_CHANNELS_TX_COUNT, 0, "channels that send"),
	U32("other", ETHTOOL_A_CHANNELS_OTHER_COUNT, 0, "channels for other things"),
	U32("combined", ETHTOOL_A_CHANNELS_COMBINED_COUNT, 0, "channels that do both"),
	U32("rx_max", ETHTOOL_A_CHANNELS_RX_MAX, NET_RO, "most rx"),
	U32("tx_max", ETHTOOL_A_CHANNELS_TX_MAX, NET_RO, "most tx"),
	U32("other_max", ETHTOOL_A_CHANNELS_OTHER_MAX, NET_RO, "most other"),
	U32("combined_max", ETHTOOL_A_CHANNELS_COMBINED_MAX, NET_RO, "most combined"),
};
const struct net_table net_channels_table = TABLE("channels", channels_rows);

static const struct net_row coalesce_rows[] = {
	BOOL("adaptive_rx", ETHTOOL_A_COALESCE_USE_ADAPTIVE_RX, 0, "adapt the delay of receive interrupts"),
	BOOL("adaptive_tx", ETHTOOL_A_COALESCE_USE_ADAPTIVE_TX, 0, "adapt the delay of send interrupts"),
	U32("rx_usecs", ETHTOOL_A_COALESCE_RX_USECS, 0, "microseconds before a receive interrupt"),
	U32("rx_frames", ETHTOOL_A_COALESCE_RX_MAX_FRAMES, 0, "packets before a receive interrupt"),
	U32("rx_usecs_irq", ETHTOOL_A_COALESCE_RX_USECS_IRQ, 0, "the same while an interrupt is served"),
	U32("rx_frames_irq", ETHTOOL_A_COALESCE_RX_MAX_FRAMES_IRQ, 0, "the same while an interrupt is served"),
	U32("tx_usecs", ETHTOOL_A_COALESCE_TX_USECS, 0, "microseconds before a send interrupt"),
	U32("tx_frames", ETHTOOL_A_COALESCE_TX_MAX_FRAMES, 0, "packets before a send interrupt"),
	U32("tx_usecs_irq", ETHTOOL_A_COALESCE_TX_USECS_IRQ, 0, "the same while an interrupt is served"),
	U32("tx_frames_irq", ETHTOOL_A_COALESCE_TX_MAX_FRAMES_IRQ, 0, "the same while an interrupt is served"),
	U32("stats_block_usecs", ETHTOOL_A_COALESCE_STATS_BLOCK_USECS, 0, "microseconds between counts"),
	U32("pkt_rate_low", ETHTOOL_A_COALESCE_PKT_RATE_LOW, 0, "packets per second below which _low counts"),
	U32("rx_usecs_low", ETHTOOL_A_COALESCE_RX_USECS_LOW, 0, "rx_usecs at a low rate"),
	U32("rx_frames_low", ETHTOOL_A_COALESCE_RX_MAX_FRAMES_LOW, 0, "rx_frames at a low rate"),
	U32("tx_usecs_low", ETHTOOL_A_COALESCE_TX_USECS_LOW, 0, "tx_usecs at a low rate"),
	U32("tx_frames_low", ETHTOOL_A_COALESCE_TX_MAX_FRAMES_LOW, 0, "tx_frames at a low rate"),
	U32("pkt_rate_high", ETHTOOL_A_COALESCE_PKT_RATE_HIGH, 0, "packets per second above which _high counts"),
	U32("rx_usecs_high", ETHTOOL_A_COALESCE_RX_USECS_HIGH, 0, "rx_usecs at a high rate"),
	U32("rx_frames_high", ETHTOOL_A_COALESCE_RX_MAX_FRAMES_HIGH, 0, "rx_frames at a high rate"),
	U32("tx_usecs_high", ETHTOOL_A_COALESCE_TX_USECS_HIGH, 0, "tx_usecs at a high rate"),
	U32("tx_frames_high", ETHTOOL_A_COALESCE_TX_MAX_FRAMES_HIGH, 0, "tx_frames at a high rate"),
	U32("sample_interval", ETHTOOL_A_COALESCE_RATE_SAMPLE_INTERVAL, 0, "seconds between looks at the rate"),
	BOOL("cqe_mode_rx", ETHTOOL_A_COALESCE_USE_CQE_MODE_RX, 0, "the delay begins anew with each packet received"),
	BOOL("cqe_mode_tx", ETHTOOL_A_COALESCE_USE_CQE_MODE_TX, 0, "the delay begins anew with each packet sent"),
};
const struct net_table net_coalesce_table = TABLE("coalesce", coalesce_rows);

/* --- the rest --- */

static const struct net_row pause_rows[] = {
	BOOL("autoneg", ETHTOOL_A_PAUSE_AUTONEG, 0, "agree on it with the other side"),
	BOOL("rx", ETHTOOL_A_PAUSE_RX, 0, "obey pause frames"),
	BOOL("tx", ETHTOOL_A_PAUSE_TX, 0, "send pause frames"),
};
const struct net_table net_pause_table = TABLE("pause", pause_rows);

static const struct net_row eee_rows[] = {
	BOOL("enabled", ETHTOOL_A_EEE_ENABLED, 0, "save energy while nothing is sent"),
	BOOL("active", ETHTOOL_A_EEE_ACTIVE, NET_RO, "whether both sides agreed on it"),
	BITS("advertise", ETHTOOL_A_EEE_MODES_OURS, 0, "the modes that are offered to the other side"),
	BOOL("tx_lpi", ETHTOOL_A_EEE_TX_LPI_ENABLED, 0, "tell the other side that nothing is sent"),
	U32("tx_timer", ETHTOOL_A_EEE_TX_LPI_TIMER, 0, "microseconds until then"),
};
const struct net_table net_eee_table = TABLE("eee", eee_rows);

static const struct net_row wol_rows[] = {
	BITS("modes", ETHTOOL_A_WOL_MODES, 0, "what wakes the machine, as { \"magic\" }"),
};
const struct net_table net_wol_table = TABLE("wol", wol_rows);

static const struct net_row fec_rows[] = {
	BITS("modes", ETHTOOL_A_FEC_MODES, 0, "codes, as { \"RS\" }"),
	BOOL("auto", ETHTOOL_A_FEC_AUTO, 0, "let the device choose"),
};
const struct net_table net_fec_table = TABLE("fec", fec_rows);

static const struct net_row tsinfo_rows[] = {
	BITS("timestamping", ETHTOOL_A_TSINFO_TIMESTAMPING, NET_RO, "what can be given a time"),
	U32("phc", ETHTOOL_A_TSINFO_PHC_INDEX, NET_RO, "number of its PTP clock"),
};
static const struct net_table tsinfo = TABLE("timestamping", tsinfo_rows);

static const struct net_ethtool_part parts[] = {
	{"modes", &modes, ETHTOOL_MSG_LINKMODES_GET, ETHTOOL_MSG_LINKMODES_SET, true},
	{"info", &info, ETHTOOL_MSG_LINKINFO_GET, 0, true},
	{"state", &state, ETHTOOL_MSG_LINKSTATE_GET, 0, true},
	{"tsinfo", &tsinfo, ETHTOOL_MSG_TSINFO_GET, 0, true},
	{"channels", &net_channels_table, ETHTOOL_MSG_CHANNELS_GET, ETHTOOL_MSG_CHANNELS_SET, false},
	{"rings", &net_rings_table, ETHTOOL_MSG_RINGS_GET, ETHTOOL_MSG_RINGS_SET, false},
	{"coalesce", &net_coalesce_table, ETHTOOL_MSG_COALESCE_GET, ETHTOOL_MSG_COALESCE_SET, false},
	{"pause", &net_pause_table, ETHTOOL_MSG_PAUSE_GET, ETHTOOL_MSG_PAUSE_SET, false},
	{"eee", &net_eee_table, ETHTOOL_MSG_EEE_GET, ETHTOOL_MSG_EEE_SET, false},
	{"wol", &net_wol_table, ETHTOOL_MSG_WOL_GET, ETHTOOL_MSG_WOL_SET, false},
	{"fec", &net_fec_table, ETHTOOL_MSG_FEC_GET, ETHTOOL_MSG_FEC_SET, false},
};
/* clang-format on */

const struct net_ethtool_part *net_ethtool_part(unsigned int i)
{
	return i < COUNT(parts) ? &parts[i] : NULL;
}
