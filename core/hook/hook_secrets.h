/* The secrets of a hook, decoded, and how many challenges it has answered lately. */
#ifndef JETON_HOOK_SECRETS_H
#define JETON_HOOK_SECRETS_H

#include "hook_rules.h"

#define HOOK_SECRET_BYTES_MAX ((size_t)64 * 1024)

struct hook_secrets;

struct hook_secrets *hook_secrets_new(void);
void hook_secrets_free(struct hook_secrets *keys); /* wipes; NULL is fine */
/*
 * One more that a signature may fit (copied), the first of which answers challenges. name: it is
 * asked for by this name instead. ERR_CONFIG says how a value must look, without showing it; also
 * where libcrypto is needed (ecdsa), and is missing.
 */
int hook_secrets_add(struct hook_secrets *keys, const struct hook_rules *rules, const char *name,
                     const char *value, size_t len, struct err *err);

#endif
