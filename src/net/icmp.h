/* icmp.h - what probes by ICMP are built of: echo requests as bytes (icmp.c), the socket they go through (icmpsock.c)
 */
#ifndef NSH_ICMP_H
#define NSH_ICMP_H

#include "ipsock.h"

enum { ICMP_HEADER = 8, ICMP_MAX_PAYLOAD = 65507, ICMP_ROOM = 65536 };

struct icmp_answer {
	bool error;		  /* it quotes our request instead of answering it */
	uint16_t id, seq;	  /* of the request */
	unsigned int ttl;	  /* as it arrived; 0: not in the packet (ICMPv6) */
	unsigned int bytes;	  /* of the ICMP message */
	const char *what;	  /* "echo-reply", "host-unreachable", ... */
	const unsigned char *dst; /* of an error: whom the quoted request was for */
	unsigned int mtu;	  /* of "frag-needed" and "packet-too-big"; 0: not told */
	double at;		  /* when it came, by net_now() */
};

const char *icmp_error_name(int family, unsigned int type, unsigned int code);
void icmp_request(int family, unsigned char *buf, size_t payload, uint16_t id, uint16_t seq);
bool icmp_parse(int family, const unsigned char *p, size_t n, bool tcp, struct icmp_answer *a);
int icmp_filter(int fd, int family); /* lets through only what icmp_parse() knows */

/* What a probe is told about its way. */
struct icmp_asked {
	const char *dst;       /* numeric address, "%dev" allowed for link-local ones */
	const char *src, *dev; /* NULL: as routed */
	unsigned int ttl;      /* 0: default */
};

/* A raw socket and the ends of a probe's way. */
struct icmp_way {
	int fd, family;
	socklen_t len; /* of the addresses */
	struct ip_end dst, src;
	bool bound; /* to src */
};

int icmp_socket(const struct net_ns *ns, int family, struct net_err *err);
int icmp_way_open(struct icmp_way *w, const struct net_ns *ns, const struct icmp_asked *p, struct net_err *err);
int icmp_way_bind(struct icmp_way *w);
int icmp_receive(int fd, int family, bool tcp, unsigned char *buf, struct icmp_answer *a, union ip_address *from);

#endif
