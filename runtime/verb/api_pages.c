#include "api_pages.h"

#include "api_signs.h"
#include "json_pointer.h"
#include "mem.h"
#include "url.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static const struct provider_list by_link = {.way = PROVIDER_BY_LINK};

static const struct provider_list *find_rule(const struct provider *provider,
                                             const struct api_request *request)
{
    const char *path = provider->resource(request->path);
    if (provider->lists == NULL)
        return &by_link;
    for (const struct provider_list *list = provider->lists; list->path != NULL; list++) {
        if (url_path_matches(list->path, path))
            return list;
    }
    return NULL;
}

bool api_pages_create(struct api_pages *pages, const struct provider *provider,
                      const struct api_request *request, const char *pointer)
{
    const struct provider_list *list = find_rule(provider, request);
    if (list == NULL)
        return false;
    *pages = (struct api_pages){.list = list, .pointer = pointer};
    buf_create(&pages->items, API_TEXT_MAX);
    buf_create(&pages->before, API_TEXT_MAX);
    buf_create(&pages->after, API_TEXT_MAX);
    return true;
}

void api_pages_destroy(struct api_pages *pages)
{
    buf_destroy(&pages->items);
    buf_destroy(&pages->before);
    buf_destroy(&pages->after);
    mem_free(pages->cursor);
    mem_free(pages->links);
    mem_free(pages->edge);
}

/* --- joining --- */

static bool is_list(const struct json *json)
{
    return json != NULL && json->type == JSON_ARRAY_BEGIN;
}

static const struct json *find_list(const struct api_pages *pages, const struct json *root)
{
    const struct provider_list *rule = pages->list;
    bool by_links = rule->way == PROVIDER_BY_LINK;
    if (pages->pointer != NULL) {
        const struct json *list = json_pointer_get(root, pages->pointer);
        return is_list(list) ? list : NULL;
    }
    if (by_links && is_list(root))
        return root;
    if (!rule->any_list && !by_links) {
        const struct json *list = json_get(root, rule->list);
        return is_list(list) ? list : NULL;
    }
    const struct json *found = NULL;
    const struct json *member = root->type == JSON_OBJECT_BEGIN ? root->child : NULL;
    for (; member != NULL; member = member->next) {
        if (is_list(member) && found != NULL)
            return NULL;
        if (is_list(member))
            found = member;
    }
    return found;
}

/* Writes all but the list into *out; what follows that goes to `after`. As deep as JSON may be. */
static int put_around(struct buf **out, struct buf *after, const struct json *json,
                      const struct json *list)
{
    bool object = json->type == JSON_OBJECT_BEGIN;
    if (json == list) {
        *out = after;
        return 0;
    }
    if (!object && json->type != JSON_ARRAY_BEGIN)
        return json_write(*out, json);
    if (buf_putc(*out, object ? '{' : '[') != 0)
        return -1;
    for (const struct json *child = json->child; child != NULL; child = child->next) {
        if ((child != json->child && buf_putc(*out, ',') != 0) ||
            (object && (json_write_string(*out, child->key, child->key_len) != 0 ||
                        buf_putc(*out, ':') != 0)) ||
            put_around(out, after, child, list) != 0)
            return -1;
    }
    return buf_putc(*out, object ? '}' : ']');
}

/* Keeps what is around the list; the last page's stays. */
static int keep_shape(struct api_pages *pages, const struct json *root, const struct json *list)
{
    struct buf *out = &pages->before;
    buf_clear(&pages->before);
    buf_clear(&pages->after);
    return put_around(&out, &pages->after, root, list);
}

static int add_item(struct api_pages *pages, const struct json *item)
{
    if (pages->items.len > 0 && buf_putc(&pages->items, ',') != 0)
        return -1;
    return json_write(&pages->items, item);
}

/* --- by date: pages overlap where several items are of one second; by offset, where a service does
 * not heed it: there all are of one --- */

