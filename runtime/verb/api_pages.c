#include "api_pages.h"

#include "mem.h"
#include "url.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

bool api_pages_create(struct api_pages *pages, const struct provider *provider,
                      const struct api_request *request)
{
    const char *path = provider->resource(request->path);
    for (const struct provider_list *list = provider->lists; list != NULL && list->path != NULL;
         list++) {
        if (!url_path_matches(list->path, path))
            continue;
        *pages = (struct api_pages){.list = list};
        buf_create(&pages->items, API_TEXT_MAX);
        buf_create(&pages->before, API_TEXT_MAX);
        buf_create(&pages->after, API_TEXT_MAX);
        return true;
    }
    return false;
}

static void forget_edge(struct api_pages *pages)
{
    for (size_t i = 0; i < pages->nedge_ids; i++)
        mem_free(pages->edge_ids[i]);
    mem_free(pages->edge_ids);
    pages->edge_ids = NULL;
    pages->nedge_ids = 0;
}

void api_pages_destroy(struct api_pages *pages)
{
    buf_destroy(&pages->items);
    buf_destroy(&pages->before);
    buf_destroy(&pages->after);
    mem_free(pages->cursor);
    forget_edge(pages);
}

/* --- joining --- */

static const struct json *find_list(const struct provider_list *rule, const struct json *root)
{
    if (!rule->any_list) {
        const struct json *list = json_get(root, rule->list);
        return list != NULL && list->type == JSON_ARRAY_BEGIN ? list : NULL;
    }
    const struct json *found = NULL;
    const struct json *member = root->type == JSON_OBJECT_BEGIN ? root->child : NULL;
    for (; member != NULL; member = member->next) {
        if (member->type == JSON_ARRAY_BEGIN && found != NULL)
            return NULL;
        if (member->type == JSON_ARRAY_BEGIN)
            found = member;
    }
    return found;
}

/* Keeps the object around the list; the last page's stays. */
static int keep_shape(struct api_pages *pages, const struct json *root, const struct json *list)
{
    struct buf *out = &pages->before;
    buf_clear(&pages->before);
    buf_clear(&pages->after);
    for (const struct json *member = root->child; member != NULL; member = member->next) {
        if (buf_putc(out, member == root->child ? '{' : ',') != 0 ||
            json_write_string(out, member->key, strlen(member->key)) != 0 ||
            buf_putc(out, ':') != 0)
            return -1;
        if (member == list)
            out = &pages->after;
        else if (json_write(out, member) != 0)
            return -1;
    }
    return 0;
}

static int add_item(struct api_pages *pages, const struct json *item)
{
    if (pages->items.len > 0 && buf_putc(&pages->items, ',') != 0)
        return -1;
    return json_write(&pages->items, item);
}

/* --- by date: pages overlap where several items are of one second --- */

/* Epoch seconds of an item; 0 where it has no time. */
static int64_t item_time(const struct api_pages *pages, const struct json *item)
{
    const struct json *created = json_get(item, pages->list->time);
    if (created != NULL && created->type == JSON_INT)
        return created->integer > 0 && created->integer < INT64_MAX ? created->integer : 0;
    const char *sent = json_string(json_get(item, pages->list->iso_time));
    struct tm tm = {0};
    if (sent == NULL || strptime(sent, "%Y-%m-%dT%H:%M:%S", &tm) == NULL)
        return 0;
    return (int64_t)timegm(&tm);
}

static bool seen_at_edge(const struct api_pages *pages, const struct json *item)
{
    const char *id = json_string(json_get(item, pages->list->id));
    for (size_t i = 0; id != NULL && i < pages->nedge_ids; i++) {
        if (strcmp(pages->edge_ids[i], id) == 0)
            return true;
    }
    return false;
}

static void move_edge(struct api_pages *pages, const struct json *list)
{
    int64_t newest = pages->edge_time;
    for (const struct json *item = list->child; item != NULL; item = item->next) {
        if (item_time(pages, item) > newest)
            newest = item_time(pages, item);
    }
    if (newest > pages->edge_time)
        forget_edge(pages);
    pages->edge_time = newest;
    for (const struct json *item = list->child; item != NULL; item = item->next) {
        const char *id = json_string(json_get(item, pages->list->id));
        if (id == NULL || item_time(pages, item) != newest || seen_at_edge(pages, item))
            continue;
        pages->edge_ids =
            mem_realloc(pages->edge_ids, (pages->nedge_ids + 1) * sizeof *pages->edge_ids);
        pages->edge_ids[pages->nedge_ids++] = mem_strdup(id);
    }
}

/* --- the next page: 1, 0 or -1 --- */

static int next_by_cursor(struct api_pages *pages, const struct json *root,
                          struct api_request *request, struct err *err)
{
    const char *name = pages->list->next;
    const struct json *cursor = json_get(root, name);
    const char *text = json_string(cursor);
    bool number = cursor != NULL && cursor->type == JSON_INT;
    if (!number && (text == NULL || text[0] == '\0'))
        return 0;
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

static int next_by_offset(const struct provider_list *list, size_t arrived,
                          struct api_request *request, struct err *err)
{
    int64_t size = query_number(request, list->size), next = query_number(request, list->next);
    if (arrived == 0 || (size > 0 && (int64_t)arrived < size))
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

static int add_page(struct api_pages *pages, const struct json *root, struct api_request *request,
                    struct err *err)
{
    const struct json *list = find_list(pages->list, root);
    if (list == NULL)
        return err_set(err, ERR_INVALID, "page %zu: expected an object with the list '%s'",
                       pages->count, pages->list->list);
    bool by_date = pages->list->way == PROVIDER_BY_DATE;
    size_t arrived = 0, added = 0;
    bool full = keep_shape(pages, root, list) != 0;
    for (const struct json *item = list->child; item != NULL && !full; item = item->next) {
        arrived++;
        if (by_date && seen_at_edge(pages, item))
            continue;
        full = add_item(pages, item) != 0;
        added++;
    }
    if (full)
        return err_set(err, ERR_INVALID, "page %zu: the joined list is over %zu MiB", pages->count,
                       API_TEXT_MAX / (1024 * 1024));
    switch (pages->list->way) {
    case PROVIDER_BY_CURSOR:
        return next_by_cursor(pages, root, request, err);
    case PROVIDER_BY_OFFSET:
        return next_by_offset(pages->list, added, request, err);
    case PROVIDER_BY_DATE:
        move_edge(pages, list);
        return next_by_date(pages, root, arrived, added, request, err);
    }
    return 0;
}

int api_pages_add(struct api_pages *pages, const char *body, size_t len,
                  struct api_request *request, struct err *err)
{
    pages->count++;
    struct json *root = json_parse(body, len, &(struct json_options){.mend = true}, err);
    if (root == NULL)
        return err_wrap(err, "page %zu", pages->count);
    int more = add_page(pages, root, request, err);
    json_free(root);
    if (more > 0 && pages->count >= API_PAGES_MAX)
        return err_set(err, ERR_INVALID, "the list does not end after %d pages", API_PAGES_MAX);
    return more;
}

int api_pages_write(const struct api_pages *pages, struct buf *out, struct err *err)
{
    if (buf_append(out, pages->before.data, pages->before.len) != 0 || buf_putc(out, '[') != 0 ||
        buf_append(out, pages->items.data, pages->items.len) != 0 || buf_putc(out, ']') != 0 ||
        buf_append(out, pages->after.data, pages->after.len) != 0 || buf_putc(out, '}') != 0)
        return err_set(err, ERR_INVALID, "the joined list is over %zu MiB",
                       out->limit / (1024 * 1024));
    return 0;
}
