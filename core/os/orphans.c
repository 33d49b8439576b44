#include "orphans.h"

#include "clock.h"
#include "mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STAT_SIZE 512 /* a name has 16 bytes; the parent's number comes soon after */

void orphans_adopt(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

void orphans_destroy(struct orphans *orphans)
{
    mem_free(orphans->told);
    orphans->told = NULL;
    orphans->ntold = 0;
}

/* The parent, as /proc/PID/stat has it: "PID (NAME) STATE PARENT …". 0 where there is no such
 * process, or only its status is left. */
static pid_t parent_of(pid_t pid)
{
    char path[64], text[STAT_SIZE];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    const char *end = strrchr(text, ')'); /* the name may hold anything */
    return end != NULL && strlen(end) > 4 && end[2] != 'Z' ? (pid_t)strtol(end + 4, NULL, 10) : 0;
}

static bool was_told(const struct orphans *orphans, pid_t pid)
{
    for (size_t i = 0; i < orphans->ntold; i++) {
        if (orphans->told[i] == pid)
            return true;
    }
    return false;
}

/* SIGTERM is sent once. */
static void end_one(struct orphans *orphans, pid_t pid, bool insist)
{
    if (insist)
        kill(pid, SIGKILL);
    if (was_told(orphans, pid))
        return;
    kill(pid, SIGTERM);
    kill(pid, SIGCONT); /* one that is stopped does not hear */
    orphans->told = mem_realloc(orphans->told, (orphans->ntold + 1) * sizeof *orphans->told);
    orphans->told[orphans->ntold++] = pid;
}

/* Whether there are any. */
static bool end_children(struct orphans *orphans, bool insist)
{
    pid_t self = getpid();
    bool any = false;
    DIR *processes = opendir("/proc");
    if (processes == NULL)
        return false;
    const struct dirent *entry;
    while ((entry = readdir(processes)) != NULL) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10); /* 0 for what is no number */
        if (pid > 0 && parent_of(pid) == self) {
            end_one(orphans, pid, insist);
            any = true;
        }
    }
    closedir(processes);
    return any;
}

/* False when there is no child at all. */
static bool reap(void)
{
    pid_t pid;
    do {
        pid = waitpid(-1, NULL, WNOHANG);
    } while (pid > 0);
    return pid == 0;
}

bool orphans_step(struct orphans *orphans)
{
    int64_t now = clock_mono_ms();
    if (!reap())
        return true;
    if (orphans->begun_ms == 0)
        orphans->begun_ms = now;
    int64_t passed = now - orphans->begun_ms;
    end_children(orphans, passed >= ORPHANS_TERM_MS);
    return passed >= ORPHANS_TERM_MS + ORPHANS_KILL_MS;
}

void orphans_end(struct orphans *orphans)
{
    const struct timespec tick = {.tv_nsec = ORPHANS_TICK_MS * 1000000L};
    int64_t begun_ms = clock_mono_ms(), passed = 0;
    while (passed < ORPHANS_TERM_MS + ORPHANS_KILL_MS &&
           end_children(orphans, passed >= ORPHANS_TERM_MS)) {
        nanosleep(&tick, NULL);
        passed = clock_mono_ms() - begun_ms;
    }
}
