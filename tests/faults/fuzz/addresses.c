/* addresses.c - the parsers of addresses, prefixes, MACs, endpoints and keys: what they take prints as what they take
 * for the same
 */
#include "fuzz.h"

static int parse_key(const char *s, size_t len, struct net_field *f, struct net_err *err)
{
	f->len = NET_KEY_LEN;
	return net_parse_key(s, len, f->addr, err);
}

typedef int parser(const char *s, size_t len, struct net_field *f, struct net_err *err);

static const struct {
	parser *parse;
	struct net_row row;
} kinds[] = {
	{net_parse_ip, {.key = "ip", .type = NET_IP}},
	{net_parse_prefix, {.key = "prefix", .type = NET_PREFIX}},
	{net_parse_prefix, {.key = "route", .type = NET_PREFIX, .flags = NET_BARE}},
	{net_parse_mac, {.key = "mac", .type = NET_MAC}},
	{net_parse_endpoint, {.key = "endpoint", .type = NET_ENDPOINT}},
	{parse_key, {.key = "key", .type = NET_KEY}},
};

static void try(unsigned int kind, const char *s, size_t len)
{
	struct net_field f = {.row = &kinds[kind].row, .plen = -1}, again = {.row = f.row, .plen = -1};
	struct net_err err = {0};
	char text[NET_ADDR_TEXT], twice[NET_ADDR_TEXT];

	if (kinds[kind].parse(s, len, &f, &err) < 0) {
		HOLDS(err.code && *err.text, "'%s' is refused without a word", s);
		return;
	}
	if (f.row->type == NET_PREFIX && f.plen < 0)
		f.plen = (int16_t)(f.len * 8); /* as the kernel would tell it */
	net_field_addr(&f, text);
	HOLDS(kinds[kind].parse(text, strlen(text), &again, &err) == 0, "'%s' prints as '%s'", s, text);
	if (f.row->type == NET_PREFIX && again.plen < 0)
		again.plen = (int16_t)(again.len * 8);
	net_field_addr(&again, twice);
	HOLDS(strcmp(text, twice) == 0, "'%s', then '%s'", text, twice);
	HOLDS(f.family == again.family || f.plen == 0, "family of '%s'", s);
	HOLDS(f.len == again.len || f.plen == 0, "length of '%s'", s);
	HOLDS(memcmp(f.addr, again.addr, again.len) == 0 && f.plen == again.plen && f.i == again.i, "'%s' is not '%s'",
	      s, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = fuzz_text(data, size);

	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		try(i, s, size);
	free(s);
	return 0;
}
