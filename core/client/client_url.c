#include "allow.h"
#include "client.h"
#include "mem.h"

#include <string.h>
#include <strings.h>

static bool is_absolute(const char *path)
{
    return strncasecmp(path, "http://", 7) == 0 || strncasecmp(path, "https://", 8) == 0;
}

/* "groups", "/groups", "v1/groups" and "/v1/groups" are the same: what follows /v1/. */
static const char *below_version(const char *path)
{
    path += strspn(path, "/");
    if (strncasecmp(path, "v1/", 3) == 0)
        path += 3;
    else if (strcasecmp(path, "v1") == 0)
        path += 2;
    return path + strspn(path, "/");
}

char *client_path(const char *path)
{
    return is_absolute(path) ? NULL : mem_printf("/v1/%s", below_version(path));
}

char *client_url(const struct connector *connector, const char *endpoint, const char *path,
                 const char *query, struct err *err)
{
    char *text = is_absolute(path) ? mem_strdup(path)
                                   : mem_printf("%s/v1/%s", endpoint, below_version(path));
    struct url url = {0};
    char *result = NULL;
    if (url_parse(text, &url, err) != 0 ||
        allow_check(&url, (const char *const *)connector->allow_hosts, connector->token_service,
                    err) != 0)
        goto cleanup;
    url_add_query(&url, query);
    result = url_format(&url, true);
cleanup:
    url_destroy(&url);
    mem_free(text);
    return result;
}
