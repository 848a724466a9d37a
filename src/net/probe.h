/* probe.h - a part of net.h: what asks the network itself: sockets, throughput, pings */
#ifndef NSH_PROBE_H
#define NSH_PROBE_H

#include "net.h"

/* --- sockets of TCP and UDP (socket.c): never wait --- */

#define NET_END_TEXT 72 /* "[address%link]:port" */

struct net_dial {
	const char *dst;  /* "10.0.0.1:80" */
	const char *src;  /* address, or address and port; NULL: as routed */
	const char *dev;  /* NULL: as routed */
	unsigned int ttl; /* 0: default */
};

struct net_bound {
	const char *at;	   /* "10.0.0.1:80"; NULL: all addresses */
	unsigned int port; /* of these; 0: the kernel chooses */
	const char *dev;   /* NULL: all links */
	unsigned int backlog;
};

int net_dial(const struct net_ns *ns, int type, const struct net_dial *d, struct net_err *err);
int net_connected(int fd, struct net_err *err);
int net_bound(const struct net_ns *ns, int type, const struct net_bound *b, struct net_err *err);
int net_accept(int fd, int *connection, struct net_err *err);
ssize_t net_send(int fd, const void *data, size_t len, struct net_err *err);
int net_send_to(int fd, const char *to, const void *data, size_t len, struct net_err *err);
ssize_t net_receive(int fd, void *buf, size_t size, char from[NET_END_TEXT], struct net_err *err);
void net_end_of(int fd, bool peer, char text[NET_END_TEXT]);
int net_finish(int fd, struct net_err *err);

/* --- throughput and latency between two namespaces (throughput.c, traffic.c) --- */

enum net_flow_side { NET_SENDER, NET_RECEIVER };

#define NET_RTTS 1920 /* buckets of round trip times */

/* One stream: in memory that is shared with its two workers. */
struct net_flow {
	/* asked */
	bool udp;
	double seconds, rate; /* bit/s; 0: as fast as it goes */
	size_t size;
	/* answered, by the sender */
	uint64_t sent, sent_packets; /* bytes; datagrams, or requests */
	uint64_t retransmits;
	double send_seconds;
	_Atomic bool all_sent;
	/* by the receiver */
	uint64_t received, received_packets, reordered, next_seq;
	double receive_seconds, jitter, way;
	/* by who asks for answers */
	uint64_t answered;
	double rtt_min, rtt_max, rtt_sum;
	uint32_t rtts[NET_RTTS];
	/* by each */
	double user[2], system[2];
	int code[2]; /* errno that ended it before its time */
};

struct net_throughput {
	struct net_op op;
	/* asked */
	const struct net_ns *from, *to;
	const char *addr; /* of @to */
	const char *src, *dev;
	unsigned int port; /* 0: the kernel chooses */
	bool udp, latency;
	unsigned int streams, size; /* size 0: what suits */
	double seconds, rate;	    /* rate of all streams */
	/* answered */
	struct net_flow *flows; /* one a stream */
	double busy;		/* seconds of one processor, of the whole machine */
	/* under way */
	int listener;
	unsigned int connected;
	bool working;
	int *fds;
	struct net_process *workers; /* sender, receiver, sender, ... */
};

int net_throughput_start(struct net_throughput *t, struct net_err *err);
double net_throughput_rtt(const struct net_throughput *t, double fraction);
void net_throughput_free(struct net_throughput *t);

/* --- ping (ping.c) --- */

struct net_pinger;

struct net_ping {
	struct net_op op;
	struct net_pinger *pinger; /* ping.c's own */
	/* asked */
	const char *dst;    /* numeric address, "%dev" allowed for link-local ones */
	const char *dev;    /* NULL: as routed */
	const char *src;    /* NULL: as routed */
	unsigned int count; /* 0: until first_reply or deadline */
	double interval, timeout;
	unsigned int size, ttl; /* payload bytes; ttl 0: default */
	bool first_reply;	/* stop at the first answer, keep asking, and swallow path errors */
	/* answered */
	struct net_ping_reply {
		unsigned int seq, ttl, bytes;
		double rtt; /* seconds; < 0: an ICMP error, see what */
		char from[46];
		char what[48]; /* "echo-reply", "host-unreachable", "time-exceeded", ... */
	} * replies;
	unsigned int sent, received, n, cap, id;
	double min, avg, max, mdev;
};

