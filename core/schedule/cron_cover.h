/*
 * What a scheduler in another zone is told so that it misses no slot of a job: a superset of its
 * times, since cron and its like know only minutes of one zone. The runner decides which of them
 * are due.
 */
#ifndef JETON_CRON_COVER_H
#define JETON_CRON_COVER_H

#include "buf.h"
#include "cron.h"
#include "zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whose changes of local time are considered. Rules hold for longer; a new law needs new tzdata
 * and a new cover. */
#define CRON_COVER_YEARS 4

struct cron_cover {
    struct cron *lines; /* each as a schedule of the other's zone; none for @reboot */
    size_t count;
};

/* How the local times of two zones compare; good for all jobs of the one. */
struct cron_cover_zones;
struct cron_cover_zones *cron_cover_zones_new(struct zone *job, struct zone *where, int64_t from);
void cron_cover_zones_free(struct cron_cover_zones *zones); /* NULL is fine */

/*
 * Every slot of the schedule, which is of the zone `job`, is a minute that matches a line in the
 * zone `where`, within CRON_COVER_YEARS from the instant on. A line that may match a slot at a
 * local time that repeats is a wildcard, since cron(8) runs others the first time only; but not
 * where both zones are the same: there the first time is the slot.
 */
void cron_cover_create(struct cron_cover *cover, const struct cron *cron,
                       const struct cron_cover_zones *zones);
/* Makes one line of all: more minutes, one schedule. */
void cron_cover_merge(struct cron_cover *cover);
void cron_cover_destroy(struct cron_cover *cover);

/*
 * Whether the schedule itself, in its own zone, is covered by what matches each local time once or
 * twice where it repeats, and never where it is skipped (systemd, Kubernetes). False when in doubt:
 * some err near midnight and over changes of less than an hour. Then UTC has no such times.
 */
bool cron_cover_is_plain(const struct cron *cron, struct zone *zone, int64_t from);

/* Whether `*`, with a step perhaps, says all of the line's minutes or of its hours. */
bool cron_cover_has_star(const struct cron *line);
/* The five fields, as crontab(5) and Kubernetes read them: no names, Sunday is 0. */
void cron_cover_text(const struct cron *line, struct buf *out);

#endif
