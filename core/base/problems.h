/* All problems of the configuration files, in order of discovery until they are sorted. */
#ifndef JETON_PROBLEMS_H
#define JETON_PROBLEMS_H

#include "buf.h"
#include "err.h"

#define PROBLEMS_MAX 100 /* then one more says how many were left out */

struct problem {
    char *file; /* as the user would type it; NULL where there is none */
    int line;   /* from 1; 0: the file as a whole */
    int col;
    bool warning; /* `check` shows it; it is no error */
    char *message;
};

struct problems {
    struct problem *items;
    size_t count;
    size_t omitted; /* warnings first, so that all errors are there as long as there is room */
    size_t omitted_errors;
};

void problems_create(struct problems *problems);
void problems_destroy(struct problems *problems);
void problems_add(struct problems *problems, const char *file, int line, int col, const char *fmt,
                  ...) __attribute__((format(printf, 5, 6)));
void problems_warn(struct problems *problems, const char *file, int line, int col, const char *fmt,
                   ...) __attribute__((format(printf, 5, 6)));
/* Removes a warning at this place: an error says the same. */
void problems_drop_warning(struct problems *problems, const char *file, int line, int col);
/* By file, line and column. */
void problems_sort(struct problems *problems);
size_t problems_errors(const struct problems *problems); /* without warnings */
/* Appends "file:line:col: message\n" for each, warnings marked "warning: ", then how many were left
 * out. */
void problems_format(const struct problems *problems, struct buf *out);

#endif
