/* packet_read.h - what the decoders of packets share: a bounded view of bytes, and the list of fields that they fill
 *
 * A decoder gets a view and never reads outside of it: it asks packet_has() first, or has packet_rows() do so.
 * A header is a table of rows where its fields stand at fixed places; code is for what branches.
 */
#ifndef NSH_PACKET_READ_H
#define NSH_PACKET_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net_packet;

/* Bytes that belong to one layer. */
struct packet_view {
	const uint8_t *p;
	size_t cap; /* captured: what may be read */
	size_t len; /* what was on the wire; never less than cap */
};

/* A packet that is being read; one that another carries has its own. */
struct packet {
	struct net_packet *out;
	const char *cut;    /* the layer at which the captured bytes end */
	unsigned int depth; /* packets around it */
	bool fragment;	    /* the first one of several: what it carries is longer than it */
	bool ip6;	    /* the version of the last IP header */
};

enum packet_type {
	PACKET_INT,
	PACKET_WORD, /* an integer with words; without one of them the integer itself */
	PACKET_BIT,  /* of row.mask; told when it is set */
	PACKET_IP,   /* address of row.size bytes */
	PACKET_MAC,
	PACKET_BRIDGE,	 /* identifier of a bridge */
	PACKET_256,	 /* seconds, in parts of 256 */
	PACKET_MS,	 /* seconds, in milliseconds */
	PACKET_LIFETIME, /* seconds; all ones: the word forever */
};

struct packet_word {
	unsigned int value; /* the last row has no word */
	const char *word;
};

/* A field of a header: its place, and how it is read. */
struct packet_row {
	const char *key;
	uint8_t at, size;
	uint8_t type;
	uint8_t shift;
	uint32_t mask; /* after the shift; 0: all of it */
	const struct packet_word *words;
};

#define PACKET_ROWS(k, view, rows) packet_rows(k, view, rows, sizeof(rows) / sizeof(*(rows)))

void packet_rows(struct packet *k, struct packet_view v, const struct packet_row *rows, size_t n);
const char *packet_find_word(const struct packet_word *words, unsigned int value); /* NULL: there is none */

/* one field; without a key it is the next of the list that is open */
void packet_int(struct packet *k, const char *key, int64_t value);
void packet_number(struct packet *k, const char *key, double value);
void packet_word(struct packet *k, const char *key, const char *word);
void packet_name(struct packet *k, const char *key, const struct packet_word *words, unsigned int value);
void packet_true(struct packet *k, const char *key);
void packet_ip(struct packet *k, const char *key, const uint8_t *p, size_t size);
void packet_mac(struct packet *k, const char *key, const uint8_t *p, size_t size);
void packet_bytes(struct packet *k, const char *key, const uint8_t *p, size_t size);
void packet_text(struct packet *k, const char *key, const char *text, size_t len); /* is copied */
void packet_table(struct packet *k, const char *key);
void packet_list(struct packet *k, const char *key);
bool packet_room(struct packet *k); /* for one more of a list; keeps room for what comes behind the list */
void packet_end(struct packet *k);  /* of a table or list */

void packet_cut(struct packet *k, const char *layer);
void packet_payload(struct packet *k, struct packet_view v);
/* a packet within this one */
void packet_nested(struct packet *k, const char *key, struct packet_view v,
		   void (*decode)(struct packet *k, struct packet_view v));

static inline bool packet_has(struct packet_view v, size_t n)
{
	return v.cap >= n;
}

static inline struct packet_view packet_skip(struct packet_view v, size_t n)
{
	size_t cap = n < v.cap ? n : v.cap;

	return (struct packet_view){v.p + cap, v.cap - cap, n < v.len ? v.len - n : 0};
}

static inline struct packet_view packet_take(struct packet_view v, size_t n)
{
	return (struct packet_view){v.p, n < v.cap ? n : v.cap, n < v.len ? n : v.len};
}

static inline uint16_t packet_16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t packet_32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* the layers */
void packet_link(struct packet *k, int linktype, struct packet_view v); /* packet_link.c */
void packet_ether(struct packet *k, struct packet_view v);
void packet_ethertype(struct packet *k, unsigned int type, struct packet_view v);
void packet_arp(struct packet *k, struct packet_view v); /* packet_arp.c */
void packet_stp(struct packet *k, struct packet_view v); /* packet_stp.c */
void packet_ip4(struct packet *k, struct packet_view v); /* packet_ip.c */
void packet_ip6(struct packet *k, struct packet_view v);
void packet_ip_any(struct packet *k, struct packet_view v);
void packet_icmp4(struct packet *k, struct packet_view v); /* packet_icmp.c */
void packet_icmp6(struct packet *k, struct packet_view v); /* packet_icmp6.c */
void packet_igmp(struct packet *k, struct packet_view v);  /* packet_igmp.c */
void packet_gre(struct packet *k, struct packet_view v);   /* packet_gre.c */
void packet_ospf(struct packet *k, struct packet_view v);  /* packet_ospf.c */
void packet_vxlan(struct packet *k, struct packet_view v); /* packet_overlay.c */
void packet_geneve(struct packet *k, struct packet_view v);
void packet_tcp(struct packet *k, struct packet_view v);  /* packet_tcp.c */
void packet_udp(struct packet *k, struct packet_view v);  /* packet_udp.c */
void packet_dns(struct packet *k, struct packet_view v);  /* packet_dns.c */
void packet_dhcp(struct packet *k, struct packet_view v); /* packet_dhcp.c */

#endif
