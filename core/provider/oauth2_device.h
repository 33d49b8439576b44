/* Replies to a device's request for a code (RFC 8628). */
#ifndef JETON_OAUTH2_DEVICE_H
#define JETON_OAUTH2_DEVICE_H

#include "json.h"
#include "provider.h"

#define OAUTH2_DEVICE_PAUSE_MS     5000 /* where the service says none; and more for `slow_down` */
#define OAUTH2_DEVICE_PAUSE_MAX_MS (10LL * 60 * 1000)
#define OAUTH2_DEVICE_LIFE_MAX_MS  (24LL * 60 * 60 * 1000)
#define OAUTH2_DEVICE_SHOWN_MAX    64 /* bytes of a code that a person types */

/* root is an object. ERR_HTTP: it makes no sense, and out is empty. */
int oauth2_device_read(const struct json *root, struct provider_device *out, struct err *err);

#endif
