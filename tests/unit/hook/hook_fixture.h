/* Rules of a hook in few words, and requests to it. */
#ifndef JETON_TEST_HOOK_FIXTURE_H
#define JETON_TEST_HOOK_FIXTURE_H

#include "hook_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOOK_FIXTURE_NOW_MS 1700000000000LL

struct hook_fixture {
    struct hook_rules rules;
    struct hook_secrets *keys;
    struct hook_result result;
};

#define HOOK_FIXTURE_HEADERS 6
struct hook_fixture_call {
    const char *method, *target, *body;
    struct http_header headers[HOOK_FIXTURE_HEADERS];
    int64_t now_ms;
    size_t len; /* 0: the body's */
};

void hook_fixture_place(struct hook_places *places, const char *text);
void hook_fixture_template(struct hook_template *out, const char *text, enum hook_template_use use);
/* in, text and time may be NULL. */
void hook_fixture_begin(struct hook_fixture *f, enum hook_kind kind, const char *in,
                        const char *text, const char *time);
void hook_fixture_secret(struct hook_fixture *f, const char *text);
void hook_fixture_end(struct hook_fixture *f);
struct hook_challenge *hook_fixture_challenge(struct hook_fixture *f, bool unverified,
                                              const char *where, const char *text);
/* The status; STORE is 200. */
int hook_fixture_check(struct hook_fixture *f, const struct hook_fixture_call *call);

#endif
