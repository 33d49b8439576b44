/* The files of scripts/ that the executable holds, Lua modules as bytecode (cmake/embed_lua.c). */
#ifndef JETON_EMBED_H
#define JETON_EMBED_H

#include <stddef.h>

struct embedded_file {
    const char *path; /* "kaizala/init.lua" */
    const unsigned char *data;
    size_t size;
};

extern const struct embedded_file embedded_lua[]; /* ends with path NULL */

/* The file of that path; NULL: there is none. */
const struct embedded_file *embed_find(const char *path);

#endif
