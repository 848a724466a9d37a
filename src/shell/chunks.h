/* chunks.h - the Lua files that are part of the binary; build/chunks.c is made by embed.c */
#ifndef NSH_CHUNKS_H
#define NSH_CHUNKS_H

#include <stddef.h>

/* What the names of these chunks begin with; those of files begin with '@', whatever their folder is called. */
#define CHUNK_PREFIX "=nsh/"

struct nsh_chunk {
	const char *module;    /* "nsh.link"; NULL ends the list */
	const char *chunkname; /* "=nsh/link.lua" */
	const char *text;
	size_t len;
	const char *code; /* the same, compiled by the Lua that the program was built with */
	size_t code_len;
};

extern const struct nsh_chunk nsh_chunks[];

#endif
