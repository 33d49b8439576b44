#include "redact_scan.h"

#include "ascii.h"
#include "err.h"
#include "mem.h"
#include "redact_skip.h"
#include "redact_spans.h"

#include <string.h>

/* The ways in which a text is read, each from its beginning. */
enum track_kind {
    PLAIN,
    PERCENT,
    FORM,
    JSON,
    PERCENT_JSON,
    QUOTES,
    APOS,
    HTML,
    HEX_EVEN,
    HEX_ODD,
    BASE64,
    TRACKS,
};

static const struct {
    unsigned ways;
    size_t width; /* bytes of the text that usually stand for a byte */
} kinds[TRACKS] = {
    [PLAIN] = {0, 1},
    [PERCENT] = {READ_PERCENT, 1},
    [FORM] = {READ_PERCENT | READ_FORM, 1},
    [JSON] = {READ_JSON, 1},
    [PERCENT_JSON] = {READ_PERCENT | READ_JSON, 1},
    [QUOTES] = {READ_QUOTES, 1},
    [APOS] = {READ_APOS, 1},
    [HTML] = {READ_HTML, 1},
    [HEX_EVEN] = {READ_HEX, 2},
    [HEX_ODD] = {READ_HEX, 2},
    [BASE64] = {SKIP_BASE64, 1},
};

/* A text in one way. */
struct track {
    uint32_t state;
    bool follows;     /* nothing was read yet that PLAIN reads otherwise and that matters still */
    size_t at;        /* the next place to read; not kept while it follows */
    size_t regular;   /* so many of the last bytes take the usual width of the text */
    size_t count;     /* of all bytes; `places` has those before the regular ones */
    uint32_t *places; /* of the last bytes in the text, a ring; the low bits are enough */
    size_t size;      /* a power of two */
};

struct redact_scan {
    struct redact_forms *forms;
    unsigned version;
    const struct redact_machine *machines[FORMS_KINDS]; /* valid while something has begun */
    struct track tracks[TRACKS];
    size_t at;  /* the next place to read as text */
    size_t gap; /* bytes since the last digit of base64 */
    struct redact_spans spans[FORMS_KINDS];
    redact_scan_found_fn *found;
    void *arg;
    uint64_t search; /* the number of the search: what has it was told */
    bool stopped;
};

#define MARK_BYTES ((size_t)3)

static enum forms_kind kind_of(enum track_kind kind)
{
    return kind == BASE64 ? FORMS_BASE64 : FORMS_TEXT;
}

struct redact_scan *redact_scan_new(struct redact_forms *forms)
{
    struct redact_scan *scan = mem_alloc(sizeof *scan);
    scan->forms = forms;
    redact_scan_restart(scan);
    return scan;
}

void redact_scan_free(struct redact_scan *scan)
{
    if (scan == NULL)
        return;
    for (size_t i = 0; i < TRACKS; i++)
        mem_free(scan->tracks[i].places);
    for (size_t i = 0; i < FORMS_KINDS; i++)
        redact_spans_destroy(&scan->spans[i]);
    mem_free(scan);
}

/* The first place from `at` on at which a track of hex digits has the first one of two. */
static size_t hex_place(enum track_kind kind, size_t at)
{
    return at + ((at + (kind - HEX_EVEN)) & 1);
}

/* Nothing has begun before `at`. */
static void begin_at(struct redact_scan *scan, size_t at)
{
    for (size_t i = 0; i < TRACKS; i++) {
        scan->tracks[i].state = MACHINE_NONE;
        scan->tracks[i].at = i == HEX_EVEN || i == HEX_ODD ? hex_place(i, at) : at;
        scan->tracks[i].follows = i >= PERCENT && i <= HTML;
    }
    scan->at = at;
    scan->version = scan->forms->version;
}

void redact_scan_restart(struct redact_scan *scan)
{
    for (size_t i = 0; i < FORMS_KINDS; i++)
        redact_spans_clear(&scan->spans[i]);
    begin_at(scan, 0);
}

/* Is a mark of a cut at the beginning of text? */
static enum redact_match mark_at(const char *text, size_t len)
{
    static const char marks[][MARK_BYTES + 1] = {ERR_CUT, "..."};
    enum redact_match match = MATCH_NO;
    if (text[0] != ERR_CUT[0] && text[0] != '.')
        return match;
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (memcmp(text, marks[i], len < MARK_BYTES ? len : MARK_BYTES) == 0)
            match = len < MARK_BYTES ? MATCH_PARTIAL : MATCH_FULL;
    }
    return match;
}

static uint32_t depth_of(const struct redact_scan *scan, enum track_kind kind)
{
    uint32_t state = scan->tracks[kind].state;
    return state == MACHINE_NONE ? 0 : redact_machine_depth(scan->machines[kind_of(kind)], state);
}

