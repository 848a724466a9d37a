/* rows.h - inside the net layer: short forms of rows that many tables have, and numbers newer than Linux 6.1's headers
 */
#ifndef NSH_ROWS_H
#define NSH_ROWS_H

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

/* clang-format off */
#define BOOL(k, number, more, text) \
	{.key = (k), .attr = (number), .type = NET_BOOL, .size = 1, .flags = (more), .doc = (text)}
#define FLAG(k, number, more, text) {.key = (k), .attr = (number), .type = NET_FLAG, .flags = (more), .doc = (text)}
#define UINT(k, number, bytes, more, text) \
	{.key = (k), .attr = (number), .type = NET_UINT, .size = (bytes), .flags = (more), .doc = (text)}
#define ENUM(k, number, bytes, words, more, text) \
	{.key = (k), .attr = (number), .type = NET_ENUM, .size = (bytes), .flags = (more), .names = &(words), \
	 .doc = (text)}
/* words beside numbers up to @top */
#define NUMBER(k, number, bytes, words, top, more, text) \
	{.key = (k), .attr = (number), .type = NET_ENUM, .size = (bytes), .flags = (more), .names = &(words), \
	 .max = (top), .doc = (text)}
#define LINK(k, number, more, text) \
	{.key = (k), .attr = (number), .type = NET_LINK, .size = 4, .flags = (more), .doc = (text)}
/* an address of one family; 0.0.0.0 and :: are none */
#define ADDRESS(k, number, bytes, more, text) \
	{.key = (k), .attr = (number), .type = NET_IP, .size = (bytes), .flags = NET_ZERO | (more), .doc = (text)}
#define NEST(number, of) {.attr = (number), .type = NET_NEST, .flags = NET_FLAT, .nest = &(of)}
/* clang-format on */

enum {
	NEW_LINK_GSO_IPV4_MAX_SIZE = 63,
	NEW_LINK_GRO_IPV4_MAX_SIZE = 64,
	NEW_LINK_MAX_PACING_OFFLOAD_HORIZON = 66,
	NEW_LINK_NETNS_IMMUTABLE = 67,
	NEW_LINK_HEADROOM = 68,
	NEW_LINK_TAILROOM = 69,

	NEW_BOND_COUPLED_CONTROL = 32,
	NEW_BOND_BROADCAST_NEIGH = 33,
	NEW_BOND_LACP_STRICT = 34,
	NEW_BOND_SLAVE_ACTOR_PORT_PRIO = 10,
	NEW_BR_BOOLOPT_MDB_OFFLOAD_FAIL = 3,
	NEW_BR_BOOLOPT_FDB_LOCAL_VLAN_0 = 4,
	NEW_BR_FDB_N_LEARNED = 48,
	NEW_BR_FDB_MAX_LEARNED = 49,
	NEW_BR_STP_MODE = 50,
	NEW_BRPORT_MAB = 40,
	NEW_BRPORT_MCAST_N_GROUPS = 41,
	NEW_BRPORT_MCAST_MAX_GROUPS = 42,
	NEW_BRPORT_NEIGH_VLAN_SUPPRESS = 43,
	NEW_BRPORT_BACKUP_NHID = 44,
	NEW_BRVLAN_MCAST_N_GROUPS = 7,
	NEW_BRVLAN_MCAST_MAX_GROUPS = 8,
	NEW_BRVLAN_NEIGH_SUPPRESS = 9,
	NEW_GENEVE_PORT_RANGE = 15,
	NEW_HSR_INTERLINK = 8,
	NEW_MACVLAN_BC_CUTOFF = 9,
	NEW_VXLAN_LOCALBYPASS = 31,
	NEW_VXLAN_LABEL_POLICY = 32,
	NEW_VXLAN_MC_ROUTE = 34,

	NEW_MDBE_SRC_LIST = 2,
	NEW_MDBE_GROUP_MODE = 3,
	NEW_MDBE_RTPROT = 4,
	NEW_MDBE_DST = 5,
	NEW_MDBE_DST_PORT = 6,
	NEW_MDBE_VNI = 7,
	NEW_MDBE_IFINDEX = 8,
	NEW_MDBE_SRC_VNI = 9,
	NEW_MDBE_SRC_LIST_ENTRY = 1,
	NEW_MDB_EATTR_DST = 6,
	NEW_MDB_EATTR_DST_PORT = 7,
	NEW_MDB_EATTR_VNI = 8,
	NEW_MDB_EATTR_IFINDEX = 9,
	NEW_MDB_EATTR_SRC_VNI = 10,
	NEW_MDB_FLAGS_OFFLOAD_FAILED = 16,

	NEW_NETKIT_PEER_INFO = 1,
	NEW_NETKIT_PRIMARY = 2,
	NEW_NETKIT_POLICY = 3,
	NEW_NETKIT_PEER_POLICY = 4,
	NEW_NETKIT_MODE = 5,
	NEW_NETKIT_SCRUB = 6,
	NEW_NETKIT_PEER_SCRUB = 7,
	NEW_NETKIT_HEADROOM = 8,
	NEW_NETKIT_TAILROOM = 9,
};

#endif
