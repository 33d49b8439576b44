/*
 * Private to the redaction: many words sought in a text at once, by the algorithm of Aho and
 * Corasick. A state is the longest end of what was read so far with which some word begins, so one
 * step for each byte finds everything, however the words look. Built once, from all words.
 */
#ifndef JETON_REDACT_MACHINE_H
#define JETON_REDACT_MACHINE_H

#include <stddef.h>
#include <stdint.h>

#define MACHINE_NONE 0 /* the state in which no word has begun */

struct redact_word {
    char *data;
    size_t len;      /* not 0 */
    uint32_t secret; /* what the word is a form of */
    uint32_t next;   /* set by the machine: another word with the same bytes, plus one */
    uint64_t told;   /* its user's */
};

struct machine_branch {
    uint32_t from, to, key;
};

/*
 * States are numbered as the words are entered, so that those of one word's end follow each other;
 * only where a word leaves another one is there an entry in `branches`.
 */
struct redact_machine {
    uint32_t count;
    uint32_t longest;     /* bytes of a word */
    uint32_t *info;       /* bytes since the state NONE, and flags */
    uint32_t *fail;       /* the next shorter end with which a word begins */
    uint32_t *out;        /* the state of the longest word that ends here; NONE: no word */
    unsigned char *bytes; /* the last byte of the state */
    struct machine_branch *branches;
    uint32_t branch_mask;
    uint32_t first[256];
};

/* Keeps nothing of the words but their bytes. */
void redact_machine_create(struct redact_machine *machine, struct redact_word *words, size_t count);
void redact_machine_destroy(struct redact_machine *machine); /* wipes; a zeroed struct is fine */
uint32_t redact_machine_step(const struct redact_machine *machine, uint32_t state,
                             unsigned char byte);
/* The longest end of the state with which a word goes on: for all that follows it is the same. */
uint32_t redact_machine_open(const struct redact_machine *machine, uint32_t state);
/* Bytes of the state. */
uint32_t redact_machine_depth(const struct redact_machine *machine, uint32_t state);
/* The first of the words that end in the state as a whole, plus one; 0: none does. */
uint32_t redact_machine_word(const struct redact_machine *machine, uint32_t state);

#endif
