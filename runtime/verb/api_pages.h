/* `jeton api --paginate`: asks for page after page of the lists that the service cuts, and joins
 * them. */
#ifndef JETON_API_PAGES_H
#define JETON_API_PAGES_H

#include "api_request.h"
#include "json.h"
#include "provider.h"

#define API_PAGES_MAX       10000
#define API_EMPTY_PAGES_MAX 1000 /* in a row: some services filter after they have cut */
#define API_COUNT_MAX       1000 /* items that a page is asked for, where more are of one second */

struct api_pages {
    const struct provider_list *list;
    const char *pointer;      /* --list: where the list is; NULL: it is looked for. Borrowed */
    size_t count;             /* pages so far */
    size_t empty;             /* of them the last ones, without an item */
    struct buf items;         /* the joined list, without its brackets */
    struct buf before, after; /* the last page, around its list */
    char *cursor;             /* sent last; JSON */
    uint64_t *links;          /* hashes of the URLs that were asked for by link */
    int64_t edge_time;        /* newest in the list: the next page begins there … */
    uint64_t *edge;           /* … and hashes of what of it has been seen, sorted */
    size_t nedge;
};

/* A page as it came. */
struct api_page {
    const char *body;
    size_t len;
    const char *url;  /* that it came from */
    const char *next; /* where its Link says that the list goes on, as written; NULL: nowhere */
};

/* False for a list that comes whole: then nothing was created. `pointer` is a valid JSON Pointer,
 * or NULL. */
bool api_pages_create(struct api_pages *pages, const struct provider *provider,
                      const struct api_request *request, const char *pointer);
void api_pages_destroy(struct api_pages *pages);
/* 1: request is now that of the next page; 0: this was the last one; -1 with ERR_INVALID (not the
 * shape of such a list, or its pages never end), or ERR_USAGE (by links: it is not clear which list
 * is meant). */
int api_pages_add(struct api_pages *pages, const struct api_page *page, struct api_request *request,
                  struct err *err);
/* The reply's shape, from the last page, with the whole list in it. */
int api_pages_write(const struct api_pages *pages, struct buf *out, struct err *err);

#endif
