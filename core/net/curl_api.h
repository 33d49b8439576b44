/*
 * libcurl, loaded at first use: linking it would cost every run 5 ms before main(). Private to
 * url.c and http*.c.
 */
#ifndef JETON_CURL_API_H
#define JETON_CURL_API_H

#include "err.h"

#include <curl/curl.h>

#define CURL_API_LIBRARY     "libcurl.so.4"
#define CURL_API_PACKAGE     "libcurl4"
#define CURL_API_MIN_VERSION 0x075500 /* 7.85: CURLOPT_PROTOCOLS_STR */

#define CURL_API_FUNCTIONS(X)                                                                      \
    X(easy_cleanup)                                                                                \
    X(easy_getinfo)                                                                                \
    X(easy_init)                                                                                   \
    X(easy_reset)                                                                                  \
    X(easy_setopt)                                                                                 \
    X(easy_strerror)                                                                               \
    X(free)                                                                                        \
    X(global_init)                                                                                 \
    X(mime_addpart)                                                                                \
    X(mime_data)                                                                                   \
    X(mime_data_cb)                                                                                \
    X(mime_filename)                                                                               \
    X(mime_free)                                                                                   \
    X(mime_init)                                                                                   \
    X(mime_name)                                                                                   \
    X(mime_type)                                                                                   \
    X(multi_add_handle)                                                                            \
    X(multi_cleanup)                                                                               \
    X(multi_info_read)                                                                             \
    X(multi_init)                                                                                  \
    X(multi_perform)                                                                               \
    X(multi_poll)                                                                                  \
    X(multi_remove_handle)                                                                         \
    X(multi_setopt)                                                                                \
    X(multi_strerror)                                                                              \
    X(multi_timeout)                                                                               \
    X(share_cleanup)                                                                               \
    X(share_init)                                                                                  \
    X(share_setopt)                                                                                \
    X(slist_append)                                                                                \
    X(slist_free_all)                                                                              \
    X(url)                                                                                         \
    X(url_cleanup)                                                                                 \
    X(url_get)                                                                                     \
    X(url_set)                                                                                     \
    X(url_strerror)                                                                                \
    X(version_info)

/* curl_easy_init() is api->easy_init(), and so on. */
struct curl_api {
#define CURL_API_MEMBER(name) __typeof__(curl_##name) *name;
    CURL_API_FUNCTIONS(CURL_API_MEMBER)
#undef CURL_API_MEMBER
};

/*
 * The first call opens the library and initialises it (some milliseconds); the later ones are
 * free. It stays loaded. NULL with ERR_CONFIG when it is missing or too old.
 */
const struct curl_api *curl_api(struct err *err);

#endif
