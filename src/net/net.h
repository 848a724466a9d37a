/* net.h - the kernel layer on one page: errors, waits, namespaces, requests, nouns, processes
 *
 * Never includes lua.h, never prints, never exits.  Every function returns 0 (or a count) on success and
 * -errno on failure, with the story in *err.  Process-wide state is only what a process has one of: the
 * world it lives in (world.c), its home namespace (netns.c) and its interrupt flag (wait.c).
 */
#ifndef NSH_NET_H
#define NSH_NET_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "attr.h"
#include "packet.h"

/* --- errors (err.c) --- */

struct net_err {
	int code;	  /* errno; 0 while nothing failed */
	bool misuse;	  /* the caller's slip, found before the kernel was asked */
	char text[224];	  /* in our own words; empty: strerror(code) says it */
	char extack[224]; /* the kernel's own words */
	char attr[64];	  /* key of the attribute that the kernel refused */
	char hint[256];	  /* remedy, where this layer knows it */
};

int net_fail(struct net_err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int net_misuse(struct net_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void net_hint(struct net_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *net_errname(int code);
const char *net_strerror(int code);

/* --- waits and interruption (wait.c) --- */

int net_wait_init(struct net_err *err);
void net_interrupt(void); /* async-signal-safe: every wait now returns -EINTR until cleared */
void net_interrupt_clear(void);
bool net_interrupted(void);
double net_now(void);					     /* CLOCK_MONOTONIC in seconds */
int net_poll(struct pollfd *fds, nfds_t n, double deadline); /* deadline < 0: none; -ETIME, -EINTR */

/* --- what takes time (op.c) --- */

/* The first member of the thing itself.  None blocks: it is stepped, and between steps waits for its descriptors or its
 * deadline, together with others. */
struct net_op {
	/* does what can be done now.  1: done; 0: it waits; -errno.  NULL: it is only waited for */
	int (*step)(struct net_op *op, struct net_err *err);
	void (*woken)(struct net_op *op); /* one of its descriptors was found ready; may be NULL */
	struct pollfd *fds;		  /* its own; revents are set by the poll before a step */
	unsigned int n;
	double deadline; /* of its next step; negative: none */
	bool ready;	 /* by net_op_poll() */
};

int net_op_poll(struct net_op **ops, unsigned int n, double deadline, struct net_err *err);
int net_op_run(struct net_op *op, struct net_err *err);

/* --- namespaces (netns.c, name.c, defaults.c) --- */

struct nl_sock;
struct nl_msg;
struct net_batch;

struct net_sock {
	struct nl_sock *nl; /* NULL: not open yet */
	int fd;
	unsigned int window; /* requests in flight that the receive buffer surely holds the acks of */
	size_t room;	     /* bytes one send may carry */
};

/* What commands of a namespace have of their own beside its network and its mounts (node.c); -1: none. */
struct net_node {
	int uts, pids;	 /* namespaces */
	int init, leash; /* pidfd of its process 1, which goes when the leash is let go */
	pid_t pid;	 /* of that; 0: none */
	bool kept;	 /* it stays in the named world, whatever becomes of us */
};

struct net_ns {
	int fd;	 /* nsfs descriptor; -1: closed */
	int mnt; /* mount namespace of its commands; -1: not made yet, or none needed */
	struct net_node node;
	uint64_t dev, ino;	     /* identity */
	struct net_sock route, genl; /* opened at first use */
	struct net_batch *batch;     /* open batch, or NULL */
	char label[256];	     /* for messages: the name, "root" or "host" */
};

void net_ns_init(struct net_ns *ns);
void net_ns_close(struct net_ns *ns);
void net_ns_label(struct net_ns *ns, const char *label);
int net_ns_enter(const struct net_ns *ns, struct net_err *err);		      /* blocks signals; leave() must follow */
void net_ns_leave(void);						      /* aborts when it can't come home */
int net_ns_switch(const struct net_ns *ns, int *before, struct net_err *err); /* for call(): until net_ns_unswitch() */
void net_ns_unswitch(int before);
int net_ns_root(struct net_ns *ns, struct net_err *err); /* the world's root namespace */
#define NET_OUTSIDE "outside of the world"		 /* its label: no name has a space */
int net_ns_outside(struct net_ns *ns, struct net_err *err);
int net_ns_new(struct net_ns *ns, struct net_err *err); /* unnamed */
void net_ns_ahead(unsigned int n);			/* so many will be made soon */
int net_ns_of(struct net_ns *ns, pid_t pid, struct net_err *err);
int net_ns_open(struct net_ns *ns, const char *name, struct net_err *err);
int net_ns_bind(struct net_ns *ns, const char *name, struct net_err *err);
void net_ns_set_mark(const char *text); /* an alternative name of lo in those that get a name; NULL: none */
int net_ns_unbind(const char *name, struct net_err *err);
int net_folder_names(const char *path, char **names, size_t *len, struct net_err *err);
int net_ns_names(char **names, size_t *len, struct net_err *err); /* malloc'd, NUL-separated */
int net_ns_id(struct net_ns *viewer, const struct net_ns *target, int *id, struct net_err *err);
int net_ns_set_id(struct net_ns *viewer, const struct net_ns *target, int id, struct net_err *err);
extern const struct net_noun net_nsid; /* for net_list(): the numbers that a namespace has for others */
struct net_pids {
	pid_t *v; /* free() */
	unsigned int n, cap;
};
int net_ns_pids(struct net_ns *ns, struct net_pids *list, struct net_err *err);
int net_ns_supports(const struct net_ns *ns, const char *what, struct net_err *err); /* of supports.c's list */
void net_ns_defaults_begin(void);
int net_ns_defaults(const struct net_ns *ns, struct net_err *err); /* the kernel's default sysctls */

/* --- the world (world.c, mount.c) --- */

enum net_world { NET_WORLD_PRIVATE, NET_WORLD_HOST };

struct net_world_spec {
	enum net_world mode;
	const char *name;   /* of a named one; NULL: it has none */
	const char *script; /* for its record; NULL: none */
};

int net_world_make(const struct net_world_spec *spec, struct net_err *err); /* once; later calls return 0 */
bool net_world_made(void);
bool net_world_is_host(void);
const char *net_world_name(void); /* NULL: it isn't a named one */
bool net_world_gone(void);	  /* a named one has ended */
bool net_world_ending(void);	  /* or is about to */
bool net_world_lost(struct net_err *err);
pid_t net_world_init(void);	 /* 0: none */
void net_world_end(void);	 /* ends everything in it and waits for that */
#define NET_RUN "/run/nsh"	 /* a private world's own folder for sockets and the like; it goes with the world */
#define NET_LABS NET_RUN "/labs" /* what is up in a named world: a file for each lab */
#define NET_NAMES "/run/netns"	 /* of namespaces, as ip netns has them */
int net_world_mounts(struct net_err *err);

/* --- named worlds, and what is noted of them (worlds.c, keeper.c, state.c) --- */

#include "worlds.h"

/* --- nodes (node.c, folders.c, files.c) --- */

/* What a node has of its own; NULL, 0, false: what the world has. */
struct net_node_spec {
	const char *hostname;
	const char *hosts, *resolv; /* text of /etc/hosts and /etc/resolv.conf */
	const struct net_folder {
		const char *path, *from; /* from NULL: an empty one */
	} * folders;			 /* those that lie in others behind them */
	unsigned int n_folders;
	bool pids; /* its processes see no others */
};

/* A file that its commands see alone (files.c). */
struct net_file {
	const char *path, *text; /* text NULL: it goes */
	size_t len;
	unsigned int mode;
};

int net_node_make(struct net_ns *ns, const struct net_node_spec *spec, struct net_err *err);
int net_node_there(struct net_ns *ns, struct net_err *err); /* 1: it is one already */
int net_node_file(struct net_ns *ns, const struct net_file *file, struct net_err *err);
int net_node_read(struct net_ns *ns, struct net_file *file, struct net_err *err); /* fileread.c */
int net_mount_ns(struct net_ns *ns, struct net_err *err); /* the mounts of its commands are there: ns->mnt */
int net_node_hostname(struct net_ns *ns, char *name, size_t size, struct net_err *err);
void net_node_end(struct net_ns *ns);
void net_node_close(struct net_ns *ns);

/* --- requests and dumps (sock.c, batch.c, dump.c, genl.c) --- */

struct net_group; /* an open batch of one namespace or of all */

/* What failed of a batch: all of it, but for the thousandth and further. */
struct net_failures {
	struct net_failure {
		unsigned int request; /* the first is 1 */
		char netns[256];
		struct net_err why;
	} * v;
	unsigned int n, room;
};

int net_batch_begin(struct net_ns *ns, bool stop, struct net_group **group, struct net_err *err);
int net_batch_flush(struct net_ns *ns, struct net_failures *failures, struct net_err *err);
int net_batch_end(struct net_group *group, bool send, struct net_failures *failures, unsigned int *asked,
		  struct net_err *err);
unsigned int net_batch_asked(void);
int net_batch_open(struct net_ns *ns, struct net_err *err);
unsigned int net_batch_mark(const struct net_ns *ns);
void net_batch_back(struct net_ns *ns, unsigned int mark);
void net_failures_free(struct net_failures *list);
extern uint64_t net_changes; /* requests that this process has sent to change something, sysctls among them */

/* What a dump brought: the messages as they came.  Walk with net_dump_next(). */
struct net_dump {
	char *buf;
	size_t len, cap;
	size_t at;		     /* walk */
	const struct net_noun *noun; /* of what is asked for; NULL: a list that changes all the time can't be read */
	const void *entry;	     /* walk: the last record of a message that has several */
	struct net_fields *filter;   /* of the walk; NULL: all */
	uint16_t skip;		     /* an attribute that the walk leaves out; 0: none */
	bool gone;		     /* the walk takes what tells of an end, too */
};

void net_dump_free(struct net_dump *d);

/* --- nouns (noun.c and one file each) --- */

enum net_change { NET_ADD, NET_REPLACE, NET_APPEND, NET_PREPEND, NET_CHANGE, NET_DEL };

/* A noun is a table of attributes and its three message types. */
struct net_noun {
	const char *name;
	const struct net_table *table;
	uint16_t add, del, get;
	uint8_t groups[2]; /* RTNLGRP_* that its changes are announced to, the second of IPv6; 0: none */
	/* its messages, where they are not as those that change it: another type of theirs, and their table; 0, NULL:
	 * they are as those */
	uint16_t told_by;
	const struct net_table *told;
	/* a message has several records: each is what lies at the end of this path of attributes (ends with 0) and is
	 * read as if it stood in the message itself, alone, under the first number */
	uint8_t entry[4];
	uint8_t family; /* always this one; AF_UNSPEC: that of the addresses */
	bool unspec;	/* without addresses it is AF_UNSPEC, not IPv4 */
	bool both;	/* a list without a family asks for IPv4 and for IPv6 */
	int (*prepare)(enum net_change how, struct net_ctx *ctx, void *hdr, struct net_fields *f, struct net_err *err);
	/* what the kernel itself can filter; of a noun that has no add, what its question says by itself */
	void (*ask)(struct nl_msg *m, void *hdr, const struct net_fields *filter);
	/* evens out a message before it is read; false: leave it out */
	bool (*fix)(struct net_cursor *c);
	/* which bytes of the header, and which attributes, say what object a message is about; both 0: all of them */
	uint64_t id_hdr, id_attrs;
	/* whether a list doesn't tell that it changed meanwhile (with NLM_F_DUMP_INTR), and one of IPv6: the groups do
	 */
	bool silent, silent6;
	/* its kinds one by one, NULL at the end; NULL: it has none */
	const struct net_kind *(*kind_all)(unsigned int i);
};

extern const struct net_noun net_link, net_addr, net_route, net_rule, net_neigh, net_fdb;
extern const struct net_noun net_bridge_vlan, net_bridge_vlan_global, net_mst, net_vni, net_mdb, net_mdb_router;
extern const struct net_noun net_qdisc, net_class, net_filter;
extern const struct net_noun net_way, net_nexthop, net_bucket, net_addrlabel, net_mpls, net_mroute;
extern const struct net_noun net_ntable, net_netconf, net_xstats;

const struct net_noun *net_noun_all(unsigned int i); /* the link first; NULL at the end */

int net_change(struct net_ns *ns, const struct net_noun *noun, enum net_change how, struct net_fields *f,
	       struct net_err *err);
int net_check(const struct net_noun *noun, struct net_fields *f, struct net_err *err);
int net_list(struct net_ns *ns, const struct net_noun *noun, struct net_fields *filter, struct net_dump *d,
	     struct net_err *err);
int net_get(struct net_ns *ns, const struct net_noun *noun, struct net_fields *f, struct net_dump *d,
	    struct net_err *err);
int net_dump_next(struct net_dump *d, const struct net_noun *noun, struct net_cursor *c);

/* --- what the kernel announces (watch.c) --- */

#define NET_MAX_WATCHED 16 /* nouns of one watch */

struct net_watch {
	struct net_op op; /* is only waited for */
	struct pollfd fds[2];
	int fd;	    /* netlink socket; -1: closed */
	int mounts; /* /proc/self/mountinfo: polls as changed when a namespace may have got or lost a name */
	bool moved; /* it has */
	const struct net_noun *nouns[NET_MAX_WATCHED];
	unsigned int n;
	bool everything; /* that is announced, for net_watch_drain() alone */
	char *buf;	 /* the datagram that is being read */
	size_t len, at;
	int nsid;	      /* where it came from; -1: from the watch's own namespace */
	struct net_dump walk; /* of its message, for the noun that it may be about */
	unsigned int noun;
};

enum net_news { NET_NEWS_SET, NET_NEWS_GONE, NET_NEWS_PORT, NET_NEWS_ID, NET_NEWS_NO_ID };

struct net_event {
	enum net_news news;
	const struct net_noun *noun; /* of SET and GONE, with the cursor before its record */
	int nsid;
	int number;	/* of PORT: the link's index; of ID and NO_ID: the namespace's number */
	uint16_t flags; /* of its message: NLM_F_REPLACE ... */
};

void net_watch_init(struct net_watch *w);
void net_watch_close(struct net_watch *w);
int net_watch_open(struct net_watch *w, struct net_ns *ns, bool all, int buffer, struct net_err *err);
int net_watch_next(struct net_watch *w, struct net_event *e, struct net_cursor *c, struct net_err *err);
int net_watch_drain(struct net_watch *w, struct net_err *err);
bool net_watch_moved(struct net_watch *w);

/* links (link.c) */
const struct net_kind *net_kind_find(const char *name);
const struct net_kind *net_kind_all(unsigned int i); /* NULL at the end */
const struct net_row *net_kind_pair(const struct net_kind *kind);
int net_link_add(struct net_ns *ns, const char *kind, struct net_fields *f, int *index, int *peer_index,
		 struct net_err *err);
int net_link_set(struct net_ns *ns, int index, const char *kind, struct net_fields *f, struct net_err *err);
int net_link_del(struct net_ns *ns, int index, struct net_err *err);
int net_link_altname(struct net_ns *ns, int index, bool add, const char *name, struct net_err *err);
int net_link_get(struct net_ns *ns, int index, const char *name, int nsid, struct net_dump *d, struct net_err *err);
int net_link_list(struct net_ns *ns, struct net_fields *filter, bool stats, struct net_dump *d, struct net_err *err);
int net_link_set_group(struct net_ns *ns, int64_t group, struct net_fields *f, struct net_err *err);
int net_link_flush(struct net_ns *ns, int64_t group, struct net_err *err);
int net_link_index(struct net_ns *ns, const char *name, int *index, struct net_err *err);

/* tun and tap links that nsh holds open (tun.c) */
unsigned int net_tun_held(const struct net_ns *ns, int index);
void net_tun_let_go(const struct net_ns *ns, int index);

/* names of ifindexes, for the records of a listing (names.c) */
struct net_link_name {
	int index;
	char name[16];
};
struct net_link_names {
	struct net_link_name *v; /* of a full map: by index; of others: some, where those in seen are too few */
	unsigned int n;
	bool full;		       /* nobody is asked */
	struct net_link_name seen[16]; /* of others: some that were asked for */
	const struct net_dump *links;  /* a list of links, which tells names as well; may be NULL */
	int code;		       /* errno of a look-up that failed, other than for want of the link */
};
const char *net_link_name(struct net_ns *ns, struct net_link_names *map, int index);
void net_names_free(struct net_link_names *map);
int net_names_put(struct net_link_names *map, int index, const char *name);

/* multicast addresses of links (maddr.c) */
int net_maddr_list(const struct net_ns *ns, unsigned int which, char **text, size_t *len, struct net_err *err);
int net_maddr_change(struct net_ns *ns, int index, const char *mac, bool add, struct net_err *err);

/* the way to a destination (way.c) */
int net_route_to(struct net_ns *ns, struct net_fields *f, struct net_dump *d, struct net_err *err);

/* --- keys (key.c) --- */

#define NET_KEY_LEN 32
#define NET_KEY_TEXT 45 /* with its NUL */

int net_parse_key(const char *s, size_t len, unsigned char key[NET_KEY_LEN], struct net_err *err);
void net_key_text(const unsigned char key[NET_KEY_LEN], char text[NET_KEY_TEXT]);
int net_key_new(unsigned char key[NET_KEY_LEN], struct net_err *err);

/* --- wireguard links (wireguard.c): made and set as links; their peers one by one --- */

enum net_wgpeer_change { NET_WGPEER_ADD, NET_WGPEER_REPLACE, NET_WGPEER_SET, NET_WGPEER_DEL };

extern const struct net_table net_wgpeer_table;
int net_wireguard_get(struct net_ns *ns, int index, struct net_dump *d, struct net_err *err);
int net_wireguard_next(struct net_dump *d, struct net_cursor *c);
int net_wireguard_peer(struct net_ns *ns, int index, enum net_wgpeer_change how, const struct net_fields *f,
		       struct net_err *err);

/* --- what drivers know of a link (ethtool.c, offload.c); it is set with the link --- */

struct net_driver {
	char name[32], version[32], firmware[32], bus[32];
	unsigned int counters; /* how many it keeps of its own */
};
struct net_feature {
	const char *name; /* the kernel's, in features.names */
	bool on, wanted;
	bool fixed; /* can't be changed */
};
#define NET_MAX_FEATURES 256
struct net_features {
	unsigned int n;
	struct net_feature v[NET_MAX_FEATURES];
	char names[NET_MAX_FEATURES][32];
};
#define NET_COUNTER_NAME 32
#define NET_COUNTERS_SPARE 256 /* a driver may get more while it is asked */
#define NET_COUNTERS_ROOM(n) (((n) + NET_COUNTERS_SPARE) * (NET_COUNTER_NAME + 8) + 32)

bool net_ethtool_has(const struct net_row *row); /* a key of a link that is none of rtnetlink's */
int net_ethtool_get(struct net_ns *ns, int index, const char *name, struct net_dump *d, struct net_cursor *c,
		    struct net_err *err);
int net_ethtool_driver(struct net_ns *ns, int index, struct net_driver *driver, struct net_err *err);
int net_ethtool_counters(struct net_ns *ns, int index, unsigned int n, void *room, const char **names,
			 const uint64_t **values, struct net_err *err);
int net_ethtool_features(struct net_ns *ns, int index, struct net_features *all, struct net_err *err);
const char *net_offload_name(unsigned int i); /* short names for groups of features; NULL at the end */
int net_offload_on(const struct net_features *all, const char *name); /* 1, 0; -1: there is no such */

/* --- sysctls of a namespace (sysctl.c): keys as in sysctl(8), "net.ipv4.ip_forward" --- */

int net_sysctl_get(const struct net_ns *ns, const char *key, char *buf, size_t size, struct net_err *err);
int net_sysctl_set(const struct net_ns *ns, const char *key, const char *value, struct net_err *err);
int net_sysctl_list(const struct net_ns *ns, const char *key, char **names, size_t *len, struct net_err *err);
int net_nft_used(const struct net_ns *ns, struct net_err *err); /* nft.c */
int net_nft_generation(const struct net_ns *ns, uint32_t *gen, struct net_err *err);
int net_sysctl_all(const struct net_ns *ns, char **text, size_t *len, struct net_err *err);

/* --- processes (spawn.c, stdio.c, process.c, pump.c, exec.c) --- */

#include "process.h"

/* --- probes: sockets, throughput, pings --- */

#include "probe.h"

/* --- captures (capture.c): packets of links, kept until they are taken; at the same time into a file --- */

enum net_direction { NET_INOUT, NET_IN, NET_OUT };

struct net_frame {
	uint64_t time;		      /* nanoseconds since 1970 */
	uint32_t len, caplen;	      /* on the wire; in data */
	int linktype;		      /* LINKTYPE_* of capture files */
	unsigned int source;	      /* which of the capture's links, or of the file's */
	int index;		      /* of the link; 0: unknown */
	enum net_direction direction; /* INOUT: unknown */
	const unsigned char *data;
};

struct net_capture_stats {
	bool gone;	   /* the link is no more */
	uint64_t received; /* packets that the filter let pass, and that came here */
	uint64_t dropped;  /* those for which there was no room */
	uint64_t cut;	   /* of those received: shorter than snaplen allows, for want of room */
	uint64_t written;  /* those that are in the file only: nobody has taken them */
};

enum net_capture_end {
	NET_CAPTURE_RUNS,
	NET_CAPTURE_STOPPED,
	NET_CAPTURE_COUNT,
	NET_CAPTURE_GONE,
	NET_CAPTURE_UNREAD,
	NET_CAPTURE_FAILED
};

/* All pointers are the caller's, and are only read while it is opened. */
struct net_capture_link {
	struct net_ns *ns;
	const char *name; /* "any": all of the namespace */
};
struct net_capture_spec {
	const struct net_capture_link *links;
	unsigned int n;
	const char *filter; /* NULL: all packets */
	enum net_direction direction;
	unsigned int snaplen;
	uint64_t count; /* ends after as many; 0: none */
	size_t buffer;	/* bytes of the kernel's ring, for each link */
	size_t keep;	/* bytes of packets that wait here; then they wait in the ring */
	bool promisc;
	const char *file; /* NULL: none; "-": standard output */
	int fd;		  /* instead of a file; -1: none */
	bool ng;	  /* it is pcapng */
};

struct net_capturing;

struct net_capture {
	struct net_op op;	   /* is done when the capture has ended */
	struct net_capturing *now; /* capture.c's own; NULL: closed */
	enum net_capture_end end;
	struct net_err why; /* of GONE and FAILED */
	uint64_t seen;	    /* packets up to now */
};

int net_capture_open(const struct net_capture_spec *spec, struct net_capture *c, struct net_err *err);
int net_capture_add(struct net_capture *c, const struct net_capture_spec *spec, struct net_err *err);
int net_capture_check(const char *filter, struct net_err *err);
int net_capture_filter(struct net_capture *c, struct net_ns *const *ns, const char *filter, struct net_err *err);
bool net_capture_next(struct net_capture *c, uint64_t until, struct net_frame *frame);
bool net_capture_stats(const struct net_capture *c, unsigned int source, struct net_capture_stats *stats);
void net_capture_leave(struct net_capture *c, unsigned int source);
void net_capture_stop(struct net_capture *c);
void net_capture_close(struct net_capture *c);

/* capture files, read (pcapread.c) */
struct net_pcap_state;
struct net_pcap {
	struct net_pcap_state *now; /* pcapread.c's own; NULL: closed */
};

int net_pcap_open(struct net_pcap *file, const char *path, const void *data, size_t len, struct net_err *err);
int net_pcap_next(struct net_pcap *file, struct net_frame *f, struct net_err *err);
const char *net_pcap_name(const struct net_pcap *file, unsigned int source);
void net_pcap_close(struct net_pcap *file);

#endif
