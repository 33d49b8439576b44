/* One request to a token service, and what its reply means: of an exchange and of a sign-in. */
#ifndef JETON_ASK_H
#define JETON_ASK_H

#include "provider.h"
#include "transport.h"

#define ASK_TIMEOUT_MS 20000 /* or the connector's `timeout`, if that is less */

int64_t ask_timeout_ms(const struct connector *connector);

/*
 * Sends what the provider makes of `ask`, to a host that may get its secrets, on a new connection:
 * libcurl never sends it twice. The transfer, as by transport_start; NULL with err. `label` is what
 * the request is called in errors ("GET https://host/path", no query); "" where it could not be
 * made.
 */
void *ask_send(const struct transport *transport, const struct provider_ask *ask,
               char label[static ERR_REQUEST_MAX], http_done_fn *done, void *arg, struct err *err);
/* What came of it: as provider.reply; a transfer that failed is PROVIDER_WAIT where it may succeed
 * later, else PROVIDER_REFUSED. */
enum provider_meaning ask_answer(const struct provider_ask *ask, const struct http_result *result,
                                 const char *label, struct provider_reply *out, struct err *err);
/* Whether nobody knows what the service did with the request; err as ask_answer left it. */
bool ask_is_lost(const struct http_result *result, enum provider_meaning meaning,
                 const struct err *err);

#endif
