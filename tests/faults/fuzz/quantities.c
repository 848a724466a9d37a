/* quantities.c - the parsers of times, sizes, rates and fractions: finite, never negative, the same when printed */
#include <math.h>

#include "fuzz.h"

typedef int parser(const char *s, size_t len, double *v);

static parser *const parsers[] = {net_parse_seconds, net_parse_bytes, net_parse_rate, net_parse_fraction};

static void try(parser *parse, const char *s, size_t len)
{
	double v = -1, again = -1;
	char text[40];

	if (parse(s, len, &v) < 0)
		return;
	HOLDS(!isnan(v) && v >= 0, "'%s' is %g", s, v);
	snprintf(text, sizeof(text), "%.17g", v);
	if (isinf(v) || strlen(text) > 31)
		return; /* no row takes it */
	HOLDS(parse(text, strlen(text), &again) == 0, "'%s' is '%s', which is none", s, text);
	HOLDS(v == again, "'%s' is %.17g, then %.17g", s, v, again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = fuzz_text(data, size);

	for (unsigned int i = 0; i < sizeof(parsers) / sizeof(*parsers); i++)
		try(parsers[i], s, size);
	free(s);
	return 0;
}
