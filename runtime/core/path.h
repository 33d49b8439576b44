/* Paths in messages. */
#ifndef JETON_PATH_H
#define JETON_PATH_H

/* As the user would type it, and as good to open: relative to the working directory where it is
 * below it, else as given (mem_free). */
char *path_show(const char *path);

#endif
