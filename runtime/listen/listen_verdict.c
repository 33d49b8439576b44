/* What became of a request, in words: for `jeton listen --trigger`, which asks, and for the log. */
#include "listen_front_private.h"

#include "listen_trigger.h"
#include "mem.h"

#include <inttypes.h>
#include <strings.h>

#define TEXT_MAX        ((size_t)1024)
#define LOGGED_MAX      10    /* warnings of a hook that are logged … */
#define LOGGED_EVERY_MS 60000 /* … in so long */

bool listen_verdict_asked(const struct server_request *request)
{
    for (size_t i = 0; i < request->nheaders; i++) {
        if (strcasecmp(request->headers[i].name, LISTEN_TRIGGER_ASKS) == 0)
            return true;
    }
    return false;
}

static void say_one(const struct store_event_new *event, struct buf *text)
{
    switch (event->added) {
    case STORE_EVENT_STORED:
        buf_printf(text, "stored as event %" PRId64, event->seq);
        break;
    case STORE_EVENT_DUPLICATE:
        buf_printf(text, "not stored: event %" PRId64 " has the same ID", event->seq);
        break;
    case STORE_EVENT_HELD_BACK:
        buf_printf(text,
                   "held as event %" PRId64 ", not run: an earlier one has the same content, and "
                   "another ID",
                   event->seq);
        break;
    case STORE_EVENT_LEFT_OUT:
        buf_printf(text,
                   "not stored: event %" PRId64 " has the same content, and another ID, and %d "
                   "such are held",
                   event->seq, STORE_EVENT_HELD_MAX);
        break;
    case STORE_EVENT_FULL:
        buf_puts(text, "not stored: max_waiting events wait");
        break;
    }
}

/* Of a batch. */
static void say_all(const struct listen_waiting *waiting, struct buf *text)
{
    size_t stored = 0, known = 0, held = 0;
    int64_t first = 0;
    for (size_t i = 0; i < waiting->result.nevents; i++) {
        const struct store_event_new *event = &waiting->events[i];
        if (event->added == STORE_EVENT_STORED && stored++ == 0)
            first = event->seq;
        known += event->added == STORE_EVENT_DUPLICATE ? 1 : 0;
        held += event->added == STORE_EVENT_HELD_BACK || event->added == STORE_EVENT_LEFT_OUT;
    }
    buf_printf(text, "of %zu events %zu stored", waiting->result.nevents, stored);
    if (stored > 0)
        buf_printf(text, " (the first as %" PRId64 ")", first);
    buf_printf(text, ", %zu held, %zu known already", held, known);
}

char *listen_verdict_text(const struct listen_waiting *waiting)
{
    struct buf text;
    buf_create(&text, TEXT_MAX);
    if (waiting->result.verdict == HOOK_SKIP)
        buf_printf(&text, "skipped: %.500s", waiting->result.why);
    else if (waiting->events == NULL)
        buf_puts(&text, "no event");
    else if (waiting->result.nevents == 1)
        say_one(&waiting->events[0], &text);
    else
        say_all(waiting, &text);
    if (waiting->result.verdict == HOOK_STORE && waiting->result.nskipped > 0)
        buf_printf(&text, "; %zu skipped: %.500s", waiting->result.nskipped, waiting->result.why);
    for (size_t i = 0; i < text.len; i++) { /* a header's value */
        if ((unsigned char)text.data[i] < ' ' || (unsigned char)text.data[i] > '~')
            text.data[i] = '?';
    }
    return buf_take(&text);
}

static void say_rest(struct listen_hook *hook, enum listen_told told)
{
    static const char *const kinds[LISTEN_TOLD] = {
        [LISTEN_TOLD_FORGED] = "requests were refused with 401",
        [LISTEN_TOLD_REFUSED] = "requests were refused",
        [LISTEN_TOLD_NOT_TAKEN] = "requests were not taken",
        [LISTEN_TOLD_FULL] = "requests were refused with 503: max_waiting events wait",
        [LISTEN_TOLD_HELD] = "events were held",
        [LISTEN_TOLD_SKIPPED] = "requests were skipped",
        [LISTEN_TOLD_DIFFERS] = "came with the ID of an event and another content",
        [LISTEN_TOLD_LATE] = "replies of the handler came too late"};
    struct listen_said *said = &hook->said[told];
    if (said->count > LOGGED_MAX)
        log_msg(hook->front->log, LOG_WARN, "webhook '%s': %" PRIu64 " more %s", hook->hook->name,
                said->count - LOGGED_MAX, kinds[told]);
    said->count = 0;
}

/* Of each kind by itself: what an outsider sends does not hide what becomes of the sender's. */
bool listen_verdict_may_log(struct listen_hook *hook, enum listen_told told)
{
    struct listen_said *said = &hook->said[told];
    int64_t now_ms = loop_now_ms(hook->front->loop);
    if (said->count == 0 || now_ms - said->since_ms >= LOGGED_EVERY_MS) {
        say_rest(hook, told);
        said->since_ms = now_ms;
    }
    return ++said->count <= LOGGED_MAX;
}

void listen_verdict_say_rest(struct listen_front *front, bool all)
{
    int64_t now_ms = loop_now_ms(front->loop);
    for (size_t i = 0; i < front->nhooks; i++) {
        for (int told = 0; told < LISTEN_TOLD; told++) {
            if (all || now_ms - front->hooks[i].said[told].since_ms >= LOGGED_EVERY_MS)
                say_rest(&front->hooks[i], told);
        }
    }
}
