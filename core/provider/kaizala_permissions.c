#include "kaizala_permissions.h"

#include "kaizala_request.h"
#include "url.h"

#include <string.h>

/*
 * From the published scope list and the masks in access tokens (2 write, 4 read, 8 remove, 16
 * update). Paths below /v1; `*` is one segment.
 */
static const struct {
    const char *method;
    const char *path;
    const char *permission;
} permissions[] = {
    {"GET", "users/me", "profile.read"},
    {"GET", "groups", "groupinfo.read"},
    {"POST", "groups", "groupinfo.write"},
    {"GET", "groups/*", "groupinfo.read"},
    {"GET", "groups/*/subgroups", "groupinfo.read"},
    {"POST", "groups/*/subgroups", "groupinfo.write"},
    {"PUT", "groups/*/subgroups", "groupinfo.update"},
    {"DELETE", "groups/*/subgroups/*", "groupinfo.remove"},
    {"GET", "groups/*/members", "groupmember.read"},
    {"PUT", "groups/*/members", "groupmember.write"},
    {"PUT", "groups/*/members/*", "groupmember.update"},
    {"DELETE", "groups/*/members/*", "groupmember.remove"},
    {"GET", "groups/*/subscribers", "groupmember.read"},
    {"POST", "groups/*/subscribers", "groupmember.read"},
    {"PUT", "groups/*/subscribers/add", "groupmember.write"},
    {"PUT", "groups/*/subscribers/remove", "groupmember.remove"},
    {"POST", "groups/*/messages", "textmessage.write"},
    {"GET", "groups/*/actions", "action.read"},
    {"POST", "groups/*/actions", "action.write"},
    {"GET", "groups/*/actions/*", "action.read"},
    {"PUT", "groups/*/actions/*", "action.update"},
    {"POST", "groups/*/actions/*/responses", "action.write"},
    {"POST", "groups/*/actions/*/reminder", "action.write"},
    {"GET", "bot", "bot.read"},
    {"POST", "bot", "bot.write"},
    {"PUT", "bot/*", "bot.update"},
    {"DELETE", "bot/*", "bot.remove"},
    {"GET", "bot/accessToken/*", "bot.read"},
    {"POST", "groups/*/bot", "bot.write"},
    {"GET", "webhook", "webhook.read"},
    {"POST", "webhook", "webhook.write"},
    {"PUT", "webhook/*", "webhook.update"},
    {"DELETE", "webhook/*", "webhook.remove"},
    {"POST", "media", "media.write"},
    {"POST", "media/url", "media.write"},
};

const char *kaizala_permissions_of(const char *method, const char *path)
{
    path = kaizala_request_resource(path);
    for (size_t i = 0; i < sizeof permissions / sizeof permissions[0]; i++) {
        if (strcmp(permissions[i].method, method) == 0 &&
            url_path_matches(permissions[i].path, path))
            return permissions[i].permission;
    }
    return NULL;
}

static bool scope_has(const char *scope, const char *permission)
{
    size_t len = strlen(permission);
    for (const char *at = scope; (at = strstr(at, permission)) != NULL; at += len) {
        if ((at == scope || at[-1] == ',' || at[-1] == ' ') &&
            (at[len] == '\0' || at[len] == ',' || at[len] == ' '))
            return true;
    }
    return false;
}

void kaizala_permissions_explain(struct buf *out, const char *method, const char *path,
                                 const char *scope)
{
    const char *permission = kaizala_permissions_of(method, path);
    if (permission == NULL)
        return;
    if (scope == NULL || !scope_has(scope, permission))
        buf_printf(out, " (the connector needs permission '%s')", permission);
    else
        buf_printf(out,
                   " (the token has permission '%s': its user may lack the right, or the connector "
                   "has lost the permission since)",
                   permission);
}
