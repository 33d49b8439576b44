#include "clock.h"
#include "http_method.h"
#include "http_transfer.h"
#include "mem.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Longest wait while a transfer runs and libcurl names no time of its own. */
#define IDLE_POLL_MS 1000
/* How often a transfer with files is looked at, in parts of its timeout, and at least. libcurl's
 * own limit of speed goes by an average of some seconds. */
#define LOOKS       4
#define LOOK_MAX_MS 500
/* Kept-alive connections older than this are not used again: fewer meet one the server closed. */
#define IDLE_S 60L
/* Likewise where one may have been made ahead. The server's first frame lies in it unread: libcurl
 * does not see that it was closed, as some servers do if no request has come for 5 or 10 s. */
#define IDLE_AHEAD_S 3L
/* Likewise for what is not sent again where the server has closed it: servers do so after 5 s, or
 * 60, and scripts that wait as long between two requests would meet it each time. libcurl counts
 * whole seconds, so that less than two have passed. */
#define IDLE_ONCE_S 1L

struct list {
    struct http_transfer *first, *last;
    size_t count;
};

struct http {
    struct loop *loop;
    struct log *log;
    const struct curl_api *api; /* NULL until the first request */
    CURLM *multi;
    CURLSH *share; /* TLS sessions: else each handle would have its own */
    /* With the share, for the next transfers: to make one costs as much as a small request. */
    struct {
        CURL *easy;
        bool plain; /* has the options of a plain transfer; else none */
    } kept[HTTP_CONCURRENT_MAX];
    size_t nkept;
    struct http_transfer *spare; /* freed ones, by next: malloc tidies up for each block so large */
    size_t nspare;
    struct http_trust system;
    struct loop_hook hook; /* in the loop while a transfer is anywhere */
    bool hooked;
    bool at_once; /* http_send_at_once */
    struct http_memory memory;
    int64_t look_ms;  /* clock_mono_ms: when one that runs may have taken too long */
    int64_t ahead_ms; /* likewise: until then one that was made ahead may be kept */
    struct list queued, running, finished;
    struct curl_waitfd *waits; /* of the poll function */
    size_t waits_cap;
};

static struct list *list_of(struct http *http, enum http_state state)
{
    switch (state) {
    case HTTP_QUEUED:
        return &http->queued;
    case HTTP_RUNNING:
        return &http->running;
    case HTTP_FINISHED:
        return &http->finished;
    default:
        return NULL;
    }
}

static void list_remove(struct list *list, struct http_transfer *transfer)
{
    *(transfer->prev != NULL ? &transfer->prev->next : &list->first) = transfer->next;
    *(transfer->next != NULL ? &transfer->next->prev : &list->last) = transfer->prev;
    list->count--;
}

static void list_append(struct list *list, struct http_transfer *transfer)
{
    transfer->prev = list->last;
    transfer->next = NULL;
    *(list->last != NULL ? &list->last->next : &list->first) = transfer;
    list->last = transfer;
    list->count++;
}

static void set_state(struct http_transfer *transfer, enum http_state state)
{
    struct list *from = list_of(transfer->http, transfer->state);
    struct list *to = list_of(transfer->http, state);
    if (from != NULL)
        list_remove(from, transfer);
    transfer->state = state;
    if (to != NULL)
        list_append(to, transfer);
}

/* Gives the transfer a handle. Returns whether that has the options of a plain transfer already,
 * which this is, too. */
static bool open_easy(struct http *http, struct http_transfer *transfer)
{
    transfer->plain = http_options_are_plain(transfer);
    if (http->nkept > 0) {
        bool plain = http->kept[--http->nkept].plain;
        transfer->easy = http->kept[http->nkept].easy;
        if (plain && !transfer->plain)
            http->api->easy_reset(transfer->easy);
        return plain && transfer->plain;
    }
    transfer->easy = http->api->easy_init();
    if (transfer->easy == NULL ||
        http->api->easy_setopt(transfer->easy, CURLOPT_SHARE, http->share) != CURLE_OK)
        abort(); /* out of memory */
    return false;
}

