/* OAuth codes, from a redirect or from pasted text; and URLs that are shown. */
#include "ascii.h"
#include "login.h"
#include "mem.h"
#include "url.h"

#include <sodium.h>
#include <string.h>
#include <strings.h>

#define CODE_MAX 4096

/* NULL where a NUL byte is in it: nothing may be cut off unseen. */
static char *decode(const char *text, size_t len)
{
    char *out = mem_alloc(len + 1);
    size_t decoded = url_decode_form(text, len, out);
    out[decoded] = '\0';
    if (strlen(out) == decoded)
        return out;
    mem_free_secret(out);
    return NULL;
}

char *login_query_value(const char *query, const char *name)
{
    size_t name_len = strlen(name);
    char *value = NULL;
    bool found = false;
    for (const char *at = query; *at != '\0';) {
        size_t len = strcspn(at, "&#");
        if (len > name_len && strncmp(at, name, name_len) == 0 && at[name_len] == '=') {
            mem_free_secret(value);
            value = found ? NULL : decode(at + name_len + 1, len - name_len - 1);
            found = true;
        }
        at += len;
        if (*at != '&')
            break;
        at++;
    }
    return value;
}

/* Visible ASCII, as it will stand in a form. */
static bool sane(const char *code)
{
    size_t len = strlen(code);
    for (const char *c = code; *c != '\0'; c++) {
        if (!ascii_is_visible(*c))
            return false;
    }
    return len > 0 && len <= CODE_MAX;
}

static bool same(const char *a, const char *b)
{
    size_t len = strlen(a);
    return len == strlen(b) && sodium_memcmp(a, b, len) == 0;
}

int login_redirect_parse(const char *text, struct url *url, bool *local, struct err *err)
{
    const char *host = strstr(text, "://");
    size_t end = host != NULL ? (size_t)(host + 3 - text) + strcspn(host + 3, "/") : strlen(text);
    bool free_port = end > 2 && strncmp(text + end - 2, ":0", 2) == 0;
    char *parsed = mem_printf("%.*s%s", (int)(end - (free_port ? 2 : 0)), text, text + end);
    int result = url_parse(parsed, url, err);
    mem_free(parsed);
    if (result != 0)
        return -1;
    if (free_port)
        url->port = 0;
    *local = strcmp(url->scheme, "http") == 0 && url_is_loopback(url);
    return 0;
}

int login_check_url(const char *text, struct err *err)
{
    struct url url;
    for (const char *c = text; *c != '\0'; c++) {
        if (!ascii_is_visible(*c))
            return err_set(err, ERR_HTTP,
                           "the service wants a URL to be shown that holds more than visible "
                           "ASCII characters");
    }
    if (url_parse(text, &url, err) != 0) {
        err->kind = ERR_HTTP;
        return err_wrap(err, "the URL that the service wants to be shown");
    }
    bool good = strcmp(url.scheme, "https") == 0 || url_is_loopback(&url);
    if (!good)
        err_set(err, ERR_HTTP,
                "the service wants a URL to be shown that is not https:// (host '%s')", url.host);
    url_destroy(&url);
    return good ? 0 : -1;
}

char *login_redirect_code(const char *text, const char *state)
{
    char *code = NULL, *given = NULL;
    if (strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0) {
        const char *query = strchr(text, '?');
        if (query != NULL) {
            code = login_query_value(query + 1, "code");
            given = login_query_value(query + 1, "state");
        }
        if (given == NULL || !same(given, state)) {
            mem_free_secret(code);
            code = NULL;
        }
        mem_free_secret(given);
    } else {
        code = mem_strdup(text);
    }
    if (code != NULL && !sane(code)) {
        mem_free_secret(code);
        code = NULL;
    }
    return code;
}
