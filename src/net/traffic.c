/* traffic.c - what the workers of a throughput or latency test do: each has one blocking socket and a shared record
 *
 * Both sides begin together and each has its own clock of the time that they have.
 */
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "worker.h"

#define BATCH 16	 /* datagrams of one system call */
#define ROOM 65536	 /* of one datagram */
#define CHUNK (1 << 18)	 /* read at once from a connection */
#define QUIET 0.2	 /* seconds without a datagram after which the last one has come */
#define LINGER 5.0	 /* seconds that datagrams may still be on their way */
#define SUB_BUCKETS 64	 /* of a doubling of the round trip time: 1.6 % each */
#define FIRST_DOUBLING 6 /* below 64 ns nothing is told apart */

/* What every datagram begins with. */
struct stamp {
	uint64_t seq;
	double at;
};

static void finish(struct net_flow *f, enum net_flow_side side, int code)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	f->user[side] = (double)u.ru_utime.tv_sec + (double)u.ru_utime.tv_usec * 1e-6;
	f->system[side] = (double)u.ru_stime.tv_sec + (double)u.ru_stime.tv_usec * 1e-6;
	f->code[side] = code;
}

/* A wait of the socket ends now and then, for a look at the clock. */
static void set_patience(int fd, double seconds)
{
	struct timeval t = {.tv_sec = (time_t)seconds, .tv_usec = (suseconds_t)(fmod(seconds, 1) * 1e6)};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

static bool is_patience(int code)
{
	return code == EAGAIN || code == EINTR;
}

static void *room_for(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		_exit(1);
	return p;
}

/* Sleeps until what was sent so far fits the rate.  Being late is made up for by what comes next. */
static void pace(const struct net_flow *f, double start)
{
	double due = start + (double)f->sent * 8 / f->rate;
	struct timespec t = {.tv_sec = (time_t)due, .tv_nsec = (long)((due - floor(due)) * 1e9)};

	if (f->rate > 0 && due > net_now())
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* --- throughput --- */

static int send_bytes(int fd, struct net_flow *f, const char *buf)
{
	ssize_t n = send(fd, buf, f->size, MSG_NOSIGNAL);

	if (n < 0)
		return is_patience(errno) ? 0 : errno;
	f->sent += (uint64_t)n;
	return 0;
}

/* One datagram where there is a rate, else as many as one call takes. */
static int send_datagrams(int fd, struct net_flow *f, char *buf)
{
	struct mmsghdr m[BATCH] = {0};
	struct iovec iov[BATCH];
	unsigned int many = f->rate > 0 ? 1 : BATCH;
	double now = net_now();
	int n;

	for (unsigned int i = 0; i < many; i++) {
		struct stamp stamp = {.seq = f->sent_packets + i, .at = now};

		iov[i] = (struct iovec){buf + i * f->size, f->size};
		m[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
		memcpy(iov[i].iov_base, &stamp, sizeof(stamp));
	}
	n = sendmmsg(fd, m, many, MSG_NOSIGNAL);
	if (n < 0)
		return is_patience(errno) || errno == ENOBUFS ? 0 : errno;
	f->sent_packets += (unsigned int)n;
	f->sent += (unsigned int)n * f->size;
	return 0;
}

static void note_tcp(int fd, struct net_flow *f)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0)
		f->retransmits = info.tcpi_total_retrans;
}

/* What waits to be sent is dropped: it belongs to no second that is measured. */
static void cut(int fd)
{
	struct linger now = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

void traffic_send(int fd, void *flow)
{
	struct net_flow *f = flow;
	char *buf = room_for(f->size * (f->udp ? BATCH : 1));
	double start = net_now(), now = start;
	int code = 0;

	prctl(PR_SET_TIMERSLACK, 1UL);
	set_patience(fd, QUIET);
	while (now < start + f->seconds && !code) {
		code = f->udp ? send_datagrams(fd, f, buf) : send_bytes(fd, f, buf);
		pace(f, start);
		now = net_now();
	}
	free(buf);
	f->send_seconds = now - start;
	atomic_store(&f->all_sent, true);
	if (f->udp) {
		send(fd, "", 0, MSG_NOSIGNAL); /* the last one */
	} else {
		note_tcp(fd, f);
		if (now >= start + f->seconds * 0.99 && (code == ECONNRESET || code == EPIPE))
			code = 0; /* the other side's clock was first */
		cut(fd);
	}
	finish(f, NET_SENDER, code);
}

static void receive_bytes(int fd, struct net_flow *f)
{
	double start = net_now(), now = start, end = start + f->seconds;
	char *buf = room_for(CHUNK);
	ssize_t n = 1;

	while (now < end && n != 0) {
		n = recv(fd, buf, CHUNK, 0);
		if (n < 0 && !is_patience(errno))
			break;
		now = net_now();
		if (n > 0)
			f->received += (uint64_t)n;
	}
	f->receive_seconds = fmin(now, end) - start;
	/* the sender shall not see us go before it has stopped */
	while (n && now < end + QUIET && (n > 0 || is_patience(errno))) {
		n = recv(fd, buf, CHUNK, 0);
		now = net_now();
	}
	free(buf);
	finish(f, NET_RECEIVER, 0);
}

/* The jitter of RFC 3550: how much the time on the way differs from one packet to the next, smoothed. */
static void note_datagram(struct net_flow *f, const char *buf, double now)
{
	struct stamp stamp;
	double way;

	memcpy(&stamp, buf, sizeof(stamp));
	way = now - stamp.at;
	if (f->received_packets)
		f->jitter += (fabs(way - f->way) - f->jitter) / 16;
	f->way = way;
	if (stamp.seq < f->next_seq)
		f->reordered++;
	else
		f->next_seq = stamp.seq + 1;
	f->received_packets++;
}

/* Return: whether the last one has come, or none comes any more */
static bool receive_datagrams(int fd, struct net_flow *f, char *buf, double *last)
{
	struct mmsghdr m[BATCH] = {0};
	struct iovec iov[BATCH];
	bool sent = atomic_load(&f->all_sent), ended = false;
	int n;

	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){buf + i * ROOM, ROOM};
		m[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
	}
	n = recvmmsg(fd, m, BATCH, MSG_WAITFORONE, NULL);
	if (n <= 0)
		return sent && is_patience(errno);
	*last = net_now();
	for (int i = 0; i < n; i++) {
		ended = ended || m[i].msg_len == 0;
		if (m[i].msg_len < sizeof(struct stamp))
			continue;
		note_datagram(f, iov[i].iov_base, *last);
		f->received += m[i].msg_len;
	}
	return (ended || atomic_load(&f->all_sent)) && f->received_packets >= f->sent_packets;
}

static void receive_packets(int fd, struct net_flow *f)
{
	double start = net_now(), last = start, end = start + f->seconds + LINGER;
	char *buf = room_for((size_t)BATCH * ROOM);
	int room = 4 << 20;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	while (net_now() < end && !receive_datagrams(fd, f, buf, &last))
		;
	f->receive_seconds = last - start;
	free(buf);
	finish(f, NET_RECEIVER, 0);
}

void traffic_receive(int fd, void *flow)
{
	struct net_flow *f = flow;

	set_patience(fd, QUIET);
	if (f->udp)
		receive_packets(fd, f);
	else
		receive_bytes(fd, f);
}

/* --- latency: a request, its answer, the next request --- */

static void note_rtt(struct net_flow *f, double rtt)
{
	uint64_t ns = rtt > 0 ? (uint64_t)(rtt * 1e9) : 0;
	unsigned int doubling = FIRST_DOUBLING, bucket;

	while (ns >> (doubling + 1))
		doubling++;
	bucket = (doubling - FIRST_DOUBLING) * SUB_BUCKETS +
		 (unsigned int)(ns >> (doubling - FIRST_DOUBLING)) % SUB_BUCKETS;
	f->rtts[bucket < NET_RTTS ? bucket : NET_RTTS - 1]++;
	f->rtt_min = f->answered && f->rtt_min < rtt ? f->rtt_min : rtt;
	f->rtt_max = f->rtt_max > rtt ? f->rtt_max : rtt;
	f->rtt_sum += rtt;
	f->answered++;
}

/* traffic_rtt() - the seconds that a bucket of net_flow.rtts stands for: its middle */
double traffic_rtt(unsigned int bucket)
{
	return ldexp(SUB_BUCKETS + bucket % SUB_BUCKETS + 0.5, (int)(bucket / SUB_BUCKETS)) * 1e-9;
}

/* All of an answer.  Return: 0 or the errno; EAGAIN: it didn't come */
static int receive_all(int fd, struct net_flow *f, char *buf, uint64_t seq, double end)
{
	size_t got = 0;

	while (got < f->size) {
		ssize_t n = recv(fd, buf + got, f->size - got, 0);
		struct stamp stamp;

		if (n == 0)
			return ECONNRESET;
		if (n < 0 && !is_patience(errno))
			return errno;
		if (n < 0 && (f->udp || net_now() >= end))
			return EAGAIN;
		if (n < 0)
			continue;
		memcpy(&stamp, buf, sizeof(stamp));
		got += f->udp && stamp.seq != seq ? 0 : (size_t)n; /* or it is one that came too late */
	}
	return 0;
}

void traffic_ask(int fd, void *flow)
{
	struct net_flow *f = flow;
	char *buf = room_for(f->size);
	double start = net_now(), now = start, end = start + f->seconds;
	int code = 0, on = 1;

	set_patience(fd, QUIET);
	if (!f->udp)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	while (now < end && !code) {
		struct stamp stamp = {.seq = ++f->sent_packets, .at = now};

		memcpy(buf, &stamp, sizeof(stamp));
		if (send(fd, buf, f->size, MSG_NOSIGNAL) < 0) {
			code = errno;
			break;
		}
		code = receive_all(fd, f, buf, stamp.seq, end);
		now = net_now();
		if (!code)
			note_rtt(f, now - stamp.at);
		else if (code == EAGAIN)
			code = 0;
	}
	f->send_seconds = now - start;
	atomic_store(&f->all_sent, true);
	if (f->udp)
		send(fd, "", 0, MSG_NOSIGNAL);
	free(buf);
	finish(f, NET_SENDER, code);
}

void traffic_answer(int fd, void *flow)
{
	struct net_flow *f = flow;
	char *buf = room_for(CHUNK);
	double end = net_now() + f->seconds + LINGER;
	int on = 1;

	set_patience(fd, QUIET);
	if (!f->udp)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	while (net_now() < end) {
		union {
			struct sockaddr sa;
			struct sockaddr_storage room;
		} from;
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, buf, CHUNK, 0, f->udp ? &from.sa : NULL, f->udp ? &len : NULL);

		if (n == 0 || (n < 0 && (!is_patience(errno) || atomic_load(&f->all_sent))))
			break;
		if (n > 0 && sendto(fd, buf, (size_t)n, MSG_NOSIGNAL, f->udp ? &from.sa : NULL, f->udp ? len : 0) < 0)
			break;
	}
	free(buf);
	finish(f, NET_RECEIVER, 0);
}
