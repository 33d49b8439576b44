/*
 * Signs for tests that let other programs verify. A line of standard input is KEY FILE|ALGORITHM, a
 * line of output a token whose claims say which one it is. What is wrong ends it with 2.
 */
#include "jwt.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096

static int answer(const char *path, const char *algorithm)
{
    struct err err = {0};
    struct buf text, token;
    struct jwt_header header = {.key_id = "k1"};
    char claims[LINE_MAX_BYTES];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    buf_create_secret(&text, PRIVATE_KEY_BYTES_MAX);
    buf_create_secret(&token, JWT_MAX);
    if (fd < 0 || buf_read_fd(&text, fd) != 0)
        err_set(&err, ERR_CONFIG, "%s cannot be read", path);
    if (fd >= 0)
        close(fd);
    while (private_key_algorithms[header.algorithm] != NULL &&
           strcmp(private_key_algorithms[header.algorithm], algorithm) != 0)
        header.algorithm++;
    snprintf(claims, sizeof claims, "{\"iss\":\"%s\"}", algorithm);
    struct private_key *key =
        err.kind == ERR_NONE ? private_key_new(text.data, text.len, &err) : NULL;
    int result = key != NULL ? jwt_sign(key, &header, claims, &token, &err) : -1;
    if (result == 0)
        puts(token.data);
    else
        fprintf(stderr, "jwt_oracle: %s: %s\n", path, err.msg);
    private_key_free(key);
    buf_destroy(&text);
    buf_destroy(&token);
    return result;
}

int main(void)
{
    char line[LINE_MAX_BYTES];
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *algorithm = strchr(line, '|');
        if (algorithm == NULL)
            return 2;
        *algorithm++ = '\0';
        if (answer(line, algorithm) != 0)
            return 2;
    }
    return 0;
}
