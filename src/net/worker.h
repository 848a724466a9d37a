/* worker.h - functions of nsh that run in processes of their own (worker.c), and what those of throughput.c do
 * (traffic.c)
 */
#ifndef NSH_WORKER_H
#define NSH_WORKER_H

#include "net.h"

struct worker {
	const char *name; /* what ps(1) shows, 15 bytes */
	int fd;		  /* the descriptor that it works on */
	int go;		  /* it begins when this pipe's other end is closed */
	void (*run)(int fd, void *arg);
	void *arg;
};

int worker_start(const struct worker *w, struct net_process *p, struct net_err *err);

void traffic_send(int fd, void *flow);
void traffic_receive(int fd, void *flow);
void traffic_ask(int fd, void *flow);
void traffic_answer(int fd, void *flow);
double traffic_rtt(unsigned int bucket);

#endif
