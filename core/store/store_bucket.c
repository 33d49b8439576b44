/* A bucket is kept as text: "1764241200250:3 1764241201500:1", slots and the calls given in them,
 * in the order of time. Slots to come are there only where a limit was reached. */
#include "store_bucket.h"

#include "buf.h"
#include "mem.h"

#include <stdlib.h>

/* As many slots as can count at once. */
#define SLOTS_MAX                                                                                  \
    ((size_t)((STORE_BUCKET_WINDOW_MS + STORE_BUCKET_AHEAD_MS) / STORE_BUCKET_SLOT_MS + 2))
#define TEXT_MAX (SLOTS_MAX * 48)

_Static_assert(STORE_BUCKET_WINDOW_MS % STORE_BUCKET_SLOT_MS == 0, "calls leave with their slot");

struct slot {
    int64_t at_ms; /* its begin */
    int64_t calls;
};

struct window {
    struct slot *slots;
    size_t first, end;
    int64_t calls; /* in all of them */
};

static int64_t slot_of(int64_t ms)
{
    return ms - ms % STORE_BUCKET_SLOT_MS;
}

/* When the calls of a slot count no more. */
static int64_t leaves_ms(const struct slot *slot)
{
    return slot->at_ms + STORE_BUCKET_SLOT_MS + STORE_BUCKET_WINDOW_MS;
}

/* What cannot be there is left out: somebody else may have written to the state. */
static void window_read(struct window *window, const char *text, int64_t now_ms)
{
    window->slots = mem_realloc(NULL, (SLOTS_MAX + 1) * sizeof *window->slots);
    bool begun = false;
    int64_t last_ms = 0;
    while (text != NULL && *text != '\0' && window->end < SLOTS_MAX) {
        char *end;
        struct slot slot = {.at_ms = strtoll(text, &end, 10)};
        if (*end == ':')
            slot.calls = strtoll(end + 1, &end, 10);
        text = *end == ' ' ? end + 1 : "";
        bool possible = slot.calls > 0 && slot.calls <= INT32_MAX && slot.at_ms > last_ms &&
                        slot.at_ms <= now_ms + STORE_BUCKET_AHEAD_MS;
        if (!possible || leaves_ms(&slot) <= now_ms)
            continue;
        begun = begun || slot.at_ms <= now_ms;
        last_ms = slot.at_ms;
        window->slots[window->end++] = slot;
        window->calls += slot.calls;
    }
    /* Nothing but what is to come: the clock was set back. */
    if (!begun)
        window->calls = (int64_t)(window->end = 0);
}

static char *window_text(const struct window *window)
{
    struct buf text;
    buf_create(&text, TEXT_MAX);
    for (size_t i = 0; i < window->end; i++) {
        const struct slot *slot = &window->slots[i];
        if (slot->calls > 0)
            buf_printf(&text, "%s%lld:%lld", text.len > 0 ? " " : "", (long long)slot->at_ms,
                       (long long)slot->calls);
    }
    buf_putc(&text, '\0');
    return buf_take(&text);
}

static void window_give_back(struct window *window, int64_t at_ms, int64_t calls)
{
    for (size_t i = 0; i < window->end; i++) {
        struct slot *slot = &window->slots[i];
        if (slot->at_ms != slot_of(at_ms))
            continue;
        int64_t back = calls < slot->calls ? calls : slot->calls;
        slot->calls -= back;
        window->calls -= back;
    }
    while (window->end > 0 && window->slots[window->end - 1].calls == 0)
        window->end--;
}

/* The first slot from at_ms on, behind all that was given, in which there is place for a call. What
 * does not count any more then is passed over. */
static int64_t window_seek(struct window *window, int64_t per_minute, int64_t at_ms)
{
    if (window->end > 0 && window->slots[window->end - 1].at_ms > at_ms)
        at_ms = window->slots[window->end - 1].at_ms;
    while (window->first < window->end) {
        const struct slot *slot = &window->slots[window->first];
        if (leaves_ms(slot) > at_ms && window->calls < per_minute)
            break;
        if (leaves_ms(slot) > at_ms)
            at_ms = leaves_ms(slot);
        window->calls -= slot->calls;
        window->first++;
    }
    return at_ms;
}

/* Returns how many are in that slot then. */
static int64_t window_add(struct window *window, int64_t at_ms, int64_t calls)
{
    if (window->end == 0 || window->slots[window->end - 1].at_ms != at_ms)
        window->slots[window->end++] = (struct slot){.at_ms = at_ms};
    return window->slots[window->end - 1].calls += calls;
}

void store_bucket_plan(struct store_bucket_take *take, char *kept[])
{
    struct window windows[STORE_BUCKETS_MAX] = {0};
    int64_t at_ms = slot_of(take->now_ms);
    take->full = 0;
    for (size_t i = 0; i < take->count; i++) {
        window_read(&windows[i], kept[i], take->now_ms);
        window_give_back(&windows[i], take->unused_at_ms, take->unused);
        int64_t sought_ms = window_seek(&windows[i], take->buckets[i].per_minute, at_ms);
        if (sought_ms > at_ms)
            take->full = i;
        at_ms = sought_ms;
    }
    bool at_once = at_ms <= take->now_ms && take->wanted > 0;
    int64_t granted = take->wanted + (at_once && take->spare > 0 ? take->spare : 0);
    for (size_t i = 0; i < take->count; i++) {
        window_seek(&windows[i], take->buckets[i].per_minute, at_ms);
        int64_t left = take->buckets[i].per_minute - windows[i].calls;
        granted = granted < left ? granted : left;
    }
    if (at_ms - take->now_ms > take->ahead_ms || at_ms - take->now_ms > STORE_BUCKET_AHEAD_MS)
        granted = 0;
    take->granted = granted;
    take->at_ms = at_ms > take->now_ms ? at_ms : take->now_ms;
    take->next_ms = at_ms + STORE_BUCKET_SLOT_MS;
    take->in_slot = 0;
    for (size_t i = 0; i < take->count; i++) {
        if (granted > 0) {
            int64_t in_slot = window_add(&windows[i], at_ms, granted);
            take->in_slot = in_slot > take->in_slot ? in_slot : take->in_slot;
        }
        mem_free(kept[i]);
        kept[i] = window_text(&windows[i]);
        mem_free(windows[i].slots);
    }
}

int store_bucket_take(struct store *store, struct store_bucket_take *take, struct err *err)
{
    struct store_call call = {.op = STORE_BUCKET_TAKE, .bucket = take};
    return store_wait(store, &call, err);
}