/* `whole`: the transfer has done what it was to do, in one attempt. */
static void keep_easy(struct http *http, struct http_transfer *transfer, bool whole)
{
    bool plain = transfer->plain && whole;
    if (http->nkept == HTTP_CONCURRENT_MAX) {
        http->api->easy_cleanup(transfer->easy);
        return;
    }
    if (plain)
        http_options_forget(transfer);
    else
        http->api->easy_reset(transfer->easy);
    http->kept[http->nkept].easy = transfer->easy;
    http->kept[http->nkept++].plain = plain;
}

static void close_easy(struct http *http, struct http_transfer *transfer, bool whole)
{
    if (transfer->easy == NULL)
        return;
    http->api->multi_remove_handle(http->multi, transfer->easy); /* fine if it never was in */
    keep_easy(http, transfer, whole);
    transfer->easy = NULL;
    if (transfer->mime != NULL)
        http->api->mime_free(transfer->mime);
    transfer->mime = NULL;
}

static struct http_transfer *transfer_new(struct http *http)
{
    struct http_transfer *transfer = http->spare;
    if (transfer == NULL) {
        transfer = mem_alloc(sizeof *transfer);
    } else {
        http->spare = transfer->next;
        http->nspare--;
        memset(transfer, 0, sizeof *transfer);
    }
    transfer->http = http;
    transfer->memory = &http->memory;
    return transfer;
}

static void transfer_free(struct http_transfer *transfer)
{
    struct http *http = transfer->http;
    close_easy(http, transfer, false);
    http_decode_free(transfer);
    http_headers_free(transfer);
    http_files_free(transfer);
    http_request_free(transfer->request);
    mem_free(transfer->address);
    url_destroy(&transfer->url);
    http_response_clear(&transfer->result.response);
    http->memory.used -= transfer->memory_used;
    if (http->nspare == HTTP_CONCURRENT_MAX || mem_is_watched()) {
        mem_free(transfer);
        return;
    }
    transfer->next = http->spare;
    http->spare = transfer;
    http->nspare++;
}

static void finish(struct http_transfer *transfer, CURLcode code)
{
    struct http *http = transfer->http;
    long status = 0;
    transfer->ended_ms = clock_mono_ms();
    /* A connection that is closed within the header is a complete reply to libcurl. */
    bool bare = transfer->request->connect_only || transfer->request->ahead;
    if (transfer->request->ahead && code == CURLE_ABORTED_BY_CALLBACK &&
        !transfer->refused_address) {
        code = CURLE_OK; /* by on_send: the connection is up */
        http->ahead_ms = transfer->ended_ms + IDLE_S * 1000;
    } else if (transfer->fault == HTTP_FAULT_BODY_CUT ||
               (transfer->request->any_body && transfer->headers_done)) {
        transfer->fault = HTTP_FAULT_NONE;
        code = CURLE_OK;
    } else if (code == CURLE_OK && !transfer->headers_done && !bare) {
        transfer->fault = HTTP_FAULT_HEADER_CUT;
    } else if (code == CURLE_OK && !bare) {
        transfer->fault = http_check_length(transfer);
        if (transfer->fault == HTTP_FAULT_NONE && !http_decode_is_whole(transfer))
            transfer->fault = HTTP_FAULT_CODING_CUT;
    }
    if (code == CURLE_OK && transfer->fault == HTTP_FAULT_NONE) {
        http->api->easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
        transfer->result.response.status = (int)status;
        if (http_save_done(transfer) != 0)
            http_response_clear(&transfer->result.response);
    } else {
        http_explain(transfer, code);
        http_response_clear(&transfer->result.response);
    }
    close_easy(http, transfer, code == CURLE_OK && transfer->sends == 1);
    http_files_close(transfer);
    set_state(transfer, HTTP_FINISHED);
}

