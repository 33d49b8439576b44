#include "url.h"

#include "ascii.h"
#include "buf.h"
#include "curl_api.h"
#include "host.h"
#include "mem.h"
#include "utf8.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define EXCERPT_MAX 120

/*
 * What a message may show of a URL that could not be parsed: no query, no user information, no
 * control characters.
 */
static char *excerpt(const char *text)
{
    size_t len = strcspn(text, "?#");
    if (memchr(text, '@', len) != NULL)
        return mem_strdup("(not shown: it holds user information)");
    size_t kept = utf8_cut(text, len, EXCERPT_MAX);
    char *shown = mem_printf("'%.*s%s'", (int)kept, text, kept == len ? "" : ERR_CUT);
    ascii_blank_controls(shown, strlen(shown), '.');
    return shown;
}

static int invalid(struct err *err, const char *text, const char *why)
{
    char *shown = excerpt(text);
    err_set(err, ERR_INVALID, "URL %s: %s", shown, why);
    mem_free(shown);
    return -1;
}

static int check_text(const char *text, struct err *err)
{
    if (strnlen(text, URL_MAX + 1) > URL_MAX)
        return err_set(err, ERR_INVALID, "URL longer than %d bytes", URL_MAX);
    for (const char *c = text; *c != '\0'; c++)
        if (ascii_is_control(*c) || *c == ' ')
            return invalid(err, text,
                           "white space or a control character; percent-encode it (%20)");
    return 0;
}

static const char *why_not(CURLUcode code, const struct curl_api *api)
{
    switch (code) {
    case CURLUE_UNSUPPORTED_SCHEME:
    case CURLUE_BAD_SCHEME:
        return "expected https:// or http://";
    case CURLUE_USER_NOT_ALLOWED:
    case CURLUE_BAD_LOGIN:
        return "user information ('name:password@') is not allowed; use a header";
    case CURLUE_NO_HOST:
        return "no host";
    case CURLUE_BAD_HOSTNAME:
        return "bad host name";
    case CURLUE_BAD_PORT_NUMBER:
        return "bad port: expected 1 to 65535";
    default:
        return api->url_strerror(code);
    }
}

static bool is_number(const char *label)
{
    bool hex = label[0] == '0' && (label[1] == 'x' || label[1] == 'X');
    const char *digits = hex ? "0123456789abcdefABCDEF" : "0123456789";
    label += hex ? 2 : 0;
    return label[strspn(label, digits)] == '\0';
}

/*
 * Normalises `host` as libcurl gives it: lower case, no brackets, no trailing dot. A host whose
 * last label is a number must be a canonical IPv4 address: other spellings (0x7f.1, or one that was
 * percent-encoded) might mean another host to the next parser.
 */
static const char *canonical_host(char *host)
{
    size_t len = strlen(host);
    if (host[0] == '[' && len > 1) {
        memmove(host, host + 1, len - 2);
        host[len - 2] = '\0';
        unsigned char address[16];
        return inet_pton(AF_INET6, host, address) == 1 ? NULL : "bad IPv6 address";
    }
    for (char *c = host; *c != '\0'; c++) {
        if ((unsigned char)*c >= 0x80)
            return "a host name outside ASCII; write its xn-- form";
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    }
    if (len > 0 && host[len - 1] == '.')
        host[--len] = '\0';
    if (!host_name_valid(host, len))
        return "bad host name: expected labels of letters, digits, '-' and '_'";
    const char *dot = strrchr(host, '.');
    struct in_addr address;
    if (is_number(dot != NULL ? dot + 1 : host) && inet_pton(AF_INET, host, &address) != 1)
        return "bad IPv4 address: expected four decimal numbers";
    return NULL;
}

/* One part, as memory of mem.h; NULL where there is none. */
static char *part(const struct curl_api *api, CURLU *handle, CURLUPart what, unsigned flags)
{
    char *text = NULL;
    if (api->url_get(handle, what, &text, flags) != CURLUE_OK)
        return NULL;
    char *copy = mem_strdup(text);
    api->free(text);
    return copy;
}

