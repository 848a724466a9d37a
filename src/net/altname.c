/* altname.c - what links are called by beside their names (ip link property) */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "link.h"
#include "net.h"
#include "sock.h"
#include "tables.h"

#define MAX_NAMES 64

static bool among(const struct net_field *names, unsigned int n, const struct net_field *name)
{
	for (unsigned int i = 0; i < n; i++)
		if (names[i].slen == name->slen && memcmp(names[i].s, name->s, name->slen) == 0)
			return true;
	return false;
}

/* Those of @a that @b lacks. */
static unsigned int without(struct net_field *to, const struct net_field *a, unsigned int n_a,
			    const struct net_field *b, unsigned int n_b)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < n_a; i++)
		if (!among(b, n_b, &a[i]))
			to[n++] = a[i];
	return n;
}

static struct nl_msg *request(int index, bool add, const struct net_field *names, unsigned int n, struct net_err *err)
{
	struct ifinfomsg hdr = {.ifi_index = index};
	struct nl_msg *m;
	struct nlattr *list;
	int r = -1;

	m = net_msg_new(add ? RTM_NEWLINKPROP : RTM_DELLINKPROP, add ? NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND : 0,
			&hdr, sizeof(hdr), err);
	if (!m)
		return NULL;
	list = nla_nest_start(m, IFLA_PROP_LIST | NLA_F_NESTED);
	for (unsigned int i = 0; list && i < n; i++) {
		r = nla_put_string(m, IFLA_ALT_IFNAME, names[i].s);
		if (r < 0)
			break;
	}
	if (!list || r < 0) {
		net_msg_free(m);
		net_fail(err, EMSGSIZE, "too many names for one request");
		return NULL;
	}
	nla_nest_end(m, list);
	return m;
}

static int send_names(struct net_ns *ns, int index, bool add, const struct net_field *names, unsigned int n,
		      struct net_err *err)
{
	struct nl_msg *m = n ? request(index, add, names, n, err) : NULL;

	if (!m)
		return n ? -err->code : 0;
	return net_do(ns, m, &net_link_table, NULL, err);
}

/* net_link_mark() - give lo one more name, now: nothing of this waits for a batch */
int net_link_mark(struct net_ns *ns, const char *name, struct net_err *err)
{
	struct net_field f = {.s = name, .slen = strlen(name)};
	struct nl_msg *m = request(1, true, &f, 1, err);

	return m ? net_ask(ns, m, NULL, err) : -err->code;
}

/* net_link_altname() - give a link one more name, or take one away */
int net_link_altname(struct net_ns *ns, int index, bool add, const char *name, struct net_err *err)
{
	struct net_field f = {.s = name, .slen = strlen(name)};

	return send_names(ns, index, add, &f, 1, err);
}

/*
 * net_link_altnames() - let the names of a link beside its own be these, all or none of them
 * @born: it has none yet
 * @f, @n: what the nest of the key holds
 */
int net_link_altnames(struct net_ns *ns, int index, bool born, const struct net_field *f, unsigned int n,
		      struct net_err *err)
{
	const struct net_row *row = net_key(&net_link_table, NULL, NULL, "altnames");
	struct net_field has[MAX_NAMES], part[MAX_NAMES], one;
	struct net_dump d = {0};
	unsigned int n_has = 0, n_part;
	struct net_cursor c;
	int r = n > MAX_NAMES ? net_misuse(err, "altnames: %d are the most", MAX_NAMES) : 0;

	if (r == 0 && born)
		return send_names(ns, index, true, f, n, err);
	if (r == 0)
		r = net_link_read(ns, index, &d, &c, err);
	while (r == 0 && n_has < MAX_NAMES && net_next(&c, &one))
		if (one.op == NET_VALUE && one.row == row)
			has[n_has++] = one;
	if (r == 0) {
		n_part = without(part, f, n, has, n_has);
		r = send_names(ns, index, true, part, n_part, err);
		for (unsigned int i = 0; r < 0 && i < n_part; i++)
			send_names(ns, index, false, &part[i], 1, &(struct net_err){0});
	}
	if (r == 0)
		r = send_names(ns, index, false, part, without(part, has, n_has, f, n), err);
	net_dump_free(&d);
	return r;
}
