#include "server_upload.h"

#include "fd.h"
#include "mem.h"
#include "multipart.h"
#include "safefile.h"
#include "sha256.h"
#include "tempdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PREFIX     "upload-"
#define LEFT_S     (24 * 3600) /* a file of this age has been abandoned */
#define NAME_TRIES 1000        /* names that an earlier process with our number may have left */

struct server_upload {
    struct server_folder *folder;
    struct multipart *multipart; /* NULL: the whole body, or a form that cannot be read */
    bool is_form;
    struct err malformed;      /* ERR_NONE: not */
    int fd;                    /* of the last part; -1: none is open */
    struct server_part *parts; /* of a whole body: one */
    size_t nparts;
    struct sha256 *hash; /* of the last part */
};

/* ---- the folder ---- */

static void remove_left(const char *path)
{
    DIR *dir = opendir(path);
    if (dir == NULL)
        return;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        struct stat st;
        if (strncmp(entry->d_name, PREFIX, sizeof PREFIX - 1) == 0 &&
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(st.st_mode) && time(NULL) - st.st_mtime > LEFT_S)
            unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
}

int server_folder_open(struct server_folder *folder, const char *path, struct err *err)
{
    if (path == NULL) {
        if (tempdir_open(&folder->temporary, err) != 0)
            return -1;
        folder->path = mem_strdup(folder->temporary.path);
        return 0;
    }
    if (safefile_private_dir(path, err) != 0)
        return -1;
    folder->path = mem_strdup(path);
    remove_left(path);
    return 0;
}

void server_folder_close(struct server_folder *folder)
{
    struct err err; /* nobody is left to hear it */
    tempdir_close(&folder->temporary, &err);
    mem_free(folder->path);
    *folder = (struct server_folder){0};
}

/* ---- one file ---- */

static int file_open(struct server_upload *upload, const struct multipart_part *part,
                     struct err *err)
{
    upload->parts = mem_realloc(upload->parts, (upload->nparts + 1) * sizeof *upload->parts);
    struct server_part *to = &upload->parts[upload->nparts++];
    *to = (struct server_part){.name = mem_strdup(part->name),
                               .filename = mem_strdup(part->filename),
                               .content_type = mem_strdup(part->content_type)};
    for (int i = 0; i < NAME_TRIES && upload->fd < 0; i++) {
        mem_free(to->path);
        to->path = mem_printf("%s/" PREFIX "%ld-%lu", upload->folder->path, (long)getpid(),
                              ++upload->folder->next);
        upload->fd = open(to->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (upload->fd < 0 && errno != EEXIST)
            break;
    }
    upload->hash = sha256_new();
    return upload->fd >= 0
               ? 0
               : err_set(err, ERR_CONFIG, "cannot write '%s': %s", to->path, strerror(errno));
}

static int file_write(struct server_upload *upload, const char *data, size_t len, struct err *err)
{
    struct server_part *part = &upload->parts[upload->nparts - 1];
    sha256_add(upload->hash, data, len);
    part->size += len;
    if (fd_write(upload->fd, data, len) != 0)
        return err_set(err, ERR_CONFIG, "cannot write '%s': %s", part->path, strerror(errno));
    return 0;
}

static int file_close(struct server_upload *upload, struct err *err)
{
    struct server_part *part = &upload->parts[upload->nparts - 1];
    unsigned char hash[SHA256_BYTES];
    int fd = upload->fd;
    upload->fd = -1;
    sha256_end(upload->hash, hash);
    upload->hash = NULL;
    sodium_bin2hex(part->sha256, sizeof part->sha256, hash, sizeof hash);
    if (close(fd) != 0)
        return err_set(err, ERR_CONFIG, "cannot write '%s': %s", part->path, strerror(errno));
    return 0;
}

static int on_begin(void *arg, const struct multipart_part *part, struct err *err)
{
    return file_open(arg, part, err);
}

static int on_content(void *arg, const char *data, size_t len, struct err *err)
{
    return file_write(arg, data, len, err);
}

static int on_end(void *arg, struct err *err)
{
    return file_close(arg, err);
}

/* ---- one body ---- */

struct server_upload *server_upload_new(struct server_folder *folder, const char *content_type)
{
    struct server_upload *upload = mem_alloc(sizeof *upload);
    const struct multipart_handler handler = {on_begin, on_content, on_end, upload};
    upload->folder = folder;
    upload->fd = -1;
    upload->is_form = content_type != NULL;
    if (content_type != NULL)
        upload->multipart = multipart_new(content_type, &handler, &upload->malformed);
    return upload;
}

void server_upload_free(struct server_upload *upload)
{
    if (upload == NULL)
        return;
    if (upload->fd >= 0)
        close(upload->fd);
    for (size_t i = 0; i < upload->nparts; i++) {
        if (upload->parts[i].path != NULL)
            unlink(upload->parts[i].path);
        mem_free(upload->parts[i].path);
        mem_free(upload->parts[i].name);
        mem_free(upload->parts[i].filename);
        mem_free(upload->parts[i].content_type);
    }
    mem_free(upload->parts);
    multipart_free(upload->multipart);
    sha256_free(upload->hash);
    mem_free(upload);
}

/* Errors in the form are for the handler to answer; errors of the disk are not. */
static int sort_out(struct server_upload *upload, const struct err *failure, struct err *err)
{
    if (failure->kind == ERR_INVALID) {
        upload->malformed = *failure;
        return 0;
    }
    *err = *failure;
    return -1;
}

int server_upload_feed(struct server_upload *upload, const char *data, size_t len, struct err *err)
{
    static const struct multipart_part whole = {.name = ""};
    struct err failure;
    if (upload->malformed.kind != ERR_NONE)
        return 0;
    if (upload->is_form)
        return multipart_feed(upload->multipart, data, len, &failure) == 0
                   ? 0
                   : sort_out(upload, &failure, err);
    if (upload->nparts == 0 && file_open(upload, &whole, err) != 0)
        return -1;
    return file_write(upload, data, len, err);
}

int server_upload_finish(struct server_upload *upload, struct server_request *request,
                         struct err *err)
{
    if (!upload->is_form) {
        request->body_path = upload->parts[0].path;
        request->body_path_len = upload->parts[0].size;
        return file_close(upload, err);
    }
    struct err failure;
    if (upload->malformed.kind == ERR_NONE && multipart_end(upload->multipart, &failure) != 0 &&
        sort_out(upload, &failure, err) != 0)
        return -1;
    request->is_form = true;
    request->malformed = upload->malformed.kind != ERR_NONE ? upload->malformed.msg : NULL;
    request->parts = upload->parts;
    request->nparts = request->malformed == NULL ? upload->nparts : 0;
    return 0;
}
