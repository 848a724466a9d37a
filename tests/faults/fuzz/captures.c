/* captures.c - capture files of others: each packet lies within the file, and is the same when it is written again
 *
 * Input: the file.
 */
#include "../../../src/net/capture.h"
#include "fuzz.h"

static unsigned int sum;

static void check(const struct net_frame *f, size_t size)
{
	HOLDS(f->caplen <= size, "%u bytes of %zu", f->caplen, size);
	HOLDS(f->len >= f->caplen, "%u of %u bytes", f->caplen, f->len);
	for (uint32_t i = 0; i < f->caplen; i++)
		sum += f->data[i];
}

/* Reads a file to its end.  Return: how many packets there are before that. */
static unsigned int read_all(const void *data, size_t size, struct capture_file *copy)
{
	struct net_pcap file = {0};
	struct net_err err = {0};
	struct net_frame f;
	unsigned int n = 0;
	int r = net_pcap_open(&file, NULL, data, size, &err);

	if (r < 0) {
		HOLDS(err.code && *err.text && !file.now, "it is refused without a word");
		return 0;
	}
	while ((r = net_pcap_next(&file, &f, &err)) == 1) {
		check(&f, size);
		net_pcap_name(&file, f.source);
		HOLDS(n++ < size, "more packets than bytes");
		if (copy)
			HOLDS(pcapfile_packet(copy, 0, &f) == 0, "no memory");
	}
	HOLDS(r == 0 || (err.code && *err.text), "it ends without a word");
	net_pcap_close(&file);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct capture_interface link = {.netns = "ns", .link = "eth0", .filter = "icmp", .linktype = 1};
	char *exact = fuzz_text(data, size);

	for (int ng = 0; ng < 2; ng++) {
		struct capture_file copy = {.fd = -1, .ng = ng};
		unsigned int n;

		HOLDS(pcapfile_begin(&copy, &link) == 0 && pcapfile_interface(&copy, &link) == 0, "no memory");
		n = read_all(exact, size, &copy);
		HOLDS(read_all(copy.buf, copy.len, NULL) == n, "%u packets are not the same when they were written", n);
		pcapfile_close(&copy);
	}
	free(exact);
	return 0;
}
