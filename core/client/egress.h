/* Whose secret a text holds, and whether it may go to a host: the rule of jeton.http. */
#ifndef JETON_EGRESS_H
#define JETON_EGRESS_H

#include "engine.h"
#include "url.h"

#define EGRESS_HOSTS_MAX 64 /* patterns of one exchange by hand */

/*
 * 0 when text holds no registered secret, or only such as may go to url: url passes allow_check of
 * a connector whose secret it is. ERR_AUTH else; `where` names the text ("a header").
 */
int egress_check(struct engine *engine, const struct url *url, const char *where, const char *text,
                 size_t len, struct err *err);
/*
 * The owner (for redact_add_owned) of values that a script hands to token.exchange: they may go
 * where that service is, and to allow_hosts (NULL-terminated, may be NULL). mem_free.
 */
char *egress_by_hand(const char *base, const char *const *allow_hosts);

#endif
