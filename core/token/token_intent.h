/*
 * Intents: what is about to be spent, written down before the request goes (store_intent). Half of
 * one's ID is random; the other half tells which refresh token it is about, and says nothing of it.
 */
#ifndef JETON_TOKEN_INTENT_H
#define JETON_TOKEN_INTENT_H

#include "clock.h"
#include "store.h"

/* Of the disk, for a row whose three tokens are of the largest size, and what the state writes
 * around it: a refresh token that cannot be stored when it comes would be lost, and the one before
 * it spent. */
#define TOKEN_RESERVE_BYTES ((size_t)128 * 1024)

/* Begins the row's. */
void token_intent_begin(struct store_token *row, const unsigned char salt[STORE_SALT_SIZE],
                        const char *refresh_token, const struct clock *clock);
/* When an exchange of this refresh token began that was never answered; 0: none did. */
int64_t token_intent_open(const struct store_token *row, const unsigned char salt[STORE_SALT_SIZE],
                          const char *refresh_token);

/* "reply lost at 2026-…": the exchange that began then was never answered. */
void token_intent_tell_lost(int64_t since_ms, struct err *err);

#endif
