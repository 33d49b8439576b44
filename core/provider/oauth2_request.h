/* What is asked of an OAuth 2.0 token service, and how its API is addressed. */
#ifndef JETON_OAUTH2_REQUEST_H
#define JETON_OAUTH2_REQUEST_H

#include "provider.h"

/* provider.request. ERR_CONFIG: more parameters than there is room for, or one that is no UTF-8 in
 * a JSON body. */
struct http_request *oauth2_request_new(const struct provider_ask *ask, struct err *err);

/* provider.path, provider.resource, provider.endpoint, provider.authorize */
char *oauth2_request_api_path(const char *path);
const char *oauth2_request_resource(const char *path);
const char *oauth2_request_endpoint(const struct connector *connector);
struct http_header oauth2_request_authorize(const struct connector *connector,
                                            const char *access_token);

/* Where the purpose leads to, as configured or as the service says (mem_free); of PROVIDER_CODE
 * where the code is taken. NULL: it is not known. */
char *oauth2_request_url(const struct provider_ask *ask);
/* The same, where a browser signs in. */
char *oauth2_request_authorize_url(const struct provider_ask *ask);
/* provider.sign_in_url */
int oauth2_request_sign_in_url(const struct provider_ask *ask, const char *state, struct buf *out,
                               struct err *err);

#endif
