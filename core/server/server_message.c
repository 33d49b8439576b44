#include "server_message.h"

#include "buf.h"
#include "field.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define DATE_SIZE       64
#define ERROR_BYTES_MAX ((size_t)4096)

/* Headers that delimit a message are set by the server itself. */
static bool is_framing(const struct http_header *header)
{
    static const char *const names[] = {"Content-Length", "Transfer-Encoding", "Keep-Alive",
                                        "Upgrade", "Trailer"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcasecmp(header->name, names[i]) == 0)
            return true;
    }
    return strcasecmp(header->name, "Connection") == 0 && strcasecmp(header->value, "close") != 0;
}

/* English names: strftime's follow the locale. */
static void date_now(char text[DATE_SIZE])
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    snprintf(text, DATE_SIZE, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[utc.tm_wday], utc.tm_mday,
             months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

/* The library has no empty values: such a header is left out. */
static bool add(const struct mhd_api *api, struct MHD_Response *response, const char *name,
                const char *value)
{
    return *value == '\0' || api->add_response_header(response, name, value) == MHD_YES;
}

/* NULL where a header is refused; then the response is freed. */
static struct MHD_Response *add_headers(const struct mhd_api *api, struct MHD_Response *response,
                                        const struct http_header *headers, size_t nheaders,
                                        bool close_after)
{
    bool dated = false, good = true;
    for (size_t i = 0; i < nheaders; i++) {
        if (is_framing(&headers[i]))
            continue;
        if (strcasecmp(headers[i].name, "Date") == 0)
            dated = true;
        if (strcasecmp(headers[i].name, "Connection") == 0)
            close_after = true;
        else
            good = add(api, response, headers[i].name, headers[i].value) && good;
    }
    if (!dated) {
        char date[DATE_SIZE];
        date_now(date);
        good = add(api, response, "Date", date) && good;
    }
    if (close_after)
        good = add(api, response, "Connection", "close") && good;
    if (good)
        return response;
    api->destroy_response(response);
    return NULL;
}

struct MHD_Response *server_message_new(const struct mhd_api *api,
                                        const struct http_header *headers, size_t nheaders,
                                        const void *body, size_t body_len, bool close_after)
{
    char *data = NULL;
    memcpy(&data, &body, sizeof data); /* copied by the library, which has no const for it */
    struct MHD_Response *response =
        api->create_response_from_buffer(body_len, data, MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        abort();
    return add_headers(api, response, headers, nheaders, close_after);
}

struct MHD_Response *server_message_file(const struct mhd_api *api,
                                         const struct http_header *headers, size_t nheaders, int fd,
                                         uint64_t len, bool close_after)
{
    struct MHD_Response *response = api->create_response_from_fd64(len, fd);
    if (response == NULL)
        abort();
    return add_headers(api, response, headers, nheaders, close_after);
}

struct MHD_Response *server_message_error(const struct mhd_api *api, const char *message,
                                          const char *code, bool close_after)
{
    char type[] = "Content-Type", json[] = "application/json; charset=utf-8";
    const struct http_header header = {type, json};
    struct buf body;
    buf_create(&body, ERROR_BYTES_MAX);
    buf_printf(&body, "{\"message\":\"%s\",\"errorCode\":\"%s\"}", message, code);
    struct MHD_Response *response =
        server_message_new(api, &header, 1, body.data, body.len, close_after);
    buf_destroy(&body);
    if (response == NULL)
        abort(); /* only out of memory can refuse these */
    return response;
}

void server_message_text(const struct mhd_api *api, struct buf *text, int status,
                         const struct http_header *headers, size_t nheaders, const void *body,
                         size_t body_len, bool is_head)
{
    bool dated = false, good;
    char date[DATE_SIZE];
    good = buf_printf(text, "HTTP/1.1 %d %s\r\n", status,
                      api->get_reason_phrase_for((unsigned)status)) == 0;
    for (size_t i = 0; i < nheaders; i++) {
        if (is_framing(&headers[i]) || strcasecmp(headers[i].name, "Connection") == 0)
            continue;
        dated = dated || strcasecmp(headers[i].name, "Date") == 0;
        good = good && buf_printf(text, "%s: %s\r\n", headers[i].name, headers[i].value) == 0;
    }
    date_now(date);
    if (!dated)
        good = good && buf_printf(text, "Date: %s\r\n", date) == 0;
    good =
        good && buf_printf(text, "Connection: close\r\nContent-Length: %zu\r\n\r\n", body_len) == 0;
    if (!is_head)
        good = good && buf_append(text, body, body_len) == 0;
    if (!good)
        buf_clear(text);
}
