/* Which permission of a connector an operation needs. */
#ifndef JETON_KAIZALA_PERMISSIONS_H
#define JETON_KAIZALA_PERMISSIONS_H

#include "buf.h"

/* As in a token's scope ("textmessage.write"); NULL where unknown. */
const char *kaizala_permissions_of(const char *method, const char *path);
/* Appends what a 403 may come from, where that is known. `scope` is the token's; may be NULL. */
void kaizala_permissions_explain(struct buf *out, const char *method, const char *path,
                                 const char *scope);

#endif
