/* Calls a server's functions `head` and `refuse`, which are needed at once: they run outside of any
 * task and cannot wait. Only for jeton.server. */
#ifndef JETON_LSERVER_ASK_H
#define JETON_LSERVER_ASK_H

#include "server.h"

#include <lua.h>

/* User values of a server. */
enum {
    LSERVER_HANDLER = 1,
    LSERVER_HOST,
    LSERVER_FOLDER,
    LSERVER_HEAD,
    LSERVER_REFUSE,
    LSERVER_VALUES = LSERVER_REFUSE,
};

/* A message handler: keeps a cancellation as it is, makes everything else text with a traceback. */
int lserver_on_error(lua_State *L);
/* As server_head_fn. `server`: the registry's key of the server. An error is logged and answers
 * 500. */
uint64_t lserver_ask_head(lua_State *L, const void *server, struct server_exchange *answer,
                          const struct server_request *head);
/* As server_refuse_fn. An error is logged. */
void lserver_ask_refuse(lua_State *L, const void *server, struct server_exchange *answer,
                        const struct server_refusal *refusal);

#endif
