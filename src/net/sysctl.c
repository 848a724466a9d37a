/* sysctl.c - the sysctls that belong to a network namespace, through /proc/sys/net (sysctl(8))
 *
 * Which namespace's file one gets is decided at open(2), by where the caller stands; reading and writing may then
 * be done from anywhere.  Listing is different: every look into a directory asks anew.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net.h"

#define ROOT "/proc/sys/"

enum { MAX_KEY = 256 };

/* Every part of the path must be a name: what says "up" or "here" could lead out of /proc/sys/net. */
static bool good_parts(const char *path)
{
	for (;;) {
		size_t n = strcspn(path, "/");

		if (n == 0 || (n == 1 && path[0] == '.') || (n == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		if (!path[n])
			return true;
		path += n + 1;
	}
}

/*
 * "net.ipv4.conf.eth0/100.rp_filter" or "net/ipv4/conf/eth0.100/rp_filter": the separator that comes first is the
 * separator, the other one stands for a dot in a name.
 */
static int path_of(const char *key, char *path, size_t size, struct net_err *err)
{
	const char *first = key + strcspn(key, "./");
	size_t root = sizeof(ROOT) - 1;

	if (strlen(key) + root >= size)
		return net_fail(err, ENAMETOOLONG, "a sysctl's key has at most %d bytes", MAX_KEY);
	memcpy(path, ROOT, root);
	memcpy(path + root, key, strlen(key) + 1);
	if (*first == '.')
		for (char *p = path + root; *p; p++)
			*p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
	if (strcmp(path + root, "net") != 0 && strncmp(path + root, "net/", 4) != 0) {
		net_fail(err, EINVAL, "'%.80s' is not below net", key);
		net_hint(err, "only the sysctls of net.* belong to a namespace, as in \"net.ipv4.ip_forward\"");
		return -EINVAL;
	}
	if (!good_parts(path + root))
		return net_fail(err, EINVAL, "'%.80s' has a part that is no name", key);
	return 0;
}

static int cannot_open(const char *key, int code, bool write, struct net_err *err)
{
	switch (code) {
	case ENOENT: return net_fail(err, code, "no sysctl %.120s", key);
	case EISDIR: return net_fail(err, code, "%.120s is a directory of sysctls", key);
	case EACCES: return net_fail(err, code, "%.120s is %s", key, write ? "read-only here" : "write-only");
	case EROFS:
		net_fail(err, code, "%.120s can't be written: /proc/sys is mounted read-only", key);
		net_hint(err, "a container shows /proc/sys read-only unless it is started with --privileged");
		return -code;
	default: return net_fail(err, code, NULL);
	}
}

static int open_key(const struct net_ns *ns, const char *key, int flags, struct net_err *err)
{
	char path[sizeof(ROOT) + MAX_KEY];
	int fd, code, r = path_of(key, path, sizeof(path), err);
	struct stat st;

	if (r < 0)
		return r;
	r = net_ns_enter(ns, err);
	if (r < 0)
		return r;
	fd = open(path, flags | O_CLOEXEC | O_NOCTTY);
	code = errno;
	if (fd < 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		code = EISDIR;
	net_ns_leave();
	if (fd < 0)
		return cannot_open(key, code, flags != O_RDONLY, err);
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		return cannot_open(key, EISDIR, false, err);
	}
	return fd;
}

/*
 * net_sysctl_get() - read one sysctl (sysctl -n KEY)
 * @buf: gets the text as the kernel writes it, without the last newline, NUL-terminated
 *
 * Return: the text's length; -ENOENT, -EISDIR, -EACCES (write-only); -E2BIG: longer than @size.
 */
int net_sysctl_get(const struct net_ns *ns, const char *key, char *buf, size_t size, struct net_err *err)
{
	int fd = open_key(ns, key, O_RDONLY, err);
	size_t len = 0;
	ssize_t n = 0;
	int code;

	if (fd < 0)
		return fd;
	while (len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0)
		len += (size_t)n;
	code = n < 0 ? errno : len == size - 1 ? E2BIG : 0;
	close(fd);
	if (code)
		return net_fail(err, code, NULL);
	if (len && buf[len - 1] == '\n')
		len--;
	buf[len] = '\0';
	return (int)len;
}

/*
 * net_sysctl_set() - write one sysctl (sysctl -w KEY=VALUE)
 * @value: one line; several numbers are separated by blanks
 *
 * Return: 0; -ENOENT, -EISDIR, -EACCES (read-only), -EINVAL: the kernel refuses the value.
 */
int net_sysctl_set(const struct net_ns *ns, const char *key, const char *value, struct net_err *err)
{
	size_t len = strlen(value);
	int fd, code = 0;
	char *line;
	ssize_t n;

	if (strchr(value, '\n'))
		return net_fail(err, EINVAL, "a sysctl's value is one line");
	fd = open_key(ns, key, O_WRONLY, err);
	if (fd < 0)
		return fd;
	line = malloc(len + 1);
	if (!line) {
		close(fd);
		return net_fail(err, ENOMEM, NULL);
	}
	memcpy(line, value, len);
	line[len] = '\n'; /* also makes an empty value something to write */
	net_changes++;
	n = write(fd, line, len + 1);
	if (n < 0)
		code = errno;
	close(fd);
	free(line);
	if (!code)
		return 0;
	net_fail(err, code, NULL);
	if (code == EINVAL || code == ERANGE)
		net_hint(err, "the kernel does not take '%.60s' for %.120s", value, key);
	return -code;
}

/* One name more in a list of names that end with NUL each */
static int add_name(char **names, size_t *len, const char *name, bool directory)
{
	size_t n = strlen(name);
	char *more = realloc(*names, *len + n + 2);

	if (!more)
		return -ENOMEM;
	*names = more;
	memcpy(more + *len, name, n);
	if (directory)
		more[*len + n++] = '/';
	more[*len + n++] = '\0';
	*len += n;
	return 0;
}

static int read_names(const char *path, char **names, size_t *len)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	int r = 0;

	if (!dir)
		return -errno;
	while (errno = 0, r == 0 && (e = readdir(dir)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = add_name(names, len, e->d_name, e->d_type == DT_DIR);
	if (r == 0)
		r = -errno; /* of readdir(): a list that broke off is none */
	closedir(dir);
	return r;
}

/*
 * net_sysctl_list() - the names in one directory of sysctls
 * @key: "net", "net.ipv4.conf"
 * @names, @len: malloc'd, NUL-separated; directories end with "/"; the caller frees it, on failure too
 *
 * Return: 0; -ENOENT; -ENOTDIR: @key is a sysctl itself.
 */
int net_sysctl_list(const struct net_ns *ns, const char *key, char **names, size_t *len, struct net_err *err)
{
	char path[sizeof(ROOT) + MAX_KEY];
	int r = path_of(key, path, sizeof(path), err);

	*names = NULL;
	*len = 0;
	if (r == 0)
		r = net_ns_enter(ns, err);
	if (r < 0)
		return r;
	r = read_names(path, names, len);
	net_ns_leave();
	return r < 0 ? net_fail(err, -r, NULL) : 0;
}
