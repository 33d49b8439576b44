#include "mem.h"

#include "fault.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A thread keeps freed blocks up to this size at hand, for malloc; glibc's calloc (2.36) goes past
 * them. Of larger ones it knows which come zeroed from the kernel. */
#define AT_HAND_MAX ((size_t)1024)

static void *check(void *ptr)
{
    if (ptr == NULL)
        abort();
    return ptr;
}

void *mem_alloc(size_t size)
{
    if (size > AT_HAND_MAX)
        return check(calloc(1, size));
    return memset(mem_realloc(NULL, size), 0, size);
}

void *mem_realloc(void *ptr, size_t size)
{
    size = size > 0 ? size : 1;
    return check(ptr != NULL ? realloc(ptr, size) : malloc(size)); /* glibc's realloc is slower */
}

char *mem_strdup(const char *text)
{
    return text != NULL ? mem_strndup(text, strlen(text)) : NULL;
}

char *mem_strndup(const char *text, size_t len)
{
    char *copy = mem_realloc(NULL, len + 1);
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *mem_printf(const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    int len = vasprintf(&text, fmt, args);
    va_end(args);
    return check(len >= 0 ? text : NULL);
}

char *mem_join(const char *first, ...)
{
    size_t len = 0;
    va_list args;
    va_start(args, first);
    for (const char *text = first; text != NULL; text = va_arg(args, const char *))
        len += strlen(text);
    va_end(args);
    char *joined = mem_realloc(NULL, len + 1), *end = joined;
    va_start(args, first);
    for (const char *text = first; text != NULL; text = va_arg(args, const char *))
        end = stpcpy(end, text);
    va_end(args);
    *end = '\0';
    return joined;
}

char **mem_strdupv(const char *const *list)
{
    if (list == NULL)
        return NULL;
    size_t count = 0;
    while (list[count] != NULL)
        count++;
    char **copy = mem_alloc((count + 1) * sizeof *copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = mem_strdup(list[i]);
    return copy;
}

void mem_freev(char **list)
{
    for (char **item = list; item != NULL && *item != NULL; item++)
        mem_free(*item);
    mem_free(list);
}

void mem_free(const void *ptr)
{
    free((void *)(uintptr_t)ptr);
}

void mem_free_secret(const char *text)
{
    if (text != NULL)
        sodium_memzero((void *)(uintptr_t)text, strlen(text));
    mem_free(text);
}

bool mem_is_watched(void)
{
#ifdef __SANITIZE_ADDRESS__
    return true;
#else
    return fault_number(FAULT_TIDY) != 0;
#endif
}
