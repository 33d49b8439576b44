/*
 * What was typed at prompts, in a file of the user's own (0600): a line for each entry, in which
 * `\n` is the end of a line of it, and `\\` a backslash. Several prompts may add to it at once.
 */
#ifndef JETON_REPL_HISTORY_H
#define JETON_REPL_HISTORY_H

#include "err.h"

/* Calls `each` for every entry, oldest first. A file that is missing, or somebody else's, has none.
 * One that has become long is cut to its newer half. */
void repl_history_load(const char *path, void (*each)(void *arg, const char *entry), void *arg);
/* Appends one; makes the file and its folder. ERR_CONFIG. */
int repl_history_add(const char *path, const char *entry, struct err *err);

#endif
