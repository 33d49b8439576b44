#include "api_signs.h"

#include "json_pointer.h"

#include <string.h>

enum sign_kind {
    SIGN_NEXT,   /* leads to the next page */
    SIGN_CURSOR, /* so does this, if it is a text that is no number: that would be the page's own */
    SIGN_BESIDE, /* so does this, in an object around the list; at the top it may be an echo */
    SIGN_MORE,   /* says whether there is one */
    SIGN_LAST,   /* says whether there is none */
};

/* Where services say it, and what many frameworks write. The first that there is counts: URLs come
 * before what cannot be followed. */
static const struct sign {
    const char *at;
    enum sign_kind kind;
} signs[] = {
    {"/@odata.nextLink", SIGN_NEXT}, /* Microsoft */
    {"/odata.nextLink", SIGN_NEXT},  /* SharePoint */
    {"/__next", SIGN_NEXT},          /* so does OData before version 4 */
    {"/nextLink", SIGN_NEXT},
    {"/next", SIGN_NEXT},
    {"/links/next", SIGN_NEXT},
    {"/_links/next", SIGN_NEXT},
    {"/links/pages/next", SIGN_NEXT}, /* DigitalOcean */
    {"/_metadata/next", SIGN_NEXT},   /* SendGrid */
    {"/pages/next", SIGN_NEXT},
    {"/paging/next", SIGN_NEXT}, /* HubSpot */
    {"/pagination/next", SIGN_NEXT},
    {"/pagination/next_page", SIGN_NEXT},
    {"/next_page", SIGN_NEXT}, /* Asana */
    {"/nextPage", SIGN_NEXT},
    {"/next_url", SIGN_NEXT},
    {"/next_page_url", SIGN_NEXT},  /* Laravel */
    {"/next_href", SIGN_NEXT},      /* SoundCloud */
    {"/after_url", SIGN_NEXT},      /* Zendesk, of exports */
    {"/nextPageUrl", SIGN_NEXT},    /* Salesforce, as the next one */
    {"/nextRecordsUrl", SIGN_NEXT}, /* of queries */
    {"/nextUri", SIGN_NEXT},        /* DocuSign */
    {"/meta/next_page", SIGN_NEXT},
    {"/meta/pagination/next_page", SIGN_NEXT}, /* Hetzner */
    {"/meta/links/next", SIGN_NEXT},           /* Vultr */
    {"/nextPageToken", SIGN_NEXT},             /* Google, Jira */
    {"/pageToken", SIGN_NEXT},                 /* BigQuery, of rows */
    {"/next_page_token", SIGN_NEXT},
    {"/nextToken", SIGN_NEXT}, /* Amazon, as the next one */
    {"/NextToken", SIGN_NEXT},
    {"/next_token", SIGN_NEXT},
    {"/next_marker", SIGN_NEXT}, /* Box */
    {"/next_cursor", SIGN_NEXT},
    {"/nextCursor", SIGN_NEXT},
    {"/response_metadata/next_cursor", SIGN_NEXT}, /* Slack */
    {"/pagination/cursor", SIGN_NEXT},             /* Twitch */
    {"/meta/next_token", SIGN_NEXT},
    {"/meta/cursors/after", SIGN_NEXT},        /* GoCardless */
    {"/result_info/cursors/after", SIGN_NEXT}, /* Cloudflare, as the next one */
    {"/result_info/cursor", SIGN_NEXT},
    {"/additional_data/next_cursor", SIGN_NEXT}, /* Pipedrive */
    {"/metadata/continue", SIGN_NEXT},           /* Kubernetes */
    {"/cursor", SIGN_CURSOR},                    /* Square */
    {"/offset", SIGN_CURSOR},                    /* Airtable */
    {"/after", SIGN_BESIDE},                     /* Reddit */
    {"/has_more", SIGN_MORE},
    {"/hasMore", SIGN_MORE},
    {"/has-more", SIGN_MORE}, /* HubSpot's older lists */
    {"/has_next", SIGN_MORE},
    {"/hasNext", SIGN_MORE},
    {"/more", SIGN_MORE}, /* PagerDuty */
    {"/meta/has_more", SIGN_MORE},
    {"/pagination/has_more", SIGN_MORE},
    {"/pagination/has_more_items", SIGN_MORE},
    {"/pageInfo/hasNextPage", SIGN_MORE},
    {"/info/more_records", SIGN_MORE},                                   /* Zoho's CRM */
    {"/page_context/has_more_page", SIGN_MORE},                          /* Books */
    {"/page_context/has_more_rows", SIGN_MORE},                          /* Sign */
    {"/page_info/has_next_page", SIGN_MORE},                             /* Projects */
    {"/links/cursor/has_next", SIGN_MORE},                               /* WorkDrive */
    {"/additional_data/pagination/more_items_in_collection", SIGN_MORE}, /* Pipedrive */
    {"/isLast", SIGN_LAST},                                              /* Jira has all three */
    {"/isLastPage", SIGN_LAST},
    {"/end_of_stream", SIGN_LAST}, /* Zendesk; a URL is there nonetheless */
    {"/lastPage", SIGN_LAST},
    {"/last_page", SIGN_LAST}, /* ClickUp; Laravel's is a number */
    {"/last", SIGN_LAST},      /* Spring */
};

