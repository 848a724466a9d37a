/* ring.c - one packet socket with a ring that the kernel fills: packets are kept there until they are taken
 *
 * Frames of the ring have a fixed size (TPACKET_V2, where a packet can be taken as soon as it came).  They are as
 * large as what the link sends, and what is larger, as segments that are joined for transport, comes whole by the
 * socket's queue (PACKET_COPY_THRESH) as long as that has room; after that it is cut, and counted as such.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>

#include "capture.h"

#define BLOCK_MIN 65536
#define FRAME_MIN 256
#define FRAME_MAX 131072 /* the largest packet that most links have */
#define FRAMES 2048	 /* a ring that has room for more of them has larger ones instead */
#define MTU_MAX 16000
#define USUAL_MTU 1500
#define QUEUE (16 << 20) /* bytes of the large ones, as far as one may */
#define BEFORE 32	 /* room for a header of ours before each packet */
#define OVERHEAD 160	 /* of a frame: the kernel's words on it, and that room */

static int ask_link(int fd, unsigned long what, const char *link, struct ifreq *q)
{
	memset(q, 0, sizeof(*q));
	memcpy(q->ifr_name, link, strnlen(link, sizeof(q->ifr_name) - 1));
	return ioctl(fd, what, q) < 0 ? -errno : 0;
}

static void set_type(struct capture_ring *r)
{
	switch (r->hatype) {
	case ARPHRD_ETHER:
	case ARPHRD_LOOPBACK: r->linktype = CAPTURE_ETHERNET; break;
	case ARPHRD_NONE:
	case ARPHRD_SIT:
	case ARPHRD_TUNNEL: r->linktype = CAPTURE_RAW; break;
	default: r->linktype = CAPTURE_COOKED; r->cooked = true;
	}
}

/*
 * ring_look() - what kind of packets there are on a link of the namespace that we stand in
 * @r: gets index, hatype, linktype and cooked
 */
int ring_look(struct capture_ring *r, const char *link, bool *up, struct net_err *err)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), code = 0;
	struct ifreq q;

	if (fd < 0) {
		net_fail(err, errno, "cannot open a packet socket: %s", net_strerror(errno));
		return -err->code;
	}
	if (ask_link(fd, SIOCGIFINDEX, "lo", &q) == 0)
		r->loopback = q.ifr_ifindex;
	*up = true;
	r->hatype = ARPHRD_VOID;
	if (strcmp(link, "any") != 0) {
		code = ask_link(fd, SIOCGIFINDEX, link, &q);
		r->index = q.ifr_ifindex;
		if (code == 0)
			code = ask_link(fd, SIOCGIFHWADDR, link, &q);
		r->hatype = q.ifr_hwaddr.sa_family;
		if (code == 0)
			code = ask_link(fd, SIOCGIFFLAGS, link, &q);
		*up = q.ifr_flags & IFF_UP;
		if (q.ifr_flags & IFF_LOOPBACK)
			r->loopback = r->index;
	}
	close(fd);
	set_type(r);
	return code < 0 ? net_fail(err, -code, "no link %s", link) : 0;
}

/* Put what nsh itself asks for before the program: a packet on the loopback comes twice, once on its way out. */
static unsigned int put_direction(const struct capture_ring *r, struct sock_filter *v)
{
	bool looped = r->index && r->index == r->loopback, out = r->direction == NET_OUT;
	const struct sock_filter kind = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_PKTTYPE);
	const struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
	unsigned int n = 0;

	if (r->direction != NET_INOUT || looped) {
		v[n++] = kind;
		v[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, out, !out);
		v[n++] = drop;
	} else if (!r->index) {
		v[n++] = kind;
		v[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 3);
		v[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_IFINDEX);
		v[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)r->loopback, 0, 1);
		v[n++] = drop;
	}
	v[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, 0); /* programs begin with A = 0 */
	return n;
}

#define PREFIX_MAX 8

