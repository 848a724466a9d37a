/* batch.c - many changes, few system calls: requests queue up, each in its namespace, and go out in windows, one ack
 * each
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

#include "net.h"
#include "sock.h"

#define ANSWER_COST 8 /* acks that an answer may take the room of */
#define MAX_FAILED 1000
#define NAMES 64 /* slots, a power of 2 */

struct entry {
	size_t off;
	uint32_t seq;
	unsigned int number; /* in the group */
	const struct net_table *table;
};

/* Before the request @at the first @upto of the maker must be sent. */
struct wait {
	struct net_batch *maker;
	unsigned int at, upto;
};

/* Requests are counted from the batch's begin; those before @before have left the buffer. */
struct net_batch {
	struct net_ns *ns; /* NULL: it was closed, and what was queued is lost */
	struct net_group *group;
	struct net_batch *next;
	char *buf;
	size_t len, cap;
	struct entry *e;
	unsigned int n, room, sent, before;
	struct wait *wait;
	unsigned int n_wait, wait_room, waited;
	int *pair; /* links that are told of their peers at the end */
	unsigned int n_pair, pair_room;
	struct net_link_name *names; /* what links are called, as long as nothing is sent */
};

struct net_group {
	struct net_batch *first, *last;
	bool everywhere, stop;
	unsigned int asked, failed; /* failed: since the last report */
	struct net_err why;	    /* of the first of them */
	struct net_failures list;
};

static struct net_group *everywhere; /* takes what is asked of any namespace */

static int grow(void *list, unsigned int n, unsigned int *room, size_t size)
{
	unsigned int more = *room ? *room * 2 : 8;
	void **v = list, *p;

	if (n < *room)
		return 0;
	p = realloc(*v, more * size);
	if (!p)
		return -1;
	*v = p;
	*room = more;
	return 0;
}

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

static void forget_names(struct net_batch *b)
{
	free(b->names);
	b->names = NULL;
}

static int room_for(struct net_batch *b, size_t len)
{
	if (b->len + len > b->cap) {
		size_t cap = (b->cap + len) * 2;
		char *buf = realloc(b->buf, cap);

		if (!buf)
			return -1;
		b->buf = buf;
		b->cap = cap;
	}
	return grow(&b->e, b->n, &b->room, sizeof(*b->e));
}