/* Epoch seconds of an item; 0 where it has no time. */
static int64_t item_time(const struct api_pages *pages, const struct json *item)
{
    if (pages->list->time == NULL)
        return 0;
    const struct json *created = json_get(item, pages->list->time);
    if (created != NULL && created->type == JSON_INT)
        return created->integer > 0 && created->integer < INT64_MAX ? created->integer : 0;
    const char *sent = json_string(json_get(item, pages->list->iso_time));
    struct tm tm = {0};
    if (sent == NULL || strptime(sent, "%Y-%m-%dT%H:%M:%S", &tm) == NULL)
        return 0;
    return (int64_t)timegm(&tm);
}

/* FNV-1a. */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    return hash;
}

static int compare_hashes(const void *a, const void *b)
{
    uint64_t first, second;
    memcpy(&first, a, sizeof first);
    memcpy(&second, b, sizeof second);
    return (first > second) - (first < second);
}

/* Among the first `count`, which are sorted. */
static bool seen_at_edge(const struct api_pages *pages, size_t count, const struct json *item)
{
    const char *id = json_string(json_get(item, pages->list->id));
    if (id == NULL || count == 0)
        return false;
    uint64_t hash = hash_of(id);
    return bsearch(&hash, pages->edge, count, sizeof hash, compare_hashes) != NULL;
}

/* A page may have any number of items of one second: sorted, they cost little each. */
static void move_edge(struct api_pages *pages, const struct json *list)
{
    int64_t newest = pages->edge_time;
    size_t count = 0;
    for (const struct json *item = list->child; item != NULL; item = item->next, count++) {
        if (item_time(pages, item) > newest)
            newest = item_time(pages, item);
    }
    if (newest > pages->edge_time)
        pages->nedge = 0;
    pages->edge_time = newest;
    pages->edge = mem_realloc(pages->edge, (pages->nedge + count + 1) * sizeof *pages->edge);
    size_t known = pages->nedge;
    for (const struct json *item = list->child; item != NULL; item = item->next) {
        const char *id = json_string(json_get(item, pages->list->id));
        if (id != NULL && item_time(pages, item) == newest && !seen_at_edge(pages, known, item))
            pages->edge[pages->nedge++] = hash_of(id);
    }
    qsort(pages->edge, pages->nedge, sizeof *pages->edge, compare_hashes);
}

/* --- the next page: 1, 0 or -1 --- */

static int next_by_cursor(struct api_pages *pages, const struct json *root,
                          struct api_request *request, struct err *err)
{
    const char *name = pages->list->next;
    const struct json *cursor = json_get(root, name);
    const char *text = json_string(cursor);
    bool number = cursor != NULL && cursor->type == JSON_INT;
    if (cursor == NULL || cursor->type == JSON_NULL || (text != NULL && text[0] == '\0'))
        return 0;
    if (!number && text == NULL)
        return err_set(err, ERR_INVALID,
                       "page %zu: '%s' is neither a text nor a whole number of 64 bits, so what "
                       "follows cannot be asked for",
                       pages->count, name);
    struct buf json;
    buf_create(&json, API_BODY_MAX);
    json_write(&json, cursor);
    if (pages->cursor != NULL && strcmp(pages->cursor, json.data) == 0) {
        buf_destroy(&json);
        return 0; /* the list stands where it stood */
    }
    mem_free(pages->cursor);
    pages->cursor = buf_take(&json);
    if (strcmp(request->method, "GET") != 0)
        return api_request_set_field(request, name, pages->cursor, err) == 0 ? 1 : -1;
    api_request_set_query(request, name, number ? pages->cursor : text);
    return 1;
}

/* Saturates. */
static int64_t query_number(const struct api_request *request, const char *name)
{
    const char *text = api_request_query_value(request, name);
    return text != NULL ? strtoll(text, NULL, 10) : 0;
}

static void set_query_number(struct api_request *request, const char *name, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, number);
    api_request_set_query(request, name, text);
}

