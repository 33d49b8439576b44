#include "group.h"

#include "mem.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#define OVERFLOW_GID 65534 /* stands for all groups that a user namespace does not know */
#define ENTRY_BYTES  ((size_t)64 * 1024)

static bool is_in(gid_t gid)
{
    if (gid == getegid())
        return true;
    int count = getgroups(0, NULL);
    gid_t *groups = mem_alloc((size_t)(count > 0 ? count : 1) * sizeof *groups);
    count = count > 0 ? getgroups(count, groups) : 0;
    bool found = false;
    for (int i = 0; i < count && !found; i++)
        found = groups[i] == gid;
    mem_free(groups);
    return found;
}

/* As far as the database lists its users. */
static bool is_primary_of_another(gid_t gid)
{
    const struct passwd *user;
    bool found = false;
    setpwent();
    while (!found && (user = getpwent()) != NULL)
        found = user->pw_gid == gid && user->pw_uid != geteuid();
    endpwent();
    return found;
}

static bool is_private(const struct group *group)
{
    const struct passwd *user = getpwuid(geteuid());
    if (user == NULL || user->pw_gid != group->gr_gid || strcmp(user->pw_name, group->gr_name) != 0)
        return false;
    for (char **member = group->gr_mem; *member != NULL; member++) {
        if (strcmp(*member, user->pw_name) != 0)
            return false;
    }
    return !is_primary_of_another(group->gr_gid);
}

bool group_is_own(const struct stat *st, bool of_users_file)
{
    bool owner = st->st_uid == 0 || (of_users_file && st->st_uid == geteuid());
    if (st->st_gid == 0 || st->st_gid == OVERFLOW_GID || !is_in(st->st_gid))
        return false;
    struct group group, *found = NULL;
    char *entry = mem_alloc(ENTRY_BYTES);
    int code = getgrgid_r(st->st_gid, &group, entry, ENTRY_BYTES, &found);
    bool own;
    if (found == NULL)
        own = code == 0 || code == ENOENT; /* else the database could not be asked */
    else
        own = owner && geteuid() != 0 && is_private(found);
    mem_free(entry);
    return own;
}
