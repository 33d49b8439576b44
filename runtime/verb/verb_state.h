/* The verbs of jeton state that have a file of their own. */
#ifndef JETON_VERB_STATE_H
#define JETON_VERB_STATE_H

#include "config_load.h"
#include "verb.h"

app_fn verb_state_keys;
app_fn verb_state_keygen;
app_fn verb_state_check;
app_fn verb_state_rekey;
app_fn verb_state_copy;
app_fn verb_state_upgrade;
app_fn verb_state_unmove;

#endif
