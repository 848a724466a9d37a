/* chunks.h - the Lua files that are part of the binary; build/chunks.c is made by embed.sh */
#ifndef NSH_CHUNKS_H
#define NSH_CHUNKS_H

#include <stddef.h>

struct nsh_chunk {
	const char *module;    /* "nsh.link"; NULL ends the list */
	const char *chunkname; /* "@nsh/link.lua" */
	const char *text;
	size_t len;
};

extern const struct nsh_chunk nsh_chunks[];

#endif
