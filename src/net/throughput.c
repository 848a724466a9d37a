/* throughput.c - traffic between two namespaces, measured: streams are connected here, and driven by worker processes
 *
 * A stream has two workers, one on each side, and a record in memory that both write and nsh reads in the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipsock.h"
#include "worker.h"

#define CONNECT_TIME 5.0 /* seconds for all streams to be connected */
#define OVERTIME 10.0	 /* after the time of the test, for what is under way; then the workers are stopped */

#define BUFFER_TCP 131072
#define PACKET_MAX 65507
#define HEADERS_4 28
#define HEADERS_6 48

static int step(struct net_op *op, struct net_err *err);

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* What the whole machine has been busy with since it was started, in seconds of one processor. */
static double machine_busy(void)
{
	unsigned long long v[8] = {0};
	FILE *f = fopen("/proc/stat", "re");
	int n = f ? fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu", v, v + 1, v + 2, v + 3, v + 4, v + 5, v + 6)
		  : 0;

	if (f)
		fclose(f);
	/* user, nice, system; not idle, iowait; irq, softirq */
	return n == 7 ? (double)(v[0] + v[1] + v[2] + v[5] + v[6]) / (double)sysconf(_SC_CLK_TCK) : 0;
}

static int prepare(struct net_throughput *t, struct net_err *err)
{
	unsigned int n = t->streams;

	t->flows = mmap(NULL, n * sizeof(*t->flows), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (t->flows == MAP_FAILED)
		t->flows = NULL;
	t->workers = calloc(2 * (size_t)n, sizeof(*t->workers));
	t->fds = malloc(2 * (size_t)n * sizeof(*t->fds));
	t->op.fds = calloc(2 * (size_t)n, sizeof(*t->op.fds));
	for (unsigned int i = 0; t->workers && t->fds && i < 2 * n; i++) {
		t->workers[i].pidfd = -1;
		t->fds[i] = -1;
	}
	if (!t->flows || !t->workers || !t->fds || !t->op.fds)
		return net_fail(err, ENOMEM, NULL);
	return 0;
}

static int port_of(int fd)
{
	char text[NET_END_TEXT];

	net_end_of(fd, false, text);
	return (int)strtol(strrchr(text, ':') + 1, NULL, 10);
}

/* The receiver's end is on the link that has the address, which the sender's name for its link says nothing about. */
static int open_receiver(struct net_throughput *t, unsigned int stream, struct net_err *err)
{
	struct net_bound b = {.port = t->port ? t->port + (t->udp ? stream : 0) : 0, .backlog = t->streams};
	char at[NET_END_TEXT];
	struct ip_end end;
	int r = ip_parse(t->addr, &end, err);

	if (r < 0)
		return r;
	*end.dev = '\0';
	if (!ip_needs_scope(&end.a))
		b.at = ip_end_text(&end, b.port, at);
	return net_bound(t->to, t->udp ? SOCK_DGRAM : SOCK_STREAM, &b, err);
}

static int open_sender(struct net_throughput *t, int port, struct net_err *err)
{
	struct net_dial d = {.src = t->src, .dev = t->dev};
	char dst[NET_END_TEXT];
	struct ip_end end;
	int r = ip_parse(t->addr, &end, err);

	if (r < 0)
		return r;
	d.dst = ip_end_text(&end, (unsigned int)port, dst);
	return net_dial(t->from, t->udp ? SOCK_DGRAM : SOCK_STREAM, &d, err);
}

/* As much as fits a packet of the path as it is known now. */
static unsigned int packet_size(int fd, int family)
{
	int mtu = 0, level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	int size, headers = family == AF_INET ? HEADERS_4 : HEADERS_6;
	socklen_t len = sizeof(mtu);

	if (getsockopt(fd, level, family == AF_INET ? IP_MTU : IPV6_MTU, &mtu, &len) < 0 || mtu <= headers + 64)
		mtu = 1280;
	size = mtu - headers;
	return (unsigned int)(size < PACKET_MAX ? size : PACKET_MAX);
}

static unsigned int default_size(const struct net_throughput *t, int fd)
{
	double smooth = t->rate / t->streams / 8 / 100; /* a hundredth of a second's */
	struct net_err ignored;
	struct ip_end end;

	if (t->udp && ip_parse(t->addr, &end, &ignored) == 0)
		return packet_size(fd, end.a.sa.sa_family);
	if (t->rate <= 0 || smooth > BUFFER_TCP)
		return BUFFER_TCP;
	return smooth < 1000 ? 1000 : (unsigned int)smooth;
}

/* Connect the next stream.  Return: 1: it is; 0: not yet */
static int connect_stream(struct net_throughput *t, struct net_err *err)
{
	int *sender = &t->fds[2 * t->connected + NET_SENDER], *receiver = &t->fds[2 * t->connected + NET_RECEIVER];
	int r;

	if (t->udp && *receiver < 0)
		*receiver = open_receiver(t, t->connected, err);
	if (!t->udp && t->listener < 0)
		t->listener = open_receiver(t, 0, err);
	if (*receiver < 0 && t->listener < 0)
		return -err->code;
	if (*sender < 0)
		*sender = open_sender(t, port_of(t->udp ? *receiver : t->listener), err);
	if (*sender < 0)
		return -err->code;
	if (t->udp)
		return 1;
	r = net_connected(*sender, err);
	t->op.fds[0] = (struct pollfd){.fd = *sender, .events = POLLOUT};
	if (r <= 0)
		return r;
	t->op.fds[0] = (struct pollfd){.fd = t->listener, .events = POLLIN};
	return net_accept(t->listener, receiver, err);
}

static int start_worker(struct net_throughput *t, unsigned int stream, enum net_flow_side side, const int go[2],
			struct net_err *err)
{
	static void (*const work[2][2])(int, void *) = {
		{traffic_send, traffic_receive},
		{traffic_ask, traffic_answer},
	};
	struct worker w = {
		.name = side == NET_SENDER ? "nsh-sender" : "nsh-receiver",
		.fd = t->fds[2 * stream + side],
		.go = go[0],
		.run = work[t->latency][side],
		.arg = &t->flows[stream],
	};

	return worker_start(&w, &t->workers[2 * stream + side], err);
}

/* All workers wait for the same pipe to be closed, which happens when the last one is there. */
static int start_workers(struct net_throughput *t, struct net_err *err)
{
	int go[2], r = 0;

	if (pipe2(go, O_CLOEXEC) < 0)
		return net_fail(err, errno, NULL);
	for (unsigned int i = 0; r == 0 && i < t->streams; i++) {
		t->flows[i].udp = t->udp;
		t->flows[i].seconds = t->seconds;
		t->flows[i].rate = t->rate / t->streams;
		t->flows[i].size = t->size ? t->size : default_size(t, t->fds[2 * i + NET_SENDER]);
		for (int side = 0; r == 0 && side < 2; side++)
			r = start_worker(t, i, side, go, err);
	}
	for (unsigned int i = 0; i < 2 * t->streams; i++)
		shut(&t->fds[i]);
	shut(&t->listener);
	t->busy = -machine_busy();
	close(go[0]);
	close(go[1]);
	return r;
}

static int judge(struct net_throughput *t, struct net_err *err)
{
	static const char *const names[] = {"sender", "receiver"};

	for (unsigned int i = 0; i < 2 * t->streams; i++) {
		int status = t->workers[i].status, code = t->flows[i / 2].code[i % 2];

		if (WIFSIGNALED(status))
			return net_fail(err, ECANCELED, "the %s's process was killed by SIG%s", names[i % 2],
					net_signal_name(WTERMSIG(status)));
		if (WEXITSTATUS(status))
			return net_fail(err, ENOMEM, "the %s's process found no memory", names[i % 2]);
		if (code)
			return net_fail(err, code, "the %s could not go on: %s", names[i % 2], net_strerror(code));
	}
	return 1;
}

/* Return: 1 when all workers have ended; 0: they work */
static int watch_workers(struct net_throughput *t, struct net_err *err)
{
	t->op.n = 0;
	for (unsigned int i = 0; i < 2 * t->streams; i++)
		if (net_process_running(&t->workers[i]))
			t->op.fds[t->op.n++] = (struct pollfd){.fd = t->workers[i].pidfd, .events = POLLIN};
	if (t->op.n && net_now() < t->op.deadline)
		return 0;
	if (t->op.n)
		return net_fail(err, ETIMEDOUT, "it did not end within %g s of its time", OVERTIME);
	t->busy += machine_busy();
	return judge(t, err);
}

static int step(struct net_op *op, struct net_err *err)
{
	struct net_throughput *t = (struct net_throughput *)op;
	int r = 1;

	while (t->connected < t->streams) {
		r = connect_stream(t, err);
		if (r == 0 && net_now() >= op->deadline)
			return net_fail(err, ETIMEDOUT, NULL);
		if (r <= 0)
			return r;
		t->connected++;
	}
	if (!t->working) {
		t->working = true;
		op->deadline = net_now() + t->seconds + OVERTIME;
		r = start_workers(t, err);
		if (r < 0)
			return r;
	}
	return watch_workers(t, err);
}

/*
 * net_throughput_start() - begin a test of throughput, or of latency; it goes on by its step()
 * @t: what is asked; net_throughput_free() must follow, on failure too.  The namespaces and the texts are the caller's
 * until it has ended.
 */
int net_throughput_start(struct net_throughput *t, struct net_err *err)
{
	int r = prepare(t, err);

	if (r < 0)
		return r;
	t->op.step = step;
	t->op.n = 1;
	t->op.deadline = net_now() + CONNECT_TIME;
	return step(&t->op, err) < 0 ? -err->code : 0;
}

/* net_throughput_rtt() - the round trip time that a fraction of all answers stayed below */
double net_throughput_rtt(const struct net_throughput *t, double fraction)
{
	uint64_t all = 0, sum = 0;

	for (unsigned int i = 0; i < t->streams; i++)
		all += t->flows[i].answered;
	for (unsigned int bucket = 0; bucket < NET_RTTS; bucket++) {
		for (unsigned int i = 0; i < t->streams; i++)
			sum += t->flows[i].rtts[bucket];
		if (sum && (double)sum >= fraction * (double)all)
			return traffic_rtt(bucket);
	}
	return 0;
}

/* net_throughput_free() - stop its workers and let go of all it has; twice is harmless */
void net_throughput_free(struct net_throughput *t)
{
	struct net_err ignored;

	for (unsigned int i = 0; t->workers && i < 2 * t->streams; i++)
		net_process_kill(&t->workers[i], SIGKILL, &ignored);
	for (unsigned int i = 0; t->workers && i < 2 * t->streams; i++) {
		net_process_stop(&t->workers[i], 0);
		net_process_close(&t->workers[i]);
	}
	for (unsigned int i = 0; t->fds && i < 2 * t->streams; i++)
		shut(&t->fds[i]);
	if (t->flows)
		shut(&t->listener);
	if (t->flows)
		munmap(t->flows, t->streams * sizeof(*t->flows));
	free(t->workers);
	free(t->fds);
	free(t->op.fds);
	t->flows = NULL;
	t->workers = NULL;
	t->fds = NULL;
	t->op.fds = NULL;
	t->op.n = 0;
}
