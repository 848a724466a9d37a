/* nft.c - whether a namespace has tables of nftables, so that nft(8) need not be asked everywhere */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

struct request {
	struct nlmsghdr head;
	struct nfgenmsg nf;
};

/* Ask for the list of tables; its first message tells enough. */
static int ask(int fd, struct net_err *err)
{
	struct request q = {
		.head = {.nlmsg_len = sizeof(q),
			 .nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.nf = {.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0},
	};
	_Alignas(struct nlmsghdr) char buf[8192];
	const struct nlmsghdr *answer = (const void *)buf;
	ssize_t n;

	if (send(fd, &q, sizeof(q), 0) < 0)
		return net_fail(err, errno, NULL);
	do
		n = recv(fd, buf, sizeof(buf), 0);
	while (n < 0 && errno == EINTR);
	if (n < (ssize_t)sizeof(*answer))
		return net_fail(err, n < 0 ? errno : EBADMSG, NULL);
	return answer->nlmsg_type != NLMSG_DONE && answer->nlmsg_type != NLMSG_ERROR;
}

/*
 * net_nft_used() - has the namespace tables of nftables?
 *
 * Return: 1 or 0, 0 also where this kernel has no nftables; -errno
 */
int net_nft_used(const struct net_ns *ns, struct net_err *err)
{
	int r = net_ns_enter(ns, err), fd, code;

	if (r < 0)
		return r;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	code = errno;
	net_ns_leave();
	if (fd < 0)
		return code == EPROTONOSUPPORT ? 0 : net_fail(err, code, NULL);
	r = ask(fd, err);
	close(fd);
	return r;
}
