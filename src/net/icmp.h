/* icmp.h - what ping.c is built of: echo requests as bytes (icmp.c), and the socket they go through (icmpsock.c) */
#ifndef NSH_ICMP_H
#define NSH_ICMP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net_err;
struct net_ns;
struct net_ping;

enum { ICMP_HEADER = 8, ICMP_MAX_PAYLOAD = 65507 };

struct icmp_answer {
	bool error;		  /* it quotes our request instead of answering it */
	uint16_t id, seq;	  /* of the request */
	unsigned int ttl;	  /* as it arrived; 0: not in the packet (ICMPv6) */
	unsigned int bytes;	  /* of the ICMP message */
	const char *what;	  /* "echo-reply", "host-unreachable", ... */
	const unsigned char *dst; /* of an error: whom the quoted request was for */
};

const char *icmp_error_name(int family, unsigned int type, unsigned int code);
void icmp_request(int family, unsigned char *buf, size_t payload, uint16_t id, uint16_t seq);
bool icmp_parse(int family, const unsigned char *p, size_t n, struct icmp_answer *a);
int icmp_filter(int fd, int family); /* lets through only what icmp_parse() knows */

union icmp_address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

struct icmp_socket {
	int fd, family;
	socklen_t len; /* of the addresses */
	union icmp_address dst, src;
	char dst_dev[16], src_dev[16]; /* behind the % of an address */
};

int icmp_socket_open(struct icmp_socket *s, const struct net_ns *ns, const struct net_ping *p, struct net_err *err);
const void *icmp_raw_address(const union icmp_address *a);

#endif
