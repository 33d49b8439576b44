#include "oauth2_expiry.h"

#include "clock.h"
#include "decimal.h"

#include <string.h>

#define LIFE_MAX_MS (20LL * 366 * 86400 * 1000)

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
            absolute && json_string(value) != NULL ? clock_parse_rfc3339(value->text) : -1;
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
