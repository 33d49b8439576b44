/* What the configuration says a script runs in. */
#ifndef JETON_APP_ENVIRONMENT_H
#define JETON_APP_ENVIRONMENT_H

#include "err.h"

/* Sets "NAME=value" entries (NULL-terminated; NULL: none) in this process, for good. ERR_CONFIG. */
int app_environment_set(char *const *entries, struct err *err);
/* The same, then goes to the directory (NULL: stays). ERR_CONFIG. */
int app_environment_enter(char *const *entries, const char *directory, struct err *err);

#endif
