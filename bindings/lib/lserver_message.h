/* Requests and responses as Lua tables. Only for jeton.server. */
#ifndef JETON_LSERVER_MESSAGE_H
#define JETON_LSERVER_MESSAGE_H

#include "server.h"

#include <lua.h>
#include <stdbool.h>

/* Pushes a request. */
void lserver_message_push(lua_State *L, const struct server_request *request);
/* Pushes a refusal by the server: status, code, message, and path if it is known. */
void lserver_message_push_refusal(lua_State *L, const struct server_refusal *refusal);
/* Checks the response at index and answers with it, or drops the connection if it says so. Raises a
 * string if it is not a valid response. Reading it may run code of the script, which may close the
 * server, so `waiting` is looked at after that. NULL in it: the peer is gone, nothing is sent. */
void lserver_message_answer(lua_State *L, int index, struct server_exchange *const *waiting);
/* Answers {"message":…,"errorCode":…}. Both must be ASCII without quotes. */
void lserver_message_refuse(struct server_exchange *exchange, int status, const char *message,
                            const char *code);

#endif
