/* form.c - values with a form of their own on the wire: socket addresses, wireguard's prefixes, ethtool's bitsets,
 * lists of plain values */
#include <arpa/inet.h>
#include <linux/ethtool_netlink.h>
#include <linux/if_link.h>
#include <linux/wireguard.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "net.h"
#include "tables.h"

/* net_put_endpoint() - an address with its port; of a link-local one f->i has the scope in its upper half */
int net_put_endpoint(struct nl_msg *m, int attr, const struct net_field *f)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
				  .sin6_port = htons((uint16_t)f->i),
				  .sin6_scope_id = (uint32_t)((uint64_t)f->i >> 32)};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)f->i)};

	if (f->family == AF_INET6) {
		memcpy(&v6.sin6_addr, f->addr, 16);
		return nla_put(m, attr, sizeof(v6), &v6);
	}
	memcpy(&v4.sin_addr, f->addr, 4);
	return nla_put(m, attr, sizeof(v4), &v4);
}

bool net_get_endpoint(const struct nlattr *a, struct net_field *f)
{
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;

	if (!a || nla_len(a) < (int)sizeof(v4))
		return false;
	memcpy(&v4, nla_data(a), sizeof(v4));
	f->family = (uint8_t)v4.sin_family;
	f->i = ntohs(v4.sin_port);
	if (f->family == AF_INET) {
		f->len = 4;
		memcpy(f->addr, &v4.sin_addr, 4);
		return true;
	}
	if (f->family != AF_INET6 || nla_len(a) < (int)sizeof(v6))
		return false;
	memcpy(&v6, nla_data(a), sizeof(v6));
	f->len = 16;
	memcpy(f->addr, &v6.sin6_addr, 16);
	f->i |= (int64_t)((uint64_t)v6.sin6_scope_id << 32);
	return true;
}

/* net_endpoint_text() - "192.0.2.1:51820", "[fd00::1]:51820" */
void net_endpoint_text(const struct net_field *f, char buf[NET_ADDR_TEXT])
{
	unsigned int port = (unsigned int)(f->i & 0xffff), scope = (unsigned int)((uint64_t)f->i >> 32);
	char addr[INET6_ADDRSTRLEN] = "";

	inet_ntop(f->family, f->addr, addr, sizeof(addr));
	if (f->family == AF_INET)
		snprintf(buf, NET_ADDR_TEXT, "%s:%u", addr, port);
	else if (scope)
		snprintf(buf, NET_ADDR_TEXT, "[%s%%%u]:%u", addr, scope, port);
	else
		snprintf(buf, NET_ADDR_TEXT, "[%s]:%u", addr, port);
}

/* net_put_allowed() - a prefix as wireguard has it */
int net_put_allowed(struct nl_msg *m, const struct net_field *f)
{
	struct nlattr *nest = nla_nest_start(m, NLA_F_NESTED);

	if (!nest || nla_put_u16(m, WGALLOWEDIP_A_FAMILY, f->family) < 0 ||
	    nla_put(m, WGALLOWEDIP_A_IPADDR, f->len, f->addr) < 0 ||
	    nla_put_u8(m, WGALLOWEDIP_A_CIDR_MASK, (uint8_t)(f->plen >= 0 ? f->plen : f->len * 8)) < 0)
		return -1;
	nla_nest_end(m, nest);
	return 0;
}

bool net_get_allowed(const struct nlattr *a, struct net_field *f)
{
	struct nlattr *tb[WGALLOWEDIP_A_MAX + 1];
	int len;

	if (nla_parse_nested(tb, WGALLOWEDIP_A_MAX, (struct nlattr *)(uintptr_t)a, NULL) < 0 ||
	    !tb[WGALLOWEDIP_A_IPADDR] || !tb[WGALLOWEDIP_A_CIDR_MASK] || nla_len(tb[WGALLOWEDIP_A_CIDR_MASK]) < 1)
		return false;
	len = nla_len(tb[WGALLOWEDIP_A_IPADDR]);
	if (len != 4 && len != 16)
		return false;
	f->family = len == 4 ? AF_INET : AF_INET6;
	f->len = (uint8_t)len;
	f->plen = nla_get_u8(tb[WGALLOWEDIP_A_CIDR_MASK]);
	memcpy(f->addr, nla_data(tb[WGALLOWEDIP_A_IPADDR]), (size_t)len);
	return true;
}

