/* match.c - whether a message is what a filter asks for */
#include <stddef.h>
#include <string.h>

#include "net.h"
#include "tables.h"

/* Whether what is there, @b, is what is wanted, @a; of a range, whether it lies within. */
static bool same(const struct net_field *a, const struct net_field *b)
{
	if (a->row->type == NET_RANGE)
		return b->i >> 32 >= a->i >> 32 && (uint32_t)b->i <= (uint32_t)a->i;
	if (a->s && b->s)
		return a->slen == b->slen && memcmp(a->s, b->s, a->slen) == 0;
	if (a->len || b->len)
		return a->family == b->family && a->len == b->len && memcmp(a->addr, b->addr, a->len) == 0 &&
		       (a->plen == b->plen || a->plen < 0);
	return a->i == b->i && a->plen <= 0 && b->plen <= 0;
}

/* Off, 0 or no text: what may also be absent from a message. */
static bool is_nothing(const struct net_field *f)
{
	return f->i == 0 && !f->len && f->plen < 0 && !f->slen;
}

/* The field of a filter that what was read is to be compared with; NULL: none.  In a list it is the one at its place.
 */
static const struct net_field *wanted(const struct net_field *f, const struct net_field *w, unsigned int n,
				      const struct net_field *at)
{
	if (!at)
		return net_given(w, n, f->row);
	for (unsigned int i = 0; f->row->type == NET_QOSMAP && i < n; i++)
		if (same(&w[i], f))
			return &w[i]; /* a map has no order */
	return at < w + n ? at : NULL;
}

/* Whether what is wanted must be there: not a value that may be absent, nor an empty list or table. */
static bool is_due(const struct net_field *w, unsigned int span, bool list)
{
	return list || (w->op == NET_VALUE ? !is_nothing(w) : span > 2);
}

/*
 * Walk to the end of a table or list, beside the fields that are wanted of it.  Of a table each that is wanted must be
 * there, a list must be the same.  What net_look() finds is not looked at, where @top is where it looks.
 */
static bool walk(struct net_cursor *c, const struct net_field *w, unsigned int n, bool list,
		 const struct net_cursor *top)
{
	struct net_field f, other;
	unsigned int missing = 0, at = 0, span;
	bool good = true;

	for (unsigned int i = 0; i < n; i += span) {
		span = net_span(w, n, i);
		missing += is_due(&w[i], span, list) && !(top && net_look(top, &w[i], &other) >= 0);
	}
	while (net_next(c, &f) && f.op != NET_END) {
		const struct net_field *x = wanted(&f, w, n, list && w ? w + at : NULL);
		bool fits = true;

		span = w && x ? net_span(w, n, (unsigned int)(x - w)) : 0;
		if (f.op != NET_VALUE)
			fits = walk(c, span > 1 ? x + 1 : NULL, span > 1 ? span - 2 : 0,
				    f.op == NET_BEGIN && (net_is_list(f.row) || net_is_array(f.row)), NULL);
		if ((!x && !list) || (x && top && net_look(top, x, &other) >= 0))
			continue;
		at += span;
		good = good && x && fits && x->op == f.op && (f.op != NET_VALUE || same(x, &f));
		missing -= x && is_due(x, span, list);
	}
	return good && missing == 0;
}

/* The fields of the filter whose keys stand in nests: a walk through the whole message. */
static bool matches_below(const struct net_cursor *at, const struct net_fields *filter)
{
	struct net_cursor c;

	memcpy(&c, at, offsetof(struct net_cursor, level) + (size_t)(at->depth + 1) * sizeof(*at->level));
	return walk(&c, filter->v, filter->n, false, at);
}

/* net_matches() - whether each field of the filter stands in the message that a cursor is before */
bool net_matches(const struct net_cursor *at, const struct net_fields *filter)
{
	bool below = false;

	for (unsigned int i = 0; i < filter->n; i += net_span(filter->v, filter->n, i)) {
		const struct net_field *want = &filter->v[i];
		struct net_field f;
		int found = net_look(at, want, &f);

		below = below || found < 0;
		if (found > 0 ? !same(want, &f) : found == 0 && !is_nothing(want))
			return false;
	}
	return !below || matches_below(at, filter);
}
