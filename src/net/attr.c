/* attr.c - finding keys in tables and fields in lists, and numbers of any width */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "net.h"
#include "tables.h"

/* net_flat_table() - the table of a nest whose keys stand beside its parent's; NULL: it has a table of its own in Lua
 */
const struct net_table *net_flat_table(const struct net_row *row, const struct net_kind *kind)
{
	if (row->type == NET_KINDNEST)
		return kind ? kind->data : NULL;
	return row->flags & NET_FLAT ? row->nest : NULL;
}

static const struct net_row *find_key(const struct net_table *t, const struct net_kind *kind, const char *key)
{
	for (unsigned int i = 0; i < t->n; i++) {
		const struct net_row *row = &t->rows[i];
		const struct net_table *flat = net_flat_table(row, kind);

		if (flat)
			row = find_key(flat, kind, key);
		else if (!row->key || *row->key != *key || strcmp(row->key, key) != 0)
			row = NULL;
		if (row)
			return row;
	}
	return NULL;
}

/* What was looked for before, found or not: the same few keys, for each of a hundred thousand routes. */
#define SEEN_KEYS 1024
static struct {
	const struct net_table *t;
	const struct net_kind *kind;
	const struct net_row *row;
	char key[24];
} seen_keys[SEEN_KEYS];

/* net_key() - the row of a key, through the nests whose keys stand beside the table's own; NULL: unknown */
const struct net_row *net_key(const struct net_table *t, const struct net_kind *kind, const struct net_kind *port,
			      const char *key)
{
	size_t hash = (uintptr_t)t / sizeof(*t) + (uintptr_t)kind / sizeof(*kind), len = 0;

	(void)port;
	for (; len < sizeof(seen_keys->key) && key[len]; len++)
		hash = hash * 31 + (unsigned char)key[len];
	hash %= SEEN_KEYS;
	if (len == sizeof(seen_keys->key))
		return find_key(t, kind, key);
	if (seen_keys[hash].t != t || seen_keys[hash].kind != kind || memcmp(seen_keys[hash].key, key, len + 1) != 0) {
		seen_keys[hash].t = t;
		seen_keys[hash].kind = kind;
		seen_keys[hash].row = find_key(t, kind, key);
		memcpy(seen_keys[hash].key, key, len + 1);
	}
	return seen_keys[hash].row;
}

static const struct net_row *find_main(const struct net_table *t)
{
	for (unsigned int i = 0; i < t->n; i++) {
		const struct net_table *flat = net_flat_table(&t->rows[i], NULL);
		const struct net_row *row = flat ? find_main(flat) : &t->rows[i];

		if (row && row->flags & NET_MAIN)
			return row;
	}
	return NULL;
}

static const struct net_row *find_nest(const struct net_table *t)
{
	for (unsigned int i = 0; i < t->n; i++)
		if (t->rows[i].kinds)
			return &t->rows[i];
	return NULL;
}

#define SEEN_TABLES 64
struct seen_table {
	const struct net_table *t;
	const struct net_row *main_key, *kind_nest, *family;
};

static const struct seen_table *see(const struct net_table *t)
{
	static struct seen_table seen[SEEN_TABLES];
	struct seen_table *s = &seen[(uintptr_t)t / sizeof(*t) % SEEN_TABLES];

	if (s->t != t)
		*s = (struct seen_table){t, find_main(t), find_nest(t), find_key(t, NULL, "family")};
	return s;
}

/* net_main_key() - the row whose value may stand at [1] */
const struct net_row *net_main_key(const struct net_table *t)
{
	return see(t)->main_key;
}

/* net_kind_nest() - the row of a table's options, where they are those of a kind in a registry */
const struct net_row *net_kind_nest(const struct net_table *t)
{
	return see(t)->kind_nest;
}

/* net_family_key() - the row that says the family of a table's messages; NULL: there is none */
const struct net_row *net_family_key(const struct net_table *t)
{
	return see(t)->family;
}

/* Whether a row has nothing to tell where its attribute is missing. */
static bool by_attr(const struct net_row *row)
{
	if (row->flags & (NET_HDR | NET_ZERO) || row->attr >= NET_MAX_ATTR)
		return false;
	return net_is_nest(row) ||
	       (row->type < NET_NEST && !row->aux && row->type != NET_PREFIX && row->type != NET_GATEWAY);
}

