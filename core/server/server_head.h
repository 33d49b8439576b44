/*
 * The head of a request, as bytes: is it complete, and would every server read it alike? What a
 * proxy before us might read in another way is refused, so that no request can be smuggled inside
 * another. Private to the server.
 */
#ifndef JETON_SERVER_HEAD_H
#define JETON_SERVER_HEAD_H

#include "server_options.h"

enum server_head_state {
    SERVER_HEAD_PARTIAL, /* good so far */
    SERVER_HEAD_WHOLE,
    SERVER_HEAD_REFUSED,
};

/* Why, in the service's words. */
struct server_head_problem {
    int status;
    const char *code;
    const char *message;
};

/* problem is set where it is refused. A head of more than limits->max_head bytes, or with more than
 * limits->max_cookies, is. */
enum server_head_state server_head_check(const struct server_options *limits, const char *data,
                                         size_t len, struct server_head_problem *problem);
/* The method and the target of a request line that is good, where there is one: their starts and
 * lengths. False: there is none. */
bool server_head_line(const char *data, size_t len, const char **method, size_t *method_len,
                      const char **target, size_t *target_len);
/* The path and query of a target that may be a whole URL, as clients of a proxy send it; else the
 * target itself (mem_free). */
char *server_head_origin(const char *target);
/* The same checks for a head that the library has parsed, since it is more lenient; and that a
 * target which is a whole URL has the host of the field Host: 0, or -1 and the problem. */
int server_head_check_parsed(const struct server_options *limits, const char *target,
                             const char *version, const struct http_header *fields, size_t nfields,
                             struct server_head_problem *problem);

#endif
