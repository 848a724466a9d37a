/* pmtu.c - how large packets may be on a path (tracepath): echo requests that no router may cut, of ever better sizes
 *
 * A router that can't pass one on says what it could.  Where none says anything the size is searched for: many sizes at
 * once, then many between the largest that was answered and the next one.
 */
#include <errno.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "icmp.h"

#define PROBES 1024 /* in all */
#define AT_ONCE 24  /* sizes of one round of the search */
#define TRIES 2	    /* of a size, before silence counts */
#define SOONEST 0.2 /* seconds that are waited for an answer, however soon others came */
#define SLOWER 10   /* so much longer than the first answer took others may take */

enum { LEAST4 = 68, LEAST6 = 1280, HEADER4 = 20, HEADER6 = 40, MOST = 65535 };

struct net_pmtu_search {
	struct icmp_way way;
	struct pollfd fd;
	uint16_t id;
	unsigned char *packet, buf[ICMP_ROOM];
	unsigned int least, header;
	unsigned int low, high; /* the largest that was answered, 0: none; the largest that may still be */
	unsigned int sizes[PROBES], sent;
	double at[PROBES];
	unsigned int tries;    /* of the round */
	bool searching, fresh; /* nobody tells; a round is to begin */
	double rtt, end;       /* of the first answer, 0: none; of the round */
};

/* Return: 0, 1: it is too large for the link, or -errno */
static int send_size(struct net_pmtu *p, unsigned int size, struct net_err *err)
{
	struct net_pmtu_search *g = p->state;
	unsigned int payload = size - g->header - ICMP_HEADER;

	if (g->sent == PROBES)
		return net_fail(err, ELOOP, "%d probes found no end: the path changes all the time", PROBES);
	g->sizes[g->sent] = size;
	g->at[g->sent++] = net_now();
	icmp_request(g->way.family, g->packet, payload, g->id, (uint16_t)g->sent);
	if (sendto(g->way.fd, g->packet, ICMP_HEADER + payload, 0, &g->way.dst.a.sa, g->way.len) >= 0)
		return 0;
	if (errno == EAGAIN || errno == ENOBUFS)
		return 0;
	return errno == EMSGSIZE ? 1 : net_fail(err, errno, NULL);
}

static void note_limit(struct net_pmtu *p, unsigned int mtu, const void *from)
{
	struct net_pmtu_search *g = p->state;
	struct net_pmtu_limit *l = &p->limits[p->n_limits];

	if (mtu >= g->high || mtu < g->least)
		return;
	g->high = mtu;
	g->fresh = true;
	if (p->n_limits == NET_PMTU_LIMITS)
		return;
	l->mtu = mtu;
	inet_ntop(g->way.family, from, l->from, sizeof(l->from));
	p->n_limits++;
}

static void take(struct net_pmtu *p, const struct icmp_answer *a, const union ip_address *from)
{
	struct net_pmtu_search *g = p->state;
	unsigned int i = (unsigned int)a->seq - 1;

	if (a->id != g->id || i >= g->sent)
		return;
	if (!a->error) {
		p->reached = true;
		if (g->rtt == 0)
			g->rtt = a->at - g->at[i];
		if (g->sizes[i] > g->low)
			g->low = g->sizes[i];
	} else if (a->mtu) {
		note_limit(p, a->mtu, ip_raw(from));
	}
}

static void drain(struct net_pmtu *p)
{
	struct net_pmtu_search *g = p->state;
	union ip_address from = {0};
	struct icmp_answer a;
	int r;

	while ((r = icmp_receive(g->way.fd, g->way.family, false, g->buf, &a, &from)) != 0)
		if (r > 0)
			take(p, &a, &from);
}

/* All sizes of a round.  One that the link itself doesn't take is too large without any wait. */
static int send_round(struct net_pmtu *p, struct net_err *err)
{
	struct net_pmtu_search *g = p->state;
	unsigned int low = g->low ? g->low : g->least - 1, high = g->high, room = high - low;
	unsigned int n = !g->searching ? 1 : room < AT_ONCE ? room : AT_ONCE;

	if (!g->low && !p->reached && send_size(p, g->least, err) < 0)
		return -err->code;
	for (unsigned int k = n; k > 0; k--) {
		unsigned int size = low + (unsigned int)((uint64_t)(high - low) * k / n);
		int r = size > g->high ? 0 : send_size(p, size, err);

		if (r < 0)
			return r;
		if (r == 1) { /* of the link's own limit */
			g->high = size - 1;
			g->searching = g->fresh = true;
		}
		drain(p);
	}
	return 0;
}

