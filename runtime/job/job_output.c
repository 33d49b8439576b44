#include "job_output.h"

#include "fd.h"
#include "mem.h"
#include "store_runs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_BYTES ((size_t)64 * 1024) /* what a pipe holds */
#define LINE_BYTES  ((size_t)4 * 1024)
#define STEP_MS     10

enum { OUTPUT, ERRORS, KEPT }; /* the streams */

struct stream {
    int from;                      /* the pipe; -1: at its end */
    int child_end;                 /* -1: closed */
    int to;                        /* ours; -1: it is only kept */
    int anew;                      /* the same, so that no write waits (fd_try_open); -1: `to` is */
    size_t room;                   /* what can be written to it at once, when poll says so */
    struct redact_stream *masking; /* to the tail */
    struct job_output *output;
    struct buf line;          /* of a line that is written, and whose end the masking holds back */
    char *chunk;              /* CHUNK_BYTES */
    size_t len, kept, passed; /* of the chunk: there are, went to the tail, went on */
    bool broken;              /* nobody takes what would go on */
};

struct job_output {
    struct log *log;
    struct history_live *live;
    struct stream streams[JOB_OUTPUT_PIPES];
    char *tail; /* a ring of STORE_OUTPUT_MAX bytes */
    size_t at;  /* where the next byte goes */
    bool full;
    int64_t total;
};

static void put(struct job_output *output, const char *data, size_t len)
{
    if (len >= STORE_OUTPUT_MAX) {
        data += len - STORE_OUTPUT_MAX;
        len = STORE_OUTPUT_MAX;
    }
    size_t first = STORE_OUTPUT_MAX - output->at;
    if (first > len)
        first = len;
    memcpy(output->tail + output->at, data, first);
    memcpy(output->tail, data + first, len - first);
    output->full = output->full || output->at + len >= STORE_OUTPUT_MAX;
    output->at = (output->at + len) % STORE_OUTPUT_MAX;
}

static void end_line(struct stream *stream)
{
    put(stream->output, stream->line.data, stream->line.len);
    stream->line.len = 0;
}

/* Whole lines, so that none of another stream comes into one. Who follows sees all at once. */
static void keep(void *arg, const char *data, size_t len)
{
    struct stream *stream = arg;
    const char *last = memrchr(data, '\n', len);
    size_t whole = last != NULL ? (size_t)(last + 1 - data) : 0;
    history_live_write(stream->output->live, data, len);
    if (whole > 0)
        end_line(stream);
    put(stream->output, data, whole);
    if (buf_append(&stream->line, data + whole, len - whole) == 0)
        return;
    end_line(stream);
    put(stream->output, data + whole, len - whole);
}

/* poll promises PIPE_BUF bytes to pipes and their like; a file, and /dev/null, take any number. To
 * a terminal it promises one, so that what was opened anew is written to where that may be. */
static size_t room_of(const struct stream *stream)
{
    struct stat st;
    int fd = stream->to;
    bool any =
        fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || (S_ISCHR(st.st_mode) && isatty(fd) == 0));
    return any || stream->anew >= 0 ? CHUNK_BYTES : PIPE_BUF;
}

struct job_output *job_output_new(struct log *log, const struct redact *redact,
                                  struct history_live *live, struct err *err)
{
    struct job_output *output = mem_alloc(sizeof *output);
    output->log = log;
    output->live = live;
    output->tail = mem_alloc(STORE_OUTPUT_MAX);
    for (int i = 0; i < JOB_OUTPUT_PIPES; i++)
        output->streams[i] = (struct stream){.from = -1, .child_end = -1, .anew = -1};
    for (int i = 0; i < JOB_OUTPUT_PIPES; i++) {
        struct stream *stream = &output->streams[i];
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
            err_set(err, ERR_CONFIG, "cannot make a pipe: %s", strerror(errno));
            job_output_free(output);
            return NULL;
        }
        stream->from = ends[0];
        stream->child_end = ends[1];
        stream->to = i == OUTPUT ? STDOUT_FILENO : i == ERRORS ? STDERR_FILENO : -1;
        stream->broken = i == KEPT;
        stream->anew = i == KEPT ? -1 : fd_try_open(stream->to);
        stream->room = room_of(stream);
        stream->chunk = mem_alloc(CHUNK_BYTES);
        stream->masking = redact_stream_new(redact, keep, stream);
        stream->output = output;
        buf_create(&stream->line, LINE_BYTES);
    }
    return output;
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void job_output_free(struct job_output *output)
{
    if (output == NULL)
        return;
    for (int i = 0; i < JOB_OUTPUT_PIPES; i++) {
        struct stream *stream = &output->streams[i];
        close_end(&stream->from);
        close_end(&stream->child_end);
        close_end(&stream->anew);
        redact_stream_free(stream->masking);
        buf_destroy(&stream->line);
        if (stream->chunk != NULL)
            sodium_memzero(stream->chunk, CHUNK_BYTES);
        mem_free(stream->chunk);
    }
    mem_free(output->tail);
    mem_free(output);
}

