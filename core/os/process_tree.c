#include "process_tree.h"

#include "mem.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define STAT_SIZE    512 /* a name has 16 bytes; the parent's number comes soon after */
#define ENVIRON_SIZE ((size_t)256 * 1024)

struct found {
    pid_t pid, parent;
    bool below;
};

static size_t read_file(pid_t pid, const char *name, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t n = 1;
    while (fd >= 0 && n > 0 && len < size - 1) {
        n = read(fd, text + len, size - 1 - len);
        len += n > 0 ? (size_t)n : 0;
    }
    if (fd >= 0)
        close(fd);
    text[len] = '\0';
    return len;
}

DIR *process_tree_all(void)
{
    char self[24]; /* a number */
    ssize_t n = readlink("/proc/self", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    return strtol(self, NULL, 10) == getpid() ? opendir("/proc") : NULL;
}

/* As /proc/PID/stat has it: "PID (NAME) STATE PARENT …". */
pid_t process_tree_parent(pid_t pid)
{
    char text[STAT_SIZE];
    read_file(pid, "stat", text, sizeof text);
    const char *end = strrchr(text, ')'); /* the name may hold anything */
    return end != NULL && strlen(end) > 4 && end[2] != 'Z' ? (pid_t)strtol(end + 4, NULL, 10) : 0;
}

static bool has_entry(pid_t pid, const char *entry, char *text)
{
    size_t len = read_file(pid, "environ", text, ENVIRON_SIZE);
    const char *end = text + len;
    for (const char *at = text; at < end; at += strlen(at) + 1) {
        if (strcmp(at, entry) == 0)
            return true;
    }
    return false;
}

static struct found *list(pid_t root, const char *entry, size_t *count)
{
    char *text = mem_alloc(ENVIRON_SIZE);
    struct found *all = NULL;
    DIR *processes = process_tree_all();
    const struct dirent *it;
    *count = 0;
    while (processes != NULL && (it = readdir(processes)) != NULL) {
        pid_t pid = (pid_t)strtol(it->d_name, NULL, 10); /* 0 for what is no number */
        pid_t parent = pid > 0 && pid != root ? process_tree_parent(pid) : 0;
        if (parent <= 0)
            continue;
        all = mem_realloc(all, (*count + 1) * sizeof *all);
        all[(*count)++] = (struct found){
            pid, parent, parent == root || (entry != NULL && has_entry(pid, entry, text))};
    }
    if (processes != NULL)
        closedir(processes);
    mem_free(text);
    return all;
}

static bool is_below(const struct found *all, size_t count, pid_t pid)
{
    for (size_t i = 0; i < count; i++) {
        if (all[i].pid == pid)
            return all[i].below;
    }
    return false;
}

void process_tree_find(struct process_tree *tree, pid_t root, const char *entry)
{
    size_t count;
    struct found *all = list(root, entry, &count);
    for (bool more = true; more;) { /* a child may stand before its parent */
        more = false;
        for (size_t i = 0; i < count; i++) {
            if (!all[i].below && is_below(all, count, all[i].parent))
                all[i].below = more = true;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (!all[i].below || getpgid(all[i].pid) == root)
            continue;
        int fd = pidfd_open(all[i].pid, 0);
        if (fd < 0)
            continue;
        tree->fds = mem_realloc(tree->fds, (tree->count + 1) * sizeof *tree->fds);
        tree->fds[tree->count++] = fd;
    }
    mem_free(all);
}

void process_tree_signal(const struct process_tree *tree, int signo)
{
    for (size_t i = 0; i < tree->count; i++)
        pidfd_send_signal(tree->fds[i], signo, NULL, 0);
}

bool process_tree_is_alive(const struct process_tree *tree)
{
    for (size_t i = 0; i < tree->count; i++) {
        struct pollfd fd = {.fd = tree->fds[i], .events = POLLIN};
        if (poll(&fd, 1, 0) == 0)
            return true;
    }
    return false;
}

void process_tree_destroy(struct process_tree *tree)
{
    for (size_t i = 0; i < tree->count; i++)
        close(tree->fds[i]);
    mem_free(tree->fds);
    *tree = (struct process_tree){.count = 0};
}
