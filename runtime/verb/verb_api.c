/* jeton api: one authenticated call; prints the body. */
#include "verb.h"

#include "api_pages.h"
#include "api_request.h"
#include "api_show.h"
#include "config_load.h"
#include "engine.h"
#include "in_sandbox.h"
#include "json_pointer.h"
#include "link.h"
#include "mem.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#define HEAD_MAX (HTTP_HEADER_BYTES_MAX * 2)

struct api_options {
    const char *connector;
    struct api_words words;
    bool paginate;
    const char *list;
    bool include;
    bool silent;
    bool sandbox;
    const char *lua;
};

struct api {
    struct app *app;
    const struct api_options *options;
    const struct connector *connector;
    struct engine engine;
    struct buf head; /* --include: status and headers of the first reply */
    char *body;      /* of the latest reply; NULL when there was none */
    size_t len;
    char *url;  /* of the latest call */
    char *next; /* where its reply's Link says that a list goes on; NULL: nowhere */
    struct err err;
    bool done;
};

/* Before each try: a Link may be relative to where it came from. */
static int asked(void *arg, const struct url *url, const char *text, struct err *err)
{
    struct api *api = arg;
    (void)url;
    (void)err;
    mem_free(api->url);
    api->url = mem_strdup(text);
    return 0;
}

static void replied(void *arg, struct http_response *response, const struct err *err)
{
    struct api *api = arg;
    api->done = true;
    if (err != NULL)
        api->err = *err;
    if (response == NULL)
        return;
    if (api->options->include && api->head.len == 0) {
        buf_printf(&api->head, "HTTP %d\n", response->status);
        for (size_t i = 0; i < response->nheaders; i++)
            buf_printf(&api->head, "%s: %s\n", response->headers[i].name,
                       response->headers[i].value);
        buf_putc(&api->head, '\n');
    }
    for (size_t i = 0; i < response->nheaders && api->next == NULL; i++) {
        if (strcasecmp(response->headers[i].name, "Link") == 0)
            api->next = link_next(response->headers[i].value);
    }
    api->len = response->body.len;
    api->body = buf_take(&response->body);
}

/* One call to its end, into api->body. */
static int call(struct api *api, const struct api_request *request, struct err *err)
{
    struct http_header *headers =
        mem_alloc((request->nheaders + 1) * sizeof *headers); /* and one for the type */
    struct buf body;
    buf_create(&body, API_TEXT_MAX);
    char *query = api_request_query(request);
    if (request->nheaders > 0)
        memcpy(headers, request->headers, request->nheaders * sizeof *headers);
    struct client_request call = {
        .http = {.method = request->method,
                 .max_body = API_BODY_MAX,
                 .headers = headers,
                 .nheaders = request->nheaders},
        .path = request->path,
        .query = query,
        .check = asked,
        .check_arg = api,
    };
    if (api_request_body(request, &body)) {
        call.http.has_body = true;
        call.http.body = body.data;
        call.http.body_len = body.len;
    }
    if (call.http.has_body && !api_request_has_header(request, "Content-Type"))
        headers[call.http.nheaders++] =
            (struct http_header){"Content-Type", "application/json; charset=utf-8"};
    mem_free(api->body);
    mem_free(api->next);
    api->body = api->next = NULL;
    api->done = false;
    err_clear(&api->err);
    client_start(api->engine.client, api->connector, &call, replied, api);
    int waited = app_wait(&api->engine, &api->done, err);
    mem_free(query);
    mem_free(headers);
    buf_destroy(&body);
    if (waited != 0)
        return err_wrap(err, "%s %s", request->method, request->path);
    if (api->err.kind == ERR_NONE)
        return 0;
    *err = api->err;
    return -1;
}

/* `ok`: the service has not refused; else the body is shown as it came. The exit status, or -1. */
static int print_reply(struct api *api, bool ok, struct err *err)
{
    const struct api_options *options = api->options;
    if (api->head.len > 0 && app_print(api->app, api->head.data, api->head.len, err) != 0)
        return -1;
    if (options->lua != NULL && ok)
        return api_show_lua(api->app, &api->engine, api->connector, options->lua, api->body,
                            api->len, err);
    if (options->silent)
        return 0;
    return api_show_body(api->app, api->body, api->len, err);
}

