/* What the files of the server share: a server, its connections and their exchanges. */
#ifndef JETON_SERVER_PRIVATE_H
#define JETON_SERVER_PRIVATE_H

#include "buf.h"
#include "loop.h"
#include "mhd_api.h"
#include "server_options.h"
#include "server_socket.h"
#include "server_upload.h"

enum connection_phase { ARRIVING, SERVED, LINGERING };

struct server_connection {
    struct server *server;
    struct server_connection *prev, *next;
    enum connection_phase phase;
    int fd;                           /* closed by the library while SERVED */
    bool watched;                     /* in the server's epoll of connections */
    bool half_closed;                 /* nothing more comes from its peer */
    bool linger;                      /* when the library is done with it */
    bool ended;                       /* shut down; the library will notice */
    bool answered;                    /* a request on it has had its reply */
    int64_t since_ms;                 /* it arrived, its last exchange ended, it began to linger */
    uint64_t drained;                 /* bytes read away */
    struct server_exchange *exchange; /* the one that goes on, while SERVED */
    char remote[SERVER_SOCKET_TEXT_MAX]; /* its address as text */
    struct sockaddr_storage address;
    socklen_t address_len;
};

/*
 * States of an exchange. Until WAITING and after it libmicrohttpd drives; while WAITING the
 * connection is suspended and only server_reply, server_drop, a departing peer or server_free move
 * it on.
 */
enum exchange_state { READING_HEADERS, READING_BODY, WAITING, ANSWERED, DROPPED };

struct server_exchange {
    struct server *server;
    struct server_exchange *prev, *next;
    struct MHD_Connection *connection; /* the library's */
    struct server_connection *peer;    /* and ours */
    struct buf *raw;                   /* not the library's: the reply becomes text here */
    bool is_head;                      /* of `raw`: without the body */
    enum exchange_state state;
    bool suspended;
    bool unasked;                  /* `head` is still to be asked, when more of the body comes */
    int64_t since_ms;              /* the body began, the reply was made */
    struct server_request request; /* points into what follows */
    struct http_header *headers;
    char *method, *version, *target;
    struct buf body;
    struct server_upload *upload; /* the body goes to files; NULL: to `body` */
    uint64_t max_body;            /* of this request */
    uint64_t bytes;               /* of the body that came; of the reply, once there is one */
    uint64_t in_memory, in_files; /* what of it the server counts */
    uint64_t in_reply;            /* likewise, of the reply */
    int status;
    bool last; /* the reply says that the connection ends with it */
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
    int64_t due_ms;         /* when the daemon wants to run; -1: not by itself */
    bool resumed;           /* a reply was made: the daemon must run before the next wait */
    bool replying;          /* the daemon has a reply that it sends at its next run */
    bool busy;              /* inside the daemon, or going through connections */
    bool tls;
    bool retired; /* server_retire was called */
    int64_t retired_ms;
    bool closing;                           /* server_free was called; while busy it waits */
    void (*destroy)(struct server *server); /* … for this */
    /* Ends the slowest body that is in files, or else in memory, of another request than this one;
     * false: none is slow. */
    bool (*end_slow_body)(struct server_exchange *asking, bool in_files);
    bool (*end_slow_reply)(struct server *server); /* likewise, a reply in memory */
    struct server_exchange *exchanges;

    struct loop_fd listener;
    struct loop_fd arrivals; /* an epoll of all connections, for what the library does not see */
    struct loop_timer pause; /* of listening */
    struct loop_timer clock; /* of time limits; rings for … */
    loop_fn *on_clock;       /* … its connections */
    int64_t due_clock_ms;    /* when it rings; INT64_MAX: not */
    struct server_connection *connections;
    size_t nconnections;
    struct server_connection *handed_over; /* to the library, just now */
    char *scratch;                         /* SERVER_SCRATCH bytes, for whoever needs them */
    uint64_t in_memory, in_files;          /* bytes of bodies under way */
    uint64_t in_replies;                   /* bytes of replies in memory */
    size_t uploads;                        /* bodies under way that go to files */
};

#define SERVER_EARLY_REPLY_MAX ((size_t)1024 * 1024) /* one that is made past the library */
#define SERVER_SCRATCH         ((size_t)64 * 1024)

/* server_reply.c. Hands a waiting exchange back to the library, which asks for the outcome at its
 * next run. */
void server_reply_leave(struct server_exchange *exchange, enum exchange_state state);
/* Sends a reply past the library, which must not have begun one. Then it is for the caller to end
 * the connection. */
void server_reply_send(const struct server_connection *connection, const char *data, size_t len);

/* The body: server_body.c. Its beginning, each piece as it comes, and its end: 0, or the status
 * that refuses it. form_type: the Content-Type of a form that goes to files. */
int server_body_begin(struct server_exchange *exchange, const char *form_type, uint64_t announced);
int server_body_take(struct server_exchange *exchange, const char *data, size_t size);
int server_body_finish(struct server_exchange *exchange);
void server_body_drop(struct server_exchange *exchange); /* what there is of it */

#endif