void job_output_attach(struct job_output *output)
{
    for (int i = 0; i < JOB_OUTPUT_PIPES; i++) {
        struct stream *stream = &output->streams[i];
        close_end(&stream->from);
        close_end(&stream->anew);
        if (i == KEPT)
            continue;
        dup2(stream->child_end, stream->to);
        close_end(&stream->child_end);
    }
}

int job_output_kept(const struct job_output *output)
{
    return output->streams[KEPT].child_end;
}

void job_output_started(struct job_output *output)
{
    for (int i = 0; i < JOB_OUTPUT_PIPES; i++)
        close_end(&output->streams[i].child_end);
}

static int sink_of(const struct stream *stream)
{
    return stream->anew >= 0 ? stream->anew : stream->to;
}

static bool is_waiting(const struct stream *stream)
{
    return stream->passed < stream->len;
}

void job_output_watch(const struct job_output *output, struct pollfd fds[static JOB_OUTPUT_FDS])
{
    for (int i = 0; i < JOB_OUTPUT_PIPES; i++) {
        const struct stream *stream = &output->streams[i];
        bool waiting = is_waiting(stream);
        fds[2 * i] = (struct pollfd){.fd = waiting ? -1 : stream->from, .events = POLLIN};
        fds[2 * i + 1] = (struct pollfd){.fd = waiting ? sink_of(stream) : -1, .events = POLLOUT};
    }
}

void job_output_read(struct job_output *output)
{
    for (int i = 0; i < JOB_OUTPUT_PIPES; i++) {
        struct stream *stream = &output->streams[i];
        if (stream->from < 0 || is_waiting(stream))
            continue;
        ssize_t n = read(stream->from, stream->chunk, CHUNK_BYTES);
        stream->len = n > 0 ? (size_t)n : 0;
        stream->kept = stream->passed = 0;
        output->total += (int64_t)stream->len;
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            close_end(&stream->from);
    }
}

/* The record has it all the same. */
static void give_up(struct job_output *output, struct stream *stream, int code)
{
    if (stream->broken)
        return;
    stream->broken = true;
    log_msg(output->log, LOG_WARN,
            "cannot pass on the job's standard %s: %s; the last of it is kept in the run's record",
            stream->to == STDOUT_FILENO ? "output" : "error", strerror(code));
}

static void pass_on(struct job_output *output, struct stream *stream)
{
    while (is_waiting(stream)) {
        if (stream->broken) {
            stream->passed = stream->len;
            return;
        }
        struct pollfd ready = {.fd = sink_of(stream), .events = POLLOUT};
        if (poll(&ready, 1, 0) != 1)
            return;
        size_t len = stream->len - stream->passed;
        ssize_t n = write(ready.fd, stream->chunk + stream->passed,
                          len < stream->room ? len : stream->room);
        if (n >= 0) {
            stream->passed += (size_t)n;
        } else if (errno == EAGAIN) { /* a terminal has no room for the end of a line */
            poll(NULL, 0, STEP_MS);   /* and poll would say at once that it has some */
            return;
        } else if (errno != EINTR) {
            give_up(output, stream, errno);
        }
    }
}

void job_output_pass(struct job_output *output)
{
    for (int i = 0; i < JOB_OUTPUT_PIPES; i++) {
        struct stream *stream = &output->streams[i];
        if (stream->kept < stream->len) {
            redact_stream_write(stream->masking, stream->chunk + stream->kept,
                                stream->len - stream->kept);
            if (stream->chunk[stream->len - 1] != '\n') /* it was left open, or is a long one */
                end_line(stream);
        }
        stream->kept = stream->len;
        pass_on(output, stream);
    }
}

void job_output_give_up(struct job_output *output)
{
    log_hurry(output->log, true); /* it may well go where nobody reads */
    for (int i = 0; i < JOB_OUTPUT_PIPES; i++) {
        if (is_waiting(&output->streams[i]))
            give_up(output, &output->streams[i], ETIMEDOUT);
    }
}

int64_t job_output_total(const struct job_output *output)
{
    return output->total;
}

bool job_output_idle(const struct job_output *output)
{
    for (int i = 0; i < JOB_OUTPUT_PIPES; i++) {
        if (is_waiting(&output->streams[i]))
            return false;
    }
    return true;
}

char *job_output_take(struct job_output *output, size_t *len, int64_t *total)
{
    for (int i = 0; i < JOB_OUTPUT_PIPES; i++) {
        /* What it holds back comes now. A job that was killed may have written half of a secret. */
        redact_stream_cut(output->streams[i].masking);
        redact_stream_free(output->streams[i].masking);
        output->streams[i].masking = NULL;
        end_line(&output->streams[i]);
    }
    *total = output->total;
    *len = output->full ? STORE_OUTPUT_MAX : output->at;
    if (*len == 0)
        return NULL;
    char *text = mem_alloc(*len);
    size_t first = output->full ? STORE_OUTPUT_MAX - output->at : 0;
    memcpy(text, output->tail + output->at, first);
    memcpy(text + first, output->tail, output->at);
    return text;
}
