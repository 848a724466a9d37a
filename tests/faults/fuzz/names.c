/* names.c - names of links and namespaces, and sysctl keys: what is taken can break no path, shell or terminal */
#include "fuzz.h"

static void try(int r, const char *s, size_t len, size_t max, struct net_err *err)
{
	if (r < 0) {
		HOLDS(err->code && *err->text && strlen(err->text) < sizeof(err->text), "refused without a word");
		for (const char *p = err->text; *p; p++)
			HOLDS((unsigned char)*p >= ' ' && *p != 127, "a control character in: %s", err->text);
		return;
	}
	HOLDS(len > 0 && len <= max && strlen(s) == len, "'%s' has %zu bytes", s, len);
	HOLDS(*s != '-' && strcmp(s, ".") != 0 && strcmp(s, "..") != 0, "'%s' is taken", s);
	for (const char *p = s; *p; p++)
		HOLDS((unsigned char)*p > ' ' && *p != '/' && *p != 127, "'%s' is taken", s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = fuzz_text(data, size);
	struct net_err err = {0};

	try(net_check_link_name(s, size, &err), s, size, 15, &err);
	memset(&err, 0, sizeof(err));
	try(net_check_ns_name(s, size, &err), s, size, 255, &err);
	net_signal_number(s);
	net_kind_find(s);
	free(s);
	return 0;
}
