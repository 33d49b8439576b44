/* What SQLite does not say of a failure. */
#include "store_sqlite_why.h"

#include "mem.h"

#include <errno.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define WRITE_VERSION_AT 18 /* a byte of the file's head */

/* -shm grows by it, all else by less. */
#define SHM_STEP ((uint64_t)32 * 1024)

int store_sqlite_why_version(sqlite3 *db)
{
    sqlite3_file *file = NULL;
    unsigned char version = 0;
    if (sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, (void *)&file) != SQLITE_OK ||
        file == NULL || file->pMethods == NULL ||
        file->pMethods->xRead(file, &version, 1, WRITE_VERSION_AT) != SQLITE_OK)
        return 0;
    return version;
}

int store_sqlite_why_reading(sqlite3 *db)
{
    static const int pointers[] = {SQLITE_FCNTL_FILE_POINTER, SQLITE_FCNTL_JOURNAL_POINTER};
    for (size_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++) {
        sqlite3_file *file = NULL;
        int number = 0;
        if (sqlite3_file_control(db, "main", pointers[i], (void *)&file) == SQLITE_OK &&
            file != NULL && file->pMethods != NULL &&
            file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &number) == SQLITE_OK &&
            (number == EIO || number == ENXIO || number == ERANGE))
            return number;
    }
    return 0;
}

bool store_sqlite_why_limited(const char *path, int system)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    struct rlimit limit;
    bool limited = system == EFBIG;
    if (limited || getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return limited;
    for (size_t i = 0; !limited && i < sizeof endings / sizeof endings[0]; i++) {
        struct stat st;
        char *file = mem_join(path, endings[i], NULL);
        off_t size = stat(file, &st) == 0 ? st.st_size : 0;
        limited = (uint64_t)size + SHM_STEP > limit.rlim_cur;
        mem_free(file);
    }
    return limited;
}
