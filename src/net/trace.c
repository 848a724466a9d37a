/* trace.c - the way of packets (traceroute): probes that may make few hops each, and who tells that they ended
 *
 * First one probe for each hop, a few at a time, until one gets to the end; then all others at once.  Routers bound how
 * many errors they send to one asker (6 at once, then one a second), so no more than needed is asked of any.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "icmp.h"

#define AHEAD 3		 /* first probes that are under way ... */
#define PATIENCE 0.03	 /* ... unless one is late by so much */
#define FIRST_PORT 33434 /* where nobody listens */
#define PAYLOAD 32

struct net_tracing {
	struct icmp_way way; /* its socket: raw, or of UDP */
	struct ip_end dst;
	uint16_t id;
	unsigned char buf[ICMP_ROOM];
	unsigned int next; /* probe, in the order of sending */
	unsigned int last; /* the hop where the way ends, as far as known */
	int *fds;	   /* of TCP: one a probe, and its port */
	uint16_t *ports;
	bool again; /* hops that kept silent have been asked once more */
	struct pollfd *polls;
};

static unsigned int total(const struct net_trace *t)
{
	return t->max_hops * t->probes;
}

/* Probes are kept hop by hop, and sent the first of each hop first. */
static unsigned int in_turn(const struct net_trace *t, unsigned int turn)
{
	if (turn < t->max_hops)
		return turn * t->probes;
	turn -= t->max_hops;
	return turn / (t->probes - 1) * t->probes + 1 + turn % (t->probes - 1);
}

/* --- answers --- */

static void note(struct net_trace *t, unsigned int i, const void *from, const char *what, bool end)
{
	struct net_tracing *g = t->state;
	struct net_trace_probe *probe = &t->answers[i];

	if (i >= total(t) || probe->at == 0 || probe->rtt >= 0)
		return;
	probe->rtt = net_now() - probe->at;
	probe->what = what;
	probe->end = end;
	inet_ntop(g->dst.a.sa.sa_family, from, probe->from, sizeof(probe->from));
	if (end && i / t->probes < g->last)
		g->last = i / t->probes;
}

static bool is_exceeded(const char *what)
{
	return strcmp(what, "time-exceeded") == 0;
}

/* What the socket of UDP was told of one of its packets, whose port says which.  Return: whether there was something */
static bool take_error(struct net_trace *t)
{
	struct net_tracing *g = t->state;
	union ip_address dst = {0}, *whose;
	char control[512];
	struct iovec iov = {g->buf, sizeof(g->buf)};
	struct msghdr msg = {.msg_name = &dst,
			     .msg_namelen = sizeof(dst),
			     .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};

	if (recvmsg(g->way.fd, &msg, MSG_ERRQUEUE) < 0)
		return false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		struct sock_extended_err *e = (void *)CMSG_DATA(c);
		const char *what;

		if (c->cmsg_level != IPPROTO_IP && c->cmsg_level != IPPROTO_IPV6)
			continue;
		if (c->cmsg_type != (c->cmsg_level == IPPROTO_IP ? IP_RECVERR : IPV6_RECVERR))
			continue;
		if (e->ee_origin != SO_EE_ORIGIN_ICMP && e->ee_origin != SO_EE_ORIGIN_ICMP6)
			continue;
		whose = (void *)SO_EE_OFFENDER(e);
		what = icmp_error_name(g->dst.a.sa.sa_family, e->ee_type, e->ee_code);
		if (what)
			note(t, (unsigned int)ip_port(&dst) - t->port, ip_raw(whose), what, !is_exceeded(what));
	}
	return true;
}

static void drain_udp(struct net_trace *t)
{
	struct net_tracing *g = t->state;
	union ip_address from;
	socklen_t len = sizeof(from);

	while (take_error(t))
		;
	while (recvfrom(g->way.fd, g->buf, sizeof(g->buf), 0, &from.sa, &len) >= 0) {
		note(t, (unsigned int)ip_port(&from) - t->port, ip_raw(&from), "reply", true);
		len = sizeof(from);
	}
}

