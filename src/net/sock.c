/* sock.c - a namespace's sockets, one per netlink protocol; a request with its ack, or with its answer */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <netlink/attr.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "net.h"
#include "sock.h"

/* What one ack with its text may cost in the receive buffer (832 bytes measured), with room to spare. */
#define ACK_COST 2048
#define RX_BUFFER (4 << 20)
#define TX_BUFFER (1 << 20)

uint64_t net_changes;
char net_rx[65536]; /* large enough for any datagram the kernel sends; one reader at a time */

static void set_buffers(struct net_sock *s)
{
	int rx = RX_BUFFER, tx = TX_BUFFER;
	socklen_t len = sizeof(int);

	/* FORCE needs the machine's own CAP_NET_ADMIN; what is granted is read back, not assumed */
	if (setsockopt(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, &rx, sizeof(rx)) < 0)
		setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &rx, sizeof(rx));
	if (setsockopt(s->fd, SOL_SOCKET, SO_SNDBUFFORCE, &tx, sizeof(tx)) < 0)
		setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &tx, sizeof(tx));
	if (getsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &rx, &len) < 0)
		rx = 65536;
	len = sizeof(int);
	if (getsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &tx, &len) < 0)
		tx = 65536;
	s->window = (unsigned int)rx / ACK_COST;
	s->room = (size_t)tx / 2;
}

/* net_sock_get() - the namespace's socket of a protocol, opened if it isn't yet; NULL: it can't be */
struct net_sock *net_sock_get(struct net_ns *ns, int protocol, struct net_err *err)
{
	struct net_sock *s = protocol == NETLINK_ROUTE ? &ns->route : &ns->genl;
	int on = 1, r, code;

