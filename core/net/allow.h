/* Which hosts may be sent a token. */
#ifndef JETON_ALLOW_H
#define JETON_ALLOW_H

#include "url.h"

/*
 * Syntax only, without libcurl, for the configuration: starts with https:// (or http:// and a
 * loopback host), has a host, no user information, white space, query or fragment.
 */
int allow_check_base(const char *text, struct err *err);

/*
 * A pattern is an exact host, or "*." and a suffix of at least one label ("*" is one or more
 * labels), each with an optional ":port".
 */
int allow_pattern_check(const char *pattern, struct err *err);
bool allow_pattern_match(const char *pattern, const struct url *url);
/*
 * May a token go to url? Host and port must match a pattern of allow_hosts (NULL: none) or be those
 * of base (the token service's URL), and the scheme be https, or http to loopback. ERR_AUTH names
 * the pattern that would allow it.
 */
int allow_check(const struct url *url, const char *const *allow_hosts, const char *base,
                struct err *err);
/* The same for a list under another key of the configuration, which the error names. */
int allow_check_list(const struct url *url, const char *key, const char *const *hosts,
                     const char *base, struct err *err);

#endif
