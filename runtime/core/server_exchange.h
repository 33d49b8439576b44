/* One request on its way through the library: read, waiting for its answer, answered. Private to
 * the server. */
#ifndef JETON_SERVER_EXCHANGE_H
#define JETON_SERVER_EXCHANGE_H

#include "buf.h"
#include "mhd_api.h"
#include "server.h"
#include "server_socket.h"
#include "server_upload.h"

/*
 * States of an exchange. Until WAITING and after it libmicrohttpd drives; while WAITING the
 * connection is suspended and only server_reply, server_drop, a departing peer or server_free move
 * it on.
 */
enum exchange_state { READING_HEADERS, READING_BODY, WAITING, ANSWERED, DROPPED };

struct server_exchange {
    struct server *server;
    struct server_exchange *prev, *next;
    struct MHD_Connection *connection;
    enum exchange_state state;
    bool suspended;
    struct server_request request; /* points into what follows */
    struct http_header *headers;
    size_t header_bytes;
    char *method, *version, *target;
    char remote[SERVER_SOCKET_TEXT_MAX];
    struct buf body;
    struct server_upload *upload; /* the body goes to files; NULL: to `body` */
    uint64_t max_body;            /* of this request */
    int refused;                  /* status to answer once the body has passed by; 0: none */
    size_t discarded;
    int status;
    struct MHD_Response *response;
    void *user_data;
};

struct server {
    struct mhd_api api;
    struct loop *loop;
    struct server_options options;
    int port;
    struct server_folder folder;
    struct MHD_Daemon *daemon;
    struct loop_hook hook;
    struct loop_fd sockets; /* the daemon's epoll descriptor */
    struct loop_fd peers;   /* an epoll of suspended connections, for departures */
    int64_t due_ms;         /* when the daemon wants to run; -1: not by itself */
    bool resumed;           /* a connection was resumed: it must run before the next wait */
    bool busy;              /* inside the daemon, or going through departures */
    bool closing;           /* server_free was called; while busy it waits */
    struct server_exchange *exchanges;
};

/* The library's callbacks; arg of the first is the server. */
void *server_exchange_on_target(void *arg, const char *target, struct MHD_Connection *connection);
enum MHD_Result server_exchange_on_access(void *arg, struct MHD_Connection *connection,
                                          const char *url, const char *method, const char *version,
                                          const char *data, size_t *size, void **context);
void server_exchange_on_completed(void *arg, struct MHD_Connection *connection, void **context,
                                  enum MHD_RequestTerminationCode code);

/* A waiting exchange whose peer left, or whose server closes. */
void server_exchange_gone(struct server_exchange *exchange);
void server_exchange_free(struct server_exchange *exchange);

#endif
