/* Files of values that wait for the server. */
#include "mem.h"
#include "safefile.h"
#include "store_pg.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FOLDER     "spool"
#define HEAD       "jeton spool 1\n"
#define BYTES_MAX  ((size_t)4 * 1024 * 1024)
#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."

/* Before each value; its bytes follow. */
struct entry {
    uint32_t len;
    uint8_t null, format;
    uint16_t unused; /* zeros, and no padding */
};

static char *path_of(const struct store_pg *pg, const char *name)
{
    return mem_printf("%s/" FOLDER "/%s", pg->place.folder, name);
}

static size_t length_of(const struct store_pg_statement *statement, int i)
{
    if (statement->values[i] == NULL)
        return 0;
    return statement->formats[i] == 1 ? (size_t)statement->lengths[i]
                                      : strlen(statement->values[i]);
}

void store_pg_spool_write(const struct store_pg *pg, const char *name,
                          const struct store_pg_statement *statement)
{
    struct err err;
    struct buf text;
    char *folder = path_of(pg, "");
    char *path = path_of(pg, name);
    buf_create_secret(&text, BYTES_MAX);
    int result = buf_puts(&text, HEAD);
    for (int i = 0; result == 0 && i < statement->count; i++) {
        size_t len = length_of(statement, i);
        const struct entry entry = {.len = (uint32_t)len,
                                    .null = statement->values[i] == NULL,
                                    .format = (uint8_t)statement->formats[i]};
        result = buf_append(&text, &entry, sizeof entry);
        if (result == 0 && len > 0)
            result = buf_append(&text, statement->values[i], len);
    }
    folder[strlen(folder) - 1] = '\0';
    if (result == 0 && safefile_private_dir(folder, &err) == 0)
        safefile_write(path, 0600, text.data, text.len, &err);
    buf_destroy(&text);
    mem_free(folder);
    mem_free(path);
}

void store_pg_spool_remove(const struct store_pg *pg, const char *name)
{
    char *path = path_of(pg, name);
    unlink(path);
    mem_free(path);
}

bool store_pg_spool_has(const struct store_pg *pg, const char *name)
{
    char *path = path_of(pg, name);
    bool there = access(path, F_OK) == 0;
    mem_free(path);
    return there;
}

static bool is_name(const char *name)
{
    return name[0] != '.' && strlen(name) < STORE_PG_SPOOL_NAME &&
           name[strspn(name, NAME_CHARS)] == '\0';
}

static int take_values(struct store_pg_batch *batch, const struct buf *text)
{
    int count = 0;
    struct entry entry;
    for (size_t at = sizeof HEAD - 1; at < text->len; at += entry.len) {
        if (text->len - at < sizeof entry || count == STORE_PG_PARAMS_MAX)
            return 0;
        memcpy(&entry, text->data + at, sizeof entry);
        at += sizeof entry;
        if (entry.len > text->len - at || (entry.null != 0 && entry.len > 0))
            return 0;
        const char *value = text->data + at;
        char *copy = entry.null != 0 ? NULL : arena_text(&batch->texts, value, entry.len);
        if (entry.format == 1)
            store_pg_bytes(batch, copy, entry.len);
        else
            store_pg_text(batch, copy);
        count++;
    }
    return count;
}

int store_pg_spool_read(struct store_pg_batch *batch, const char *name)
{
    struct err err;
    struct buf text;
    char *path = path_of(batch->pg, name);
    buf_create_secret(&text, BYTES_MAX);
    int count = 0;
    if (safefile_read(path, SAFEFILE_PRIVATE, &text, &err) == 0 && text.len >= sizeof HEAD - 1 &&
        memcmp(text.data, HEAD, sizeof HEAD - 1) == 0)
        count = take_values(batch, &text);
    buf_destroy(&text);
    mem_free(path);
    return count;
}

size_t store_pg_spool_each(struct store_pg *pg, store_pg_spool_fn *fn, void *arg)
{
    size_t count = 0;
    char *folder = path_of(pg, "");
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    mem_free(folder);
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (!is_name(entry->d_name))
            continue;
        count++;
        if (fn != NULL)
            fn(pg, entry->d_name, arg);
    }
    if (dir != NULL)
        closedir(dir);
    return count;
}
