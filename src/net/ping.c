/* ping.c - ping over ICMP and ICMPv6 by a raw socket of our own (ping(8)): when to send, what answers what
 *
 * All of it happens from outside the namespace: no wait ever stands in another one.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "icmp.h"

#define SLOTS 65536    /* sequence numbers that the wire can tell apart */
#define DRAIN 64       /* packets read before the clock is looked at again */
#define BURST 64       /* requests in one step; others may want to go on */
#define RETRY 0.01     /* seconds until a full send queue is tried again */
#define FIRST_GAP 0.02 /* between requests of net_ping.first_reply, growing ... */
#define LAST_GAP 0.2   /* ... up to this */

struct probe {
	double at; /* when its request went out; 0: never */
	bool done; /* answered, by a reply or by an error */
};

struct net_pinger {
	struct net_ping *p;
	struct icmp_way s;
	uint16_t id;
	unsigned int done;
	struct probe *probes;
	unsigned int slots;
	unsigned char *request, *buf;
	size_t size;
	double queue_full; /* since when; 0: it isn't */
	double gap, sum, squares;
	double due, end; /* of the next request; of it all, negative: not known yet */
	struct pollfd fd;
};

static int prepare(struct net_pinger *g, const struct net_ns *ns, struct net_err *err)
{
	struct net_ping *p = g->p;
	struct icmp_asked asked;

	g->size = ICMP_HEADER + p->size;
	g->slots = p->first_reply ? SLOTS : p->count;
	p->cap = p->first_reply ? 1 : p->count; /* a request gets one answer at most */
	g->probes = calloc(g->slots, sizeof(*g->probes));
	g->request = malloc(g->size);
	g->buf = malloc(ICMP_ROOM);
	p->replies = calloc(p->cap, sizeof(*p->replies));
	if (!g->probes || !g->request || !g->buf || !p->replies)
		return net_fail(err, ENOMEM, NULL);
	if (getrandom(&g->id, sizeof(g->id), GRND_NONBLOCK) != sizeof(g->id))
		g->id = (uint16_t)getpid();
	p->id = g->id;
	asked = (struct icmp_asked){.dst = p->dst, .src = p->src, .dev = p->dev, .ttl = p->ttl};
	return icmp_way_open(&g->s, ns, &asked, err);
}

static void count_rtt(struct net_pinger *g, double rtt)
{
	struct net_ping *p = g->p;

	p->min = p->received && p->min < rtt ? p->min : rtt;
	p->max = p->received && p->max > rtt ? p->max : rtt;
	p->received++;
	g->sum += rtt;
	g->squares += rtt * rtt;
}

/* The addresses that one asks for and another answers: groups, and "any", which means this machine. */
static bool answers_differ(const union ip_address *a)
{
	if (a->sa.sa_family == AF_INET)
		return a->in.sin_addr.s_addr == INADDR_ANY || IN_MULTICAST(ntohl(a->in.sin_addr.s_addr));
	return IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr) || IN6_IS_ADDR_MULTICAST(&a->in6.sin6_addr);
}

/* The request that an answer is for; NULL: none of ours, or one that has its answer. */
static struct probe *match(const struct net_pinger *g, const struct icmp_answer *a, const union ip_address *from)
{
	size_t bytes = g->s.family == AF_INET ? 4 : 16;
	const void *whose = a->error ? a->dst : ip_raw(from);
	unsigned int slot = (uint16_t)(a->seq - 1);

	if (a->id != g->id || slot >= g->slots || g->probes[slot].at == 0 || g->probes[slot].done)
		return NULL;
	if (!answers_differ(&g->s.dst.a) && memcmp(whose, ip_raw(&g->s.dst.a), bytes) != 0)
		return NULL;
	return &g->probes[slot];
}

static void take(struct net_pinger *g, const struct icmp_answer *a, const union ip_address *from)
{
	struct probe *probe = match(g, a, from);
	struct net_ping_reply *reply;

	if (!probe || g->p->n == g->p->cap || (a->error && g->p->first_reply))
		return;
	reply = &g->p->replies[g->p->n++];
	probe->done = true;
	g->done++;
	reply->seq = a->seq;
	reply->ttl = a->ttl;
	reply->bytes = a->bytes;
	reply->rtt = a->error ? -1 : a->at - probe->at;
	snprintf(reply->what, sizeof(reply->what), "%s", a->what);
	inet_ntop(g->s.family, ip_raw(from), reply->from, sizeof(reply->from));
	if (!a->error)
		count_rtt(g, reply->rtt);
}

static void drain(struct net_pinger *g)
{
	for (int i = 0; i < DRAIN; i++) {
		union ip_address from = {0};
		struct icmp_answer a;
		int r = icmp_receive(g->s.fd, g->s.family, false, g->buf, &a, &from);

		if (r == 0)
			return;
		if (r > 0)
			take(g, &a, &from);
	}
}

static int explain(const struct net_pinger *g, int code, struct net_err *err)
{
	const char *dst = g->p->dst;

	net_fail(err, code, NULL);
	switch (code) {
	case ENETUNREACH:
		net_hint(err, "no route to %s%s; see ns:routes()", dst, g->p->dev ? " through that link" : "");
		break;
	case EHOSTUNREACH: net_hint(err, "an unreachable route covers %s", dst); break;
	case EACCES: net_hint(err, "%s is a broadcast address, or a prohibit route covers it", dst); break;
	case EINVAL: net_hint(err, "a blackhole route covers %s, or the source can't be used there", dst); break;
	case EPERM: net_hint(err, "a packet filter in the namespace drops it on output"); break;
	case EADDRNOTAVAIL:
		net_hint(err, "the namespace has no such source address, or an IPv6 one is still tentative: "
			      "link:wait_dad()");
		break;
	case EMSGSIZE: net_hint(err, "size = %u bytes is more than the path takes", g->p->size); break;
	default: break;
	}
	return -code;
}

