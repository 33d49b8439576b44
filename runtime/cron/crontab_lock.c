/* One jeton at a time changes a user's crontab. */
#include "crontab.h"

#include <pwd.h>
#include <unistd.h>

#define NO_HOME "/" /* locked by users without a home; it is only held longer */

/* The user's home, or else a folder that always exists. */
static int lock_home(struct lock *lock, const char **folder, struct err *err)
{
    const struct passwd *user = getpwuid(getuid());
    *folder = user != NULL ? user->pw_dir : NO_HOME;
    int result = lock_block_folder(lock, *folder, 0, err);
    if (result == 0 || err->kind == ERR_BUSY)
        return result;
    lock_release(lock);
    *folder = NO_HOME;
    return lock_block_folder(lock, *folder, 0, err);
}

int crontab_lock(struct lock *lock, struct log *log, struct err *err)
{
    const char *folder;
    if (lock_home(lock, &folder, err) == 0)
        return 0;
    if (err->kind != ERR_BUSY) { /* on a file system without locks we go on */
        log_msg(log, LOG_DEBUG, "the crontab is changed without a lock: %s", err->msg);
        return 0;
    }
    lock_release(lock);
    log_msg(log, LOG_INFO, "another jeton is changing the crontab; waiting for it");
    if (lock_block_folder(lock, folder, CRONTAB_LOCK_MS, err) == 0)
        return 0;
    return err_set(err, ERR_CONFIG,
                   "another jeton has been changing the crontab for over %d s; see what it waits "
                   "for, and try again",
                   CRONTAB_LOCK_MS / 1000);
}
