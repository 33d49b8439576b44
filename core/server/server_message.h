/* A reply in libmicrohttpd's form. Private to the server. */
#ifndef JETON_SERVER_MESSAGE_H
#define JETON_SERVER_MESSAGE_H

#include "buf.h"
#include "field.h"
#include "mhd_api.h"

/* Copies everything. headers must have passed server_check_reply. close_after: the connection ends
 * with it. NULL: the library refuses a header. */
struct MHD_Response *server_message_new(const struct mhd_api *api,
                                        const struct http_header *headers, size_t nheaders,
                                        const void *body, size_t body_len, bool close_after);
/* As server_message_new, with what the descriptor holds; it is closed with the response. */
struct MHD_Response *server_message_file(const struct mhd_api *api,
                                         const struct http_header *headers, size_t nheaders, int fd,
                                         uint64_t len, bool close_after);
/* A whole reply that ends its connection, as it is sent; of what server_message_new takes. Appends
 * nothing where text has no room. */
void server_message_text(const struct mhd_api *api, struct buf *text, int status,
                         const struct http_header *headers, size_t nheaders, const void *body,
                         size_t body_len, bool is_head);
/* The service's form of an error: {"message":…,"errorCode":…}. Both are plain ASCII text. */
struct MHD_Response *server_message_error(const struct mhd_api *api, const char *message,
                                          const char *code, bool close_after);

#endif
