/* Where to listen, as it is typed. */
#ifndef JETON_LISTEN_ADDRESS_H
#define JETON_LISTEN_ADDRESS_H

#include "err.h"

/* "127.0.0.1:8490", "[::1]:0". *host is the caller's (mem_free). ERR_USAGE. */
int listen_address_read(const char *text, char **host, int *port, struct err *err);

#endif
