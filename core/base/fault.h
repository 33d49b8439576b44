/*
 * Named places where a test may let the power fail. In `jeton` the functions here do nothing
 * (fault_none.c); in the tests' `jeton-fault` they look at $JETON_FAULT (fault_env.c):
 * "NAME=kill" ends the process by SIGKILL there, "NAME=stop" suspends it by SIGSTOP.
 */
#ifndef JETON_FAULT_H
#define JETON_FAULT_H

#include <stdint.h>

#define FAULT_TOKEN_LOCKED   "token-locked"   /* the exchange lock is held, nothing was sent */
#define FAULT_TOKEN_INTENT   "token-intent"   /* what is about to be spent is written down */
#define FAULT_TOKEN_RECEIVED "token-received" /* the reply has arrived, nothing is stored */
#define FAULT_TOKEN_STORED   "token-stored"   /* stored, not yet returned */
/* `connector add` has written: */
#define FAULT_CONNECTOR_MAIN    "connector-main" /* a configuration where there was none */
#define FAULT_CONNECTOR_SECRET  "connector-secret"
#define FAULT_CONNECTOR_REFRESH "connector-refresh"
#define FAULT_CONNECTOR_YAML    "connector-yaml" /* the last one; not yet read back */
/* A job's attempt has ended and that is recorded; another one follows. */
#define FAULT_JOB_AGAIN  "job-again"
#define FAULT_JOB_ENDED  "job-ended"  /* the last attempt has ended, and no hook has been told */
#define FAULT_JOB_TOLD   "job-told"   /* all hooks have been told, and that is not recorded */
#define FAULT_HOME_MOVED "home-moved" /* rows have a new home, and that is not committed */
#define FAULT_LISTEN_READ                                                                          \
    "listen-read" /* a listener has read its configuration, no lock is held                        \
                   */

void fault_point(const char *name);

/* Numbers that a test may change: "NAME=NUMBER". */
#define FAULT_RUN_WATCHDOG "run-watchdog" /* vm_options.watchdog_ms */
/* Of N allocations of C code that belongs to Lua, one lets Lua collect garbage at once. */
#define FAULT_COLLECT "collect"
/* 1: all memory is given back at the end, as if the process went on. */
#define FAULT_TIDY "tidy"

/* What a call of a state in a database has, in ms (STORE_PG_CALL_MS). */
#define FAULT_STORE_CALL "store-call"
/* For how many ms a refresh token that came is tried to be stored (TOKEN_STORE_MS). */
#define FAULT_TOKEN_STORE "token-store"

/* What file system a state's folder seems to be on (statfs's f_type). */
#define FAULT_STATE_FS "state-fs"

int64_t fault_number(const char *name); /* 0: as it is; in `jeton` always */

#endif
