/*
 * Bodies that go to files: whole, or split into the parts of a multipart form. Private to the
 * server. Files are made 0600 in its folder and removed with their request, unless the handler
 * moved them away.
 */
#ifndef JETON_SERVER_UPLOAD_H
#define JETON_SERVER_UPLOAD_H

#include "err.h"
#include "server_options.h"
#include "tempdir.h"

#include <stdint.h>

/* Where they are kept. */
struct server_folder {
    char *path;
    struct tempdir temporary; /* it, where it is removed with the server */
    unsigned long next;
};

/* path NULL: a temporary one. Files that an earlier process left are removed. ERR_CONFIG. */
int server_folder_open(struct server_folder *folder, const char *path, struct err *err);
void server_folder_close(struct server_folder *folder); /* one that was never opened is fine */

struct server_upload;
/* content_type NULL: the whole body goes to one file. One whose form is malformed takes all bytes,
 * and says so in the request. */
struct server_upload *server_upload_new(struct server_folder *folder, const char *content_type);
void server_upload_free(struct server_upload *upload); /* NULL is fine */
/* ERR_CONFIG: it cannot be stored. */
int server_upload_feed(struct server_upload *upload, const char *data, size_t len, struct err *err);
/* The body is complete: sets what a request says of it. ERR_CONFIG. */
int server_upload_finish(struct server_upload *upload, struct server_request *request,
                         struct err *err);

#endif