static int64_t bytes_moved(const struct http_transfer *transfer)
{
    curl_off_t up = 0, down = 0;
    long headers = 0;
    transfer->api->easy_getinfo(transfer->easy, CURLINFO_SIZE_UPLOAD_T, &up);
    transfer->api->easy_getinfo(transfer->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
    transfer->api->easy_getinfo(transfer->easy, CURLINFO_HEADER_SIZE, &headers);
    return up + down + headers;
}

/* When it has taken too long, or, with files, is to be looked at again. */
static int64_t look_at(struct http_transfer *transfer, int64_t now_ms)
{
    if (!http_has_files(transfer))
        return transfer->started_ms + transfer->timeout_ms;
    int64_t moved = bytes_moved(transfer), part_ms = transfer->timeout_ms / LOOKS + 1;
    if (moved != transfer->moved || transfer->moved_ms == 0) {
        transfer->moved = moved;
        transfer->moved_ms = now_ms;
    } else if (now_ms - transfer->moved_ms >= transfer->timeout_ms) {
        return now_ms;
    }
    return now_ms + (part_ms < LOOK_MAX_MS ? part_ms : LOOK_MAX_MS);
}

static void plan_look(struct http_transfer *transfer, int64_t now_ms)
{
    struct http *http = transfer->http;
    transfer->look_ms = look_at(transfer, now_ms);
    if (transfer->look_ms < http->look_ms)
        http->look_ms = transfer->look_ms;
}

/*
 * Ends those that take too long. Not libcurl does, as it looks at its clock before it reads: where
 * this process had stood still for so long, or a script had computed, a reply that has come
 * meanwhile would be thrown away. It is read by now.
 */
static void look_at_running(struct http *http)
{
    int64_t now_ms = clock_mono_ms();
    if (now_ms < http->look_ms)
        return;
    http->look_ms = INT64_MAX;
    for (struct http_transfer *transfer = http->running.first, *next; transfer != NULL;
         transfer = next) {
        next = transfer->next;
        if (transfer->look_ms <= now_ms)
            transfer->look_ms = look_at(transfer, now_ms);
        if (transfer->look_ms <= now_ms)
            finish(transfer, CURLE_OPERATION_TIMEDOUT);
        else if (transfer->look_ms < http->look_ms)
            http->look_ms = transfer->look_ms;
    }
}

/* For how long the kept connection that it takes may have been idle. */
static long idle_s(const struct http *http, const struct http_transfer *transfer)
{
    if (!http_method_is_repeatable(transfer->request->method))
        return IDLE_ONCE_S;
    return transfer->started_ms < http->ahead_ms ? IDLE_AHEAD_S : IDLE_S;
}

/* Starts queued transfers up to the limit of concurrent ones. */
static void launch(struct http *http)
{
    while (http->queued.first != NULL && http->running.count < HTTP_CONCURRENT_MAX) {
        struct http_transfer *transfer = http->queued.first;
        transfer->started_ms = clock_mono_ms();
        transfer->idle_s = idle_s(http, transfer);
        set_state(transfer, HTTP_RUNNING);
        bool kept = open_easy(http, transfer);
        if (http_options_set(transfer, &http->system, kept) != 0) {
            transfer->ended_ms = transfer->started_ms;
            set_state(transfer, HTTP_FINISHED);
            continue;
        }
        http_trace_request(http->log, transfer);
        CURLMcode code = http->api->multi_add_handle(http->multi, transfer->easy);
        if (code != CURLM_OK)
            abort(); /* out of memory, or a handle used twice */
        plan_look(transfer, transfer->started_ms);
    }
}

static void deliver(struct http *http)
{
    while (http->finished.first != NULL) {
        struct http_transfer *transfer = http->finished.first;
        set_state(transfer, HTTP_DELIVERING);
        http_trace_result(http->log, transfer);
        struct http_traced *traced = http_trace_keep(http->log, transfer);
        transfer->done(transfer->arg, &transfer->result);
        http_trace_reply(http->log, traced);
        transfer_free(transfer);
    }
}

static bool is_idle(const struct http *http)
{
    return http->queued.count + http->running.count + http->finished.count == 0;
}

static int64_t before_poll(void *arg)
{
    struct http *http = arg;
    launch(http);
    if (http->finished.count > 0)
        return 0;
    long timeout = -1;
    http->api->multi_timeout(http->multi, &timeout);
    int64_t wait_ms = http->look_ms - clock_mono_ms();
    if (wait_ms > IDLE_POLL_MS)
        wait_ms = IDLE_POLL_MS;
    if (timeout >= 0 && timeout < wait_ms)
        wait_ms = timeout;
    return wait_ms > 0 ? wait_ms : 0;
}

static void hook_remove(struct http *http)
{
    if (!http->hooked)
        return;
    loop_hook_remove(http->loop, &http->hook);
    loop_set_poll(http->loop, NULL, NULL);
    loop_awaits(http->loop, LOOP_REPLY, -1);
    http->hooked = false;
}

static void after_poll(void *arg)
{
    struct http *http = arg;
    int running = 0, left = 0;
    if (http->at_once)
        launch(http);
    http->api->multi_perform(http->multi, &running);
    for (CURLMsg *message; (message = http->api->multi_info_read(http->multi, &left)) != NULL;) {
        struct http_transfer *transfer = NULL;
        CURLcode code = message->data.result;
        http->api->easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        finish(transfer, code);
    }
    look_at_running(http);
    deliver(http);
    if (is_idle(http))
        hook_remove(http);
}

/*
 * curl_multi_poll waits for libcurl's sockets and ours, but reports no hang-up on ours: we poll
 * ours once more, without waiting. Where nothing is waited for, after_poll looks at libcurl's.
 */
static int poll_all(void *arg, struct pollfd *fds, size_t nfds, int timeout_ms)
{
    struct http *http = arg;
    if (timeout_ms == 0)
        return nfds > 0 ? poll(fds, nfds, 0) : 0;
    if (nfds > http->waits_cap) {
        http->waits = mem_realloc(http->waits, nfds * sizeof *http->waits);
        http->waits_cap = nfds;
    }
    for (size_t i = 0; i < nfds; i++) {
        short events = 0;
        events |= (fds[i].events & POLLIN) != 0 ? CURL_WAIT_POLLIN : 0;
        events |= (fds[i].events & POLLOUT) != 0 ? CURL_WAIT_POLLOUT : 0;
        http->waits[i] = (struct curl_waitfd){.fd = fds[i].fd, .events = events};
    }
    int happened = 0;
    http->api->multi_poll(http->multi, http->waits, (unsigned)nfds,
                          timeout_ms >= 0 ? timeout_ms : IDLE_POLL_MS, &happened);
    return nfds > 0 ? poll(fds, nfds, 0) : 0;
}

struct http *http_new(struct loop *loop, struct log *log)
{
    struct http *http = mem_alloc(sizeof *http);
    http->loop = loop;
    http->log = log;
    http->look_ms = INT64_MAX;
    http->hook = (struct loop_hook){.before = before_poll, .after = after_poll, .arg = http};
    return http;
}

void http_send_at_once(struct http *http)
{
    http->at_once = true;
}

void http_limit_memory(struct http *http, size_t bytes)
{
    http->memory.limit = bytes;
}

static int load(struct http *http, struct err *err)
{
    if (http->api != NULL)
        return 0;
    const struct curl_api *api = curl_api(err);
    if (api == NULL)
        return -1;
    http->multi = api->multi_init();
    http->share = api->share_init();
    if (http->multi == NULL || http->share == NULL ||
        api->share_setopt(http->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) != CURLSHE_OK)
        abort(); /* out of memory */
    api->multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)HTTP_CONCURRENT_MAX);
    http->system = http_trust_system();
    http->api = api;
    return 0;
}

