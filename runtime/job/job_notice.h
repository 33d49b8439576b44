/* on_failure and on_recovery: a program that is run, or a message to a group. */
#ifndef JETON_JOB_NOTICE_H
#define JETON_JOB_NOTICE_H

#include "job_outcome.h"

#define JOB_NOTICE_COMMAND_MS 60000 /* that a program may take */
#define JOB_NOTICE_MESSAGE_MS 60000 /* for the service to accept a message */
#define JOB_NOTICE_INSIST_MS  3000  /* more, until what sends it is killed */

/* Does what is configured for the end of a run: nothing for a skipped one. Failures are only
 * logged. */
void job_notice_ended(const struct job_outcome *outcome);

/* Sends a group the text about the run (job_message.c). `what` is the configuration's key. 0, or -1
 * when it failed, which it has said. */
int job_message_send(const struct job_outcome *outcome, const struct config_notice *notice,
                     const char *what);

#endif