static void drain_icmp(struct net_trace *t)
{
	struct net_tracing *g = t->state;
	union ip_address from = {0};
	struct icmp_answer a;
	int r;

	while ((r = icmp_receive(g->way.fd, g->way.family, false, g->buf, &a, &from)) != 0)
		if (r > 0 && a.id == g->id)
			note(t, (unsigned int)a.seq - 1, ip_raw(&from), a.what, !a.error || !is_exceeded(a.what));
}

/* The kernel sends the segments, and hears of the end.  It takes no error that comes at once, while it is still about
 * to connect: they are read by a raw socket, and the ports say whose they are. */
static void drain_tcp(struct net_trace *t)
{
	struct net_tracing *g = t->state;
	union ip_address from = {0};
	struct icmp_answer a;
	int r;

	while ((r = icmp_receive(g->way.fd, g->way.family, true, g->buf, &a, &from)) != 0)
		for (unsigned int i = 0; r > 0 && i < total(t); i++)
			if (a.seq == t->port && t->answers[i].at > 0 && a.id == g->ports[i])
				note(t, i, ip_raw(&from), a.what, !is_exceeded(a.what));
	for (unsigned int i = 0; i < total(t); i++) {
		struct net_err err;

		if (g->fds[i] < 0 || t->answers[i].rtt >= 0)
			continue;
		r = net_connected(g->fds[i], &err);
		if (r > 0 || r == -ECONNREFUSED)
			note(t, i, ip_raw(&g->dst.a), r > 0 ? "open" : "closed", true);
		if (r != 0) { /* it would tell so for ever */
			close(g->fds[i]);
			g->fds[i] = -1;
		}
	}
}

/* --- probes --- */

/* Return: 0 or -errno */
static int send_tcp(struct net_trace *t, unsigned int i, struct net_err *err)
{
	char dst[NET_END_TEXT];
	struct net_dial d = {.dst = dst, .src = t->src, .dev = t->dev, .ttl = i / t->probes + 1};
	int *fd = &t->state->fds[i];

	if (*fd >= 0)
		close(*fd);
	ip_end_text(&t->state->dst, t->port, dst);
	*fd = net_dial(t->ns, SOCK_STREAM, &d, err);
	if (*fd < 0)
		return *fd;
	net_end_of(*fd, false, dst);
	t->state->ports[i] = (uint16_t)strtoul(strrchr(dst, ':') + 1, NULL, 10);
	return 0;
}

static int send_packet(struct net_trace *t, unsigned int i, struct net_err *err)
{
	struct net_tracing *g = t->state;
	unsigned char packet[ICMP_HEADER + PAYLOAD] = {0};
	bool icmp = t->method == NET_TRACE_ICMP;
	union ip_address dst = g->dst.a;
	int code = 0;

	if (ip_set_ttl(g->way.fd, g->way.family, i / t->probes + 1, err) < 0)
		return -err->code;
	if (icmp)
		icmp_request(g->way.family, packet, PAYLOAD, g->id, (uint16_t)(i + 1));
	else
		ip_set_port(&dst, (uint16_t)(t->port + i));
	/* an error that is pending is read, and the probe sent again */
	for (int tries = 0; tries < 8; tries++) {
		if (sendto(g->way.fd, packet, icmp ? sizeof(packet) : PAYLOAD, 0, &dst.sa, g->way.len) >= 0)
			return 0;
		code = errno;
		if (icmp || !take_error(t))
			break;
	}
	return code == EAGAIN ? 0 : net_fail(err, code, NULL);
}

