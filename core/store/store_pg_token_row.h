/* A row of tokens in PostgreSQL, and the same row in a spool file. */
#ifndef JETON_STORE_PG_TOKEN_ROW_H
#define JETON_STORE_PG_TOKEN_ROW_H

#include "store_pg.h"

/* Of the values that store_pg_token_row_save writes, and a spool file holds. */
#define STORE_PG_TOKEN_GENERATION 0
#define STORE_PG_TOKEN_REFRESH    7
#define STORE_PG_TOKEN_SPARE      "token.refresh_token" /* as that one is sealed, among spares too */

/* SELECT of the row whose owner is $1. */
const char *store_pg_token_row_select(struct store_pg_batch *batch);
/* What came of that, into `row`, whose owner is set. -1: no key opens some of it, which is missing
 * then. */
int store_pg_token_row_take(struct store_pg_batch *batch, size_t statement, struct store_token *row,
                            struct err *err);
/* INSERT … ON CONFLICT: a row is replaced as a whole. */
void store_pg_token_row_save(struct store_pg_batch *batch, const struct store_token *row);
/* The same of what the spool file holds of this owner, unless a later row is there. 1; 0: no key
 * opens it; -1: it is damaged. What was sealed with a key that is about to go is sealed with the
 * first one. What an older program has not kept there stays as it is in the row. */
int store_pg_token_row_read(struct store_pg_batch *batch, const char *name, const char *owner);

#endif
