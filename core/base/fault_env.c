#include "fault.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

void fault_point(const char *name)
{
    const char *wanted = getenv("JETON_FAULT");
    size_t len = strlen(name);
    if (wanted == NULL || strncmp(wanted, name, len) != 0 || wanted[len] != '=')
        return;
    raise(strcmp(wanted + len + 1, "stop") == 0 ? SIGSTOP : SIGKILL);
}
