/* attr.h - attributes are rows in tables, read in both directions
 *
 * A row says how one Lua key travels in a netlink message.  A table lists the rows of one noun, of one link
 * kind or of one nest.  The same list of fields (struct net_fields) is what bind makes of a Lua table, what
 * net_encode() puts into a message, and, one field at a time, what net_next() takes out of one.
 */
#ifndef NSH_ATTR_H
#define NSH_ATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nl_msg;
struct nlattr;
struct nlmsghdr;
struct net_err;
struct net_ns;

enum net_type {
	NET_BOOL, /* an integer that is 0 or 1 */
	NET_BIT,  /* mask in an integer of a header */
	NET_UINT,
	NET_INT,
	NET_SIZE,     /* bytes; text as "64kb" too */
	NET_TIME,     /* seconds in Lua; row.unit wire units make one second */
	NET_RATE,     /* bits per second in Lua, on the wire bytes or row.unit bits; text as "10mbit" too */
	NET_FRACTION, /* 0 to 1 in Lua, of all ones on the wire; text as "1%" too */
	NET_ENUM,     /* an integer with names */
	NET_RANGE,    /* two integers, first and last; text as "10-20" where they differ.  With row.aux the last has
			 that attribute, in a header it has a NET_LAST, and row.size is that of one */
	NET_LAST,     /* not told: attribute of the last number of the NET_RANGE that has the same key */
	NET_REALMS,   /* two halves of an integer; text as "1/2" where the first is not 0 */
	NET_STRING,   /* NUL-terminated; max bytes without the NUL */
	NET_MAC,      /* link-layer address, of row.size bytes if not of six */
	NET_FLAG,     /* true when the attribute is there */
	NET_IP,	      /* address of the message's family, or of row.size bytes, or with row.aux IPv6 there */
	NET_PREFIX,   /* address in the attribute, its length in the header at row.aux, or with row.size there */
	NET_GATEWAY,  /* RTA_GATEWAY, or RTA_VIA when the family is another */
	NET_GROUP,    /* multicast group in a header: IPv4, IPv6 or MAC, with its Ethernet type at row.aux */
	NET_LINK,     /* ifindex; a name in Lua */
	NET_NETNS,    /* descriptor of a namespace */
	NET_BRIDGEID, /* bridge or port identifier, text in Lua */
	NET_KEY,      /* 32 bytes, base64 in Lua */
	NET_ENDPOINT, /* struct sockaddr; "192.0.2.1:51820", "[fd00::1]:51820" */
	NET_NEST,     /* a table of its own, or with NET_FLAT one whose keys stand beside ours */
	NET_KINDNEST, /* options: the table of the object's kind, in row.kinds or, of a link, as the message says */
	NET_PORTNEST, /* IFLA_INFO_SLAVE_DATA: the same for the kind of the master */
	NET_LIST,     /* rtnexthops: a list of tables */
	NET_NESTS,    /* a list of tables, each a nest of attribute row.aux; 0: numbered from 1 */
	NET_STRUCTS,  /* a list of tables, each a C struct, one behind the other */
	NET_STRINGS,  /* a list of strings, each in an attribute row.aux */
	NET_IPLIST,   /* a list of addresses of row.size bytes */
	NET_MACLIST,  /* a list of link-layer addresses that takes the place of another; row.aux says how it is meant */
	NET_QOSMAP,   /* struct ifla_vlan_qos_mapping: numbers by numbers */
	NET_PREFIXES, /* a list of prefixes, each a nest of family, address and length as wireguard has them */
	NET_BITSET,   /* the names of ethtool's bits that are set, a list */
	NET_TOGGLES,  /* true or false by name; of a link's features, which have messages of their own */
	NET_NUMBERS,  /* a list of up to row.max integers: an array in the header, or a nest of attributes row.aux */
	NET_HANDLE,   /* of tc: two halves of an integer in hex, "1:10", or one of row.names */
	NET_BURST,    /* of tc: bytes in Lua, on the wire the time that they take at the rate at row.aux */
	NET_DIST,     /* of netem: the name of a distribution, whose table goes out */
	NET_FIXED,    /* row.begins, or row.max zero bytes, whenever the key is given */
	NET_SEGS, /* a list of IPv6 addresses in a segment routing header, row.min bytes behind the attribute's begin */
	NET_LABELS, /* MPLS labels; text as "100/200" */
	NET_ENCAP,  /* a table whose key `type` chooses its other keys and travels in attribute row.aux */
};

