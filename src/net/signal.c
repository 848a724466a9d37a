/* signal.c - signal names, as kill(1) writes them */
#include <signal.h>
#include <string.h>
#include <strings.h>

#include "net.h"

/*
 * net_signal_number() - the number of a signal's name
 * @name: "TERM", "SIGTERM", in any case
 *
 * Return: the number; 0: no such signal.
 */
int net_signal_number(const char *name)
{
	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	for (int sig = 1; sig < NSIG; sig++) {
		const char *known = sigabbrev_np(sig);

		if (known && strcasecmp(known, name) == 0)
			return sig;
	}
	return 0;
}

/* net_signal_name() - "TERM"; NULL for one without a name, as the real-time signals are */
const char *net_signal_name(int sig)
{
	return sigabbrev_np(sig);
}
