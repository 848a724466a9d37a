/* wireguard.c - the keys, port and peers of wireguard links (wg(8)), by their own generic netlink family */
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <stdlib.h>
#include <string.h>

#include <netlink/attr.h>

#include "genl.h"
#include "link.h"
#include "net.h"
#include "sock.h"
#include "tables.h"

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))
#define ROOM 512 /* bytes that the next part of a peer may need */

/* clang-format off */
static const struct net_row handshake_rows[] = {
	{.key = "last_handshake", .attr = 0 /* tv_sec of the kernel's timespec */, .type = NET_INT, .size = 8,
	 .flags = NET_HDR | NET_RO | NET_ZERO, .doc = "when both last agreed on a key, in seconds since 1970"},
};
static const struct net_table handshake = {"handshake", handshake_rows, COUNT(handshake_rows), 16, true};

/* The allowed prefixes come last: they may be more than a message takes. */
static const struct net_row peer_rows[] = {
	{.key = "public_key", .attr = WGPEER_A_PUBLIC_KEY, .type = NET_KEY, .min = 1, .flags = NET_MAIN,
	 .doc = "who it is, in base64"},
	{.key = "preshared_key", .attr = WGPEER_A_PRESHARED_KEY, .type = NET_KEY, .flags = NET_ZERO,
	 .doc = "a secret that both share, beside their keys; false: none"},
	{.key = "endpoint", .attr = WGPEER_A_ENDPOINT, .type = NET_ENDPOINT,
	 .doc = "where it is; learned from what it sends"},
	{.key = "persistent_keepalive", .attr = WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, .type = NET_TIME, .size = 2,
	 .flags = NET_ZERO, .doc = "send something so often; false: don't"},
	{.key = "rx_bytes", .attr = WGPEER_A_RX_BYTES, .type = NET_UINT, .size = 8, .flags = NET_RO,
	 .doc = "bytes received from it"},
	{.key = "tx_bytes", .attr = WGPEER_A_TX_BYTES, .type = NET_UINT, .size = 8, .flags = NET_RO,
	 .doc = "bytes sent to it"},
	{.attr = WGPEER_A_LAST_HANDSHAKE_TIME, .type = NET_NEST, .flags = NET_FLAT, .nest = &handshake},
	{.key = "protocol_version", .attr = WGPEER_A_PROTOCOL_VERSION, .type = NET_UINT, .size = 4, .flags = NET_RO,
	 .doc = "version of the protocol"},
	{.key = "allowed_ips", .attr = WGPEER_A_ALLOWEDIPS, .type = NET_PREFIXES,
	 .doc = "addresses that are behind it, as { \"10.0.0.0/24\" }"},
};
const struct net_table net_wgpeer_table = {"wireguard peer", peer_rows, COUNT(peer_rows), 0, false};
static const struct net_table peer_alone = {"wireguard peer", peer_rows, COUNT(peer_rows) - 1, 0, false};

static const struct net_row device_rows[] = {
	{.key = "private_key", .attr = WGDEVICE_A_PRIVATE_KEY, .type = NET_KEY, .flags = NET_ZERO,
	 .doc = "in base64, as nsh.wireguard_key() makes one; false: none"},
	{.key = "public_key", .attr = WGDEVICE_A_PUBLIC_KEY, .type = NET_KEY, .flags = NET_RO | NET_ZERO,
	 .doc = "what its peers know it by"},
	{.key = "listen_port", .attr = WGDEVICE_A_LISTEN_PORT, .type = NET_UINT, .size = 2,
	 .doc = "UDP port; 0: the kernel chooses one when the link goes up"},
	{.key = "fwmark", .attr = WGDEVICE_A_FWMARK, .type = NET_UINT, .size = 4, .flags = NET_ZERO,
	 .doc = "mark of the packets that it sends; false: none"},
	{.key = "peers", .attr = WGDEVICE_A_PEERS, .type = NET_NESTS, .nest = &net_wgpeer_table,
	 .doc = "all its peers, a list"},
};
/* clang-format on */
/* beside a link's own keys; in messages of the family; and there without the peers */
const struct net_table net_wireguard_table = {"wireguard", device_rows, COUNT(device_rows), 0, false};
static const struct net_table device = {"wireguard", device_rows, COUNT(device_rows), sizeof(struct genlmsghdr), false};
static const struct net_table device_alone = {"wireguard", device_rows, COUNT(device_rows) - 1, 0, false};

