/* Subscriptions of the hooks of Kaizala (scripts/hook/kaizala.lua). */
#ifndef JETON_LISTEN_KAIZALA_H
#define JETON_LISTEN_KAIZALA_H

#include "listen_plan.h"

enum listen_kaizala_work { LISTEN_KAIZALA_SYNC, LISTEN_KAIZALA_KEEP, LISTEN_KAIZALA_UNSUBSCRIBE };

/* Whether there are subscriptions to look after. */
bool listen_kaizala_any(const struct config *config);
/* Makes, renews and takes back subscriptions; what was done is appended to text (KEEP: nothing). In
 * a Lua state of its own. Returns 0, or -1. */
int listen_kaizala_run(struct app *app, const struct listen_plan *plan,
                       enum listen_kaizala_work work, struct buf *text, struct err *err);
/* `listen --sync`, `--unsubscribe`: once, and prints what was done. Returns 0, or -1. */
int listen_kaizala_once(struct app *app, enum listen_kaizala_work work, struct err *err);

#endif
