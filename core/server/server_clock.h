/* When the library runs, and when time limits are over. Private to the server. */
#ifndef JETON_SERVER_CLOCK_H
#define JETON_SERVER_CLOCK_H

#include "server_private.h"

/* Runs the library's daemon. False: the server was freed meanwhile. */
bool server_clock_run(struct server *server);
/* The server is not busy any more. False: it was freed, since that had to wait until now. */
bool server_clock_idle(struct server *server);
/* Something about a time limit has changed: it comes no later than this. */
void server_clock_expect(struct server *server, int64_t due_ms);

#endif