enum {
	NET_HDR = 1 << 0,     /* row.attr is an offset in the table's header, not an attribute */
	NET_RO = 1 << 1,      /* the kernel tells it and takes it not */
	NET_WO = 1 << 2,      /* the kernel takes it and tells it not */
	NET_FLAT = 1 << 3,    /* of a nest: its keys are spelled in the parent's table */
	NET_BE = 1 << 4,      /* big endian on the wire */
	NET_INVERT = 1 << 5,  /* of a bit: set means false */
	NET_MAIN = 1 << 6,    /* may stand at [1] */
	NET_AFTER = 1 << 7,   /* of a link: refused or ignored at creation, set right after */
	NET_QUIET = 1 << 8,   /* of a bit: left out of a record while false */
	NET_FOREVER = 1 << 9, /* of a time: the wire's all-ones is "forever", left out of a record */
	NET_ZERO = 1 << 10,   /* left out of a record while 0 or all zeros; of a struct: left out by the kernel then */
	NET_NEW = 1 << 11,    /* only when the object is made */
	NET_BARE = 1 << 12,   /* of a prefix: a host's is written without its length, as ip(8) does for routes */
	NET_LATE_PEER = 1 << 13, /* of a link: as NET_AFTER when it is a veth's peer */
	NET_SHARE = 1 << 14,	 /* of an integer: the wire has one less */
	NET_OFF = 1 << 15,	 /* not sent when the object is made with row.begins, for it begins so */
	NET_MARKED = 1 << 16,	 /* has a bit elsewhere that says whether it, or the first of its names, is meant */
	NET_MARK = 1 << 17,	 /* that bit, under the same key and behind it */
	NET_TWIN = 1 << 18,	 /* has the value of the row with the same key before it; read, it counts more */
	NET_MASKED = 1 << 19,	 /* with a mask: under row.aux, of an address behind it; text as "0x2/0xff" */
	NET_LOG2 = 1 << 20,	 /* of an integer: the wire has its logarithm */
	NET_WITH = 1 << 21,	 /* written with the row behind, whose attribute it shares */
};

/* Names of an enumeration: a list, or the two functions of a name table that libnl keeps. */
struct net_word {
	const char *name;
	int64_t value;
};
struct net_enum {
	const struct net_word *list;	/* ends with name NULL */
	int (*value)(const char *name); /* < 0: unknown */
	char *(*name)(int value, char *buf, size_t size);
};

struct net_row {
	const char *key;
	const char *doc;
	uint16_t attr;	/* attribute number, or offset with NET_HDR */
	uint8_t type;	/* enum net_type */
	uint8_t size;	/* bytes on the wire */
	uint8_t begins; /* with NET_OFF: what a new object has */
	uint32_t flags;
	uint16_t aux;  /* offset of the prefix length, or of a bit's change mask (0: none); of a bool 1: the row before
			  says that it is off; of a list: attribute of its elements; of structs: bytes before them,
			  where byte 0 is row.begins and byte row.size their number; of a marked one: of its bit;
			  of a time: the kernel's own steps in ns */
	uint32_t mask; /* of a bit; of a header's integer: its bits; of a marked one: its bit in row.aux */
	uint32_t unit; /* of a time: wire units in a second; of an integer: wire units in one of Lua's (0: 1) */
	int64_t min, max; /* in wire units; both 0: what the size holds */
	const struct net_enum *names;
	const struct net_table *nest;
	/* of a NET_KINDNEST: finds the kind that the key `kind` beside it names */
	const struct net_kind *(*kinds)(const char *name);
	const struct net_kind *(*kind_all)(unsigned int i); /* of one in a list: all of them, NULL at the end */
};

