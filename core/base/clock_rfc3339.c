/* Times as RFC 3339 and ISO 8601 write them. */
#include "clock.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

/* Digits at *text, which moves on; -1 where they are not so many. */
static int digits(const char **text, int count)
{
    int value = 0;
    for (; count > 0; count--, (*text)++) {
        if (**text < '0' || **text > '9')
            return -1;
        value = value * 10 + (**text - '0');
    }
    return value;
}

/* "Z", "+02:00", "-0330", or nothing; minutes. False where it is something else. */
static bool parse_offset(const char *text, int *minutes)
{
    *minutes = 0;
    if (*text == '\0' || strcmp(text, "Z") == 0 || strcmp(text, "z") == 0)
        return true;
    int sign = *text == '-' ? -1 : 1;
    if (*text != '+' && *text != '-')
        return false;
    text++;
    int hours = digits(&text, 2), rest = 0;
    text += *text == ':';
    if (*text != '\0')
        rest = digits(&text, 2);
    *minutes = sign * (hours * 60 + rest);
    return hours >= 0 && hours < 24 && rest >= 0 && rest < 60 && *text == '\0';
}

int64_t clock_parse_rfc3339(const char *text)
{
    static const char separators[] = "--T::";
    static const int most[] = {9999, 12, 31, 23, 59, 60};
    int parts[6], minutes;
    for (int i = 0; i < 6; i++) {
        parts[i] = digits(&text, i == 0 ? 4 : 2);
        if (parts[i] < (i == 1 || i == 2 ? 1 : 0) || parts[i] > most[i])
            return -1;
        bool fits = i == 5 || *text == separators[i] || (i == 2 && (*text == ' ' || *text == 't'));
        if (!fits)
            return -1;
        text += i < 5;
    }
    if (*text == '.' || *text == ',')
        text += 1 + strspn(text + 1, "0123456789");
    if (!parse_offset(text, &minutes))
        return -1;
    struct tm time = {.tm_year = parts[0] - 1900,
                      .tm_mon = parts[1] - 1,
                      .tm_mday = parts[2],
                      .tm_hour = parts[3],
                      .tm_min = parts[4],
                      .tm_sec = parts[5]};
    return ((int64_t)timegm(&time) - minutes * 60LL) * 1000;
}
