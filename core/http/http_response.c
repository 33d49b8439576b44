/* A reply as others read it. */
#include "http.h"
#include "mem.h"

#include <strings.h>

void http_response_clear(struct http_response *response)
{
    for (size_t i = 0; i < response->nheaders; i++) {
        mem_free(response->headers[i].name);
        mem_free_secret(response->headers[i].value);
    }
    mem_free(response->headers);
    response->headers = NULL;
    response->nheaders = 0;
    response->saved = false;
    buf_destroy(&response->body);
}

const char *http_response_header(const struct http_response *response, const char *name)
{
    for (size_t i = 0; i < response->nheaders; i++)
        if (strcasecmp(response->headers[i].name, name) == 0)
            return response->headers[i].value;
    return NULL;
}
