/* worlds.h - a part of net.h: named worlds, and the folder where they and labs on the machine are known */
#ifndef NSH_WORLDS_H
#define NSH_WORLDS_H

#include "net.h"

#define NET_WORLD_NAME 32

struct net_world_info {
	char name[NET_WORLD_NAME + 1];
	char script[1024];
	int64_t since; /* seconds since 1970 */
	pid_t keeper;  /* 0: it is being made; -1: one that isn't seen from here */
	/* -1: can't be seen from here */
	int processes, sessions, namespaces; /* sessions: nsh that have joined it */
	char *labs;			     /* NUL-separated names, labs_len bytes; NULL: none */
	size_t labs_len;
};
struct net_worlds {
	struct net_world_info *v;
	unsigned int n, cap;
};

int net_check_world_name(const char *name, size_t len, struct net_err *err);
int net_worlds(struct net_worlds *list, struct net_err *err); /* what dead ones left is removed */
bool net_world_known(const char *name);
void net_worlds_free(struct net_worlds *list);
int net_world_kill(const char *name, struct net_err *err);
int net_journal(char *at, size_t size, struct net_err *err); /* of labs on the machine itself */
bool net_has_journal(void);
int net_lock_file(const char *file, struct net_err *err);
const char *net_state_notice(void); /* what the user should know of the records, once; NULL: nothing */

#endif
