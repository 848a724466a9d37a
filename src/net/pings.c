/* pings.c - many pings at once: one ICMP socket a namespace and family, and requests to any number of addresses
 *
 * A reply is a reply to the request whose number it has: the ICMP identifier and sequence number together count all
 * pairs and rounds, from an identifier that is drawn by lot.  Requests go out as fast as answers come; when none come
 * they go out a bit slower, so that neither the receive buffers nor the queues of unresolved neighbours overflow.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "icmp.h"

#define BURST 32      /* requests until it is looked for answers */
#define DRAIN 256     /* answers until there is a request again */
#define EVENTS 64     /* sockets that are read at once */
#define WINDOW 128    /* requests that may be under way ... */
#define PATIENCE 2e-3 /* ... before it waits so long for an answer */
#define QUIET 0.05    /* without any answer, after which a part of the pairs is left to itself */

struct net_pinging {
	struct pollfd poll; /* an epoll descriptor with all sockets */
	int (*fds)[2];	    /* of each namespace: IPv4, IPv6 */
	double *at;	    /* when each request went out, by pair and round; 0: answered, or never */
	uint16_t id;
	unsigned char *request, buf[ICMP_ROOM];
	unsigned int from, next, round; /* the part that is under way */
	unsigned int waiting, lost;	/* requests that are not answered; those of them that nobody waits for */
	unsigned int old;		/* those of them that are of another part */
	double start, sent, heard;	/* of the round; the last request; the last answer */
};

/* How many identifiers a round takes. */
static unsigned int ids(const struct net_pings *p)
{
	return (p->n - 1) / 65536 + 1;
}

static double *sent_at(const struct net_pings *p, unsigned int pair, unsigned int round)
{
	return &p->state->at[(size_t)round * p->n + pair];
}

static int *socket_of(const struct net_pings *p, unsigned int i)
{
	return &p->state->fds[p->pairs[i].from][p->pairs[i].family == AF_INET6];
}

/* --- answers --- */

static void note(struct net_pings *p, unsigned int i, double *at, const struct icmp_answer *a,
		 const union ip_address *from)
{
	struct net_pings_pair *pair = &p->pairs[i];
	double rtt = a->at > *at ? a->at - *at : 0;

	*at = 0;
	p->state->waiting--;
	p->state->heard = net_now();
	if (a->error) {
		pair->what = a->what;
		inet_ntop(pair->family, ip_raw(from), pair->whose, sizeof(pair->whose));
		return;
	}
	pair->min = pair->received && pair->min < rtt ? pair->min : rtt;
	pair->max = pair->received && pair->max > rtt ? pair->max : rtt;
	pair->sum += rtt;
	pair->received++;
}

static void take(struct net_pings *p, unsigned int ns, int family, const struct icmp_answer *a,
		 const union ip_address *from)
{
	unsigned int id = (uint16_t)(a->id - p->state->id), round = id / ids(p);
	unsigned int i = id % ids(p) * 65536 + a->seq;
	const void *whose = a->error ? a->dst : ip_raw(from);
	double *at;

	if (round >= p->count || i >= p->n || p->pairs[i].from != ns || p->pairs[i].family != family)
		return;
	at = sent_at(p, i, round);
	if (*at > 0 && memcmp(whose, p->pairs[i].addr, family == AF_INET ? 4 : 16) == 0)
		note(p, i, at, a, from);
}

static void drain(struct net_pings *p)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(p->state->poll.fd, events, EVENTS, 0);

	for (int i = 0; i < n; i++) {
		unsigned int ns = (unsigned int)(events[i].data.u64 >> 1);
		int six = (int)(events[i].data.u64 & 1), family = six ? AF_INET6 : AF_INET;

		for (int k = 0; k < DRAIN; k++) {
			union ip_address from = {0};
			struct icmp_answer a;
			int r = icmp_receive(p->state->fds[ns][six], family, false, p->state->buf, &a, &from);

			if (r == 0)
				break;
			if (r > 0)
				take(p, ns, family, &a, &from);
		}
	}
}

