#include "hook_place.h"

#include "ascii.h"
#include "field.h"
#include "mem.h"

#include <string.h>

static const char *const kinds[] = {
    [HOOK_PLACE_HEADER] = "header:", [HOOK_PLACE_QUERY] = "query:", [HOOK_PLACE_FORM] = "form:",
    [HOOK_PLACE_JSON] = "json:",     [HOOK_PLACE_ITEM] = "item:",   [HOOK_PLACE_ENTRY] = "entry:",
};

/* The keys of a path; the text is whole and good, or NULL is returned. */
static char **parse_steps(const char *text)
{
    char **steps = mem_alloc((HOOK_PLACE_STEPS_MAX + 1) * sizeof *steps);
    for (size_t count = 0; *text != '\0'; count++) {
        size_t len = strcspn(text, ".");
        bool last = text[len] == '\0';
        if (len == 0 || count == HOOK_PLACE_STEPS_MAX || (!last && text[len + 1] == '\0')) {
            mem_freev(steps);
            return NULL;
        }
        steps[count] = mem_strndup(text, len);
        text += len + !last;
    }
    return steps;
}

/* $.a[0].b and /a/0/b: the same in other languages, and a key that no body has in this one. */
static bool is_other_path(const char *text)
{
    size_t dollar = text[0] == '$' ? 1 : 0;
    const char *bracket = strchr(text, '[');
    return text[0] == '/' || (dollar > 0 && strchr(".[", text[1]) != NULL) ||
           (bracket != NULL && strchr(bracket, ']') != NULL);
}

static int parse_name(struct hook_part *part, const char *name, struct err *err)
{
    size_t len = strlen(name);
    if (part->kind == HOOK_PLACE_HEADER && len > 0 && name[len - 1] == '*') {
        part->prefix = true;
        part->name = mem_strndup(name, len - 1);
    } else {
        part->name = mem_strdup(name);
    }
    if (part->name[0] == '\0')
        return err_set(err, ERR_INVALID, "a name is missing behind '%s'", kinds[part->kind]);
    if (part->kind == HOOK_PLACE_HEADER && !field_is_token(part->name))
        return err_set(err, ERR_INVALID, "it is no name of a header");
    return 0;
}

/* One part, with a NUL behind it. */
static int parse_part(const char *text, struct hook_part *part, struct err *err)
{
    size_t kind = 0;
    while (kind < sizeof kinds / sizeof kinds[0] &&
           strncmp(text, kinds[kind], strlen(kinds[kind])) != 0)
        kind++;
    if (kind == sizeof kinds / sizeof kinds[0])
        return err_set(err, ERR_INVALID,
                       "a place begins with header:, query:, form:, json:, item: or entry:");
    part->kind = (enum hook_place_kind)kind;
    const char *rest = text + strlen(kinds[kind]);
    if (part->kind != HOOK_PLACE_JSON && part->kind != HOOK_PLACE_ITEM)
        return parse_name(part, rest, err);
    if (is_other_path(rest))
        return err_set(err, ERR_INVALID,
                       "a path is keys with '.' between them, such as a.0.b for what others write "
                       "as $.a[0].b or /a/0/b");
    part->steps = parse_steps(rest);
    if (part->steps == NULL)
        return err_set(err, ERR_INVALID, "a path is 1 to %d keys with '.' between them",
                       HOOK_PLACE_STEPS_MAX);
    return 0;
}

static int parse_parts(const char *text, size_t len, struct hook_place *place, struct err *err)
{
    int result = 0;
    place->parts = mem_alloc(HOOK_PLACE_PARTS_MAX * sizeof *place->parts);
    for (const char *end = text + len; result == 0 && text <= end;) {
        const char *plus = memchr(text, '+', (size_t)(end - text));
        size_t size = (size_t)((plus != NULL ? plus : end) - text);
        if (place->nparts == HOOK_PLACE_PARTS_MAX)
            return err_set(err, ERR_INVALID, "more than %d places are joined by '+'",
                           HOOK_PLACE_PARTS_MAX);
        char *one = mem_strndup(text, size);
        result = parse_part(one, &place->parts[place->nparts++], err);
        mem_free(one);
        text += size + 1;
    }
    return result;
}

int hook_place_parse(const char *text, size_t len, struct hook_place *place, struct err *err)
{
    *place = (struct hook_place){0};
    if (len > HOOK_PLACE_TEXT_MAX)
        return err_set(err, ERR_INVALID, "it is longer than %d bytes", HOOK_PLACE_TEXT_MAX);
    if (ascii_has_control(text, len))
        return err_set(err, ERR_INVALID, "it holds a control character");
    int result = parse_parts(text, len, place, err);
    if (result != 0)
        hook_place_destroy(place);
    return result;
}

bool hook_place_is_many(const struct hook_place *place)
{
    for (size_t i = 0; i < place->nparts; i++) {
        const struct hook_part *part = &place->parts[i];
        if (part->prefix)
            return true;
        for (char *const *step = part->steps; step != NULL && *step != NULL; step++) {
            if (strcmp(*step, "*") == 0)
                return true;
        }
    }
    return false;
}

bool hook_place_has(const struct hook_place *place, enum hook_place_kind kind)
{
    bool found = false;
    for (size_t i = 0; i < place->nparts; i++)
        found = found || place->parts[i].kind == kind;
    return found;
}

void hook_place_add(struct hook_places *places, const struct hook_place *place)
{
    places->items = mem_realloc(places->items, (places->count + 1) * sizeof *places->items);
    places->items[places->count++] = *place;
}

void hook_place_destroy(struct hook_place *place)
{
    for (size_t i = 0; i < place->nparts; i++) {
        mem_free(place->parts[i].name);
        mem_freev(place->parts[i].steps);
    }
    mem_free(place->parts);
    *place = (struct hook_place){0};
}

void hook_place_destroy_all(struct hook_places *places)
{
    for (size_t i = 0; i < places->count; i++)
        hook_place_destroy(&places->items[i]);
    mem_free(places->items);
    *places = (struct hook_places){0};
}
