#include "log.h"

#include "ascii.h"
#include "clock.h"
#include "err.h"
#include "fd.h"
#include "json.h"
#include "mem.h"
#include "utf8.h"
#include "visible.h"

#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

/* A message or value that log_msg may be given; longer ones are replaced by a note. */
#define INPUT_MAX ((size_t)16 * 1024 * 1024)
/* Of each message and value, this much is written. */
#define VALUE_MAX ((size_t)64 * 1024)
/* Fields that would make a line longer than this are left out. */
#define LINE_MAX_BYTES ((size_t)1024 * 1024)

#define LINE_END       "}\n"
#define LINE_CLEAR     "\r\x1b[K"
#define LINE_START     "jeton: "
#define HURRY_MS       5000
#define HURRY_STEP_MS  10
#define STATUS_MAX     ((size_t)4096)
#define STATUS_COLUMNS 80             /* where the terminal does not say */
#define REPLACEMENT    "\xef\xbf\xbd" /* U+FFFD */

/* Of a log that holds nobody up. */
struct log_hurry {
    int to;          /* what `fd` is open to, opened anew so that a write does not wait; or -1 */
    pid_t pid;       /* whose lines are counted: one that is forked counts its own */
    int64_t dropped; /* lines since the last that was written */
    bool cut;        /* a part of one of them was written */
    bool unread;     /* the last line, perhaps of the process that forked this one */
};

struct log {
    int fd;
    enum log_level level;
    enum log_format format;
    bool color;
    const struct redact *redact;
    enum log_status status_mode;
    struct buf status; /* as it stands on the terminal */
    int passed;        /* what is above it goes to other_fd */
    int other_fd;
    struct log_hurry *hurry; /* NULL: who writes waits */
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
    *log = (struct log){.fd = fd,
                        .level = level,
                        .format = format,
                        .color = color,
                        .redact = redact,
                        .passed = LOG_TRACE,
                        .other_fd = fd};
    return log;
}

void log_free(struct log *log)
{
    log_status(log, NULL);
    if (log != NULL)
        log_hurry(log, false);
    mem_free(log);
}

void log_configure(struct log *log, enum log_level level, enum log_format format, bool color)
{
    log->level = level;
    log->format = format;
    log->color = color;
}

void log_hurry(struct log *log, bool hurries)
{
    if (hurries && log->hurry == NULL) {
        log->hurry = mem_alloc(sizeof *log->hurry);
        *log->hurry = (struct log_hurry){.to = fd_try_open(log->fd), .pid = getpid()};
    } else if (!hurries && log->hurry != NULL) {
        if (log->hurry->to >= 0)
            close(log->hurry->to);
        mem_free(log->hurry);
        log->hurry = NULL;
    }
}

void log_no_color(struct log *log)
{
    log->color = false;
}

void log_divert(struct log *log, int passed, int fd)
{
    log->passed = passed;
    log->other_fd = fd;
}

const struct redact *log_redact(const struct log *log)
{
    return log != NULL ? log->redact : NULL;
}

bool log_enabled(const struct log *log, enum log_level level)
{
    return log != NULL && level <= log->level;
}

struct message {
    const char *text;
    bool lines; /* it may have several */
    const struct log_field *fields;
    size_t nfields;
};

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

/* True: nobody takes the line for one that the log begins with. One that begins outside of ASCII
 * may begin with what is not seen. */
static bool is_continuation(const char *line)
{
    return (unsigned char)*line < 0x80 && strncmp(line, LINE_START, sizeof LINE_START - 1) != 0;
}

static void append_lines(struct buf *out, const char *text, size_t len)
{
    const char *line = text, *end = text + len;
    while (line < end) {
        const char *feed = memchr(line, '\n', (size_t)(end - line));
        const char *next = feed != NULL ? feed + 1 : end;
        if (line > text && !is_continuation(line))
            buf_putc(out, '\t');
        visible_append(out, line, (size_t)(next - line), VISIBLE_LINES);
        line = next;
    }
}

