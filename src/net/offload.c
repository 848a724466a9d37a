/* offload.c - the features of a link's driver, one by one or by the short names of ethtool(8) -K for groups of them */
#include <errno.h>
#include <fnmatch.h>
#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <string.h>

#include <netlink/attr.h>

#include "ethtool.h"
#include "genl.h"
#include "net.h"
#include "sock.h"

#define WORDS (NET_MAX_FEATURES / 32)

/* A short name, the features that it switches, and those of them without which it isn't on: patterns. */
static const struct {
	const char *name, *features, *main;
} groups[] = {
	{"rx", "rx-checksum", NULL},
	{"tx", "tx-checksum-*", "tx-checksum-ip*"},
	{"sg", "tx-scatter-gather*", "tx-scatter-gather"},
	{"tso", "tx-tcp*-segmentation", "tx-tcp-segmentation"},
	{"ufo", "tx-udp-fragmentation", NULL},
	{"gso", "tx-generic-segmentation", NULL},
	{"gro", "rx-gro", NULL},
	{"lro", "rx-lro", NULL},
	{"rxvlan", "rx-vlan-hw-parse", NULL},
	{"txvlan", "tx-vlan-hw-insert", NULL},
	{"ntuple", "rx-ntuple-filter", NULL},
	{"rxhash", "rx-hashing", NULL},
};

const char *net_offload_name(unsigned int i)
{
	return i < sizeof(groups) / sizeof(*groups) ? groups[i].name : NULL;
}

/* Whether a name means a feature: the feature's own, with _ for - too, or that of its group */
static bool means(const char *name, const char *feature)
{
	size_t i = 0;

	for (unsigned int g = 0; g < sizeof(groups) / sizeof(*groups); g++)
		if (strcmp(groups[g].name, name) == 0)
			return fnmatch(groups[g].features, feature, 0) == 0;
	while (name[i] && (name[i] == feature[i] || (name[i] == '_' && feature[i] == '-')))
		i++;
	return !name[i] && !feature[i];
}

/* --- reading --- */

static void keep_name(struct net_features *all, struct nlattr *string)
{
	struct nlattr *tb[ETHTOOL_A_STRING_MAX + 1];
	unsigned int i;

	if (nla_parse_nested(tb, ETHTOOL_A_STRING_MAX, string, NULL) < 0 || !tb[ETHTOOL_A_STRING_INDEX] ||
	    !tb[ETHTOOL_A_STRING_VALUE])
		return;
	i = nla_get_u32(tb[ETHTOOL_A_STRING_INDEX]);
	if (i >= NET_MAX_FEATURES)
		return;
	nla_strlcpy(all->names[i], tb[ETHTOOL_A_STRING_VALUE], sizeof(all->names[i]));
	all->v[i].name = *all->names[i] ? all->names[i] : NULL; /* some bits are not in use */
	if (i >= all->n)
		all->n = i + 1;
}

static struct nlattr *inside(struct nlattr *nest, int type)
{
	return nest ? nla_find(nla_data(nest), nla_len(nest), type) : NULL;
}

/* What the kernel calls its features. */
static int read_names(struct net_ns *ns, struct net_features *all, struct net_err *err)
{
	struct nl_msg *m = net_ethtool_msg(ns, ETHTOOL_MSG_STRSET_GET, 0, 0, err);
	struct net_dump d = {0};
	struct nlattr *sets, *set, *a = NULL;
	int r, left;

	if (!m)
		return -err->code;
	sets = nla_nest_start(m, ETHTOOL_A_STRSET_STRINGSETS | NLA_F_NESTED);
	set = nla_nest_start(m, ETHTOOL_A_STRINGSETS_STRINGSET | NLA_F_NESTED);
	nla_put_u32(m, ETHTOOL_A_STRINGSET_ID, ETH_SS_FEATURES);
	nla_nest_end(m, set);
	nla_nest_end(m, sets);
	r = net_genl_ask(ns, m, NULL, &d, err);
	if (r == 0 && d.len)
		a = nlmsg_find_attr((struct nlmsghdr *)(void *)d.buf, sizeof(struct genlmsghdr),
				    ETHTOOL_A_STRSET_STRINGSETS);
	a = inside(inside(a, ETHTOOL_A_STRINGSETS_STRINGSET), ETHTOOL_A_STRINGSET_STRINGS);
	set = a ? nla_data(a) : NULL;
	left = a ? nla_len(a) : 0;
	for (; nla_ok(set, left); set = nla_next(set, &left))
		keep_name(all, set);
	net_dump_free(&d);
	return r;
}

