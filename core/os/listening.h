/* Whose programs listen on a TCP port of this machine, as far as its network namespace goes. */
#ifndef JETON_LISTENING_H
#define JETON_LISTENING_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether all of them are the user's or root's (a service manager's): also where nobody listens.
 * False as well where the system does not tell. */
bool listening_is_of(int port, uid_t user);

#endif