	if (s->nl)
		return s;
	s->nl = nl_socket_alloc();
	if (!s->nl) {
		net_fail(err, ENOMEM, NULL);
		return NULL;
	}
	r = net_ns_enter(ns, err);
	if (r == 0) {
		errno = 0;
		r = nl_connect(s->nl, protocol);
		code = errno ? errno : EIO; /* libnl's own code says nothing for EMFILE */
		net_ns_leave();
		if (r < 0)
			r = net_fail(err, code, "cannot open a netlink socket in %s: %s", ns->label, strerror(code));
	}
	if (r < 0) {
		net_sock_close(s);
		return NULL;
	}
	s->fd = nl_socket_get_fd(s->nl);
	/* Kernels without one of these only tell less. */
	setsockopt(s->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(s->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(s->fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	set_buffers(s);
	return s;
}

void net_sock_close(struct net_sock *s)
{
	if (s->nl)
		nl_socket_free(s->nl);
	s->nl = NULL;
}

unsigned int net_sock_seq(struct net_sock *s)
{
	return nl_socket_use_seq(s->nl);
}

static struct nl_msg *spare; /* zeroed as a new one is: making and clearing those is half of a small request */

/* net_msg_free() - done with a message; NULL is none */
void net_msg_free(struct nl_msg *m)
{
	struct nlmsghdr *h = m ? nlmsg_hdr(m) : NULL;
	size_t used = m ? h->nlmsg_len + 512U : 0; /* what was taken back lies behind */

	if (spare || !m) {
		nlmsg_free(m);
		return;
	}
	memset(h, 0, used < NET_MSG_SIZE ? used : NET_MSG_SIZE);
	h->nlmsg_len = NLMSG_HDRLEN;
	spare = m;
}

struct nl_msg *net_msg_new(int type, int flags, const void *hdr, size_t hdrlen, struct net_err *err)
{
	struct nl_msg *m = spare ? spare : nlmsg_alloc_size(NET_MSG_SIZE);

	spare = NULL;
	if (!m || !nlmsg_put(m, 0, 0, type, 0, NLM_F_REQUEST | flags)) {
		nlmsg_free(m);
		net_fail(err, ENOMEM, NULL);
		return NULL;
	}
	nlmsg_append(m, (void *)(uintptr_t)hdr, hdrlen, NLMSG_ALIGNTO);
	return m;
}

int net_sock_send(struct net_sock *s, const void *buf, size_t len, struct net_err *err)
{
	for (;;) {
		if (send(s->fd, buf, len, 0) >= 0)
			return 0;
		if (errno != EINTR)
			return net_fail(err, errno, "cannot send to the kernel: %s", strerror(errno));
	}
}

/* The kernel has answered when send() returns, so waiting is the exception; only then Ctrl-C counts, which lets
 * clean-up after a Ctrl-C still talk to the kernel. */
int net_sock_recv(struct net_sock *s, struct net_err *err)
{
	for (;;) {
		struct pollfd p = {.fd = s->fd, .events = POLLIN};
		ssize_t n = recv(s->fd, net_rx, sizeof(net_rx), MSG_DONTWAIT | MSG_TRUNC);
		int r;

		if (n > (ssize_t)sizeof(net_rx))
			return net_fail(err, EMSGSIZE, "an answer of the kernel was cut off");
		if (n >= 0)
			return (int)n;
		if (errno == EINTR)
			continue;
		if (errno == ENOBUFS)
			return net_fail(err, ENOBUFS, "answers of the kernel were lost; what was asked may be done");
		if (errno != EAGAIN)
			return net_fail(err, errno, "cannot read from the kernel: %s", strerror(errno));
		r = net_poll(&p, 1, -1);
		if (r < 0)
			return net_fail(err, -r, NULL);
	}
}

static const struct net_row *row_of(const struct net_table *t, int attr)
{
	for (unsigned int i = 0; t && i < t->n; i++)
		if (t->rows[i].attr == attr && !(t->rows[i].flags & NET_HDR))
			return &t->rows[i];
	return NULL;
}

/* Name the attribute at byte @off of the request by its key, or by its numbers where no row has it. */
static void name_attr(const struct nlmsghdr *req, unsigned int off, const struct net_table *t, char *out, size_t size)
{
	const char *at = (const char *)req + NLMSG_HDRLEN + NLMSG_ALIGN(t->hdr);
	int left = (int)req->nlmsg_len - (int)(at - (const char *)req);
	size_t w = 0;

	while (left >= (int)sizeof(struct nlattr) && w < size - 16) {
		const struct nlattr *a = (const void *)at;
		unsigned int from = (unsigned int)(at - (const char *)req);
		const struct net_row *row;

		if (a->nla_len < sizeof(*a) || a->nla_len > left)
			return;
		if (off < from || off >= from + a->nla_len) {
			at += NLA_ALIGN(a->nla_len);
			left -= NLA_ALIGN(a->nla_len);
			continue;
		}
		row = row_of(t, nla_type(a));
		if (row && row->key && !(row->flags & NET_FLAT))
			w += (size_t)snprintf(out + w, size - w, "%s%s", w ? "." : "", row->key);
		else if (!row)
			w += (size_t)snprintf(out + w, size - w, "%s#%d", w ? "." : "", nla_type(a));
		if (off == from || !row)
			return;
		t = row->nest;
		at += NLA_HDRLEN + (t ? NLA_ALIGN(t->hdr) : 0);
		left = a->nla_len - NLA_HDRLEN - (t ? NLA_ALIGN(t->hdr) : 0);
	}
}

static void extack(struct net_err *err, const struct nlmsghdr *h, int hdrlen, const struct nlmsghdr *req,
		   const struct net_table *t)
{
	struct nlattr *tb[NLMSGERR_ATTR_MAX + 1];

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS) ||
	    nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, hdrlen, tb, NLMSGERR_ATTR_MAX, NULL) < 0)
		return;
	if (tb[NLMSGERR_ATTR_MSG])
		snprintf(err->extack, sizeof(err->extack), "%.*s", nla_len(tb[NLMSGERR_ATTR_MSG]),
			 (const char *)nla_data(tb[NLMSGERR_ATTR_MSG]));
	if (tb[NLMSGERR_ATTR_OFFS] && req && t)
		name_attr(req, nla_get_u32(tb[NLMSGERR_ATTR_OFFS]), t, err->attr, sizeof(err->attr));
}

/* net_ack_code() - 0, or the -errno that an ack carries; -EPROTO where it carries none */
int net_ack_code(const struct nlmsghdr *ack)
{
	int code = nlmsg_datalen(ack) >= (int)sizeof(int) ? *(int *)nlmsg_data(ack) : -EPROTO;

	return code <= 0 && code > -4096 ? code : -EPROTO;
}

