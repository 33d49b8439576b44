/*
 * libedit, loaded at first use: only a prompt at a terminal needs it. Its headers are not needed to
 * build: these are the few names of libedit.so.2 that are used, whose ABI is fixed by that number.
 */
#ifndef JETON_EDIT_API_H
#define JETON_EDIT_API_H

#include <stdbool.h>
#include <stdio.h>
#include <wchar.h>

#define EDIT_API_LIBRARY "libedit.so.2"

struct edit_line; /* EditLine */
struct edit_history;

struct edit_event { /* HistEvent */
    int num;
    const char *str;
};

struct edit_info { /* LineInfo */
    const char *buffer, *cursor, *lastchar;
};

enum edit_option {                  /* of el_set, with what follows it */
                   EDIT_PROMPT = 0, /* char *(*)(struct edit_line *) */
                   EDIT_EDITOR = 2, /* const char * */
                   EDIT_BIND = 4,   /* const char *…, NULL */
                   EDIT_ADDFN =
                       9, /* wide: name, help, unsigned char (*)(struct edit_line *, int) */
                   EDIT_HIST = 10,       /* the function `history`, struct edit_history * */
                   EDIT_GETCFN = 13,     /* int (*)(struct edit_line *, wchar_t *) */
                   EDIT_CLIENTDATA = 14, /* void * */
                   EDIT_UNBUFFERED =
                       15, /* int: 1 shows the prompt and takes the terminal, 0 gives it back */
};

#define EDIT_PREP_TERM    16 /* int: 1 takes the terminal, 0 gives it back */
#define EDIT_REFRESH_LINE 20 /* another one, with nothing behind it: draws prompt and line anew */

enum edit_history_operation { EDIT_H_SETSIZE = 1, EDIT_H_ENTER = 10 };

enum edit_result { EDIT_NORM = 0, EDIT_REFRESH = 4, EDIT_ERROR = 6, EDIT_REDISPLAY = 8 };

typedef int edit_history_fn(struct edit_history *, struct edit_event *, int, ...);

struct edit_api {
    void *handle;
    struct edit_line *(*init)(const char *program, FILE *in, FILE *out, FILE *err);
    void (*end)(struct edit_line *);
    int (*set)(struct edit_line *, int, ...);
    int (*wset)(struct edit_line *, int, ...); /* where set would leak copies of names */
    int (*get)(struct edit_line *, int, ...);
    const char *(*gets)(struct edit_line *, int *count);
    const struct edit_info *(*line)(struct edit_line *);
    int (*insertstr)(struct edit_line *, const char *);
    void (*resize)(struct edit_line *);
    struct edit_history *(*history_init)(void);
    void (*history_end)(struct edit_history *);
    edit_history_fn *history;
};

/* False: it is not installed, or is not as expected. */
bool edit_api_open(struct edit_api *api);
void edit_api_close(struct edit_api *api); /* one that was not opened is fine */

#endif
