/* Names of hosts. */
#ifndef JETON_HOST_H
#define JETON_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Labels of letters, digits, '-' and '_'; not an IPv6 address. */
bool host_name_valid(const char *host, size_t len);
/* A literal 127.0.0.0/8, ::1, or exactly "localhost": in lower case, without brackets. */
bool host_is_loopback(const char *host);
/* The field Host of a request, with or without a port, names this machine. A page that has its own
 * name resolved to 127.0.0.1 (DNS rebinding) cannot send one that does. */
bool host_field_is_loopback(const char *field);
/*
 * "HOST:PORT", an IPv6 address in brackets. *host (mem.h; NULL at first) becomes the host without
 * them, whatever it is; false, and nothing set, for text of another shape.
 */
bool host_read_address(const char *text, char **host, int64_t *port);

#endif
