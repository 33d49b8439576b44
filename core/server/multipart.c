#include "multipart.h"

#include "ascii.h"
#include "buf.h"
#include "field.h"
#include "mem.h"

#include <string.h>
#include <strings.h>

#define FORM          "multipart/form-data"
#define DELIMITER_MAX (sizeof "\r\n--" + MULTIPART_BOUNDARY_MAX)
#define VALUE_MAX     MULTIPART_HEADER_MAX /* of a parameter: no longer than its header */

enum state {
    PREAMBLE,  /* before the first delimiter */
    DELIMITED, /* after one: "--", or the end of its line */
    HEADER,
    CONTENT,
    EPILOGUE, /* after the last delimiter: ignored */
    FAILED,
};

struct multipart {
    struct multipart_handler handler;
    enum state state;
    char delimiter[DELIMITER_MAX]; /* "\r\n--" and the boundary */
    size_t delimiter_len;
    size_t matched; /* of the delimiter, at the end of what came */
    size_t parts;
    struct buf line; /* what follows a delimiter; the header of a part */
    struct err err;  /* of FAILED */
};

/* ---- parameters of a header field ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static const char *skip_spaces(const char *at)
{
    while (is_space(*at))
        at++;
    return at;
}

/* Reads a quoted value from behind its quote. Only quotes and backslashes are escaped: a backslash
 * before another character belongs to a Windows path. */
static const char *read_quoted(const char *at, struct buf *value)
{
    for (; *at != '\0' && *at != '"'; at++) {
        if (*at == '\\' && (at[1] == '"' || at[1] == '\\'))
            at++;
        buf_putc(value, *at);
    }
    return *at == '"' ? at + 1 : NULL;
}

/*
 * Reads "; name=value" at *at. 1: name (which points into the text) and value are set; 0: the end;
 * -1: it is malformed.
 */
static int read_parameter(const char **at, const char **name, size_t *name_len, struct buf *value)
{
    const char *p = skip_spaces(*at);
    buf_clear(value);
    while (*p == ';')
        p = skip_spaces(p + 1);
    if (*p == '\0')
        return 0;
    *name = p;
    *name_len = strcspn(p, "=; \t\"");
    p = skip_spaces(p + *name_len);
    if (*name_len == 0 || *p != '=')
        return -1;
    p = skip_spaces(p + 1);
    if (*p == '"') {
        p = read_quoted(p + 1, value);
    } else {
        size_t len = strcspn(p, ";");
        size_t kept = len;
        while (kept > 0 && is_space(p[kept - 1]))
            kept--;
        buf_append(value, p, kept);
        p += len;
    }
    if (p == NULL)
        return -1;
    *at = skip_spaces(p);
    return **at == ';' || **at == '\0' ? 1 : -1;
}

static bool is_named(const char *name, size_t len, const char *expected)
{
    return len == strlen(expected) && strncasecmp(name, expected, len) == 0;
}

/* ---- making one ---- */

bool multipart_is_form(const char *content_type)
{
    if (content_type == NULL)
        return false;
    const char *at = skip_spaces(content_type);
    size_t len = sizeof FORM - 1;
    return strncasecmp(at, FORM, len) == 0 && strchr("; \t", at[len]) != NULL;
}

static bool is_boundary(const struct buf *value)
{
    if (value->len == 0 || value->len > MULTIPART_BOUNDARY_MAX ||
        value->data[value->len - 1] == ' ')
        return false;
    for (size_t i = 0; i < value->len; i++)
        if (!ascii_is_visible(value->data[i]) && value->data[i] != ' ')
            return false;
    return true;
}

/* From "multipart/form-data; boundary=…". */
static int read_boundary(const char *content_type, struct buf *value)
{
    const char *at = skip_spaces(content_type) + sizeof FORM - 1;
    const char *name;
    size_t len;
    while (read_parameter(&at, &name, &len, value) == 1)
        if (is_named(name, len, "boundary"))
            return is_boundary(value) ? 0 : -1;
    return -1;
}

struct multipart *multipart_new(const char *content_type, const struct multipart_handler *handler,
                                struct err *err)
{
    struct buf boundary;
    struct multipart *multipart = NULL;
    buf_create(&boundary, VALUE_MAX);
    if (!multipart_is_form(content_type)) {
        err_set(err, ERR_INVALID, "expected Content-Type " FORM);
    } else if (strlen(content_type) > VALUE_MAX || read_boundary(content_type, &boundary) != 0) {
        err_set(err, ERR_INVALID,
                "Content-Type " FORM ": expected boundary= with 1 to %d printable characters",
                MULTIPART_BOUNDARY_MAX);
    } else {
        multipart = mem_alloc(sizeof *multipart);
        multipart->handler = *handler;
        memcpy(multipart->delimiter, "\r\n--", 4);
        memcpy(multipart->delimiter + 4, boundary.data, boundary.len);
        multipart->delimiter_len = 4 + boundary.len;
        multipart->matched = 2; /* the first one may stand at the very start */
        buf_create(&multipart->line, MULTIPART_HEADER_MAX);
    }
    buf_destroy(&boundary);
    return multipart;
}

