#include "events_json.h"

#include "json.h"
#include "json_member.h"
#include "mem.h"

#include <inttypes.h>
#include <sodium.h>
#include <string.h>

static void put_time(struct buf *out, const char *name, int64_t wall_ms)
{
    if (wall_ms != STORE_NONE)
        json_member_time(out, name, wall_ms);
    else
        json_member_text(out, name, NULL);
}

static void put_body(struct buf *out, const struct store_event *event, const struct redact *redact)
{
    if (event->body == NULL) {
        buf_puts(out, ",\"body\":null");
        return;
    }
    struct buf body;
    buf_create(&body, event->body_len * sizeof REDACT_MASK + sizeof REDACT_MASK);
    redact_text(redact, event->body, event->body_len, &body);
    size_t before = out->len;
    buf_puts(out, ",\"body\":");
    if (json_write_string(out, body.data, body.len) != 0) {
        out->len = before; /* it is no UTF-8 */
        size_t size = sodium_base64_encoded_len(body.len, sodium_base64_VARIANT_ORIGINAL);
        char *text = mem_alloc(size);
        sodium_bin2base64(text, size, (const unsigned char *)body.data, body.len,
                          sodium_base64_VARIANT_ORIGINAL);
        json_member_text(out, "body_base64", text);
        mem_free(text);
    }
    buf_destroy(&body);
}

void events_json(const struct store_event *event, int64_t attempts, const struct redact *content,
                 struct buf *out)
{
    size_t len = 0;
    const char *name = store_event_hook(event->scope, &len);
    char *hook = mem_strndup(name != NULL ? name : "", len);
    buf_printf(out, "{\"seq\":%" PRId64, event->seq);
    json_member_text(out, "hook", hook);
    json_member_text(out, "event_id", event->id);
    buf_printf(out, ",\"part\":%" PRId64, event->part);
    json_member_text(out, "type", event->type);
    json_member_text(out, "state", store_event_state_name(event->state));
    buf_printf(out, ",\"attempt\":%" PRId64, event->attempt);
    if (attempts > 0)
        buf_printf(out, ",\"attempts\":%" PRId64, attempts);
    else
        buf_puts(out, ",\"attempts\":null");
    put_time(out, "received_at", event->received_ms);
    put_time(out, "next_at", event->next_ms);
    put_time(out, "ended_at", event->ended_ms);
    buf_printf(out, ",\"duplicates\":%" PRId64, event->duplicates);
    json_member_text(out, "error", event->error);
    if (content != NULL) {
        buf_printf(out, ",\"headers\":%s", event->headers != NULL ? event->headers : "null");
        put_body(out, event, content);
    }
    buf_putc(out, '}');
    mem_free(hook);
}
