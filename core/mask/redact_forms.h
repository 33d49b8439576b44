/*
 * Private to the redaction: the secrets in the forms in which they are sought, and where a form may
 * begin. The machines are built when a text first may hold a secret, not when one is added.
 */
#ifndef JETON_REDACT_FORMS_H
#define JETON_REDACT_FORMS_H

#include "redact_machine.h"

#include <stdbool.h>

/* The first bytes of a text decide whether a form may begin with them. No form is shorter. */
#define FORMS_GRAM_BYTES 4
#define FORMS_GRAM_BITS  17

/* Bytes at which something begins that may stand for another byte: redact_escapes_read's ways, and:
 */
#define FORMS_GAP 32u /* blanks and ends of lines, which base64 may have anywhere */

enum forms_kind {
    FORMS_TEXT,   /* the secrets themselves, which are sought in what escapes and hex stand for */
    FORMS_BASE64, /* at the three places in a group; of the standard alphabet */
    FORMS_KINDS,
};

struct forms_secret {
    char *data;
    size_t len;
    uint32_t sum;  /* redact_forms_sum of it */
    uint64_t told; /* to the search of this number */
};

struct redact_forms {
    struct forms_secret *secrets;
    size_t count;
    uint64_t searches;
    unsigned version; /* another one after each change */
    unsigned char escapes[256];
    unsigned nibbles;              /* a bit for each digit of hex with which a secret begins */
    bool begins[FORMS_KINDS][256]; /* the bytes with which a gram begins */
    unsigned char grams[FORMS_KINDS][1 << (FORMS_GRAM_BITS - 3)];
    struct redact_machine machines[FORMS_KINDS];
    struct redact_word *words[FORMS_KINDS]; /* NULL: the machine is to be built */
};

struct redact_forms *redact_forms_new(void);
void redact_forms_free(struct redact_forms *forms); /* wipes */
void redact_forms_add(struct redact_forms *forms, const char *secret, size_t len);
/* Tells most secrets from one another without a look at them. */
uint32_t redact_forms_sum(const char *secret, size_t len);
/* All, behind those that `to` has. */
void redact_forms_move(struct redact_forms *forms, struct redact_forms *to);
/* Later secrets move down. */
void redact_forms_remove(struct redact_forms *forms, size_t index, size_t count);
const struct redact_machine *redact_forms_machine(struct redact_forms *forms, enum forms_kind kind);
/* FORMS_GRAM_BYTES are at text. False: no form begins with them as they are. */
bool redact_forms_may_begin(const struct redact_forms *forms, enum forms_kind kind,
                            const char *text);
/* The digit as the standard alphabet has it, or 0. */
char redact_forms_digit(char c);

#endif
