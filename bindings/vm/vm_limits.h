/* What ends a run: how much memory, and how long after its deadline or a signal. */
#ifndef JETON_VM_LIMITS_H
#define JETON_VM_LIMITS_H

#include <stddef.h>

#define VM_MEMORY_DEFAULT (512LL * 1024 * 1024)
#define VM_MEMORY_MIN     (1LL * 1024 * 1024) /* least for a job's `memory` and --memory */
/* After the deadline: */
#define VM_INSIST_MS   500  /* the count hook raises at every instruction */
#define VM_REFUSE_MS   900  /* calls that would wait raise the deadline */
#define VM_WATCHDOG_MS 1000 /* the process ends with 8, unless watchdog_ms says when */
/* What a worker of a webhook computes beside its handlers; then as above. And the memory that it
 * has for it where handlers have used up theirs. */
#define VM_OWN_MS     5000
#define VM_OWN_MEMORY ((size_t)16 * 1024 * 1024)
/* After a signal: */
#define VM_SIGNAL_MS 5000 /* the run ends, even if its tasks have not finished their clean-up */
#define VM_STUCK_MS  2000 /* Lua has not noticed the signal: the process ends with 128 + n */

#define VM_SCRIPT_MAX ((size_t)16 * 1024 * 1024) /* bytes of a script */

#endif
