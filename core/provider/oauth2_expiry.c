#include "oauth2_expiry.h"

#include "clock.h"
#include "decimal.h"

#include <string.h>
#include <time.h>

#define LIFE_MAX_MS (20LL * 366 * 86400 * 1000)

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

int64_t oauth2_expiry_parse_time(const char *text)
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

/* An integer or a decimal, as JSON or as text. */
static bool read_number(const struct json *value, double *number)
{
    const char *text = json_string(value);
    if (text == NULL) {
        *number = value->type == JSON_INT ? (double)value->integer : value->number;
        return value->type == JSON_INT || value->type == JSON_DOUBLE;
    }
    size_t len = strspn(text, "0123456789");
    size_t rest = text[len] == '.' ? 1 + strspn(text + len + 1, "0123456789") : 0;
    *number = len > 0 && len + rest < DECIMAL_SIZE ? decimal_parse(text) : 0;
    return len > 0 && text[len + rest] == '\0' && len + rest < DECIMAL_SIZE;
}

int64_t oauth2_expiry_read(const struct json *value, bool absolute, enum oauth2_unit unit,
                           const struct http_response *response)
{
    double ms;
    if (value == NULL)
        return 0;
    if (read_number(value, &ms)) {
        ms *= unit == OAUTH2_MILLISECONDS ? 1 : 1000;
    } else {
        int64_t time =
            absolute && json_string(value) != NULL ? oauth2_expiry_parse_time(value->text) : -1;
        if (time < 0)
            return 0;
        ms = (double)time;
    }
    if (absolute) {
        const char *date = http_response_header(response, "Date");
        int64_t now = date != NULL ? clock_parse_http_date(date) : -1;
        ms -= (double)(now >= 0 ? now : clock_wall_ms());
    }
    return ms >= 1 && ms <= (double)LIFE_MAX_MS ? (int64_t)ms : 0;
}
