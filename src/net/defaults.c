/* defaults.c - namespaces start from the kernel's own sysctls, whatever the machine has set
 *
 * The kernel copies net.ipv4.conf.{all,default} of the machine into every new namespace, unless
 * net.core.devconf_inherit_init_net = 2, and with 1 or 3 net.ipv6.conf too; lo and the fallback tunnels are then made
 * from "default".  So a lab would forward, filter and redirect as docker, systemd or the distribution like it.  The
 * values below are those compiled into Linux (net/ipv4/devinet.c, net/ipv6/addrconf.c).
 *
 * Left as they are: mc_forwarding (a multicast router's state, no setting), and what is inherited but has no
 * constant default: tcp_rmem, tcp_wmem and tcp_congestion_control follow the machine's memory and modules.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net.h"

/* A key of conf/NAME.  What a device may decide by itself is not looked at in devices. */
struct setting {
	const char *key;
	long all, dflt;
	bool devices;
};

/* Forwarding stands first: changing it sets others. */
static const struct setting v4[] = {
	{"forwarding", 0, 0, true},
	{"accept_redirects", 1, 1, true},
	{"accept_source_route", 0, 1, true},
	{"arp_evict_nocarrier", 1, 1, true},
	{"igmpv2_unsolicited_report_interval", 10000, 10000, true},
	{"igmpv3_unsolicited_report_interval", 1000, 1000, true},
	{"secure_redirects", 1, 1, true},
	{"send_redirects", 1, 1, true},
	{"shared_media", 1, 1, true},
	{"accept_local", 0, 0, true},
	{"arp_accept", 0, 0, true},
	{"arp_announce", 0, 0, true},
	{"arp_filter", 0, 0, true},
	{"arp_ignore", 0, 0, true},
	{"arp_notify", 0, 0, true},
	{"bc_forwarding", 0, 0, true},
	{"bootp_relay", 0, 0, true},
	{"disable_policy", 0, 0, false},
	{"disable_xfrm", 0, 0, false},
	{"drop_gratuitous_arp", 0, 0, true},
	{"drop_unicast_in_l2_multicast", 0, 0, true},
	{"force_igmp_version", 0, 0, true},
	{"ignore_routes_with_linkdown", 0, 0, true},
	{"log_martians", 0, 0, true},
	{"medium_id", 0, 0, true},
	{"promote_secondaries", 0, 0, true},
	{"proxy_arp", 0, 0, true},
	{"proxy_arp_pvlan", 0, 0, true},
	{"route_localnet", 0, 0, true},
	{"rp_filter", 0, 0, true},
	{"src_valid_mark", 0, 0, true},
	{"tag", 0, 0, true},
	{0},
};

static const struct setting v6[] = {
	{"forwarding", 0, 0, true},
	{"disable_ipv6", 0, 0, true},
	{"accept_dad", 0, 1, false},
	{"accept_ra", 1, 1, true},
	{"accept_ra_defrtr", 1, 1, true},
	{"accept_ra_from_local", 0, 0, true},
	{"accept_ra_min_hop_limit", 1, 1, true},
	{"accept_ra_min_lft", 0, 0, true},
	{"accept_ra_mtu", 1, 1, true},
	{"accept_ra_pinfo", 1, 1, true},
	{"accept_ra_rt_info_max_plen", 0, 0, true},
	{"accept_ra_rt_info_min_plen", 0, 0, true},
	{"accept_ra_rtr_pref", 1, 1, true},
	{"accept_redirects", 1, 1, true},
	{"accept_source_route", 0, 0, true},
	{"accept_untracked_na", 0, 0, true},
	{"addr_gen_mode", 0, 0, false},
	{"autoconf", 1, 1, true},
	{"dad_transmits", 1, 1, true},
	{"disable_policy", 0, 0, true},
	{"drop_unicast_in_l2_multicast", 0, 0, true},
	{"drop_unsolicited_na", 0, 0, true},
	{"enhanced_dad", 1, 1, true},
	{"force_forwarding", 0, 0, true},
	{"force_mld_version", 0, 0, true},
	{"force_tllao", 0, 0, true},
	{"hop_limit", 64, 64, true},
	{"ignore_routes_with_linkdown", 0, 0, true},
	{"ioam6_enabled", 0, 0, true},
	{"ioam6_id", 0xffff, 0xffff, true},
	{"ioam6_id_wide", 0xffffffff, 0xffffffff, true},
	{"keep_addr_on_down", 0, 0, true},
	{"max_addresses", 16, 16, true},
	{"max_desync_factor", 600, 600, true},
	{"mldv1_unsolicited_report_interval", 10000, 10000, true},
	{"mldv2_unsolicited_report_interval", 1000, 1000, true},
	{"mtu", 1280, 1280, false},
	{"ndisc_evict_nocarrier", 1, 1, true},
	{"ndisc_notify", 0, 0, true},
	{"ndisc_tclass", 0, 0, true},
	{"optimistic_dad", 0, 0, true},
	{"proxy_ndp", 0, 0, true},
	{"ra_defrtr_metric", 1024, 1024, true},
	{"ra_honor_pio_life", 0, 0, true},
	{"ra_honor_pio_pflag", 0, 0, true},
	{"regen_max_retry", 3, 3, true},
	{"regen_min_advance", 2, 2, true},
	{"router_probe_interval", 60, 60, true},
	{"router_solicitation_delay", 1, 1, true},
	{"router_solicitation_interval", 4, 4, true},
	{"router_solicitation_max_interval", 3600, 3600, true},
	{"router_solicitations", -1, -1, true},
	{"rpl_seg_enabled", 0, 0, true},
	{"seg6_enabled", 0, 0, true},
	{"seg6_require_hmac", 0, 0, true},
	{"suppress_frag_ndisc", 1, 1, true},
	{"temp_prefered_lft", 86400, 86400, true},
	{"temp_valid_lft", 604800, 604800, true},
	{"use_oif_addrs_only", 0, 0, true},
	{"use_optimistic", 0, 0, true},
	{"use_tempaddr", 0, 0, false},
	{0},
};

