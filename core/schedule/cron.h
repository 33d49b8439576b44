/* crontab(5) schedules: parsing. */
#ifndef JETON_CRON_H
#define JETON_CRON_H

#include "err.h"

#include <stdint.h>

struct cron {
    bool reboot;      /* @reboot */
    uint64_t minutes; /* bit n: minute n */
    uint32_t hours;
    uint32_t days;    /* bits 1–31 */
    uint16_t months;  /* bits 1–12 */
    uint8_t weekdays; /* bits 0–6, Sunday is 0 */
    bool any_day;     /* the day-of-month field starts with `*` */
    bool any_weekday;
    bool wildcard; /* minute or hour starts with `*`: follows real time over daylight saving */
};

/* ERR_INVALID with the position in the text, what was expected and, for names, the nearest one. */
int cron_parse(const char *text, struct cron *cron, struct err *err);

#endif
