/* The options of a request of jeton.http, copied out of the script's table, so that neither a
 * longjmp nor a later change of the table affects them. */
#ifndef JETON_LHTTP_REQUEST_H
#define JETON_LHTTP_REQUEST_H

#include "http.h"

#include <lua.h>

#define LHTTP_PARAMS_MAX 1000 /* entries of headers=, query= and form= */

struct lhttp_request {
    struct http_request http; /* a view of what follows; url is set in plain requests */
    char *url, *method, *sent_method, *body_path, *save_path, *ca_file;
    struct http_header *headers;
    struct http_part *parts;
    struct buf body;
    struct buf query;   /* encoded, without "?"; lhttp_call makes it part of the url */
    bool authenticated; /* connector= was given */
    char *connector;    /* its name; NULL: the run's */
    char *path;         /* authenticated requests */
    bool lenient;
    bool repeatable;
    bool any_status;
};

void lhttp_request_create(struct lhttp_request *request);
void lhttp_request_destroy(struct lhttp_request *request); /* idempotent */
/* Replaces the option table at index by a copy, which has what its metamethods give, too. */
void lhttp_request_options(lua_State *L, int index);
/* Reads the option table at index. Raises on misuse. -1 with ERR_INVALID: a value cannot be sent.
 */
int lhttp_request_read(lua_State *L, int index, struct lhttp_request *request, struct err *err);

#endif
