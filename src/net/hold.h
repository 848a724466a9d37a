/* hold.h - inside the net layer: what an nsh asks the keeper of its named world to hold */
#ifndef NSH_HOLD_H
#define NSH_HOLD_H

#include <stdint.h>

/* What a node has of its own, as descriptors. */
enum { HOLD_MNT, HOLD_UTS, HOLD_PIDS, HOLD_INIT, HOLD_FDS };

enum hold_op { HOLD_PUT, HOLD_GET, HOLD_DROP };

/* A request, and its answer; the descriptors that it has come with it, in their order. */
struct hold_msg {
	enum hold_op op;
	int code;	 /* of an answer: errno */
	uint64_t cookie; /* of the network namespace: no other one ever has it; 0: what is to be dropped has the name */
	char name[256];	 /* of a node; when the namespace loses it by whatever means, the node ends */
	uint8_t has[HOLD_FDS];
};

#define HOLD_PATH "/run/nsh/keeper"

void net_hold_close(int fds[HOLD_FDS]);
int net_hold_listen(void);
_Noreturn void net_hold_serve(int listener, int watch, void (*check)(void));
int net_hold_send(int sock, const struct hold_msg *msg, const int fds[HOLD_FDS]);
int net_hold_recv(int sock, struct hold_msg *msg, int fds[HOLD_FDS]);

#endif
