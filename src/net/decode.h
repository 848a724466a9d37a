/* decode.h - inside the net layer: what decode.c reads values with (decode_value.c) */
#ifndef NSH_DECODE_H
#define NSH_DECODE_H

#include <netlink/attr.h>

#include "net.h"

/* libnl's own are calls, and lists have a hundred thousand attributes. */
static inline int net_attr_len(const struct nlattr *a)
{
	return a->nla_len - NLA_HDRLEN;
}

static inline void *net_attr_data(const struct nlattr *a)
{
	return (char *)(uintptr_t)a + NLA_HDRLEN;
}

bool net_get_value(const struct net_level *l, const struct net_row *row, struct net_field *f);
int net_next_plain(struct net_level *l, struct net_field *f);

#endif
