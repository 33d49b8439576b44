#include "clock.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define YEARS_AHEAD 50 /* a year of two digits is not further ahead */

static int64_t system_now_ms(void *arg, enum clock_kind kind)
{
    static const clockid_t ids[] = {[CLOCK_MONO] = CLOCK_MONOTONIC,
                                    [CLOCK_BOOT] = CLOCK_BOOTTIME,
                                    [CLOCK_WALL] = CLOCK_REALTIME};
    struct timespec now;
    (void)arg;
    clock_gettime(ids[kind], &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

const struct clock clock_system = {.now_ms = system_now_ms};

int64_t clock_now_ms(const struct clock *clock, enum clock_kind kind)
{
    return clock->now_ms(clock->arg, kind);
}

int64_t clock_mono_ms(void)
{
    return system_now_ms(NULL, CLOCK_MONO);
}

int64_t clock_boot_ms(void)
{
    return system_now_ms(NULL, CLOCK_BOOT);
}

int64_t clock_wall_ms(void)
{
    return system_now_ms(NULL, CLOCK_WALL);
}

/* Read once by each thread: it stays while the process lives. */
void clock_boot_id(char id[CLOCK_BOOT_ID_SIZE])
{
    static _Thread_local char known[CLOCK_BOOT_ID_SIZE];
    int fd = known[0] == '\0' ? open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        ssize_t got = read(fd, known, CLOCK_BOOT_ID_SIZE - 1);
        close(fd);
        known[got > 0 ? got : 0] = '\0';
        known[strcspn(known, "\n")] = '\0';
    }
    memcpy(id, known, CLOCK_BOOT_ID_SIZE);
}

/* Digits, and what comes after them; a year may have more, or a sign. In a tenth of the time of
 * strftime and snprintf: tables have hundreds of times. */
static char *put_digits(char *out, int digits, int64_t value, char after)
{
    if (value < 0 || value > 9999) {
        out += sprintf(out, "%lld", (long long)value);
    } else {
        for (int i = digits - 1; i >= 0; i--, value /= 10)
            out[i] = (char)('0' + value % 10);
        out += digits;
    }
    *out++ = after;
    return out;
}

void clock_format_rfc3339(int64_t wall_ms, char *out, size_t size)
{
    int64_t ms = (wall_ms % 1000 + 1000) % 1000; /* before the epoch too */
    time_t seconds = (time_t)((wall_ms - ms) / 1000);
    struct tm local;
    localtime_r(&seconds, &local);
    long minutes = labs(local.tm_gmtoff / 60);
    char text[CLOCK_RFC3339_SIZE], *end = text;
    end = put_digits(end, 4, local.tm_year + 1900L, '-');
    end = put_digits(end, 2, local.tm_mon + 1, '-');
    end = put_digits(end, 2, local.tm_mday, 'T');
    end = put_digits(end, 2, local.tm_hour, ':');
    end = put_digits(end, 2, local.tm_min, ':');
    end = put_digits(end, 2, local.tm_sec, '.');
    end = put_digits(end, 3, ms, local.tm_gmtoff < 0 ? '-' : '+');
    end = put_digits(end, 2, minutes / 60, ':');
    end = put_digits(end, 2, minutes % 60, '\0');
    size_t len = (size_t)(end - text);
    memcpy(out, text, len < size ? len : size);
    out[size - 1] = '\0';
}

/* A year of two digits is at most 50 years ahead (RFC 9110, 5.6.7). */
static int whole_year(int year)
{
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct tm today;
    gmtime_r(&now, &today);
    int whole = today.tm_year + 1900 - today.tm_year % 100 + year;
    if (whole > today.tm_year + 1900 + YEARS_AHEAD)
        return whole - 100;
    return whole + 100 <= today.tm_year + 1900 + YEARS_AHEAD ? whole + 100 : whole;
}

/* GMT at the end, or what some write in its place. */
static bool is_gmt(const char *zone)
{
    return strcasecmp(zone, "GMT") == 0 || strcasecmp(zone, "UTC") == 0 ||
           strcmp(zone, "+0000") == 0;
}

/* The three forms: IMF-fixdate, that of RFC 850, that of asctime. The year is whole. */
static bool scan_date(const char *text, struct tm *date, char month[4])
{
    int used = 0;
    if (sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d %n", &date->tm_mday, month,
               &date->tm_year, &date->tm_hour, &date->tm_min, &date->tm_sec, &used) == 6 &&
        used > 0)
        return is_gmt(text + used);
    if (sscanf(text, "%*9[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d %n", &date->tm_mday, month,
               &date->tm_year, &date->tm_hour, &date->tm_min, &date->tm_sec, &used) == 6 &&
        used > 0) {
        bool fits = date->tm_year >= 0 && is_gmt(text + used);
        date->tm_year = whole_year(date->tm_year);
        return fits;
    }
    return sscanf(text, "%*3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d%n", month, &date->tm_mday,
                  &date->tm_hour, &date->tm_min, &date->tm_sec, &date->tm_year, &used) == 6 &&
           used > 0 && text[used] == '\0';
}

int64_t clock_parse_http_date(const char *text)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char month[4] = "";
    struct tm date = {0};
    if (!scan_date(text, &date, month) || strlen(month) != 3)
        return -1;
    const char *found = strcasestr(months, month);
    if (found == NULL || (found - months) % 3 != 0 || date.tm_year < 1970 || date.tm_mday < 1 ||
        date.tm_mday > 31 || date.tm_hour < 0 || date.tm_hour > 23 || date.tm_min < 0 ||
        date.tm_min > 59 || date.tm_sec < 0 || date.tm_sec > 60)
        return -1;
    date.tm_mon = (int)(found - months) / 3;
    date.tm_year -= 1900;
    struct tm midnight = {.tm_mday = date.tm_mday, .tm_mon = date.tm_mon, .tm_year = date.tm_year};
    timegm(&midnight);
    if (midnight.tm_mday != date.tm_mday) /* 30 Feb became 1 Mar */
        return -1;
    return (int64_t)timegm(&date) * 1000;
}
