#include "api_request.h"

#include "connector.h"
#include "hook.h"
#include "http.h"
#include "json.h"
#include "mem.h"
#include "secret.h"
#include "url.h"
#include "utf8.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
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

/* For api_request_check_files. */
static void add_file(struct api_request *request, const char *shown, const char *path,
                     const struct stat *st)
{
    request->files = mem_realloc(request->files, (request->nfiles + 1) * sizeof *request->files);
    request->files[request->nfiles++] =
        (struct api_file){.shown = shown, .path = path, .device = st->st_dev, .inode = st->st_ino};
}

/* The text of -F key=@FILE; NULL with err. */
static char *read_field(struct api_request *request, const char *name, const char *path,
                        struct err *err)
{
    bool standard = strcmp(path, "-") == 0;
    struct stat st;
    struct buf text;
    buf_create(&text, API_BODY_MAX);
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 || buf_read_fd(&text, fd) != 0)
        err_set(err, ERR_CONFIG, "-F %s: %s cannot be read: %s", name,
                standard ? "standard input" : path, strerror(errno));
    else
        err_clear(err);
    if (fd >= 0 && !standard)
        close(fd);
    if (err->kind == ERR_NONE &&
        (memchr(text.data, '\0', text.len) != NULL || !json_utf8_valid(text.data, text.len)))
        err_set(err, ERR_USAGE, "-F %s: %s is no text in UTF-8", name,
                standard ? "standard input" : path);
    buf_drop(&text, utf8_mark(text.data, text.len));
    char *taken = err->kind == ERR_NONE ? buf_take(&text) : NULL;
    buf_destroy(&text);
    if (taken == NULL)
        return NULL;
    add_file(request, "-F @", path, &st);
    return taken;
}

/* The value of -F as JSON (mem_free); NULL with err. */
static char *read_value(struct api_request *request, const char *name, const char *value,
                        struct err *err)
{
    if (value[0] == '@') {
        char *text = read_field(request, name, value + 1, err);
        char *json = text != NULL ? text_as_json(text) : NULL;
        mem_free(text);
        return json;
    }
    struct json *root = json_parse(value, strlen(value), NULL, err);
    if (root == NULL) {
        err_set(err, ERR_USAGE,
                "-F %s: %s; in JSON a text has double quotes, as in "
                "-F '%s=[\"+33100000001\"]'; for plain text use -f",
                name, err->msg, name);
        return NULL;
    }
    json_free(root);
    return mem_strdup(value);
}

