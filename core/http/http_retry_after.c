/* Retry-After: seconds, also with a fraction, or a date, which counts from the reply's own Date. */
#include "http.h"

#include "clock.h"

#include <string.h>

#define RETRY_AFTER_SIZE 64 /* bytes of the longest value that can mean something */

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

static int64_t date_delay_ms(const struct http_response *response, const char *text)
{
    int64_t until = clock_parse_http_date(text);
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
        return -1;
    memcpy(text, value, len);
    text[len] = '\0';
    int64_t delay = seconds_ms(text);
    if (delay < 0)
        delay = date_delay_ms(response, text);
    return delay < HTTP_RETRY_AFTER_MAX_MS ? delay : HTTP_RETRY_AFTER_MAX_MS;
}