void multipart_free(struct multipart *multipart)
{
    if (multipart == NULL)
        return;
    buf_destroy(&multipart->line);
    mem_free(multipart);
}

/* ---- the header of a part ---- */

/* UTF-8''na%C3%AFve.pdf, in place (RFC 5987). False: another character set, or malformed. */
static bool decode_extended(struct buf *value)
{
    const char *text =
        strncasecmp(value->data, "UTF-8'", 6) == 0 ? strchr(value->data + 6, '\'') : NULL;
    if (text == NULL)
        return false;
    size_t len = 0;
    for (text++; *text != '\0'; text++) {
        int high = *text == '%' ? ascii_hex_value(text[1]) : -1;
        int low = high >= 0 ? ascii_hex_value(text[2]) : -1;
        if (*text == '%' && (low < 0 || high * 16 + low == 0))
            return false;
        value->data[len++] = *text == '%' ? (char)(high * 16 + low) : *text;
        text += *text == '%' ? 2 : 0;
    }
    value->data[len] = '\0';
    value->len = len;
    return true;
}

struct fields { /* of a part's header */
    bool disposed;
    char *name, *filename, *extended, *content_type;
};

static void take(char **field, struct buf *value)
{
    mem_free(*field);
    *field = mem_strndup(value->data, value->len);
}

/* "form-data; name=…; filename=…" */
static int read_disposition(const char *text, struct fields *fields)
{
    static const char kind[] = "form-data";
    struct buf value;
    const char *name;
    size_t len;
    int result;
    if (strncasecmp(text, kind, sizeof kind - 1) != 0 ||
        strchr("; \t", text[sizeof kind - 1]) == NULL)
        return -1;
    text += sizeof kind - 1;
    buf_create(&value, VALUE_MAX);
    fields->disposed = true;
    while ((result = read_parameter(&text, &name, &len, &value)) == 1) {
        if (is_named(name, len, "name"))
            take(&fields->name, &value);
        else if (is_named(name, len, "filename"))
            take(&fields->filename, &value);
        else if (is_named(name, len, "filename*") && decode_extended(&value))
            take(&fields->extended, &value);
    }
    buf_destroy(&value);
    return result;
}

/* One line, NUL-terminated. */
static int read_line(char *line, struct fields *fields)
{
    char *colon = strchr(line, ':');
    if (colon == NULL || colon == line || is_space(*line))
        return -1;
    const char *value = skip_spaces(colon + 1);
    size_t len = (size_t)(colon - line);
    if (is_named(line, len, "Content-Disposition"))
        return read_disposition(value, fields);
    if (is_named(line, len, "Content-Type")) {
        mem_free(fields->content_type);
        fields->content_type = mem_strdup(value);
    }
    return 0;
}

/* The whole header is in `line`, up to and with its empty line. */
static int read_header(struct multipart *multipart, struct fields *fields)
{
    char *at = multipart->line.data;
    for (char *end; (end = strstr(at, "\r\n")) != at; at = end + 2) {
        if (end == NULL || !field_is_value(at, (size_t)(end - at)))
            return -1;
        *end = '\0';
        if (read_line(at, fields) != 0)
            return -1;
    }
    return fields->disposed || fields->content_type != NULL ? 0 : -1;
}

static int begin_part(struct multipart *multipart, struct err *err)
{
    struct fields fields = {0};
    int result;
    if (strlen(multipart->line.data) != multipart->line.len || read_header(multipart, &fields) != 0)
        result = err_set(err, ERR_INVALID,
                         "part %zu of the body: malformed header; expected Content-Disposition: "
                         "form-data; name=\"…\"",
                         multipart->parts);
    else
        result = multipart->handler.begin(
            multipart->handler.arg,
            &(struct multipart_part){.name = fields.name != NULL ? fields.name : "",
                                     .filename = fields.extended != NULL ? fields.extended
                                                                         : fields.filename,
                                     .content_type = fields.content_type},
            err);
    mem_free(fields.name);
    mem_free(fields.filename);
    mem_free(fields.extended);
    mem_free(fields.content_type);
    buf_clear(&multipart->line);
    multipart->state = CONTENT;
    return result;
}

/* ---- what arrives ---- */

