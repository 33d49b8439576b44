/* Where a connector's request goes. */
#ifndef JETON_CLIENT_URL_H
#define JETON_CLIENT_URL_H

#include "connector.h"
#include "url.h"

/*
 * Where such a request goes (url_destroy): path below the endpoint (NULL: the provider's own), or
 * an absolute URL that the connector allows; query is added. ERR_INVALID, ERR_AUTH.
 */
int client_url(const struct connector *connector, const char *endpoint, const char *path,
               const char *query, struct url *url, struct err *err);
/* *below is the path below the endpoint, as the provider writes it (mem_free), without dots; NULL
 * for an absolute URL. ERR_INVALID where dots lead out of the endpoint. */
int client_path(const struct connector *connector, const char *path, char **below, struct err *err);

#endif
