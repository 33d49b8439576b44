/* Tells the service manager how the listener is: sd_notify(3), of which it takes a datagram. */
#ifndef JETON_LISTEN_NOTIFY_H
#define JETON_LISTEN_NOTIFY_H

struct listen_notify {
    char *path; /* of the manager's socket; NULL: there is none, and nothing is told */
};

/* Takes $NOTIFY_SOCKET out of the environment: processes below are not to speak for us. */
void listen_notify_create(struct listen_notify *notify);
void listen_notify_destroy(struct listen_notify *notify); /* idempotent */
/* `text` is lines of NAME=VALUE. Never waits; what cannot be told is left out. */
void listen_notify_send(const struct listen_notify *notify, const char *text);

#endif