#define SIGNS (sizeof signs / sizeof signs[0])

/* Where a page begins, how long it may be, and how long the list is. Or the page's number. */
static const struct range {
    const char *from;
    const char *size; /* NULL: 1, as total is the number of pages */
    const char *total;
    enum { RANGE_ITEMS, RANGE_ITEMS_FROM_1, RANGE_PAGES } kind; /* what `from` counts */
} ranges[] = {
    {"/startAt", "/maxResults", "/total", RANGE_ITEMS}, /* Jira */
    {"/offset", "/limit", "/total_count", RANGE_ITEMS}, /* Box */
    {"/offset", "/limit", "/total", RANGE_ITEMS},
    {"/skip", "/limit", "/total", RANGE_ITEMS},                            /* Contentful */
    {"/start", "/limit", "/total", RANGE_ITEMS},                           /* Auth0 */
    {"/paging/start", "/paging/count", "/paging/total", RANGE_ITEMS},      /* LinkedIn */
    {"/page/number", NULL, "/page/totalPages", RANGE_ITEMS},               /* Spring, from 0 */
    {"/startIndex", "/itemsPerPage", "/totalResults", RANGE_ITEMS_FROM_1}, /* SCIM (RFC 7644) */
    {"/Page", "/PerPage", "/TotalCount", RANGE_PAGES},                     /* Xero, of files */
    {"/pagination/page", NULL, "/pagination/pageCount", RANGE_PAGES},      /* and elsewhere */
    {"/page_number", NULL, "/page_count", RANGE_PAGES},                    /* Zoom */
    {"/paging/page", NULL, "/paging/pages", RANGE_PAGES},                  /* Slack */
    {"/result_info/page", NULL, "/result_info/total_pages", RANGE_PAGES},  /* Cloudflare */
    {"/meta/pagination/page", NULL, "/meta/pagination/pageCount", RANGE_PAGES}, /* Strapi */
    {"/meta/current_page", NULL, "/meta/total_pages", RANGE_PAGES},
    {"/pagination/page", NULL, "/pagination/total_pages", RANGE_PAGES},
    {"/page", NULL, "/pages", RANGE_PAGES},
    {"/page", NULL, "/total_pages", RANGE_PAGES},
    {"/page", NULL, "/totalPages", RANGE_PAGES},
};

/* Null, false, 0 and what is empty: services write so that nothing follows. */
static bool is_nothing(const struct json *value)
{
    return value == NULL || value->type == JSON_NULL ||
           (value->type == JSON_BOOL && !value->boolean) ||
           (value->type == JSON_INT && value->integer == 0) ||
           (value->type == JSON_STRING && (value->len == 0 || strcmp(value->text, "0") == 0)) ||
           ((value->type == JSON_ARRAY_BEGIN || value->type == JSON_OBJECT_BEGIN) &&
            value->child == NULL);
}

