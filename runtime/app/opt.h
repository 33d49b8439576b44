/*
 * Option tables: one table gives parsing, --help and usage errors (with the nearest option).
 * "--name value", "--name=value", "-n value", "-nvalue", grouped short flags, "--" ends options.
 */
#ifndef JETON_OPT_H
#define JETON_OPT_H

#include "buf.h"
#include "err.h"

#include <stdint.h>

enum opt_type {
    OPT_FLAG,     /* bool */
    OPT_COUNT,    /* int, one more each time */
    OPT_STRING,   /* const char * */
    OPT_OPTIONAL, /* const char *; "" without a value. "--name=value" gives one, and a next word
                   * that can hardly be an operand: digits for a number, an address with a port,
                   * the one word that `arg` is */
    OPT_STRINGS,  /* struct opt_strings, each time one more; mem_free its items, after errors too */
    OPT_DURATION, /* int64_t milliseconds: integer and ms, s, m, h, d */
    OPT_SIZE,     /* int64_t bytes: integer and optional B, KiB, MiB, GiB */
    OPT_INTEGER,  /* int64_t, not negative */
};

struct opt_strings {
    const char **items;
    size_t count;
};

struct opt {
    char short_name; /* 0: none */
    const char *long_name;
    enum opt_type type;
    void *value; /* set by opt_parse; several entries may share one */
    /* Its argument in the help. Shells complete it by this: FILE, DIR, CONNECTOR and others
     * (complete.c), or what it may be: "text|json". */
    const char *arg;
    const char *help; /* one line */
};

struct opt_spec {
    const char *usage;       /* "jeton run [OPTIONS] SCRIPT [ARG…]", lines separated by \n */
    const char *description; /* a paragraph or two; may be NULL */
    const struct opt *opts;  /* ends with long_name NULL */
    bool stop_at_operand;    /* options end at the first operand (run, global options) */
    int min_operands;
    int max_operands; /* -1: no limit */
    /* Options of all verbs, which the help of the program lists; ends with long_name NULL. May be
     * NULL. One of `opts` with the same name stands for another thing. */
    const struct opt *global;
    const char *instead; /* of an operand too many: what does that; may be NULL */
    /* What shells complete operands by, as in opt.arg: "JOB", "METHOD PATH"; the last one stands
     * for all that follow. May be NULL. */
    const char *operands;
};

struct opt_result {
    const char **operands; /* borrowed from argv; mem_free the array; NULL-terminated */
    int count;
    bool help; /* --help or -h was given: nothing else was checked */
};

/* argv[0] is the verb and is skipped. ERR_USAGE names the option, what was expected, the nearest
 * one. */
int opt_parse(const struct opt_spec *spec, int argc, char **argv, struct opt_result *result,
              struct err *err);
/* What the last word of a line that is not finished may be. Its texts belong to argv and spec. */
struct opt_question {
    const char
        *what;    /* up to a space: the placeholder of an option's value or an operand; or NULL */
    bool options; /* or a name of an option */
    const char *word; /* what there is of it */
    size_t kept;      /* bytes of the line's word before that: "--job=" */
    int operand;      /* the first operand before it, in argv; 0: there is none */
};
void opt_complete(const struct opt_spec *spec, int argc, char **argv,
                  struct opt_question *question);
void opt_help(const struct opt_spec *spec, struct buf *out);

#endif