/* net_wireguard_has() - whether a key is one of a wireguard link's own */
bool net_wireguard_has(const struct net_row *row)
{
	return row >= device_rows && row < device_rows + COUNT(device_rows);
}

static const struct net_row *peer_row(const char *key)
{
	return net_key(&net_wgpeer_table, NULL, NULL, key);
}

/* --- reading --- */

/* net_wireguard_get() - what a link has; a long list of peers, even of one peer's prefixes, takes several messages */
int net_wireguard_get(struct net_ns *ns, int index, struct net_dump *d, struct net_err *err)
{
	struct nl_msg *m = net_genl_msg(ns, WG_GENL_NAME, WG_CMD_GET_DEVICE, err);

	if (!m)
		return -err->code;
	nla_put_u32(m, WGDEVICE_A_IFINDEX, (uint32_t)index);
	return net_genl_dump(ns, m, d, err);
}

/* net_wireguard_next() - stand before the next part of it.  Return: 1; 0 at the end. */
int net_wireguard_next(struct net_dump *d, struct net_cursor *c)
{
	while (d->at < d->len) {
		const struct nlmsghdr *h = (const void *)(d->buf + d->at);

		d->at += NLMSG_ALIGN(h->nlmsg_len);
		if (net_decode(c, h, &device) == 0)
			return 1;
	}
	return 0;
}

/* Whose key it is: the link's own (*self), or that of one of its peers (*peer). */
static int find_key(struct net_ns *ns, int index, const unsigned char *key, bool *self, bool *peer, struct net_err *err)
{
	struct net_dump d = {0};
	struct net_cursor c;
	struct net_field f;
	int r = net_wireguard_get(ns, index, &d, err);

	*self = *peer = false;
	while (r == 0 && net_wireguard_next(&d, &c))
		while (net_next(&c, &f)) {
			if (f.op != NET_VALUE || f.row->type != NET_KEY || memcmp(f.addr, key, NET_KEY_LEN) != 0)
				continue;
			*self = *self || f.row == &device_rows[1];
			*peer = *peer || f.row == peer_row("public_key");
		}
	net_dump_free(&d);
	return r;
}

/* --- changing --- */

/* A request under way: full messages are sent, and the rest goes in another. */
struct request {
	struct net_ns *ns;
	int index;
	struct nl_msg *m;
	struct nlattr *peers, *peer, *ips; /* open nests */
};

static int begin(struct request *q, struct net_err *err)
{
	q->peers = q->peer = q->ips = NULL;
	q->m = net_genl_msg(q->ns, WG_GENL_NAME, WG_CMD_SET_DEVICE, err);
	if (!q->m)
		return -err->code;
	nla_put_u32(q->m, WGDEVICE_A_IFINDEX, (uint32_t)q->index);
	return 0;
}

static void close_nest(struct request *q, struct nlattr **nest)
{
	if (*nest)
		nla_nest_end_keep_empty(q->m, *nest);
	*nest = NULL;
}

static int finish(struct request *q, struct net_err *err)
{
	struct nl_msg *m = q->m;

	close_nest(q, &q->ips);
	close_nest(q, &q->peer);
	close_nest(q, &q->peers);
	q->m = NULL;
	return net_genl_ask(q->ns, m, &device, NULL, err);
}

static int room(struct request *q, struct net_err *err)
{
	int r;

	if (q->m && nlmsg_hdr(q->m)->nlmsg_len + ROOM <= NET_MSG_SIZE)
		return 0;
	r = q->m ? finish(q, err) : 0;
	return r < 0 ? r : begin(q, err);
}

static int open_peer(struct request *q, uint32_t flags, struct net_err *err)
{
	int r = room(q, err);

	if (r < 0)
		return r;
	if (!q->peers)
		q->peers = nla_nest_start(q->m, WGDEVICE_A_PEERS | NLA_F_NESTED);
	q->peer = nla_nest_start(q->m, NLA_F_NESTED);
	if (flags)
		nla_put_u32(q->m, WGPEER_A_FLAGS, flags);
	return 0;
}

