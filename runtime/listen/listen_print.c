/*
 * --print: each event that is stored, on standard output. Nobody waits for who reads that, as it
 * may be a pager, or a terminal that stands still: some events are kept meanwhile, others left out.
 */
#include "listen_front_private.h"

#include "app.h"
#include "clock.h"
#include "fd.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define PRINTED_MAX ((size_t)4 * 1024 * 1024) /* of one event */
#define KEPT_MAX    ((size_t)1024 * 1024)     /* from here on others are left out */
#define AGAIN_MS    50                        /* between two tries, where poll is no help */
#define END_MS      1000                      /* for what is left at the end */

static size_t left(const struct listen_printing *printing)
{
    return printing->kept.len - printing->gone;
}

static void forget(struct listen_front *front)
{
    loop_timer_stop(front->loop, &front->printing.again);
    loop_fd_stop(front->loop, &front->printing.writable);
    buf_clear(&front->printing.kept);
    front->printing.gone = 0;
}

/* As write(2), but for EAGAIN where that would wait. */
static ssize_t write_some(const struct listen_printing *printing)
{
    struct pollfd ready = {.fd = printing->fd, .events = POLLOUT};
    if (poll(&ready, 1, 0) != 0)
        return fd_try_write(printing->fd, printing->kept.data + printing->gone, left(printing));
    errno = EAGAIN;
    return -1;
}

/* Said once, until it works again. */
static void fail(struct listen_front *front, int code)
{
    log_msg(front->log, front->printing.failed ? LOG_DEBUG : LOG_WARN,
            "--print: cannot write to standard output: %s", strerror(code));
    front->printing.failed = true;
    forget(front);
}

static void on_writable(void *arg, short revents);
static void try_again(void *arg);

/* told: that it can be written to. Where that was not so, poll would say it over and over: it calls
 * a terminal writable that has too little room for the end of a line. */
static void wait_for_room(struct listen_front *front, bool told)
{
    struct listen_printing *printing = &front->printing;
    if (printing->gone >= left(printing)) {
        buf_drop(&printing->kept, printing->gone);
        printing->gone = 0;
    }
    if (told)
        loop_timer_start(front->loop, &printing->again, AGAIN_MS, try_again, front);
    else
        loop_fd_start(front->loop, &printing->writable, printing->fd, POLLOUT, on_writable, front);
}

static void flush(struct listen_front *front, bool told)
{
    struct listen_printing *printing = &front->printing;
    loop_timer_stop(front->loop, &printing->again);
    loop_fd_stop(front->loop, &printing->writable);
    while (left(printing) > 0) {
        ssize_t wrote = write_some(printing);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0 && errno == EAGAIN) {
            wait_for_room(front, told);
            return;
        }
        if (wrote < 0) {
            fail(front, errno);
            return;
        }
        printing->gone += (size_t)wrote;
        printing->failed = told = false;
    }
    forget(front);
    if (printing->left_out > 0)
        log_msg(front->log, LOG_WARN,
                "--print: %" PRIu64 " events were left out, as nobody read standard output",
                printing->left_out);
    printing->left_out = 0;
}

static void on_writable(void *arg, short revents)
{
    (void)revents;
    flush(arg, true);
}

static void try_again(void *arg)
{
    flush(arg, false);
}

void listen_print_event(struct listen_front *front, const struct store_event_new *event,
                        const struct hook *hook)
{
    struct listen_printing *printing = &front->printing;
    char at[CLOCK_RFC3339_SIZE];
    struct buf text, shown;
    if (left(printing) >= KEPT_MAX) {
        if (printing->left_out++ == 0)
            log_msg(front->log, LOG_WARN,
                    "--print: nobody reads standard output: events are left out there");
        return;
    }
    clock_format_rfc3339(event->received_ms, at, sizeof at);
    buf_create(&text, PRINTED_MAX);
    buf_printf(&text, "%s %s #%" PRId64 " %s %s%s\n", at, hook->name, event->seq,
               event->type != NULL ? event->type : "-", event->id,
               event->added == STORE_EVENT_HELD_BACK ? " (held)" : "");
    buf_append(&text, event->body, event->body_len);
    buf_puts(&text, "\n\n");
    app_printable(front->options->app, text.data, text.len, &shown);
    buf_append(&printing->kept, shown.data, shown.len);
    buf_destroy(&shown);
    buf_destroy(&text);
    flush(front, false);
}

void listen_print_start(struct listen_front *front)
{
    struct listen_printing *printing = &front->printing;
    int fd = front->options->print ? fd_try_open(STDOUT_FILENO) : -1;
    printing->is_ours = fd >= 0;
    printing->fd = fd >= 0 ? fd : STDOUT_FILENO;
    buf_create(&printing->kept, SIZE_MAX / 2);
}

void listen_print_stop(struct listen_front *front)
{
    struct listen_printing *printing = &front->printing;
    int64_t until_ms = clock_mono_ms() + END_MS;
    while (left(printing) > 0 && clock_mono_ms() < until_ms) {
        struct pollfd ready = {.fd = printing->fd, .events = POLLOUT};
        size_t before = left(printing);
        poll(&ready, 1, AGAIN_MS);
        flush(front, false);
        if (left(printing) == before)
            poll(NULL, 0, AGAIN_MS);
    }
    forget(front);
    buf_destroy(&printing->kept);
    if (printing->is_ours)
        close(printing->fd);
}
