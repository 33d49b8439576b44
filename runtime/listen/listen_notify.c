#include "listen_notify.h"

#include "mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ABSTRACT '@' /* a name that is in no folder; for the kernel it begins with a NUL */

void listen_notify_create(struct listen_notify *notify)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address;
    bool fits = path != NULL && (path[0] == '/' || path[0] == ABSTRACT) && path[1] != '\0' &&
                strlen(path) < sizeof address.sun_path;
    notify->path = fits ? mem_strdup(path) : NULL;
    unsetenv("NOTIFY_SOCKET");
}

void listen_notify_destroy(struct listen_notify *notify)
{
    mem_free(notify->path);
    notify->path = NULL;
}

void listen_notify_send(const struct listen_notify *notify, const char *text)
{
    if (notify->path == NULL)
        return;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(notify->path);
    memcpy(address.sun_path, notify->path, len);
    if (address.sun_path[0] == ABSTRACT)
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&address,
           (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    close(fd);
}
