/* What a sender would add to a body: for `jeton listen --trigger`, and for tests. */
#ifndef JETON_HOOK_SIGN_H
#define JETON_HOOK_SIGN_H

#include "arena.h"
#include "field.h"
#include "hook_secrets.h"

#define HOOK_SIGN_HEADERS_MAX 24

struct hook_signed {
    struct http_header headers[HOOK_SIGN_HEADERS_MAX];
    size_t nheaders;
    const char *method; /* POST */
    const char *target; /* the hook's path, with the query that it needs */
    const char *body;   /* the given one, with what must stand in it */
    size_t body_len;
    struct arena arena; /* of all that is above */
};

/* What is given to be signed. */
struct hook_unsigned {
    const char *id; /* goes where the hook looks for it first, if that is a header; NULL: none */
    const struct http_header *headers; /* more of them, such as that of the type */
    size_t nheaders;
    const char *body;
    size_t body_len;
    int64_t now_ms;
    bool forged; /* where the secret itself is sent, another one is */
};

/*
 * By the first secret. ERR_USAGE: only the sender itself can sign so (ed25519, ecdsa), or a place
 * in the body that must hold a signature or the time is not there to be replaced. out points into
 * what is given, and is to be destroyed in any case.
 */
int hook_sign(const struct hook_rules *rules, const struct hook_secrets *keys,
              const struct hook_unsigned *given, struct hook_signed *out, struct err *err);
void hook_sign_destroy(struct hook_signed *out);

#endif
