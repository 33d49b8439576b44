#include "server_connection.h"

#include "mem.h"
#include "server_clock.h"
#include "server_exchange.h"
#include "server_head.h"
#include "server_refusal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTED_A_TURN 64
#define EVENTS_A_TURN   64
#define ENDED_A_TURN    16 /* idle or slow connections, to make room */
#define REFUSED_BUSY    503
#define DRAIN_A_TURN    ((size_t)4 * 1024 * 1024)
#define FRESH_MS        100 /* of a new connection, while others want its place */
#define PAUSE_MS        100 /* without accepting, when there are too many connections or open files */

static struct server_connection *connection_new(struct server *server, int fd)
{
    struct server_connection *connection = mem_alloc(sizeof *connection);
    connection->server = server;
    connection->fd = fd;
    connection->since_ms = loop_now_ms(server->loop);
    connection->next = server->connections;
    if (connection->next != NULL)
        connection->next->prev = connection;
    server->connections = connection;
    server->nconnections++;
    return connection;
}

static void on_pause_over(void *arg);

/* Whoever waits for a place has it at once. */
static void connection_free(struct server_connection *connection)
{
    struct server *server = connection->server;
    if (connection->prev != NULL)
        connection->prev->next = connection->next;
    else
        server->connections = connection->next;
    if (connection->next != NULL)
        connection->next->prev = connection->prev;
    server->nconnections--;
    if (connection->phase != SERVED)
        close(connection->fd);
    mem_free(connection);
    if (server->pause.index != 0)
        loop_timer_start(server->loop, &server->pause, 0, on_pause_over, server);
}

static void watch(struct server_connection *connection, uint32_t events)
{
    struct epoll_event event = {.events = events | EPOLLRDHUP | EPOLLET, .data.ptr = connection};
    epoll_ctl(connection->server->arrivals.fd, connection->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
              connection->fd, &event);
    connection->watched = true;
}

static void unwatch(struct server_connection *connection)
{
    if (connection->watched)
        epoll_ctl(connection->server->arrivals.fd, EPOLL_CTL_DEL, connection->fd, NULL);
    connection->watched = false;
}

/* ---- after a reply ---- */

