/* nft.c - whether a namespace has tables of nftables, and the same as before, so that nft(8) need not be asked often */
#include <arpa/inet.h>
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

union answer {
	struct nlmsghdr head;
	char buf[8192];
};

/* The first message of the answer tells enough. */
static int ask(const struct net_ns *ns, int message, int flags, union answer *answer, struct net_err *err)
{
	struct request q = {
		.head = {.nlmsg_len = sizeof(q),
			 .nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | message),
			 .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags)},
		.nf = {.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0},
	};
	int r = net_ns_enter(ns, err), fd, code;
	ssize_t n;

	if (r < 0)
		return r;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	code = errno;
	net_ns_leave();
	if (fd < 0)
		return net_fail(err, code, NULL);
	n = send(fd, &q, sizeof(q), 0);
	while (n >= 0 && (n = recv(fd, answer, sizeof(*answer), 0)) < 0 && errno == EINTR)
		n = 0;
	code = n < 0 ? errno : EBADMSG;
	close(fd);
	return n < (ssize_t)sizeof(answer->head) ? net_fail(err, code, NULL) : 0;
}

/* Where the kernel has no nftables there is nothing either. */
static int none(int r)
{
	return r == -EPROTONOSUPPORT ? 0 : r;
}

/*
 * net_nft_used() - has the namespace tables of nftables?
 *
 * Return: 1 or 0, 0 also where this kernel has no nftables; -errno
 */
int net_nft_used(const struct net_ns *ns, struct net_err *err)
{
	union answer answer = {0};
	int r = ask(ns, NFT_MSG_GETTABLE, NLM_F_DUMP, &answer, err);

	if (r < 0)
		return none(r);
	return answer.head.nlmsg_type != NLMSG_DONE && answer.head.nlmsg_type != NLMSG_ERROR;
}

/*
 * net_nft_generation() - the number of the ruleset that the namespace has: another one after each change
 * @gen: gets it; 0 where this kernel has no nftables
 *
 * Return: 0 or -errno
 */
int net_nft_generation(const struct net_ns *ns, uint32_t *gen, struct net_err *err)
{
	union answer answer = {0};
	const struct nlattr *attr = (const void *)(answer.buf + NLMSG_SPACE(sizeof(struct nfgenmsg)));
	int r = ask(ns, NFT_MSG_GETGEN, 0, &answer, err);

	*gen = 0;
	if (r < 0)
		return none(r);
	if (answer.head.nlmsg_type == NLMSG_ERROR)
		return 0;
	if (answer.head.nlmsg_len < NLMSG_SPACE(sizeof(struct nfgenmsg)) + NLA_HDRLEN + sizeof(*gen) ||
	    attr->nla_type != NFTA_GEN_ID)
		return net_fail(err, EBADMSG, NULL);
	memcpy(gen, (const char *)attr + NLA_HDRLEN, sizeof(*gen));
	*gen = ntohl(*gen);
	return 0;
}
