/* What a server asks its functions at once, outside of any task: they cannot wait. Private to
 * jeton.server. */
#ifndef JETON_LSERVER_ASK_H
#define JETON_LSERVER_ASK_H

#include "server.h"

#include <lua.h>

/* User values of a server, which is in the registry under a pointer. */
enum {
    LSERVER_HANDLER = 1,
    LSERVER_HOST,
    LSERVER_FOLDER,
    LSERVER_HEAD,
    LSERVER_REFUSE,
    LSERVER_VALUES = LSERVER_REFUSE,
};

/* A message handler: a cancellation keeps its value, everything else becomes text with a traceback.
 */
int lserver_on_error(lua_State *L);
/* As server_head_fn. An error is logged, and answers 500. */
uint64_t lserver_ask_head(lua_State *L, const void *server, struct server_exchange *answer,
                          const struct server_request *head);
/* As server_refuse_fn. An error is logged. */
void lserver_ask_refuse(lua_State *L, const void *server, struct server_exchange *answer,
                        const struct server_refusal *refusal);

#endif
