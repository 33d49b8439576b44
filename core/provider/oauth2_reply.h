/* What OAuth 2.0 token services and the APIs behind them answer. */
#ifndef JETON_OAUTH2_REPLY_H
#define JETON_OAUTH2_REPLY_H

#include "provider.h"

/*
 * provider.reply. Good is a reply with an access token, without an error, and whose `ok` is not
 * false: 200 can be a refusal. What makes no sense has no status in err: nobody knows what the
 * service did.
 */
enum provider_meaning oauth2_reply_read(const struct provider_ask *ask,
                                        const struct http_response *response,
                                        struct provider_reply *out, struct err *err);
/* provider.error */
int oauth2_reply_error(const struct http_response *response, const char *method, const char *path,
                       const char *scope, struct err *err);

#endif