static int put_ips(struct request *q, const struct net_field *key, const struct net_field *ips, unsigned int n,
		   struct net_err *err)
{
	for (unsigned int i = 0; i < n; i++) {
		if (nlmsg_hdr(q->m)->nlmsg_len + ROOM > NET_MSG_SIZE) {
			int r = open_peer(q, 0, err);

			if (r < 0)
				return r;
			nla_put(q->m, WGPEER_A_PUBLIC_KEY, NET_KEY_LEN, key->addr);
		}
		if (!q->ips)
			q->ips = nla_nest_start(q->m, WGPEER_A_ALLOWEDIPS | NLA_F_NESTED);
		net_put_allowed(q->m, &ips[i]);
	}
	return 0;
}

/* What a peer that is replaced has no more, unless it is given. */
static void put_defaults(struct nl_msg *m, const struct net_field *f, unsigned int n)
{
	static const unsigned char zeros[NET_KEY_LEN];

	if (!net_given(f, n, peer_row("preshared_key")))
		nla_put(m, WGPEER_A_PRESHARED_KEY, NET_KEY_LEN, zeros);
	if (!net_given(f, n, peer_row("persistent_keepalive")))
		nla_put_u16(m, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, 0);
}

/* One peer with all its fields. */
static int put_peer(struct request *q, enum net_wgpeer_change how, const struct net_field *f, unsigned int n,
		    struct net_err *err)
{
	const struct net_field *key = net_given(f, n, peer_row("public_key"));
	const struct net_field *ips = net_given(f, n, peer_row("allowed_ips"));
	uint32_t flags = how == NET_WGPEER_REPLACE || (how == NET_WGPEER_SET && ips) ? WGPEER_F_REPLACE_ALLOWEDIPS : 0;
	int r;

	if (how == NET_WGPEER_DEL)
		flags = WGPEER_F_REMOVE_ME;
	if (how == NET_WGPEER_DEL || how == NET_WGPEER_SET)
		flags |= WGPEER_F_UPDATE_ONLY;
	r = open_peer(q, flags, err);
	if (r == 0 && how == NET_WGPEER_DEL)
		nla_put(q->m, WGPEER_A_PUBLIC_KEY, NET_KEY_LEN, key->addr);
	if (r < 0 || how == NET_WGPEER_DEL)
		return r;
	r = net_encode(q->m, &(struct net_ctx){0}, &peer_alone, NULL, f, n, err);
	if (how == NET_WGPEER_REPLACE)
		put_defaults(q->m, f, n);
	if (r == 0 && ips)
		r = put_ips(q, key, ips + 1, net_span(ips, n - (unsigned int)(ips - f), 0) - 2, err);
	if (r == 0) {
		close_nest(q, &q->ips);
		close_nest(q, &q->peer);
	}
	return r;
}

static int compare_keys(const void *a, const void *b)
{
	return memcmp((*(const struct net_field *const *)a)->addr, (*(const struct net_field *const *)b)->addr,
		      NET_KEY_LEN);
}

/* Each peer has a key of its own: the kernel takes a second one of the same key for more about the first. */
static int check_peers(const struct net_field *f, unsigned int n, struct net_err *err)
{
	const struct net_field **keys = malloc(((size_t)n + 1) * sizeof(const struct net_field *)), *key;
	unsigned int count = 0;
	int r = 0;

	if (!keys)
		return net_fail(err, ENOMEM, NULL);
	for (unsigned int i = 0, span; r == 0 && i < n; i += span) {
		span = net_span(f, n, i);
		key = net_given(f + i + 1, span - 2, peer_row("public_key"));
		if (key)
			keys[count++] = key;
		else
			r = net_misuse(err, "each of the peers needs its public_key");
	}
	if (r == 0)
		qsort(keys, count, sizeof(*keys), compare_keys);
	for (unsigned int i = 1; r == 0 && i < count; i++)
		if (compare_keys(&keys[i - 1], &keys[i]) == 0)
			r = net_misuse(err, "two of the peers have the same public_key");
	free(keys);
	return r;
}

/* The kernel says nothing and does nothing when a link is made its own peer. */
static int own_peer(struct net_err *err)
{
	return net_fail(err, EINVAL, "a public_key of the peers is the link's own");
}

