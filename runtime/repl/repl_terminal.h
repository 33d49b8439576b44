/*
 * A line after the other from a terminal, in the loop: with libedit where it is installed and the
 * terminal can move its cursor, else as the kernel hands them over.
 */
#ifndef JETON_REPL_TERMINAL_H
#define JETON_REPL_TERMINAL_H

#include "buf.h"
#include "loop.h"

#include <stdbool.h>
#include <stddef.h>

#define REPL_LINE_MAX ((size_t)1024 * 1024)

enum repl_input { REPL_LINE, REPL_END, REPL_INTERRUPTED };

struct repl_terminal;

struct repl_terminal_use {
    /* A line has come (text without its end; valid during the call), or what stands for one. */
    void (*done)(void *arg, enum repl_input what, const char *text, size_t len);
    /*
     * What may follow the text before the cursor: appends what can be added to `insert`, and else
     * writes the choices, below the line. Returns whether it has written. May be NULL.
     */
    bool (*complete)(void *arg, const char *before, size_t len, struct buf *insert);
    void *arg;
};

/* Never NULL. Standard input and output must be a terminal. */
struct repl_terminal *repl_terminal_new(struct loop *loop, const struct repl_terminal_use *use);
void repl_terminal_free(struct repl_terminal *terminal); /* gives the terminal back */
/* Shows the prompt and waits for a line: `done` is called once, from the loop. */
void repl_terminal_read(struct repl_terminal *terminal, const char *prompt);
/* Ends the reading without a line: `done` is not called. Without effect where nothing is read. */
void repl_terminal_stop(struct repl_terminal *terminal);
/* Ctrl-C: what was typed is thrown away, and `done` is called at once. False: nothing is read. */
bool repl_terminal_interrupt(struct repl_terminal *terminal);
/* Others are about to print, or have: what is being typed makes room for that, and comes back. */
void repl_terminal_prints(struct repl_terminal *terminal, bool begins);
/* One more for the up key. */
void repl_terminal_remember(struct repl_terminal *terminal, const char *entry);

#endif
