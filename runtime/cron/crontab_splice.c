/* Finds the block in a crontab and splices a new one in; the rest stays byte for byte. */
#include "crontab.h"

#include "mem.h"

#include <string.h>

/* An editor of another system may have ended its lines by CR LF. */
static bool is_line(const char *line, size_t len, const char *start, const char *marker)
{
    size_t start_len = strlen(start), marker_len = strlen(marker);
    len -= len == start_len + marker_len + 1 && line[len - 1] == '\r';
    return len == start_len + marker_len && memcmp(line, start, start_len) == 0 &&
           memcmp(line + start_len, marker, marker_len) == 0;
}

static bool starts_with(const char *line, size_t len, const char *marker)
{
    return len >= strlen(marker) && memcmp(line, marker, strlen(marker)) == 0;
}

static int damaged(struct err *err, int line, const char *what, const char *marker)
{
    return err_set(err, ERR_CONFIG,
                   "crontab, line %d: %s; expected one block from '" CRONTAB_BEGIN "%s' to "
                   "'" CRONTAB_END "%s'. Repair it with crontab -e: the simplest way is to delete "
                   "these lines and everything between them",
                   line, what, marker, marker);
}

/* What the block's second line says of the crontab before it. One that we appended to a line
 * without an end gave it one, which goes with it. */
static void read_note(const char *text, struct crontab_place *place)
{
    const char *second = strchr(text + place->start, '\n') + 1;
    place->emptied = strncmp(second, CRONTAB_EMPTIED, strlen(CRONTAB_EMPTIED)) == 0;
    if (place->start > 0 && text[place->end] == '\0' &&
        strncmp(second, CRONTAB_UNENDED, strlen(CRONTAB_UNENDED)) == 0)
        place->start--;
}

int crontab_find(const char *text, const char *marker, struct crontab_place *place, struct err *err)
{
    bool inside = false;
    int number = 1;
    *place = (struct crontab_place){.found = false};
    for (const char *line = text; *line != '\0'; number++) {
        size_t len = strcspn(line, "\n");
        bool begin = is_line(line, len, CRONTAB_BEGIN, marker);
        bool end = is_line(line, len, CRONTAB_END, marker);
        if (begin && (inside || place->found))
            return damaged(err, number, "the block begins twice", marker);
        if (end && !inside)
            return damaged(err, number, "the block ends without a beginning", marker);
        if (inside && !end &&
            (starts_with(line, len, CRONTAB_BEGIN) || starts_with(line, len, CRONTAB_END)))
            return damaged(err, number, "another block is inside this configuration's block",
                           marker);
        if (begin) {
            inside = true;
            place->start = (size_t)(line - text);
        }
        line += len + (line[len] == '\n');
        if (end) {
            inside = false;
            place->found = true;
            place->end = (size_t)(line - text);
        }
    }
    if (inside)
        return damaged(err, number, "the block has no last line", marker);
    if (place->found)
        read_note(text, place);
    else
        place->start = place->end = strlen(text);
    return 0;
}

char *crontab_path(const char *text, const struct crontab_place *place)
{
    static const char before[] = " --config '";
    const char *end = text + place->end, *at = strstr(text + place->start, before);
    struct buf path;
    if (at == NULL || at >= end)
        return NULL;
    buf_create(&path, CRONTAB_MAX);
    for (at += sizeof before - 1; at < end; at++) { /* as crontab_block.c writes a word */
        if (strncmp(at, "\\%", 2) == 0)
            at++;
        else if (strncmp(at, "'\\''", 4) == 0)
            at += 3;
        else if (*at == '\'')
            break;
        buf_putc(&path, *at);
    }
    char *found = mem_strndup(path.data, path.len);
    buf_destroy(&path);
    return found;
}

/* Whether there is a whole block with the marker, and it is of that configuration. */
static bool is_of(const char *text, const char *marker, const char *real, const char *path,
                  struct crontab_place *place)
{
    struct err ignored;
    if (crontab_find(text, marker, place, &ignored) != 0 || !place->found)
        return false;
    char *named = crontab_path(text, place);
    bool same = strcmp(marker, real) == 0 || (named != NULL && strcmp(named, path) == 0);
    mem_free(named);
    return same;
}

char *crontab_find_former(const char *text, const char *except, const char *real, const char *path,
                          struct crontab_place *place)
{
    const size_t start = strlen(CRONTAB_BEGIN);
    for (const char *line = text; *line != '\0'; line += *line == '\n') {
        size_t len = strcspn(line, "\n");
        if (starts_with(line, len, CRONTAB_BEGIN)) {
            size_t end = len - (line[len - 1] == '\r');
            char *marker = mem_strndup(line + start, end - start);
            if (strcmp(marker, except) != 0 && is_of(text, marker, real, path, place))
                return marker;
            mem_free(marker);
        }
        line += len;
    }
    return NULL;
}

void crontab_replace(const char *text, const struct crontab_place *place, const struct buf *block,
                     struct buf *out)
{
    bool unended = place->start > 0 && text[place->start - 1] != '\n';
    const char *note = unended ? CRONTAB_UNENDED : place->emptied ? CRONTAB_EMPTIED : "";
    buf_append(out, text, place->start);
    if (block->len > 0) { /* the note comes after its first line */
        size_t first =
            (size_t)((const char *)memchr(block->data, '\n', block->len) - block->data) + 1;
        buf_puts(out, unended ? "\n" : "");
        buf_append(out, block->data, first);
        buf_puts(out, note);
        buf_append(out, block->data + first, block->len - first);
    }
    buf_puts(out, text + place->end);
}
