/* What SQLite does not say of a failure. */
#ifndef JETON_STORE_SQLITE_WHY_H
#define JETON_STORE_SQLITE_WHY_H

#include <sqlite3.h>
#include <stdbool.h>

#define STORE_SQLITE_VERSION_MAX 2 /* of SQLite's format: that of WAL */

/* The version of SQLite's format that whoever writes the file must know: a greater one than ours
 * makes it read-only to us. By SQLite's own descriptor, as closing another one would take away its
 * locks. 0: not known. */
int store_sqlite_why_version(sqlite3 *db);
/* What SQLite calls damage is, for all it says, that the disk, or a server of files, could not read
 * just now: the error of the system with which the file or its log was read last; 0: none. */
int store_sqlite_why_reading(sqlite3 *db);
/* A file of the state at path that is there or would be made could not grow by SHM_STEP. SQLite
 * does not always keep the error of the system. */
bool store_sqlite_why_limited(const char *path, int system);

#endif
