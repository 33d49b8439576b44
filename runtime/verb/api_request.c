#include "api_request.h"

#include "json.h"
#include "mem.h"
#include "url.h"
#include "utf8.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* --- pairs --- */

static struct api_pair *pairs_find(const struct api_pairs *pairs, const char *name)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (strcasecmp(pairs->items[i].name, name) == 0)
            return &pairs->items[i];
    }
    return NULL;
}

/* Takes both strings. */
static void pairs_add(struct api_pairs *pairs, char *name, char *value)
{
    pairs->items = mem_realloc(pairs->items, (pairs->count + 1) * sizeof *pairs->items);
    pairs->items[pairs->count++] = (struct api_pair){.name = name, .value = value};
}

static void pairs_set(struct api_pairs *pairs, const char *name, char *value)
{
    struct api_pair *pair = pairs_find(pairs, name);
    if (pair == NULL) {
        pairs_add(pairs, mem_strdup(name), value);
        return;
    }
    mem_free(pair->value);
    pair->value = value;
}

static void pairs_destroy(struct api_pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        mem_free(pairs->items[i].name);
        mem_free(pairs->items[i].value);
    }
    mem_free(pairs->items);
    *pairs = (struct api_pairs){0};
}

/* --- the command line --- */

static int set_method(struct api_request *request, const struct api_words *words, struct err *err)
{
    bool body = words->texts.count > 0 || words->values.count > 0 || words->input != NULL;
    const char *method = words->method;
    if (method == NULL)
        method = body ? "POST" : "GET";
    request->method = mem_strdup(method);
    for (char *c = request->method; *c != '\0'; c++) {
        if (!isalpha((unsigned char)*c))
            return err_set(
                err, ERR_USAGE,
                "'%s' is not a method; expected GET, POST, PUT, DELETE …, before the path", method);
        *c = (char)toupper((unsigned char)*c);
    }
    return 0;
}

static int set_path(struct api_request *request, const char *path, struct err *err)
{
    size_t len = strcspn(path, "?");
    request->path = mem_strndup(path, len);
    if (len == 0)
        return err_set(err, ERR_USAGE,
                       "the path is empty; expected one below the endpoint, such "
                       "as 'groups', or an absolute URL");
    const char *rest = path[len] == '?' ? path + len + 1 : path + len;
    while (*rest != '\0') {
        size_t piece = strcspn(rest, "&");
        size_t name = strcspn(rest, "=&");
        char *value = name < piece ? mem_strndup(rest + name + 1, piece - name - 1) : NULL;
        if (piece > 0)
            pairs_add(&request->query, mem_strndup(rest, name), value);
        rest += piece + (rest[piece] == '&');
    }
    return 0;
}

int api_request_set_target(struct api_request *request, const char *target, struct err *err)
{
    mem_free(request->path);
    pairs_destroy(&request->query);
    return set_path(request, target, err);
}

/* The text of a JSON scalar as a query would have it; of anything else, the JSON. */
static char *value_as_text(const char *json)
{
    struct err ignored;
    struct json *root = json_parse(json, strlen(json), NULL, &ignored);
    const char *text = root != NULL ? json_string(root) : NULL;
    char *copy = mem_strdup(text != NULL ? text : json);
    json_free(root);
    return copy;
}

static char *text_as_json(const char *text)
{
    struct buf out;
    buf_create(&out, API_TEXT_MAX);
    char *json = json_write_string(&out, text, strlen(text)) == 0 ? buf_take(&out) : NULL;
    buf_destroy(&out);
    return json;
}

/* One -f or -F. Takes nothing. */
static int add_field(struct api_request *request, const char *field, bool is_json, bool to_query,
                     struct err *err)
{
    const char *option = is_json ? "-F" : "-f";
    const char *equals = strchr(field, '=');
    if (equals == NULL || equals == field)
        return err_set(err, ERR_USAGE, "%s %s: expected key=%s", option, field,
                       is_json ? "json" : "value");
    if (!json_utf8_valid(field, (size_t)(equals - field)))
        return err_set(err, ERR_USAGE, "%s: the name of a field is not UTF-8", option);
    char *name = mem_strndup(field, (size_t)(equals - field));
    const char *value = equals + 1;
    int status = -1;
    if (pairs_find(&request->fields, name) != NULL) {
        err_set(err, ERR_USAGE, "%s %s: the field '%s' is given twice", option, field, name);
        goto cleanup;
    }
    if (is_json) {
        struct json *root = json_parse(value, strlen(value), NULL, err);
        if (root == NULL) {
            err_set(err, ERR_USAGE,
                    "-F %s: %s; in JSON a text has double quotes, as in "
                    "-F '%s=[\"+33100000001\"]'; for plain text use -f",
                    name, err->msg, name);
            goto cleanup;
        }
        json_free(root);
    }
    char *json = is_json ? mem_strdup(value) : text_as_json(value);
    if (json == NULL) {
        err_set(err, ERR_USAGE, "-f %s: the value is not UTF-8", name);
        goto cleanup;
    }
    if (to_query) {
        char *text = is_json ? value_as_text(value) : mem_strdup(value);
        api_request_set_query(request, name, text);
        mem_free(text);
        mem_free(json);
    } else {
        pairs_add(&request->fields, mem_strdup(name), json);
    }
    status = 0;

cleanup:
    mem_free(name);
    return status;
}

