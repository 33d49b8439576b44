/* cron_cover_text: a schedule's fields as text. */
#include "cron_cover.h"

#define RUN_MIN   3 /* values in a row that are written as a range */
#define STEPS_MIN 4 /* values that are written as a range with a step */

/* low, low + step … up to high. */
static uint64_t steps(int low, int high, int step)
{
    uint64_t bits = 0;
    for (int value = low; value <= high; value += step)
        bits |= (uint64_t)1 << value;
    return bits;
}

static void put_number(int value, struct buf *out)
{
    if (value >= 10)
        buf_putc(out, (char)('0' + value / 10));
    buf_putc(out, (char)('0' + value % 10));
}

static void put_range(int low, int high, struct buf *out)
{
    put_number(low, out);
    buf_putc(out, '-');
    put_number(high, out);
}

/* Values and ranges, in their order. */
static void put_list(uint64_t bits, struct buf *out)
{
    while (bits != 0) {
        int value = __builtin_ctzll(bits);
        uint64_t rest = ~(bits >> value); /* not 0: no field has a 63 */
        int end = value + __builtin_ctzll(rest) - 1;
        if (end - value + 1 >= RUN_MIN) {
            put_range(value, end, out);
        } else {
            put_number(value, out);
            end = value;
        }
        bits &= ~(((uint64_t)2 << end) - 1);
        if (bits != 0)
            buf_putc(out, ',');
    }
}

static void put_values(uint64_t bits, struct buf *out)
{
    int first = __builtin_ctzll(bits), last = 63 - __builtin_clzll(bits);
    int count = __builtin_popcountll(bits);
    int step = count > 1 ? (last - first) / (count - 1) : 0;
    if (count >= STEPS_MIN && step > 1 && steps(first, last, step) == bits) {
        put_range(first, last, out);
        buf_printf(out, "/%d", step);
    } else {
        put_list(bits, out);
    }
}

/* The step of `*` that says the whole field; 0: none does. */
static int star_step(uint64_t bits, int low, int high)
{
    uint64_t rest = bits >> low;
    if (!(rest & 1) || rest == 1)
        return 0;
    int step = __builtin_ctzll(rest & ~(uint64_t)1); /* to the second value */
    return step <= (high - low) / 2 && steps(low, high, step) == bits ? step : 0;
}

/* A list that starts with `*`, which holds the lowest value and those its step leads to. */
static void put_star(uint64_t bits, int low, int high, struct buf *out)
{
    int step = 1;
    while (steps(low, high, step) & ~bits)
        step++; /* at most to the one that leads to no other value */
    if (step > 1)
        buf_printf(out, "*/%d", step);
    else
        buf_puts(out, "*");
    bits &= ~steps(low, high, step);
    if (bits != 0) {
        buf_puts(out, ",");
        put_values(bits, out);
    }
}

static void put_field(uint64_t bits, int low, int high, bool star, struct buf *out)
{
    if (star)
        put_star(bits, low, high, out);
    else
        put_values(bits, out);
}

bool cron_cover_has_star(const struct cron *line)
{
    return star_step(line->minutes, 0, 59) > 0 || star_step(line->hours, 0, 23) > 0;
}

void cron_cover_text(const struct cron *line, struct buf *out)
{
    bool minute = line->wildcard && star_step(line->minutes, 0, 59) > 0;
    bool hour = line->wildcard && star_step(line->hours, 0, 23) > 0;
    if (line->wildcard && !minute && !hour) {
        /* One of them has to start with `*`: one that holds 0. */
        hour = line->hours & 1;
        minute = !hour && (line->minutes & 1);
    }
    put_field(line->minutes, 0, 59, minute, out);
    buf_puts(out, " ");
    put_field(line->hours, 0, 23, hour, out);
    buf_puts(out, " ");
    put_field(line->days, 1, 31, line->any_day, out);
    buf_puts(out, " ");
    put_field(line->months, 1, 12, star_step(line->months, 1, 12) > 0, out);
    buf_puts(out, " ");
    put_field(line->weekdays, 0, 6, line->any_weekday, out);
}