static int begin_round(struct net_pmtu *p, struct net_err *err)
{
	struct net_pmtu_search *g = p->state;
	double wait = p->timeout;
	int r;

	g->fresh = false;
	r = send_round(p, err);
	if (g->rtt > 0)
		wait = g->rtt * SLOWER < SOONEST ? SOONEST : g->rtt * SLOWER;
	g->end = net_now() + (wait < p->timeout ? wait : p->timeout);
	return r;
}

/* The smallest size above what was answered that kept silent is too large. */
static void end_round(struct net_pmtu *p)
{
	struct net_pmtu_search *g = p->state;

	g->fresh = true;
	if (++g->tries < TRIES)
		return;
	g->tries = 0;
	for (unsigned int i = 0; g->searching && i < g->sent; i++)
		if (g->sizes[i] > g->low && g->sizes[i] <= g->high)
			g->high = g->sizes[i] - 1;
	g->searching = p->blackhole = true;
}

static bool is_over(const struct net_pmtu *p)
{
	const struct net_pmtu_search *g = p->state;

	return g->high < g->least || (g->low && g->low >= g->high);
}

static int step(struct net_op *op, struct net_err *err)
{
	struct net_pmtu *p = (struct net_pmtu *)op;
	struct net_pmtu_search *g = p->state;

	for (;;) {
		int r = 0;

		drain(p);
		if (is_over(p))
			break;
		if (g->fresh) {
			r = begin_round(p, err);
		} else if (net_now() >= g->end) {
			if (!p->reached && g->tries + 1 >= TRIES)
				break; /* nobody answers at all */
			end_round(p);
		} else {
			op->deadline = g->end;
			return 0;
		}
		if (r < 0)
			return r;
	}
	p->mtu = p->reached ? g->low : p->n_limits ? g->high : 0;
	p->rtt = g->rtt;
	return 1;
}

static int set_options(int fd, int family, struct net_err *err)
{
	int four = IP_PMTUDISC_PROBE, six = IPV6_PMTUDISC_PROBE, on = 1, r;

	if (family == AF_INET)
		r = setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &four, sizeof(four));
	else
		r = setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &six, sizeof(six)) < 0 ||
		    setsockopt(fd, IPPROTO_IPV6, IPV6_DONTFRAG, &on, sizeof(on)) < 0;
	return r ? net_fail(err, errno, NULL) : 0;
}

/*
 * net_pmtu_start() - get ready to find the size of packets that a path takes
 * @p: an op; done, it has the answers; net_pmtu_free() must follow in any case
 */
int net_pmtu_start(const struct net_ns *ns, struct net_pmtu *p, struct net_err *err)
{
	struct icmp_asked asked = {.dst = p->dst, .src = p->src, .dev = p->dev};
	struct net_pmtu_search *g = p->state = calloc(1, sizeof(*g));
	int r, code;

	if (!g)
		return net_fail(err, ENOMEM, NULL);
	g->packet = malloc(ICMP_ROOM);
	g->way.fd = -1;
	if (!g->packet)
		return net_fail(err, ENOMEM, NULL);
	r = icmp_way_open(&g->way, ns, &asked, err);
	if (r == 0)
		r = set_options(g->way.fd, g->way.family, err);
	if (r < 0)
		return r;
	code = icmp_way_bind(&g->way);
	if (code)
		return net_fail(err, code, NULL);
	if (getrandom(&g->id, sizeof(g->id), GRND_NONBLOCK) != sizeof(g->id))
		g->id = (uint16_t)getpid();
	g->least = g->way.family == AF_INET ? LEAST4 : LEAST6;
	g->header = g->way.family == AF_INET ? HEADER4 : HEADER6;
	g->high = p->link_mtu < MOST ? p->link_mtu : MOST;
	if (g->high < g->least)
		g->high = g->least;
	g->fresh = true;
	g->fd = (struct pollfd){.fd = g->way.fd, .events = POLLIN};
	p->op = (struct net_op){.step = step, .fds = &g->fd, .n = 1, .deadline = net_now()};
	return 0;
}

/* net_pmtu_free() - stop it, and give back what it has; twice is harmless */
void net_pmtu_free(struct net_pmtu *p)
{
	struct net_pmtu_search *g = p->state;

	if (g && g->way.fd >= 0)
		close(g->way.fd);
	if (g)
		free(g->packet);
	free(g);
	p->state = NULL;
	p->op.n = 0;
}