/* Return: 0 or the errno */
static int try_send(struct net_pinger *g, uint16_t seq)
{
	int code = icmp_way_bind(&g->s);

	if (code)
		return code;
	icmp_request(g->s.family, g->request, g->p->size, g->id, seq);
	g->probes[(uint16_t)(seq - 1)] = (struct probe){.at = net_now()};
	return sendto(g->s.fd, g->request, g->size, 0, &g->s.dst.a.sa, g->s.len) < 0 ? errno : 0;
}

/* A request that could not leave is the failure of a ping that sent none yet, and a lost packet of one that did. */
static int not_sent(struct net_pinger *g, int code, struct net_err *err)
{
	struct net_ping *p = g->p;
	struct net_ping_reply *reply;

	if (p->first_reply)
		return 1;
	if (!p->sent)
		return explain(g, code, err);
	if (p->n == p->cap) /* somebody has answered what never left */
		return p->sent++, 1;
	reply = &p->replies[p->n++];
	g->probes[p->sent].done = true;
	g->done++;
	reply->seq = ++p->sent;
	reply->rtt = -1;
	snprintf(reply->what, sizeof(reply->what), "%s", net_errname(code));
	return 1;
}

/* Return: 1 when a request is dealt with, 0 when the send queue is full */
static int send_request(struct net_pinger *g, struct net_err *err)
{
	struct net_ping *p = g->p;
	int code = try_send(g, (uint16_t)(p->sent + 1));

	if (code == EAGAIN) {
		if (g->queue_full == 0)
			g->queue_full = net_now();
		if (net_now() - g->queue_full < p->timeout)
			return 0;
		code = ENOBUFS;
	}
	g->queue_full = 0;
	if (code)
		return not_sent(g, code, err);
	p->sent++;
	return 1;
}

/* When the next request is due, after one at @due */
static double next_due(struct net_pinger *g, double due, int sent)
{
	double now = net_now();

	if (!sent)
		return now + RETRY;
	due += g->p->first_reply ? g->gap : g->p->interval;
	g->gap = g->gap * 1.5 < LAST_GAP ? g->gap * 1.5 : LAST_GAP;
	return due < now ? now : due; /* no burst after a stall */
}

static void finish(struct net_pinger *g)
{
	struct net_ping *p = g->p;
	double variance;

	if (!p->received)
		return;
	p->avg = g->sum / p->received;
	variance = g->squares / p->received - p->avg * p->avg;
	p->mdev = variance > 0 ? sqrt(variance) : 0;
}

static bool is_over(const struct net_pinger *g)
{
	const struct net_ping *p = g->p;

	if (p->first_reply ? p->received > 0 : p->sent == p->count && g->done == p->count)
		return true;
	return g->end >= 0 && net_now() >= g->end && (p->first_reply || p->sent == p->count);
}

static int step(struct net_op *op, struct net_err *err)
{
	struct net_ping *p = (struct net_ping *)op;
	struct net_pinger *g = p->pinger;
	bool more;

	for (unsigned int n = 0; n < BURST; n++) {
		int r;

		drain(g);
		if (is_over(g)) {
			finish(g);
			return 1;
		}
		if ((!p->first_reply && p->sent == p->count) || net_now() < g->due)
			break;
		r = send_request(g, err);
		if (r < 0)
			return r;
		g->due = next_due(g, g->due, r);
		if (!p->first_reply && p->sent == p->count)
			g->end = net_now() + p->timeout;
	}
	more = p->first_reply || p->sent < p->count;
	op->deadline = !more || (g->end >= 0 && g->end < g->due) ? g->end : g->due;
	return 0;
}

/*
 * net_ping_start() - get ready to send echo requests from a namespace and to gather the answers
 * @p: an op; done, it has the answers, whether anybody answered or not.  net_ping_free() in any case.
 *
 * A step fails with what sending the first request failed with, unless first_reply.
 *
 * Return: 0; -EINVAL: a bad address; -ENODEV: no such link; another -errno.
 */
int net_ping_start(const struct net_ns *ns, struct net_ping *p, struct net_err *err)
{
	struct net_pinger *g;
	int r;

	if (!p->first_reply && (p->count < 1 || p->count >= SLOTS))
		return net_fail(err, EINVAL, "count must be 1 to %d", SLOTS - 1);
	if (p->size > ICMP_MAX_PAYLOAD)
		return net_fail(err, EINVAL, "size must be 0 to %d", ICMP_MAX_PAYLOAD);
	g = p->pinger = calloc(1, sizeof(*g));
	if (!g)
		return net_fail(err, ENOMEM, NULL);
	g->p = p;
	g->s.fd = -1;
	g->gap = FIRST_GAP;
	r = prepare(g, ns, err);
	if (r < 0)
		return r;
	g->due = net_now();
	g->end = p->first_reply ? g->due + p->timeout : -1;
	g->fd = (struct pollfd){.fd = g->s.fd, .events = POLLIN};
	p->op = (struct net_op){.step = step, .fds = &g->fd, .n = 1, .deadline = g->due};
	return 0;
}

/* net_ping_free() - stop it, and give back what it has.  Doing it twice is harmless. */
void net_ping_free(struct net_ping *p)
{
	struct net_pinger *g = p->pinger;

	if (g) {
		if (g->s.fd >= 0)
			close(g->s.fd);
		free(g->probes);
		free(g->request);
		free(g->buf);
		free(g);
	}
	p->pinger = NULL;
	p->op.n = 0;
	free(p->replies);
	p->replies = NULL;
	p->n = p->cap = 0;
}
