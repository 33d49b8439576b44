/* For tests that need files: a folder of their own that is the working directory, removed at the
 * end. */
#ifndef JETON_TEST_FOLDER_H
#define JETON_TEST_FOLDER_H

#include "mem.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct folder {
    char path[64];
};

static inline int folder_set_up(void **state)
{
    struct folder *folder = mem_alloc(sizeof *folder);
    strcpy(folder->path, "/tmp/jeton-test-XXXXXX");
    umask(077);
    *state = folder;
    return mkdtemp(folder->path) != NULL && chdir(folder->path) == 0 ? 0 : -1;
}

static inline int folder_tear_down(void **state)
{
    struct folder *folder = *state;
    char *command = mem_printf("rm -rf '%s'", folder->path);
    int result = chdir("/") == 0 ? system(command) : -1;
    mem_free(command);
    mem_free(folder);
    return result;
}

/* How many there are in the working directory. */
static inline size_t folder_entries(void)
{
    size_t n = 0;
    DIR *dir = opendir(".");
    assert_non_null(dir);
    while (readdir(dir) != NULL)
        n++;
    closedir(dir);
    return n - 2;
}

/* Writes a file in the working directory. */
static inline void folder_put(const char *name, mode_t mode, const char *text)
{
    unlink(name); /* one without write permission is no obstacle, whoever runs the tests */
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(name, mode), 0);
}

#endif
