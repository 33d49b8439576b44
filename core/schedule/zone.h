/*
 * Zones: UTC ↔ local time, from glibc's zone data.
 *
 * A zone's changes of offset are read at the first need, about a year at once, and kept: what is
 * asked again costs no system call. While they are read, the variable TZ is another; it is put back
 * before the call returns. So no other thread may read the environment or local time meanwhile.
 */
#ifndef JETON_ZONE_H
#define JETON_ZONE_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZONE_FOLDER "/usr/share/zoneinfo"
#define ZONE_SYSTEM "/etc/localtime" /* of daemons, which do not see a login's TZ */

struct zone;

/* Time with one offset: local = UTC + offset. All in seconds; instants since the epoch. */
struct zone_span {
    int64_t from, until; /* [from, until); a long one may be handed out in parts */
    int32_t offset;      /* east of UTC */
    int32_t before;      /* the offset before `changed` */
    int64_t changed;     /* when it began: ≤ from. Where that is a week ago or more, before may be
                            offset, and this any instant since */
};

/* Whether ZONE_FOLDER has a zone of this name. False for what leads out of the folder. */
bool zone_known(const char *name);
/* name NULL: the local zone, as glibc finds it ($TZ, else ZONE_SYSTEM). ERR_CONFIG for an unknown
 * name. Free with zone_free. */
struct zone *zone_new(const char *name, struct err *err);
struct zone *zone_new_system(void); /* ZONE_SYSTEM; UTC where there is no such file */
/* Whether glibc finds the local zone, or ZONE_SYSTEM. Else it silently takes UTC: -1, ERR_CONFIG
 * says what names no zone. What means UTC anyway is fine, and so is a TZ with rules of its own
 * (EST5). */
int zone_check_local(struct err *err);
int zone_check_system(struct err *err);
/* The same for a value of TZ. */
int zone_check_variable(const char *tz, struct err *err);
void zone_free(struct zone *zone);
/* "Europe/Paris"; for a local zone, the one that $TZ names or ZONE_SYSTEM links to. NULL: it has no
 * name. Owned by the zone. */
const char *zone_name(const struct zone *zone);
/* For a process that lives long: where the zone's data were replaced (a change of ZONE_SYSTEM, an
 * update of tzdata) since they were read, they are read anew, and it is true. */
bool zone_refresh(struct zone *zone);
/* The span that holds the instant. */
struct zone_span zone_at(struct zone *zone, int64_t at);
/* Local time with offset, without fractions: "2026-01-31T08:00:00+01:00". */
#define ZONE_RFC3339_SIZE 32
void zone_format(struct zone *zone, int64_t at, char out[ZONE_RFC3339_SIZE]);

#endif
