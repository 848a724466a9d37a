#!/bin/sh
# embed.sh - print Lua files as C string literals, one a source line
#   sh embed.sh lua/nsh/*.lua > build/chunks.c
set -eu

echo '/* made by embed.sh */'
echo '#include "chunks.h"'
n=0
for file in "$@"; do
	n=$((n + 1))
	printf '\nstatic const char text%d[] =\n' "$n"
	sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/?/\\?/g' -e 's/^/\t"/' -e 's/$/\\n"/' "$file"
	printf '\t"";\n'
done
printf '\nconst struct nsh_chunk nsh_chunks[] = {\n'
n=0
for file in "$@"; do
	n=$((n + 1))
	path=${file##*lua/nsh/}
	module=nsh.$(printf %s "${path%.lua}" | tr / .)
	[ "$path" = init.lua ] && module=nsh
	printf '\t{ "%s", "=nsh/%s", text%d, sizeof(text%d) - 1 },\n' "$module" "$path" "$n" "$n"
done
printf '\t{ NULL, NULL, NULL, 0 },\n};\n'
