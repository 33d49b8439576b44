/* Where a connector's secrets may go, and that nobody sees them. */
#ifndef JETON_CONNECTOR_H
#define JETON_CONNECTOR_H

#include "config.h"

/* By its allow_hosts and token_service (allow_check). ERR_INVALID: no URL; ERR_AUTH: not allowed.
 */
int connector_allows(const struct connector *connector, const char *url, struct err *err);

/*
 * Registers what is known of its secrets without reading any: a run with a cached token reads none,
 * and yet masks them and keeps them where they belong.
 */
void connector_hide(const struct connector *connector, struct redact *redact);
/* Reads and registers those that are in files ({file:}, {credential:}); what cannot be read is left
 * out. May block as files do; no command runs. */
void connector_hide_files(const struct connector *connector, struct redact *redact);

#endif
