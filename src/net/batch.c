/* batch.c - many changes, few system calls: requests queue up, each in its namespace, and go out in windows
 *
 * What is asked for while a group is open lies in it, in a batch per namespace.  A namespace's requests go out in
 * their order; between namespaces only one thing counts: what is asked of a veth's peer waits for the veth.
 *
 * A window is never larger than the receive buffer can hold the acks of: the kernel would carry out what
 * comes after and drop what it has to say of it.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netlink/msg.h>

#include "batch.h"
#include "net.h"
#include "sock.h"

#define NAMES 64 /* slots, a power of 2 */

static struct net_group *everywhere; /* takes what is asked of any namespace */

/* --- opening and closing --- */

static struct net_batch *open_batch(struct net_group *g, struct net_ns *ns, struct net_err *err)
{
	struct net_batch *b;

	if (!net_sock_get(ns, NETLINK_ROUTE, err))
		return NULL;
	b = calloc(1, sizeof(*b));
	if (!b) {
		net_fail(err, ENOMEM, NULL);
		return NULL;
	}
	b->ns = ns;
	b->group = g;
	if (g->last)
		g->last->next = b;
	else
		g->first = b;
	g->last = b;
	ns->batch = b;
	return b;
}

/*
 * net_batch_begin() - let changes queue up
 * @ns: those of this namespace; NULL: those of all
 * @stop: nothing is sent any more after a window in which something failed
 * @group: is given to net_batch_end()
 */
int net_batch_begin(struct net_ns *ns, bool stop, struct net_group **group, struct net_err *err)
{
	struct net_group *g;

	if ((ns && ns->batch) || everywhere)
		return net_fail(err, EBUSY, "a batch is open already in %s", ns ? ns->label : "all namespaces");
	g = calloc(1, sizeof(*g));
	if (!g)
		return net_fail(err, ENOMEM, NULL);
	g->stop = stop;
	g->everywhere = !ns;
	if (ns && !open_batch(g, ns, err)) {
		free(g);
		return -err->code;
	}
	if (!ns)
		everywhere = g;
	*group = g;
	return 0;
}

/* net_batch_open() - whether a change of @ns is to be queued; -errno */
int net_batch_open(struct net_ns *ns, struct net_err *err)
{
	if (!ns->batch && everywhere && !open_batch(everywhere, ns, err))
		return -err->code;
	return ns->batch ? 1 : 0;
}

/* net_batch_lost() - the namespace is closed, with what is queued for it */
void net_batch_lost(struct net_ns *ns)
{
	if (ns->batch)
		ns->batch->ns = NULL;
	ns->batch = NULL;
}

/* net_batch_asked() - how many requests all namespaces' batch was given; 0: none is open */
unsigned int net_batch_asked(void)
{
	return everywhere ? everywhere->asked : 0;
}

void net_failures_free(struct net_failures *list)
{
	free(list->v);
	memset(list, 0, sizeof(*list));
}

static void free_batch(struct net_batch *b)
{
	if (b->ns)
		b->ns->batch = NULL;
	free(b->buf);
	free(b->e);
	free(b->wait);
	free(b->pair);
	free(b->names);
	free(b);
}

/* --- queueing --- */

/* The names that are known may be others after this request. */
static bool renames(struct nlmsghdr *h)
{
	if (h->nlmsg_type == RTM_DELLINK)
		return true;
	return h->nlmsg_type == RTM_NEWLINK && !(h->nlmsg_flags & NLM_F_CREATE) &&
	       (nlmsg_find_attr(h, sizeof(struct ifinfomsg), IFLA_IFNAME) ||
		nlmsg_find_attr(h, sizeof(struct ifinfomsg), IFLA_NET_NS_FD));
}

/* net_batch_forget() - links may be called otherwise now */
void net_batch_forget(struct net_batch *b)
{
	free(b->names);
	b->names = NULL;
}

static int room_for(struct net_batch *b, size_t len)
{
	struct entry *e = net_grow(b->e, b->n, &b->room, sizeof(*e));

	if (!e)
		return -1;
	b->e = e;
	while (b->len + len > b->cap) {
		char *buf = net_grow(b->buf, b->cap, &b->cap, 1);

		if (!buf)
			return -1;
		b->buf = buf;
	}
	return 0;
}

/* net_batch_add() - queue a message; frees it */
int net_batch_add(struct net_ns *ns, struct nl_msg *m, const struct net_table *t, struct net_err *err)
{
	struct net_batch *b = ns->batch;
	struct nlmsghdr *h = nlmsg_hdr(m);
	size_t len = NLMSG_ALIGN(h->nlmsg_len);

	if (room_for(b, len) < 0) {
		net_msg_free(m);
		return net_fail(err, ENOMEM, NULL);
	}
	if (b->names && renames(h))
		net_batch_forget(b);
	h->nlmsg_pid = 0;
	memset(b->buf + b->len, 0, len);
	memcpy(b->buf + b->len, h, h->nlmsg_len);
	b->e[b->n++] = (struct entry){.off = b->len, .table = t, .number = ++b->group->asked};
	b->len += len;
	net_msg_free(m);
	return 0;
}

