/*
 * When a schedule is due, daylight saving included. Each such instant, in epoch seconds (UTC), is a
 * slot.
 *
 * As cron(8) promises: a job at fixed times (no `*` first in minute or hour) whose time is skipped
 * by a change of at most CRON_DUE_CHANGE_MAX runs once, right after the change; one whose time
 * repeats runs the first time only. Other jobs follow real time, and so do all over a longer
 * change. @reboot has no slots here.
 */
#ifndef JETON_CRON_DUE_H
#define JETON_CRON_DUE_H

#include "cron.h"
#include "zone.h"

#include <stdbool.h>
#include <stdint.h>

#define CRON_DUE_CHANGE_MAX (3 * 3600) /* seconds */
#define CRON_DUE_YEARS      41         /* how far next looks: 29 February on a Sunday may take 40 */

/* The first slot after the instant. False: none within CRON_DUE_YEARS. */
bool cron_due_next(const struct cron *cron, struct zone *zone, int64_t after, int64_t *slot);
/* The last slot in [not_before, at]. False: none. */
bool cron_due_latest(const struct cron *cron, struct zone *zone, int64_t at, int64_t not_before,
                     int64_t *slot);

#endif
