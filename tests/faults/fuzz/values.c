/* values.c - one value for one row of any table: what is taken is in its range, goes over the wire and comes back
 *
 * Input: two bytes choose the row, one the form (truth, whole number, number, text), the rest is the value.
 */
#include <math.h>
#include <sys/socket.h>

#include <netlink/msg.h>

#include "fuzz.h"

static struct place {
	const struct net_table *table;
	const struct net_row *row;
} places[8192];
static unsigned int n_places;

/* Not a table or a list, nor what has no text of its own, or needs another row's value on the wire. */
static bool is_value(const struct net_row *row)
{
	static const uint8_t others[] = {NET_NEST,  NET_KINDNEST, NET_PORTNEST, NET_NETNS, NET_BRIDGEID,
					 NET_BURST, NET_DIST,	  NET_FIXED,	NET_ENCAP};

	return row->key && !memchr(others, row->type, sizeof(others)) && !net_is_list(row) && !net_is_array(row);
}

static void collect(const struct net_table *t)
{
	for (unsigned int i = 0; i < n_places; i++)
		if (places[i].table == t)
			return;
	for (unsigned int i = 0; t && i < t->n && n_places < sizeof(places) / sizeof(*places); i++) {
		if (is_value(&t->rows[i]))
			places[n_places++] = (struct place){t, &t->rows[i]};
		if (t->rows[i].nest)
			collect(t->rows[i].nest);
	}
}

static void collect_all(void)
{
	const struct net_noun *noun;
	const struct net_kind *kind;

	for (unsigned int i = 0; (noun = net_noun_all(i)); i++) {
		collect(noun->table);
		for (unsigned int k = 0; noun->kind_all && (kind = noun->kind_all(k)); k++) {
			collect(kind->data);
			collect(kind->port);
		}
	}
}

static bool same(const struct net_field *a, const struct net_field *b)
{
	if (a->s || b->s)
		return a->slen == b->slen && memcmp(a->s, b->s, a->slen) == 0;
	if (a->row->type == NET_TIME) /* which some kinds count in steps of 1024 */
		return llabs(a->i - b->i) <= 1;
	if (a->row->type == NET_RANGE && a->row->flags & NET_HDR) /* its end is in another struct, or message */
		return a->i >> 32 == b->i >> 32;
	if (a->row->type == NET_HANDLE && a->row->size == 2)
		return (a->i & UINT16_MAX) == b->i;
	if (a->row->type == NET_RATE && a->row->size == 4 && a->i > UINT32_MAX) /* another row has the rest */
		return b->i == UINT32_MAX;
	return a->i == b->i && a->len == b->len && memcmp(a->addr, b->addr, a->len) == 0;
}

/* A number in Lua's units, or a name, means the same again. */
static void check_text(const struct net_field *f)
{
	struct net_field again;
	struct net_err err = {0};
	char buf[128];
	const char *name;
	int64_t i;
	double v;

	if (f->row->type == NET_ENUM && (name = net_field_name(f, buf, sizeof(buf)))) {
		char copy[128];

		snprintf(copy, sizeof(copy), "%s", name);
		HOLDS(net_field_text(f->row, copy, strlen(copy), &again, &err) == 0, "%s: %s", f->row->key, err.text);
		HOLDS(f->i == again.i, "%s '%s' is %lld, then %lld", f->row->key, copy, (long long)f->i,
		      (long long)again.i);
	} else if (f->row->type == NET_UINT || f->row->type == NET_INT || f->row->type == NET_SIZE ||
		   f->row->type == NET_TIME || f->row->type == NET_RATE || f->row->type == NET_FRACTION) {
		if (f->row->flags & NET_FOREVER && f->i == (int64_t)((1ULL << (f->row->size * 8 - 1)) * 2 - 1))
			return; /* no number: "forever", which is also false */
		if (net_field_number(f, &i, &v))
			HOLDS(net_field_int(f->row, i, &again, &err) == 0, "%s: %s", f->row->key, err.text);
		else
			HOLDS(net_field_num(f->row, v, &again, &err) == 0, "%s: %s", f->row->key, err.text);
		/* a double has 53 bits */
		HOLDS(f->i == again.i || llabs(f->i - again.i) <= f->i / (1LL << 52), "%s: %lld, then %lld",
		      f->row->key, (long long)f->i, (long long)again.i);
	}
}

/* What a message may leave out: what is off, and what only the kernel takes. */
static bool may_be_absent(const struct net_row *row, const struct net_field *f)
{
	bool zero = f->i == 0 && f->slen == 0;

	for (unsigned int i = 0; i < f->len; i++)
		zero = zero && f->addr[i] == 0;
	/* the length of some prefixes is an attribute of its own */
	return row->flags & (NET_WO | NET_RO | NET_FOREVER) || zero || f->family == AF_UNSPEC || row->type == NET_PREFIX;
}

static void check_wire(const struct place *at, struct net_field *f)
{
	struct net_ctx ctx = {.family = f->len && f->family ? f->family : AF_INET};
	struct nl_msg *m = nlmsg_alloc();
	struct net_err err = {0};
	struct net_cursor c;
	struct net_field got;
	char *hdr;

	nlmsg_put(m, 0, 0, 16, 0, 0);
	hdr = nlmsg_reserve(m, at->table->hdr, NLMSG_ALIGNTO);
	if (at->table->hdr)
		memset(hdr, 0, at->table->hdr);
	if (net_encode(m, &ctx, at->table, hdr, f, 1, &err) == 0) {
		HOLDS(net_decode(&c, nlmsg_hdr(m), at->table) == 0, "%s: our own message is malformed", at->row->key);
		while (net_next(&c, &got))
			if (got.op == NET_VALUE && got.row == at->row)
				break;
		if (got.row != at->row)
			HOLDS(may_be_absent(at->row, f), "%s.%s is lost", at->table->name, at->row->key);
		else
			HOLDS(same(f, &got), "%s.%s: %lld goes out, %lld comes back", at->table->name, at->row->key,
			      (long long)f->i, (long long)got.i);
	} else {
		HOLDS(err.code && *err.text, "%s.%s: refused without a word", at->table->name, at->row->key);
	}
	nlmsg_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct place *at;
	struct net_err err = {0};
	struct net_field f;
	int64_t i = 0;
	char *s;
	int r;

	if (!n_places)
		collect_all();
	if (size < 3)
		return -1;
	at = &places[(data[0] | data[1] << 8) % n_places];
	s = fuzz_text(data + 3, size - 3);
	memcpy(&i, s, size - 3 < 8 ? size - 3 : 8);
	switch (data[2] % 4) {
	case 0: r = net_field_bool(at->row, i & 1, &f, &err); break;
	case 1: r = net_field_int(at->row, i, &f, &err); break;
	case 2: {
		double v = 0;

		memcpy(&v, &i, sizeof(v));
		r = net_field_num(at->row, v, &f, &err);
		break;
	}
	default: r = net_field_text(at->row, s, size - 3, &f, &err);
	}
	if (r < 0) {
		HOLDS(err.code && strstr(err.text, at->row->key), "%s: refused with '%s'", at->row->key, err.text);
	} else {
		check_text(&f);
		/* a link's name is resolved before it goes out */
		if (!(at->row->type == NET_LINK && f.s) && !(at->row->flags & NET_RO))
			check_wire(at, &f);
	}
	free(s);
	return 0;
}
