/* batch.h - inside the net layer: what batch.c queues and batch_send.c sends */
#ifndef NSH_BATCH_H
#define NSH_BATCH_H

#include "net.h"

struct entry {
	size_t off;
	uint32_t seq;
	unsigned int number; /* in the group */
	const struct net_table *table;
};

/* Before the request @at the first @upto of the maker must be sent. */
struct wait {
	struct net_batch *maker;
	unsigned int at, upto;
};

/* Requests are counted from the batch's begin; those before @before have left the buffer. */
struct net_batch {
	struct net_ns *ns; /* NULL: it was closed, and what was queued is lost */
	struct net_group *group;
	struct net_batch *next;
	char *buf;
	size_t len;
	unsigned int cap;
	struct entry *e;
	unsigned int n, room, sent, before;
	struct wait *wait;
	unsigned int n_wait, wait_room, waited;
	int *pair; /* links that are told of their peers at the end */
	unsigned int n_pair, pair_room;
	struct net_link_name *names; /* what links are called, as long as nothing is sent */
};

struct net_group {
	struct net_batch *first, *last;
	bool everywhere, stop;
	unsigned int asked, failed; /* failed: since the last report */
	struct net_err why;	    /* of the first of them */
	struct net_failures list;
};

void net_batch_forget(struct net_batch *b);
int net_batch_send(struct net_group *g, struct net_err *err);
int net_batch_send_of(struct net_batch *b, struct net_err *err);
int net_batch_report(struct net_group *g, int r, struct net_failures *failures, struct net_err *err);

#endif
