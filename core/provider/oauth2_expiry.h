/* When a token ends, in whatever form a service says it. */
#ifndef JETON_OAUTH2_EXPIRY_H
#define JETON_OAUTH2_EXPIRY_H

#include "http.h"
#include "json.h"
#include "oauth2_connector.h"

/*
 * Milliseconds from now on, of a number or text; `absolute`: it is a time, compared with the
 * reply's Date (the local time where there is none). 0 when it is absent, no number, not in the
 * future, or so far away that it is a mistake: then the service has not said when.
 */
int64_t oauth2_expiry_read(const struct json *value, bool absolute, enum oauth2_unit unit,
                           const struct http_response *response);

#endif
