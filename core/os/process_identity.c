#include "process_identity.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STAT_SIZE   1024 /* a name has at most 16 bytes; the fields that are read come early */
#define START_FIELD 22   /* proc(5) */
#define STATE_FIELD 3

/* The state letter ('\0' where there is no such process) and the start time of a process. */
static char read_stat(pid_t pid, int64_t *start)
{
    char path[64], text[STAT_SIZE];
    *start = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return '\0';
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0)
        return '\0';
    text[n] = '\0';
    char *field = strrchr(text, ')'); /* the name may contain anything, parentheses too */
    if (field == NULL || field[1] != ' ')
        return '\0';
    field += 2;
    char state = *field;
    for (int i = STATE_FIELD; field != NULL && i < START_FIELD; i++) {
        field = strchr(field, ' ');
        field = field != NULL ? field + 1 : NULL;
    }
    if (field != NULL)
        *start = strtoll(field, NULL, 10);
    return state;
}

void process_identity_own(struct process_identity *identity)
{
    memset(identity, 0, sizeof *identity);
    identity->pid = getpid();
    read_stat(identity->pid, &identity->start);
    clock_boot_id(identity->boot_id);
}

bool process_identity_alive(const struct process_identity *identity)
{
    char boot_id[CLOCK_BOOT_ID_SIZE];
    int64_t start;
    clock_boot_id(boot_id);
    if (identity->pid <= 0 || strcmp(boot_id, identity->boot_id) != 0)
        return false;
    char state = read_stat(identity->pid, &start);
    return state != '\0' && state != 'Z' && start == identity->start;
}