/* --- requests --- */

static union ip_address address_of(const struct net_pings_pair *pair)
{
	union ip_address a = {.sa.sa_family = pair->family};

	if (pair->family == AF_INET)
		memcpy(&a.in.sin_addr, pair->addr, 4);
	else
		memcpy(&a.in6.sin6_addr, pair->addr, 16);
	return a;
}

/* Return: 0 when it is dealt with, EAGAIN: the send queue is full */
static int send_request(struct net_pings *p, unsigned int i)
{
	struct net_pinging *g = p->state;
	struct net_pings_pair *pair = &p->pairs[i];
	union ip_address dst = address_of(pair);
	double *at = sent_at(p, i, g->round);

	icmp_request(pair->family, g->request, p->size, (uint16_t)(g->id + g->round * ids(p) + i / 65536), (uint16_t)i);
	*at = g->sent = net_now();
	g->waiting++;
	if (sendto(*socket_of(p, i), g->request, ICMP_HEADER + p->size, 0, &dst.sa, ip_length(&dst)) < 0) {
		*at = 0;
		g->waiting--;
		if (errno == EAGAIN)
			return EAGAIN;
		pair->what = net_errname(errno);
		*pair->whose = '\0';
	}
	pair->sent++;
	return 0;
}

/* Whether the next request has to wait, and until when. */
static bool held_back(struct net_pings *p, double *until)
{
	struct net_pinging *g = p->state;

	if (g->next == g->from && g->round && net_now() < g->start + g->round * p->interval) {
		*until = g->start + g->round * p->interval;
		return true;
	}
	if (g->waiting - g->lost < WINDOW)
		return false;
	*until = g->sent + PATIENCE;
	if (net_now() < *until)
		return true;
	g->lost = g->waiting; /* they may still be answered */
	return false;
}

/* Return: whether it goes on at once */
static bool send_some(struct net_pings *p, double *until)
{
	struct net_pinging *g = p->state;

	for (unsigned int k = 0; k < BURST && g->round < p->count; k++) {
		if (held_back(p, until))
			return false;
		if (send_request(p, g->next) == EAGAIN) {
			*until = net_now() + PATIENCE;
			return false;
		}
		if (++g->next < p->until)
			continue;
		g->next = g->from;
		g->round++;
	}
	return true;
}

/* What the pairs until here have to wait for, after their last request. */
static bool is_over(struct net_pings *p, double *until)
{
	struct net_pinging *g = p->state;
	double last = g->heard > g->sent ? g->heard : g->sent;

	if (g->waiting <= (p->until < p->n ? g->old : 0))
		return true;
	*until = p->until < p->n ? last + QUIET : g->sent + p->timeout;
	return net_now() >= *until;
}

static int step(struct net_op *op, struct net_err *err)
{
	struct net_pings *p = (struct net_pings *)op;
	struct net_pinging *g = p->state;
	double until = -1;

	(void)err;
	drain(p);
	if (g->lost > g->waiting)
		g->lost = g->waiting;
	if (g->round < p->count) {
		op->deadline = send_some(p, &until) ? net_now() : until;
		return 0;
	}
	if (!is_over(p, &until)) {
		op->deadline = until;
		return 0;
	}
	return 1;
}

/*
 * net_pings_go_on() - let the pairs up to @until have their turn, too; done when these are
 *
 * Pairs before that which were not answered may still be: all that is left to itself is waited for in the end.
 */
void net_pings_go_on(struct net_pings *p, unsigned int until)
{
	struct net_pinging *g = p->state;

	g->from = g->next = p->until;
	p->until = until < p->n ? until : p->n;
	g->round = g->from < p->until ? 0 : p->count;
	g->lost = g->old = g->waiting;
	g->start = net_now();
	p->op.deadline = g->start;
}

