/* packet.h - packets: bytes from a wire as a list of fields; a part of net.h
 *
 * The list is flat: a table or list is its beginning, its fields, its end.  Fields point into the packet's bytes.
 */
#ifndef NSH_PACKET_H
#define NSH_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum net_packet_type {
	NET_PACKET_INTEGER,
	NET_PACKET_NUMBER,
	NET_PACKET_TRUE,
	NET_PACKET_BYTES, /* in the packet, in net_packet.text, or a constant */
	NET_PACKET_IP,	  /* these three by net_packet_text() */
	NET_PACKET_MAC,
	NET_PACKET_BRIDGE,
	NET_PACKET_TABLE, /* the fields up to its END are in it */
	NET_PACKET_LIST,  /* the same, without keys */
	NET_PACKET_END,
};

struct net_packet_field {
	const char *key; /* NULL: the next of a list */
	uint8_t type;
	uint32_t len;
	union {
		int64_t i;
		double d;
		const void *p;
	};
};

#define NET_PACKET_FIELDS 2048
#define NET_PACKET_DEPTH 32 /* tables within each other, at most */
#define NET_PACKET_TEXT 64

struct net_packet {
	unsigned int n, used, open, left_out;
	bool full;
	struct net_packet_field v[NET_PACKET_FIELDS];
	char text[16384];
};

void net_packet_decode(const void *p, size_t cap, size_t len, int linktype, struct net_packet *out);
size_t net_packet_text(const struct net_packet_field *f, char buf[NET_PACKET_TEXT]);

#endif
