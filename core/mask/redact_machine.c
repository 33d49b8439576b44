#include "redact_machine.h"

#include "mem.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#define DEPTH_MASK UINT32_C(0x3fffffff)
#define HEAD       UINT32_C(0x40000000) /* does not continue the state before it */
#define BRANCHES   UINT32_C(0x80000000) /* has entries in `branches` */

#define KEY_WORD 256 /* of a branch that leads to a word, not by a byte to a state */

static uint32_t slot_of(const struct redact_machine *machine, uint32_t from, uint32_t key)
{
    uint32_t hash = (from * 257 + key) * UINT32_C(2654435761); /* by the golden ratio */
    return (hash ^ hash >> 15) & machine->branch_mask;
}

/* 0: there is none. */
static uint32_t branch_find(const struct redact_machine *machine, uint32_t from, uint32_t key)
{
    uint32_t slot = slot_of(machine, from, key);
    while (machine->branches[slot].to != 0) {
        const struct machine_branch *branch = &machine->branches[slot];
        if (branch->from == from && branch->key == key)
            return branch->to;
        slot = (slot + 1) & machine->branch_mask;
    }
    return 0;
}

static void branch_add(struct redact_machine *machine, uint32_t from, uint32_t key, uint32_t to)
{
    uint32_t slot = slot_of(machine, from, key);
    while (machine->branches[slot].to != 0)
        slot = (slot + 1) & machine->branch_mask;
    machine->branches[slot] = (struct machine_branch){.from = from, .to = to, .key = key};
}

static uint32_t child(const struct redact_machine *machine, uint32_t state, unsigned char byte)
{
    if (state == MACHINE_NONE)
        return machine->first[byte];
    if (machine->bytes[state + 1] == byte && (machine->info[state + 1] & HEAD) == 0)
        return state + 1;
    return (machine->info[state] & BRANCHES) != 0 ? branch_find(machine, state, byte) : 0;
}

uint32_t redact_machine_step(const struct redact_machine *machine, uint32_t state,
                             unsigned char byte)
{
    for (;;) {
        uint32_t next = child(machine, state, byte);
        if (next != 0 || state == MACHINE_NONE)
            return next;
        state = machine->fail[state];
    }
}

uint32_t redact_machine_open(const struct redact_machine *machine, uint32_t state)
{
    while (state != MACHINE_NONE && (machine->info[state] & BRANCHES) == 0 &&
           (machine->info[state + 1] & HEAD) != 0)
        state = machine->fail[state];
    return state;
}

uint32_t redact_machine_depth(const struct redact_machine *machine, uint32_t state)
{
    return machine->info[state] & DEPTH_MASK;
}

uint32_t redact_machine_word(const struct redact_machine *machine, uint32_t state)
{
    return branch_find(machine, state, KEY_WORD);
}

static uint32_t add_state(struct redact_machine *machine, uint32_t state, unsigned char byte)
{
    uint32_t next = machine->count++;
    machine->bytes[next] = byte;
    machine->info[next] = redact_machine_depth(machine, state) + 1;
    machine->info[next + 1] = HEAD; /* none yet */
    if (state == MACHINE_NONE) {
        machine->first[byte] = next;
        machine->info[next] |= HEAD;
    } else if (next != state + 1) {
        branch_add(machine, state, byte, next);
        machine->info[next] |= HEAD;
        machine->info[state] |= BRANCHES;
    }
    return next;
}

/* Words with the same bytes are linked. */
static void add_word(struct redact_machine *machine, struct redact_word *words, uint32_t index)
{
    struct redact_word *word = &words[index];
    uint32_t state = MACHINE_NONE;
    for (size_t i = 0; i < word->len; i++) {
        uint32_t next = child(machine, state, (unsigned char)word->data[i]);
        state = next != 0 ? next : add_state(machine, state, (unsigned char)word->data[i]);
    }
    word->next = 0;
    uint32_t same = machine->out[state] == state ? branch_find(machine, state, KEY_WORD) : 0;
    if (same == 0) {
        machine->out[state] = state;
        branch_add(machine, state, KEY_WORD, index + 1);
    } else {
        word->next = words[same - 1].next;
        words[same - 1].next = index + 1;
    }
}

/*
 * The states of one depth after those of the depth before: what a state falls back to is shorter,
 * so it is complete by then. `active` holds the words that are longer than the depth, `states`
 * where each of them is.
 */
static void link_states(struct redact_machine *machine, const struct redact_word *words,
                        size_t count)
{
    uint32_t *active = mem_alloc((count + 1) * sizeof *active);
    uint32_t *states = mem_alloc((count + 1) * sizeof *states);
    for (size_t i = 0; i < count; i++)
        active[i] = (uint32_t)i;
    for (size_t depth = 0; count > 0; depth++) {
        size_t left = 0;
        for (size_t i = 0; i < count; i++) {
            uint32_t index = active[i];
            if (words[index].len == depth)
                continue;
            unsigned char byte = (unsigned char)words[index].data[depth];
            uint32_t state = states[index], next = child(machine, state, byte);
            if (state != MACHINE_NONE)
                machine->fail[next] = redact_machine_step(machine, machine->fail[state], byte);
            if (machine->out[next] == 0)
                machine->out[next] = machine->out[machine->fail[next]];
            states[index] = next;
            active[left++] = index;
        }
        count = left;
    }
    mem_free(active);
    mem_free(states);
}

void redact_machine_create(struct redact_machine *machine, struct redact_word *words, size_t count)
{
    size_t size = 2; /* NONE, and one after the last */
    uint32_t branches = 4;
    memset(machine, 0, sizeof *machine);
    for (size_t i = 0; i < count; i++) {
        size += words[i].len;
        if (words[i].len > machine->longest)
            machine->longest = (uint32_t)words[i].len;
    }
    while (branches < count * 4) /* at most two for each word */
        branches *= 2;
    machine->branch_mask = branches - 1;
    machine->branches = mem_alloc(branches * sizeof *machine->branches);
    machine->info = mem_alloc(size * sizeof *machine->info);
    machine->fail = mem_alloc(size * sizeof *machine->fail);
    machine->out = mem_alloc(size * sizeof *machine->out);
    machine->bytes = mem_alloc(size);
    machine->count = 1;
    machine->info[1] = HEAD;
    for (size_t i = 0; i < count; i++)
        add_word(machine, words, (uint32_t)i);
    link_states(machine, words, count);
}

void redact_machine_destroy(struct redact_machine *machine)
{
    if (machine->bytes != NULL)
        sodium_memzero(machine->bytes, machine->count);
    mem_free(machine->bytes);
    mem_free(machine->out);
    mem_free(machine->fail);
    mem_free(machine->info);
    mem_free(machine->branches);
    memset(machine, 0, sizeof *machine);
}
