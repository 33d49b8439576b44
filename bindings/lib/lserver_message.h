/* Requests and responses as Lua sees them. Private to jeton.server. */
#ifndef JETON_LSERVER_MESSAGE_H
#define JETON_LSERVER_MESSAGE_H

#include "server.h"

#include <lua.h>
#include <stdbool.h>

/* Pushes the table of a request. */
void lserver_message_push(lua_State *L, const struct server_request *request);
/* Pushes that of a refusal by the server: status, code, message, and path where it is known. */
void lserver_message_push_refusal(lua_State *L, const struct server_refusal *refusal);
/*
 * Checks the handler's response at index and answers with it (or drops). exchange NULL: the peer is
 * gone, it is only checked. Raises a string when it is no response.
 */
void lserver_message_answer(lua_State *L, int index, struct server_exchange *exchange);
/* {"message":…,"errorCode":…}; both plain ASCII without quotes. */
void lserver_message_refuse(struct server_exchange *exchange, int status, const char *message,
                            const char *code);

#endif
