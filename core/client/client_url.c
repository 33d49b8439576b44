#include "client_url.h"

#include "connector.h"
#include "mem.h"
#include "provider.h"
#include "url.h"

#include <strings.h>

static bool is_absolute(const char *path)
{
    return strncasecmp(path, "http://", 7) == 0 || strncasecmp(path, "https://", 8) == 0;
}

char *client_path(const struct connector *connector, const char *path)
{
    return is_absolute(path) ? NULL : provider_of(connector)->path(path);
}

char *client_url(const struct connector *connector, const char *endpoint, const char *path,
                 const char *query, struct err *err)
{
    const struct provider *provider = provider_of(connector);
    if (endpoint == NULL && provider->endpoint != NULL)
        endpoint = provider->endpoint(connector);
    char *below = client_path(connector, path);
    char *text = below != NULL ? mem_printf("%s%s", endpoint, below) : mem_strdup(path);
    struct url url = {0};
    char *result = NULL;
    if (url_parse(text, &url, err) != 0 || connector_allows_url(connector, &url, err) != 0)
        goto cleanup;
    url_add_query(&url, query);
    result = url_format(&url, true);
cleanup:
    url_destroy(&url);
    mem_free(text);
    mem_free(below);
    return result;
}