/* net_err_ack() - tell the failure that an NLMSG_ERROR, or an NLMSG_DONE with a negative number, carries */
void net_err_ack(struct net_err *err, const struct nlmsghdr *ack, const struct nlmsghdr *req, const struct net_table *t)
{
	const struct nlmsgerr *e = NLMSG_DATA(ack);
	int hdrlen = sizeof(*e);

	net_fail(err, -net_ack_code(ack), NULL); /* both kinds begin with the number */
	if (ack->nlmsg_type == NLMSG_DONE)
		hdrlen = sizeof(int);
	else if (nlmsg_datalen(ack) < hdrlen)
		return;
	else if (!(ack->nlmsg_flags & NLM_F_CAPPED)) {
		if (e->msg.nlmsg_len < NLMSG_HDRLEN || e->msg.nlmsg_len > ack->nlmsg_len)
			return;
		hdrlen += (int)NLMSG_ALIGN(e->msg.nlmsg_len - NLMSG_HDRLEN);
	}
	extack(err, ack, hdrlen, req, t);
}

/*
 * net_sock_ask() - send one request and read until its ack
 * @t: table of the request, to name a refused attribute by its key; may be NULL
 * @d: gets the answer, which is all other messages that bear the request's number; may be NULL
 */
int net_sock_ask(struct net_sock *s, struct nl_msg *m, const struct net_table *t, struct net_dump *d,
		 struct net_err *err)
{
	struct nlmsghdr *req = nlmsg_hdr(m);
	int r;

	req->nlmsg_flags |= NLM_F_ACK;
	req->nlmsg_seq = net_sock_seq(s);
	req->nlmsg_pid = 0;
	r = net_sock_send(s, req, req->nlmsg_len, err);
	while (r >= 0) {
		int left = r = net_sock_recv(s, err);

		for (struct nlmsghdr *h = (void *)net_rx; nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
			if (h->nlmsg_seq != req->nlmsg_seq)
				continue; /* of a request that was given up */
			if (h->nlmsg_type == NLMSG_ERROR) {
				if (net_ack_code(h) == 0)
					return 0;
				net_err_ack(err, h, req, t);
				return -err->code;
			}
			if (d && net_dump_keep(d, h) < 0)
				return net_fail(err, ENOMEM, NULL);
		}
	}
	return r;
}

static int transact(struct net_ns *ns, struct nl_msg *m, const struct net_table *t, struct net_dump *d,
		    struct net_err *err)
{
	struct net_sock *s = net_sock_get(ns, NETLINK_ROUTE, err);

	return s ? net_sock_ask(s, m, t, d, err) : -err->code;
}

/* net_grow() - a list with room for one more, where it was or elsewhere; NULL: there is no memory for it */
void *net_grow(void *list, unsigned int n, unsigned int *room, size_t size)
{
	unsigned int more = *room ? *room * 2 : 8;

	if (n < *room)
		return list;
	list = realloc(list, more * size);
	if (list)
		*room = more;
	return list;
}

/*
 * net_do() - carry out a change, or queue it where a batch is open and no echo is wanted
 * @t: table of the request, to name a refused attribute by its key; may be NULL
 * @echo: what the kernel says it made (NLM_F_ECHO); may be NULL
 */
int net_do(struct net_ns *ns, struct nl_msg *m, const struct net_table *t, struct net_dump *echo, struct net_err *err)
{
	int r = echo ? 0 : net_batch_open(ns, err);

	if (r > 0)
		return net_batch_add(ns, m, t, err);
	if (r == 0)
		r = net_batch_flush(ns, NULL, err); /* in the order that was asked for */
	net_changes += r == 0;
	if (r == 0)
		r = transact(ns, m, t, echo, err);
	net_msg_free(m);
	return r;
}

/* net_ask() - send a request and keep its answer in *d */
int net_ask(struct net_ns *ns, struct nl_msg *m, struct net_dump *d, struct net_err *err)
{
	int r = transact(ns, m, NULL, d, err);

	net_msg_free(m);
	return r;
}
