#include "json_member.h"

#include "clock.h"
#include "json.h"

#include <string.h>

void json_member_text(struct buf *out, const char *name, const char *text)
{
    buf_puts(out, ",\"");
    buf_puts(out, name);
    buf_puts(out, "\":");
    if (text == NULL || json_write_string(out, text, strlen(text)) != 0)
        buf_puts(out, "null");
}

void json_member_time(struct buf *out, const char *name, int64_t wall_ms)
{
    char time[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(wall_ms, time, sizeof time);
    json_member_text(out, name, time);
}
