/* The scopes that a person's sign-in has asked for, against those that the reply says. */
#ifndef JETON_OAUTH2_SCOPE_H
#define JETON_OAUTH2_SCOPE_H

#include "connector.h"

/* provider.ungranted */
char *oauth2_scope_ungranted(const struct connector *connector, const char *granted);

#endif