static int check_self(struct net_ns *ns, int index, const struct net_field *f, unsigned int n, struct net_err *err)
{
	struct net_dump d = {0};
	struct nlattr *own = NULL;
	int r = net_wireguard_get(ns, index, &d, err);

	if (r == 0 && d.len)
		own = nlmsg_find_attr((struct nlmsghdr *)(void *)d.buf, sizeof(struct genlmsghdr),
				      WGDEVICE_A_PUBLIC_KEY);
	if (own && nla_len(own) < NET_KEY_LEN)
		own = NULL;
	for (unsigned int i = 0; own && r == 0 && i < n; i += net_span(f, n, i)) {
		const struct net_field *key = net_given(f + i + 1, net_span(f, n, i) - 2, peer_row("public_key"));

		if (memcmp(key->addr, nla_data(own), NET_KEY_LEN) == 0)
			r = own_peer(err);
	}
	net_dump_free(&d);
	return r;
}

/* The list of peers among the fields, without its marks; NULL: none. */
static const struct net_field *peers_of(const struct net_field *f, unsigned int n, unsigned int *count)
{
	const struct net_field *peers = net_given(f, n, net_key(&net_wireguard_table, NULL, NULL, "peers"));

	*count = peers ? net_span(peers, n - (unsigned int)(peers - f), 0) - 2 : 0;
	return peers ? peers + 1 : NULL;
}

/* net_wireguard_check() - whether a link can be given these fields, as far as that is known before anything is done */
int net_wireguard_check(const struct net_field *f, unsigned int n, struct net_err *err)
{
	unsigned int count;
	const struct net_field *peers = peers_of(f, n, &count);

	return peers ? check_peers(peers, count, err) : 0;
}

/* net_wireguard_set() - give a link what of the fields is wireguard's; a list of peers replaces the one it has */
int net_wireguard_set(struct net_ns *ns, int index, const struct net_field *f, unsigned int n, struct net_err *err)
{
	unsigned int count;
	const struct net_field *peers = peers_of(f, n, &count);
	bool new_key = net_given(f, n, net_key(&net_wireguard_table, NULL, NULL, "private_key"));
	struct request q = {.ns = ns, .index = index};
	int r = count && !new_key ? check_self(ns, index, peers, count, err) : 0;

	if (r == 0)
		r = begin(&q, err);
	if (r == 0)
		r = net_encode(q.m, &(struct net_ctx){0}, &device_alone, NULL, f, n, err);
	if (r == 0 && peers)
		nla_put_u32(q.m, WGDEVICE_A_FLAGS, WGDEVICE_F_REPLACE_PEERS);
	for (unsigned int i = 0, span; r == 0 && i < count; i += span) {
		span = net_span(peers, count, i);
		r = put_peer(&q, NET_WGPEER_REPLACE, peers + i + 1, span - 2, err);
	}
	if (r == 0)
		r = finish(&q, err);
	net_msg_free(q.m);
	if (r == 0 && count && new_key)
		r = check_self(ns, index, peers, count, err);
	return r;
}

/*
 * net_wireguard_peer() - add, replace, change or delete one peer
 *
 * Return: 0; -EEXIST, -ENOENT: there is such a peer already, or none.
 */
int net_wireguard_peer(struct net_ns *ns, int index, enum net_wgpeer_change how, const struct net_fields *f,
		       struct net_err *err)
{
	const struct net_field *key = net_given(f->v, f->n, peer_row("public_key"));
	struct request q = {.ns = ns, .index = index};
	bool self, there;
	int r;

	if (!key)
		return net_misuse(err, "a peer needs its public_key");
	r = find_key(ns, index, key->addr, &self, &there, err);
	if (r == 0 && self)
		r = own_peer(err);
	else if (r == 0 && there && how == NET_WGPEER_ADD)
		r = net_fail(err, EEXIST, "there is such a peer");
	else if (r == 0 && !there && (how == NET_WGPEER_DEL || how == NET_WGPEER_SET))
		r = net_fail(err, ENOENT, "there is no such peer");
	if (r == 0)
		r = put_peer(&q, how, f->v, f->n, err);
	if (r == 0)
		r = finish(&q, err);
	net_msg_free(q.m);
	return r;
}
