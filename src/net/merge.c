/* merge.c - one list from several readings, for those that change faster than they can be read
 *
 * The kernel writes a long list in parts.  What changes between two of them shifts the rest, so that a reading may lack
 * entries, or have them twice, that nobody touched.  All readings together have them; what came or went meanwhile may
 * be among them or not.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netlink/msg.h>

#include "net.h"
#include "sock.h"

struct entry {
	uint64_t id;
	size_t off;
};

static uint64_t hash(uint64_t id, const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		id = (id ^ (unsigned char)p[i]) * 0x100000001b3;
	return id;
}

/* Which object a message is about: the bytes of its header and the attributes that its noun says. */
static uint64_t identity(const struct net_noun *noun, const struct nlmsghdr *h)
{
	const char *hdr = nlmsg_data(h);
	int len = noun->table->hdr, left;
	uint64_t id = 0xcbf29ce484222325;

	if (nlmsg_datalen(h) < len)
		return hash(id, hdr, (size_t)nlmsg_datalen(h));
	for (int i = 0; i < len; i++)
		if (!noun->id_hdr || noun->id_hdr >> i & 1)
			id = hash(id, hdr + i, 1);
	left = nlmsg_attrlen(h, len);
	for (const struct nlattr *a = nlmsg_attrdata(h, len); nla_ok(a, left); a = nla_next(a, &left))
		if (!noun->id_hdr || (nla_type(a) < 64 && noun->id_attrs >> nla_type(a) & 1))
			id = hash(id, (const char *)a, a->nla_len);
	return id;
}

static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->off < y->off ? -1 : x->off > y->off;
}

/* Copy what is not left out to the front. */
static void compact(struct net_dump *d, size_t from)
{
	size_t to = from;

	for (size_t at = from; at < d->len;) {
		struct nlmsghdr *h = (void *)(d->buf + at);
		size_t len = NLMSG_ALIGN(h->nlmsg_len);

		at += len;
		if (h->nlmsg_type == NLMSG_NOOP)
			continue;
		memmove(d->buf + to, h, len);
		to += len;
	}
	d->len = to;
}

/* net_dump_merge() - of the messages from byte @from on, keep the last of each object; -ENOMEM */
int net_dump_merge(struct net_dump *d, size_t from)
{
	struct entry *e;
	size_t n = 0;

	for (size_t at = from; at < d->len; n++)
		at += NLMSG_ALIGN(((struct nlmsghdr *)(void *)(d->buf + at))->nlmsg_len);
	e = calloc(n ? n : 1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	n = 0;
	for (size_t at = from; at < d->len; n++) {
		const struct nlmsghdr *h = (void *)(d->buf + at);

		e[n] = (struct entry){identity(d->noun, h), at};
		at += NLMSG_ALIGN(h->nlmsg_len);
	}
	qsort(e, n, sizeof(*e), compare);
	for (size_t i = 0; i + 1 < n; i++)
		if (e[i].id == e[i + 1].id)
			((struct nlmsghdr *)(void *)(d->buf + e[i].off))->nlmsg_type = NLMSG_NOOP;
	free(e);
	compact(d, from);
	return 0;
}

/* net_group_open() - into *fd a socket that hears of changes of a multicast group; -1 there for group 0 */
int net_group_open(struct net_ns *ns, unsigned int group, int *fd, struct net_err *err)
{
	struct sockaddr_nl self = {.nl_family = AF_NETLINK, .nl_groups = group ? 1U << (group - 1) : 0};
	int r, code;

	*fd = -1;
	if (!group)
		return 0;
	r = net_ns_enter(ns, err);
	if (r < 0)
		return r;
	*fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	r = *fd < 0 ? -1 : bind(*fd, (struct sockaddr *)&self, sizeof(self));
	code = errno;
	net_ns_leave();
	if (r == 0)
		return 0;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return net_fail(err, code, "cannot listen for changes in %s: %s", ns->label, strerror(code));
}

/* net_group_heard() - whether there was a change since it was asked last */
bool net_group_heard(int fd)
{
	char byte;
	bool heard = false;

	if (fd < 0)
		return false;
	while (recv(fd, &byte, 1, MSG_TRUNC) >= 0 || errno == ENOBUFS || errno == EINTR)
		heard = true;
	return heard;
}
