#include "api_pretty.h"

#include "json.h"
#include "visible.h"

#define INDENT    2
#define TOKEN_MAX ((size_t)1024) /* what a value takes beside its text: indentation, colours */
#define TEXT_GROW ((size_t)24)   /* and how often its text: \\u001b for a byte, each made visible */

static const char key_color[] = "\x1b[1;34m", text_color[] = "\x1b[32m", word_color[] = "\x1b[36m",
                  plain[] = "\x1b[0m";

struct pretty {
    struct buf *out;
    bool color;
    int depth;
    bool first;     /* in what is open: nothing before it */
    bool after_key; /* a member's value stands behind its key */
};

static void paint(struct pretty *pretty, const char *color)
{
    if (pretty->color)
        buf_puts(pretty->out, color);
}

static void new_line(struct pretty *pretty)
{
    buf_putc(pretty->out, '\n');
    for (int i = 0; i < pretty->depth * INDENT; i++)
        buf_putc(pretty->out, ' ');
}

/* What stands before a value or a key. */
static void begin(struct pretty *pretty)
{
    if (!pretty->after_key) {
        if (!pretty->first)
            buf_putc(pretty->out, ',');
        if (pretty->depth > 0)
            new_line(pretty);
    }
    pretty->first = pretty->after_key = false;
}

static void write_string(struct pretty *pretty, const struct json_token *token, const char *color)
{
    struct buf quoted;
    buf_create_secret(&quoted, token->len * 6 + 2); /* \u001b for each byte */
    json_write_string(&quoted, token->text, token->len);
    paint(pretty, color);
    visible_append(pretty->out, quoted.data, quoted.len, VISIBLE_LINE);
    paint(pretty, plain);
    buf_destroy(&quoted);
}

static void write_scalar(struct pretty *pretty, const struct json_token *token)
{
    paint(pretty, word_color);
    if (token->type == JSON_INT)
        json_write_int(pretty->out, token->integer);
    else if (token->type == JSON_DOUBLE && token->text != NULL)
        buf_puts(pretty->out, token->text);
    else if (token->type == JSON_DOUBLE)
        json_write_double(pretty->out, token->number);
    else if (token->type == JSON_BOOL)
        buf_puts(pretty->out, token->boolean ? "true" : "false");
    else
        buf_puts(pretty->out, "null");
    paint(pretty, plain);
}

static void close_bracket(struct pretty *pretty, char bracket)
{
    pretty->depth--;
    if (!pretty->first)
        new_line(pretty);
    buf_putc(pretty->out, bracket);
    pretty->first = false;
}

static void write_token(struct pretty *pretty, const struct json_token *token)
{
    bool ends = token->type == JSON_ARRAY_END || token->type == JSON_OBJECT_END;
    if (!ends)
        begin(pretty);
    switch (token->type) {
    case JSON_ARRAY_BEGIN:
    case JSON_OBJECT_BEGIN:
        buf_putc(pretty->out, token->type == JSON_ARRAY_BEGIN ? '[' : '{');
        pretty->depth++;
        pretty->first = true;
        break;
    case JSON_ARRAY_END:
    case JSON_OBJECT_END:
        close_bracket(pretty, token->type == JSON_ARRAY_END ? ']' : '}');
        break;
    case JSON_KEY:
        write_string(pretty, token, key_color);
        buf_puts(pretty->out, ": ");
        pretty->after_key = true;
        break;
    case JSON_STRING:
        write_string(pretty, token, text_color);
        break;
    default:
        write_scalar(pretty, token);
    }
}

bool api_pretty(const char *text, size_t len, bool color, struct buf *out)
{
    /* mend: what a service writes as a number is kept as it wrote it. */
    const struct json_options options = {.mend = true, .max_bytes = len + 1};
    struct pretty pretty = {.out = out, .color = color, .first = true};
    struct err ignored;
    struct json_token token;
    struct json_reader *reader = json_reader_new(text, len, &options, &ignored);
    int result = reader != NULL ? json_next(reader, &token, &ignored) : -1;
    while (result == 0 && token.type != JSON_END) {
        bool fits = out->limit - out->len > token.len * TEXT_GROW + TOKEN_MAX;
        if (fits)
            write_token(&pretty, &token);
        result = fits ? json_next(reader, &token, &ignored) : -1;
    }
    json_reader_free(reader);
    if (result == 0)
        buf_putc(out, '\n');
    else
        buf_clear(out);
    return result == 0;
}