/* Whether what was sent first is still expected at once; until when. */
static bool wait_for_some(const struct net_trace *t, double *until)
{
	unsigned int waiting = 0;
	double now = net_now(), first = -1;

	for (unsigned int turn = 0; turn < t->state->next; turn++) {
		const struct net_trace_probe *probe = &t->answers[in_turn(t, turn)];

		if (probe->rtt >= 0 || now >= probe->at + PATIENCE)
			continue;
		waiting++;
		if (first < 0)
			first = probe->at;
	}
	*until = first + PATIENCE;
	return waiting >= (t->state->next < t->max_hops ? AHEAD : 64);
}

static void drain(struct net_trace *t)
{
	if (t->method == NET_TRACE_UDP)
		drain_udp(t);
	else if (t->method == NET_TRACE_ICMP)
		drain_icmp(t);
	else
		drain_tcp(t);
}

static int send_probe(struct net_trace *t, unsigned int i, struct net_err *err)
{
	int r;

	t->answers[i].at = net_now();
	r = t->method == NET_TRACE_TCP ? send_tcp(t, i, err) : send_packet(t, i, err);
	drain(t);
	return r;
}

/* Send what may go.  Return: 0 and until when to wait, negative: all are sent; -errno */
static int send_some(struct net_trace *t, double *until, struct net_err *err)
{
	struct net_tracing *g = t->state;

	for (*until = -1; g->next < total(t); g->next++) {
		unsigned int i = in_turn(t, g->next);
		int r;

		if (i / t->probes > g->last)
			continue;
		if (wait_for_some(t, until))
			return 0;
		r = send_probe(t, i, err);
		if (r < 0)
			return r;
		*until = -1;
	}
	return 0;
}

/* The time when the last probe that counts is given up; negative: none is waited for. */
static double give_up_at(const struct net_trace *t)
{
	double at = -1;

	for (unsigned int i = 0; i < total(t) && i / t->probes <= t->state->last; i++)
		if (t->answers[i].rtt < 0 && t->answers[i].at + t->timeout > at)
			at = t->answers[i].at + t->timeout;
	return at;
}

/* A router may have sent as many errors as it may at once: a second later it may send another one.  Return: whether
 * there is a hop to ask again, or -errno */
static int ask_again(struct net_trace *t, struct net_err *err)
{
	bool some = false;

	if (t->state->again)
		return 0;
	t->state->again = true;
	for (unsigned int hop = 0; hop <= t->state->last && hop < t->max_hops; hop++) {
		bool silent = true;

		for (unsigned int i = hop * t->probes; i < (hop + 1) * t->probes; i++)
			silent = silent && t->answers[i].rtt < 0;
		if (silent && send_probe(t, hop * t->probes, err) < 0)
			return -err->code;
		some = some || silent;
	}
	return some;
}

static void wait_for_tcp(struct net_trace *t)
{
	struct net_tracing *g = t->state;

	t->op.n = 1; /* the raw socket */
	for (unsigned int i = 0; i < total(t); i++)
		if (g->fds[i] >= 0 && t->answers[i].rtt < 0)
			g->polls[t->op.n++] = (struct pollfd){.fd = g->fds[i], .events = POLLOUT};
}

static int step(struct net_op *op, struct net_err *err)
{
	struct net_trace *t = (struct net_trace *)op;
	double until;
	int r;

	drain(t);
	r = send_some(t, &until, err);
	if (r < 0)
		return r;
	if (until < 0) {
		until = give_up_at(t);
		r = until < 0 || net_now() >= until ? ask_again(t, err) : 1;
		if (r < 0)
			return r;
		until = give_up_at(t); /* those may have their answers already */
		if (r == 0 || until < 0) {
			t->hops = t->state->last < t->max_hops ? t->state->last + 1 : t->max_hops;
			return 1;
		}
	}
	if (t->method == NET_TRACE_TCP)
		wait_for_tcp(t);
	op->deadline = until;
	return 0;
}

