/* What the services of Kaizala answer: tokens, refusals, that they have moved. */
#ifndef JETON_KAIZALA_REPLY_H
#define JETON_KAIZALA_REPLY_H

#include "provider.h"

/* What is added to a refusal of ID or secret. */
#define KAIZALA_CHECK_APPLICATION "check application_id and application_secret"

/* provider.reply */
enum provider_meaning kaizala_reply_read(const struct provider_ask *ask,
                                         const struct http_response *response,
                                         struct provider_reply *out, struct err *err);
/* The reply to an exchange, checked: every field is there and makes sense. The lifetime is
 * accessTokenExpiry minus the reply's Date (local time where absent). ERR_HTTP says which field is
 * wrong, never its value; a good refresh token that came with it is in `token` then, too. */
int kaizala_reply_token(const struct http_response *response, struct provider_token *token,
                        struct err *err);
/* provider.error: kind by status (401, 403: auth; 429: throttled; else http), status, errorCode,
 * the service's message (control characters removed, cut), on 403 the permission. */
int kaizala_reply_error(const struct http_response *response, const char *method, const char *path,
                        const char *scope, struct err *err);
/*
 * provider.moved. If Location's path ends with `path` ("/accessToken", "/v1/groups"), what precedes
 * is the new base; else Location is. *base without trailing slash (mem_free).
 */
int kaizala_reply_moved(const struct http_response *response, const char *request_url,
                        const char *path, char **base, struct err *err);

#endif