/* One -f or -F. Takes nothing. */
static int add_field(struct api_request *request, const char *field, bool is_json, bool to_query,
                     struct err *err)
{
    const char *option = is_json ? "-F" : "-f";
    const char *equals = strchr(field, '=');
    if (equals == NULL || equals == field)
        return err_set(err, ERR_USAGE, "%s %s: expected key=%s", option, field,
                       is_json ? "json or key=@FILE" : "value");
    if (!json_utf8_valid(field, (size_t)(equals - field)))
        return err_set(err, ERR_USAGE, "%s: the name of a field is not UTF-8", option);
    char *name = mem_strndup(field, (size_t)(equals - field));
    const char *value = equals + 1;
    int status = -1;
    if (pairs_find(&request->fields, name) != NULL) {
        err_set(err, ERR_USAGE, "%s %s: the field '%s' is given twice", option, field, name);
        goto cleanup;
    }
    char *json = is_json ? read_value(request, name, value, err) : text_as_json(value);
    if (json == NULL) {
        if (!is_json)
            err_set(err, ERR_USAGE, "-f %s: the value is not UTF-8", name);
        goto cleanup;
    }
    if (to_query) {
        char *text = is_json ? value_as_text(json) : mem_strdup(value);
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
    struct stat st;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    int result = fd < 0 || fstat(fd, &st) != 0 ? -1 : buf_read_fd(&request->input, fd);
    if (result != 0)
        err_set(err, ERR_CONFIG, "--input %s: cannot be read: %s", path, strerror(errno));
    else
        add_file(request, "--input ", path, &st);
    if (fd >= 0 && !standard)
        close(fd);
    request->has_input = true;
    buf_drop(&request->input, utf8_mark(request->input.data, request->input.len));
    return result;
}

/* Whose request it is, and where it ends. */
static bool is_ours(const char *name)
{
    return http_is_reserved(name) || strcasecmp(name, "Authorization") == 0 ||
           strcasecmp(name, "Host") == 0;
}

/* -H name:value */
static int add_header(struct api_request *request, const char *text, struct err *err)
{
    const char *colon = strchr(text, ':');
    char *name = colon != NULL ? mem_strndup(text, (size_t)(colon - text)) : NULL;
    const char *value = colon != NULL ? colon + 1 + strspn(colon + 1, " \t") : "";
    int status = 0;
    if (name == NULL || !field_is_token(name))
        status = err_set(err, ERR_USAGE, "-H: expected NAME:VALUE, such as 'Accept: text/csv'");
    else if (is_ours(name))
        status =
            err_set(err, ERR_USAGE, "-H %s: jeton sets this header itself; leave it out", name);
    else if (!field_is_value(value, strlen(value)) || !json_utf8_valid(value, strlen(value)))
        status =
            err_set(err, ERR_USAGE, "-H %s: its value holds a line break or is not UTF-8", name);
    if (status != 0) {
        mem_free(name);
        return -1;
    }
    request->headers =
        mem_realloc(request->headers, (request->nheaders + 1) * sizeof *request->headers);
    request->headers[request->nheaders++] = (struct http_header){name, value};
    return 0;
}

bool api_request_has_header(const struct api_request *request, const char *name)
{
    for (size_t i = 0; i < request->nheaders; i++) {
        if (strcasecmp(request->headers[i].name, name) == 0)
            return true;
    }
    return false;
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
    for (size_t i = 0; i < words->headers.count; i++) {
        if (add_header(request, words->headers.items[i], err) != 0)
            return -1;
    }
    return words->input != NULL ? read_input(request, words->input, err) : 0;
}

static int check_file(const struct api_file *file, const struct secret *secret, struct err *err)
{
    struct stat st;
    char *path = secret_path(secret);
    bool same = path != NULL && stat(path, &st) == 0 && st.st_dev == file->device &&
                st.st_ino == file->inode;
    mem_free(path);
    if (same)
        err_set(err, ERR_USAGE, "%s%s: this is the %s, which is sent to nobody", file->shown,
                file->path, secret->name);
    return same ? -1 : 0;
}

/* Against all secrets of the configuration. */
static int check_secrets(const struct api_file *file, const struct config *config, struct err *err)
{
    const struct secret *secret;
    for (size_t c = 0; c < config->nconnectors; c++) {
        for (size_t i = 0; (secret = connector_secret_at(config->connectors[c], i)) != NULL; i++) {
            if (check_file(file, secret, err) != 0)
                return -1;
        }
    }
    for (size_t h = 0; h < config->nhooks; h++) {
        for (size_t i = 0; (secret = hook_secret_at(config->hooks[h], i)) != NULL; i++) {
            if (check_file(file, secret, err) != 0)
                return -1;
        }
    }
    return check_file(file, &config->state_key, err) != 0 ||
                   check_file(file, &config->state_password, err) != 0
               ? -1
               : 0;
}

int api_request_check_files(const struct api_request *request, const struct config *config,
                            struct err *err)
{
    for (size_t i = 0; i < request->nfiles; i++) {
        if (check_secrets(&request->files[i], config, err) != 0)
            return -1;
    }
    return 0;
}

void api_request_destroy(struct api_request *request)
{
    mem_free(request->method);
    mem_free(request->path);
    pairs_destroy(&request->query);
    pairs_destroy(&request->fields);
    for (size_t i = 0; i < request->nheaders; i++) {
        char *name = NULL;
        memcpy(&name, &request->headers[i].name, sizeof name); /* ours, whatever its const says */
        mem_free(name);
    }
    mem_free(request->headers);
    mem_free(request->files);
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
