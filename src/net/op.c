/* op.c - things that take time: stepped by whoever waits for them, many polled at once
 *
 * An op never blocks.  Its step() does what can be done now and leaves word on what it waits for; one poll(2) serves
 * all ops that somebody waits for, so any number of them goes on at once in one thread.
 */
#include <errno.h>
#include <stdlib.h>

#include "net.h"

static unsigned int count_fds(struct net_op **ops, unsigned int n)
{
	unsigned int sum = 0;

	for (unsigned int i = 0; i < n; i++)
		sum += ops[i]->n;
	return sum;
}

/* What was heard of an op's descriptors.  Return: whether there was something. */
static bool note(struct net_op *op, const struct pollfd *heard)
{
	bool some = false;

	for (unsigned int i = 0; i < op->n; i++) {
		op->fds[i].revents = heard[i].revents;
		some = some || op->fds[i].revents;
	}
	if (some && op->woken)
		op->woken(op);
	return some;
}

static double first_deadline(struct net_op **ops, unsigned int n, double deadline)
{
	for (unsigned int i = 0; i < n; i++)
		if (ops[i]->deadline >= 0 && (deadline < 0 || ops[i]->deadline < deadline))
			deadline = ops[i]->deadline;
	return deadline;
}

#define FEW 64

/*
 * net_op_poll() - wait until one of @n ops can go on
 * @deadline: by net_now(); negative: none but their own
 *
 * Return: how many can, each marked ready; 0: the deadline came first; -EINTR, or another -errno.
 */
int net_op_poll(struct net_op **ops, unsigned int n, double deadline, struct net_err *err)
{
	unsigned int nfds = count_fds(ops, n), at = 0;
	struct pollfd few[FEW], *fds = nfds > FEW ? malloc(nfds * sizeof(*fds)) : few;
	int r, ready = 0;

	if (!fds)
		return net_fail(err, ENOMEM, NULL);
	for (unsigned int i = 0; i < n; i++)
		for (unsigned int k = 0; k < ops[i]->n; k++)
			fds[at++] = ops[i]->fds[k];
	r = net_poll(fds, nfds, first_deadline(ops, n, deadline));
	at = 0;
	for (unsigned int i = 0; i < n; i++) {
		bool some = note(ops[i], fds + at);

		ops[i]->ready = some || (ops[i]->deadline >= 0 && ops[i]->deadline <= net_now());
		ready += ops[i]->ready;
		at += ops[i]->n;
	}
	if (fds != few)
		free(fds);
	if (r < 0 && r != -ETIME)
		return net_fail(err, -r, r == -EINTR ? "interrupted" : NULL);
	return ready;
}

/* net_op_run() - step an op until it is done, alone.  Return: 0, -EINTR, or the -errno of its step */
int net_op_run(struct net_op *op, struct net_err *err)
{
	int r;

	while ((r = op->step(op, err)) == 0) {
		r = net_op_poll(&op, 1, -1, err);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : 0;
}
