/* stream.c - what a process has written: the last bytes are kept in a ring that grows, and lines are found there */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net.h"
#include "process.h"

#define FIRST_ROOM ((size_t)4096)
#define SCRAP 65536

/* Twice the room while nothing was lost yet and memory is to be had; a byte's place stays the same. */
static void make_room(struct net_stream *s)
{
	size_t cap = s->cap ? s->cap * 2 : FIRST_ROOM;
	char *buf;

	if (s->cap == s->keep || s->end - s->from < s->cap)
		return;
	if (cap > s->keep)
		cap = s->keep;
	buf = realloc(s->buf, cap);
	if (buf) {
		s->buf = buf;
		s->cap = cap;
	} else {
		s->keep = s->cap;
		s->error = ENOMEM;
	}
}

/* Reads for nobody. */
static ssize_t skip_some(struct net_stream *s, size_t most)
{
	char scrap[SCRAP];
	ssize_t n = read(s->fd, scrap, most < sizeof(scrap) ? most : sizeof(scrap));

	if (n > 0)
		s->from = s->end += (uint64_t)n;
	return n;
}

static ssize_t keep_some(struct net_stream *s, size_t most)
{
	size_t at = s->end % s->cap, room = s->cap - at;
	ssize_t n = read(s->fd, s->buf + at, most < room ? most : room);

	if (n <= 0)
		return n;
	s->end += (uint64_t)n;
	if (s->end - s->from > s->cap)
		s->from = s->end - s->cap;
	return n;
}

/*
 * net_stream_read() - read once what the process has written
 * @most: bytes
 *
 * Of all that was read the last bytes are kept.
 *
 * Return: what read(2) returns.
 */
ssize_t net_stream_read(struct net_stream *s, size_t most)
{
	make_room(s);
	return s->cap ? keep_some(s, most) : skip_some(s, most);
}

/* Where the line that stands at @at ends: at its newline, or with all that there is. */
static uint64_t end_of_line(const struct net_stream *s, uint64_t at)
{
	while (at < s->end) {
		const char *p = s->buf + at % s->cap;
		size_t n = s->cap - at % s->cap;
		const char *newline;

		if (n > s->end - at)
			n = s->end - at;
		newline = memchr(p, '\n', n);
		if (newline)
			return at + (uint64_t)(newline - p);
		at += n;
	}
	return at;
}

/*
 * net_stream_line() - the next line
 * @pos: where it is looked for, counted from the first byte that was written; goes to the line after.  What isn't kept
 *	any more is passed over, and with it the rest of a line that is torn.
 * @rest: one that has no newline yet is a line, too
 * @start, @len: gets where it is, without its newline
 *
 * Return: whether there is one.
 */
bool net_stream_line(const struct net_stream *s, uint64_t *pos, bool rest, uint64_t *start, size_t *len)
{
	uint64_t at = *pos, end;

	if (at < s->from) {
		end = end_of_line(s, s->from);
		at = end < s->end ? end + 1 : s->from;
	}
	end = end_of_line(s, at);
	if (at == s->end || (end == s->end && !rest))
		return false;
	*start = at;
	*len = (size_t)(end - at);
	*pos = end < s->end ? end + 1 : end;
	return true;
}

/* net_stream_copy() - bytes that are kept */
void net_stream_copy(const struct net_stream *s, uint64_t from, size_t len, char *to)
{
	size_t at = s->cap ? from % s->cap : 0, first = len < s->cap - at ? len : s->cap - at;

	if (!len)
		return;
	memcpy(to, s->buf + at, first);
	memcpy(to + first, s->buf, len - first);
}
