/* jeton token without a name: what is known of all connectors, for people and for monitoring. */
#ifndef JETON_TOKEN_TABLE_H
#define JETON_TOKEN_TABLE_H

#include "app.h"

/* The exit status: 4 where a connector needs a person, else 0. -1 where the state cannot be read.
 */
int token_table_print(struct app *app, const struct config *config, bool json, struct err *err);

#endif
