/* group.c - the names of groups of links, from /etc/iproute2/group */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tables.h"

#define MAX_GROUPS 256
#define NAME_SIZE 32

/* The file is read once, as other programs do. */
static struct {
	unsigned int n;
	bool read;
	struct {
		int value;
		char name[NAME_SIZE];
	} v[MAX_GROUPS];
} groups;

static void read_groups(void)
{
	FILE *f = groups.read ? NULL : fopen("/etc/iproute2/group", "re");
	char line[256];

	groups.read = true;
	while (f && groups.n < MAX_GROUPS && fgets(line, sizeof(line), f)) {
		char *end, *at = line + strspn(line, " \t");
		unsigned long value = strtoul(at, &end, 0);

		if (end == at || value > INT32_MAX || sscanf(end, " %31[^ \t\n#]", groups.v[groups.n].name) != 1)
			continue;
		groups.v[groups.n++].value = (int)value;
	}
	if (f)
		fclose(f);
}

static int value_of(const char *name)
{
	read_groups();
	for (unsigned int i = 0; i < groups.n; i++)
		if (strcmp(groups.v[i].name, name) == 0)
			return groups.v[i].value;
	return -1;
}

static char *name_of(int value, char *buf, size_t size)
{
	read_groups();
	for (unsigned int i = 0; i < groups.n; i++)
		if (groups.v[i].value == value) {
			snprintf(buf, size, "%s", groups.v[i].name);
			return buf;
		}
	return NULL;
}

const struct net_enum net_groups = {
	.list = (struct net_word[]){{"default", 0}, {NULL, 0}},
	.value = value_of,
	.name = name_of,
};
