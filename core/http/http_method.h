/* What the methods of HTTP promise (RFC 9110, 9.2.2). */
#ifndef JETON_HTTP_METHOD_H
#define JETON_HTTP_METHOD_H

#include <stdbool.h>

/* Whether a request that may have been processed can be sent again: all but POST and PATCH. */
bool http_method_is_repeatable(const char *method);

#endif
