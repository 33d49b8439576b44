#include "job_report.h"

#include "fd.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define READ_BYTES ((size_t)16 * 1024)

enum frame_type { FRAME_SECRET = 1, FRAME_RESULT };

struct frame_head {
    uint32_t type;
    uint32_t len;
};

/* If nobody reads, the supervisor is gone and the child will be killed. */
static void send_frame(int fd, enum frame_type type, const void *data, size_t len)
{
    const struct frame_head head = {.type = type, .len = (uint32_t)len};
    if (fd_write(fd, &head, sizeof head) == 0)
        fd_write(fd, data, len);
}

void job_report_secret(int fd, const char *secret, size_t len)
{
    send_frame(fd, FRAME_SECRET, secret, len);
}

void job_report_result(int fd, const struct job_result *result)
{
    send_frame(fd, FRAME_RESULT, result, sizeof *result);
}

void job_report_create(struct job_report *report, struct redact *redact)
{
    memset(report, 0, sizeof *report);
    buf_create_secret(&report->pending, sizeof(struct frame_head) + REDACT_PIECE_MAX +
                                            sizeof(struct job_result) + READ_BYTES);
    report->redact = redact;
}

void job_report_destroy(struct job_report *report)
{
    buf_destroy(&report->pending);
}

static void take_frame(struct job_report *report, const struct frame_head *head, const char *data)
{
    if (head->type == FRAME_SECRET) {
        redact_add(report->redact, data, head->len);
    } else if (head->type == FRAME_RESULT && head->len == sizeof report->result) {
        memcpy(&report->result, data, sizeof report->result);
        report->result.message[sizeof report->result.message - 1] = '\0';
        report->result.at[sizeof report->result.at - 1] = '\0';
        report->ended = true;
    }
}

/* All that is whole. */
static void take_frames(struct job_report *report)
{
    struct buf *pending = &report->pending;
    size_t pos = 0;
    struct frame_head head;
    while (pending->len - pos >= sizeof head) {
        memcpy(&head, pending->data + pos, sizeof head);
        if (pending->len - pos - sizeof head < head.len)
            break;
        take_frame(report, &head, pending->data + pos + sizeof head);
        pos += sizeof head + head.len;
    }
    buf_drop(pending, pos);
}

bool job_report_read(struct job_report *report, int fd)
{
    char data[READ_BYTES];
    bool more = true, open = true;
    while (more) {
        ssize_t n = read(fd, data, sizeof data);
        if (n < 0 && errno == EINTR)
            continue;
        more = n > 0;
        open = n > 0 || (n < 0 && errno == EAGAIN);
        /* A frame that is too large is not ours: the pipe cannot be trusted any longer. */
        if (more && buf_append(&report->pending, data, (size_t)n) != 0)
            more = open = false;
        if (more)
            take_frames(report);
    }
    sodium_memzero(data, sizeof data);
    return open;
}