static int open_udp(struct net_trace *t, struct net_err *err)
{
	struct icmp_way *w = &t->state->way;
	struct ip_end src;
	int r;

	w->dst = t->state->dst;
	w->family = w->dst.a.sa.sa_family;
	w->len = ip_length(&w->dst.a);
	w->fd = ip_socket(t->ns, w->family, SOCK_DGRAM, 0, err);
	if (w->fd < 0)
		return w->fd;
	r = ip_set_scope(w->fd, &w->dst, t->dev, t->dst, err);
	if (r == 0)
		r = ip_set_way(w->fd, w->family, t->dev || !*w->dst.dev ? t->dev : w->dst.dev, err);
	if (r == 0)
		r = ip_want_errors(w->fd, w->family, err);
	t->state->dst = w->dst;
	if (r < 0 || !t->src)
		return r;
	r = ip_parse(t->src, &src, err);
	if (r == 0 && src.a.sa.sa_family != w->family)
		r = net_fail(err, EINVAL, "source %s and destination %s are of different families", t->src, t->dst);
	if (r == 0 && bind(w->fd, &src.a.sa, w->len) < 0)
		r = net_fail(err, errno, NULL);
	return r;
}

static int open_icmp(struct net_trace *t, struct net_err *err)
{
	struct icmp_asked asked = {.dst = t->dst, .src = t->src, .dev = t->dev};
	struct net_tracing *g = t->state;
	int r = icmp_way_open(&g->way, t->ns, &asked, err), code;

	if (r < 0)
		return r;
	g->dst = g->way.dst;
	code = icmp_way_bind(&g->way);
	if (getrandom(&g->id, sizeof(g->id), GRND_NONBLOCK) != sizeof(g->id))
		g->id = (uint16_t)getpid();
	return code ? net_fail(err, code, NULL) : 0;
}

static int open_sockets(struct net_trace *t, struct net_err *err)
{
	struct net_tracing *g = t->state;
	int r = ip_parse(t->dst, &g->dst, err);

	if (r < 0)
		return r;
	r = t->method == NET_TRACE_UDP ? open_udp(t, err) : open_icmp(t, err);
	g->polls[0] = (struct pollfd){.fd = g->way.fd, .events = POLLIN};
	t->op.n = 1;
	return r;
}

/*
 * net_trace_start() - get ready to trace a way
 * @t: an op; done, t->answers has t->hops times t->probes of them; net_trace_free() must follow in any case.  The
 * namespace and the texts are the caller's until then.
 */
int net_trace_start(struct net_trace *t, struct net_err *err)
{
	struct net_tracing *g = t->state = calloc(1, sizeof(*g));
	unsigned int n = total(t);

	if (!g)
		return net_fail(err, ENOMEM, NULL);
	if (!t->port)
		t->port = t->method == NET_TRACE_TCP ? 80 : FIRST_PORT;
	g->way.fd = -1;
	g->last = t->max_hops;
	t->answers = calloc(n, sizeof(*t->answers));
	g->fds = malloc(n * sizeof(*g->fds));
	g->ports = calloc(n, sizeof(*g->ports));
	g->polls = calloc(n + 1, sizeof(*g->polls));
	if (!t->answers || !g->fds || !g->ports || !g->polls)
		return net_fail(err, ENOMEM, NULL);
	for (unsigned int i = 0; i < n; i++) {
		t->answers[i].rtt = -1;
		g->fds[i] = -1;
	}
	t->op = (struct net_op){.step = step, .fds = g->polls, .deadline = net_now()};
	return open_sockets(t, err);
}

/* net_trace_free() - stop it, and give back what it has; twice is harmless */
void net_trace_free(struct net_trace *t)
{
	struct net_tracing *g = t->state;

	for (unsigned int i = 0; g && g->fds && i < total(t); i++)
		if (g->fds[i] >= 0)
			close(g->fds[i]);
	if (g && g->way.fd >= 0)
		close(g->way.fd);
	if (g) {
		free(g->fds);
		free(g->ports);
		free(g->polls);
	}
	free(g);
	free(t->answers);
	t->state = NULL;
	t->answers = NULL;
	t->op.n = 0;
}
