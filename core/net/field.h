/* Header fields of HTTP, as RFC 9110 §5.5 and §5.6.2 spell them. */
#ifndef JETON_FIELD_H
#define JETON_FIELD_H

#include <stdbool.h>
#include <stddef.h>

struct http_header {
    const char *name;
    const char *value;
};

/* How many bytes at the beginning belong to a token: methods and names of fields are one. */
size_t field_token_length(const char *text, size_t len);
/* The whole of text, which is not empty. */
bool field_is_token(const char *text);
/* No control character but tabs: a line break would begin another field. */
bool field_is_value(const char *text, size_t len);

#endif
