#include "quantity.h"

#include <string.h>

#define DURATION_MAX_MS (INT64_C(365000) * 86400000) /* times are counted from now */

struct unit {
    const char *name;
    int64_t factor;
};

static int parse_integer(const char *text, int64_t *value, const char **rest)
{
    int64_t sum = 0;
    const char *pos = text;
    for (; *pos >= '0' && *pos <= '9'; pos++) {
        if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, *pos - '0', &sum))
            return -1;
    }
    *value = sum;
    *rest = pos;
    return pos > text ? 0 : -1;
}

/* *value is set on success only. */
static int parse(const char *text, const struct unit *units, size_t count, const char *expected,
                 int64_t *value, struct err *err)
{
    const char *rest;
    int64_t integer;
    for (size_t i = 0; i < count && parse_integer(text, &integer, &rest) == 0; i++) {
        if (strcmp(rest, units[i].name) != 0)
            continue;
        if (__builtin_mul_overflow(integer, units[i].factor, &integer))
            break;
        *value = integer;
        return 0;
    }
    return err_set(err, ERR_INVALID, "expected %s, found '%s'", expected, text);
}

int quantity_duration(const char *text, int64_t *ms, struct err *err)
{
    static const struct unit units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000},
    };
    int64_t read;
    if (parse(text, units, sizeof units / sizeof *units,
              "a duration (an integer and ms, s, m, h or d, like 30s)", &read, err) != 0)
        return -1;
    if (read > DURATION_MAX_MS)
        return err_set(err, ERR_INVALID, "expected a duration of at most %lldd, found '%s'",
                       (long long)(DURATION_MAX_MS / 86400000), text);
    *ms = read;
    return 0;
}

int quantity_size(const char *text, int64_t *bytes, struct err *err)
{
    static const struct unit units[] = {
        {"", 1}, {"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
    };
    return parse(text, units, sizeof units / sizeof *units,
                 "a size (an integer and B, KiB, MiB or GiB, like 512MiB)", bytes, err);
}

int quantity_integer(const char *text, int64_t *value, struct err *err)
{
    static const struct unit units[] = {{"", 1}};
    return parse(text, units, 1, "an integer that is not negative", value, err);
}
