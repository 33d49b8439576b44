/* Runs a fuzz target on every file of the folders (or files) that are named: the kept corpus is a
 * test of its own, without a fuzzer. */
#include "buf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX ((size_t)16 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    struct buf data;
    buf_create(&data, FILE_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int result = fd >= 0 ? buf_read_fd(&data, fd) : -1;
    if (result != 0) {
        fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
    } else {
        /* A copy of the exact size, so that a read past its end is found by a sanitizer. */
        uint8_t *exact = malloc(data.len > 0 ? data.len : 1);
        if (exact == NULL)
            abort();
        memcpy(exact, data.data, data.len);
        LLVMFuzzerTestOneInput(exact, data.len);
        free(exact);
    }
    if (fd >= 0)
        close(fd);
    buf_destroy(&data);
    return result;
}

/* Number of files, or -1. */
static int replay_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        fprintf(stderr, "replay: %s: %s\n", folder, strerror(errno));
        return -1;
    }
    int count = 0;
    for (const struct dirent *entry; count >= 0 && (entry = readdir(dir)) != NULL;) {
        char path[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        count = replay_file(path) == 0 ? count + 1 : -1;
    }
    closedir(dir);
    return count;
}

int main(int argc, char **argv)
{
    int total = 0;
    for (int i = 1; i < argc; i++) {
        int count = replay_folder(argv[i]);
        if (count < 0)
            return 1;
        total += count;
    }
    printf("replayed %d files\n", total);
    return total > 0 ? 0 : 1; /* no corpus, no test */
}