/* Where the last `back` bytes of a track begin. */
static size_t place_of(const struct redact_scan *scan, enum track_kind kind, size_t back)
{
    const struct track *track = &scan->tracks[kind];
    if (back <= track->regular)
        return track->at - kinds[kind].width * back;
    uint32_t place = track->places[(track->count - back) & (track->size - 1)];
    return track->at - ((uint32_t)track->at - place);
}

/*
 * Tells the secrets of all words that end in a state. When a word was told before, so were all that
 * end in it.
 */
static void tell_words(struct redact_scan *scan, enum forms_kind kind, uint32_t state)
{
    const struct redact_machine *machine = scan->machines[kind];
    struct redact_word *words = scan->forms->words[kind];
    for (uint32_t out = machine->out[state]; out != MACHINE_NONE;
         out = machine->out[machine->fail[out]]) {
        uint32_t word = redact_machine_word(machine, out);
        if (words[word - 1].told == scan->search)
            return;
        words[word - 1].told = scan->search;
        for (; word != 0 && !scan->stopped; word = words[word - 1].next) {
            struct forms_secret *secret = &scan->forms->secrets[words[word - 1].secret];
            if (secret->told != scan->search)
                scan->stopped = !scan->found(scan->arg, words[word - 1].secret);
            secret->told = scan->search;
        }
    }
}

/* The words that end where a track is now. */
static void report(struct redact_scan *scan, enum track_kind kind)
{
    const struct track *track = &scan->tracks[kind];
    const struct redact_machine *machine = scan->machines[kind_of(kind)];
    uint32_t out = machine->out[track->state];
    if (out == MACHINE_NONE)
        return;
    if (scan->found != NULL)
        tell_words(scan, kind_of(kind), track->state);
    else
        redact_spans_add(&scan->spans[kind_of(kind)],
                         place_of(scan, kind, redact_machine_depth(machine, out)), track->at);
}

/* The places of the bytes that were regular until now. */
static void keep_places(struct redact_scan *scan, enum track_kind kind)
{
    struct track *track = &scan->tracks[kind];
    size_t longest = scan->machines[kind_of(kind)]->longest + UTF8_BYTES_MAX;
    size_t begun = depth_of(scan, kind);
    if (track->size < longest) { /* what it had belonged to other words, and is done with */
        track->size = 64;
        while (track->size < longest)
            track->size *= 2;
        mem_free(track->places);
        track->places = mem_alloc(track->size * sizeof *track->places);
    }
    for (size_t back = 1; back <= track->regular && back <= begun; back++)
        track->places[(track->count - back) & (track->size - 1)] =
            (uint32_t)(track->at - kinds[kind].width * back);
    track->regular = 0;
}

/* Reads one byte, or an escape for some, at track->at. */
static void step(struct redact_scan *scan, enum track_kind kind, const struct redact_unit *unit)
{
    struct track *track = &scan->tracks[kind];
    size_t place = track->at;
    bool regular = unit->size == 1 && unit->used == kinds[kind].width;
    if (!regular)
        keep_places(scan, kind);
    track->at = place + unit->used;
    for (size_t i = 0; i < unit->size; i++) {
        if (regular)
            track->regular++;
        else
            track->places[track->count & (track->size - 1)] = (uint32_t)place;
        track->count++;
        track->state = redact_machine_step(scan->machines[kind_of(kind)], track->state,
                                           (unsigned char)unit->bytes[i]);
        if (track->state != MACHINE_NONE)
            report(scan, kind);
        track->state = redact_machine_open(scan->machines[kind_of(kind)], track->state);
    }
}

static void reset(struct track *track, size_t at)
{
    track->state = MACHINE_NONE;
    track->at = at;
}

/* The beginning of a secret that a cut has left, up to `end`. */
static void report_cut(struct redact_scan *scan, enum track_kind kind, size_t end)
{
    uint32_t depth = depth_of(scan, kind);
    if (depth >= REDACT_MIN_BYTES && scan->found == NULL)
        redact_spans_add(&scan->spans[kind_of(kind)], place_of(scan, kind, depth), end);
}

/* A mark may cut an escape, too. False: the text ends before that is decided. */
static bool look_for_cut_escape(struct redact_scan *scan, enum track_kind kind,
                                const struct redact_view *view, size_t place)
{
    const char *text = view->text + (place - view->origin);
    size_t len = view->len - (place - view->origin);
    struct redact_unit unit;
    if (depth_of(scan, kind) < REDACT_MIN_BYTES ||
        redact_escapes_read(text, 1, kinds[kind].ways, &unit) != MATCH_PARTIAL)
        return true;
    for (size_t i = 1; i < len && i < READ_BYTES_MAX; i++) {
        enum redact_match mark = mark_at(text + i, len - i);
        if (mark == MATCH_NO)
            continue;
        if (redact_escapes_read(text, i, kinds[kind].ways, &unit) != MATCH_PARTIAL)
            return true;
        if (mark == MATCH_FULL)
            report_cut(scan, kind, place + i);
        return mark == MATCH_FULL || view->final;
    }
    return true;
}