static int open_socket(struct net_pings *p, unsigned int i, struct net_err *err)
{
	struct net_pings_pair *pair = &p->pairs[i];
	struct epoll_event e = {.events = EPOLLIN};
	int *fd = socket_of(p, i), on = 1;

	if (*fd >= 0)
		return 0;
	*fd = icmp_socket(p->namespaces[pair->from], pair->family, err);
	if (*fd < 0)
		return *fd;
	e.data.u64 = (uint64_t)pair->from << 1 | (pair->family == AF_INET6);
	setsockopt(*fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)); /* many answers wait until they are read */
	if (epoll_ctl(p->state->poll.fd, EPOLL_CTL_ADD, *fd, &e) < 0)
		return net_fail(err, errno, NULL);
	return 0;
}

static int prepare(struct net_pings *p, unsigned int namespaces, struct net_err *err)
{
	struct net_pinging *g = p->state = calloc(1, sizeof(*g));

	if (!g)
		return net_fail(err, ENOMEM, NULL);
	g->fds = malloc(namespaces * sizeof(*g->fds));
	g->at = calloc((size_t)p->n * p->count, sizeof(*g->at));
	g->request = malloc(ICMP_HEADER + p->size);
	g->poll = (struct pollfd){.fd = epoll_create1(EPOLL_CLOEXEC), .events = POLLIN};
	p->open = g->fds ? namespaces : 0;
	for (unsigned int i = 0; i < p->open; i++)
		g->fds[i][0] = g->fds[i][1] = -1;
	if (!g->fds || !g->at || !g->request)
		return net_fail(err, ENOMEM, NULL);
	if (g->poll.fd < 0)
		return net_fail(err, errno, NULL);
	if (getrandom(&g->id, sizeof(g->id), GRND_NONBLOCK) != sizeof(g->id))
		g->id = (uint16_t)getpid();
	return 0;
}

/* net_pings_target() - read the address of a pair; Return: 0 or -EINVAL */
int net_pings_target(struct net_pings_pair *pair, const char *text, struct net_err *err)
{
	struct ip_end end;
	int r = ip_parse(text, &end, err);

	if (r < 0)
		return r;
	if (ip_needs_scope(&end.a))
		return net_fail(err, EINVAL, "%s is a link-local address: every link has its own", text);
	pair->family = (uint8_t)end.a.sa.sa_family;
	memcpy(pair->addr, ip_raw(&end.a), pair->family == AF_INET ? 4 : 16);
	return 0;
}

/*
 * net_pings_start() - get ready to ping from @namespaces, of which p->namespaces are the handles, to all of p->pairs
 *
 * An op; net_pings_go_on() says how far it goes, net_pings_free() must follow in any case.
 */
int net_pings_start(struct net_pings *p, unsigned int namespaces, struct net_err *err)
{
	int r;

	if ((uint64_t)ids(p) * p->count > 65536)
		return net_misuse(err, "%u requests to %u addresses are more than can be told apart", p->count, p->n);
	r = prepare(p, namespaces, err);
	for (unsigned int i = 0; r == 0 && i < p->n; i++)
		r = open_socket(p, i, err);
	if (r == 0)
		p->op = (struct net_op){.step = step, .fds = &p->state->poll, .n = 1};
	return r;
}

/* net_pings_free() - stop, and give back all but the pairs; twice is harmless */
void net_pings_free(struct net_pings *p)
{
	struct net_pinging *g = p->state;

	if (!g)
		return;
	for (unsigned int i = 0; i < 2 * p->open; i++)
		if (g->fds[i / 2][i % 2] >= 0)
			close(g->fds[i / 2][i % 2]);
	if (g->poll.fd >= 0)
		close(g->poll.fd);
	free(g->fds);
	free(g->at);
	free(g->request);
	free(g);
	p->state = NULL;
	p->op.n = 0;
}
