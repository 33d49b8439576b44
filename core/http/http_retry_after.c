/* Retry-After: seconds, also with a fraction, or a date (of HTTP, or, as Zoom writes it, of RFC
 * 3339), which counts from the reply's own Date; and X-RateLimit-Reset, which stands in its place
 * at GitHub and others. */
#include "http.h"

#include "clock.h"

#include <stdlib.h>
#include <string.h>

#define RETRY_AFTER_SIZE 64           /* bytes of the longest value that can mean something */
#define RESET_MIN        1000000000LL /* what is less is no time, as some write seconds from now */
#define RESET_MS_MIN     100000000000LL    /* from here on milliseconds, as Rocket.Chat writes */
#define RESET_MS_MAX     100000000000000LL /* and from here on nothing that is known */

/* Seconds, perhaps with a fraction; rounded up. -1 when it is no such number. */
static int64_t seconds_ms(const char *text)
{
    static const char digits[] = "0123456789";
    size_t whole = strspn(text, digits);
    size_t part = text[whole] == '.' ? strspn(text + whole + 1, digits) : 0;
    if (whole == 0 || text[whole + (part > 0 ? part + 1 : 0)] != '\0')
        return -1;
    int64_t ms = 0;
    for (size_t i = 0; i < whole && ms < HTTP_RETRY_AFTER_MAX_MS; i++)
        ms = ms * 10 + (text[i] - '0') * 1000;
    const char *fraction = text + whole + 1;
    for (size_t i = 0, unit = 100; i < part && unit > 0; i++, unit /= 10)
        ms += (fraction[i] - '0') * (int64_t)unit;
    if (part > 3 && strspn(fraction + 3, "0") < part - 3)
        ms++;
    return ms;
}

/* From the reply's own Date until then; -1 for -1. */
static int64_t delay_until(const struct http_response *response, int64_t until)
{
    if (until < 0)
        return -1;
    const char *date = http_response_header(response, "Date");
    int64_t now = date != NULL ? clock_parse_http_date(date) : -1;
    int64_t delay = until - (now >= 0 ? now : clock_wall_ms());
    return delay > 0 ? delay : 0;
}

int64_t http_retry_after_ms(const struct http_response *response)
{
    const char *value = http_response_header(response, "Retry-After");
    char text[RETRY_AFTER_SIZE] = "";
    if (value == NULL)
        return -1;
    value += strspn(value, " \t");
    size_t len = strlen(value);
    while (len > 0 && strchr(" \t", value[len - 1]) != NULL)
        len--;
    if (len >= sizeof text)
        return strspn(value, "0123456789") >= len ? HTTP_RETRY_AFTER_MAX_MS : -1;
    memcpy(text, value, len);
    text[len] = '\0';
    int64_t delay = seconds_ms(text);
    if (delay < 0)
        delay = delay_until(response, clock_parse_http_date(text));
    if (delay < 0)
        delay = delay_until(response, clock_parse_rfc3339(text));
    return delay < HTTP_RETRY_AFTER_MAX_MS ? delay : HTTP_RETRY_AFTER_MAX_MS;
}

int64_t http_throttled_ms(const struct http_response *response)
{
    int64_t delay = http_retry_after_ms(response);
    const char *left = http_response_header(response, "X-RateLimit-Remaining");
    const char *reset = http_response_header(response, "X-RateLimit-Reset");
    if (delay >= 0 || left == NULL || strcmp(left, "0") != 0 || reset == NULL)
        return delay;
    char *end;
    long long at = strtoll(reset, &end, 10);
    if (at < RESET_MIN || at >= RESET_MS_MAX || (*end != '\0' && *end != '.'))
        return -1;
    delay = delay_until(response, at < RESET_MS_MIN ? at * 1000 : at);
    return delay < HTTP_RETRY_AFTER_MAX_MS ? delay : HTTP_RETRY_AFTER_MAX_MS;
}

bool http_status_passes(int status)
{
    return status == 408 || status >= 500;
}
