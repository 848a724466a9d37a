/* err.c - one failure, told once: errno, our words, the kernel's words, the remedy */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "net.h"

/* net_fail() - fill *err and return -code, so that a function can end with `return net_fail(...)`.  fmt may be
 * NULL: then strerror(code) is the text. */
int net_fail(struct net_err *err, int code, const char *fmt, ...)
{
	va_list args;

	memset(err, 0, sizeof(*err));
	err->code = code;
	if (fmt) {
		va_start(args, fmt);
		vsnprintf(err->text, sizeof(err->text), fmt, args);
		va_end(args);
	}
	return -code;
}

/* net_misuse() - the same for a slip of the caller's: -EINVAL, and bind raises the text at the script's line */
int net_misuse(struct net_err *err, const char *fmt, ...)
{
	va_list args;

	memset(err, 0, sizeof(*err));
	err->code = EINVAL;
	err->misuse = true;
	va_start(args, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	return -EINVAL;
}

/* net_hint() - add the remedy to a failure just told by net_fail() */
void net_hint(struct net_err *err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(err->hint, sizeof(err->hint), fmt, args);
	va_end(args);
}

/* net_errname() - "EEXIST"; the number in words nobody knows is "E???" */
const char *net_errname(int code)
{
	const char *name;

	if (code == ETIME)
		return "TIMEOUT";
	name = strerrorname_np(code);
	return name ? name : "E???";
}

const char *net_strerror(int code)
{
	const char *text = strerrordesc_np(code);

	return text ? text : "unknown error";
}
