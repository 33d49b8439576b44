/*
 * What an attempt tells its supervisor beside its output, by a pipe of its own: each secret before
 * the script can print it, so that the record is masked even where the child dies; and how it
 * ended. Both ends are the same executable.
 */
#ifndef JETON_JOB_REPORT_H
#define JETON_JOB_REPORT_H

#include "buf.h"
#include "err.h"
#include "redact.h"

#include <stdint.h>

struct job_result {
    int32_t status; /* exit status */
    int32_t kind;   /* enum err_kind; ERR_NONE: there was no error but the status */
    int64_t requests;
    int64_t exchanges;
    char message[ERR_LINE_MAX]; /* masked; "" for none */
    char at[ERR_LINE_MAX / 4];  /* where in the script: "job.lua:4, job.lua:7"; masked; "" */
};

/* In the child. Blocks until the supervisor has room. */
void job_report_secret(int fd, const char *secret, size_t len);
void job_report_result(int fd, const struct job_result *result);

/* In the supervisor. */
struct job_report {
    struct buf pending; /* a frame that has not come as a whole */
    struct redact *redact;
    struct job_result result;
    bool ended; /* result is there */
};
void job_report_create(struct job_report *report, struct redact *redact);
void job_report_destroy(struct job_report *report);
/* Takes in what has arrived; the descriptor does not block. False at its end. */
bool job_report_read(struct job_report *report, int fd);

#endif