static int call_all_pages(struct api *api, struct api_pages *pages, struct api_request *request,
                          struct err *err)
{
    int more = 1;
    while (more > 0) {
        if (call(api, request, err) != 0)
            return -1;
        const struct api_page page = {api->body, api->len, api->url, api->next};
        more = api_pages_add(pages, &page, request, err);
    }
    if (more < 0)
        return -1;
    struct buf joined;
    buf_create(&joined, 2 * API_TEXT_MAX);
    int status = api_pages_write(pages, &joined, err);
    mem_free(api->body);
    api->len = joined.len;
    api->body = buf_take(&joined);
    return status;
}

/* The body is printed on an error too; the exit status is the error's. */
static int call_and_print(struct api *api, struct api_request *request, struct err *err)
{
    struct api_pages pages;
    int status;
    if (api->options->paginate &&
        api_pages_create(&pages, provider_of(api->connector), request, api->options->list)) {
        status = call_all_pages(api, &pages, request, err);
        api_pages_destroy(&pages);
    } else {
        status = call(api, request, err);
    }
    if (api->body == NULL)
        return status;
    struct err print_err;
    int printed = print_reply(api, status == 0, &print_err);
    if (status == 0 && printed < 0)
        *err = print_err;
    return status == 0 ? printed : status;
}

/* -H: what carries the token is the connector's. */
static int check_headers(const struct api *api, const struct api_request *request, struct err *err)
{
    int status = client_check_headers(api->connector, request->headers, request->nheaders, err);
    if (status != 0) {
        err->kind = ERR_USAGE;
        err_wrap(err, "-H");
    }
    return status;
}

/* Whether --paginate and --list can do something for this call. */
static int check_pages(const struct api *api, const struct api_request *request, struct err *err)
{
    const struct api_options *options = api->options;
    bool links = provider_of(api->connector)->lists == NULL;
    if (options->list != NULL && !options->paginate)
        return err_set(err, ERR_USAGE, "--list needs --paginate");
    if (options->list != NULL && !links)
        return err_set(err, ERR_USAGE,
                       "--list: where the lists of connector '%s' are is known; leave it out",
                       api->connector->name);
    if (options->list != NULL && !json_pointer_is_valid(options->list))
        return err_set(err, ERR_USAGE, "--list: expected a JSON Pointer such as /items, not '%s'",
                       options->list);
    if (options->paginate && links && strcmp(request->method, "GET") != 0)
        return err_set(err, ERR_USAGE, "--paginate: links to pages are followed by GET, not by %s",
                       request->method);
    return 0;
}

static int run(struct app *app, const struct api_options *options, struct api_request *request,
               struct err *err)
{
    struct config *config = app_config(app, true, err);
    if (config == NULL)
        return -1;
    int status = -1;
    struct api api = {.app = app, .options = options};
    buf_create(&api.head, HEAD_MAX);
    engine_create(&api.engine, config, app->log, app->redact);
    engine_know_secrets(&api.engine); /* a reply may hold one, and a kept token needs none read */
    api.connector = config_connector(config, options->connector, err);
    if (api.connector != NULL && check_headers(&api, request, err) == 0 &&
        check_pages(&api, request, err) == 0 &&
        api_request_check_files(request, config, err) == 0 &&
        engine_need_store(&api.engine, err) == 0)
        status = call_and_print(&api, request, err);
    engine_destroy(&api.engine);
    config_free(config);
    buf_destroy(&api.head);
    mem_free(api.body);
    mem_free(api.url);
    mem_free(api.next);
    return status;
}

