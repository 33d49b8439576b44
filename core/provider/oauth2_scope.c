#include "oauth2_scope.h"

#include "buf.h"
#include "oauth2_connector.h"

#include <string.h>
#include <strings.h>

#define SEPARATORS    " ,\t"
#define UNGRANTED_MAX ((size_t)4 * 1024)

/* Replies leave these out, or have them by other names, though they were granted. */
static bool is_silent(const char *scope)
{
    static const char *const names[] = {"openid",         "profile", "email",
                                        "offline_access", "offline", "refresh_token"};
    size_t len = strlen(scope);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(scope, names[i]) == 0)
            return true;
    }
    return len >= 8 && strcmp(scope + len - 8, ".default") == 0;
}

/* Where a scope's own name begins: what is before it is the API's, which some leave out. */
static const char *name_of(const char *scope)
{
    const char *slash = strrchr(scope, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : scope;
}

/* Whether one of those granted is this scope, or one that it is a part of: `user` of `user:email`.
 */
static bool is_granted(const char *scope, const char *granted)
{
    const char *name = name_of(scope);
    for (const char *at = granted; *(at += strspn(at, SEPARATORS)) != '\0';) {
        size_t len = strcspn(at, SEPARATORS), skip = len;
        if (len == strlen(scope) && strncasecmp(at, scope, len) == 0)
            return true;
        while (skip > 0 && at[skip - 1] != '/')
            skip--;
        size_t rest = len - skip;
        bool begins = rest > 0 && strncasecmp(at + skip, name, rest) == 0;
        if (begins && (name[rest] == '\0' || strchr(":.", name[rest]) != NULL))
            return true;
        at += len;
    }
    return false;
}

char *oauth2_scope_ungranted(const struct connector *connector, const char *granted)
{
    char *const *asked = oauth2_connector_of(connector)->scope;
    struct buf out;
    if (asked == NULL || granted == NULL || granted[strspn(granted, SEPARATORS)] == '\0')
        return NULL;
    buf_create(&out, UNGRANTED_MAX);
    for (; *asked != NULL; asked++) {
        if (!is_silent(*asked) && !is_granted(*asked, granted))
            buf_printf(&out, "%s%s", out.len > 0 ? " " : "", *asked);
    }
    if (out.len > 0)
        return buf_take(&out);
    buf_destroy(&out);
    return NULL;
}