/* net_put_bitset() - the bits of these names, and no others */
int net_put_bitset(struct nl_msg *m, int attr, const struct net_field *f, unsigned int n)
{
	struct nlattr *set = nla_nest_start(m, attr | NLA_F_NESTED), *bits, *bit;

	if (!set || nla_put_flag(m, ETHTOOL_A_BITSET_NOMASK) < 0)
		return -1;
	bits = nla_nest_start(m, ETHTOOL_A_BITSET_BITS | NLA_F_NESTED);
	for (unsigned int i = 0; bits && i < n; i++) {
		bit = nla_nest_start(m, ETHTOOL_A_BITSET_BITS_BIT | NLA_F_NESTED);
		if (!bit || nla_put_string(m, ETHTOOL_A_BITSET_BIT_NAME, f[i].s) < 0)
			return -1;
		nla_nest_end(m, bit);
	}
	if (!bits)
		return -1;
	nla_nest_end_keep_empty(m, bits);
	nla_nest_end_keep_empty(m, set);
	return 0;
}

/* net_get_bits() - the list of bits in a bitset; NULL: none.  With a mask it has those that are off, too. */
const struct nlattr *net_get_bits(const struct nlattr *set)
{
	return nla_find(nla_data(set), nla_len(set), ETHTOOL_A_BITSET_BITS);
}

/* net_get_bit() - the name of a bit; false where it is off */
bool net_get_bit(const struct nlattr *set, const struct nlattr *bit, struct net_field *f)
{
	struct nlattr *tb[ETHTOOL_A_BITSET_BIT_MAX + 1];

	if (nla_parse_nested(tb, ETHTOOL_A_BITSET_BIT_MAX, (struct nlattr *)(uintptr_t)bit, NULL) < 0 ||
	    !tb[ETHTOOL_A_BITSET_BIT_NAME])
		return false;
	f->s = nla_data(tb[ETHTOOL_A_BITSET_BIT_NAME]);
	f->slen = strnlen(f->s, (size_t)nla_len(tb[ETHTOOL_A_BITSET_BIT_NAME]));
	return tb[ETHTOOL_A_BITSET_BIT_VALUE] || nla_find(nla_data(set), nla_len(set), ETHTOOL_A_BITSET_NOMASK);
}

/* net_put_array() - a nest of plain values: addresses, names, or priorities by priorities. */
int net_put_array(struct nl_msg *m, const struct net_row *row, const struct net_field *f, unsigned int n)
{
	struct nlattr *nest;
	int r = 0;

	if (row->type == NET_BITSET)
		return net_put_bitset(m, row->attr, f, n);
	if (row->type == NET_MACLIST)
		r = nla_put_u32(m, row->aux, MACVLAN_MACADDR_SET);
	nest = r == 0 ? nla_nest_start(m, row->attr) : NULL;
	if (!nest)
		return -1;
	for (unsigned int i = 0; r == 0 && i < n; i++) {
		struct ifla_vlan_qos_mapping map = {(uint32_t)(f[i].i >> 32), (uint32_t)f[i].i};

		if (row->type == NET_QOSMAP)
			r = nla_put(m, IFLA_VLAN_QOS_MAPPING, sizeof(map), &map);
		else if (row->type == NET_PREFIXES)
			r = net_put_allowed(m, &f[i]);
		else if (row->type == NET_STRINGS)
			r = nla_put_string(m, row->aux, f[i].s);
		else
			r = nla_put(m, row->type == NET_MACLIST ? IFLA_MACVLAN_MACADDR : (int)i, f[i].len, f[i].addr);
	}
	if (r == 0)
		nla_nest_end_keep_empty(m, nest);
	return r;
}

/* net_put_numbers() - integers, in an array of the header or each in an attribute. */
int net_put_numbers(struct nl_msg *m, const struct net_row *row, char *hdr, const struct net_field *f, unsigned int n)
{
	struct nlattr *nest = row->flags & NET_HDR ? NULL : nla_nest_start(m, row->attr);
	char number[8];
	int r = nest || row->flags & NET_HDR ? 0 : -1;

	for (unsigned int i = 0; r == 0 && i < n; i++) {
		net_put_number(nest ? number : hdr + row->attr + i * row->size, row, (uint64_t)f[i].i);
		if (nest)
			r = nla_put(m, row->aux, row->size, number);
	}
	if (r == 0 && nest)
		nla_nest_end(m, nest);
	return r;
}
