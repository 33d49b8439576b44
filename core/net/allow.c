#include "allow.h"

#include "ascii.h"
#include "host.h"
#include "mem.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The host and port of a pattern or a base URL, pointing into its text. */
struct host_port {
    const char *host; /* without brackets and trailing dot */
    size_t len;
    bool wildcard; /* "*." came before */
    bool ipv6;
    int port; /* 0: none named */
};

/* inet_pton wants a NUL. */
static bool ipv6_address(const char *host, size_t len, struct in6_addr *address)
{
    char text[INET6_ADDRSTRLEN];
    if (len >= sizeof text)
        return false;
    memcpy(text, host, len);
    text[len] = '\0';
    return inet_pton(AF_INET6, text, address) == 1;
}

/* "8080" up to `end`; -1 when it is not a port. */
static int parse_port(const char *text, const char *end)
{
    int port = 0;
    if (text == end || end - text > 5)
        return -1;
    for (; text < end; text++) {
        if (*text < '0' || *text > '9')
            return -1;
        port = port * 10 + (*text - '0');
    }
    return port >= 1 && port <= 65535 ? port : -1;
}

/* Splits [text, end). What is wrong, or NULL. */
static const char *split(const char *text, const char *end, struct host_port *out)
{
    *out = (struct host_port){0};
    const char *host_end;
    if (text < end && *text == '[') {
        struct in6_addr address;
        host_end = memchr(text, ']', (size_t)(end - text));
        if (host_end == NULL || !ipv6_address(text + 1, (size_t)(host_end - text - 1), &address))
            return "bad IPv6 address";
        out->ipv6 = true;
        out->host = text + 1;
        out->len = (size_t)(host_end - text - 1);
        host_end++;
        if (host_end < end && *host_end != ':')
            return "expected ':' and a port after ']'";
    } else {
        host_end = memchr(text, ':', (size_t)(end - text));
        if (host_end == NULL)
            host_end = end;
        else if (memchr(host_end + 1, ':', (size_t)(end - host_end - 1)) != NULL)
            return "write an IPv6 address in brackets: [::1]";
        if (host_end - text >= 2 && memcmp(text, "*.", 2) == 0) {
            out->wildcard = true;
            text += 2;
        }
        out->host = text;
        out->len = (size_t)(host_end - text);
        if (out->len > 1 && text[out->len - 1] == '.')
            out->len--;
        if (out->len == 0)
            return "no host";
        if (memchr(text, '*', out->len) != NULL)
            return "'*' can only stand for the first labels: '*.example.org'";
        if (!host_name_valid(text, out->len))
            return "bad host name: expected labels of letters, digits, '-' and '_' (a name outside "
                   "ASCII in its xn-- form)";
    }
    if (host_end < end) {
        out->port = parse_port(host_end + 1, end);
        if (out->port < 0)
            return "bad port: expected 1 to 65535";
    }
    return NULL;
}

/* The host as text of its own. */
static char *host_text(const struct host_port *from)
{
    return mem_strndup(from->host, from->len);
}

int allow_check_base(const char *text, struct err *err)
{
    static const char expected[] = "expected https://HOST[:PORT][/PATH]";
    if (strnlen(text, URL_MAX + 1) > URL_MAX)
        return err_set(err, ERR_INVALID, "URL longer than %d bytes; %s", URL_MAX, expected);
    bool https = strncasecmp(text, "https://", 8) == 0;
    if (!https && strncasecmp(text, "http://", 7) != 0)
        return err_set(err, ERR_INVALID, "not an https:// URL; %s", expected);
    const char *authority = text + (https ? 8 : 7);
    size_t len = strcspn(authority, "/?#\\");
    if (memchr(authority, '@', len) != NULL)
        return err_set(err, ERR_INVALID, "user information is not allowed in the URL; %s",
                       expected);
    for (const char *c = text; *c != '\0'; c++)
        if (ascii_is_control(*c) || *c == ' ' || *c == '\\')
            return err_set(err, ERR_INVALID,
                           "white space, a backslash or a control character in the URL; %s",
                           expected);
    if (authority[strcspn(authority, "?#")] != '\0')
        return err_set(err, ERR_INVALID, "a query or fragment is not allowed in the URL; %s",
                       expected);
    struct host_port at;
    const char *problem = len > 0 ? split(authority, authority + len, &at) : "no host";
    if (problem == NULL && at.wildcard)
        problem = "'*' is not allowed in a URL";
    if (problem != NULL)
        return err_set(err, ERR_INVALID, "%s; %s", problem, expected);
    if (https)
        return 0;
    char *host = host_text(&at);
    bool loopback = host_is_loopback(host);
    mem_free(host);
    if (loopback)
        return 0;
    return err_set(err, ERR_INVALID,
                   "http:// is not encrypted and only allowed for loopback (127.0.0.1, [::1], "
                   "localhost); use https://");
}