/* [METHOD] PATH */
static int take_operands(const struct opt_result *result, struct api_words *words, struct err *err)
{
    if (result->count == 2 && words->method != NULL)
        return err_set(err, ERR_USAGE, "-X %s and '%s' are both a method; use one of them",
                       words->method, result->operands[0]);
    static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"};
    if (result->count == 2)
        words->method = result->operands[0];
    words->path = result->operands[result->count - 1];
    for (size_t i = 0;
         i < sizeof methods / sizeof methods[0] && result->count == 1 && words->method == NULL;
         i++) {
        if (strcmp(words->path, methods[i]) == 0)
            return err_set(err, ERR_USAGE, "the path is missing: jeton api %s PATH", words->path);
    }
    return 0;
}

static int check_options(const struct api_options *options, struct err *err)
{
    if (options->sandbox && options->connector != NULL)
        return err_set(err, ERR_USAGE, "--sandbox brings its own connector: drop --connector");
    if (options->silent && options->lua != NULL)
        return err_set(err, ERR_USAGE, "--silent prints nothing of what --lua makes; drop one");
    return options->lua != NULL ? api_show_check(options->lua, err) : 0;
}

static int start(struct app *app, struct api_options *options, const struct opt_result *result,
                 int argc, char **argv, struct err *err)
{
    struct api_request request = {0};
    if (check_options(options, err) != 0 || take_operands(result, &options->words, err) != 0)
        return -1;
    if (options->sandbox)
        return in_sandbox_exec(app, argc, argv, 0, err);
    int status = api_request_create(&request, &options->words, err) == 0
                     ? run(app, options, &request, err)
                     : -1;
    api_request_destroy(&request);
    return status;
}

int verb_api(struct app *app, int argc, char **argv, struct err *err)
{
    struct api_options options = {0};
    const struct opt opts[] = {
        {'C', "connector", OPT_STRING, &options.connector, "CONNECTOR",
         "the connector; not needed if there is only one"},
        {'f', "field", OPT_STRINGS, &options.words.texts, "KEY=VALUE",
         "a field with a string value"},
        {'F', "json-field", OPT_STRINGS, &options.words.values, "KEY=JSON",
         "a field with a JSON value: 5, true, [\"+33100000001\"]; @FILE and @- (standard input): "
         "the text in there"},
        {'H', "header", OPT_STRINGS, &options.words.headers, "NAME:VALUE",
         "a header field; arguments are public, so no secrets here"},
        {'X', "method", OPT_STRING, &options.words.method, "METHOD", "as METHOD before PATH"},
        {0, "input", OPT_STRING, &options.words.input, "FILE",
         "the body, from a file, or - for standard input"},
        {0, "paginate", OPT_FLAG, &options.paginate, NULL,
         "get every page of a list, and print one document"},
        {0, "list", OPT_STRING, &options.list, "POINTER",
         "with --paginate: where the list is in a page, such as /items"},
        {0, "lua", OPT_STRING, &options.lua, "EXPR",
         "print what Lua makes of the reply, `it`, when all pages are joined: it.name, each(it, "
         "\"id\"). Texts as they are, iterators one a line, all else as JSON"},
        {'i', "include", OPT_FLAG, &options.include, NULL, "print the status and the headers too"},
        {0, "silent", OPT_FLAG, &options.silent, NULL, "print no body"},
        {0, "sandbox", OPT_FLAG, &options.sandbox, NULL,
         "call a local Kaizala that ends with the call"},
        {0, NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    const struct opt_spec spec = {
        .usage = "jeton api [OPTIONS] [METHOD] PATH",
        .description =
            "Calls PATH below the connector's endpoint (of Kaizala, 'groups' and '/v1/groups' are "
            "the same), or an absolute URL of an allowed host. METHOD defaults to POST with a "
            "body, otherwise to GET. Fields are sent as the JSON body, or with an explicit GET as "
            "the query. On a terminal JSON is laid out in lines, and what could steer it is shown "
            "as "
            "escapes.",
        .opts = opts,
        .min_operands = 1,
        .max_operands = 2,
        .operands = "METHOD PATH",
    };
    struct opt_result result = {0};
    int status = app_options(app, &spec, argc, argv, &result, err);
    if (status > 0)
        status = start(app, &options, &result, argc, argv, err);
    mem_free(options.words.texts.items);
    mem_free(options.words.values.items);
    mem_free(options.words.headers.items);
    mem_free(result.operands);
    return status;
}