/* net_batch_add() - queue a message; frees it */
int net_batch_add(struct net_ns *ns, struct nl_msg *m, const struct net_table *t, struct net_err *err)
{
	struct net_batch *b = ns->batch;
	struct nlmsghdr *h = nlmsg_hdr(m);
	size_t len = NLMSG_ALIGN(h->nlmsg_len);

	if (room_for(b, len) < 0) {
		nlmsg_free(m);
		return net_fail(err, ENOMEM, NULL);
	}
	if (b->names && renames(h))
		forget_names(b);
	h->nlmsg_flags |= NLM_F_ACK;
	h->nlmsg_pid = 0;
	memset(b->buf + b->len, 0, len);
	memcpy(b->buf + b->len, h, h->nlmsg_len);
	b->e[b->n++] = (struct entry){.off = b->len, .table = t, .number = ++b->group->asked};
	b->len += len;
	nlmsg_free(m);
	return 0;
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

/* net_batch_holds() - whether something waits to be sent */
bool net_batch_holds(const struct net_ns *ns)
{
	return ns->batch && ns->batch->sent < ns->batch->n;
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

	if (!p)
		return -err->code;
	if (grow(&p->wait, p->n_wait, &p->wait_room, sizeof(*p->wait)) < 0)
		return net_fail(err, ENOMEM, NULL);
	p->wait[p->n_wait++] = (struct wait){.maker = b, .at = p->before + p->n, .upto = b->before + b->n};
	return 0;
}

/* net_batch_settle() - see net_settle(); at the batch's end */
int net_batch_settle(struct net_ns *ns, int index, struct net_err *err)
{
	struct net_batch *b = ns->batch;

	if (grow(&b->pair, b->n_pair, &b->pair_room, sizeof(*b->pair)) < 0)
		return net_fail(err, ENOMEM, NULL);
	b->pair[b->n_pair++] = index;
	return 0;
}

/* --- sending --- */

/* Numbers are given at the last moment: acks are told by them, so they must follow each other, and a question that is
 * asked while the batch is open (the index of a link) takes one too. */
static void number(struct net_batch *b, unsigned int k)
{
	for (unsigned int i = b->sent; i < b->sent + k; i++) {
		struct nlmsghdr *h = (void *)(b->buf + b->e[i].off);

		h->nlmsg_seq = net_sock_seq(&b->ns->route);
		b->e[i].seq = h->nlmsg_seq;
	}
}

/* How many requests go out together, @most at most, and where they end. */
static unsigned int window(const struct net_batch *b, unsigned int most, size_t *end)
{
	unsigned int k = 0;

	for (unsigned int i = b->sent; k < most && k < b->ns->route.window; i++, k++) {
		size_t to = i + 1 < b->n ? b->e[i + 1].off : b->len;

		if (k && to - b->e[b->sent].off > b->ns->route.room)
			break;
		*end = to;
	}
	return k;
}

static void note_failure(struct net_batch *b, const struct entry *e, const struct nlmsghdr *ack)
{
	struct net_group *g = b->group;
	struct net_failures *list = &g->list;
	struct net_err here;

	net_err_ack(&here, ack, (void *)(b->buf + e->off), e->table);
	if (list->n < MAX_FAILED && grow(&list->v, list->n, &list->room, sizeof(*list->v)) == 0) {
		struct net_failure *f = &list->v[list->n++];

		*f = (struct net_failure){.request = e->number, .why = here};
		snprintf(f->netns, sizeof(f->netns), "%s", b->ns->label);
	}
	if (g->failed++)
		return;
	g->why = here;
	snprintf(g->why.text, sizeof(g->why.text), "request %u of %u in the batch: %s", e->number, g->asked,
		 net_strerror(here.code));
}

/* Read the acks of the next @k requests.  The first failure is what is told; the others are in the list, and mostly
 * fail because of it. */
static int collect(struct net_batch *b, unsigned int k, struct net_err *err)
{
	const struct entry *e = b->e + b->sent;

	for (unsigned int got = 0; got < k;) {
		int n = net_sock_recv(&b->ns->route, err);

		if (n < 0)
			return n;
		for (struct nlmsghdr *h = (void *)net_rx; nlmsg_ok(h, n); h = nlmsg_next(h, &n)) {
			uint32_t i = h->nlmsg_seq - e->seq;

			if (h->nlmsg_type != NLMSG_ERROR || i >= k)
				continue;
			got++;
			if (net_ack_code(h) != 0)
				note_failure(b, e + i, h);
		}
	}
	return 0;
}

static int send_window(struct net_batch *b, unsigned int most, struct net_err *err)
{
	size_t from = b->e[b->sent].off, end = b->len;
	unsigned int k = window(b, most, &end);
	int r;

	number(b, k);
	net_changes += k;
	forget_names(b);
	r = net_sock_send(&b->ns->route, b->buf + from, end - from, err);
	if (r == 0)
		r = collect(b, k, err);
	b->sent += k;
	if (b->sent == b->n) {
		b->before += b->n;
		b->n = b->sent = 0;
		b->len = 0;
	}
	return r;
}

static unsigned int done(const struct net_batch *b)
{
	return b->before + b->sent;
}

/* What has to be sent elsewhere before all of the batch can be. */
static const struct wait *next_wait(struct net_batch *b)
{
	for (; b->waited < b->n_wait; b->waited++) {
		const struct wait *w = &b->wait[b->waited];

		if (w->maker->ns && done(w->maker) < w->upto)
			return w;
	}
	return NULL;
}

/* Who waits was asked for later than what it waits for, so this comes to an end. */
static int send_upto(struct net_batch *b, unsigned int upto, struct net_err *err)
{
	int r = 0;

	while (r == 0 && b->ns && done(b) < upto && !(b->group->stop && b->group->failed)) {
		const struct wait *w = next_wait(b);

		if (w && w->at <= done(b))
			r = send_upto(w->maker, w->upto, err);
		else
			r = send_window(b, (w && w->at < upto ? w->at : upto) - done(b), err);
	}
	return r;
}

static int send_all(struct net_batch *b, struct net_err *err)
{
	return send_upto(b, b->before + b->n, err);
}

/* What has failed since this was asked last. */
static int report(struct net_group *g, int r, struct net_failures *failures, struct net_err *err)
{
	if (r == 0 && g->failed) {
		*err = g->why;
		r = -err->code;
	}
	g->failed = 0;
	if (failures) {
		*failures = g->list;
		g->list = (struct net_failures){0};
	}
	g->list.n = 0;
	return r;
}

/* Ask for links, and drop what is answered. */
static int ask_links(struct net_batch *b, const int *index, unsigned int n, struct net_err *err)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg link;
		struct nlattr mask;
		uint32_t skip;
	} ask[16];
	unsigned int first = 0;

	for (unsigned int i = 0; i < n; i++) {
		memset(&ask[i], 0, sizeof(*ask));
		ask[i].h = (struct nlmsghdr){.nlmsg_len = sizeof(*ask),
					     .nlmsg_type = RTM_GETLINK,
					     .nlmsg_flags = NLM_F_REQUEST,
					     .nlmsg_seq = net_sock_seq(&b->ns->route)};
		ask[i].link.ifi_index = index[i];
		ask[i].mask = (struct nlattr){.nla_len = NLA_HDRLEN + sizeof(uint32_t), .nla_type = IFLA_EXT_MASK};
		ask[i].skip = RTEXT_FILTER_SKIP_STATS;
		first = ask[0].h.nlmsg_seq;
	}
	if (net_sock_send(&b->ns->route, ask, n * sizeof(*ask), err) < 0)
		return -err->code;
	for (unsigned int got = 0; got < n;) {
		int len = net_sock_recv(&b->ns->route, err);

		if (len < 0)
			return len;
		for (struct nlmsghdr *h = (void *)net_rx; nlmsg_ok(h, len); h = nlmsg_next(h, &len))
			got += h->nlmsg_seq - first < n;
	}
	return 0;
}