static int read_input(struct api_request *request, const char *path, struct err *err)
{
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    int result = fd < 0 ? -1 : buf_read_fd(&request->input, fd);
    if (result != 0)
        err_set(err, ERR_CONFIG, "--input %s: cannot be read: %s", path, strerror(errno));
    if (fd >= 0 && !standard)
        close(fd);
    request->has_input = true;
    buf_drop(&request->input, utf8_mark(request->input.data, request->input.len));
    return result;
}

int api_request_create(struct api_request *request, const struct api_words *words, struct err *err)
{
    *request = (struct api_request){0};
    buf_create(&request->input, API_BODY_MAX);
    if (set_method(request, words, err) != 0 || set_path(request, words->path, err) != 0)
        return -1;
    bool to_query = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
    bool fields = words->texts.count > 0 || words->values.count > 0;
    if (words->input != NULL && to_query)
        return err_set(err, ERR_USAGE, "--input: a %s request has no body", request->method);
    if (words->input != NULL && fields)
        return err_set(err, ERR_USAGE,
                       "--input and fields (-f, -F) both give the body; use one of them");
    for (size_t i = 0; i < words->texts.count; i++) {
        if (add_field(request, words->texts.items[i], false, to_query, err) != 0)
            return -1;
    }
    for (size_t i = 0; i < words->values.count; i++) {
        if (add_field(request, words->values.items[i], true, to_query, err) != 0)
            return -1;
    }
    return words->input != NULL ? read_input(request, words->input, err) : 0;
}

void api_request_destroy(struct api_request *request)
{
    mem_free(request->method);
    mem_free(request->path);
    pairs_destroy(&request->query);
    pairs_destroy(&request->fields);
    buf_destroy(&request->input);
}

/* --- query and body --- */

void api_request_set_query(struct api_request *request, const char *name, const char *value)
{
    char *encoded = url_encode(name, strlen(name));
    pairs_set(&request->query, encoded, url_encode(value, strlen(value)));
    mem_free(encoded);
}

/* The members of an --input that is an object become fields, so that one can be set. */
static int input_to_fields(struct api_request *request, struct err *err)
{
    struct json *root = json_parse(request->input.data, request->input.len, NULL, err);
    if (root == NULL || root->type != JSON_OBJECT_BEGIN) {
        json_free(root);
        return err_set(err, ERR_USAGE, "--input with --paginate: expected a JSON object");
    }
    for (const struct json *member = root->child; member != NULL; member = member->next) {
        struct buf value;
        buf_create(&value, API_TEXT_MAX);
        json_write(&value, member);
        pairs_set(&request->fields, member->key, buf_take(&value));
    }
    json_free(root);
    request->has_input = false;
    return 0;
}

int api_request_set_field(struct api_request *request, const char *name, const char *value,
                          struct err *err)
{
    if (request->has_input && input_to_fields(request, err) != 0)
        return -1;
    pairs_set(&request->fields, name, mem_strdup(value));
    return 0;
}

const char *api_request_query_value(const struct api_request *request, const char *name)
{
    const struct api_pair *pair = pairs_find(&request->query, name);
    return pair != NULL ? pair->value : NULL;
}

char *api_request_query(const struct api_request *request)
{
    if (request->query.count == 0)
        return NULL;
    struct buf out;
    buf_create(&out, API_TEXT_MAX);
    for (size_t i = 0; i < request->query.count; i++) {
        const struct api_pair *pair = &request->query.items[i];
        buf_printf(&out, "%s%s", i > 0 ? "&" : "", pair->name);
        if (pair->value != NULL)
            buf_printf(&out, "=%s", pair->value);
    }
    return buf_take(&out);
}

bool api_request_body(const struct api_request *request, struct buf *out)
{
    if (request->has_input) {
        buf_append(out, request->input.data, request->input.len);
        return true;
    }
    if (request->fields.count == 0)
        return false;
    for (size_t i = 0; i < request->fields.count; i++) {
        const struct api_pair *pair = &request->fields.items[i];
        buf_putc(out, i == 0 ? '{' : ',');
        json_write_string(out, pair->name, strlen(pair->name));
        buf_putc(out, ':');
        buf_puts(out, pair->value);
    }
    buf_putc(out, '}');
    return true;
}
