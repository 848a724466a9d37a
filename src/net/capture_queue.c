/* capture_queue.c - packets that nobody has taken yet, in the order of their times; and room for bytes */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"

void queue_init(struct capture_queue *q)
{
	q->ends = (struct list){&q->ends, &q->ends};
	q->bytes = 0;
}

/* queue_put() - a copy of the packet, where it belongs */
int queue_put(struct capture_queue *q, const struct net_frame *f)
{
	struct kept *p = malloc(sizeof(*p) + f->caplen);
	struct list *after = q->ends.before;

	if (!p)
		return -ENOMEM;
	p->frame = *f;
	p->frame.data = p->data;
	memcpy(p->data, f->data, f->caplen);
	while (after != &q->ends && ((struct kept *)after)->frame.time > f->time)
		after = after->before;
	p->at = (struct list){after->next, after};
	p->at.next->before = &p->at;
	after->next = &p->at;
	q->bytes += sizeof(*p) + f->caplen;
	return 0;
}

/* queue_take() - the first packet; free() it.  NULL: there is none */
struct kept *queue_take(struct capture_queue *q)
{
	struct kept *p = (struct kept *)q->ends.next;

	if (q->ends.next == &q->ends)
		return NULL;
	q->ends.next = p->at.next;
	p->at.next->before = &q->ends;
	q->bytes -= sizeof(*p) + p->frame.caplen;
	return p;
}

/* capture_grow() - have @cap bytes at *buf, if there are less.  Return: 0, -ENOMEM */
int capture_grow(unsigned char **buf, size_t *cap, size_t wanted)
{
	unsigned char *larger;

	if (*cap >= wanted)
		return 0;
	larger = realloc(*buf, wanted);
	if (!larger)
		return -ENOMEM;
	*buf = larger;
	*cap = wanted;
	return 0;
}
