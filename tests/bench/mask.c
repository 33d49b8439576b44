/* mask SECRETS FILE: masks the secrets, one a line, in the file, as a job's output is masked. */
#include "redact.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void write_out(void *arg, const char *data, size_t len)
{
    fwrite(data, 1, len, arg);
}

int main(int argc, char **argv)
{
    static char line[64 * 1024], chunk[64 * 1024]; /* a pipe's */
    struct redact *redact = redact_new();
    FILE *secrets = argc == 3 ? fopen(argv[1], "r") : NULL;
    int fd = argc == 3 ? open(argv[2], O_RDONLY) : -1;
    if (secrets == NULL || fd < 0)
        return 2;
    while (fgets(line, sizeof line, secrets) != NULL)
        redact_add(redact, line, strcspn(line, "\n"));
    fclose(secrets);
    struct redact_stream *stream = redact_stream_new(redact, write_out, stdout);
    for (ssize_t n; (n = read(fd, chunk, sizeof chunk)) > 0;)
        redact_stream_write(stream, chunk, (size_t)n);
    redact_stream_free(stream);
    redact_free(redact);
    return 0;
}
