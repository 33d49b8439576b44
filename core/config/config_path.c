/* Which configuration, and which state folder. */
#include "config.h"
#include "mem.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#define FILE_NAME   "jeton.yaml"
#define SYSTEM_FILE "/etc/jeton/jeton.yaml"

/* $variable/rest, or ~/fallback/rest; NULL where there is no home (mem_free). */
static char *xdg_path(const char *variable, const char *fallback, const char *rest)
{
    const char *base = getenv(variable);
    if (base != NULL && base[0] == '/') /* a relative one is to be ignored, says the standard */
        return mem_printf("%s/%s", base, rest);
    const char *home = getenv("HOME");
    if (home == NULL || home[0] != '/') {
        struct passwd *user = getpwuid(geteuid());
        home = user != NULL ? user->pw_dir : NULL;
    }
    return home != NULL ? mem_printf("%s/%s/%s", home, fallback, rest) : NULL;
}

char *config_user_path(void)
{
    return xdg_path("XDG_CONFIG_HOME", ".config", "jeton/" FILE_NAME);
}

char *config_choose(const char *explicit_path)
{
    if (explicit_path != NULL)
        return mem_strdup(explicit_path);
    const char *variable = getenv("JETON_CONFIG");
    if (variable != NULL && variable[0] != '\0')
        return mem_strdup(variable);
    if (access(FILE_NAME, F_OK) == 0)
        return mem_strdup(FILE_NAME);
    char *own = config_user_path();
    if (own != NULL && access(own, F_OK) == 0)
        return own;
    mem_free(own);
    return access(SYSTEM_FILE, F_OK) == 0 ? mem_strdup(SYSTEM_FILE) : NULL;
}

char *config_default_state(void)
{
    char *path = xdg_path("XDG_STATE_HOME", ".local/state", "jeton");
    return path != NULL ? path : mem_strdup("/var/lib/jeton");
}
