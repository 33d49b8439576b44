/*
 * A raw server on loopback for tests of HTTP: a thread that hands each connection, on a thread of
 * its own, to a script. The script reads and writes bytes as it likes; the connection is closed
 * when it returns.
 */
#ifndef JETON_TEST_PEER_H
#define JETON_TEST_PEER_H

#include <stdbool.h>
#include <stddef.h>

struct peer;

/* number: of the connection, from 0. */
typedef void peer_script(struct peer *peer, int fd, int number, void *arg);

struct peer *peer_start(peer_script *script, void *arg);
/* Waits for all scripts: the other side must have closed its connections, or they must end. */
void peer_stop(struct peer *peer);
int peer_port(const struct peer *peer);
const char *peer_url(struct peer *peer, const char *path); /* of a few buffers in turn */
int peer_connections(struct peer *peer);                   /* accepted so far */
int peer_requests(struct peer *peer);                      /* read by peer_read so far */

/* Reads one request: its header, and a body as its Content-Length says. False at end of file. The
 * text is NUL-terminated. */
bool peer_read(struct peer *peer, int fd, char *request, size_t size);
/* False when the other side is gone. */
bool peer_write(int fd, const void *data, size_t len);
bool peer_puts(int fd, const char *text);
bool peer_printf(int fd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void peer_reset(int fd);  /* closing it sends RST */
int peer_free_port(void); /* nobody listens there */

#endif
