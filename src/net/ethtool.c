/* ethtool.c - what drivers know of a link beyond rtnetlink (ethtool(8)): read part by part, set with the link */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include <netlink/attr.h>

#include "ethtool.h"
#include "genl.h"
#include "net.h"
#include "sock.h"

#define HEADER 1 /* in all messages that are used here */

/* net_ethtool_msg() - a request about a link, or with index 0 about none; NULL: see *err */
struct nl_msg *net_ethtool_msg(struct net_ns *ns, uint8_t cmd, int index, uint32_t flags, struct net_err *err)
{
	struct nl_msg *m = net_genl_msg(ns, ETHTOOL_GENL_NAME, cmd, err);
	struct nlattr *header;

	if (!m) {
		if (err->code == EOPNOTSUPP)
			net_hint(err, "CONFIG_ETHTOOL_NETLINK=y brings it");
		return NULL;
	}
	header = nla_nest_start(m, HEADER | NLA_F_NESTED);
	if (index)
		nla_put_u32(m, ETHTOOL_A_HEADER_DEV_INDEX, (uint32_t)index);
	if (flags)
		nla_put_u32(m, ETHTOOL_A_HEADER_FLAGS, flags);
	nla_nest_end_keep_empty(m, header);
	return m;
}

static const struct net_ethtool_part *part_of(const char *name)
{
	const struct net_ethtool_part *part;

	for (unsigned int i = 0; (part = net_ethtool_part(i)); i++)
		if (strcmp(part->name, name) == 0)
			return part;
	return NULL;
}

/*
 * net_ethtool_get() - one part of what a link's driver tells
 * @c: stands before it then
 *
 * Return: 0; -EOPNOTSUPP where the driver tells nothing of it.
 */
int net_ethtool_get(struct net_ns *ns, int index, const char *name, struct net_dump *d, struct net_cursor *c,
		    struct net_err *err)
{
	const struct net_ethtool_part *part = part_of(name);
	struct nl_msg *m;
	int r;

	if (!part)
		return net_misuse(err, "ethtool has no part '%s'", name);
	m = net_ethtool_msg(ns, part->get, index, 0, err);
	if (!m)
		return -err->code;
	r = net_genl_ask(ns, m, NULL, d, err);
	if (r == 0 && (d->len == 0 || net_decode(c, (struct nlmsghdr *)(void *)d->buf, part->table) < 0))
		r = net_fail(err, EPROTO, "the kernel's answer tells of no %s", name);
	return r;
}

/* --- setting --- */

static bool in_table(const struct net_table *t, const struct net_row *row)
{
	return row >= t->rows && row < t->rows + t->n;
}

/* The fields of a part: of the nest with its key, or from the link's own. */
static const struct net_field *fields_of(const struct net_ethtool_part *part, const struct net_field *f, unsigned int n,
					 unsigned int *count)
{
	for (unsigned int i = 0, span; i < n; i += span) {
		span = net_span(f, n, i);
		if (part->flat && in_table(part->table, f[i].row)) {
			*count = n;
			return f;
		}
		if (!part->flat && f[i].row->nest == part->table) {
			*count = span - 2;
			return f + i + 1;
		}
	}
	return NULL;
}

static const char *first_key(const struct net_ethtool_part *part, const struct net_field *f, unsigned int n)
{
	unsigned int i = 0;

	while (i < n && !in_table(part->table, f[i].row))
		i += net_span(f, n, i);
	return i < n ? f[i].row->key : part->name;
}

static int set_part(struct net_ns *ns, int index, const struct net_ethtool_part *part, const struct net_field *f,
		    unsigned int n, struct net_err *err)
{
	struct nl_msg *m = net_ethtool_msg(ns, part->set, index, ETHTOOL_FLAG_OMIT_REPLY, err);
	int r;

	if (!m)
		return -err->code;
	r = net_encode(m, &(struct net_ctx){0}, part->table, NULL, f, n, err);
	if (r < 0) {
		net_msg_free(m);
		return r;
	}
	r = net_genl_ask(ns, m, part->table, NULL, err);
	if (r < 0 && !*err->text)
		snprintf(err->text, sizeof(err->text), "%s: %s", part->flat ? first_key(part, f, n) : part->name,
			 net_strerror(-r));
	return r;
}

