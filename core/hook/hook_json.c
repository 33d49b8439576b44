#include "hook_json.h"

#include "json.h"

#include <string.h>

/* Half an emoji, or a number that no double reaches, must not hide an event's ID and type. */
static const struct json_options options = {.mend = true, .max_depth = HOOK_JSON_DEPTH_MAX};

bool hook_json_is_good(const char *text, size_t len)
{
    struct err err;
    struct json_token token = {.type = JSON_NULL};
    err_clear(&err);
    struct json_reader *reader = json_reader_new(text, len, &options, &err);
    int result = reader != NULL ? 0 : -1;
    while (result == 0 && token.type != JSON_END)
        result = json_next(reader, &token, &err);
    json_reader_free(reader);
    return result == 0;
}

struct cursor {
    const char *at, *end;
};

/* At the next character that means something; NUL at the end. */
static char peek(struct cursor *cursor)
{
    while (cursor->at < cursor->end && strchr(" \t\r\n", *cursor->at) != NULL &&
           *cursor->at != '\0')
        cursor->at++;
    return cursor->at < cursor->end ? *cursor->at : '\0';
}

static struct cursor begin(struct hook_span json)
{
    bool mark = json.len >= 3 && memcmp(json.text, "\xef\xbb\xbf", 3) == 0;
    return (struct cursor){json.text + (mark ? 3 : 0), json.text + json.len};
}

/* Over a string; the cursor is at its quote. */
static void skip_string(struct cursor *cursor)
{
    for (cursor->at++; cursor->at < cursor->end && *cursor->at != '"'; cursor->at++)
        cursor->at += *cursor->at == '\\';
    cursor->at = cursor->at < cursor->end ? cursor->at + 1 : cursor->end;
}

/* Over a value, without looking into it. */
static struct hook_span take(struct cursor *cursor)
{
    size_t depth = 0;
    char c = peek(cursor);
    const char *from = cursor->at;
    if (c != '"' && c != '[' && c != '{') {
        while (cursor->at < cursor->end && *cursor->at != '\0' &&
               strchr(" \t\r\n,]}", *cursor->at) == NULL)
            cursor->at++;
        return (struct hook_span){from, (size_t)(cursor->at - from)};
    }
    do {
        c = peek(cursor);
        if (c == '"') {
            skip_string(cursor);
            continue;
        }
        depth += c == '[' || c == '{';
        depth -= c == ']' || c == '}';
        cursor->at += c != '\0';
    } while (depth > 0 && cursor->at < cursor->end);
    return (struct hook_span){from, (size_t)(cursor->at - from)};
}

struct hook_span hook_json_text(struct hook_span value, struct arena *arena)
{
    struct hook_span text = {0};
    struct err err;
    if (value.len == 0 || strchr("[{n", value.text[0]) != NULL)
        return text;
    if (value.text[0] != '"')
        return value;
    text = (struct hook_span){value.text + 1, value.len - 2};
    if (memchr(text.text, '\\', text.len) == NULL)
        return text;
    err_clear(&err);
    struct json *string = json_parse(value.text, value.len, &options, &err);
    text = (struct hook_span){0};
    if (string != NULL)
        text = (struct hook_span){arena_text(arena, string->text, string->len), string->len};
    json_free(string);
    return text;
}

bool hook_json_is_null(struct hook_span value)
{
    return value.len > 0 && value.text[0] == 'n';
}

static bool is_key(struct hook_span quoted, const char *key)
{
    size_t len = strlen(key);
    struct err err;
    if (memchr(quoted.text, '\\', quoted.len) == NULL)
        return quoted.len == len + 2 && memcmp(quoted.text + 1, key, len) == 0;
    err_clear(&err);
    struct json *string = json_parse(quoted.text, quoted.len, &options, &err);
    bool same = string != NULL && string->len == len && memcmp(string->text, key, len) == 0;
    json_free(string);
    return same;
}

/* The member of that name; NULL: there is none. */
static struct hook_span member(struct hook_span json, const char *key)
{
    struct cursor cursor = begin(json);
    struct hook_span found = {0};
    char c = peek(&cursor);
    for (cursor.at++; c == '{' && peek(&cursor) == '"';) {
        struct hook_span name = take(&cursor);
        peek(&cursor); /* the colon */
        cursor.at++;
        struct hook_span value = take(&cursor);
        if (is_key(name, key))
            found = value;
        if (peek(&cursor) == ',')
            cursor.at++;
    }
    return found;
}

bool hook_json_elements(struct hook_span json, hook_json_visit_fn *visit, void *arg)
{
    struct cursor cursor = begin(json);
    if (peek(&cursor) != '[')
        return false;
    cursor.at++;
    for (char c = peek(&cursor); c != ']' && c != '\0'; c = peek(&cursor)) {
        struct hook_span value = take(&cursor);
        if (value.len == 0 || !visit(arg, value))
            break;
        if (peek(&cursor) == ',')
            cursor.at++;
    }
    return true;
}

struct nth {
    size_t left;
    struct hook_span found;
};

static bool count_down(void *arg, struct hook_span value)
{
    struct nth *nth = arg;
    if (nth->left-- > 0)
        return true;
    nth->found = value;
    return false;
}

#define INDEX_DIGITS 6

static struct hook_span element(struct hook_span json, const char *step)
{
    struct nth nth = {0};
    size_t digits = strspn(step, "0123456789");
    if (step[digits] != '\0' || digits > INDEX_DIGITS || (step[0] == '0' && digits > 1))
        return nth.found;
    for (size_t i = 0; i < digits; i++)
        nth.left = nth.left * 10 + (size_t)(step[i] - '0');
    hook_json_elements(json, count_down, &nth);
    return nth.found;
}

struct walk {
    hook_json_visit_fn *visit;
    void *arg;
    bool ended, many;
};

static void go(struct walk *walk, struct hook_span json, char *const *steps);

struct fork {
    struct walk *walk;
    char *const *steps;
};

static bool go_into(void *arg, struct hook_span value)
{
    const struct fork *fork = arg;
    go(fork->walk, value, fork->steps);
    return !fork->walk->ended;
}

/* As deep as the steps. */
static void go(struct walk *walk, struct hook_span json, char *const *steps)
{
    bool missing = false;
    for (; *steps != NULL && !missing; steps++) {
        struct cursor cursor = begin(json);
        char c = peek(&cursor);
        if (c == '[' && strcmp(*steps, "*") == 0) {
            struct fork fork = {walk, steps + 1};
            walk->many = true;
            hook_json_elements(json, go_into, &fork);
            return;
        }
        json = c == '{' ? member(json, *steps) : c == '[' ? element(json, *steps) : json;
        missing = json.text == NULL || (c != '{' && c != '[');
    }
    if (missing)
        json = (struct hook_span){0};
    if (!missing || walk->many)
        walk->ended = walk->ended || !walk->visit(walk->arg, json);
}

void hook_json_walk(struct hook_span json, char *const *steps, hook_json_visit_fn *visit, void *arg)
{
    struct walk walk = {.visit = visit, .arg = arg};
    struct cursor cursor = begin(json);
    peek(&cursor);
    json = (struct hook_span){cursor.at, (size_t)(cursor.end - cursor.at)};
    if (*steps == NULL)
        json = take(&cursor); /* without what is behind it */
    go(&walk, json, steps);
}