struct net_table {
	const char *name;
	const struct net_row *rows;
	unsigned int n;
	uint16_t hdr; /* bytes of fixed header before the attributes */
	bool bare;    /* no attributes behind the header: a C struct */
};

struct net_kind {
	const char *name;
	const struct net_table *data; /* NULL: no options */
	const struct net_table *port; /* of links: options of those that have one of us as master */
	const char *config;	      /* kernel option that brings it */
	const char *doc;
};

#define NET_MAX_ADDR 32
#define NET_ADDR_TEXT 112  /* bytes that an address takes as text */
#define NET_MAX_FIELDS 128 /* of one request */
#define NET_MAX_ROWS 160   /* of one table */

/* One key with its value.  A nest is NET_BEGIN (row of the nest), its fields, NET_END. */
enum net_mark { NET_VALUE, NET_BEGIN, NET_END, NET_ITEM /* begins an element of a list */ };

struct net_field {
	const struct net_row *row;
	uint8_t op;
	uint8_t family; /* of an address; AF_UNSPEC for "default" */
	uint8_t len;	/* bytes of addr */
	int16_t plen;	/* prefix length; -1: none given */
	bool off;	/* false was given for what isn't true or false */
	int64_t i;	/* number, bool, index, descriptor */
	const char *s;	/* text; of a NET_LINK: its name, when not given by index */
	size_t slen;
	struct net_ns *ns; /* of a NET_NETNS */
	unsigned char addr[NET_MAX_ADDR];
};

struct net_fields {
	struct net_field *v;
	unsigned int n, cap;
	const struct net_kind *kind, *port; /* what the flat nests of a link mean */
};

/* What encoding needs to know beside the fields. */
struct net_ctx {
	uint8_t family;
	const struct net_kind *kind, *port;
};

/* Decoding: a stack of tables, each with its attributes found. */
#define NET_MAX_ATTR 128
#define NET_MAX_DEPTH 8
#define NET_ROW_WORDS ((NET_MAX_ROWS + 63) / 64)
struct net_cursor {
	const struct nlmsghdr *msg;
	uint8_t family;
	const struct net_kind *kind, *port;
	int depth;
	struct net_level {
		const struct net_table *table;
		const struct net_kind *kind; /* of a table with a registry of kinds */
		const char *hdr;
		bool flat;
		const struct net_row *list; /* this level stands for a list: its row, and what is left of it */
		const char *rest, *end;
		uint64_t todo[NET_ROW_WORDS];	 /* rows that the message may have something for, a bit each */
		struct nlattr *tb[NET_MAX_ATTR]; /* last: all before it is zeroed for each level */
	} level[NET_MAX_DEPTH];
};

const struct net_row *net_key(const struct net_table *t, const struct net_kind *kind, const struct net_kind *port,
			      const char *key);
const struct net_row *net_main_key(const struct net_table *t);
const struct net_row *net_kind_nest(const struct net_table *t); /* NULL: its kinds are no registry's */
const struct net_table *net_lwt_find(const char *name);		/* what has an encap of this type; NULL: unknown */
int net_lwt_refuse(const char *got, struct net_err *err);
const struct net_table *net_lwt_any(unsigned int i);

/* a list of tables */
static inline bool net_is_list(const struct net_row *row)
{
	return row->type == NET_LIST || row->type == NET_NESTS || row->type == NET_STRUCTS;
}

/* a list, or a map, of plain values */
static inline bool net_is_array(const struct net_row *row)
{
	return row->type == NET_IPLIST || row->type == NET_MACLIST || row->type == NET_STRINGS ||
	       row->type == NET_QOSMAP || row->type == NET_PREFIXES || row->type == NET_BITSET ||
	       row->type == NET_TOGGLES || row->type == NET_NUMBERS || row->type == NET_SEGS;
}

/* all that is no single value */
static inline bool net_is_nest(const struct net_row *row)
{
	return row->type == NET_NEST || row->type == NET_KINDNEST || row->type == NET_PORTNEST ||
	       row->type == NET_ENCAP || net_is_list(row) || net_is_array(row);
}

