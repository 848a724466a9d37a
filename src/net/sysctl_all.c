/* sysctl_all.c - all sysctls of a namespace at once (sysctl -a), read while standing in it */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net.h"

enum { MAX_VALUE = 1 << 12, MAX_PATH = 512, MAX_DEPTH = 8 };

struct walk {
	char *text; /* key, NUL, value, NUL, ... */
	size_t len, size;
	char path[MAX_PATH]; /* below /proc/sys */
};

static int append(struct walk *w, const char *s, size_t n)
{
	if (w->len + n + 1 > w->size) {
		size_t size = 2 * (w->size + n) + 4096;
		char *more = realloc(w->text, size);

		if (!more)
			return -ENOMEM;
		w->text = more;
		w->size = size;
	}
	memcpy(w->text + w->len, s, n);
	w->text[w->len + n] = '\0';
	w->len += n + 1;
	return 0;
}

/* What can't be read, as what only takes a value, is left out. */
static int add_value(struct walk *w, int dir, const char *name)
{
	char buf[MAX_VALUE], key[MAX_PATH];
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n;
	int r;

	if (fd < 0)
		return 0;
	n = read(fd, buf, sizeof(buf));
	close(fd);
	if (n < 0 || n == sizeof(buf))
		return 0;
	if (n > 0 && buf[n - 1] == '\n')
		n--;
	strcpy(key, w->path);
	for (char *p = key; *p; p++)
		*p = *p == '/' ? '.' : *p == '.' ? '/' : *p;
	r = append(w, key, strlen(key));
	return r < 0 ? r : append(w, buf, strnlen(buf, (size_t)n));
}

static int walk_dir(struct walk *w, int dir, unsigned int depth);

static int walk_entry(struct walk *w, int dir, const struct dirent *e, unsigned int depth)
{
	size_t len = strlen(w->path), n = strlen(e->d_name);
	int fd, r = 0;

	if (e->d_name[0] == '.' || len + n + 2 > sizeof(w->path))
		return 0;
	w->path[len] = '/';
	memcpy(w->path + len + 1, e->d_name, n + 1);
	if (e->d_type != DT_DIR) {
		r = add_value(w, dir, e->d_name);
	} else if (depth < MAX_DEPTH) {
		fd = openat(dir, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			r = walk_dir(w, fd, depth + 1);
		if (r == -ENOENT) /* a link may go meanwhile */
			r = 0;
	}
	w->path[len] = '\0';
	return r;
}

/* Takes the descriptor. */
static int walk_dir(struct walk *w, int dir, unsigned int depth)
{
	DIR *d = fdopendir(dir);
	struct dirent *e;
	int r = 0;

	if (!d) {
		r = -errno;
		close(dir);
		return r;
	}
	while (errno = 0, r == 0 && (e = readdir(d)))
		r = walk_entry(w, dirfd(d), e, depth);
	if (r == 0)
		r = -errno;
	closedir(d);
	return r;
}

/*
 * net_sysctl_all() - read all sysctls of a namespace
 * @text, @len: malloc'd, keys and values in turn, each ended by NUL; the caller frees it, on failure too
 *
 * Return: 0; -ENOMEM; -errno when /proc/sys/net can't be read.
 */
int net_sysctl_all(const struct net_ns *ns, char **text, size_t *len, struct net_err *err)
{
	struct walk w = {.path = "net"};
	int fd, r = net_ns_enter(ns, err);

	*text = NULL;
	*len = 0;
	if (r < 0)
		return r;
	fd = open("/proc/sys/net", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = fd < 0 ? -errno : walk_dir(&w, fd, 0);
	net_ns_leave();
	*text = w.text;
	*len = w.len;
	return r < 0 ? net_fail(err, -r, NULL) : 0;
}
