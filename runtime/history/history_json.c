/* A run as JSON, for `jeton history --json` and for notices of jobs. */
#include "history.h"

#include "json_member.h"

#include <inttypes.h>

static void json_time(struct buf *out, const char *name, int64_t wall_ms)
{
    if (wall_ms != STORE_NONE)
        json_member_time(out, name, wall_ms);
    else
        json_member_text(out, name, NULL);
}

void history_json(const struct store_run *run, struct buf *out)
{
    buf_printf(out, "{\"run\":\"%s\"", run->run);
    json_member_text(out, "job", run->job);
    json_member_text(out, "configuration", history_configuration(run));
    json_member_text(out, "host", run->host);
    json_time(out, "slot", run->slot_ms);
    buf_printf(out, ",\"attempt\":%" PRId64, run->attempt);
    json_time(out, "started_at", run->started_ms);
    json_time(out, "ended_at", run->ended_ms);
    if (run->exit < 0)
        buf_puts(out, ",\"exit\":null");
    else
        buf_printf(out, ",\"exit\":%d", run->exit);
    json_member_text(out, "cause", history_cause(run));
    json_member_text(out, "message", run->message);
    buf_printf(out,
               ",\"requests\":%" PRId64 ",\"exchanges\":%" PRId64 ",\"peak_kib\":%" PRId64
               ",\"output_bytes\":%" PRId64 "}",
               run->requests, run->exchanges, run->peak_kib, run->output_bytes);
}