/*
 * The end of a pair that was up first drops what it is to send until the kernel has taken notice of the other one, in
 * a work queue that may be late by a second: who asks for the link makes it look now (Linux 6.8).
 */
static int settle(struct net_batch *b, struct net_err *err)
{
	unsigned int k, most = b->ns ? b->ns->route.window / ANSWER_COST : 1;
	int r = 0;

	most = most < 1 ? 1 : most > 16 ? 16 : most;
	for (unsigned int i = 0; r == 0 && b->ns && i < b->n_pair; i += k) {
		k = b->n_pair - i < most ? b->n_pair - i : most;
		r = ask_links(b, b->pair + i, k, err);
	}
	b->n_pair = 0;
	return r;
}

/*
 * net_batch_flush() - send what is queued; the batch stays open
 * @ns: for this namespace, and what that waits for; NULL: all namespaces' batch
 * @failures: gets what failed; net_failures_free() it; may be NULL
 */
int net_batch_flush(struct net_ns *ns, struct net_failures *failures, struct net_err *err)
{
	struct net_group *g = ns ? (ns->batch ? ns->batch->group : NULL) : everywhere;
	int r = 0;

	if (!g)
		return 0;
	if (ns)
		return report(g, send_all(ns->batch, err), failures, err);
	for (struct net_batch *b = g->first; r == 0 && b; b = b->next)
		r = send_all(b, err);
	for (struct net_batch *b = g->first; r == 0 && b; b = b->next)
		r = settle(b, err);
	return report(g, r, failures, err);
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
	int r = 0;

	*asked = g->asked;
	for (struct net_batch *b = g->first; send && r == 0 && b; b = b->next)
		r = send_all(b, err);
	for (struct net_batch *b = g->first; send && r == 0 && b; b = b->next)
		r = settle(b, err);
	r = report(g, r, failures, err);
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
