/* Clocks, in milliseconds. */
#ifndef JETON_CLOCK_H
#define JETON_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define CLOCK_BOOT_ID_SIZE 40

enum clock_kind {
    CLOCK_MONO, /* since an arbitrary start; does not run during suspend: for timers */
    CLOCK_BOOT, /* since boot, suspend included; setting the wall clock does not change it */
    CLOCK_WALL, /* since the epoch */
};

/* Where the time comes from. A loop has one (loop_set_clock): a test replaces it and lets hours
 * pass at once. */
struct clock {
    int64_t (*now_ms)(void *arg, enum clock_kind kind);
    void *arg;
};
extern const struct clock clock_system;
int64_t clock_now_ms(const struct clock *clock, enum clock_kind kind);

/* The system's, for what has no loop. */
int64_t clock_mono_ms(void);
int64_t clock_boot_ms(void);
int64_t clock_wall_ms(void);
/* The kernel's id of this boot: boot times compare only within one. "" where it cannot be read. */
void clock_boot_id(char id[CLOCK_BOOT_ID_SIZE]);
/* RFC 3339 with milliseconds and numeric offset, local time: "2026-01-31T08:00:00.000+01:00". */
#define CLOCK_RFC3339_SIZE 40
void clock_format_rfc3339(int64_t wall_ms, char *out, size_t size);
/* "2026-01-31T08:00:00Z", with or without a fraction and an offset (without: UTC) → epoch ms. -1
 * when it is no such time. */
int64_t clock_parse_rfc3339(const char *text);
/* The three forms of RFC 9110 → epoch ms: "Sun, 06 Nov 1994 08:49:37 GMT",
 * "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994". In any case, and with UTC or +0000
 * in place of GMT, as some servers write. -1 when it is not such a date. */
int64_t clock_parse_http_date(const char *text);

#endif
