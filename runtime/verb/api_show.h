/* What `jeton api` prints of a reply. */
#ifndef JETON_API_SHOW_H
#define JETON_API_SHOW_H

#include "app.h"

/* A body as it came, masked; on a terminal JSON is laid out for people. */
int api_show_body(struct app *app, const char *body, size_t len, struct err *err);
/* ERR_USAGE: it does not compile. */
int api_show_check(const char *code, struct err *err);
/* What the Lua code makes of the body, which it finds as `it`, in a run on the engine. The exit
 * status, or -1 with err. */
int api_show_lua(struct app *app, struct engine *engine, const struct connector *connector,
                 const char *code, const char *body, size_t len, struct err *err);

#endif
