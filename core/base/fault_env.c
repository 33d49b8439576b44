#include "fault.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* What $JETON_FAULT says after "NAME="; NULL: nothing. */
static const char *wanted(const char *name)
{
    const char *text = getenv("JETON_FAULT");
    size_t len = strlen(name);
    return text != NULL && strncmp(text, name, len) == 0 && text[len] == '=' ? text + len + 1
                                                                             : NULL;
}

void fault_point(const char *name)
{
    const char *how = wanted(name);
    if (how != NULL)
        raise(strcmp(how, "stop") == 0 ? SIGSTOP : SIGKILL);
}

int64_t fault_number(const char *name)
{
    const char *ms = wanted(name);
    return ms != NULL ? strtoll(ms, NULL, 10) : 0;
}