/* Whether it leads on. */
static bool leads(const struct sign *sign, const struct json *value, bool beside)
{
    if (sign->kind == SIGN_LAST || (sign->kind == SIGN_BESIDE && !beside))
        return false;
    if (sign->kind == SIGN_CURSOR && json_string(value) != NULL)
        return value->text[strspn(value->text, "0123456789")] != '\0';
    return sign->kind != SIGN_CURSOR && !is_nothing(value);
}

/* Some list their links. */
static const struct list_of_links {
    const char *at;
    const char *rel;
    const char *url;
} lists_of_links[] = {
    {"/links", "rel", "href"},        /* PayPal */
    {"/paging/links", "rel", "href"}, /* LinkedIn */
    {"/link", "relation", "url"},     /* FHIR */
};

static const char *find_link(const struct json *root, const struct json **url)
{
    for (size_t i = 0; i < sizeof lists_of_links / sizeof lists_of_links[0]; i++) {
        const struct list_of_links *list = &lists_of_links[i];
        const struct json *links = json_pointer_get(root, list->at);
        const struct json *link =
            links != NULL && links->type == JSON_ARRAY_BEGIN ? links->child : NULL;
        for (; link != NULL; link = link->next) {
            const char *rel = json_string(json_get(link, list->rel));
            *url = json_get(link, list->url);
            if (rel != NULL && strcmp(rel, "next") == 0 && !is_nothing(*url))
                return list->at;
        }
    }
    *url = NULL;
    return NULL;
}

/* What says whether it goes on, and *more, what it says; NULL: nothing does. */
static const char *find_word(const struct json *root, bool *more)
{
    for (size_t i = 0; i < SIGNS; i++) {
        bool tells = signs[i].kind == SIGN_MORE || signs[i].kind == SIGN_LAST;
        const struct json *value = tells ? json_pointer_get(root, signs[i].at) : NULL;
        if (value != NULL && value->type == JSON_BOOL) {
            *more = value->boolean == (signs[i].kind == SIGN_MORE);
            return signs[i].at;
        }
    }
    return NULL;
}

static bool is_count(const struct json *value)
{
    return value != NULL && value->type == JSON_INT && value->integer >= 0;
}

/* Whether more than the page can hold is behind its beginning. What it holds is no measure, as
 * some leave out what may not be seen. */
static bool is_cut(const struct json *root, const struct range *range)
{
    const struct json *from = json_pointer_get(root, range->from),
                      *size = range->size != NULL ? json_pointer_get(root, range->size) : NULL,
                      *total = json_pointer_get(root, range->total);
    int64_t page = 1, end;
    if (!is_count(from) || !is_count(total) || (range->size != NULL && !is_count(size)))
        return false;
    if (size != NULL)
        page = size->integer;
    if (range->kind == RANGE_PAGES) { /* 0 is the first one of a service that counts from 0 */
        int64_t number = from->integer > 0 ? from->integer : 1;
        return !__builtin_mul_overflow(number, page, &end) && page > 0 && total->integer > end;
    }
    int64_t first = range->kind == RANGE_ITEMS_FROM_1 ? 1 : 0;
    return page > 0 && total->integer - page > from->integer - first;
}

const char *api_signs_find(const struct json *root, bool beside, const struct json **value)
{
    bool more = true;
    *value = NULL;
    if (root == NULL || root->type != JSON_OBJECT_BEGIN)
        return NULL;
    /* On the last page some still have a cursor, or a URL of one that is empty. */
    const char *word = find_word(root, &more);
    const char *link = more ? find_link(root, value) : NULL;
    if (link != NULL)
        return link;
    for (size_t i = 0; i < SIGNS && more; i++) {
        *value = json_pointer_get(root, signs[i].at);
        if (leads(&signs[i], *value, beside))
            return signs[i].at;
    }
    *value = NULL;
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0] && more; i++) {
        if (is_cut(root, &ranges[i]))
            return ranges[i].total;
    }
    return more ? word : NULL;
}