/* Until a page has nothing new: a service may give fewer than a page has place for. */
static int next_by_offset(const struct provider_list *list, size_t arrived, size_t added,
                          struct api_request *request, struct err *err)
{
    int64_t next = query_number(request, list->next);
    if (added == 0)
        return 0;
    if (__builtin_add_overflow(next, (int64_t)arrived, &next))
        return err_set(err, ERR_INVALID, "%s: no page follows: it would be over %" PRId64,
                       list->next, INT64_MAX);
    set_query_number(request, list->next, next);
    return 1;
}

/* The next page starts with the second in which this one ends. Where all of a page is of that
 * second and was seen, a larger one gets past it. */
static int next_by_date(struct api_pages *pages, const struct json *root, size_t arrived,
                        size_t added, struct api_request *request, struct err *err)
{
    const struct provider_list *list = pages->list;
    const struct json *more = json_get(root, list->more);
    if (more == NULL || more->type != JSON_BOOL || !more->boolean)
        return 0;
    int64_t asked = query_number(request, list->size);
    if (arrived == 0 || pages->edge_time == 0 || (added == 0 && (int64_t)arrived < asked))
        return err_set(err, ERR_INVALID,
                       "page %zu: the service says that there is more, but returned nothing "
                       "new with a %s or %s to continue from",
                       pages->count, list->time, list->iso_time);
    if (added == 0 && arrived >= API_COUNT_MAX)
        return err_set(err, ERR_INVALID,
                       "page %zu: more than %d %s have the same second, and the service lists "
                       "no further; later ones are listed with %s=%" PRId64,
                       pages->count, API_COUNT_MAX, list->list, list->next, pages->edge_time + 1);
    if (added == 0)
        set_query_number(request, list->size,
                         arrived * 2 < API_COUNT_MAX ? (int64_t)arrived * 2 : API_COUNT_MAX);
    set_query_number(request, list->next, pages->edge_time);
    return 1;
}

/* A circle would repeat the list until there are too many pages. */
static int note_link(struct api_pages *pages, const char *target, const char *first,
                     struct err *err)
{
    uint64_t hash = hash_of(target);
    pages->links = mem_realloc(pages->links, (pages->count + 1) * sizeof *pages->links);
    if (pages->count == 1)
        pages->links[0] = hash_of(first);
    pages->links[pages->count] = hash;
    for (size_t i = 0; i < pages->count; i++) {
        if (pages->links[i] == hash)
            return err_set(err, ERR_INVALID,
                           "page %zu: the reply's Link leads back to page %zu: the list would "
                           "never end",
                           pages->count, i + 1);
    }
    return 0;
}

/* What --list has found its list in: it may say of that how it goes on, as Spotify's searches do.
 */
static const struct json *find_around(const struct api_pages *pages, const struct json *root)
{
    const char *end = pages->pointer != NULL ? strrchr(pages->pointer, '/') : NULL;
    if (end == NULL)
        return NULL;
    char *around = mem_strndup(pages->pointer, (size_t)(end - pages->pointer));
    const struct json *found = json_pointer_get(root, around);
    mem_free(around);
    return found;
}

/* Without a Link. A URL in the body is as good; any other sign is not the list's end. 0: the end.
 */
static int find_next(const struct api_pages *pages, const struct json *root, const char **next,
                     struct err *err)
{
    const struct json *value = NULL;
    const struct json *around = find_around(pages, root);
    const char *sign = api_signs_find(root, false, &value);
    if (sign == NULL && around != root)
        sign = api_signs_find(around, true, &value);
    if (sign == NULL)
        return 0;
    const char *text = json_string(value);
    if (value != NULL && value->type == JSON_OBJECT_BEGIN)
        text = json_string(json_get(value, "href"));
    if (text != NULL &&
        (strncasecmp(text, "https://", 8) == 0 || strncasecmp(text, "http://", 7) == 0)) {
        *next = text;
        return 1;
    }
    return err_set(
        err, ERR_INVALID,
        "page %zu: the reply says by '%s' that the list goes on, which --paginate cannot "
        "follow: it needs a Link, or a URL there; ask for each page by itself, or in a "
        "script",
        pages->count, sign + 1);
}