static void format_text(const struct log *log, struct buf *line, enum log_level level,
                        const struct message *message)
{
    struct buf text;
    buf_printf(line, LINE_START "%s%s%s: ", log->color ? levels[level].color : "",
               levels[level].name, log->color ? "\x1b[0m" : "");
    prepare_message(log, message->text, &text);
    if (message->lines)
        append_lines(line, text.data, text.len);
    else
        visible_append(line, text.data, text.len, VISIBLE_LINE);
    buf_destroy(&text);
    for (size_t i = 0; i < message->nfields; i++) {
        const struct log_field *field = &message->fields[i];
        if (field->value == NULL)
            continue;
        buf_putc(line, ' ');
        prepare(log, field->name, &text);
        visible_append(line, text.data, text.len, VISIBLE_LINE);
        buf_destroy(&text);
        prepare(log, field->value, &text);
        bool quotes = needs_quotes(&text);
        buf_puts(line, quotes ? "=\"" : "=");
        visible_append(line, text.data, text.len, quotes ? VISIBLE_QUOTED : VISIBLE_LINE);
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
                        const struct message *message)
{
    char time[CLOCK_RFC3339_SIZE];
    struct buf text;
    clock_format_rfc3339(clock_wall_ms(), time, sizeof time);
    prepare_message(log, message->text, &text);
    buf_printf(line, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":", time, levels[level].name);
    append_json(line, &text); /* the line has room for the longest message */
    buf_destroy(&text);
    for (size_t i = 0; i < message->nfields; i++) {
        if (message->fields[i].value != NULL)
            append_field(log, line, &message->fields[i]);
    }
}

/* One write for one event, so that the lines of several processes do not mix. */
static void write_line(int fd, const struct buf *line)
{
    for (size_t pos = 0; pos < line->len;) {
        ssize_t wrote = write(fd, line->data + pos, line->len - pos);
        if (wrote >= 0) {
            pos += (size_t)wrote;
        } else if (errno == EAGAIN) {
            struct pollfd waiting = {.fd = fd, .events = POLLOUT};
            poll(&waiting, 1, -1);
        } else if (errno != EINTR) {
            return; /* nothing is left to report this to */
        }
    }
}

/* Of a file that is always so; an error is for write(2) to find. */
static bool is_writable(int fd, int64_t until_ms)
{
    for (;;) {
        struct pollfd waiting = {.fd = fd, .events = POLLOUT};
        int64_t left_ms = until_ms - clock_mono_ms();
        int count = poll(&waiting, 1, left_ms > 0 ? (int)left_ms : 0);
        if (count > 0 || (count < 0 && errno != EINTR))
            return true;
        if (left_ms <= 0)
            return false;
    }
}

/* Returns how much was written; all where that failed, as nothing is left to report this to. */
static size_t write_until(int fd, const char *data, size_t len, int64_t until_ms)
{
    size_t pos = 0;
    while (pos < len && is_writable(fd, until_ms)) {
        ssize_t wrote = fd_try_write(fd, data + pos, len - pos);
        if (wrote >= 0) {
            pos += (size_t)wrote;
        } else if (errno == EAGAIN) { /* another was quicker, or a terminal has not enough room */
            if (clock_mono_ms() >= until_ms)
                break;
            poll(NULL, 0, HURRY_STEP_MS);
        } else if (errno != EINTR) {
            return len;
        }
    }
    return pos;
}

/* As write_line, but for no longer than HURRY_MS, and not at all while nobody reads. */
static void write_soon(struct log_hurry *hurry, int fd, const struct buf *line)
{
    int64_t until_ms = clock_mono_ms() + (hurry->unread ? 0 : HURRY_MS);
    size_t wrote = write_until(fd, line->data, line->len, until_ms);
    hurry->unread = wrote < line->len;
    if (!hurry->unread)
        return;
    hurry->dropped++;
    hurry->cut = hurry->cut || wrote > 0;
}

static void write_message(const struct log *log, enum log_level level,
                          const struct message *message);

/* Once it is read again. */
static void say_dropped(const struct log *log, int fd)
{
    struct log_hurry *hurry = log->hurry;
    int64_t dropped = hurry->dropped;
    if (dropped == 0 || !is_writable(fd, 0) || (hurry->cut && write_until(fd, "\n", 1, 0) == 0))
        return;
    char *text =
        mem_printf("%lld line%s of the log %s dropped, as nobody read it", (long long)dropped,
                   dropped == 1 ? "" : "s", dropped == 1 ? "was" : "were");
    const struct message message = {.text = text};
    hurry->dropped = 0;
    hurry->cut = hurry->unread = false;
    write_message(log, LOG_WARN, &message);
    if (hurry->unread) /* the one that was dropped tells of these */
        hurry->dropped = dropped;
    mem_free(text);
}

/* Whose lines the former count is of says so itself. */
static void count_own(struct log_hurry *hurry)
{
    pid_t pid = getpid();
    if (hurry->pid == pid)
        return;
    hurry->pid = pid;
    hurry->dropped = 0;
    hurry->cut = false;
}

static void write_message(const struct log *log, enum log_level level,
                          const struct message *message)
{
    int saved_errno = errno, fd = (int)level > log->passed ? log->other_fd : log->fd;
    if (log->hurry != NULL) {
        fd = fd == log->fd && log->hurry->to >= 0 ? log->hurry->to : fd;
        count_own(log->hurry);
        say_dropped(log, fd);
    }
    struct buf line;
    buf_create(&line, LINE_MAX_BYTES);
    if (log->status.len > 0)
        buf_puts(&line, LINE_CLEAR);
    if (log->format == LOG_JSON)
        format_json(log, &line, level, message);
    else
        format_text(log, &line, level, message);
    line.limit += strlen(LINE_END) + log->status.len;
    buf_puts(&line, log->format == LOG_JSON ? LINE_END : "\n");
    buf_append(&line, log->status.data, log->status.len);
    if (log->hurry != NULL)
        write_soon(log->hurry, fd, &line);
    else
        write_line(fd, &line);
    buf_destroy(&line);
    errno = saved_errno;
}

void log_event(struct log *log, enum log_level level, const char *message,
               const struct log_field *fields, size_t nfields)
{
    if (log_enabled(log, level))
        write_message(log, level, &(struct message){message, false, fields, nfields});
}

__attribute__((format(printf, 4, 0))) static void
vwrite(const struct log *log, enum log_level level, bool lines, const char *fmt, va_list args)
{
    struct buf text;
    buf_create_secret(&text, INPUT_MAX);
    if (buf_vprintf(&text, fmt, args) != 0)
        buf_puts(&text, "(a message that is too long to be shown)");
    write_message(log, level, &(struct message){text.data, lines, NULL, 0});
    buf_destroy(&text);
}

void log_msg(struct log *log, enum log_level level, const char *fmt, ...)
{
    va_list args;
    if (!log_enabled(log, level))
        return;
    va_start(args, fmt);
    vwrite(log, level, false, fmt, args);
    va_end(args);
}

void log_lines(struct log *log, enum log_level level, const char *fmt, ...)
{
    va_list args;
    if (!log_enabled(log, level))
        return;
    va_start(args, fmt);
    vwrite(log, level, true, fmt, args);
    va_end(args);
}

/* The line at the end of the terminal */

void log_set_status_mode(struct log *log, enum log_status mode)
{
    log->status_mode = mode;
}

enum log_status log_status_mode(const struct log *log)
{
    return log != NULL ? log->status_mode : LOG_STATUS_NONE;
}

/* How many bytes of the text have room in so many columns: whole characters, of which some take
 * none or two. Where the system has no locale of UTF-8, each takes one. */
static size_t columns_prefix(const struct buf *text, size_t columns)
{
    locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t before = uselocale(locale);
    size_t pos = 0, size;
    for (uint32_t code; pos < text->len; pos += size) {
        size = utf8_decode(text->data + pos, text->len - pos, &code);
        int width = size > 0 ? wcwidth((wchar_t)code) : -1;
        size_t takes = width < 0 ? 1 : (size_t)width;
        if (takes > columns)
            break;
        columns -= takes;
        size = size > 0 ? size : 1;
    }
    uselocale(before);
    if (locale != (locale_t)0)
        freelocale(locale);
    return pos;
}

void log_status(struct log *log, const char *text)
{
    struct buf masked, shown;
    struct winsize size;
    size_t columns = STATUS_COLUMNS;
    if (text == NULL || log_status_mode(log) != LOG_STATUS_BAR) {
        log_status_hide(log);
        return;
    }
    if (ioctl(log->fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
        columns = size.ws_col;
    prepare_message(log, text, &masked);
    buf_create(&shown, STATUS_MAX);
    visible_append(&shown, masked.data, masked.len, VISIBLE_LINE);
    shown.len = columns_prefix(&shown, columns - 1); /* one is left for the cursor */
    buf_destroy(&log->status);
    buf_create(&log->status, STATUS_MAX + sizeof LINE_CLEAR);
    buf_puts(&log->status, LINE_CLEAR);
    buf_append(&log->status, shown.data, shown.len);
    buf_destroy(&masked);
    buf_destroy(&shown);
    write_line(log->fd, &log->status);
}

void log_status_hide(struct log *log)
{
    if (log == NULL || log->status.len == 0)
        return;
    log->status.len = strlen(LINE_CLEAR); /* what it begins with */
    write_line(log->fd, &log->status);
    buf_destroy(&log->status);
}