void http_free(struct http *http)
{
    if (http == NULL)
        return;
    hook_remove(http);
    struct list *lists[] = {&http->queued, &http->running, &http->finished};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        while (lists[i]->first != NULL)
            http_cancel(lists[i]->first);
    if (http->multi != NULL) {
        while (http->nkept > 0)
            http->api->easy_cleanup(http->kept[--http->nkept].easy);
        http->api->multi_cleanup(http->multi);
        http->api->share_cleanup(http->share); /* no handle uses it any more */
    }
    for (struct http_transfer *transfer = http->spare, *next; transfer != NULL; transfer = next) {
        next = transfer->next;
        mem_free(transfer);
    }
    mem_free(http->waits);
    mem_free(http);
}

static int take_url(struct http_transfer *transfer, const struct http_request *request,
                    struct err *err)
{
    if (request->place == NULL || request->place->parsed == NULL) /* it has got a query since */
        return url_parse(request->url, &transfer->url, err);
    url_copy(&transfer->url, request->place);
    transfer->url.parsed = request->place->parsed;
    request->place->parsed = NULL;
    return 0;
}

static int copy_request(struct http_transfer *transfer, const struct http_request *request,
                        struct err *err)
{
    if (http_method_check(request, err) != 0 || take_url(transfer, request, err) != 0 ||
        http_proxy_check(&transfer->url, err) != 0 ||
        http_trust_check(&transfer->url, request->ca_file, &transfer->http->system, err) != 0 ||
        http_headers_copy(transfer, request, err) != 0)
        return -1;
    struct http_request bare = *request; /* the headers are in libcurl's list */
    bare.headers = NULL;
    bare.nheaders = 0;
    bare.place = NULL;
    transfer->request = http_request_copy(&bare);
    transfer->address = url_format(&transfer->url, true);
    transfer->timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : HTTP_TIMEOUT_MS;
    transfer->max_body = request->max_body > 0        ? request->max_body
                         : request->save_path != NULL ? HTTP_SAVE_MAX
                                                      : HTTP_BODY_MAX;
    return http_files_open(transfer, err);
}

