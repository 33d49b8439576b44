/* What is known of Kaizala's wire, in one place: header names, error bodies, moved endpoints,
 * permissions. */
#ifndef JETON_WIRE_H
#define JETON_WIRE_H

#include "err.h"
#include "http.h"
#include "url.h"

#define WIRE_ACCESS_TOKEN       "accessToken"
#define WIRE_APPLICATION_ID     "applicationId"
#define WIRE_APPLICATION_SECRET "applicationSecret"
#define WIRE_REFRESH_TOKEN      "refreshToken"

#define WIRE_REPLY_MAX ((size_t)64 * 1024) /* bytes of a token reply */

/* The token service's reply, checked: every field is present and sane. */
struct wire_token {
    char *access_token;
    char *endpoint_url;  /* no trailing slash */
    char *scope;         /* comma-separated; "" where absent */
    char *refresh_token; /* NULL: none came */
    int64_t
        lifetime_ms; /* accessTokenExpiry minus the reply's Date (local time where absent); > 0 */
};
/* ERR_HTTP says which field is wrong, never its value. */
int wire_token_parse(const struct http_response *response, struct wire_token *token,
                     struct err *err);
void wire_token_destroy(struct wire_token *token); /* wipes */
/* The refresh token in the reply to a login (mem_free_secret). ERR_HTTP as above. */
int wire_login_parse(const struct http_response *response, char **refresh_token, struct err *err);

/* A base URL without the slashes at its end (mem_free). */
char *wire_base(const char *url);

/* Fills err from an error reply: kind by status (401, 403: auth; 429: throttled; else http),
 * status, errorCode, the service's message (control characters removed, cut). `scope` is the
 * token's, for 403; may be NULL. */
int wire_error(const struct http_response *response, const char *method, const char *path,
               const char *scope, struct err *err);
/* The permission that an operation needs, as in `scope` ("textmessage.write"), or NULL where
 * unknown. */
const char *wire_permission(const char *method, const char *path);
/*
 * 308: the new base. `path` is what was asked for below the old base ("/accessToken",
 * "/v1/groups"). If Location's path ends with it, what precedes is the base; else Location is.
 * *base without trailing slash (mem_free). ERR_HTTP when Location is missing or no URL.
 */
int wire_moved(const struct http_response *response, const char *request_url, const char *path,
               char **base, struct err *err);

#endif
