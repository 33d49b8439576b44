#include "host.h"

#include "ascii.h"
#include "mem.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define HOST_MAX    253
#define LABEL_MAX   63
#define PORT_MAX    65535
#define PORT_DIGITS 5

bool host_name_valid(const char *host, size_t len)
{
    size_t label = 0;
    if (len == 0 || len > HOST_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = host[i];
        if (c == '.') {
            if (label == 0)
                return false;
            label = 0;
        } else if (ascii_is_alnum(c) || c == '-' || c == '_') {
            if (++label > LABEL_MAX)
                return false;
        } else {
            return false;
        }
    }
    return label > 0;
}

bool host_is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    return strcmp(host, "localhost") == 0;
}

bool host_read_address(const char *text, char **host, int64_t *port)
{
    const char *colon = strrchr(text, ':');
    size_t len = colon != NULL ? (size_t)(colon - text) : 0;
    bool brackets = len > 2 && text[0] == '[' && text[len - 1] == ']';
    if (len == 0 || len > HOST_MAX || (!brackets && memchr(text, ':', len) != NULL) ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1) || strlen(colon + 1) > PORT_DIGITS ||
        colon[1] == '\0')
        return false;
    int64_t number = strtol(colon + 1, NULL, 10);
    if (number > PORT_MAX)
        return false;
    mem_free(*host);
    *host = brackets ? mem_strndup(text + 1, len - 2) : mem_strndup(text, len);
    *port = number;
    return true;
}

bool host_field_is_loopback(const char *field)
{
    char text[HOST_MAX + PORT_DIGITS + 2];
    char *host = NULL;
    int64_t port;
    size_t len = strlen(field);
    bool has_port = strrchr(field, ':') != NULL && field[len - 1] != ']';
    if (len + sizeof ":80" > sizeof text)
        return false;
    for (size_t i = 0; i < len; i++)
        text[i] = (char)tolower((unsigned char)field[i]);
    memcpy(text + len, has_port ? "" : ":80", has_port ? 1 : sizeof ":80");
    bool loopback = host_read_address(text, &host, &port) && host_is_loopback(host);
    mem_free(host);
    return loopback;
}
