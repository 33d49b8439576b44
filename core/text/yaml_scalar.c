/* What a plain scalar means: YAML 1.2's core schema. */
#include "ascii.h"
#include "decimal.h"
#include "utf8.h"
#include "yaml.h"

#include <math.h>
#include <string.h>

#define DIGITS "0123456789"

static bool one_of(const struct yaml_node *node, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (strlen(*words) == node->len && memcmp(*words, node->text, node->len) == 0)
            return true;
    }
    return false;
}

static bool is_null(const struct yaml_node *node)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL", NULL};
    return one_of(node, words);
}

static bool is_bool(const struct yaml_node *node, bool *value)
{
    static const char *const yes[] = {"true", "True", "TRUE", NULL};
    static const char *const no[] = {"false", "False", "FALSE", NULL};
    *value = one_of(node, yes);
    return *value || one_of(node, no);
}

/* Digits of a base, at least one, to the end; *fits: within 64 bits. */
static bool parse_digits(const char *digits, int base, bool negative, int64_t *value, bool *fits)
{
    uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX, sum = 0;
    *fits = true;
    if (*digits == '\0')
        return false;
    for (; *digits != '\0'; digits++) {
        static const char all[] = "0123456789abcdef";
        char c = *digits >= 'A' && *digits <= 'F' ? (char)(*digits - 'A' + 'a') : *digits;
        const char *found = strchr(all, c);
        unsigned digit = found != NULL ? (unsigned)(found - all) : 16;
        if (digit >= (unsigned)base)
            return false;
        if (sum > (limit - digit) / (unsigned)base)
            *fits = false;
        else
            sum = sum * (unsigned)base + digit;
    }
    *value = negative ? (int64_t)(0 - sum) : (int64_t)sum;
    return true;
}

static bool is_integer(const char *text, int64_t *value, bool *fits)
{
    if (text[0] == '0' && text[1] == 'x')
        return parse_digits(text + 2, 16, false, value, fits);
    if (text[0] == '0' && text[1] == 'o')
        return parse_digits(text + 2, 8, false, value, fits);
    bool sign = text[0] == '-' || text[0] == '+';
    return parse_digits(text + sign, 10, text[0] == '-', value, fits);
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool has_float_form(const char *p)
{
    p += *p == '-' || *p == '+';
    size_t whole = strspn(p, DIGITS), fraction = 0;
    p += whole;
    if (*p == '.') {
        fraction = strspn(p + 1, DIGITS);
        p += 1 + fraction;
    }
    if (whole == 0 && fraction == 0)
        return false;
    if (*p == 'e' || *p == 'E') {
        p++;
        p += *p == '-' || *p == '+';
        size_t exponent = strspn(p, DIGITS);
        if (exponent == 0)
            return false;
        p += exponent;
    }
    return *p == '\0';
}

static bool is_float(const struct yaml_node *node, double *value)
{
    static const char *const nan_words[] = {".nan", ".NaN", ".NAN", NULL};
    static const char *const inf_words[] = {".inf",  ".Inf",  ".INF", "+.inf",
                                            "+.Inf", "+.INF", NULL};
    static const char *const minus_words[] = {"-.inf", "-.Inf", "-.INF", NULL};
    *value = one_of(node, nan_words) ? (double)NAN : (double)INFINITY;
    if (isnan(*value) || one_of(node, inf_words))
        return true;
    if (one_of(node, minus_words)) {
        *value = -*value;
        return true;
    }
    if (!has_float_form(node->text))
        return false;
    *value = decimal_parse(node->text);
    return isfinite(*value); /* 1e400 */
}

struct yaml_scalar yaml_resolve(const struct yaml_node *node)
{
    struct yaml_scalar scalar = {.type = YAML_STRING};
    bool fits;
    if (node->kind != YAML_SCALAR || !node->plain || strlen(node->text) != node->len)
        return scalar;
    if (is_null(node))
        scalar.type = YAML_NULL;
    else if (is_bool(node, &scalar.boolean))
        scalar.type = YAML_BOOL;
    else if (is_integer(node->text, &scalar.integer, &fits))
        scalar.type = fits ? YAML_INT : YAML_STRING;
    else if (is_float(node, &scalar.number))
        scalar.type = YAML_FLOAT;
    return scalar;
}

struct yaml_scalar yaml_resolve_args(const struct yaml_node *node)
{
    bool phone = node->kind == YAML_SCALAR && node->plain &&
                 (node->text[0] == '+' ||
                  (node->text[0] == '0' && node->text[1] >= '0' && node->text[1] <= '9'));
    return phone ? (struct yaml_scalar){.type = YAML_STRING} : yaml_resolve(node);
}

const char *yaml_describe(const struct yaml_node *node)
{
    if (node->kind != YAML_SCALAR)
        return node->kind == YAML_SEQUENCE ? "a list" : "a mapping";
    switch (yaml_resolve(node).type) {
    case YAML_NULL:
        return "nothing";
    case YAML_BOOL:
        return "true or false";
    case YAML_INT:
        return "an integer";
    case YAML_FLOAT:
        return "a number";
    case YAML_STRING:
        break;
    }
    return "a string";
}

/* Of the first `shown` bytes of a scalar's text. */
static const char *show(const struct yaml_node *node, size_t shown, char out[YAML_SHOWN_SIZE])
{
    size_t len = utf8_cut(node->text, shown, YAML_SHOWN_SIZE - sizeof ERR_CUT);
    memcpy(out, node->text, len);
    ascii_blank_controls(out, len, '?');
    strcpy(out + len, len < node->len ? ERR_CUT : "");
    return out;
}

const char *yaml_show(const struct yaml_node *node, char out[YAML_SHOWN_SIZE])
{
    return show(node, node->len, out);
}

const char *yaml_show_key(const struct yaml_node *key, char out[YAML_SHOWN_SIZE])
{
    size_t len = strcspn(key->text, YAML_KEY_ENDS);
    return show(key, len < key->len ? len + 1 : len, out);
}
