/* The verbs, each in a file of its own; main has their table. */
#ifndef JETON_VERB_H
#define JETON_VERB_H

#include "app.h"

app_fn verb_run, verb_token, verb_connector, verb_connector_list, verb_connector_remove, verb_login,
    verb_logout, verb_api, verb_check, verb_cron, verb_cron_show, verb_jobs, verb_history,
    verb_logs, verb_state, verb_sandbox, verb_sandbox_trigger, verb_init, verb_presets, verb_repl,
    verb_events, verb_listen, verb_test, verb_completion;

#endif
