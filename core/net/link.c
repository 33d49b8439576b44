#include "link.h"

#include "field.h"
#include "mem.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define BLANKS " \t"

static const char *skip(const char *at)
{
    return at + strspn(at, BLANKS);
}

/* A word, or what stands between quotes. Appends it to `out`, which has room for all that follows
 * `at`; NULL: the closing quote is missing. */
static const char *read_value(const char *at, char *out)
{
    size_t len = 0;
    if (*at != '"') {
        len = strcspn(at, ";," BLANKS);
        memcpy(out, at, len);
        out[len] = '\0';
        return at + len;
    }
    for (at++; *at != '"' && *at != '\0'; at++) {
        at += *at == '\\' && at[1] != '\0';
        out[len++] = *at;
    }
    out[len] = '\0';
    return *at == '"' ? at + 1 : NULL;
}

/* Words with blanks between them; the names of relations are of any case. */
static bool is_next(const char *relations)
{
    bool found = false;
    for (const char *at = skip(relations); *at != '\0'; at = skip(at)) {
        size_t len = strcspn(at, BLANKS);
        found = found || (len == 4 && strncasecmp(at, "next", len) == 0);
        at += len;
    }
    return found;
}

/* The parameters of a link, from their first semicolon on; NULL: they cannot be read. */
static const char *read_parameters(const char *at, char *value, bool *next)
{
    bool related = false, elsewhere = false, empty = false;
    *next = false;
    for (at = skip(at); *at == ';'; at = skip(at)) {
        const char *name = skip(at + 1);
        size_t len = field_token_length(name, strlen(name));
        at = skip(name + len);
        if (len == 0 && (*at == ';' || *at == ',' || *at == '\0'))
            continue; /* an empty one */
        value[0] = '\0';
        if (*at == '=')
            at = read_value(skip(at + 1), value);
        if (len == 0 || at == NULL)
            return NULL;
        if (len == 3 && strncasecmp(name, "rel", len) == 0 && !related) {
            related = true; /* further ones do not count */
            *next = is_next(value);
        }
        elsewhere = elsewhere || (len == 6 && strncasecmp(name, "anchor", len) == 0);
        /* Sentry's: there is always a next page, https://docs.sentry.io/api/pagination/ */
        empty = empty || (len == 7 && strncasecmp(name, "results", len) == 0 &&
                          strcasecmp(value, "false") == 0);
    }
    *next = *next && !elsewhere && !empty;
    return at;
}

char *link_next(const char *value)
{
    char *scratch = mem_alloc(strlen(value) + 1);
    char *found = NULL;
    const char *at = value;
    while (found == NULL && at != NULL) {
        at += strspn(at, "," BLANKS);
        const char *target = at + 1, *end = *at == '<' ? strchr(target, '>') : NULL;
        bool next = false;
        at = end != NULL ? read_parameters(end + 1, scratch, &next) : NULL;
        if (at != NULL && *at != ',' && *at != '\0')
            at = NULL;
        if (at != NULL && next)
            found = mem_strndup(target, (size_t)(end - target));
        if (at != NULL && *at == '\0')
            break;
    }
    mem_free(scratch);
    return found;
}
