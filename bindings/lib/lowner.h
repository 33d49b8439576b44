/* Whose secret a text holds, and whether it may go to a host: the rule of jeton.http. */
#ifndef JETON_LOWNER_H
#define JETON_LOWNER_H

#include "url.h"
#include "vm.h"

/*
 * 0 when text holds no registered secret, or only such as may go to url: url passes host_check of a
 * connector whose secret it is. ERR_AUTH else; `where` names the text ("a header").
 */
int lowner_check(struct vm *vm, const struct url *url, const char *where, const char *text,
                 size_t len, struct err *err);
/*
 * The owner (for redact_add_owned) of values that a script hands to token.exchange: they may go
 * where that service is, and to allow_hosts (NULL-terminated, may be NULL). mem_free.
 */
char *lowner_by_hand(const char *token_service, const char *const *allow_hosts);

#endif
