/* Somebody who wants a token: made, kept in a list, told. */
#ifndef JETON_TOKEN_REQUEST_H
#define JETON_TOKEN_REQUEST_H

#include "token_private.h"

/* In tokens.requests. */
struct token_request *token_request_new(struct tokens *tokens, token_done_fn *done, void *arg);
void token_request_append(struct token_request **list, struct token_request *request);
void token_request_remove(struct token_request **list, struct token_request *request);
/* Tells a request that is in no list any more, and frees it. */
void token_request_finish(struct token_request *request, const struct token *token,
                          const struct err *err);
void token_request_finish_row(struct token_request *request, const struct store_token *row,
                              enum token_source source);
/* Registers a secret of the connector with the redaction point; NULL is fine. */
void token_request_hide(struct tokens *tokens, const struct connector *connector,
                        const char *secret);

#endif
