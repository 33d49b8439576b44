/* What is asked of Kaizala's token service, and how its API is addressed. */
#ifndef JETON_KAIZALA_REQUEST_H
#define JETON_KAIZALA_REQUEST_H

#include "provider.h"

/* provider.request */
struct http_request *kaizala_request_new(const struct provider_ask *ask, struct err *err);
/* provider.sign_in_url */
int kaizala_request_sign_in_url(const struct provider_ask *ask, const char *state, struct buf *out,
                                struct err *err);
/* The token service's URL, as configured or where it has moved. */
const char *kaizala_request_service(const struct provider_ask *ask);
/* What the request's path follows: the token service's URL, or that without its version
 * (mem_free). */
char *kaizala_request_base(const struct provider_ask *ask);
const char *kaizala_request_path(const struct provider_ask *ask);

/* provider.path: "groups", "/groups", "v1/groups" and "/v1/groups" are the same: "/v1/groups". */
char *kaizala_request_api_path(const char *path);
/* provider.resource: what follows the version; of an absolute URL, its last "/v1/". */
const char *kaizala_request_resource(const char *path);
/* provider.authorize */
struct http_header kaizala_request_authorize(const struct connector *connector,
                                             const char *access_token);

#endif
