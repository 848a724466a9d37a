/* capture.h - what the files of captures share: a socket with its ring, the filter, the file that is written */
#ifndef NSH_CAPTURE_H
#define NSH_CAPTURE_H

#include <linux/filter.h>

#include "net.h"

/* Types of link layers, as in capture files (LINKTYPE_*). */
#define CAPTURE_ETHERNET 1
#define CAPTURE_RAW 101	    /* IP without a header before it */
#define CAPTURE_COOKED1 113 /* libpcap's "Linux cooked" header, and its second version, which tells the link */
#define CAPTURE_COOKED 276
#define CAPTURE_COOKED_LEN 20

/* --- the filter (pcaplib.c) --- */

struct capture_filter {
	int linktype;
	bool cooked;	       /* the link's own header isn't read */
	unsigned int hatype;   /* of the link that it was compiled for */
	unsigned int n;	       /* 0: everything passes */
	struct sock_filter *v; /* free(), unless shared */
	bool shared;
};

int pcaplib_load(struct net_err *err);
int pcaplib_ask(const char *link, bool up, const char *text, struct capture_filter *f, struct net_err *err);

/* --- one socket (ring.c) --- */

struct capture_ring {
	int fd;	      /* -1: closed */
	int index;    /* of the link; 0: any */
	int loopback; /* index of the namespace's loopback */
	bool cooked, gone;
	int linktype;
	unsigned int hatype, snaplen;
	enum net_direction direction;
	unsigned char *map;
	size_t map_len;
	unsigned int frames, frame_size, block, at;
	unsigned char *large; /* a packet that doesn't fit a frame, with room before it */
	uint64_t accepted;    /* by the filter, as the kernel has told so far; those that it dropped not among them */
	uint64_t taken, dropped, cut;
};

int ring_look(struct capture_ring *r, const char *link, bool *up, struct net_err *err);
int ring_open(struct capture_ring *r, const char *link, size_t room, bool promisc, const struct capture_filter *f,
	      struct net_err *err);
int ring_filter(struct capture_ring *r, const struct capture_filter *f, struct net_err *err);
void ring_close(struct capture_ring *r);
void ring_count(struct capture_ring *r);
bool ring_peek(struct capture_ring *r, uint64_t *time);
void ring_take(struct capture_ring *r, struct net_frame *f);
void ring_done(struct capture_ring *r);
bool ring_gone(struct capture_ring *r);

/* --- the file that is written (pcapfile.c) --- */

struct capture_file {
	int fd; /* -1: none */
	bool ng, regular;
	unsigned char *buf; /* what isn't written yet */
	size_t len, at, cap;
};

struct capture_interface {
	const char *netns, *link, *filter; /* NULL: none */
	int linktype;
	unsigned int snaplen;
};

int pcapfile_begin(struct capture_file *f, const struct capture_interface *v);
int pcapfile_interface(struct capture_file *f, const struct capture_interface *v);
int pcapfile_packet(struct capture_file *f, unsigned int interface, const struct net_frame *frame);
int pcapfile_end(struct capture_file *f, const struct net_capture_stats *v, unsigned int n);
int pcapfile_flush(struct capture_file *f);
void pcapfile_close(struct capture_file *f);

/* --- the capture --- */

/* A packet that nobody has taken yet, and the queue of these (capture_queue.c). */
struct list {
	struct list *next, *before;
};
struct kept {
	struct list at;
	struct net_frame frame;
	unsigned char data[];
};
struct capture_queue {
	struct list ends; /* the first and the last one, or itself */
	size_t bytes;
};

void queue_init(struct capture_queue *q);
int queue_put(struct capture_queue *q, const struct net_frame *f);
struct kept *queue_take(struct capture_queue *q);
int capture_grow(unsigned char **buf, size_t *cap, size_t wanted);

/* What a capture knows (capture.c, capture_open.c). */
struct net_capturing {
	struct capture_source {
		struct capture_ring ring;
		char name[16];
		uint64_t written; /* packets that are in the file alone */
	} * v;
	unsigned int n;
	struct pollfd *fds; /* of the rings, and of the file */
	struct capture_file file;
	struct capture_queue queue;
	struct kept *taken;
	size_t keep;
	uint64_t count, passed, out;
	char *path;
};

int capture_step(struct net_op *op, struct net_err *err);
void capture_wait(struct net_capture *c, bool again);

#endif
