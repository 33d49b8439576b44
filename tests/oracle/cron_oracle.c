/*
 * Answers many questions about schedules in one process, for tests that compare the answers with
 * other programs'. A line of standard input is a question, a line of output its answer.
 *
 *   next|ZONE|SCHEDULE|AFTER|N          up to N slots after the instant
 *   all|ZONE|SCHEDULE|FROM|UNTIL        the slots in [FROM, UNTIL)
 *   latest|ZONE|SCHEDULE|AT|NOT_BEFORE  the latest slot, or nothing
 *   cover|ZONE|SCHEDULE|FROM|WHERE      lines for a crontab of the zone WHERE, each followed by ';'
 *   merge|ZONE|SCHEDULE|FROM|WHERE      the same, one line
 *   plain|ZONE|SCHEDULE|FROM|           1 where the schedule itself will do in its own zone
 *
 * Instants are epoch seconds; slots are separated by blanks. What is wrong ends it with 2.
 */
#include "cron_cover.h"
#include "cron_due.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS = 5, LINE = 512, ZONES = 700 };

struct zones {
    struct zone *items[ZONES];
    size_t count;
};

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "cron_oracle: %s: %s\n", what, why);
    return 2;
}

static struct zone *zone(struct zones *zones, const char *name, struct err *err)
{
    for (size_t i = 0; i < zones->count; i++) {
        if (strcmp(zone_name(zones->items[i]), name) == 0)
            return zones->items[i];
    }
    if (zones->count == ZONES) {
        err_set(err, ERR_USAGE, "more than %d zones", ZONES);
        return NULL;
    }
    struct zone *new = zone_new(name, err);
    if (new != NULL)
        zones->items[zones->count++] = new;
    return new;
}

static void next(const struct cron *cron, struct zone *zone, int64_t after, int64_t count)
{
    int64_t slot;
    for (int64_t i = 0; i < count && cron_due_next(cron, zone, after, &slot); i++) {
        printf(i > 0 ? " %" PRId64 : "%" PRId64, slot);
        after = slot;
    }
    putchar('\n');
}

static void all(const struct cron *cron, struct zone *zone, int64_t from, int64_t until)
{
    int64_t slot = from - 1;
    while (cron_due_next(cron, zone, slot, &slot) && slot < until)
        printf("%" PRId64 " ", slot);
    putchar('\n');
}

static void latest(const struct cron *cron, struct zone *zone, int64_t at, int64_t not_before)
{
    int64_t slot;
    if (cron_due_latest(cron, zone, at, not_before, &slot))
        printf("%" PRId64, slot);
    putchar('\n');
}

static void cover(const struct cron *cron, struct zone *zone, int64_t from, struct zone *where,
                  bool merge)
{
    struct cron_cover cover;
    struct buf text;
    buf_create(&text, BUF_LIMIT_LINE);
    struct cron_cover_zones *zones = cron_cover_zones_new(zone, where, from);
    cron_cover_create(&cover, cron, zones);
    cron_cover_zones_free(zones);
    if (merge)
        cron_cover_merge(&cover);
    for (size_t i = 0; i < cover.count; i++) {
        cron_cover_text(&cover.lines[i], &text);
        buf_puts(&text, ";");
    }
    puts(text.data);
    buf_destroy(&text);
    cron_cover_destroy(&cover);
}

static int answer(struct zones *zones, char *line)
{
    char *fields[FIELDS], *rest = line;
    struct cron cron;
    struct err err;
    err_clear(&err);
    line[strcspn(line, "\n")] = '\0';
    for (int i = 0; i < FIELDS; i++) {
        fields[i] = strsep(&rest, "|");
        if (fields[i] == NULL)
            return fail(line, "too few fields");
    }
    struct zone *found = zone(zones, fields[1], &err);
    if (found == NULL || cron_parse(fields[2], &cron, &err) != 0)
        return fail(fields[2], err.msg);
    int64_t at = strtoll(fields[3], NULL, 10), bound = strtoll(fields[4], NULL, 10);
    if (strcmp(fields[0], "next") == 0)
        next(&cron, found, at, bound);
    else if (strcmp(fields[0], "all") == 0)
        all(&cron, found, at, bound);
    else if (strcmp(fields[0], "latest") == 0)
        latest(&cron, found, at, bound);
    else if (strcmp(fields[0], "plain") == 0)
        puts(cron_cover_is_plain(&cron, found, at) ? "1" : "");
    else if (strcmp(fields[0], "cover") == 0 || strcmp(fields[0], "merge") == 0) {
        struct zone *where = zone(zones, fields[4], &err);
        if (where == NULL)
            return fail(fields[4], err.msg);
        cover(&cron, found, at, where, fields[0][0] == 'm');
    } else
        return fail(fields[0], "no such question");
    return 0;
}

int main(void)
{
    struct zones zones = {.count = 0};
    char line[LINE];
    int status = 0;
    while (status == 0 && fgets(line, sizeof line, stdin) != NULL)
        status = answer(&zones, line);
    for (size_t i = 0; i < zones.count; i++)
        zone_free(zones.items[i]);
    return status;
}
