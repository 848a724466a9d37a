/* link_whole.c - what a change must tell beside what changes: some kinds are changed as a whole */
#include <errno.h>
#include <string.h>

#include "link.h"
#include "net.h"
#include "sock.h"
#include "tables.h"

/* net_link_read() - one link as it is now, what an open batch holds being done first; stands before its first field */
int net_link_read(struct net_ns *ns, int index, struct net_dump *d, struct net_cursor *c, struct net_err *err)
{
	int r = net_batch_flush(ns, NULL, err);

	if (r == 0)
		r = net_link_get(ns, index, NULL, -1, d, err);
	if (r == 0 && !net_dump_next(d, &net_link, c))
		r = net_fail(err, EPROTO, "the kernel's answer tells of no link");
	return r;
}

/* One of several bits that are sent together, and not by a mask. */
static bool together(const struct net_row *row)
{
	return row->type == NET_BIT && !row->aux && !(row->flags & (NET_MARK | NET_MARKED));
}

static bool needed(const struct net_kind *kind, const struct net_field *v, unsigned int n)
{
	for (unsigned int i = 0; i < n; i += net_span(v, n, i))
		if (net_key(kind->data, NULL, NULL, v[i].row->key) == v[i].row &&
		    (net_kind_whole(kind) || together(v[i].row) ||
		     (v[i].off && v[i].row->aux && v[i].row->type == NET_IP)))
			return true;
	return false;
}

/* One value that the link has: kept where nothing else is asked, and the family of an address that goes. */
static void keep(const struct net_kind *kind, struct net_field *v, unsigned int asked, unsigned int *n,
		 const struct net_field *f)
{
	const struct net_row *row = net_key(kind->data, NULL, NULL, f->row->key);
	struct net_field *given, *kept;

	if (!row || (row != f->row && !(f->row->flags & NET_MARK)) || row->flags & NET_RO)
		return;
	given = (struct net_field *)(uintptr_t)net_given(v, asked, row);
	kept = (struct net_field *)(uintptr_t)net_given(v + asked, *n - asked, row);
	if (given && given->off && row->type == NET_IP && row->aux) {
		given->family = f->family;
		given->len = f->len;
		given->off = false;
	} else if (kept) {
		kept->i = f->i; /* a mark says more than the number */
	} else if (!given && (net_kind_whole(kind) || together(row)) && *n + 1 < NET_MAX_FIELDS) {
		v[*n] = *f;
		v[(*n)++].row = row;
	}
}

/* An address that is to go and isn't there is no change. */
static unsigned int drop_gone(const struct net_kind *kind, struct net_field *v, unsigned int n)
{
	unsigned int left = 0;

	for (unsigned int i = 0; i < n; i++)
		if (net_kind_whole(kind) || !v[i].off || v[i].row->type != NET_IP || !v[i].row->aux)
			v[left++] = v[i];
	return left;
}

/*
 * net_link_whole() - complete the fields of a change with what the link has
 * @v: the fields, with room for NET_MAX_FIELDS, of which one stays free
 * @d: holds the text of those that are added
 *
 * The kernel takes an address that is gone as zeros of its family, which only the link itself tells.
 */
int net_link_whole(struct net_ns *ns, int index, const struct net_kind *kind, struct net_field *v, unsigned int *n,
		   struct net_dump *d, struct net_err *err)
{
	unsigned int asked = *n;
	struct net_cursor c;
	struct net_field f;
	int r;

	if (!kind || !kind->data || !needed(kind, v, asked))
		return 0;
	r = net_link_read(ns, index, d, &c, err);
	while (r == 0 && net_next(&c, &f))
		if (f.op == NET_VALUE && f.row->key)
			keep(kind, v, asked, n, &f);
	*n = drop_gone(kind, v, *n);
	return r;
}
