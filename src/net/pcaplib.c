/* pcaplib.c - libpcap, loaded at first use: it compiles filters, for the link that they are for
 *
 * Only a handle that is open on a link gets code for the kernel: there the tag of a VLAN isn't in the packet any more,
 * and a cooked header isn't in it yet.  So one is opened for a moment, and the kernel is asked for the program that
 * libpcap has attached to it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "capture.h"

#define PCAP_NETMASK_UNKNOWN 0xffffffff
#define PCAP_ERRBUF_SIZE 256
#define SNAPLEN_MAX 262144 /* what libpcap says for "all of it" */

typedef struct pcap pcap_t;
struct bpf_program {
	unsigned int n;
	struct sock_filter *v;
};

static struct {
	void *handle;
	pcap_t *(*create)(const char *link, char *errbuf);
	pcap_t *(*open_dead)(int linktype, int snaplen);
	int (*set_snaplen)(pcap_t *p, int n);
	int (*set_buffer_size)(pcap_t *p, int n);
	int (*set_immediate_mode)(pcap_t *p, int on);
	int (*activate)(pcap_t *p);
	int (*datalink)(pcap_t *p);
	int (*set_datalink)(pcap_t *p, int linktype);
	int (*compile)(pcap_t *p, struct bpf_program *program, const char *text, int optimize, unsigned int mask);
	int (*setfilter)(pcap_t *p, struct bpf_program *program);
	void (*freecode)(struct bpf_program *program);
	int (*fileno)(pcap_t *p);
	char *(*geterr)(pcap_t *p);
	const char *(*statustostr)(int code);
	void (*close)(pcap_t *p);
} lib;

static const struct {
	const char *name;
	void *at;
} symbols[] = {
	{"pcap_create", &lib.create},
	{"pcap_open_dead", &lib.open_dead},
	{"pcap_set_snaplen", &lib.set_snaplen},
	{"pcap_set_buffer_size", &lib.set_buffer_size},
	{"pcap_set_immediate_mode", &lib.set_immediate_mode},
	{"pcap_activate", &lib.activate},
	{"pcap_datalink", &lib.datalink},
	{"pcap_set_datalink", &lib.set_datalink},
	{"pcap_compile", &lib.compile},
	{"pcap_setfilter", &lib.setfilter},
	{"pcap_freecode", &lib.freecode},
	{"pcap_fileno", &lib.fileno},
	{"pcap_geterr", &lib.geterr},
	{"pcap_statustostr", &lib.statustostr},
	{"pcap_close", &lib.close},
};

/* pcaplib_load() - have libpcap; to be called outside of other namespaces */
int pcaplib_load(struct net_err *err)
{
	void *handle;

	if (lib.handle)
		return 0;
	handle = dlopen("libpcap.so.0.8", RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		handle = dlopen("libpcap.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		net_fail(err, ENOPKG, "libpcap is not there, and it compiles filters");
		net_hint(err, "apt-get install libpcap0.8 brings it; captures without a filter don't need it");
		return -ENOPKG;
	}
	for (size_t i = 0; i < sizeof(symbols) / sizeof(*symbols); i++) {
		void *at = dlsym(handle, symbols[i].name);

		if (!at) {
			dlclose(handle);
			return net_fail(err, ENOPKG, "libpcap has no %s: it is too old", symbols[i].name);
		}
		memcpy(symbols[i].at, &at, sizeof(at));
	}
	lib.handle = handle;
	return 0;
}

/* The kernel's copy of the program on a socket. */
static int read_program(int fd, struct capture_filter *f, struct net_err *err)
{
	socklen_t n = BPF_MAXINSNS;

	f->v = calloc(BPF_MAXINSNS, sizeof(*f->v));
	if (!f->v)
		return net_fail(err, ENOMEM, NULL);
	/* ENOENT, or 0 of them: libpcap looks at packets itself where the kernel refused the program */
	if (getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, f->v, &n) < 0 || !n) {
		free(f->v);
		f->v = NULL;
		return net_fail(err, ENOSPC, "the filter is too long for the kernel");
	}
	f->n = n;
	return 0;
}

static int copy_program(const struct bpf_program *program, struct capture_filter *f, struct net_err *err)
{
	f->v = calloc(program->n, sizeof(*f->v));
	if (!f->v)
		return net_fail(err, ENOMEM, NULL);
	memcpy(f->v, program->v, program->n * sizeof(*f->v));
	f->n = program->n;
	return 0;
}

static int compile(pcap_t *p, const char *text, struct bpf_program *program, struct net_err *err)
{
	if (lib.compile(p, program, text, 1, PCAP_NETMASK_UNKNOWN) < 0)
		return net_fail(err, EINVAL, "filter '%s': %s", text, lib.geterr(p));
	return 0;
}

/* Word "vlan" in the filter: without an open handle libpcap would look for the tag where it isn't. */
static bool asks_for_tag(const char *text)
{
	for (const char *at = text; (at = strstr(at, "vlan")); at += 4)
		if ((at == text || strchr(" (!\t", at[-1])) && strchr(" )&|\t", at[4]))
			return true;
	return false;
}

