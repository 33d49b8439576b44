#include "log.h"

#include "ascii.h"
#include "clock.h"
#include "err.h"
#include "json.h"
#include "mem.h"
#include "utf8.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A message or value that log_msg may be given; longer ones are replaced by a note. */
#define INPUT_MAX ((size_t)16 * 1024 * 1024)
/* Of each message and value, this much is written. */
#define VALUE_MAX ((size_t)64 * 1024)
/* Fields that would make a line longer than this are left out. */
#define LINE_MAX_BYTES ((size_t)1024 * 1024)

#define LINE_END    "}\n"
#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

struct log {
    int fd;
    enum log_level level;
    enum log_format format;
    bool color;
    const struct redact *redact;
};

static const struct {
    const char *name;
    const char *color;
} levels[] = {
    [LOG_ERROR] = {"error", "\x1b[1;31m"}, [LOG_WARN] = {"warning", "\x1b[1;33m"},
    [LOG_INFO] = {"info", "\x1b[32m"},     [LOG_DEBUG] = {"debug", "\x1b[2m"},
    [LOG_TRACE] = {"trace", "\x1b[2m"},
};

struct log *log_new(int fd, enum log_level level, enum log_format format, bool color,
                    const struct redact *redact)
{
    struct log *log = mem_alloc(sizeof *log);
    *log =
        (struct log){.fd = fd, .level = level, .format = format, .color = color, .redact = redact};
    return log;
}

void log_free(struct log *log)
{
    mem_free(log);
}

void log_no_color(struct log *log)
{
    log->color = false;
}

const struct redact *log_redact(const struct log *log)
{
    return log != NULL ? log->redact : NULL;
}

bool log_enabled(const struct log *log, enum log_level level)
{
    return log != NULL && level <= log->level;
}

/* Controls of a terminal (C0, DEL, C1), and those that turn the direction of what follows. */
static bool is_unsafe(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x202a && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

static void append_unsafe(struct buf *out, uint32_t code)
{
    static const char names[] = "\b\f\n\r\t";
    static const char letters[] = "bfnrt";
    const char *name = code != 0 && code < 0x20 ? strchr(names, (int)code) : NULL;
    if (name != NULL)
        buf_printf(out, "\\%c", letters[name - names]);
    else
        buf_printf(out, code < 0x100 ? "\\x%02x" : "\\u%04x", code);
}

/* Text that is safe on a terminal: unsafe characters and bytes that are not UTF-8 become escapes.
 */
static void append_safe(struct buf *out, const char *text, size_t len, bool lines, bool quoted)
{
    for (size_t pos = 0; pos < len;) {
        const char *at = text + pos;
        uint32_t code;
        size_t size = utf8_decode(at, len - pos, &code);
        if (size == 0)
            append_unsafe(out, (unsigned char)*at);
        else if (is_unsafe(code) && !(lines && (code == '\n' || code == '\t')))
            append_unsafe(out, code);
        else if (quoted && (code == '"' || code == '\\'))
            buf_printf(out, "\\%c", *at);
        else
            buf_append(out, at, size);
        pos += size > 0 ? size : 1;
    }
}

void log_append_safe(struct buf *out, const char *text, size_t len)
{
    append_safe(out, text, len, true, false);
}

static int append_json(struct buf *out, const struct buf *text)
{
    struct buf valid;
    buf_create_secret(&valid, VALUE_MAX * sizeof REPLACEMENT);
    for (size_t pos = 0; pos < text->len;) {
        size_t size = utf8_valid_prefix(text->data + pos, text->len - pos);
        buf_append(&valid, text->data + pos, size);
        pos += size;
        if (pos < text->len) {
            buf_puts(&valid, REPLACEMENT);
            pos++;
        }
    }
    int result = json_write_string(out, valid.data, valid.len);
    buf_destroy(&valid);
    return result;
}

static bool needs_quotes(const struct buf *text)
{
    for (size_t i = 0; i < text->len; i++) {
        char c = text->data[i];
        if (!ascii_is_visible(c) || strchr("\"\\=", c) != NULL)
            return true;
    }
    return text->len == 0;
}

/* Masked first and cut afterwards, so that a cut never leaves part of a secret. */
static void prepare(const struct log *log, const char *text, struct buf *out)
{
    size_t len = strlen(text);
    buf_create(out, INPUT_MAX);
    redact_text(log->redact, text, len, out);
    if (out->len <= VALUE_MAX)
        return;
    out->len = utf8_cut(out->data, out->len, VALUE_MAX - strlen(ERR_CUT));
    buf_puts(out, ERR_CUT);
}

static void prepare_message(const struct log *log, const char *message, struct buf *out)
{
    prepare(log, message, out);
    while (out->len > 0 && strchr("\r\n", out->data[out->len - 1]) != NULL)
        out->data[--out->len] = '\0';
}

static void format_text(const struct log *log, struct buf *line, enum log_level level,
                        const char *message, const struct log_field *fields, size_t nfields)
{
    struct buf text;
    buf_printf(line, "jeton: %s%s%s: ", log->color ? levels[level].color : "", levels[level].name,
               log->color ? "\x1b[0m" : "");
    prepare_message(log, message, &text);
    append_safe(line, text.data, text.len, true, false);
    buf_destroy(&text);
    for (size_t i = 0; i < nfields; i++) {
        if (fields[i].value == NULL)
            continue;
        buf_putc(line, ' ');
        prepare(log, fields[i].name, &text);
        append_safe(line, text.data, text.len, false, false);
        buf_destroy(&text);
        prepare(log, fields[i].value, &text);
        bool quotes = needs_quotes(&text);
        buf_puts(line, quotes ? "=\"" : "=");
        append_safe(line, text.data, text.len, false, quotes);
        buf_puts(line, quotes ? "\"" : "");
        buf_destroy(&text);
    }
}

/* A field that is named like one of the line's own members gets a '_'. */
static int append_name(const struct log *log, struct buf *line, const char *name)
{
    static const char *const own[] = {"time", "level", "message"};
    struct buf text;
    prepare(log, name, &text);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (strcmp(name, own[i]) == 0)
            buf_putc(&text, '_');
    }
    int result = append_json(line, &text);
    buf_destroy(&text);
    return result;
}

