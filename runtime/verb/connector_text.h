/* What stands in the YAML file of `jeton connector add`. */
#ifndef JETON_CONNECTOR_TEXT_H
#define JETON_CONNECTOR_TEXT_H

#include "connector_values.h"

/* ERR_USAGE: a value that is no UTF-8. */
int connector_text_write(const struct connector_files *files, const struct connector_values *values,
                         struct buf *out, struct err *err);

/* The same as a configuration by itself, with the values in place of files. */
int connector_text_plain(const struct connector_values *values, struct buf *out, struct err *err);

/* True when `connector` is in files->yaml, which holds what connector_text_write put there and
 * nothing else. Sets the slots of files to those that it names. */
bool connector_text_ours(struct connector_files *files, const struct connector *connector);

#endif
