/* --arg and --arg-json of `jeton run`: single ones of jeton.args, by name. */
#ifndef JETON_JOB_ARGS_H
#define JETON_JOB_ARGS_H

#include "app.h"
#include "vm.h"

struct job_args {
    struct opt_strings texts;  /* KEY=VALUE */
    struct opt_strings values; /* KEY=JSON */
    struct vm_arg *items;      /* of both, when they are read */
    size_t count;
};

/* Takes them apart. ERR_USAGE. */
int job_args_read(struct job_args *args, struct err *err);
void job_args_destroy(struct job_args *args); /* after errors too */
/* Whether the job can take them: ERR_USAGE. What looks like a slip is logged. */
int job_args_check(const struct job *job, const struct vm_arg *named, size_t count, struct log *log,
                   struct err *err);

#endif