/* net_batch_mark() - how much is queued; for net_batch_back() */
unsigned int net_batch_mark(const struct net_ns *ns)
{
	return ns->batch ? ns->batch->before + ns->batch->n : 0;
}

/* net_batch_back() - forget what was queued since then, and isn't sent */
void net_batch_back(struct net_ns *ns, unsigned int mark)
{
	struct net_batch *b = ns->batch;
	unsigned int keep = !b ? 0 : mark > b->before + b->sent ? mark - b->before : b->sent;

	if (!b || keep >= b->n)
		return;
	b->group->asked -= b->n - keep;
	b->len = b->e[keep].off;
	b->n = keep;
}

static struct net_link_name *slot(const struct net_batch *b, const char *name)
{
	unsigned int hash = 0;

	for (const char *c = name; *c; c++)
		hash = hash * 31 + (unsigned char)*c;
	return &b->names[hash % NAMES];
}

/* net_batch_know() - what a link is called as far as this batch goes */
void net_batch_know(const struct net_ns *ns, const char *name, int index)
{
	struct net_batch *b = ns->batch;

	if (!b || strlen(name) >= sizeof(b->names->name))
		return;
	if (!b->names)
		b->names = calloc(NAMES, sizeof(*b->names));
	if (!b->names)
		return; /* it is looked up then */
	snprintf(slot(b, name)->name, sizeof(b->names->name), "%s", name);
	slot(b, name)->index = index;
}

/* net_batch_known() - the index of a name that was looked up before, or of a link that the batch makes; 0: not known */
int net_batch_known(const struct net_ns *ns, const char *name)
{
	const struct net_batch *b = ns->batch;

	return b && b->names && strcmp(slot(b, name)->name, name) == 0 ? slot(b, name)->index : 0;
}

/* net_batch_makes() - whether a link, or one more name of one, may come by what waits to be sent */
bool net_batch_makes(const struct net_ns *ns)
{
	const struct net_batch *b = ns->batch;

	for (unsigned int i = b ? b->sent : 0; b && i < b->n; i++) {
		uint16_t type = ((const struct nlmsghdr *)(const void *)(b->buf + b->e[i].off))->nlmsg_type;

		if (type == RTM_NEWLINK || type == RTM_NEWLINKPROP)
			return true;
	}
	return b && b->waited < b->n_wait;
}

/* net_batch_joins() - whether what is asked of @peer can wait for a batch of @ns */
bool net_batch_joins(const struct net_ns *ns, const struct net_ns *peer)
{
	return ns->batch && (!peer || !peer->batch || peer->batch->group == ns->batch->group);
}

/*
 * net_batch_pair() - a veth was queued: what is asked of its peer from now on waits for it
 * @peer: where that is; a batch is opened there
 */
int net_batch_pair(struct net_ns *ns, struct net_ns *peer, struct net_err *err)
{
	struct net_batch *b = ns->batch, *p = peer->batch ? peer->batch : open_batch(b->group, peer, err);
	struct wait *wait;

	if (!p)
		return -err->code;
	wait = net_grow(p->wait, p->n_wait, &p->wait_room, sizeof(*p->wait));
	if (!wait)
		return net_fail(err, ENOMEM, NULL);
	p->wait = wait;
	p->wait[p->n_wait++] = (struct wait){.maker = b, .at = p->before + p->n, .upto = b->before + b->n};
	return 0;
}

/* net_batch_settle() - see net_settle(); at the batch's end */
int net_batch_settle(struct net_ns *ns, int index, struct net_err *err)
{
	struct net_batch *b = ns->batch;
	int *pair = net_grow(b->pair, b->n_pair, &b->pair_room, sizeof(*b->pair));

	if (!pair)
		return net_fail(err, ENOMEM, NULL);
	b->pair = pair;
	b->pair[b->n_pair++] = index;
	return 0;
}

/* --- sending and closing --- */

/*
 * net_batch_flush() - send what is queued; the batch stays open
 * @ns: for this namespace, and what that waits for; NULL: all namespaces' batch
 * @failures: gets what failed; net_failures_free() it; may be NULL
 */
int net_batch_flush(struct net_ns *ns, struct net_failures *failures, struct net_err *err)
{
	struct net_group *g = ns ? (ns->batch ? ns->batch->group : NULL) : everywhere;
	if (!g)
		return 0;
	return net_batch_report(g, ns ? net_batch_send_of(ns->batch, err) : net_batch_send(g, err), failures, err);
}

/*
 * net_batch_end() - close what net_batch_begin() opened
 * @send: false drops what is queued
 * @failures: as of net_batch_flush()
 * @asked: how many requests it was given
 *
 * Return: 0, or the first failure; requests behind a failed one are carried out all the same, unless it was begun
 * otherwise.
 */
int net_batch_end(struct net_group *g, bool send, struct net_failures *failures, unsigned int *asked,
		  struct net_err *err)
{
	int r = send ? net_batch_send(g, err) : 0;

	*asked = g->asked;
	r = net_batch_report(g, r, failures, err);
	if (g == everywhere)
		everywhere = NULL;
	for (struct net_batch *b = g->first, *next; b; b = next) {
		next = b->next;
		free_batch(b);
	}
	net_failures_free(&g->list);
	free(g);
	return r;
}