/* A reference that the service chose: whether a token may go there is looked at as of any URL. */
static int next_by_link(struct api_pages *pages, const struct json *root,
                        const struct api_page *page, struct api_request *request, struct err *err)
{
    struct url url;
    const char *next = page->next;
    int found = next != NULL ? 1 : find_next(pages, root, &next, err);
    if (found <= 0)
        return found;
    if (url_resolve(page->url, next, &url, err) != 0)
        return err_wrap(err, "the reply's Link to the next page");
    char *target = url_format(&url, true);
    url_destroy(&url);
    int status = note_link(pages, target, page->url, err);
    if (status == 0)
        status = api_request_set_target(request, target, err);
    mem_free(target);
    return status == 0 ? 1 : -1;
}

static int no_list(const struct api_pages *pages, struct err *err)
{
    if (pages->pointer != NULL)
        return err_set(err, ERR_USAGE, "page %zu: --list: there is no list at '%s'", pages->count,
                       pages->pointer);
    if (pages->list->way == PROVIDER_BY_LINK)
        return err_set(err, ERR_USAGE,
                       "page %zu: expected a list, or an object with a single one; --list POINTER "
                       "says where it is, as in --list /items",
                       pages->count);
    return err_set(err, ERR_INVALID, "page %zu: expected an object with the list '%s'",
                   pages->count, pages->list->list);
}

static int add_page(struct api_pages *pages, const struct json *root, const struct api_page *page,
                    struct api_request *request, struct err *err)
{
    const struct json *list = find_list(pages, root);
    if (list == NULL)
        return no_list(pages, err);
    bool overlaps = pages->list->id != NULL;
    size_t arrived = 0, added = 0;
    bool full = keep_shape(pages, root, list) != 0;
    for (const struct json *item = list->child; item != NULL && !full; item = item->next) {
        arrived++;
        if (overlaps && seen_at_edge(pages, pages->nedge, item))
            continue;
        full = add_item(pages, item) != 0;
        added++;
    }
    if (full)
        return err_set(err, ERR_INVALID, "page %zu: the joined list is over %zu MiB", pages->count,
                       API_TEXT_MAX / (1024 * 1024));
    pages->empty = arrived == 0 ? pages->empty + 1 : 0;
    switch (pages->list->way) {
    case PROVIDER_BY_CURSOR:
        return next_by_cursor(pages, root, request, err);
    case PROVIDER_BY_OFFSET:
        move_edge(pages, list);
        return next_by_offset(pages->list, arrived, added, request, err);
    case PROVIDER_BY_DATE:
        move_edge(pages, list);
        return next_by_date(pages, root, arrived, added, request, err);
    case PROVIDER_BY_LINK:
        return next_by_link(pages, root, page, request, err);
    }
    return 0;
}

int api_pages_add(struct api_pages *pages, const struct api_page *page, struct api_request *request,
                  struct err *err)
{
    pages->count++;
    struct json *root =
        json_parse(page->body, page->len, &(struct json_options){.mend = true}, err);
    if (root == NULL)
        return err_wrap(err, "page %zu", pages->count);
    int more = add_page(pages, root, page, request, err);
    json_free(root);
    if (more > 0 && pages->count >= API_PAGES_MAX)
        return err_set(err, ERR_INVALID, "the list does not end after %d pages", API_PAGES_MAX);
    if (more > 0 && pages->empty >= API_EMPTY_PAGES_MAX)
        return err_set(err, ERR_INVALID,
                       "page %zu: %d pages without an item have come one after the other, and the "
                       "service says that there is more",
                       pages->count, API_EMPTY_PAGES_MAX);
    return more;
}

int api_pages_write(const struct api_pages *pages, struct buf *out, struct err *err)
{
    if (buf_append(out, pages->before.data, pages->before.len) != 0 || buf_putc(out, '[') != 0 ||
        buf_append(out, pages->items.data, pages->items.len) != 0 || buf_putc(out, ']') != 0 ||
        buf_append(out, pages->after.data, pages->after.len) != 0)
        return err_set(err, ERR_INVALID, "the joined list is over %zu MiB",
                       out->limit / (1024 * 1024));
    return 0;
}
