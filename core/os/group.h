/* Whether access of a file's group is access of anybody else. */
#ifndef JETON_GROUP_H
#define JETON_GROUP_H

#include <stdbool.h>
#include <sys/stat.h>

/*
 * True where the process is in the file's group, and nobody else can be: the group has no name, as
 * where Kubernetes gives a pod a number (fsGroup); or, of a file that is root's and whose mode the
 * user cannot change, it is the user's private group, of the same name and without other members.
 * Never for root's group. Asks the user database.
 */
bool group_is_own(const struct stat *st);

#endif
