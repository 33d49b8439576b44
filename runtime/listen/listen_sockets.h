/* The sockets of a listener: those that a service manager passes (sd_listen_fds(3)), else bound
 * ones.
 */
#ifndef JETON_LISTEN_SOCKETS_H
#define JETON_LISTEN_SOCKETS_H

#include "config.h"
#include "err.h"

#include <stdbool.h>
#include <stddef.h>

#define LISTEN_SOCKETS_MAX 8

struct listen_address {
    const char *host; /* NULL: none */
    int port;
};

struct listen_sockets {
    int fds[LISTEN_SOCKETS_MAX];
    int ports[LISTEN_SOCKETS_MAX];
    size_t count;
    int metrics; /* -1: none */
    int metrics_port;
    bool given; /* by a service manager */
};

/*
 * Of a service manager, one that is named "metrics" (FileDescriptorName=) serves metrics, all
 * others hooks; then `hooks` is not bound. Its variables are taken out of the environment, so that
 * no child believes to be meant. ERR_NETWORK: in use; ERR_CONFIG.
 */
int listen_sockets_open(struct listen_sockets *sockets, const struct listen_address *hooks,
                        const struct listen_address *metrics, struct err *err);
/* What others can reach is encrypted, by us or by a proxy, and no hook of it takes events from
 * anybody; nobody else reaches metrics. By the addresses that the sockets have. ERR_CONFIG. */
int listen_sockets_check(const struct listen_sockets *sockets, const struct config *config,
                         struct err *err);
void listen_sockets_close(struct listen_sockets *sockets); /* idempotent */

#endif