int net_ping_start(const struct net_ns *ns, struct net_ping *p, struct net_err *err);
void net_ping_free(struct net_ping *p);

/* --- many pings at once (pings.c) --- */

struct net_pinging;

struct net_pings_pair {
	unsigned int from; /* which of the namespaces */
	uint8_t family, addr[16];
	unsigned int sent, received;
	double min, max, sum; /* seconds */
	const char *what;     /* the last error: an ICMP error's word or an errno's name; NULL: none */
	char whose[46];	      /* who reported it; "": nobody, it could not be sent */
};

struct net_pings {
	struct net_op op;
	struct net_pinging *state; /* pings.c's own */
	unsigned int open;	   /* namespaces that it has */
	const struct net_ns *const *namespaces;
	struct net_pings_pair *pairs; /* the caller's */
	unsigned int n;
	unsigned int until; /* how many of them have had their turn */
	unsigned int count, size;
	double interval, timeout;
};

int net_pings_target(struct net_pings_pair *pair, const char *text, struct net_err *err);
int net_pings_start(struct net_pings *p, unsigned int namespaces, struct net_err *err);
void net_pings_go_on(struct net_pings *p, unsigned int until);
void net_pings_free(struct net_pings *p);

/* How full the table of neighbours is, which all namespaces of the machine share (ntable.c). */
struct net_ntable_use {
	unsigned int entries, most;
	uint64_t fulls; /* how often one found no place, so far */
};

int net_ntable_use(struct net_ns *ns, uint8_t family, struct net_ntable_use *use, struct net_err *err);

/* --- traceroute (trace.c) --- */

enum net_trace_method { NET_TRACE_UDP, NET_TRACE_ICMP, NET_TRACE_TCP };

struct net_tracing;

struct net_trace_probe {
	double at, rtt;	  /* when it was sent, 0: never; seconds until the answer, negative: none */
	const char *what; /* an ICMP error's word, "echo-reply", "reply", "open", "closed" */
	char from[46];
	bool end; /* the way ends there */
};

struct net_trace {
	struct net_op op;
	struct net_tracing *state; /* trace.c's own */
	/* asked */
	const struct net_ns *ns;
	const char *dst, *src, *dev; /* src, dev: NULL: as routed */
	enum net_trace_method method;
	unsigned int max_hops, probes;
	unsigned int port; /* UDP: of the first probe; TCP; 0: the usual */
	double timeout;
	/* answered */
	struct net_trace_probe *answers; /* hop by hop */
	unsigned int hops;
};

int net_trace_start(struct net_trace *t, struct net_err *err);
void net_trace_free(struct net_trace *t);

/* --- path MTU (pmtu.c) --- */

#define NET_PMTU_LIMITS 16

struct net_pmtu_search;

struct net_pmtu_limit {
	unsigned int mtu;
	char from[46]; /* who said so */
};

struct net_pmtu {
	struct net_op op;
	struct net_pmtu_search *state; /* pmtu.c's own */
	/* asked; the texts are read at the start */
	const char *dst, *src, *dev; /* src, dev: NULL: as routed */
	unsigned int link_mtu;	     /* of the link that it goes out by: nothing larger is tried */
	double timeout;
	/* answered */
	unsigned int mtu; /* 0: not known */
	double rtt;	  /* of the first answer */
	bool reached, blackhole;
	struct net_pmtu_limit limits[NET_PMTU_LIMITS];
	unsigned int n_limits;
};

int net_pmtu_start(const struct net_ns *ns, struct net_pmtu *p, struct net_err *err);
void net_pmtu_free(struct net_pmtu *p);

#endif