/*
 * What a track finds at a place: an escape, or the byte itself. False: the text ends before that is
 * decided.
 */
static bool read_unit(struct redact_scan *scan, enum track_kind kind,
                      const struct redact_view *view, size_t place, struct redact_unit *unit,
                      bool *escape)
{
    const char *text = view->text + (place - view->origin);
    enum redact_match match =
        redact_escapes_read(text, view->len - (place - view->origin), kinds[kind].ways, unit);
    *escape = match == MATCH_FULL;
    if (*escape)
        return true;
    *unit = (struct redact_unit){.bytes = {*text}, .size = 1, .used = 1};
    return (match == MATCH_NO || view->final) && look_for_cut_escape(scan, kind, view, place);
}

/* False: the text ends before it is decided whether a mark is here. */
static bool look_for_mark(struct redact_scan *scan, enum track_kind first, enum track_kind last,
                          const struct redact_view *view, size_t place)
{
    enum redact_match mark = MATCH_NO;
    for (enum track_kind kind = first; kind <= last; kind++) {
        const struct track *track = &scan->tracks[kind];
        if (track->follows || track->at != place || depth_of(scan, kind) < REDACT_MIN_BYTES)
            continue;
        mark = mark_at(view->text + (place - view->origin), view->len - (place - view->origin));
        if (mark == MATCH_PARTIAL && !view->final)
            return false;
        if (mark == MATCH_FULL)
            report_cut(scan, kind, place);
    }
    return true;
}

struct reading {
    struct redact_unit unit;
    bool escape;
    bool here; /* the track has something to do at this place */
};

/* False: two digits of which c is the first one change nothing, so the second need not be there. */
static bool begins_hex(const struct redact_scan *scan, const struct track *track, char c)
{
    int digit = ascii_hex_value(c);
    return track->state != MACHINE_NONE ||
           (digit >= 0 && (scan->forms->nibbles & 1u << digit) != 0);
}

/* What each track reads at a place. False: the text ends before that is decided. */
static bool read_all(struct redact_scan *scan, const struct redact_view *view, size_t place,
                     struct reading readings[TRACKS])
{
    char c = view->text[place - view->origin];
    unsigned lead = scan->forms->escapes[(unsigned char)c];
    if (!look_for_mark(scan, PLAIN, HEX_ODD, view, place))
        return false;
    readings[PLAIN] = (struct reading){.unit = {.bytes = {c}, .size = 1, .used = 1}, .here = true};
    for (enum track_kind kind = PERCENT; kind <= HTML; kind++) {
        struct track *track = &scan->tracks[kind];
        readings[kind] = readings[PLAIN];
        readings[kind].here = !track->follows && track->at == place;
        if ((lead & kinds[kind].ways) == 0 || (!track->follows && track->at != place))
            continue;
        if (track->follows) { /* as PLAIN, until now */
            track->state = scan->tracks[PLAIN].state;
            track->at = place;
            track->regular = depth_of(scan, kind);
        }
        if (!read_unit(scan, kind, view, place, &readings[kind].unit, &readings[kind].escape))
            return false;
        readings[kind].here = readings[kind].here || readings[kind].escape;
    }
    for (enum track_kind kind = HEX_EVEN; kind <= HEX_ODD; kind++) {
        struct track *track = &scan->tracks[kind];
        if (track->at < place)
            reset(track, hex_place(kind, place));
        readings[kind].here = track->at == place;
        readings[kind].escape = false;
        if (readings[kind].here && begins_hex(scan, track, c) &&
            !read_unit(scan, kind, view, place, &readings[kind].unit, &readings[kind].escape))
            return false;
    }
    return true;
}

/* One byte of the text, in all ways. False: the text ends before that is decided. */
static bool text_step(struct redact_scan *scan, const struct redact_view *view)
{
    struct reading readings[TRACKS];
    size_t place = scan->at;
    scan->tracks[PLAIN].at = place;
    if (!read_all(scan, view, place, readings))
        return false;
    for (enum track_kind kind = PLAIN; kind <= HEX_ODD; kind++) {
        struct track *track = &scan->tracks[kind];
        if (!readings[kind].here)
            continue;
        track->follows = false;
        if (kind >= HEX_EVEN && !readings[kind].escape)
            reset(track, place + 2);
        else
            step(scan, kind, &readings[kind].unit);
    }
    scan->at = place + 1;
    for (enum track_kind kind = PERCENT; kind <= HTML; kind++) {
        struct track *track = &scan->tracks[kind];
        if (track->at == scan->at && track->state == scan->tracks[PLAIN].state &&
            track->regular >= depth_of(scan, kind))
            track->follows = true;
    }
    return true;
}

