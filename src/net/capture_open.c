/* capture_open.c - opening captures: links, filter and file are looked at before any of them is touched */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"

/* The filter for one link.  Links of a kind have the same. */
static int find_filter(const struct net_capture_link *link, const char *text, bool up, struct capture_filter *v,
		       unsigned int i, struct capture_ring *r, struct net_err *err)
{
	struct capture_filter *f = &v[i];

	*f = (struct capture_filter){.linktype = r->linktype, .cooked = r->cooked, .hatype = r->hatype};
	if (!text)
		return 0;
	for (unsigned int k = 0; k < i; k++)
		if (v[k].hatype == r->hatype) {
			*f = v[k];
			f->shared = true;
			return 0;
		}
	return pcaplib_ask(link->name, up, text, f, err);
}

static void free_filters(struct capture_filter *v, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (!v[i].shared)
			free(v[i].v);
	free(v);
}

/* Look at all links, and compile the filter for each: nothing is open yet. */
static struct capture_filter *look(const struct net_capture_spec *s, struct capture_source *sources,
				   struct net_err *err)
{
	struct capture_filter *v = calloc(s->n, sizeof(*v));
	int r = 0;

	if (!v) {
		net_fail(err, ENOMEM, NULL);
		return NULL;
	}
	if (s->filter)
		r = pcaplib_load(err);
	for (unsigned int i = 0; i < s->n && r == 0; i++) {
		struct capture_ring *ring = &sources[i].ring;
		bool up;

		if (ring->gone)
			continue;
		r = net_ns_enter(s->links[i].ns, err);
		if (r < 0)
			break;
		r = ring_look(ring, s->links[i].name, &up, err);
		if (r == 0)
			r = find_filter(&s->links[i], s->filter, up, v, i, ring, err);
		net_ns_leave();
		ring->linktype = v[i].linktype;
		ring->cooked = v[i].cooked;
	}
	if (r == 0)
		return v;
	free_filters(v, s->n);
	return NULL;
}

static int open_rings(struct capture_source *v, const struct net_capture_spec *s, const struct capture_filter *filters,
		      struct net_err *err)
{
	for (unsigned int i = 0; i < s->n; i++) {
		struct capture_ring *ring = &v[i].ring;
		int r = net_ns_enter(s->links[i].ns, err);

		if (r < 0)
			return r;
		ring->snaplen = s->snaplen;
		ring->direction = s->direction;
		r = ring_open(ring, s->links[i].name, s->buffer, s->promisc, &filters[i], err);
		net_ns_leave();
		if (r < 0)
			return r;
	}
	return 0;
}

