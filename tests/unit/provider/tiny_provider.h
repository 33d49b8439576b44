/*
 * A provider that only tests know, as unlike Kaizala as can be: client credentials without a
 * refresh token, a form that is posted, a reply of one line ("token VALUE" or "no REASON"), no
 * expiry, no endpoint, no moves, another header.
 */
#ifndef JETON_TEST_TINY_PROVIDER_H
#define JETON_TEST_TINY_PROVIDER_H

#include "provider.h"

#define TINY_HEADER "X-Tiny"

extern const struct provider tiny_provider;

#endif
