/* Identifies a process beyond its number: numbers are reused, and after a reboot all of them. */
#ifndef JETON_PROCESS_IDENTITY_H
#define JETON_PROCESS_IDENTITY_H

#include "clock.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process_identity {
    pid_t pid;
    int64_t start; /* clock ticks since boot, as in /proc/PID/stat; 0: not known */
    char boot_id[CLOCK_BOOT_ID_SIZE];
};

void process_identity_own(struct process_identity *identity);
/* Whether that process still runs (a zombie does not). */
bool process_identity_alive(const struct process_identity *identity);

#endif
