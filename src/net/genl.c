/* genl.c - generic netlink: requests to a family by its name, over a socket of its own */
#include <errno.h>
#include <linux/genetlink.h>
#include <string.h>

#include <netlink/attr.h>

#include "genl.h"
#include "net.h"
#include "sock.h"

/* The number that the kernel has for a family; asking may load its module. */
static int family_id(struct net_sock *s, const char *name, int *id, struct net_err *err)
{
	struct genlmsghdr hdr = {.cmd = CTRL_CMD_GETFAMILY, .version = 1};
	struct nl_msg *m = net_msg_new(GENL_ID_CTRL, 0, &hdr, sizeof(hdr), err);
	struct net_dump d = {0};
	struct nlattr *a = NULL;
	int r;

	if (!m)
		return -err->code;
	nla_put_string(m, CTRL_ATTR_FAMILY_NAME, name);
	r = net_sock_ask(s, m, NULL, &d, err);
	if (r == 0 && d.len)
		a = nlmsg_find_attr((struct nlmsghdr *)(void *)d.buf, sizeof(hdr), CTRL_ATTR_FAMILY_ID);
	if (a)
		*id = nla_get_u16(a);
	else if (r == 0 || r == -ENOENT)
		r = net_fail(err, EOPNOTSUPP, "this kernel has no %s by netlink", name);
	net_msg_free(m);
	net_dump_free(&d);
	return r;
}

/*
 * net_genl_msg() - a request to a family, with its header; NULL: there is no such family, or no memory
 *
 * It can't wait in a batch: what was asked for before it is carried out now.
 */
struct nl_msg *net_genl_msg(struct net_ns *ns, const char *family, uint8_t cmd, struct net_err *err)
{
	struct genlmsghdr hdr = {.cmd = cmd, .version = 1};
	struct net_sock *s = net_sock_get(ns, NETLINK_GENERIC, err);
	int id = 0;

	if (net_batch_flush(ns, NULL, err) < 0)
		return NULL;
	if (!s || family_id(s, family, &id, err) < 0)
		return NULL;
	return net_msg_new(id, 0, &hdr, sizeof(hdr), err);
}

/*
 * net_genl_ask() - send a request and wait for its ack; frees the message
 * @t: table of the request, to name a refused attribute by its key; may be NULL
 * @d: gets the answer; may be NULL
 */
int net_genl_ask(struct net_ns *ns, struct nl_msg *m, const struct net_table *t, struct net_dump *d,
		 struct net_err *err)
{
	int r;

	net_changes += !d; /* who wants no answer sets something */
	r = net_sock_ask(&ns->genl, m, t, d, err);

	net_msg_free(m);
	return r;
}

/* net_genl_dump() - send a request and keep all messages of the dump in *d; frees the message */
int net_genl_dump(struct net_ns *ns, struct nl_msg *m, struct net_dump *d, struct net_err *err)
{
	int r = net_sock_dump(&ns->genl, m, d, err);

	net_msg_free(m);
	return r;
}