static int open_path(const struct net_capture_spec *s)
{
	int fd = s->fd;

	if (s->file && strcmp(s->file, "-") != 0)
		fd = open(s->file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	else
		fd = fcntl(s->file ? STDOUT_FILENO : fd, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? -errno : fd;
}

/* The file, unless it is open, and these links in it. */
static int write_links(struct net_capturing *k, const struct net_capture_spec *s, const struct capture_source *v,
		       struct net_err *err)
{
	int r = 0;

	if (!s->file && s->fd < 0)
		return 0;
	for (unsigned int i = 0; i < s->n && r >= 0; i++) {
		const struct capture_interface link = {.netns = s->links[i].ns->label,
						       .link = v[i].name,
						       .filter = s->filter,
						       .linktype = v[i].ring.linktype,
						       .snaplen = s->snaplen};

		if (k->file.fd < 0) {
			k->file.ng = s->ng;
			r = k->file.fd = open_path(s);
			if (r >= 0)
				r = pcapfile_begin(&k->file, &link);
		}
		if (r >= 0)
			r = pcapfile_interface(&k->file, &link);
	}
	if (r >= 0)
		r = pcapfile_flush(&k->file);
	return r < 0 ? net_fail(err, -r, "cannot write %s: %s", k->path, net_strerror(-r)) : 0;
}

static int check_types(const struct net_capturing *k, const struct net_capture_spec *s, const struct capture_source *v,
		       struct net_err *err)
{
	const struct capture_source *first = k->n ? k->v : v;

	for (unsigned int i = 0; i < s->n && (s->file || s->fd >= 0) && !s->ng; i++)
		if (v[i].ring.linktype != first->ring.linktype) {
			net_fail(err, EINVAL,
				 "a pcap file holds packets of one type of link, and %s is of another than %s",
				 v[i].name, first->name);
			net_hint(err, "pcapng takes them all: file = \"NAME.pcapng\"");
			return -EINVAL;
		}
	return 0;
}

static struct capture_source *new_sources(const struct net_capture_spec *s)
{
	struct capture_source *v = calloc(s->n, sizeof(*v));

	for (unsigned int i = 0; v && i < s->n; i++) {
		v[i].ring.fd = -1;
		memcpy(v[i].name, s->links[i].name, strnlen(s->links[i].name, sizeof(v[i].name) - 1));
	}
	return v;
}

/* Takes @v in, all or none. */
static int append(struct net_capturing *k, const struct capture_source *v, unsigned int n)
{
	struct capture_source *all = calloc(k->n + n, sizeof(*all));
	struct pollfd *fds = calloc(k->n + n + 1, sizeof(*fds));

	if (!all || !fds) {
		free(all);
		free(fds);
		return -ENOMEM;
	}
	if (k->n)
		memcpy(all, k->v, k->n * sizeof(*all));
	memcpy(all + k->n, v, n * sizeof(*all));
	free(k->v);
	free(k->fds);
	k->v = all;
	k->fds = fds;
	k->n += n;
	return 0;
}

static int open_all(struct net_capturing *k, const struct net_capture_spec *s, struct capture_source *v,
		    struct net_err *err)
{
	struct capture_filter *filters = look(s, v, err);
	int r;

	if (!filters)
		return -err->code;
	r = check_types(k, s, v, err);
	if (r == 0)
		r = open_rings(v, s, filters, err);
	free_filters(filters, s->n);
	return r < 0 ? r : write_links(k, s, v, err);
}

/*
 * net_capture_add() - capture on more links
 * @spec: the links, and the rest as it was for the first ones
 */
int net_capture_add(struct net_capture *c, const struct net_capture_spec *spec, struct net_err *err)
{
	struct net_capturing *k = c->now;
	struct capture_source *v = new_sources(spec);
	int r;

	if (!v)
		return net_fail(err, ENOMEM, NULL);
	r = open_all(k, spec, v, err);
	if (r == 0 && append(k, v, spec->n) < 0)
		r = net_fail(err, ENOMEM, NULL);
	for (unsigned int i = 0; r < 0 && i < spec->n; i++)
		ring_close(&v[i].ring);
	free(v);
	capture_wait(c, false);
	return r;
}

/*
 * net_capture_open() - capture from now on
 * @c: zeroed; as long as it is open its op is to be stepped while nsh waits
 *
 * What is wrong with the links, the filter or the file is found before any of them is touched.
 */
int net_capture_open(const struct net_capture_spec *spec, struct net_capture *c, struct net_err *err)
{
	struct net_capturing *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return net_fail(err, ENOMEM, NULL);
	c->now = k;
	c->op.step = capture_step;
	k->file.fd = -1;
	queue_init(&k->queue);
	k->count = spec->count;
	k->keep = spec->keep;
	k->path = strdup(spec->file && strcmp(spec->file, "-") != 0 ? spec->file : "standard output");
	k->fds = calloc(1, sizeof(*k->fds));
	r = k->path && k->fds ? net_capture_add(c, spec, err) : net_fail(err, ENOMEM, NULL);
	if (r < 0)
		net_capture_close(c);
	return r;
}

static int put_filters(struct net_capturing *k, const struct capture_filter *v, struct net_err *err)
{
	for (unsigned int i = 0; i < k->n; i++)
		if (!k->v[i].ring.gone && ring_filter(&k->v[i].ring, &v[i], err) < 0)
			return -err->code;
	return 0;
}

/*
 * net_capture_filter() - from now on let other packets pass
 * @ns: the namespace of each link
 * @filter: NULL: all
 *
 * One with a mistake leaves the one before in its place.
 */
int net_capture_filter(struct net_capture *c, struct net_ns *const *ns, const char *filter, struct net_err *err)
{
	struct net_capturing *k = c->now;
	struct net_capture_link *links = calloc(k->n, sizeof(*links));
	struct net_capture_spec s = {.links = links, .n = k->n, .filter = filter};
	struct capture_source *sources = NULL;
	struct capture_filter *v = NULL;
	int r;

	for (unsigned int i = 0; links && i < k->n; i++)
		links[i] = (struct net_capture_link){ns[i], k->v[i].name};
	if (links)
		sources = new_sources(&s);
	for (unsigned int i = 0; sources && i < k->n; i++)
		sources[i].ring.gone = k->v[i].ring.gone;
	if (sources)
		v = look(&s, sources, err);
	else
		net_fail(err, ENOMEM, NULL);
	r = v ? put_filters(k, v, err) : -err->code;
	if (v)
		free_filters(v, k->n);
	free(sources);
	free(links);
	return r;
}
