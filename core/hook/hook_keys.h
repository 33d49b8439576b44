/* The secrets of a hook, decoded, and how many challenges it has answered lately. */
#ifndef JETON_HOOK_KEYS_H
#define JETON_HOOK_KEYS_H

#include "hook_rules.h"

#define HOOK_KEY_BYTES_MAX ((size_t)64 * 1024)

struct hook_keys;

struct hook_keys *hook_keys_new(void);
void hook_keys_free(struct hook_keys *keys); /* wipes; NULL is fine */
/*
 * One more that a signature may fit (copied), the first of which answers challenges. name: it is
 * asked for by this name instead. ERR_CONFIG says how a value must look, without showing it; also
 * where libcrypto is needed (ecdsa), and is missing.
 */
int hook_keys_add(struct hook_keys *keys, const struct hook_rules *rules, const char *name,
                  const char *value, size_t len, struct err *err);

#endif
