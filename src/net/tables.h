/* tables.h - inside the net layer: name tables and attribute tables that several nouns share */
#ifndef NSH_TABLES_H
#define NSH_TABLES_H

#include "net.h"

extern const struct net_enum net_groups, net_families, net_scopes, net_protocols, net_route_tables;
extern const struct net_enum net_bridge_states, net_bridge_routers;
extern const struct net_table net_querier_table;
extern const struct net_enum net_ipprotos;
extern const struct net_table net_neigh_ages; /* of ndmsg: neighbours and forwarding databases */
extern const struct net_table net_link_table, net_peer_table, net_bridge_table, net_bridge_port_table;
extern const struct net_table net_vlan_table, net_macvlan_table, net_ipvlan_table, net_vrf_table, net_vrf_port_table;
extern const struct net_table net_tun_table;
extern const struct net_table net_modes_table, net_rings_table, net_channels_table, net_coalesce_table;
extern const struct net_table net_pause_table, net_eee_table, net_wol_table, net_fec_table;
extern const struct net_table net_gre_table, net_erspan_table, net_ip6gre_table, net_ip6erspan_table;
extern const struct net_table net_ipip_table, net_sit_table, net_ip6tnl_table, net_vti_table, net_vti6_table;
extern const struct net_table net_encap_table, net_flowinfo_table, net_ip6flags_table; /* nests of tunnels */
extern const struct net_enum net_tunnel_ttls, net_tunnel_toses, net_tunnel_encaps, net_tunnel_limits,
	net_tunnel_inherit;
extern const struct net_table net_amt_table, net_bareudp_table, net_batadv_table, net_can_table, net_dsa_table;
extern const struct net_table net_gtp_table, net_hsr_table, net_ipoib_table, net_macsec_table, net_netkit_table;
extern const struct net_table net_rmnet_table, net_wwan_table, net_xfrm_table;
extern const struct net_table net_wireguard_table;
extern const struct net_table net_vxlan_table, net_geneve_table, net_bond_table, net_bond_port_table;

/* Which rows of a table a message is read for: those that are always looked at, and those of each attribute, the first
 * one and then one behind the other; NET_NO_ROW: none. */
#define NET_NO_ROW 0xff
struct net_rowmap {
	const struct net_table *t;
	uint64_t always[NET_ROW_WORDS];
	uint64_t puts[NET_ROW_WORDS]; /* those that may put something though no field is for them */
	uint8_t first[NET_MAX_ATTR], next[NET_MAX_ROWS];
};

const struct net_table *net_flat_table(const struct net_row *row, const struct net_kind *kind);
const struct net_row *net_family_key(const struct net_table *t);
const struct net_rowmap *net_rowmap(const struct net_table *t);
bool net_kind_whole(const struct net_kind *kind);
void net_put_number(char *to, const struct net_row *row, uint64_t v);
uint64_t net_get_number(const char *from, const struct net_row *row);
int net_parse_pair(const char *s, size_t len, struct net_field *f);
int net_parse_labels(const char *s, size_t len, struct net_field *f);
void net_labels_text(const struct net_field *f, char *buf, size_t size);
const struct net_table *net_lwt_table(unsigned int number);
int net_put_encap(struct nl_msg *m, const struct net_row *row, const struct net_field *f, unsigned int n,
		  struct net_err *err);
int net_put_segs(struct nl_msg *m, const struct net_row *row, uint32_t mode, const struct net_field *f, unsigned int n,
		 struct net_err *err);
bool net_segs_span(const struct net_row *row, const char *data, int len, const char **begin, const char **end);
void net_put_pair(char *to, const struct net_row *row, int64_t v);
int64_t net_get_pair(const char *from, const struct net_row *row);
/* form.c */
struct nl_msg;
struct nlattr;
int net_put_endpoint(struct nl_msg *m, int attr, const struct net_field *f);
bool net_get_endpoint(const struct nlattr *a, struct net_field *f);
void net_endpoint_text(const struct net_field *f, char buf[NET_ADDR_TEXT]);
int net_put_allowed(struct nl_msg *m, const struct net_field *f);
bool net_get_allowed(const struct nlattr *a, struct net_field *f);
int net_put_array(struct nl_msg *m, const struct net_row *row, const struct net_field *f, unsigned int n);
int net_put_numbers(struct nl_msg *m, const struct net_row *row, char *hdr, const struct net_field *f, unsigned int n);
int net_put_bitset(struct nl_msg *m, int attr, const struct net_field *f, unsigned int n);
const struct nlattr *net_get_bits(const struct nlattr *set);
bool net_get_bit(const struct nlattr *set, const struct nlattr *bit, struct net_field *f);
void net_mask_set(struct net_field *f, const struct net_row *row, uint64_t mask);
int net_put_masked(struct nl_msg *m, const struct net_row *row, const struct net_field *f);
bool net_get_mask(struct nlattr *const *tb, const struct net_row *row, struct net_field *f);
int net_put_burst(struct nl_msg *m, char *hdr, const struct net_row *row, const struct net_field *burst,
		  const struct net_field *f, unsigned int n, struct net_err *err);
uint64_t net_get_burst(const struct net_level *l, const struct net_row *row, uint64_t ticks);
int net_put_dist(struct nl_msg *m, const struct net_row *row, int64_t which);
bool net_matches(const struct net_cursor *at, const struct net_fields *filter); /* match.c */
int net_resolve_links(struct net_ns *ns, struct net_fields *f, struct net_err *err);

#endif
