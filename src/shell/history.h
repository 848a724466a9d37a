/* history.h - the file that remembers the lines of the prompt */
#ifndef NSH_HISTORY_H
#define NSH_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

#define HISTORY_MAX 10000 /* entries */

bool history_file(char *path, size_t size);

#endif
