#include "listen_address.h"

#include "hook.h"
#include "mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define PORT_MAX 65535

int listen_address_read(const char *text, char **host, int *port, struct err *err)
{
    const char *colon = strrchr(text, ':');
    char *end = NULL;
    long number =
        colon != NULL && isdigit((unsigned char)colon[1]) ? strtol(colon + 1, &end, 10) : -1;
    size_t len = colon != NULL ? (size_t)(colon - text) : 0;
    bool brackets = len > 2 && text[0] == '[' && text[len - 1] == ']';
    if (number < 0 || number > PORT_MAX || *end != '\0' || len == 0 ||
        (!brackets && memchr(text, ':', len) != NULL))
        return err_set(err, ERR_USAGE,
                       "--listen: '%s'; expected HOST:PORT, such as 127.0.0.1:%d or [::1]:0 "
                       "(0: a free port)",
                       text, CONFIG_LISTEN_PORT);
    *host = brackets ? mem_strndup(text + 1, len - 2) : mem_strndup(text, len);
    *port = (int)number;
    return 0;
}
