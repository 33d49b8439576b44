/* URLs, by libcurl's parser (loaded at first use): never cut from text. */
#ifndef JETON_URL_H
#define JETON_URL_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>

#define URL_MAX 8192

struct url {
    char *scheme; /* "http" or "https" */
    char *host;   /* lower case, no trailing dot, no brackets */
    int port;     /* the scheme's default where none is given */
    bool default_port;
    char *path;  /* starts with "/" */
    char *query; /* without "?", NULL where there is none */
    /* What libcurl parsed (CURLU), where all parts are as it has them; else NULL. For http.c, so
     * that libcurl goes to what was checked, and need not parse it again. */
    void *parsed;
};

/*
 * ERR_INVALID: not http(s), user information, no host, white space or control characters, a host
 * outside ASCII, over URL_MAX. Other bytes outside ASCII are percent-encoded, "/../" is resolved, a
 * fragment is dropped. Messages never show a query or user information. ERR_CONFIG: no libcurl.
 */
int url_parse(const char *text, struct url *url, struct err *err);
/* `location` may be relative to base; "" and "#x" are the base itself (RFC 3986). */
int url_resolve(const char *base, const char *location, struct url *url, struct err *err);
void url_copy(struct url *to, const struct url *from); /* without `parsed` */
void url_destroy(struct url *url);
/* Adds "&query", or "query" where there is none. Encoded already; NULL and "" are fine. */
void url_add_query(struct url *url, const char *query);
/* "scheme://host[:port]path[?query]" (mem_free). with_query false: for messages. */
char *url_format(const struct url *url, bool with_query);
/*
 * A path that is relative to a place, without its segments "." and ".." (%2e stands for a dot);
 * what follows ? or # stays (mem_free). NULL with ERR_INVALID where it would leave the place, and
 * where a server might see such segments that this function does not: after a backslash, an encoded
 * slash, or before a semicolon.
 */
char *url_without_dots(const char *path, struct err *err);
/* Whether the path, up to its query, is the pattern: segment by segment, in any case; `*` is any
 * one segment. */
bool url_path_matches(const char *pattern, const char *path);
/* A % without two hex digits stays as it is. out has room for len bytes. Returns their number; no
 * NUL is added. */
size_t url_decode(const char *text, size_t len, char *out);
/* The same as forms do: + is a space. */
size_t url_decode_form(const char *text, size_t len, char *out);
/* By its host (host_is_loopback). */
bool url_is_loopback(const struct url *url);
/* A base URL without the slashes at its end, so that what follows it has one (mem_free). */
char *url_base(const char *text);
/* (mem_free) Percent-encodes all but unreserved characters. */
char *url_encode(const char *text, size_t len);
/* The same, into out, which has room for 3 × len; returns the length. No NUL is added. */
size_t url_encode_to(char *out, const char *text, size_t len);

#endif
