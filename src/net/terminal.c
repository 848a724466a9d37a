/* terminal.c - the terminal, lent to a command that is in its foreground for a while */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "net.h"

/* net_terminal_take() - remember the state of the terminal at descriptor 0.  Return: false: there is none that is ours
 * to lend, because nsh itself is in the background */
bool net_terminal_take(struct net_terminal *t)
{
	t->group = tcgetpgrp(STDIN_FILENO);
	t->ours = t->group >= 0 && t->group == getpgrp() && tcgetattr(STDIN_FILENO, &t->mode) == 0;
	return t->ours;
}

/* net_terminal_back() - nsh is in the foreground again, with the terminal as it was.  Twice is harmless. */
void net_terminal_back(struct net_terminal *t)
{
	sigset_t ttou, mask;

	if (!t->ours)
		return;
	t->ours = false;
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU); /* who sets it from the background is stopped otherwise */
	sigprocmask(SIG_BLOCK, &ttou, &mask);
	tcsetpgrp(STDIN_FILENO, t->group);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &t->mode);
	sigprocmask(SIG_SETMASK, &mask, NULL);
}