/* The words of a compact bitset; what is left out is 0. */
static void read_bits(struct nlattr *bitset, uint32_t words[WORDS])
{
	struct nlattr *value = inside(bitset, ETHTOOL_A_BITSET_VALUE);

	memset(words, 0, WORDS * sizeof(*words));
	if (value)
		memcpy(words, nla_data(value), nla_len(value) < WORDS * 4 ? (size_t)nla_len(value) : (size_t)WORDS * 4);
}

static bool bit(const uint32_t words[WORDS], unsigned int i)
{
	return words[i / 32] >> (i % 32) & 1;
}

/* net_ethtool_features() - all features of a link, by the kernel's names */
int net_ethtool_features(struct net_ns *ns, int index, struct net_features *all, struct net_err *err)
{
	struct nlattr *tb[ETHTOOL_A_FEATURES_MAX + 1] = {0};
	uint32_t hw[WORDS], wanted[WORDS], active[WORDS], fixed[WORDS];
	struct net_dump d = {0};
	struct nl_msg *m;
	int r;

	memset(all, 0, sizeof(*all));
	r = read_names(ns, all, err);
	m = r == 0 ? net_ethtool_msg(ns, ETHTOOL_MSG_FEATURES_GET, index, ETHTOOL_FLAG_COMPACT_BITSETS, err) : NULL;
	if (!m)
		return -err->code;
	r = net_genl_ask(ns, m, NULL, &d, err);
	if (r == 0 && (!d.len || nlmsg_parse((struct nlmsghdr *)(void *)d.buf, sizeof(struct genlmsghdr), tb,
					     ETHTOOL_A_FEATURES_MAX, NULL) < 0))
		r = net_fail(err, EPROTO, "the kernel's answer tells of no features");
	if (r == 0) {
		read_bits(tb[ETHTOOL_A_FEATURES_HW], hw);
		read_bits(tb[ETHTOOL_A_FEATURES_WANTED], wanted);
		read_bits(tb[ETHTOOL_A_FEATURES_ACTIVE], active);
		read_bits(tb[ETHTOOL_A_FEATURES_NOCHANGE], fixed);
		for (unsigned int i = 0; i < all->n; i++) {
			all->v[i].on = bit(active, i);
			all->v[i].wanted = bit(wanted, i);
			all->v[i].fixed = !bit(hw, i) || bit(fixed, i);
		}
	}
	net_dump_free(&d);
	return r;
}

/* --- setting --- */

/* Ask for the features in @mask to be as in @value. */
static int want(struct net_ns *ns, int index, const uint32_t value[WORDS], const uint32_t mask[WORDS], unsigned int n,
		struct net_err *err)
{
	struct nl_msg *m = net_ethtool_msg(ns, ETHTOOL_MSG_FEATURES_SET, index,
					   ETHTOOL_FLAG_COMPACT_BITSETS | ETHTOOL_FLAG_OMIT_REPLY, err);
	int bytes = (int)(n + 31) / 32 * 4;
	struct nlattr *bitset;

	if (!m)
		return -err->code;
	bitset = nla_nest_start(m, ETHTOOL_A_FEATURES_WANTED | NLA_F_NESTED);
	nla_put_u32(m, ETHTOOL_A_BITSET_SIZE, n);
	nla_put(m, ETHTOOL_A_BITSET_VALUE, bytes, value);
	nla_put(m, ETHTOOL_A_BITSET_MASK, bytes, mask);
	nla_nest_end(m, bitset);
	return net_genl_ask(ns, m, NULL, NULL, err);
}

/* Of the features that a name means: how many there are, can be changed, are on, both; and whether of its main ones
 * some can be changed and one is on. */
