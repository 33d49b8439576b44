/* `jeton api --paginate`: asks for page after page of the lists that the service cuts, and joins
 * them. */
#ifndef JETON_API_PAGES_H
#define JETON_API_PAGES_H

#include "api_request.h"
#include "json.h"
#include "provider.h"

#define API_PAGES_MAX 10000
#define API_COUNT_MAX 1000 /* items that a page is asked for, where more are of one second */

struct api_pages {
    const struct provider_list *list;
    size_t count;             /* pages so far */
    struct buf items;         /* the joined list, without its brackets */
    struct buf before, after; /* the last page, around its list */
    char *cursor;             /* sent last; JSON */
    int64_t edge_time;        /* newest in the list: the next page begins there … */
    char **edge_ids;          /* … and what of it has been seen */
    size_t nedge_ids;
};

/* False for a list that comes whole: then nothing was created. */
bool api_pages_create(struct api_pages *pages, const struct provider *provider,
                      const struct api_request *request);
void api_pages_destroy(struct api_pages *pages);
/* 1: request is now that of the next page; 0: this was the last one; -1 with ERR_INVALID (not the
 * shape of such a list, or its pages never end). */
int api_pages_add(struct api_pages *pages, const char *body, size_t len,
                  struct api_request *request, struct err *err);
/* The reply's shape, from the last page, with the whole list in it. */
int api_pages_write(const struct api_pages *pages, struct buf *out, struct err *err);

#endif
