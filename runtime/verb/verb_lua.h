/* Parts of verbs that are written in Lua, in modules of the executable. */
#ifndef JETON_VERB_LUA_H
#define JETON_VERB_LUA_H

#include "app.h"

/* Calls the module's function with one string, in a vm of its own. A text that it returns is
 * appended to `text`; NULL: it is not wanted. Its exit status, or -1. */
int verb_lua(struct app *app, const struct config *config, const char *module, const char *function,
             const char *json, struct buf *text, struct err *err);

#endif