static void fill_rowmap(struct net_rowmap *map, const struct net_table *t)
{
	map->t = t;
	memset(map->first, NET_NO_ROW, sizeof(map->first));
	memset(map->next, NET_NO_ROW, sizeof(map->next));
	for (unsigned int i = t->n < NET_MAX_ROWS ? t->n : NET_MAX_ROWS; i-- > 0;) {
		const struct net_row *row = &t->rows[i];

		if (net_flat_table(row, NULL) || row->type == NET_KINDNEST || row->type == NET_LAST ||
		    row->flags & (NET_MARK | NET_TWIN))
			map->puts[i / 64] |= 1ULL << i % 64;
		if (row->flags & NET_WO)
			continue;
		if (!by_attr(row)) {
			map->always[i / 64] |= 1ULL << i % 64;
			continue;
		}
		map->next[i] = map->first[row->attr];
		map->first[row->attr] = (uint8_t)i;
	}
}

#define ROWMAPS 1024 /* several times as many as there are tables */

/* net_rowmap() - made when it is asked for first, and kept; NULL: there is no memory for it */
const struct net_rowmap *net_rowmap(const struct net_table *t)
{
	static struct net_rowmap *maps[ROWMAPS];
	size_t at = (uintptr_t)t / sizeof(*t) % ROWMAPS;

	while (maps[at] && maps[at]->t != t)
		at = (at + 1) % ROWMAPS;
	if (!maps[at]) {
		maps[at] = calloc(1, sizeof(*maps[at]));
		if (maps[at])
			fill_rowmap(maps[at], t);
	}
	return maps[at];
}

/* net_nest_span() - how many fields the nest or element that begins at @i takes, both its ends included */
unsigned int net_nest_span(const struct net_field *f, unsigned int n, unsigned int i)
{
	unsigned int depth = 0, from = i;

	for (; i < n; i++) {
		if (f[i].op == NET_BEGIN || f[i].op == NET_ITEM)
			depth++;
		else if (f[i].op == NET_END)
			depth--;
		if (depth == 0)
			return i - from + 1;
	}
	return n - from;
}

/* net_put_number(), net_get_number() - an integer as its row has it on the wire */
void net_put_number(char *to, const struct net_row *row, uint64_t v)
{
	uint16_t v16 = row->flags & NET_BE ? htobe16((uint16_t)v) : (uint16_t)v;
	uint32_t v32 = row->flags & NET_BE ? htobe32((uint32_t)v) : (uint32_t)v;
	uint8_t v8 = (uint8_t)v;

	switch (row->size) {
	case 1: memcpy(to, &v8, 1); break;
	case 2: memcpy(to, &v16, 2); break;
	case 4: memcpy(to, &v32, 4); break;
	default:
		v = row->flags & NET_BE ? htobe64(v) : v;
		memcpy(to, &v, 8);
		break;
	}
}

uint64_t net_get_number(const char *from, const struct net_row *row)
{
	uint8_t v8;
	uint16_t v16;
	uint32_t v32;
	uint64_t v;

	switch (row->size) {
	case 1: memcpy(&v8, from, 1); return v8;
	case 2: memcpy(&v16, from, 2); return row->flags & NET_BE ? be16toh(v16) : v16;
	case 4: memcpy(&v32, from, 4); return row->flags & NET_BE ? be32toh(v32) : v32;
	default: memcpy(&v, from, 8); return row->flags & NET_BE ? be64toh(v) : v;
	}
}

static struct net_row half_of(const struct net_row *row)
{
	return (struct net_row){.size = row->size / 2, .flags = row->flags};
}

/* net_put_pair(), net_get_pair() - two integers, one behind the other, as the halves of one */
void net_put_pair(char *to, const struct net_row *row, int64_t v)
{
	struct net_row half = half_of(row);

	net_put_number(to, &half, (uint64_t)v >> 32);
	net_put_number(to + half.size, &half, (uint32_t)v);
}

int64_t net_get_pair(const char *from, const struct net_row *row)
{
	struct net_row half = half_of(row);

	return (int64_t)(net_get_number(from, &half) << 32 | net_get_number(from + half.size, &half));
}
