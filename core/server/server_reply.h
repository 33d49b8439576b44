/* The answer of an exchange. */
#ifndef JETON_SERVER_REPLY_H
#define JETON_SERVER_REPLY_H

#include "err.h"
#include "server_options.h"

void server_set_user_data(struct server_exchange *exchange, void *data);
void *server_user_data(const struct server_exchange *exchange);
/*
 * ERR_INVALID: a status outside 200–599, a header name that is no token, a value with control
 * characters (they would end the header and begin another), more than max bytes of them.
 */
int server_check_reply(int status, const struct http_header *headers, size_t nheaders, size_t max,
                       struct err *err);
/*
 * Copies everything. Content-Length is set; Date only where headers hold none. Content-Length,
 * Transfer-Encoding, Keep-Alive, Upgrade, and a Connection other than `close` are the server's own:
 * left out. What server_check_reply refuses, with the server's max_reply_head, is answered 500 in
 * its place.
 */
void server_reply(struct server_exchange *exchange, int status, const struct http_header *headers,
                  size_t nheaders, const void *body, size_t body_len);
/* As server_reply; the body is what the descriptor holds, from its start, len bytes of it. It is
 * closed when they are sent. */
void server_reply_file(struct server_exchange *exchange, int status,
                       const struct http_header *headers, size_t nheaders, int fd, uint64_t len);
/* Closes the connection without an answer. */
void server_drop(struct server_exchange *exchange);

#endif
