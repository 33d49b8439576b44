/* Memory of the core. Out of memory aborts: no caller checks these for NULL. */
#ifndef JETON_MEM_H
#define JETON_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size); /* zeroed */
void *mem_realloc(void *ptr, size_t size);
char *mem_strdup(const char *text); /* NULL gives NULL */
char *mem_strndup(const char *text, size_t len);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void mem_free(void *ptr);
void mem_free_secret(char *text); /* wipes a NUL-terminated string, then frees it; NULL is fine */

#endif
