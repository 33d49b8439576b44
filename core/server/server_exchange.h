/* One request on its way through the library: read, waiting for its answer, answered. Private to
 * the server. */
#ifndef JETON_SERVER_EXCHANGE_H
#define JETON_SERVER_EXCHANGE_H

#include "server_private.h"

/* The library's callbacks; arg of the first is the server. */
void *server_exchange_on_target(void *arg, const char *target, struct MHD_Connection *connection);
enum MHD_Result server_exchange_on_access(void *arg, struct MHD_Connection *connection,
                                          const char *url, const char *method, const char *version,
                                          const char *data, size_t *size, void **context);
void server_exchange_on_completed(void *arg, struct MHD_Connection *connection, void **context,
                                  enum MHD_RequestTerminationCode code);

/* A waiting exchange whose connection broke, or whose server closes. */
void server_exchange_gone(struct server_exchange *exchange);
/* When its time is over, where a body or a reply has ms, and a second for every `rate` bytes of it;
 * INT64_MAX: neither is under way. */
int64_t server_exchange_deadline(const struct server_exchange *exchange, int64_t ms, uint64_t rate);
/* While its body is read: refuses at once. The library is then to be made to end the connection. */
void server_exchange_refuse_now(struct server_exchange *exchange, int status, const char *code,
                                const char *message);
void server_exchange_free(struct server_exchange *exchange);

#endif
