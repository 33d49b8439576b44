/* Where a connector's tokens may go. */
#ifndef JETON_CONNECTOR_H
#define JETON_CONNECTOR_H

#include "config.h"

/* By its allow_hosts and token_service (host_check). ERR_INVALID: no URL; ERR_AUTH: not allowed. */
int connector_allows(const struct connector *connector, const char *url, struct err *err);

#endif
