/* Registers the secrets of a configuration, so that they are masked and kept from others. */
#ifndef JETON_CONFIG_HIDE_H
#define JETON_CONFIG_HIDE_H

#include "config.h"

/*
 * Registers the secrets that can be had without reading or running anything, as their connectors':
 * written ones, those in variables of this process, and those in variables that a job or webhook
 * sets for itself, whichever runs. Those of webhooks and of the state too.
 */
void config_hide(const struct config *config, struct redact *redact);
/* Reads and registers those that are in files; what cannot be read is
 * left out. May block as files do; no command runs. */
void config_hide_files(const struct config *config, struct redact *redact);

#endif
