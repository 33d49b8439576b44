/* Whether access of a file's group is access of anybody else. */
#ifndef JETON_GROUP_H
#define JETON_GROUP_H

#include <stdbool.h>
#include <sys/stat.h>

/*
 * True where the process is in the file's group, and nobody else can be: the group has no name, as
 * where Kubernetes gives a pod a number (fsGroup); or it is the user's private group: of the same
 * name, without other members, and no other user's primary one. The latter only of a file that is
 * root's, whose mode the user cannot change, or, if of_users_file, that is the user's: with umask
 * 002 files are made so. Never for root's group. Asks the user database.
 */
bool group_is_own(const struct stat *st, bool of_users_file);

#endif