/* False when it ended and was freed. */
static bool drain(struct server_connection *connection)
{
    const struct server *server = connection->server;
    size_t drained = 0;
    while (drained < DRAIN_A_TURN) {
        ssize_t n = recv(connection->fd, server->scratch, SERVER_SCRATCH, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return true;
        if (n <= 0)
            break;
        drained += (size_t)n;
        connection->drained += (size_t)n;
        if (connection->drained > SERVER_LINGER_MAX)
            break;
    }
    if (drained >= DRAIN_A_TURN && connection->drained <= SERVER_LINGER_MAX) {
        watch(connection, EPOLLIN); /* re-arm: the edge has passed, and this reports what is left */
        return true;
    }
    unwatch(connection);
    connection_free(connection);
    return false;
}

/* Its sending side is shut down. */
static void linger(struct server_connection *connection)
{
    connection->phase = LINGERING;
    connection->since_ms = loop_now_ms(connection->server->loop);
    server_clock_expect(connection->server,
                        connection->since_ms + connection->server->options.linger_ms);
    watch(connection, EPOLLIN);
    drain(connection);
}

/* Answers a head that the library never sees; the first len bytes of it are in the scratch. */
static void refuse(struct server_connection *connection, const struct server_head_problem *problem,
                   size_t len)
{
    struct buf text;
    struct server_refusal refusal = {problem->status, problem->code, problem->message, NULL};
    const char *method = NULL, *target = NULL;
    size_t method_len = 0, target_len = 0;
    char *whole = NULL, *path = NULL;
    if (server_head_line(connection->server->scratch, len, &method, &method_len, &target,
                         &target_len)) {
        whole = mem_strndup(target, target_len);
        refusal.target = path = server_head_origin(whole);
    }
    server_refusal_text(connection->server, &refusal,
                        method_len == 4 && memcmp(method, "HEAD", 4) == 0, &text);
    server_reply_send(connection, text.data, text.len);
    buf_destroy(&text);
    mem_free(whole);
    mem_free(path);
    shutdown(connection->fd, SHUT_WR);
    linger(connection);
}

/* ---- arriving ---- */

static void hand_over(struct server_connection *connection)
{
    struct server *server = connection->server;
    watch(connection, 0); /* for the end of its input, which the library may not notice */
    connection->phase = SERVED;
    server->handed_over = connection;
    const union {
        const struct sockaddr_storage *storage;
        const struct sockaddr *any;
    } address = {&connection->address};
    /* The library has as many places as we have, so it never has to close a connection to make
     * room. */
    enum MHD_Result added = server->api.add_connection(server->daemon, connection->fd, address.any,
                                                       connection->address_len);
    bool gone = server->handed_over == NULL; /* it began, and may have ended since */
    server->handed_over = NULL;
    if (added == MHD_YES || gone) /* it begins at once, or, since 1.0, when the library runs next */
        return;
    connection->watched = false; /* refused, and closed */
    connection_free(connection);
}

/* Looks at the part of the head that has arrived, without taking it from the socket. over: no more
 * will come. */
static void look(struct server_connection *connection, bool over)
{
    static const struct server_head_problem cut = {400, "BadRequest",
                                                   "The request ends in the middle of its headers"};
    const struct server *server = connection->server;
    struct server_head_problem problem;
    ssize_t n = recv(connection->fd, server->scratch, SERVER_SCRATCH, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        watch(connection, EPOLLIN);
        return;
    }
    if (n <= 0) {
        unwatch(connection);
        connection_free(connection);
        return;
    }
    enum server_head_state state =
        server_head_check(&server->options, server->scratch, (size_t)n, &problem);
    if (state == SERVER_HEAD_WHOLE)
        hand_over(connection);
    else if (state == SERVER_HEAD_REFUSED || over)
        refuse(connection, state == SERVER_HEAD_REFUSED ? &problem : &cut, (size_t)n);
    else
        watch(connection, EPOLLIN);
}

/* Its peer sends no more, or the connection broke. */
static void on_end(struct server_connection *connection, bool broken)
{
    const struct server_exchange *exchange = connection->exchange;
    connection->half_closed = true;
    if (exchange == NULL && !connection->ended) {
        connection->ended = true;
        shutdown(connection->fd, SHUT_RDWR); /* so that the library notices, too */
    } else if (broken && exchange != NULL && exchange->state == WAITING && exchange->suspended) {
        server_exchange_gone(connection->exchange);
    }
}

static void on_arrivals(void *arg, short revents)
{
    (void)revents;
    struct server *server = arg;
    struct epoll_event events[EVENTS_A_TURN];
    if (server->busy) /* a callback runs the loop: the events stay */
        return;
    int n = epoll_wait(server->arrivals.fd, events, EVENTS_A_TURN, 0);
    server->busy = true;
    for (int i = 0; i < n; i++) { /* at most one event a descriptor: handling one frees no other
                                     connection of the list */
        struct server_connection *connection = events[i].data.ptr;
        uint32_t broken = events[i].events & (EPOLLHUP | EPOLLERR);
        uint32_t over = events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
        if (connection->phase == ARRIVING)
            look(connection, over != 0);
        else if (connection->phase == LINGERING)
            drain(connection);
        else
            on_end(connection, broken != 0);
    }
    if (server_clock_idle(server))
        server_clock_run(server);
}

static void on_pause_over(void *arg)
{
    struct server *server = arg;
    if (server->retired)
        return;
    server_connection_listen(server);
}

static void pause_listening(struct server *server, int code)
{
    if (server->options.full != NULL)
        server->options.full(server->options.arg, server->nconnections, code);
    loop_fd_stop(server->loop, &server->listener);
    loop_timer_start(server->loop, &server->pause, PAUSE_MS, on_pause_over, server);
}

/* No request is under way on it. */
static bool is_idle(const struct server_connection *connection)
{
    return connection->phase == ARRIVING ||
           (connection->phase == SERVED && connection->exchange == NULL && !connection->ended);
}

/* True when it was freed; else the library notices at its next run, and ends it. */
static bool end(struct server_connection *connection)
{
    if (connection->phase != SERVED) {
        unwatch(connection);
        connection_free(connection);
        return true;
    }
    connection->ended = true;
    connection->linger = false;
    shutdown(connection->fd, SHUT_RDWR);
    return false;
}

/* By when it has to be through while places are short. One that was answered before its request
 * was read counts too: else refused ones would keep all places for as long as they linger. */
static int64_t pressed_deadline(const struct server_connection *connection)
{
    const struct server_exchange *exchange = connection->exchange;
    if (connection->ended)
        return INT64_MAX;
    if (exchange == NULL || exchange->state == READING_HEADERS)
        return connection->since_ms + SERVER_PRESSED_MS;
    return server_exchange_deadline(exchange, SERVER_PRESSED_MS, SERVER_PRESSED_RATE);
}

/* Its first request is about to come: one that was made in a burst with others. */
static bool is_fresh(const struct server_connection *connection, int64_t now_ms)
{
    return !connection->answered && now_ms - connection->since_ms < FRESH_MS;
}

/* The one that has been idle or slow longest. One that is idle does not have its time. */
static struct server_connection *slowest(const struct server *server)
{
    struct server_connection *found = NULL;
    int64_t now_ms = loop_now_ms(server->loop), found_ms = INT64_MAX;
    for (struct server_connection *it = server->connections; it != NULL; it = it->next) {
        int64_t due_ms = pressed_deadline(it);
        if (due_ms <= found_ms && (due_ms <= now_ms || (is_idle(it) && !is_fresh(it, now_ms)) ||
                                   it->phase == LINGERING)) {
            found = it;
            found_ms = due_ms;
        }
    }
    return found;
}

static void refuse_body(struct server_exchange *exchange, int status)
{
    struct server_refusal refusal = server_refusal_of(status);
    server_exchange_refuse_now(exchange, refusal.status, refusal.code, refusal.message);
}

/* Of a body, while there is no room for others. */
static int64_t body_deadline(const struct server_exchange *exchange, bool in_files)
{
    int64_t due_ms = pressed_deadline(exchange->peer);
    int64_t most_ms = exchange->since_ms + SERVER_PRESSED_BODY_MS;
    return !in_files && most_ms < due_ms ? most_ms : due_ms;
}

static bool end_slow_body(struct server_exchange *asking, bool in_files)
{
    struct server *server = asking->server;
    struct server_exchange *found = NULL;
    int64_t found_ms = loop_now_ms(server->loop);
    for (struct server_exchange *it = server->exchanges; it != NULL; it = it->next) {
        bool has_room = it->state == READING_BODY && !it->peer->ended &&
                        (in_files ? it->upload != NULL : it->in_memory > 0);
        int64_t due_ms = has_room ? body_deadline(it, in_files) : INT64_MAX;
        if (it != asking && due_ms <= found_ms) {
            found = it;
            found_ms = due_ms;
        }
    }
    if (found == NULL)
        return false;
    refuse_body(found, REFUSED_BUSY);
    end(found->peer);
    return true;
}

static bool end_slow_reply(struct server *server)
{
    struct server_exchange *found = NULL;
    int64_t found_ms = loop_now_ms(server->loop);
    if (!server->options.end_idle)
        return false;
    for (struct server_exchange *it = server->exchanges; it != NULL; it = it->next) {
        int64_t due_ms = it->in_reply > 0 ? pressed_deadline(it->peer) : INT64_MAX;
        if (due_ms <= found_ms) {
            found = it;
            found_ms = due_ms;
        }
    }
    if (found == NULL)
        return false;
    server->in_replies -= found->in_reply; /* the library lets go of it at its next run */
    found->in_reply = 0;
    end(found->peer);
    return true;
}

/* Whether there is a place. */
static bool make_room(struct server *server)
{
    if (!server->options.end_idle)
        return false;
    for (size_t i = 0; i < ENDED_A_TURN; i++) {
        struct server_connection *connection = slowest(server);
        if (connection == NULL)
            break;
        if (connection->exchange != NULL && connection->exchange->state == READING_BODY)
            refuse_body(connection->exchange, REFUSED_BUSY);
        if (!end(connection))
            server->api.run(server->daemon);
        if (server->nconnections < server->options.max_connections)
            return true;
    }
    return false;
}

/* Else a full server would end a connection for nobody. */
static bool is_dialled(const struct server *server)
{
    struct pollfd fd = {.fd = server->listener.fd, .events = POLLIN};
    return poll(&fd, 1, 0) > 0;
}

static void on_listener(void *arg, short revents)
{
    (void)revents;
    struct server *server = arg;
    if (server->busy)
        return;
    server->busy = true;
    for (int i = 0; i < ACCEPTED_A_TURN; i++) {
        union {
            struct sockaddr any;
            struct sockaddr_storage storage;
        } address;
        socklen_t len = sizeof address;
        bool full = server->nconnections >= server->options.max_connections;
        if (full && !is_dialled(server))
            break;
        if (full && !make_room(server)) {
            pause_listening(server, 0);
            break;
        }
        int fd = accept4(server->listener.fd, &address.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0) {
            if (errno != EAGAIN)
                pause_listening(server, errno); /* no descriptors, no memory */
            break;
        }
        struct server_connection *connection = connection_new(server, fd);
        connection->address = address.storage;
        connection->address_len = len;
        server_socket_text(&address.any, connection->remote);
        server_clock_expect(server, connection->since_ms + server->options.head_ms);
        if (server->tls) /* what is in there only the library can read */
            hand_over(connection);
        else
            look(connection, false);
    }
    if (server_clock_idle(server))
        server_clock_run(server);
}

/* ---- time ---- */

/* A request that has arrived, but was not read yet, is still served. */
static bool has_input(const struct server_connection *connection)
{
    char byte;
    return recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* A client may be about to ask: one that has just connected, or a proxy on a connection that it
 * keeps. It has a moment for it. */
static bool is_silent(const struct server_connection *connection)
{
    return is_idle(connection) && !has_input(connection);
}

/* When its time is over. */
static int64_t deadline(const struct server_connection *connection)
{
    const struct server_options *limits = &connection->server->options;
    int64_t from_ms = connection->server->retired_ms;
    if (connection->ended)
        return INT64_MAX;
    if (connection->server->retired && connection->since_ms > from_ms)
        from_ms = connection->since_ms; /* a reply that was made before */
    if (connection->server->retired && is_silent(connection))
        return from_ms + (connection->answered ? SERVER_KEPT_MS : SERVER_RETIRE_MS);
    if (connection->phase == ARRIVING)
        return connection->since_ms + limits->head_ms;
    if (connection->phase == LINGERING)
        return connection->since_ms + limits->linger_ms;
    if (connection->exchange == NULL || connection->exchange->state == READING_HEADERS)
        return connection->since_ms + limits->idle_ms + limits->head_ms;
    return server_exchange_deadline(connection->exchange, limits->body_ms, limits->rate_min);
}

static void expire(struct server_connection *connection)
{
    static const struct server_head_problem late = {408, "RequestTimeout",
                                                    "The request did not come in time"};
    ssize_t n = 0;
    if (connection->phase == ARRIVING)
        n = recv(connection->fd, connection->server->scratch, SERVER_SCRATCH,
                 MSG_PEEK | MSG_DONTWAIT);
    if (connection->phase != SERVED && n <= 0) {
        unwatch(connection);
        connection_free(connection);
    } else if (connection->phase == ARRIVING) {
        refuse(connection, &late, (size_t)n);
    } else {
        if (connection->exchange != NULL && connection->exchange->state == READING_BODY)
            server_exchange_refuse_now(connection->exchange, late.status, late.code, late.message);
        end(connection);
    }
}

static void on_clock(void *arg)
{
    struct server *server = arg;
    int64_t now_ms = loop_now_ms(server->loop), next_ms = INT64_MAX;
    server->due_clock_ms = INT64_MAX;
    if (server->busy) { /* a callback runs the loop: it may be using any of them */
        server_clock_expect(server, now_ms + PAUSE_MS);
        return;
    }
    server->busy = true;
    for (struct server_connection *connection = server->connections, *next; connection != NULL;
         connection = next) {
        next = connection->next;
        int64_t due_ms = deadline(connection);
        if (due_ms <= now_ms)
            expire(connection);
        else if (due_ms < next_ms)
            next_ms = due_ms;
    }
    if (next_ms < INT64_MAX)
        server_clock_expect(server, next_ms);
    if (server_clock_idle(server))
        server_clock_run(server);
}

/* ---- the library's part ---- */

/* Ours, by its descriptor. */
static struct server_connection *served(const struct server *server, struct MHD_Connection *handle)
{
    int fd = server->api.get_connection_info(handle, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    struct server_connection *it = server->connections; /* the newest come first */
    while (it != NULL && (it->phase != SERVED || it->fd != fd))
        it = it->next;
    return it;
}

void server_connection_on_notify(void *arg, struct MHD_Connection *handle, void **context,
                                 enum MHD_ConnectionNotificationCode code)
{
    struct server *server = arg;
    struct server_connection *connection = *context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = connection = served(server, handle);
        if (server->handed_over == connection)
            server->handed_over = NULL;
        return;
    }
    if (connection == NULL)
        return;
    *context = NULL;
    unwatch(connection); /* a closed socket stays open in a child that is being started */
    int fd = connection->linger && !server->closing ? dup(connection->fd) : -1;
    if (fd < 0) {
        connection_free(connection);
        return;
    }
    connection->fd = fd; /* the library closes its own */
    linger(connection);
}

/* ---- beginning and end ---- */

void server_connection_retire(struct server *server)
{
    loop_timer_stop(server->loop, &server->pause);
    loop_fd_stop(server->loop, &server->listener);
    close(server->listener.fd);
    server->listener.fd = -1;
    server_clock_expect(server, server->retired_ms + SERVER_KEPT_MS);
}

void server_connection_listen(struct server *server)
{
    server->on_clock = on_clock;
    server->end_slow_body = end_slow_body;
    server->end_slow_reply = end_slow_reply;
    loop_fd_start(server->loop, &server->listener, server->listener.fd, POLLIN, on_listener,
                  server);
    if (server->arrivals.index == 0)
        loop_fd_start(server->loop, &server->arrivals, server->arrivals.fd, POLLIN, on_arrivals,
                      server);
}

void server_connection_stop(struct server *server)
{
    loop_fd_stop(server->loop, &server->listener);
    loop_fd_stop(server->loop, &server->arrivals);
    loop_timer_stop(server->loop, &server->pause);
    loop_timer_stop(server->loop, &server->clock);
}

void server_connection_end_all(struct server *server)
{
    for (struct server_connection *connection = server->connections, *next; connection != NULL;
         connection = next) {
        next = connection->next;
        connection_free(connection);
    }
}