/* Lua's scalars into a field (value.c).  They fail with a sentence that names the legal values. */
int net_field_bool(const struct net_row *row, bool v, struct net_field *f, struct net_err *err);
int net_field_int(const struct net_row *row, int64_t v, struct net_field *f, struct net_err *err);
int net_field_num(const struct net_row *row, double v, struct net_field *f, struct net_err *err);
int net_field_text(const struct net_row *row, const char *s, size_t len, struct net_field *f, struct net_err *err);
int net_field_refuse(const struct net_row *row, const char *got, struct net_err *err);
bool net_field_number(const struct net_field *f, int64_t *i, double *v);       /* true: whole, in *i; false: in *v */
const char *net_field_name(const struct net_field *f, char *buf, size_t size); /* of an enum; NULL: only a number */
const char *net_field_pair(const struct net_field *f, char *buf, size_t size, int64_t *i); /* NULL: one number */
void net_field_addr(const struct net_field *f, char buf[NET_ADDR_TEXT]); /* "10.0.0.1/24", "02:..", "default" */

/* Text of addresses (inet.c).  -EINVAL with a sentence. */
int net_parse_ip(const char *s, size_t len, struct net_field *f, struct net_err *err);	   /* no prefix */
int net_parse_prefix(const char *s, size_t len, struct net_field *f, struct net_err *err); /* /N optional */
int net_parse_endpoint(const char *s, size_t len, struct net_field *f, struct net_err *err);
int net_parse_mac(const char *s, size_t len, struct net_field *f, struct net_err *err);
int net_parse_group(const char *s, size_t len, struct net_field *f, struct net_err *err); /* address or MAC */
int net_parse_seconds(const char *s, size_t len, double *v);
int net_parse_bytes(const char *s, size_t len, double *v);
int net_parse_rate(const char *s, size_t len, double *v);     /* bits per second */
int net_parse_fraction(const char *s, size_t len, double *v); /* "1%" is 0.01 */
int net_check_link_name(const char *s, size_t len, struct net_err *err);
int net_check_altname(const char *s, size_t len, struct net_err *err);
int net_check_ns_name(const char *s, size_t len, struct net_err *err);

/* Words and values of traffic control (tc_value.c) */
int net_parse_handle(const struct net_row *row, const char *s, size_t len, struct net_field *f);
void net_handle_text(const struct net_field *f, char *buf, size_t size);
int net_parse_masked(const struct net_row *row, const char *s, size_t len, struct net_field *f);
bool net_masked_text(const struct net_field *f, char *buf, size_t size); /* false: the mask is whole */

/* Messages (encode.c, decode.c) */
int net_encode(struct nl_msg *m, const struct net_ctx *ctx, const struct net_table *t, char *hdr,
	       const struct net_field *f, unsigned int n, struct net_err *err);
int net_decode(struct net_cursor *c, const struct nlmsghdr *msg, const struct net_table *t);
/* the value of a field's row */
int net_look(const struct net_cursor *c, const struct net_field *want, struct net_field *f);
int net_next(struct net_cursor *c, struct net_field *f);			  /* 1: a field; 0: the end */
void net_cursor_put(struct net_cursor *c, unsigned int attr, struct nlattr *a);	  /* on the first level */
bool net_cursor_elsewhere(const struct net_cursor *c, const struct net_field *f); /* a link of another namespace */
unsigned int net_nest_span(const struct net_field *f, unsigned int n, unsigned int i);

/* how many fields the one at i takes: a nest or element up to its end, any other is alone */
static inline unsigned int net_span(const struct net_field *f, unsigned int n, unsigned int i)
{
	return f[i].op == NET_VALUE ? 1 : net_nest_span(f, n, i);
}

/* the field of a row on the first level of a list, or NULL */
static inline const struct net_field *net_given(const struct net_field *f, unsigned int n, const struct net_row *row)
{
	for (unsigned int i = 0; i < n; i += net_span(f, n, i))
		if (f[i].row == row && f[i].op != NET_ITEM)
			return &f[i];
	return NULL;
}

#endif