struct count {
	unsigned int all, loose, on, loose_on;
	bool main, main_on;
};

static bool is_main(const char *name, const char *feature)
{
	for (unsigned int g = 0; g < sizeof(groups) / sizeof(*groups); g++)
		if (strcmp(groups[g].name, name) == 0 && groups[g].main)
			return fnmatch(groups[g].main, feature, 0) == 0;
	return true;
}

static struct count count(const struct net_features *all, const char *name)
{
	struct count c = {0};

	for (unsigned int i = 0; i < all->n; i++) {
		const struct net_feature *v = &all->v[i];

		if (!v->name || !means(name, v->name))
			continue;
		c.all++;
		c.loose += !v->fixed;
		c.on += v->on;
		c.loose_on += v->on && !v->fixed;
		c.main = c.main || (!v->fixed && is_main(name, v->name));
		c.main_on = c.main_on || (v->on && is_main(name, v->name));
	}
	return c;
}

static bool is_on(const struct count *c)
{
	return c->main ? c->main_on : c->on > 0;
}

/* net_offload_on() - whether what a name means is on: of a group, one of its main features that can be changed */
int net_offload_on(const struct net_features *all, const char *name)
{
	struct count c = count(all, name);

	return c.all ? is_on(&c) : -1;
}

/* Put what one field asks for into value and mask. */
static int plan(const struct net_features *all, const struct net_field *f, uint32_t value[WORDS], uint32_t mask[WORDS],
		struct net_err *err)
{
	struct count c = count(all, f->s);

	if (c.all == 0)
		return net_misuse(
			err, "offload: unknown feature '%.40s'; link:ethtool().features lists those there are", f->s);
	if (c.loose == 0 && (f->i ? c.on == 0 : c.on > 0))
		return net_fail(err, EOPNOTSUPP, "offload: %s is always %s here", f->s, c.on ? "on" : "off");
	for (unsigned int i = 0; i < all->n; i++) {
		const struct net_feature *v = &all->v[i];

		if (!v->name || v->fixed || !means(f->s, v->name))
			continue;
		mask[i / 32] |= 1U << (i % 32);
		value[i / 32] &= ~(1U << (i % 32));
		value[i / 32] |= (uint32_t)(f->i != 0) << (i % 32);
	}
	return 0;
}

/* The kernel takes a wish and leaves off what depends on something else that is off: tell it. */
static int check(struct net_ns *ns, int index, const struct net_field *f, unsigned int n, struct net_features *now,
		 struct net_err *err)
{
	int r = net_ethtool_features(ns, index, now, err);

	for (unsigned int i = 0; r == 0 && i < n; i++) {
		struct count c = count(now, f[i].s);

		if (c.loose == 0 || (f[i].i ? is_on(&c) : c.loose_on == 0))
			continue;
		net_fail(err, EOPNOTSUPP, "offload: %s stays %s", f[i].s, f[i].i ? "off" : "on");
		net_hint(err, "it depends on others: tso, gso and lro need the checksums (tx, rx), tso and gso sg too");
		return -EOPNOTSUPP;
	}
	return r;
}

/* net_offload_set() - switch features on and off: all that are named, or none */
int net_offload_set(struct net_ns *ns, int index, const struct net_field *f, unsigned int n, struct net_err *err)
{
	uint32_t value[WORDS] = {0}, mask[WORDS] = {0}, old[WORDS] = {0};
	struct net_features before, after;
	int r = net_ethtool_features(ns, index, &before, err);

	/* groups first: a single feature of one may be said to differ */
	for (int single = 0; single <= 1; single++)
		for (unsigned int i = 0; r == 0 && i < n; i++)
			if ((count(&before, f[i].s).all == 1) == single)
				r = plan(&before, &f[i], value, mask, err);
	if (r < 0)
		return r;
	for (unsigned int i = 0; i < before.n; i++)
		old[i / 32] |= (uint32_t)before.v[i].wanted << (i % 32);
	r = want(ns, index, value, mask, before.n, err);
	if (r == 0)
		r = check(ns, index, f, n, &after, err);
	if (r < 0)
		want(ns, index, old, mask, before.n, &(struct net_err){0});
	return r;
}
