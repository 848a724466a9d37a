/* pair.c - numbers that are written in a form of their own: ranges, realms and MPLS labels */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net.h"
#include "tables.h"

static bool digits(const char **s, const char *end, int64_t *v)
{
	const char *from = *s;

	for (*v = 0; *s < end && **s >= '0' && **s <= '9' && *s - from < 11; (*s)++)
		*v = *v * 10 + **s - '0';
	return *s > from;
}

/* net_parse_pair() - "10-20", "1/2" or one number, which is both ends of a range, or the second realm. */
int net_parse_pair(const char *s, size_t len, struct net_field *f)
{
	const struct net_row *row = f->row;
	const char *end = s + len, *at = s;
	int64_t first, last;
	bool ok = digits(&at, end, &first);

	last = first;
	if (row->type == NET_REALMS && at == end)
		first = 0;
	else if (at < end)
		ok = ok && *at++ == (row->type == NET_RANGE ? '-' : '/') && digits(&at, end, &last);
	if (!ok || at != end || first < row->min || last < row->min || first > row->max || last > row->max ||
	    (row->type == NET_RANGE && first > last))
		return -EINVAL;
	f->i = (int64_t)((uint64_t)first << (row->type == NET_RANGE ? 32 : 16) | (uint64_t)last);
	return 0;
}

/* net_parse_labels() - "100/200": label stack entries, the last one marked; -EINVAL */
int net_parse_labels(const char *s, size_t len, struct net_field *f)
{
	const char *at = s, *end = s + len;

	for (;;) {
		uint32_t entry;
		int64_t label;

		if (f->len + sizeof(entry) > NET_MAX_ADDR || !digits(&at, end, &label) || label > 0xfffff)
			return -EINVAL;
		entry = htonl((uint32_t)label << 12 | (at == end ? 0x100 : 0));
		memcpy(f->addr + f->len, &entry, sizeof(entry));
		f->len += sizeof(entry);
		if (at == end)
			return 0;
		if (*at++ != '/')
			return -EINVAL;
	}
}

/* net_labels_text() - "100/200" */
void net_labels_text(const struct net_field *f, char *buf, size_t size)
{
	size_t w = 0;

	for (unsigned int i = 0; i + 4 <= f->len && w + 12 < size; i += 4) {
		uint32_t entry;

		memcpy(&entry, f->addr + i, sizeof(entry));
		w += (size_t)snprintf(buf + w, size - w, "%s%u", i ? "/" : "", ntohl(entry) >> 12);
	}
}
