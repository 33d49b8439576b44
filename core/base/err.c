#include "err.h"

#include "utf8.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int exit_code;
} kinds[] = {
    [ERR_NONE] = {"none", 0},
    [ERR_INVALID] = {"invalid", 1},
    [ERR_SCRIPT] = {"script", 1},
    [ERR_USAGE] = {"usage", 2},
    [ERR_CONFIG] = {"config", 3},
    [ERR_AUTH] = {"auth", 4},
    [ERR_NETWORK] = {"network", 5},
    [ERR_HTTP] = {"http", 6},
    [ERR_THROTTLED] = {"throttled", 6},
    [ERR_BUSY] = {"busy", 7},
    [ERR_LOST] = {"lost", 7},
    [ERR_CONFLICT] = {"conflict", 1},
    [ERR_CANCELLED] = {"cancelled", 1},
    [ERR_DEADLINE] = {"deadline", 8},
    [ERR_PIPE] = {"pipe", 128 + SIGPIPE},
};

void err_clear(struct err *err)
{
    memset(err, 0, sizeof *err);
}

void err_vtext(char *out, size_t size, const char *fmt, va_list args)
{
    int wanted = vsnprintf(out, size, fmt, args);
    if (wanted < 0 || (size_t)wanted < size)
        return;
    size_t len = utf8_cut(out, size - 1, size - sizeof ERR_CUT);
    memcpy(out + len, ERR_CUT, sizeof ERR_CUT);
}

void err_text(char *out, size_t size, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    err_vtext(out, size, fmt, args);
    va_end(args);
}

int err_vset(struct err *err, enum err_kind kind, const char *fmt, va_list args)
{
    /* fmt's arguments may point into err itself. */
    struct err fresh = {.kind = kind};
    err_vtext(fresh.msg, sizeof fresh.msg, fmt, args);
    *err = fresh;
    return -1;
}

int err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    err_vset(err, kind, fmt, args);
    va_end(args);
    return -1;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
    char context[ERR_MSG_MAX];
    va_list args;
    va_start(args, fmt);
    err_vtext(context, sizeof context, fmt, args);
    va_end(args);

    char message[ERR_MSG_MAX];
    memcpy(message, err->msg, sizeof message);
    err_text(err->msg, sizeof err->msg, "%s: %s", context, message);
    err->subject = 0;
    return -1;
}

void err_advise(struct err *err, const char *fmt, ...)
{
    char advice[ERR_MSG_MAX], message[ERR_MSG_MAX];
    va_list args;
    va_start(args, fmt);
    err_vtext(advice, sizeof advice, fmt, args);
    va_end(args);

    memcpy(message, err->msg, sizeof message);
    size_t len = strlen(message);
    if (len > 1 && message[len - 1] == '.' && message[len - 2] != '.') /* "..." is a cut */
        message[len - 1] = '\0';
    err_text(err->msg, sizeof err->msg, "%s; %s", message, advice);
}

int err_about(struct err *err, const char *subject)
{
    size_t len = strlen(subject) + strlen(": ");
    err_wrap(err, "%s", subject);
    err->subject = len < strlen(err->msg) ? len : 0; /* a very long one is cut */
    return -1;
}

const char *err_line(const struct err *err, char out[static ERR_LINE_MAX])
{
    if (err->request[0] != '\0')
        err_text(out, ERR_LINE_MAX, "%s (%s)", err->msg, err->request);
    else
        err_text(out, ERR_LINE_MAX, "%s", err->msg);
    return out;
}

const char *err_kind_name(enum err_kind kind)
{
    return kinds[kind].name;
}

int err_exit_code(enum err_kind kind)
{
    return kinds[kind].exit_code;
}
