/* batch_send.c - sending what a batch holds: windows, their acks, and what waits for another namespace */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include <netlink/msg.h>

#include "batch.h"
#include "net.h"
#include "sock.h"

#define ANSWER_COST 8 /* acks that an answer may take the room of */
#define MAX_FAILED 1000

/* Numbers are given at the last moment: acks are told by them, so they must follow each other, and a question that is
 * asked while the batch is open (the index of a link) takes one too. */
static void number(struct net_batch *b, unsigned int k)
{
	for (unsigned int i = b->sent; i < b->sent + k; i++) {
		struct nlmsghdr *h = (void *)(b->buf + b->e[i].off);

		h->nlmsg_seq = net_sock_seq(&b->ns->route);
		b->e[i].seq = h->nlmsg_seq;
		if (i + 1 == b->sent + k)
			h->nlmsg_flags |= NLM_F_ACK;
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
	struct net_failure *v;
	struct net_err here;

	net_err_ack(&here, ack, (void *)(b->buf + e->off), e->table);
	v = list->n < MAX_FAILED ? net_grow(list->v, list->n, &list->room, sizeof(*list->v)) : NULL;
	if (v) {
		struct net_failure *f = &v[list->n++];

		list->v = v;
		*f = (struct net_failure){.request = e->number, .why = here};
		snprintf(f->netns, sizeof(f->netns), "%s", b->ns->label);
	}
	if (g->failed++)
		return;
	g->why = here;
	snprintf(g->why.text, sizeof(g->why.text), "request %u of %u in the batch: %s", e->number, g->asked,
		 net_strerror(here.code));
}

/* Read what failed of the next @k requests, until the ack of the last one, which alone has one where nothing fails.
 * The first failure is what is told; the others are in the list, and mostly fail because of it. */
static int collect(struct net_batch *b, unsigned int k, struct net_err *err)
{
	const struct entry *e = b->e + b->sent;

	for (bool last = false; !last;) {
		int n = net_sock_recv(&b->ns->route, err);

		if (n < 0)
			return n;
		for (struct nlmsghdr *h = (void *)net_rx; nlmsg_ok(h, n); h = nlmsg_next(h, &n)) {
			uint32_t i = h->nlmsg_seq - e->seq;

			if (h->nlmsg_type != NLMSG_ERROR || i >= k)
				continue;
			last |= i == k - 1;
			if (net_ack_code(h) != 0)
				note_failure(b, e + i, h);
		}
	}
	return 0;
}

static int send_window(struct net_batch *b, unsigned int most, struct net_err *err)
{
	size_t from = b->e[b->sent].off, end = b->len;
	unsigned int k;
	int r;

	if (!net_sock_get(b->ns, NETLINK_ROUTE, err)) /* a list that failed meanwhile has closed it */
		return -err->code;
	k = window(b, most, &end);
	number(b, k);
	net_changes += k;
	net_batch_forget(b);
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

/* net_batch_send_of() - send what a batch holds, and what that waits for */
int net_batch_send_of(struct net_batch *b, struct net_err *err)
{
	return send_upto(b, b->before + b->n, err);
}

/* Ask for links, and drop what is answered. */
static int ask_links(struct net_batch *b, const int *index, unsigned int n, struct net_err *err)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg link;
		struct nlattr mask;
		uint32_t skip;
	} ask[16] = {0};
	unsigned int first = 0;

	for (unsigned int i = 0; i < n; i++) {
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
	unsigned int k, most;
	int r = 0;

	if (b->n_pair == 0 || !b->ns)
		return 0;
	if (!net_sock_get(b->ns, NETLINK_ROUTE, err))
		return -err->code;
	most = b->ns->route.window / ANSWER_COST;
	most = most < 1 ? 1 : most > 16 ? 16 : most;
	for (unsigned int i = 0; r == 0 && i < b->n_pair; i += k) {
		k = b->n_pair - i < most ? b->n_pair - i : most;
		r = ask_links(b, b->pair + i, k, err);
	}
	b->n_pair = 0;
	return r;
}

/* net_batch_send() - send all that a group holds */
int net_batch_send(struct net_group *g, struct net_err *err)
{
	int r = 0;

	for (struct net_batch *b = g->first; r == 0 && b; b = b->next)
		r = net_batch_send_of(b, err);
	for (struct net_batch *b = g->first; r == 0 && b; b = b->next)
		r = settle(b, err);
	return r;
}

/* net_batch_report() - what has failed since this was asked last */
int net_batch_report(struct net_group *g, int r, struct net_failures *failures, struct net_err *err)
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