struct http_transfer *http_start(struct http *http, const struct http_request *request,
                                 http_done_fn *done, void *arg, struct err *err)
{
    if (load(http, err) != 0)
        return NULL;
    struct http_transfer *transfer = transfer_new(http);
    transfer->api = http->api;
    transfer->done = done;
    transfer->arg = arg;
    transfer->state = HTTP_DELIVERING; /* in no list yet */
    buf_create_secret(&transfer->result.response.body, HTTP_BODY_MAX);
    if (copy_request(transfer, request, err) != 0) {
        transfer_free(transfer);
        return NULL;
    }
    if (transfer->max_body < HTTP_BODY_MAX)
        transfer->result.response.body.limit = transfer->max_body;
    set_state(transfer, HTTP_QUEUED);
    if (!http->hooked) {
        loop_hook_add(http->loop, &http->hook);
        loop_set_poll(http->loop, poll_all, http);
        loop_awaits(http->loop, LOOP_REPLY, 1);
        http->hooked = true;
    }
    return transfer;
}

static void ahead_done(void *arg, struct http_result *result)
{
    (void)arg, (void)result;
}

/* Whether one to the same server waits or runs: its connection will do. */
static bool goes_to(const struct list *list, const struct url *url)
{
    for (const struct http_transfer *at = list->first; at != NULL; at = at->next)
        if (at->url.port == url->port && strcmp(at->url.host, url->host) == 0)
            return true;
    return false;
}

bool http_ahead(struct http *http, const struct http_request *request)
{
    struct url url = {0};
    struct err ignored;
    struct http_request only = *request;
    only.method = "GET";
    only.ahead = true;
    bool started = url_parse(request->url, &url, &ignored) == 0 &&
                   strcmp(url.scheme, "https") == 0 &&
                   http->queued.count + http->running.count < HTTP_CONCURRENT_MAX &&
                   !goes_to(&http->queued, &url) && !goes_to(&http->running, &url) &&
                   http_start(http, &only, ahead_done, NULL, &ignored) != NULL;
    url_destroy(&url);
    return started;
}

void http_cancel(struct http_transfer *transfer)
{
    if (transfer == NULL || transfer->state == HTTP_DELIVERING)
        return; /* its done callback runs: freed when that returns */
    struct http *http = transfer->http;
    list_remove(list_of(http, transfer->state), transfer);
    transfer_free(transfer);
    if (is_idle(http))
        hook_remove(http);
}
