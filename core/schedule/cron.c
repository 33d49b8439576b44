#include "cron.h"

#include "ascii.h"
#include "nearest.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define BLANKS         " \t"
#define EVERY          "@every"
#define NICKNAME_SHOWN 32 /* characters of a wrong one in a message */

struct field {
    const char *what;
    int min, max;
    const char *const *names; /* of min, min + 1 …; NULL: none */
    size_t nnames;
};

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                          "jul", "aug", "sep", "oct", "nov", "dec"};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELDS };

static const struct field fields[FIELDS] = {
    [MINUTE] = {"minute", 0, 59, NULL, 0},
    [HOUR] = {"hour", 0, 23, NULL, 0},
    [DAY] = {"day of month", 1, 31, NULL, 0},
    [MONTH] = {"month", 1, 12, month_names, 12},
    [WEEKDAY] = {"day of week", 0, 7, weekday_names, 7},
};

static const struct {
    const char *name;
    const char *fields; /* NULL: @reboot */
} nicknames[] = {
    {"@reboot", NULL},          {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"},
    {"@monthly", "0 0 1 * *"},  {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},
    {"@midnight", "0 0 * * *"}, {"@hourly", "0 * * * *"},
};

#define NICKNAMES (sizeof nicknames / sizeof *nicknames)

struct cursor {
    const char *text; /* the whole schedule */
    const char *p;
    const struct field *field;
    struct err *err;
};

/* Length of the word at p that a message shows: to the end of the list's element. */
static int word_length(const char *p)
{
    return (int)strcspn(p, BLANKS ",/-");
}

static int refuse(const struct cursor *cursor, const char *at, const char *what)
{
    return err_set(cursor->err, ERR_INVALID, "character %d (%s): %s", (int)(at - cursor->text) + 1,
                   cursor->field->what, what);
}

static int expected_value(const struct cursor *cursor, const char *at)
{
    const struct field *field = cursor->field;
    char what[192], word[32], names[48] = "";
    snprintf(word, sizeof word, "%.*s", word_length(at), at);
    if (field->names != NULL)
        snprintf(names, sizeof names, " or %s-%s", field->names[0],
                 field->names[field->nnames - 1]);
    const char *nearest =
        field->names != NULL ? nearest_name(word, field->names, field->nnames) : NULL;
    int used = snprintf(what, sizeof what, "expected %d-%d%s%s", field->min, field->max, names,
                        strchr(BLANKS ",/-", *at) != NULL ? "" : ", found ");
    if (strchr(BLANKS ",/-", *at) == NULL)
        used += snprintf(what + used, sizeof what - (size_t)used, "'%s'", word);
    if (nearest != NULL)
        snprintf(what + used, sizeof what - (size_t)used, "; did you mean '%s'?", nearest);
    return refuse(cursor, at, what);
}

/* One number or name. */
static int parse_value(struct cursor *cursor, int *value)
{
    const struct field *field = cursor->field;
    const char *start = cursor->p;
    size_t digits = strspn(start, "0123456789");
    size_t length = (size_t)word_length(start);
    if (digits > 0 && digits <= 2 && digits == length) {
        *value = start[0] - '0';
        if (digits == 2)
            *value = *value * 10 + start[1] - '0';
        if (*value < field->min || *value > field->max)
            return expected_value(cursor, start);
        cursor->p += digits;
        return 0;
    }
    for (size_t i = 0; i < field->nnames; i++) {
        if (length == strlen(field->names[i]) && strncasecmp(start, field->names[i], length) == 0) {
            *value = field->min + (int)i;
            cursor->p += length;
            return 0;
        }
    }
    return expected_value(cursor, start);
}

static int parse_step(struct cursor *cursor, bool range, int *step)
{
    *step = 1;
    if (*cursor->p != '/')
        return 0;
    if (!range)
        return refuse(cursor, cursor->p, "a step needs '*' or a range before it");
    const char *start = ++cursor->p;
    size_t digits = strspn(start, "0123456789");
    if (digits == 0 || digits > 3)
        return refuse(cursor, start, "expected the step, a number from 1");
    for (*step = 0; digits > 0; digits--)
        *step = *step * 10 + *cursor->p++ - '0';
    if (*step == 0)
        return refuse(cursor, start, "a step cannot be 0");
    return 0;
}

/* `*`, a value, or a range; with a step. */
static int parse_element(struct cursor *cursor, uint64_t *bits)
{
    const struct field *field = cursor->field;
    int low = field->min, high = field->max, step;
    bool range = true;
    const char *start = cursor->p;
    if (*cursor->p == '*') {
        cursor->p++;
        if (field == &fields[WEEKDAY])
            high = 6; /* Sunday is in it once */
    } else {
        if (parse_value(cursor, &low) != 0)
            return -1;
        high = low;
        range = *cursor->p == '-';
        if (range) {
            const char *end = ++cursor->p;
            if (parse_value(cursor, &high) != 0)
                return -1;
            if (field == &fields[WEEKDAY] && high == 0 && strncasecmp(end, "sun", 3) == 0)
                high = low == 0 ? 0 : 7; /* fri-sun */
        }
    }
    if (high < low)
        return refuse(cursor, start, "the range ends before it starts; write it as two");
    if (parse_step(cursor, range, &step) != 0)
        return -1;
    for (int value = low; value <= high; value += step)
        *bits |= (uint64_t)1 << value;
    return 0;
}

static int parse_field(struct cursor *cursor, uint64_t *bits)
{
    *bits = 0;
    for (;;) {
        if (parse_element(cursor, bits) != 0)
            return -1;
        if (*cursor->p != ',')
            break;
        cursor->p++;
    }
    if (*cursor->p == '\0' || strchr(BLANKS, *cursor->p) != NULL)
        return 0;
    char what[64];
    bool ascii = ascii_is_visible(*cursor->p);
    snprintf(what, sizeof what, "expected ',', '-', '/' or a blank%s%.*s%s",
             ascii ? ", found '" : "", ascii ? 1 : 0, cursor->p, ascii ? "'" : "");
    return refuse(cursor, cursor->p, what);
}

/* 30 February never comes; where the day of week may match instead, it does not matter. */
static int check_possible(const struct cron *cron, struct err *err)
{
    static const int lengths[] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (!cron->any_weekday)
        return 0;
    for (int month = 1; month <= 12; month++) {
        uint32_t existing = (uint32_t)(((uint64_t)1 << (lengths[month] + 1)) - 2);
        if ((cron->months >> month & 1) && (cron->days & existing))
            return 0;
    }
    return err_set(err, ERR_INVALID, "none of these months has such a day; this would never run");
}

static int parse_fields(const char *text, struct cron *cron, struct err *err)
{
    uint64_t bits[FIELDS];
    bool star[FIELDS];
    struct cursor cursor = {.text = text, .p = text, .err = err};
    for (int i = 0; i < FIELDS; i++) {
        cursor.p += strspn(cursor.p, BLANKS);
        cursor.field = &fields[i];
        if (*cursor.p == '\0')
            return err_set(err, ERR_INVALID,
                           "found %d of 5 fields; expected minute, hour, day of month, month and "
                           "day of week",
                           i);
        star[i] = *cursor.p == '*';
        if (parse_field(&cursor, &bits[i]) != 0)
            return -1;
    }
    cursor.p += strspn(cursor.p, BLANKS);
    if (*cursor.p != '\0')
        return err_set(err, ERR_INVALID, "character %d: more than 5 fields",
                       (int)(cursor.p - text) + 1);
    if (bits[WEEKDAY] >> 7 & 1)
        bits[WEEKDAY] |= 1;
    *cron = (struct cron){
        .minutes = bits[MINUTE],
        .hours = (uint32_t)bits[HOUR],
        .days = (uint32_t)bits[DAY],
        .months = (uint16_t)bits[MONTH],
        .weekdays = bits[WEEKDAY] & 0x7F,
        .any_day = star[DAY],
        .any_weekday = star[WEEKDAY],
        .wildcard = star[MINUTE] || star[HOUR],
    };
    return check_possible(cron, err);
}

/* "@every 5m", which some schedulers know: an interval. Says which schedule comes closest. */
static int refuse_every(const char *interval, struct err *err)
{
    static const char what[] = "'@every' is an interval, and a schedule has times";
    unsigned count = 0;
    char unit = '\0';
    int used = 0;
    interval += strspn(interval, BLANKS);
    if (strspn(interval, "0123456789") == 0 ||
        sscanf(interval, "%4u%c%n", &count, &unit, &used) != 2 ||
        interval[used + (int)strspn(interval + used, BLANKS)] != '\0')
        count = 0;
    unsigned minutes = unit == 'm' ? count : unit == 'h' ? count * 60 : 0;
    if (minutes == 1)
        return err_set(err, ERR_INVALID, "%s; every minute is \"* * * * *\"", what);
    if (minutes == 60)
        return err_set(err, ERR_INVALID, "%s; every hour is \"@hourly\"", what);
    if (minutes == 24 * 60)
        return err_set(err, ERR_INVALID, "%s; every day is \"@daily\"", what);
    if (minutes > 0 && 60 % minutes == 0)
        return err_set(err, ERR_INVALID, "%s; every %u minutes is \"*/%u * * * *\"", what, minutes,
                       minutes);
    if (minutes > 0 && 24 * 60 % minutes == 0 && minutes % 60 == 0)
        return err_set(err, ERR_INVALID, "%s; every %u hours is \"0 */%u * * *\"", what,
                       minutes / 60, minutes / 60);
    return err_set(err, ERR_INVALID, "%s, such as \"*/5 * * * *\" for every 5 minutes", what);
}

static int parse_nickname(const char *text, struct cron *cron, struct err *err)
{
    const char *names[NICKNAMES];
    size_t length = strcspn(text, BLANKS);
    int shown = length < NICKNAME_SHOWN ? (int)length : NICKNAME_SHOWN;
    bool alone = text[length + strspn(text + length, BLANKS)] == '\0';
    for (size_t i = 0; i < NICKNAMES; i++) {
        names[i] = nicknames[i].name;
        if (!alone || length != strlen(names[i]) || strncasecmp(text, names[i], length) != 0)
            continue;
        if (nicknames[i].fields != NULL)
            return parse_fields(nicknames[i].fields, cron, err);
        *cron = (struct cron){.reboot = true};
        return 0;
    }
    if (length == strlen(EVERY) && strncasecmp(text, EVERY, length) == 0)
        return refuse_every(text + length, err);
    if (!alone)
        return err_set(err, ERR_INVALID, "nothing can follow '%.*s'", shown, text);
    const char *nearest = nearest_name(text, names, NICKNAMES);
    if (nearest != NULL)
        return err_set(err, ERR_INVALID, "unknown nickname '%.*s'; did you mean '%s'?", (int)length,
                       text, nearest);
    return err_set(err, ERR_INVALID,
                   "unknown nickname '%.*s'; expected @hourly, @daily, @midnight, @weekly, "
                   "@monthly, @yearly, @annually or @reboot",
                   shown, text);
}

int cron_parse(const char *text, struct cron *cron, struct err *err)
{
    const char *start = text + strspn(text, BLANKS);
    return *start == '@' ? parse_nickname(start, cron, err) : parse_fields(text, cron, err);
}
