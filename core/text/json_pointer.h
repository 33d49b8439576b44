/* JSON Pointers (RFC 6901): "/authed_user/access_token", "/errors/0/code"; "" is the whole. */
#ifndef JETON_JSON_POINTER_H
#define JETON_JSON_POINTER_H

#include "json.h"

/* "" or a text that begins with '/', where '~' is followed by 0 or 1. */
bool json_pointer_is_valid(const char *pointer);
/* The value that it names, in root; NULL where there is none. The pointer is a valid one. */
const struct json *json_pointer_get(const struct json *root, const char *pointer);

#endif
