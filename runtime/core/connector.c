#include "connector.h"

#include "url.h"

int connector_allows(const struct connector *connector, const char *url, struct err *err)
{
    struct url parsed;
    if (url_parse(url, &parsed, err) != 0)
        return -1;
    int result = host_check(&parsed, (const char *const *)connector->allow_hosts,
                            connector->token_service, err);
    url_destroy(&parsed);
    return result;
}