/* A link that is down can't be opened by libpcap. */
static int ask_dead(const char *link, const char *text, struct capture_filter *f, struct net_err *err)
{
	struct bpf_program program;
	pcap_t *p;
	int r;

	if (asks_for_tag(text) || f->cooked) {
		net_fail(err, ENETDOWN, "libpcap can't compile '%s' for %s while that is down", text, link);
		net_hint(err, "bring it up first: link:set { up = true }");
		return -ENETDOWN;
	}
	p = lib.open_dead(f->linktype, SNAPLEN_MAX);
	if (!p)
		return net_fail(err, ENOMEM, NULL);
	r = compile(p, text, &program, err);
	if (r == 0) {
		r = copy_program(&program, f, err);
		lib.freecode(&program);
	}
	lib.close(p);
	return r;
}

static int activate(pcap_t *p, const char *link, struct net_err *err)
{
	int r;

	/* its ring is never read */
	lib.set_snaplen(p, SNAPLEN_MAX);
	lib.set_buffer_size(p, 1);
	lib.set_immediate_mode(p, 1);
	r = lib.activate(p);
	if (r < 0)
		return net_fail(err, EIO, "libpcap can't open %s: %s", link,
				*lib.geterr(p) ? lib.geterr(p) : lib.statustostr(r));
	return 0;
}

static int ask_live(pcap_t *p, const char *link, const char *text, struct capture_filter *f, struct net_err *err)
{
	struct bpf_program program;
	int r = activate(p, link, err);

	if (r < 0)
		return r;
	f->linktype = lib.datalink(p);
	f->cooked = f->linktype == CAPTURE_COOKED1;
	if (f->cooked) /* the second version has more to ask for, where there is one */
		lib.set_datalink(p, CAPTURE_COOKED);
	if (f->linktype == 12) /* DLT_RAW, which is another number in files */
		f->linktype = CAPTURE_RAW;
	r = compile(p, text, &program, err);
	if (r < 0)
		return r;
	if (lib.setfilter(p, &program) < 0)
		r = net_fail(err, EIO, "filter '%s': %s", text, lib.geterr(p));
	lib.freecode(&program);
	return r < 0 ? r : read_program(lib.fileno(p), f, err);
}

/* The last filters: to open a link and to close it each waits for all processors (RCU), 20 ms and more. */
static struct known {
	char *text;
	struct capture_filter filter;
} known[8];
static unsigned int oldest;

static bool recall(const char *text, struct capture_filter *f)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		const struct capture_filter *k = &known[i].filter;
		struct sock_filter *v;

		if (!known[i].text || k->hatype != f->hatype || strcmp(known[i].text, text) != 0)
			continue;
		v = malloc(k->n * sizeof(*v));
		if (!v)
			return false;
		memcpy(v, k->v, k->n * sizeof(*v));
		*f = *k;
		f->v = v;
		return true;
	}
	return false;
}

static void remember(const char *text, const struct capture_filter *f)
{
	struct known *k = &known[oldest];

	free(k->text);
	free(k->filter.v);
	k->filter = *f;
	k->text = strdup(text);
	k->filter.v = malloc(f->n * sizeof(*f->v));
	if (!k->text || !k->filter.v) {
		free(k->text);
		free(k->filter.v);
		*k = (struct known){0};
		return;
	}
	memcpy(k->filter.v, f->v, f->n * sizeof(*f->v));
	oldest = (oldest + 1) % (sizeof(known) / sizeof(*known));
}

/*
 * pcaplib_ask() - compile a filter for a link of the namespace that we stand in
 * @link: its name, or "any"
 * @up: whether it is; libpcap opens no other
 * @f: linktype and cooked as nsh thinks they are; with the program, as libpcap does
 */
int pcaplib_ask(const char *link, bool up, const char *text, struct capture_filter *f, struct net_err *err)
{
	char errbuf[PCAP_ERRBUF_SIZE];
	pcap_t *p;
	int r;

	if (recall(text, f))
		return 0;
	if (!up)
		return ask_dead(link, text, f, err);
	p = lib.create(link, errbuf);
	if (!p)
		return net_fail(err, EIO, "libpcap can't open %s: %s", link, errbuf);
	r = ask_live(p, link, text, f, err);
	lib.close(p);
	if (f->linktype == CAPTURE_COOKED1)
		f->linktype = CAPTURE_COOKED;
	if (r == 0 && f->v)
		remember(text, f);
	return r;
}

/* net_capture_check() - is the filter one, as far as that can be said without a link? */
int net_capture_check(const char *filter, struct net_err *err)
{
	struct bpf_program program;
	int r = pcaplib_load(err);
	pcap_t *p;

	if (r < 0)
		return r;
	p = lib.open_dead(CAPTURE_ETHERNET, SNAPLEN_MAX);
	if (!p)
		return net_fail(err, ENOMEM, NULL);
	r = compile(p, filter, &program, err);
	if (r == 0)
		lib.freecode(&program);
	lib.close(p);
	return r;
}
