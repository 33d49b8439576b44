/* Clocks, in milliseconds. */
#ifndef JETON_CLOCK_H
#define JETON_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define CLOCK_BOOT_ID_SIZE 40

int64_t clock_mono_ms(void); /* since an arbitrary start; stands still in suspend: for timers */
int64_t
clock_boot_ms(void); /* since boot, suspend included; no step of the wall clock touches it */
int64_t clock_wall_ms(void); /* since the epoch */
/* The kernel's id of this boot: boot times compare only within one. "" where it cannot be read. */
void clock_boot_id(char id[CLOCK_BOOT_ID_SIZE]);
/* RFC 3339 with milliseconds and numeric offset, local time: "2026-01-31T08:00:00.000+01:00". */
#define CLOCK_RFC3339_SIZE 40
void clock_format_rfc3339(int64_t wall_ms, char *out, size_t size);
/* "Sun, 06 Nov 1994 08:49:37 GMT" → epoch ms. -1 when it is not such a date. */
int64_t clock_parse_http_date(const char *text);

#endif