/* As JSON writes numbers: what Lua calls inf and nan, and a masked one, are not. */
static bool is_number(const struct buf *text)
{
    struct json_options options = {.max_depth = 1};
    struct err ignored;
    struct json *json = json_parse(text->data, text->len, &options, &ignored);
    bool number = json != NULL && (json->type == JSON_INT || json->type == JSON_DOUBLE);
    json_free(json);
    return number;
}

/* Whole or not at all: a line that is full is still valid JSON. */
static void append_field(const struct log *log, struct buf *line, const struct log_field *field)
{
    size_t before = line->len;
    struct buf text;
    prepare(log, field->value, &text);
    if (buf_putc(line, ',') != 0 || append_name(log, line, field->name) != 0 ||
        buf_putc(line, ':') != 0 ||
        (field->number && is_number(&text) ? buf_append(line, text.data, text.len)
                                           : append_json(line, &text)) != 0)
        line->len = before;
    buf_destroy(&text);
}

static void format_json(const struct log *log, struct buf *line, enum log_level level,
                        const char *message, const struct log_field *fields, size_t nfields)
{
    char time[CLOCK_RFC3339_SIZE];
    struct buf text;
    clock_format_rfc3339(clock_wall_ms(), time, sizeof time);
    prepare_message(log, message, &text);
    buf_printf(line, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":", time, levels[level].name);
    append_json(line, &text); /* the line has room for the longest message */
    buf_destroy(&text);
    for (size_t i = 0; i < nfields; i++) {
        if (fields[i].value != NULL)
            append_field(log, line, &fields[i]);
    }
}

/* One write for one event, so that the lines of several processes do not mix. */
static void write_line(const struct log *log, const struct buf *line)
{
    for (size_t pos = 0; pos < line->len;) {
        ssize_t wrote = write(log->fd, line->data + pos, line->len - pos);
        if (wrote >= 0) {
            pos += (size_t)wrote;
        } else if (errno == EAGAIN) {
            struct pollfd waiting = {.fd = log->fd, .events = POLLOUT};
            poll(&waiting, 1, -1);
        } else if (errno != EINTR) {
            return; /* nothing is left to report this to */
        }
    }
}

void log_event(struct log *log, enum log_level level, const char *message,
               const struct log_field *fields, size_t nfields)
{
    if (!log_enabled(log, level))
        return;
    int saved_errno = errno;
    struct buf line;
    buf_create(&line, LINE_MAX_BYTES);
    if (log->format == LOG_JSON)
        format_json(log, &line, level, message, fields, nfields);
    else
        format_text(log, &line, level, message, fields, nfields);
    line.limit += strlen(LINE_END);
    buf_puts(&line, log->format == LOG_JSON ? LINE_END : "\n");
    write_line(log, &line);
    buf_destroy(&line);
    errno = saved_errno;
}

void log_msg(struct log *log, enum log_level level, const char *fmt, ...)
{
    if (!log_enabled(log, level))
        return;
    struct buf message;
    buf_create_secret(&message, INPUT_MAX);
    va_list args;
    va_start(args, fmt);
    if (buf_vprintf(&message, fmt, args) != 0)
        buf_puts(&message, "(a message that is too long to be shown)");
    va_end(args);
    log_event(log, level, message.data, NULL, 0);
    buf_destroy(&message);
}
