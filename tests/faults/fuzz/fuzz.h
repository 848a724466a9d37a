/* fuzz.h - what the fuzz targets share: a property that doesn't hold ends the run, with the reason */
#ifndef NSH_FUZZ_H
#define NSH_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../src/net/net.h"

#define HOLDS(what, ...)                                               \
	do {                                                           \
		if (!(what)) {                                         \
			fprintf(stderr, "does not hold: %s: ", #what); \
			fprintf(stderr, __VA_ARGS__);                  \
			fprintf(stderr, "\n");                         \
			abort();                                       \
		}                                                      \
	} while (0)

/* The byte that stands for a noun in the inputs that are kept, whichever nouns come after it. */
static inline uint8_t fuzz_mark(const struct net_noun *noun)
{
	uint8_t mark = 0;

	for (const char *p = noun->name; *p; p++)
		mark = (uint8_t)(mark * 31 + *p);
	return mark;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy of exactly its length and a NUL, as Lua's strings have one; one byte beyond is seen.  free() it. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *s = malloc(size + 1);

	memcpy(s, data, size);
	s[size] = 0;
	return s;
}

#endif
