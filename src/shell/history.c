/* history.c - the file that remembers the lines of the prompt: where it is, and that it is private */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "history.h"

/* Makes the folders above `path`, for nobody else to look into. */
static bool make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST) {
			*slash = '/';
			return false;
		}
		*slash = '/';
	}
	return true;
}

/* history_file() - put its path into `path` and see that the file is there; false: there can't be one */
bool history_file(char *path, size_t size)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n, fd = -1;

	*path = '\0';
	if (getauxval(AT_SECURE))
		return false;
	if (state && *state == '/')
		n = snprintf(path, size, "%s/nsh/history", state);
	else if (home && *home == '/')
		n = snprintf(path, size, "%s/.local/state/nsh/history", home);
	else
		return false;
	if (n < (int)size && make_folders(path))
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		*path = '\0';
		return false;
	}
	close(fd);
	return true;
}
