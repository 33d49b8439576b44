#include "orphans.h"

#include "clock.h"
#include "mem.h"
#include "process_tree.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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
    DIR *processes = process_tree_all();
    if (processes == NULL)
        return false;
    const struct dirent *entry;
    while ((entry = readdir(processes)) != NULL) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10); /* 0 for what is no number */
        if (pid > 0 && process_tree_parent(pid) == self) {
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
