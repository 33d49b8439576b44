#include "client_url.h"

#include "connector.h"
#include "mem.h"
#include "provider.h"

#include <strings.h>

static bool is_absolute(const char *path)
{
    return strncasecmp(path, "http://", 7) == 0 || strncasecmp(path, "https://", 8) == 0;
}

int client_path(const struct connector *connector, const char *path, char **below, struct err *err)
{
    *below = NULL;
    if (is_absolute(path))
        return 0;
    char *plain = url_without_dots(path, err);
    if (plain == NULL)
        return -1;
    *below = provider_of(connector)->path(plain);
    mem_free(plain);
    return 0;
}

int client_url(const struct connector *connector, const char *endpoint, const char *path,
               const char *query, struct url *url, struct err *err)
{
    const struct provider *provider = provider_of(connector);
    *url = (struct url){0};
    if (endpoint == NULL && provider->endpoint != NULL)
        endpoint = provider->endpoint(connector);
    char *below;
    if (client_path(connector, path, &below, err) != 0)
        return -1;
    if (below != NULL && endpoint == NULL) {
        mem_free(below);
        return err_set(err, ERR_CONFIG,
                       "connector '%s' lacks 'endpoint': the URL that paths go below",
                       connector->name);
    }
    char *text = below != NULL ? mem_printf("%s%s", endpoint, below) : mem_strdup(path);
    int result = url_parse(text, url, err);
    if (result == 0)
        result = connector_allows_url(connector, url, err);
    if (result == 0)
        url_add_query(url, query);
    else
        url_destroy(url);
    mem_free(text);
    mem_free(below);
    return result;
}
