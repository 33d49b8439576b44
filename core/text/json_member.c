#include "json_member.h"

#include "clock.h"
#include "json.h"
#include "utf8.h"

#include <string.h>

void json_member_text(struct buf *out, const char *name, const char *text)
{
    buf_puts(out, ",\"");
    buf_puts(out, name);
    buf_puts(out, "\":");
    if (text == NULL) {
        buf_puts(out, "null");
    } else if (json_write_string(out, text, strlen(text)) != 0) {
        struct buf mended;
        buf_create(&mended, SIZE_MAX);
        utf8_mend(text, strlen(text), &mended);
        json_write_string(out, mended.data, mended.len);
        buf_destroy(&mended);
    }
}

void json_member_time(struct buf *out, const char *name, int64_t wall_ms)
{
    char time[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(wall_ms, time, sizeof time);
    json_member_text(out, name, time);
}