/* One digit of base64, a blank among them, or what ends them. False: as above. */
static bool base64_step(struct redact_scan *scan, const struct redact_view *view)
{
    struct track *track = &scan->tracks[BASE64];
    struct redact_unit unit;
    bool escape;
    if (!look_for_mark(scan, BASE64, BASE64, view, track->at) ||
        !read_unit(scan, BASE64, view, track->at, &unit, &escape))
        return false;
    char digit = redact_skip_digit(&unit);
    if (digit != '\0') {
        unit.bytes[0] = digit;
        scan->gap = 0;
        step(scan, BASE64, &unit);
    } else if (redact_skip_is_gap(&unit) && track->state != MACHINE_NONE &&
               scan->gap + unit.used <= REDACT_GAP_MAX) {
        scan->gap += unit.used;
        unit.size = 0;
        step(scan, BASE64, &unit);
    } else {
        reset(track, track->at + unit.used);
    }
    return true;
}

static bool text_sleeps(const struct redact_scan *scan)
{
    for (enum track_kind kind = PLAIN; kind <= HEX_ODD; kind++) {
        const struct track *track = &scan->tracks[kind];
        if (!track->follows && (track->state != MACHINE_NONE || (kind >= PERCENT && kind <= HTML)))
            return false;
    }
    return true;
}

static void run_text(struct redact_scan *scan, const struct redact_view *view, size_t end)
{
    while (scan->at < end && !scan->stopped) {
        if (text_sleeps(scan)) {
            scan->at = view->origin + redact_skip_text(scan->forms, view, scan->at - view->origin);
            if (scan->at == end)
                break;
            scan->machines[FORMS_TEXT] = redact_forms_machine(scan->forms, FORMS_TEXT);
        }
        if (!text_step(scan, view))
            break;
    }
}

static void run_base64(struct redact_scan *scan, const struct redact_view *view, size_t end)
{
    struct track *track = &scan->tracks[BASE64];
    uint32_t before = 0;
    while (track->at < end && !scan->stopped) {
        uint32_t depth = depth_of(scan, BASE64);
        /* Of many secrets, one begins with any digit, and words of text are digits: what began
         * anew is looked at again as if nothing had begun before it, which passes most of it. */
        bool anew = depth <= before && depth < FORMS_GRAM_BYTES && depth <= track->regular;
        if (anew)
            reset(track, track->at - depth);
        before = anew ? 0 : depth;
        if (track->state == MACHINE_NONE) {
            track->at =
                view->origin + redact_skip_base64(scan->forms, view, track->at - view->origin);
            if (track->at == end)
                break;
            scan->machines[FORMS_BASE64] = redact_forms_machine(scan->forms, FORMS_BASE64);
        }
        if (!base64_step(scan, view))
            break;
    }
}

size_t redact_scan_run(struct redact_scan *scan, struct redact_view view)
{
    size_t end = view.origin + view.len;
    if (scan->version != scan->forms->version)
        begin_at(scan, view.origin);
    if (scan->forms->count == 0) {
        begin_at(scan, end);
        return end;
    }
    run_text(scan, &view, end);
    run_base64(scan, &view, end);
    size_t decided = scan->at < scan->tracks[BASE64].at ? scan->at : scan->tracks[BASE64].at;
    for (enum track_kind kind = PLAIN; kind < TRACKS; kind++) {
        uint32_t depth = scan->tracks[kind].follows ? 0 : depth_of(scan, kind);
        size_t place = depth > 0 ? place_of(scan, kind, depth) : end;
        decided = place < decided ? place : decided;
    }
    return view.final ? end : decided;
}

static enum forms_kind first_kind(const struct redact_scan *scan)
{
    return redact_spans_begin(&scan->spans[FORMS_BASE64]) <
                   redact_spans_begin(&scan->spans[FORMS_TEXT])
               ? FORMS_BASE64
               : FORMS_TEXT;
}

size_t redact_scan_next(const struct redact_scan *scan)
{
    return redact_spans_begin(&scan->spans[first_kind(scan)]);
}

size_t redact_scan_take(struct redact_scan *scan)
{
    return redact_spans_take(&scan->spans[first_kind(scan)]);
}

bool redact_scan_find(struct redact_scan *scan, const char *text, size_t len,
                      redact_scan_found_fn *fn, void *arg)
{
    scan->found = fn;
    scan->arg = arg;
    scan->search = ++scan->forms->searches;
    scan->stopped = false;
    redact_scan_restart(scan);
    redact_scan_run(scan, (struct redact_view){.text = text, .len = len, .final = true});
    bool stopped = scan->stopped;
    scan->found = NULL;
    scan->stopped = false;
    return !stopped;
}
