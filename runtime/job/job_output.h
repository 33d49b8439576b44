/*
 * The output of an attempt: three pipes. What arrives goes on to the supervisor's own standard
 * output and error, but for the third one's; the last part of all is kept, masked, in order of
 * arrival, lines that were written as a whole as such. Memory is bounded, however much is written.
 */
#ifndef JETON_JOB_OUTPUT_H
#define JETON_JOB_OUTPUT_H

#include "err.h"
#include "history_live.h"
#include "log.h"

#include <poll.h>
#include <stdint.h>

#define JOB_OUTPUT_PIPES 3
#define JOB_OUTPUT_FDS   (2 * JOB_OUTPUT_PIPES)

struct job_output;

/* NULL with err. redact must outlive it; live, too, which gets what is kept. */
struct job_output *job_output_new(struct log *log, const struct redact *redact,
                                  struct history_live *live, struct err *err);
void job_output_free(struct job_output *output); /* NULL is fine */
/* In the child: they are its standard output and error now. */
void job_output_attach(struct job_output *output);
/* The same: where what is only kept is written to. Until job_output_free. */
int job_output_kept(const struct job_output *output);
/* In the supervisor, after the fork: the child's ends are closed. */
void job_output_started(struct job_output *output);

/* What to wait for. */
void job_output_watch(const struct job_output *output, struct pollfd fds[static JOB_OUTPUT_FDS]);
/* Takes in what has come. Then the report must be read, before job_output_pass: a secret is
 * reported before it is printed. */
void job_output_read(struct job_output *output);
/* Passes it on, as far as there is room, and keeps its end. */
void job_output_pass(struct job_output *output);
/* True when all that has come was passed on. */
bool job_output_idle(const struct job_output *output);
/* Nothing is passed on from now on: output goes only to the record. */
void job_output_give_up(struct job_output *output);
/* Bytes that have come. */
int64_t job_output_total(const struct job_output *output);

/* After the last pass: the kept end (mem_free; NULL for none), and how much there was in all. */
char *job_output_take(struct job_output *output, size_t *len, int64_t *total);

#endif
