/* libmicrohttpd, loaded at first use: linking it costs every run 1.5 ms, and few runs serve. */
#ifndef JETON_MHD_API_H
#define JETON_MHD_API_H

#include "err.h"

#include <microhttpd.h>
#include <sys/types.h>

#define MHD_API_LIBRARY "libmicrohttpd.so.12"

#define MHD_API_FUNCTIONS(X)                                                                       \
    X(start_daemon)                                                                                \
    X(stop_daemon)                                                                                 \
    X(add_connection)                                                                              \
    X(run)                                                                                         \
    X(get_timeout)                                                                                 \
    X(get_daemon_info)                                                                             \
    X(get_reason_phrase_for)                                                                       \
    X(get_connection_info)                                                                         \
    X(get_connection_values)                                                                       \
    X(suspend_connection)                                                                          \
    X(resume_connection)                                                                           \
    X(create_response_from_buffer)                                                                 \
    X(create_response_from_fd64)                                                                   \
    X(add_response_header)                                                                         \
    X(queue_response)                                                                              \
    X(destroy_response)

struct mhd_api {
    void *handle;
#define X(name) __typeof__(MHD_##name) *name;
    MHD_API_FUNCTIONS(X)
#undef X
    /* gnutls_record_send, of the GnuTLS that it brings. Less than len where it takes no more now;
     * negative where it takes nothing. */
    ssize_t (*record_send)(void *session, const void *data, size_t len);
};

/* ERR_CONFIG when the library is missing or too old. */
int mhd_api_open(struct mhd_api *api, struct err *err);
void mhd_api_close(struct mhd_api *api); /* one that was never opened is fine */

#endif