int allow_pattern_check(const char *pattern, struct err *err)
{
    struct host_port at;
    if (strstr(pattern, "//") != NULL || strpbrk(pattern, "/@?#") != NULL)
        return err_set(err, ERR_INVALID,
                       "bad host pattern '%s': expected only a host, such as 'api.example.org' or "
                       "'*.example.org', without scheme or path",
                       pattern);
    const char *problem = split(pattern, pattern + strlen(pattern), &at);
    struct in_addr address;
    if (problem == NULL && at.wildcard) {
        char *suffix = host_text(&at);
        const char *last = strrchr(suffix, '.');
        last = last != NULL ? last + 1 : suffix;
        if (inet_pton(AF_INET, suffix, &address) == 1 || last[strspn(last, "0123456789")] == '\0')
            problem = "'*' cannot stand for a part of an address";
        mem_free(suffix);
    }
    if (problem != NULL)
        return err_set(err, ERR_INVALID, "bad host pattern '%s': %s", pattern, problem);
    return 0;
}

bool allow_pattern_match(const char *pattern, const struct url *url)
{
    struct host_port at;
    if (split(pattern, pattern + strlen(pattern), &at) != NULL)
        return false;
    if (at.port != 0 ? at.port != url->port : !url->default_port)
        return false;
    struct in6_addr wanted, given;
    if (at.ipv6)
        return ipv6_address(at.host, at.len, &wanted) &&
               inet_pton(AF_INET6, url->host, &given) == 1 &&
               memcmp(&wanted, &given, sizeof wanted) == 0;
    size_t len = strlen(url->host);
    if (!at.wildcard)
        return len == at.len && strncasecmp(url->host, at.host, len) == 0;
    return len > at.len + 1 && url->host[len - at.len - 1] == '.' &&
           strncasecmp(url->host + len - at.len, at.host, at.len) == 0;
}

/* "api.example.org:8443": as a pattern would name it. */
static char *as_pattern(const char *host, const struct url *url)
{
    bool ipv6 = strchr(host, ':') != NULL;
    char *base = mem_printf("%s%s%s", ipv6 ? "[" : "", host, ipv6 ? "]" : "");
    if (url->default_port)
        return base;
    char *with_port = mem_printf("%s:%d", base, url->port);
    mem_free(base);
    return with_port;
}

static int refuse(const struct url *url, const char *key, struct err *err)
{
    char *exact = as_pattern(url->host, url);
    char *wild = NULL;
    const char *suffix = strchr(url->host, '.');
    struct in_addr address;
    /* "*.org" would allow half the world, and an address has no suffix. */
    if (suffix != NULL && strchr(suffix + 1, '.') != NULL &&
        inet_pton(AF_INET, url->host, &address) != 1)
        wild = as_pattern(suffix + 1, url);
    if (wild != NULL)
        err_set(err, ERR_AUTH, "host '%s' is not allowed; add '%s' or '*.%s' to %s", exact, exact,
                wild, key);
    else
        err_set(err, ERR_AUTH, "host '%s' is not allowed; add '%s' to %s", exact, exact, key);
    err->hint = ERR_HINT_ALLOW_HOST;
    mem_free(exact);
    mem_free(wild);
    return -1;
}

int allow_check(const struct url *url, const char *const *allow_hosts, const char *base,
                struct err *err)
{
    return allow_check_list(url, "allow_hosts", allow_hosts, base, err);
}

int allow_check_list(const struct url *url, const char *key, const char *const *hosts,
                     const char *base, struct err *err)
{
    if (strcmp(url->scheme, "https") != 0 && !url_is_loopback(url))
        return err_set(err, ERR_AUTH,
                       "%s://%s is not encrypted: tokens go over https:// only (http:// to "
                       "loopback alone)",
                       url->scheme, url->host);
    for (size_t i = 0; hosts != NULL && hosts[i] != NULL; i++)
        if (allow_pattern_match(hosts[i], url))
            return 0;
    if (base != NULL) {
        struct url own;
        if (url_parse(base, &own, err) != 0)
            return -1;
        bool same = strcmp(own.host, url->host) == 0 && own.port == url->port;
        url_destroy(&own);
        if (same)
            return 0;
    }
    return refuse(url, key, err);
}
