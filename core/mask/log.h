/* The log, on standard error, text or JSON lines. Everything passes through the redaction point. */
#ifndef JETON_LOG_H
#define JETON_LOG_H

#include "redact.h"

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE };
enum log_format { LOG_TEXT, LOG_JSON };

/* How the progress of work may be shown: not at all, as lines now and then, or also as one line at
 * the end of the terminal that changes. */
enum log_status { LOG_STATUS_NONE, LOG_STATUS_LINES, LOG_STATUS_BAR };

struct log_field {
    const char *name;
    const char *value; /* NULL: left out. Text: written `name=value`, quoted where needed */
    bool number;       /* in JSON it stands as it is, where it is a number; else it is a string */
};

struct log;
/*
 * Lines above `level` are dropped. Text: "jeton: error: message name=value\n" (no time: cron's mail
 * and journald add it); JSON: {"time":…,"level":"error","message":…,"name":"value"}. What could
 * forge a line or do something on a terminal is shown as an escape (visible.h). redact is borrowed.
 */
struct log *log_new(int fd, enum log_level level, enum log_format format, bool color,
                    const struct redact *redact);
void log_free(struct log *log);
/* From now on. */
void log_configure(struct log *log, enum log_level level, enum log_format format, bool color);
void log_no_color(struct log *log);
/* From now on, lines above `passed` go to another descriptor. LOG_NONE: all do. */
#define LOG_NONE (-1)
void log_divert(struct log *log, int passed, int fd);
/* From now on: whether lines are dropped, and told of by the next one that can be written, where
 * nobody has read the log for five seconds. Else who writes waits. */
void log_hurry(struct log *log, bool hurries);
/* For callers that cut a text: mask first, cut afterwards. NULL where there is none. */
const struct redact *log_redact(const struct log *log);
bool log_enabled(const struct log *log, enum log_level level);
void log_msg(struct log *log, enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void log_event(struct log *log, enum log_level level, const char *message,
               const struct log_field *fields, size_t nfields);
/* A text of several lines: a message, and what comes below it. A line that could pass for the
 * beginning of another message gets a tab before it. */
void log_lines(struct log *log, enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

void log_set_status_mode(struct log *log, enum log_status mode); /* at first: none */
enum log_status log_status_mode(const struct log *log);
/* Shows one line below all that is logged, masked and cut to the terminal's width; NULL takes it
 * away. Does nothing but in mode LOG_STATUS_BAR. */
void log_status(struct log *log, const char *text);
/* Takes it away until it is next shown: somebody else is about to write to the terminal. */
void log_status_hide(struct log *log);

#endif
