/* ipsock.h - what all sockets of the IP protocols have in common (ipsock.c): addresses as text, the namespace and the
 * link that they belong to, what may come over them
 */
#ifndef NSH_IPSOCK_H
#define NSH_IPSOCK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net.h"

union ip_address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* One end of a packet's way, as its text says it. */
struct ip_end {
	union ip_address a;
	char dev[16]; /* behind the % of the address; "" */
};

int ip_parse(const char *text, struct ip_end *end, struct net_err *err);	  /* "10.0.0.1", "fe80::1%eth0" */
int ip_parse_endpoint(const char *text, struct ip_end *end, struct net_err *err); /* "10.0.0.1:80", "[fd00::1]:80" */
socklen_t ip_length(const union ip_address *a);
const void *ip_raw(const union ip_address *a);
uint16_t ip_port(const union ip_address *a);
void ip_set_port(union ip_address *a, uint16_t port);
bool ip_needs_scope(const union ip_address *a);
void ip_text(int fd, const union ip_address *a, char text[NET_END_TEXT]);
char *ip_end_text(const struct ip_end *end, unsigned int port, char text[NET_END_TEXT]);

int ip_want_errors(int fd, int family, struct net_err *err);
int ip_socket(const struct net_ns *ns, int family, int type, int protocol, struct net_err *err);
int ip_index(int fd, const char *dev, int *index, struct net_err *err);
int ip_set_scope(int fd, struct ip_end *end, const char *dev, const char *text, struct net_err *err);
int ip_set_way(int fd, int family, const char *dev, struct net_err *err);
int ip_set_ttl(int fd, int family, unsigned int hops, struct net_err *err);

#endif
