#include "nearest.h"

#include <stdbool.h>
#include <string.h>

#define NAME_MAX_BYTES 64 /* longer names are not compared */
#define SHORT_BYTES    5  /* in shorter names one edit is a slip, two are another word */

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edit distance in which swapping two neighbours costs one. Both names are at most NAME_MAX_BYTES.
 */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][NAME_MAX_BYTES + 1]; /* row i lies in rows[i % 3] */
    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t *row = rows[i % 3], *above = rows[(i - 1) % 3], *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t best = min(row[j - 1], above[j]) + 1;
            best = min(best, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = min(best, two_above[j - 2] + 1);
            row[j] = best;
        }
    }
    return rows[a_len % 3][b_len];
}

/* Whether a name of several words begins or ends with this one: log_level with log. */
static bool is_part(const char *name, size_t len, const char *whole, size_t whole_len)
{
    if (len == 0 || whole_len <= len)
        return false;
    const char *end = whole + whole_len - len;
    return (memcmp(whole, name, len) == 0 && strchr("_-", whole[len]) != NULL) ||
           (memcmp(end, name, len) == 0 && strchr("_-", end[-1]) != NULL);
}

/* With two edits of four letters, --port would be near to --cors, and data to path. */
static size_t edits_allowed(size_t len)
{
    if (len < SHORT_BYTES)
        return 1;
    return len / 3 > 2 ? len / 3 : 2;
}

const char *nearest_name(const char *name, const char *const *candidates, size_t count)
{
    size_t len = strlen(name);
    size_t allowed = edits_allowed(len);
    const char *nearest = NULL;
    if (len > NAME_MAX_BYTES)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, candidates[i]) == 0)
            return len > 0 ? candidates[i] : NULL;
    }
    for (size_t i = 0; i < count; i++) {
        size_t candidate_len = strlen(candidates[i]);
        if (candidate_len > NAME_MAX_BYTES)
            continue;
        size_t d = is_part(name, len, candidates[i], candidate_len)
                       ? 1
                       : distance(name, len, candidates[i], candidate_len);
        /* At least one character of each must be kept, or short names would be near to everything.
         */
        if (d <= allowed && d < len && d < candidate_len) {
            nearest = candidates[i];
            allowed = d - (d > 0); /* from here on, only nearer ones */
        }
    }
    return nearest;
}