/* What the kernel's command line sets for all namespaces (ipv6.disable_ipv6=1, ipv6.autoconf=0). */
static const struct setting v6_boot[] = {{"disable_ipv6", 0, 0, true}, {"autoconf", 1, 1, true}, {0}};

/* One sysctl that a new namespace has otherwise than the kernel's default. */
struct change {
	char path[104];
	long value;
};

enum { MAX_CHANGES = 512 };

/* All namespaces of a process inherit from the same machine, so what has to be changed is found out once. */
static struct change changes[MAX_CHANGES];
static unsigned int n_changes;
static bool known;

/* What net.core.devconf_inherit_init_net says. */
enum { UNKNOWN = -1, ONLY_V4, FROM_MACHINE, NOTHING, FROM_ROOT };

static long inherit = UNKNOWN;

static int read_number(int dir, const char *name, long *value)
{
	char buf[32];
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n <= 0)
		return n < 0 ? -EIO : -ENODATA;
	buf[n] = '\0';
	*value = strtol(buf, NULL, 10);
	return 0;
}

static int write_number(const char *path, long value)
{
	char buf[24];
	int n = snprintf(buf, sizeof(buf), "%ld\n", value), fd = open(path, O_WRONLY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, buf, (size_t)n) < 0)
		r = -errno;
	close(fd);
	return r;
}

/* Note what differs in conf/@name.  Files that this kernel has not, or that can't be read, are no difference. */
static bool compare(const char *family, const char *name, const struct setting *s)
{
	bool all = strcmp(name, "all") == 0, device = !all && strcmp(name, "default") != 0;
	unsigned int before = n_changes;
	char path[64];
	int dir;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s", family, name);
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return false;
	for (; s->key && n_changes < MAX_CHANGES; s++) {
		struct change *c = &changes[n_changes];
		long now = 0;

		c->value = all ? s->all : s->dflt;
		if ((device && !s->devices) || read_number(dir, s->key, &now) < 0 || now == c->value)
			continue;
		snprintf(c->path, sizeof(c->path), "%s/%s", path, s->key);
		n_changes++;
	}
	close(dir);
	return n_changes > before;
}

/* The devices that a new namespace is born with: lo, and the fallback tunnels of the modules that are loaded.
 * Return: -errno when they can't be listed; a family that this kernel has not has none. */
static int compare_devices(const char *family, const struct setting *s)
{
	char path[40];
	struct dirent *e;
	DIR *dir;
	int r;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf", family);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while (errno = 0, (e = readdir(dir)))
		if (e->d_name[0] != '.' && strcmp(e->d_name, "all") != 0 && strcmp(e->d_name, "default") != 0)
			compare(family, e->d_name, s);
	r = -errno;
	closedir(dir);
	return r;
}

static int find_changes(void)
{
	const struct setting *six = inherit == ONLY_V4 || inherit == NOTHING ? v6_boot : v6;
	int r = 0;

	n_changes = 0;
	if (inherit != NOTHING) {
		compare("ipv4", "all", v4);
		if (compare("ipv4", "default", v4))
			r = compare_devices("ipv4", v4);
	}
	compare("ipv6", "all", six);
	if (compare("ipv6", "default", six) && r == 0)
		r = compare_devices("ipv6", six);
	return r;
}

/* Return: 0, or -errno with the one that failed in *failed */
static int apply(const struct change **failed)
{
	for (unsigned int i = 0; i < n_changes; i++) {
		int r = write_number(changes[i].path, changes[i].value);

		*failed = &changes[i];
		if (r < 0 && r != -ENOENT) /* a fallback tunnel may have gone with its module */
			return r;
	}
	return 0;
}

/*
 * net_ns_defaults_begin() - see from whom namespaces inherit; to be called while still in the machine's own, for
 * others, those of containers too, don't see the sysctl
 */
void net_ns_defaults_begin(void)
{
	if (read_number(AT_FDCWD, "/proc/sys/net/core/devconf_inherit_init_net", &inherit) < 0)
		inherit = UNKNOWN;
}

/*
 * net_ns_defaults() - give a new namespace the kernel's default sysctls
 * @ns: just made; nothing is set in it yet
 *
 * The first call reads what is handed down; later ones only write what has to be changed, mostly nothing.
 *
 * Return: 0; -errno when a value that differs can't be written.
 */
int net_ns_defaults(const struct net_ns *ns, struct net_err *err)
{
	const struct change *failed = NULL;
	int r;

	if (known && !n_changes)
		return 0;
	r = net_ns_enter(ns, err);
	if (r < 0)
		return r;
	if (!known)
		r = find_changes();
	if (r == 0)
		r = apply(&failed);
	net_ns_leave();
	/* FROM_ROOT: from the world's own, which scripts change */
	known |= r == 0 && inherit != FROM_ROOT;
	if (r == 0)
		return r;
	if (!failed)
		return net_fail(err, -r, "cannot list the sysctls of a new namespace: %s", strerror(-r));
	net_fail(err, -r, "cannot set %s to the kernel's default %ld", failed->path, failed->value);
	net_hint(err, "new namespaces inherit the machine's value of it, and /proc/sys must be writable to undo that");
	return r;
}
