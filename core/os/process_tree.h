/* The processes that a program has started, found in /proc: by their parents, and, where those have
 * ended already, by what they have in their environment. */
#ifndef JETON_PROCESS_TREE_H
#define JETON_PROCESS_TREE_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct process_tree {
    int *fds; /* of pidfd_open: a number that is reused meanwhile does no harm */
    size_t count;
};

/* /proc; NULL where there is none, or that of another namespace: its numbers are those of others.
 */
DIR *process_tree_all(void);
/* The parent of a process; 0 where there is no such process, or only its status is left. */
pid_t process_tree_parent(pid_t pid);
/* All below root, without root itself and those of its process group; and those that have `entry`
 * ("NAME=value") in their environment; NULL: none. Reads all of /proc. */
void process_tree_find(struct process_tree *tree, pid_t root, const char *entry);
void process_tree_signal(const struct process_tree *tree, int signo);
/* Whether one of them runs still. */
bool process_tree_is_alive(const struct process_tree *tree);
void process_tree_destroy(struct process_tree *tree); /* idempotent; a zeroed one is fine */

#endif