/* Whether libcurl has the host as it is here: not where canonical_host changed it. */
static bool has_host(const struct curl_api *api, CURLU *handle, const struct url *url)
{
    char *host = NULL;
    if (api->url_get(handle, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        return false;
    bool same = strcmp(host, url->host) == 0;
    api->free(host);
    return same;
}

/* The handle is the URL's if it was taken. */
static int take_parts(const struct curl_api *api, CURLU *handle, const char *text, struct url *url,
                      struct err *err)
{
    char *zone = part(api, handle, CURLUPART_ZONEID, 0);
    char *port = part(api, handle, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    const char *problem = NULL;
    url->scheme = part(api, handle, CURLUPART_SCHEME, 0);
    url->host = part(api, handle, CURLUPART_HOST, 0);
    url->path = part(api, handle, CURLUPART_PATH, 0);
    url->query = part(api, handle, CURLUPART_QUERY, 0);
    url->port = port != NULL ? (int)strtol(port, NULL, 10) : 0;

    if (url->scheme == NULL ||
        (strcmp(url->scheme, "https") != 0 && strcmp(url->scheme, "http") != 0))
        problem = "expected https:// or http://";
    else if (url->host == NULL || url->path == NULL)
        problem = "no host";
    else if (zone != NULL)
        problem = "an IPv6 zone is not allowed";
    else if (url->port < 1 || url->port > 65535)
        problem = "bad port: expected 1 to 65535";
    else
        problem = canonical_host(url->host);
    if (problem == NULL) {
        url->default_port = url->port == (strcmp(url->scheme, "https") == 0 ? 443 : 80);
        if (has_host(api, handle, url))
            url->parsed = handle;
    }
    mem_free(zone);
    mem_free(port);
    if (problem == NULL)
        return 0;
    url_destroy(url);
    return invalid(err, text, problem);
}

/* `text` against `base` (may be NULL). */
static int parse(const char *base, const char *text, struct url *url, struct err *err)
{
    *url = (struct url){0};
    const struct curl_api *api = curl_api(err);
    if (api == NULL || check_text(text, err) != 0 || (base != NULL && check_text(base, err) != 0))
        return -1;
    const unsigned flags = CURLU_DISALLOW_USER | CURLU_URLENCODE;
    CURLU *handle = api->url();
    if (handle == NULL)
        abort(); /* out of memory */
    int result = -1;
    CURLUcode code = CURLUE_OK;
    if (base != NULL)
        code = api->url_set(handle, CURLUPART_URL, base, flags);
    if (code == CURLUE_OK)
        code = api->url_set(handle, CURLUPART_URL, text, flags);
    if (code != CURLUE_OK)
        invalid(err, text, why_not(code, api));
    else
        result = take_parts(api, handle, text, url, err);
    if (url->parsed == NULL)
        api->url_cleanup(handle);
    return result;
}

int url_parse(const char *text, struct url *url, struct err *err)
{
    return parse(NULL, text, url, err);
}

int url_resolve(const char *base, const char *location, struct url *url, struct err *err)
{
    if (location[0] == '\0' ||
        location[0] == '#') /* libcurl would cut the base at its last slash */
        return parse(NULL, base, url, err);
    return parse(base, location, url, err);
}

void url_copy(struct url *to, const struct url *from)
{
    *to = *from;
    to->scheme = mem_strdup(from->scheme);
    to->host = mem_strdup(from->host);
    to->path = mem_strdup(from->path);
    to->query = mem_strdup(from->query);
    to->parsed = NULL;
}

static void forget_parsed(struct url *url)
{
    struct err ignored;
    if (url->parsed != NULL)
        curl_api(&ignored)->url_cleanup(url->parsed);
    url->parsed = NULL;
}

void url_destroy(struct url *url)
{
    mem_free(url->scheme);
    mem_free(url->host);
    mem_free(url->path);
    mem_free(url->query);
    forget_parsed(url);
    *url = (struct url){0};
}

void url_add_query(struct url *url, const char *query)
{
    if (query == NULL || query[0] == '\0')
        return;
    char *joined = url->query != NULL && url->query[0] != '\0'
                       ? mem_printf("%s&%s", url->query, query)
                       : mem_strdup(query);
    mem_free(url->query);
    url->query = joined;
    forget_parsed(url);
}

char *url_format(const struct url *url, bool with_query)
{
    bool ipv6 = strchr(url->host, ':') != NULL;
    char port[16] = "";
    if (!url->default_port)
        snprintf(port, sizeof port, ":%d", url->port);
    bool query = with_query && url->query != NULL;
    const char *const pieces[] = {url->scheme,
                                  "://",
                                  ipv6 ? "[" : "",
                                  url->host,
                                  ipv6 ? "]" : "",
                                  port,
                                  url->path,
                                  query ? "?" : "",
                                  query ? url->query : ""};
    size_t lengths[sizeof pieces / sizeof *pieces], len = 0;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        len += lengths[i] = strlen(pieces[i]);
    char *text = mem_realloc(NULL, len + 1), *at = text;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; at += lengths[i++])
        memcpy(at, pieces[i], lengths[i]);
    *at = '\0';
    return text;
}

/* What a server may take for the end of a segment: its length at text, 0 where there is none. */
static size_t separator(const char *text)
{
    if (text[0] == '\\' || text[0] == ';')
        return 1;
    bool slash = text[0] == '%' && ((text[1] == '2' && (text[2] | 0x20) == 'f') ||
                                    (text[1] == '5' && (text[2] | 0x20) == 'c'));
    return slash ? 3 : 0;
}

/* 1 or 2 where the segment is "." or "..", 0 for others; -1: a part of it is one, for some. */
static int count_dots(const char *text, size_t len)
{
    const char *end = text + len;
    int dots = 0;
    bool others = false, first = true;
    for (;; text++) {
        size_t parted = text < end ? separator(text) : 0;
        if (text == end || parted > 0) {
            bool plain = first && text == end;
            if (!others && (dots == 1 || dots == 2))
                return plain ? dots : -1;
            if (text == end)
                return 0;
            dots = 0;
            others = first = false;
            text += parted - 1;
        } else if (end - text >= 3 && strncasecmp(text, "%2e", 3) == 0) {
            dots++;
            text += 2;
        } else if (*text == '.') {
            dots++;
        } else {
            others = true;
        }
    }
}

char *url_without_dots(const char *path, struct err *err)
{
    if (check_text(path, err) != 0)
        return NULL;
    char *out = mem_alloc(strlen(path) + 1);
    size_t lead = path[0] == '/', used = lead;
    memcpy(out, path, lead);
    for (const char *at = path + lead;;) {
        size_t len = strcspn(at, "/?#"), whole = len + (at[len] == '/');
        int dots = count_dots(at, len);
        if (dots < 0 || (dots == 2 && used == lead)) {
            char *shown = excerpt(path);
            err_set(err, ERR_INVALID, "path %s: %s", shown,
                    dots < 0 ? "'.' and '..' must stand between slashes"
                             : "'..' leads out of the place that it is relative to");
            mem_free(shown);
            mem_free(out);
            return NULL;
        }
        if (dots == 2) {
            for (used--; used > lead && out[used - 1] != '/';)
                used--;
        } else if (dots == 0) {
            memcpy(out + used, at, whole);
            used += whole;
        }
        at += whole;
        if (whole == len) {
            memcpy(out + used, at, strlen(at) + 1);
            return out;
        }
    }
}

/* Moves *at past slashes; the length of the segment there. */
static size_t next_segment(const char **at)
{
    *at += strspn(*at, "/");
    return strcspn(*at, "/?");
}

bool url_path_matches(const char *pattern, const char *path)
{
    for (;;) {
        size_t wanted = next_segment(&pattern);
        size_t got = next_segment(&path);
        if (wanted == 0 || got == 0)
            return wanted == got;
        bool any = wanted == 1 && *pattern == '*';
        if (!any && (wanted != got || strncasecmp(pattern, path, got) != 0))
            return false;
        pattern += wanted;
        path += got;
    }
}

bool url_is_loopback(const struct url *url)
{
    return host_is_loopback(url->host);
}

size_t url_encode_to(char *out, const char *text, size_t len)
{
    static const char hex[] = "0123456789ABCDEF";
    static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                     "0123456789-._~";
    size_t at = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c != '\0' && strchr(unreserved, c) != NULL) {
            out[at++] = (char)c;
        } else {
            out[at++] = '%';
            out[at++] = hex[c >> 4];
            out[at++] = hex[c & 15];
        }
    }
    return at;
}

char *url_base(const char *text)
{
    size_t len = strlen(text);
    while (len > 0 && text[len - 1] == '/')
        len--;
    return mem_strndup(text, len);
}

char *url_encode(const char *text, size_t len)
{
    char *encoded = mem_alloc(len * 3 + 1);
    url_encode_to(encoded, text, len);
    return encoded;
}

static size_t decode(const char *text, size_t len, char plus, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        int high = text[i] == '%' && len - i > 2 ? ascii_hex_value(text[i + 1]) : -1;
        int low = high >= 0 ? ascii_hex_value(text[i + 2]) : -1;
        if (low >= 0) {
            out[n++] = (char)(high * 16 + low);
            i += 2;
        } else {
            out[n++] = text[i] == '+' ? plus : text[i];
        }
    }
    return n;
}

size_t url_decode(const char *text, size_t len, char *out)
{
    return decode(text, len, '+', out);
}

size_t url_decode_form(const char *text, size_t len, char *out)
{
    return decode(text, len, ' ', out);
}