/* net_ethtool_has() - whether a key of a link is set by ethtool's messages */
bool net_ethtool_has(const struct net_row *row)
{
	const struct net_ethtool_part *part;

	if (row->type == NET_TOGGLES)
		return true;
	for (unsigned int i = 0; (part = net_ethtool_part(i)); i++)
		if (part->set && (part->flat ? in_table(part->table, row) : row->nest == part->table))
			return true;
	return false;
}

/* net_ethtool_set() - set what of a link's fields is ethtool's, one message for each part */
int net_ethtool_set(struct net_ns *ns, int index, const struct net_field *f, unsigned int n, struct net_err *err)
{
	const struct net_ethtool_part *part;
	int r = 0;

	for (unsigned int i = 0; r == 0 && (part = net_ethtool_part(i)); i++) {
		unsigned int count = 0;
		const struct net_field *inner = part->set ? fields_of(part, f, n, &count) : NULL;

		if (inner)
			r = set_part(ns, index, part, inner, count, err);
	}
	for (unsigned int i = 0, span; r == 0 && i < n; i += span) {
		span = net_span(f, n, i);
		if (f[i].row->type == NET_TOGGLES)
			r = net_offload_set(ns, index, f + i + 1, span - 2, err);
	}
	return r;
}

/* --- what only the older interface tells --- */

/* Any socket of the namespace takes the request. */
static int old_request(struct net_ns *ns, int index, void *data, struct net_err *err)
{
	struct net_sock *s = net_sock_get(ns, NETLINK_GENERIC, err);
	struct ifreq req = {.ifr_ifindex = index};

	if (!s)
		return -err->code;
	if (ioctl(s->fd, SIOCGIFNAME, &req) < 0)
		return net_fail(err, errno, NULL);
	req.ifr_data = data;
	return ioctl(s->fd, SIOCETHTOOL, &req) < 0 ? net_fail(err, errno, NULL) : 0;
}

/* The kernel's texts have 32 bytes, and mostly a NUL. */
static void take_text(char to[32], const char from[32])
{
	memcpy(to, from, 31);
	to[31] = 0;
}

/* net_ethtool_driver() - which driver a link has; netlink doesn't tell.  -EOPNOTSUPP: none that says */
int net_ethtool_driver(struct net_ns *ns, int index, struct net_driver *driver, struct net_err *err)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	int r = old_request(ns, index, &info, err);

	if (r < 0)
		return r;
	take_text(driver->name, info.driver);
	take_text(driver->version, info.version);
	take_text(driver->firmware, info.fw_version);
	take_text(driver->bus, info.bus_info);
	driver->counters = info.n_stats;
	return 0;
}

/*
 * net_ethtool_counters() - the driver's own counters
 * @n: how many, as net_ethtool_driver() counts them
 * @room: NET_COUNTERS_ROOM(n) bytes, which hold the result
 * @names, @values: the result; a name takes NET_COUNTER_NAME bytes
 */
int net_ethtool_counters(struct net_ns *ns, int index, unsigned int n, void *room, const char **names,
			 const uint64_t **values, struct net_err *err)
{
	struct ethtool_stats *stats = room;
	struct ethtool_gstrings *strings = (void *)(stats->data + n + NET_COUNTERS_SPARE);
	int r;

	_Static_assert(NET_COUNTER_NAME == ETH_GSTRING_LEN, "the kernel's names");
	*stats = (struct ethtool_stats){.cmd = ETHTOOL_GSTATS, .n_stats = n};
	*strings = (struct ethtool_gstrings){.cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_STATS, .len = n};
	r = old_request(ns, index, strings, err);
	if (r == 0)
		r = old_request(ns, index, stats, err);
	*names = (const char *)strings->data;
	*values = (const uint64_t *)stats->data;
	return r;
}
