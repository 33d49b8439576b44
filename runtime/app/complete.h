/*
 * What a shell offers for the last word of an unfinished command line, by the option tables and the
 * names in the configuration and the state. Nothing is run or made, no secret's value is read, and
 * no host is asked; whatever goes wrong, less is offered.
 */
#ifndef JETON_COMPLETE_H
#define JETON_COMPLETE_H

#include "opt.h"
#include "preset.h"
#include "redact.h"

/* Lines are "value\thelp\n". The last one, COMPLETE_…, tells the shell what else to do. */
struct complete {
    struct buf out;
    const char *end;
    const char *config_path; /* --config, or NULL */
    const struct config_presets *presets;
    struct redact *redact;
};

#define COMPLETE_DONE    ":done"
#define COMPLETE_FILES   ":files" /* offer files too */
#define COMPLETE_DIRS    ":dirs"
#define COMPLETE_NOSPACE ":nospace" /* what was offered is the beginning of a word */

void complete_create(struct complete *complete, const struct config_presets *presets,
                     struct redact *redact);
void complete_destroy(struct complete *complete);
/* Adds `value` if the word may become it. help NULL: there is none. */
void complete_offer(struct complete *complete, const struct opt_question *question,
                    const char *value, const char *help);
/* Whether the question is for this placeholder. */
bool complete_asks(const struct opt_question *question, const char *what);
/* Adds all that answers the question, but for verbs. */
void complete_answer(struct complete *complete, const struct opt_spec *spec,
                     const struct opt_question *question);

#endif