/* ring_filter() - let only those packets pass; the change happens at once, between two packets */
int ring_filter(struct capture_ring *r, const struct capture_filter *f, struct net_err *err)
{
	unsigned int whole = r->cooked ? r->snaplen - CAPTURE_COOKED_LEN : r->snaplen, n;
	struct sock_filter *v = calloc(f->n + PREFIX_MAX, sizeof(*v));
	struct sock_fprog program = {.filter = v};
	int code = 0;

	if (!v)
		return net_fail(err, ENOMEM, NULL);
	n = put_direction(r, v);
	if (f->n)
		memcpy(v + n, f->v, f->n * sizeof(*v));
	else
		v[n] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 1);
	program.len = (unsigned short)(n + (f->n ? f->n : 1));
	for (unsigned int i = n; i < program.len; i++)
		if (v[i].code == (BPF_RET | BPF_K) && v[i].k)
			v[i].k = whole;
	if (setsockopt(r->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		code = errno;
	free(v);
	if (code)
		return net_fail(err, code, "the kernel refuses the filter: %s", net_strerror(code));
	return 0;
}

/* Large enough for what the link sends; in a large ring, for what goes over it in one piece as well. */
static unsigned int frame_size(const struct capture_ring *r, const char *link, size_t room)
{
	unsigned int need = USUAL_MTU, size = FRAME_MIN;
	struct ifreq q;

	if (r->index && ask_link(r->fd, SIOCGIFMTU, link, &q) == 0 && q.ifr_mtu < MTU_MAX)
		need = (unsigned int)q.ifr_mtu;
	if (need > r->snaplen)
		need = r->snaplen;
	while (size < need + OVERHEAD)
		size *= 2;
	while (size < FRAME_MAX && size < r->snaplen + OVERHEAD && size * 2 <= room / FRAMES)
		size *= 2;
	return size;
}

/* The kernel has a ring of this many bytes from now on. */
static int make_ring(struct capture_ring *r, const char *link, size_t room)
{
	int version = TPACKET_V2, before = BEFORE, copies = 1, buffer = QUEUE;
	struct tpacket_req q;

	r->frame_size = frame_size(r, link, room);
	r->block = r->frame_size > BLOCK_MIN ? r->frame_size : BLOCK_MIN;
	q.tp_block_size = r->block;
	q.tp_block_nr = (unsigned int)((room + r->block - 1) / r->block);
	q.tp_frame_size = r->frame_size;
	q.tp_frame_nr = q.tp_block_nr * (r->block / r->frame_size);
	if (setsockopt(r->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) < 0 ||
	    setsockopt(r->fd, SOL_PACKET, PACKET_RESERVE, &before, sizeof(before)) < 0 ||
	    setsockopt(r->fd, SOL_PACKET, PACKET_COPY_THRESH, &copies, sizeof(copies)) < 0 ||
	    setsockopt(r->fd, SOL_PACKET, PACKET_RX_RING, &q, sizeof(q)) < 0)
		return -errno;
	if (setsockopt(r->fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) < 0)
		setsockopt(r->fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	r->frames = q.tp_frame_nr;
	r->map_len = (size_t)q.tp_block_nr * r->block;
	r->map = mmap(NULL, r->map_len, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (r->map == MAP_FAILED)
		r->map = NULL;
	r->large = malloc(r->snaplen + BEFORE);
	return r->map && r->large ? 0 : -ENOMEM;
}

static int begin(struct capture_ring *r, bool promisc)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = r->index};
	struct packet_mreq all = {.mr_ifindex = r->index, .mr_type = PACKET_MR_PROMISC};
	int ignored;
	socklen_t n = sizeof(ignored);

	if (bind(r->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return -errno;
	getsockopt(r->fd, SOL_SOCKET, SO_ERROR, &ignored, &n); /* ENETDOWN: it is down, and may come up */
	if (promisc && r->index)
		return setsockopt(r->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) < 0 ? -errno : 0;
	return 0;
}

/*
 * ring_open() - capture from now on, on a link of the namespace that we stand in
 * @r: as ring_look() left it, with snaplen and direction
 * @room: bytes of the ring
 *
 * The filter is there before the first packet can be.
 */
int ring_open(struct capture_ring *r, const char *link, size_t room, bool promisc, const struct capture_filter *f,
	      struct net_err *err)
{
	int code;

	r->fd = socket(AF_PACKET, (r->cooked ? SOCK_DGRAM : SOCK_RAW) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (r->fd < 0)
		return net_fail(err, errno, "cannot open a packet socket: %s", net_strerror(errno));
	if (ring_filter(r, f, err) < 0)
		return -err->code;
	code = make_ring(r, link, room);
	if (code < 0)
		return net_fail(err, -code, "cannot make a ring of %zu bytes for packets: %s", room,
				net_strerror(-code));
	code = begin(r, promisc);
	if (code < 0)
		return net_fail(err, -code, "cannot capture on %s: %s", link, net_strerror(-code));
	return 0;
}

/* ring_close() - closing twice is harmless */
void ring_close(struct capture_ring *r)
{
	if (r->map)
		munmap(r->map, r->map_len);
	free(r->large);
	if (r->fd >= 0)
		close(r->fd);
	r->map = r->large = NULL;
	r->fd = -1;
}

/* ring_count() - ask the kernel how many packets there were: all that it counts by now can be taken */
void ring_count(struct capture_ring *r)
{
	struct tpacket_stats now;
	socklen_t n = sizeof(now);

	if (r->fd < 0 || getsockopt(r->fd, SOL_PACKET, PACKET_STATISTICS, &now, &n) < 0)
		return;
	r->accepted += now.tp_packets - now.tp_drops;
	r->dropped += now.tp_drops;
}

static struct tpacket2_hdr *head(const struct capture_ring *r)
{
	unsigned int per_block = r->block / r->frame_size;

	return (struct tpacket2_hdr *)(void *)(r->map + (size_t)(r->at / per_block) * r->block +
					       (size_t)(r->at % per_block) * r->frame_size);
}

/* ring_peek() - is the next packet there?  When was it? */
bool ring_peek(struct capture_ring *r, uint64_t *time)
{
	const struct tpacket2_hdr *h = head(r);

	if (!(__atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
		return false;
	*time = (uint64_t)h->tp_sec * 1000000000 + h->tp_nsec;
	return true;
}

static void put16(unsigned char *p, unsigned int v)
{
	p[0] = (unsigned char)(v >> 8);
	p[1] = (unsigned char)v;
}

/* The header that stands for the link's own, as libpcap makes it (LINKTYPE_LINUX_SLL2). */
static void put_cooked(struct net_frame *f, unsigned char *p, const struct sockaddr_ll *from)
{
	memset(p, 0, CAPTURE_COOKED_LEN);
	memcpy(p, &from->sll_protocol, 2);
	put16(p + 4, (unsigned int)from->sll_ifindex >> 16);
	put16(p + 6, (unsigned int)from->sll_ifindex);
	put16(p + 8, from->sll_hatype);
	p[10] = from->sll_pkttype;
	p[11] = from->sll_halen;
	memcpy(p + 12, from->sll_addr, 8);
	f->len += CAPTURE_COOKED_LEN;
	f->caplen += CAPTURE_COOKED_LEN;
	f->data = p;
}

/* The kernel takes the tag of a VLAN out of the packet; put it back. */
static void put_tag(struct net_frame *f, unsigned char *p, const struct tpacket2_hdr *h, bool cooked)
{
	unsigned int type = h->tp_status & TP_STATUS_VLAN_TPID_VALID ? h->tp_vlan_tpid : ETH_P_8021Q;

	if (cooked) { /* the type moves from the cooked header to before the payload */
		memmove(p - 4, p, CAPTURE_COOKED_LEN);
		memcpy(p + CAPTURE_COOKED_LEN - 2, p - 4, 2);
		put16(p + CAPTURE_COOKED_LEN - 4, h->tp_vlan_tci);
		put16(p - 4, type);
	} else if (f->caplen >= 2 * ETH_ALEN) {
		memmove(p - 4, p, 2 * ETH_ALEN);
		put16(p + 2 * ETH_ALEN - 4, type);
		put16(p + 2 * ETH_ALEN - 2, h->tp_vlan_tci);
	} else {
		return;
	}
	f->data = p - 4;
	f->len += 4;
	f->caplen += 4;
}

/* A packet that is larger than a frame waits in the socket's queue, in the order of the frames. */
static unsigned char *take_large(struct capture_ring *r, struct net_frame *f)
{
	unsigned int room = r->cooked ? r->snaplen - CAPTURE_COOKED_LEN : r->snaplen;
	ssize_t n = recv(r->fd, r->large + BEFORE, room, MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0)
		return NULL;
	f->caplen = (size_t)n < room ? (uint32_t)n : room;
	return r->large + BEFORE;
}

/*
 * ring_take() - the next packet; only after ring_peek() said that it is there
 * @f: its data stand until ring_done()
 */
void ring_take(struct capture_ring *r, struct net_frame *f)
{
	struct tpacket2_hdr *h = head(r);
	const struct sockaddr_ll *from =
		(const struct sockaddr_ll *)(void *)((unsigned char *)h + TPACKET_ALIGN(sizeof(*h)));
	unsigned int whole = r->cooked ? r->snaplen - CAPTURE_COOKED_LEN : r->snaplen;
	unsigned char *p = NULL;

	*f = (struct net_frame){.linktype = r->linktype, .len = h->tp_len, .caplen = h->tp_snaplen};
	f->time = (uint64_t)h->tp_sec * 1000000000 + h->tp_nsec;
	f->index = from->sll_ifindex;
	f->direction = from->sll_pkttype == PACKET_OUTGOING ? NET_OUT : NET_IN;
	if (h->tp_status & TP_STATUS_COPY)
		p = take_large(r, f);
	if (!p)
		p = (unsigned char *)h + h->tp_mac;
	r->cut += f->caplen < f->len && f->caplen < whole;
	f->data = p;
	if (r->cooked)
		put_cooked(f, p -= CAPTURE_COOKED_LEN, from);
	if (h->tp_status & TP_STATUS_VLAN_VALID)
		put_tag(f, p, h, r->cooked);
	r->taken++;
}

/* ring_done() - the frame is the kernel's again */
void ring_done(struct capture_ring *r)
{
	__atomic_store_n(&head(r)->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	r->at = (r->at + 1) % r->frames;
}

/* ring_gone() - after word of an error: is the link no more in its namespace?  One that went down may come up. */
bool ring_gone(struct capture_ring *r)
{
	struct sockaddr_ll at = {0};
	socklen_t n = sizeof(at);
	int ignored;

	if (r->fd < 0)
		return false;
	getsockopt(r->fd, SOL_SOCKET, SO_ERROR, &ignored, &(socklen_t){sizeof(ignored)});
	return r->index && getsockname(r->fd, (struct sockaddr *)&at, &n) == 0 && at.sll_ifindex != r->index;
}
