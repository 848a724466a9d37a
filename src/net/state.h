/* state.h - inside the net layer: the folder of named worlds and journals, and what is kept in it */
#ifndef NSH_STATE_H
#define NSH_STATE_H

#include "net.h"

#define STATE_WORLD_FILE "state"   /* in the folder of a world: what it is, for others to read */
#define STATE_KEEPER_FILE "keeper" /* locked by its keeper for as long as that lives */
#define STATE_LOCK_FILE "lock"	   /* by whoever makes, joins or ends it, for that time */

void net_state_remember(void);
int net_state_open(bool make, struct net_err *err);
const char *net_state_path(void);
int net_state_sub(int dir, const char *folder, bool make, struct net_err *err);
int net_state_read(int dir, const char *file, char *text, size_t size);
int net_state_write(int dir, const char *file, const char *text, struct net_err *err);
int net_state_lock(int dir, const char *file, bool wait, struct net_err *err);
void net_state_aside(int dir, const char *file, const char *world);
void net_state_ended(const char *world);

#define PROC_UNKNOWN (-2)
int64_t net_proc_stat(pid_t pid, int place);
int64_t net_stat_number(const char *text, int place);
pid_t net_pidfd_pid(int pidfd);
pid_t net_state_holder(int dir);

/* kin.c */

/* Processes that belong together, those that live. */
struct net_kin {
	struct pollfd *v; /* their pidfds */
	pid_t *pids;
	unsigned int n, room, pids_room;
};

int net_kin_find(struct net_kin *k, const struct net_stayed *s);
void net_kin_signal(const struct net_kin *k, pid_t leader, int sig);
int net_kin_await(struct net_kin *k, double deadline);
void net_kin_free(struct net_kin *k);

/* keeper.c: in a process of its own until the world is there; the report goes to @sock */
_Noreturn void net_keeper_make(int sock, int lock, int keeper);

/* world.c */
int net_world_new(struct net_err *err);

/* worlds.c */

/* A world that is looked at: its folder, and the lock that keeps others from making, joining or ending it. */
struct net_world_place {
	const char *name;
	int worlds, dir, lock;
	pid_t keeper; /* 0: none; -1: one that isn't seen from here */
};

int net_worlds_open(bool make, struct net_err *err);
int net_world_visit(struct net_world_place *p, const char *name, bool make, bool wait, struct net_err *err);
void net_world_leave(struct net_world_place *p);
void net_world_clear(const struct net_world_place *p, bool folder);
void net_world_record(const struct net_world_place *p, struct net_world_info *info);
int net_world_keeper(const struct net_world_place *p, struct net_err *err);
uint64_t net_proc_ns(pid_t pid, const char *ns);
int net_world_join(const struct net_world_spec *spec, pid_t *keeper, int *pidfd, struct net_err *err);

#endif