/* Bytes of the preamble, which are ignored, or of a part. */
static int pass(struct multipart *multipart, const char *data, size_t len, struct err *err)
{
    if (multipart->state == PREAMBLE || len == 0)
        return 0;
    return multipart->handler.content(multipart->handler.arg, data, len, err);
}

static int reach_delimiter(struct multipart *multipart, struct err *err)
{
    bool part = multipart->state == CONTENT;
    multipart->state = DELIMITED;
    multipart->matched = 0;
    return part ? multipart->handler.end(multipart->handler.arg, err) : 0;
}

/* Where the next delimiter begins, or may begin at the end of what came; else that end. */
static const char *find_delimiter(const struct multipart *multipart, const char *at,
                                  const char *end)
{
    while ((at = memchr(at, '\r', (size_t)(end - at))) != NULL) {
        size_t left = (size_t)(end - at);
        if (memcmp(at, multipart->delimiter,
                   left < multipart->delimiter_len ? left : multipart->delimiter_len) == 0)
            return at;
        at++;
    }
    return end;
}

/*
 * Takes bytes up to the next delimiter. Its only carriage return is its first byte: where a match
 * breaks off, a new one can begin at that byte alone, and the others are content.
 */
static int search(struct multipart *multipart, const char **at, const char *end, struct err *err)
{
    while (*at < end) {
        if (multipart->matched == 0) {
            const char *next = find_delimiter(multipart, *at, end);
            if (pass(multipart, *at, (size_t)(next - *at), err) != 0)
                return -1;
            *at = next;
            if (next == end)
                return 0;
        }
        if (**at == multipart->delimiter[multipart->matched]) {
            ++*at;
            if (++multipart->matched == multipart->delimiter_len)
                return reach_delimiter(multipart, err);
        } else {
            size_t matched = multipart->matched;
            multipart->matched = 0;
            if (pass(multipart, multipart->delimiter, matched, err) != 0)
                return -1;
        }
    }
    return 0;
}

/* The rest of a delimiter's line: "--" after the last part, white space and a line end else. */
static int after_delimiter(struct multipart *multipart, char c, struct err *err)
{
    struct buf *line = &multipart->line;
    bool expected = c == '\n'   ? line->len > 0 && line->data[line->len - 1] == '\r'
                    : c == '-'  ? line->len == 0 || strcmp(line->data, "-") == 0
                    : c == '\r' ? line->len == 0 || is_space(line->data[line->len - 1])
                                : is_space(c) && strchr(line->data, '\r') == NULL &&
                                      strchr(line->data, '-') == NULL;
    if (!expected || buf_putc(line, c) != 0)
        return err_set(err, ERR_INVALID, "malformed boundary after %zu parts", multipart->parts);
    if (strcmp(line->data, "--") == 0) {
        buf_clear(line);
        multipart->state = EPILOGUE;
    } else if (c == '\n') {
        if (++multipart->parts > MULTIPART_PARTS_MAX)
            return err_set(err, ERR_INVALID, "more than %d parts", MULTIPART_PARTS_MAX);
        buf_clear(line);
        multipart->state = HEADER;
    }
    return 0;
}

static int in_header(struct multipart *multipart, char c, struct err *err)
{
    struct buf *line = &multipart->line;
    if (buf_putc(line, c) != 0)
        return err_set(err, ERR_INVALID, "the header of part %zu is over %zu bytes",
                       multipart->parts, MULTIPART_HEADER_MAX);
    bool complete =
        c == '\n' && ((line->len == 2 && line->data[0] == '\r') ||
                      (line->len >= 4 && memcmp(line->data + line->len - 4, "\r\n\r\n", 4) == 0));
    return complete ? begin_part(multipart, err) : 0;
}

int multipart_feed(struct multipart *multipart, const char *data, size_t len, struct err *err)
{
    const char *end = data + len;
    int result = 0;
    if (multipart->state == FAILED) {
        *err = multipart->err;
        return -1;
    }
    while (data < end && result == 0 && multipart->state != EPILOGUE) {
        switch (multipart->state) {
        case PREAMBLE:
        case CONTENT:
            result = search(multipart, &data, end, err);
            break;
        case DELIMITED:
            result = after_delimiter(multipart, *data++, err);
            break;
        case HEADER:
            result = in_header(multipart, *data++, err);
            break;
        default: /* EPILOGUE and FAILED: not here */
            return 0;
        }
    }
    if (result != 0) {
        multipart->state = FAILED;
        multipart->err = *err;
    }
    return result;
}

int multipart_end(struct multipart *multipart, struct err *err)
{
    if (multipart->state == EPILOGUE)
        return 0;
    if (multipart->state == FAILED) {
        *err = multipart->err;
        return -1;
    }
    return err_set(err, ERR_INVALID, "the body ends before its last boundary");
}
