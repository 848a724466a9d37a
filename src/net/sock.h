/* sock.h - inside the net layer: messages, and the two ways to talk: do (one ack) and ask (an answer) */
#ifndef NSH_SOCK_H
#define NSH_SOCK_H

#include <netlink/msg.h>

#include "net.h"

struct rlimit;

const struct rlimit *net_world_files(void);
_Noreturn void net_init_main(int leash, bool bound);
void net_node_init(struct net_node *node);
#define NET_NODE_MOUNT "nsh-node" /* what the mounts of a node's own files and folders are called */
int net_node_keep(struct net_ns *ns, struct net_err *err);
int net_node_find(struct net_ns *ns, struct net_err *err);
void net_node_drop(const char *name);
int net_node_enter(const struct net_ns *ns);
void net_node_leave(const struct net_ns *ns);
int net_node_mounts(const struct net_ns *ns, const struct net_node_spec *spec, struct net_err *err);
bool net_node_wanted(const struct net_node_spec *spec);
void net_process_begin(struct net_process *p, const struct net_ns *ns, pid_t pid, int pidfd);
int net_link_mark(struct net_ns *ns, const char *name, struct net_err *err);
void net_process_end_all(void);
void net_process_reap(const struct net_ns *ns, double deadline);
void net_process_reap_left(void);
bool net_pump_watch(int pidfd);
void net_pump_unwatch(int pidfd);
int net_ns_moving(struct net_err *err);
int net_ns_moved(struct net_err *err);
int net_ns_take(void);
int net_ns_adopt(struct net_ns *ns, int fd, const char *label, struct net_err *err);

/* A message is 16 KiB from the start: growing one would move the nests that are open in it. */
#define NET_MSG_SIZE 16384

struct nl_msg *net_msg_new(int type, int flags, const void *hdr, size_t hdrlen, struct net_err *err);

void net_msg_free(struct nl_msg *m);

/* All of these free the message. */
int net_do(struct net_ns *ns, struct nl_msg *m, const struct net_table *t, struct net_dump *echo, struct net_err *err);
int net_ask(struct net_ns *ns, struct nl_msg *m, struct net_dump *d, struct net_err *err);
int net_dump(struct net_ns *ns, struct nl_msg *m, struct net_dump *d, struct net_err *err);

/* Used by sock.c, batch.c, dump.c and genl.c.  These leave the message to the caller. */
struct net_sock *net_sock_get(struct net_ns *ns, int protocol, struct net_err *err);
void net_sock_close(struct net_sock *s);
int net_sock_send(struct net_sock *s, const void *buf, size_t len, struct net_err *err);
int net_sock_recv(struct net_sock *s, struct net_err *err); /* into net_rx; returns the length */
extern char net_rx[65536];
unsigned int net_sock_seq(struct net_sock *s);
int net_sock_ask(struct net_sock *s, struct nl_msg *m, const struct net_table *t, struct net_dump *d,
		 struct net_err *err);
int net_sock_dump(struct net_sock *s, struct nl_msg *m, struct net_dump *d, struct net_err *err);
int net_ack_code(const struct nlmsghdr *ack);
void net_err_ack(struct net_err *err, const struct nlmsghdr *ack, const struct nlmsghdr *req,
		 const struct net_table *t);
int net_dump_keep(struct net_dump *d, const struct nlmsghdr *h);
int net_dump_merge(struct net_dump *d, size_t from);
int net_group_open(struct net_ns *ns, unsigned int group, int *fd, struct net_err *err);
bool net_group_heard(int fd);
void *net_grow(void *list, unsigned int n, unsigned int *room, size_t size);
int net_batch_add(struct net_ns *ns, struct nl_msg *m, const struct net_table *t, struct net_err *err);
bool net_batch_makes(const struct net_ns *ns);
void net_batch_lost(struct net_ns *ns);
void net_batch_know(const struct net_ns *ns, const char *name, int index);
int net_batch_known(const struct net_ns *ns, const char *name);
bool net_batch_joins(const struct net_ns *ns, const struct net_ns *peer);
int net_batch_pair(struct net_ns *ns, struct net_ns *peer, struct net_err *err);
int net_batch_settle(struct net_ns *ns, int index, struct net_err *err);

#endif
