#include "problems.h"

#include "mem.h"
#include "visible.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void problems_create(struct problems *problems)
{
    *problems = (struct problems){0};
}

void problems_destroy(struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        mem_free(problems->items[i].file);
        mem_free(problems->items[i].message);
    }
    mem_free(problems->items);
    *problems = (struct problems){0};
}

static void drop(struct problems *problems, size_t i)
{
    struct problem *at = &problems->items[i];
    mem_free(at->file);
    mem_free(at->message);
    memmove(at, at + 1, (--problems->count - i) * sizeof *at);
}

/* The newest; false: there is none. */
static bool drop_a_warning(struct problems *problems)
{
    size_t i = problems->count;
    while (i > 0 && !problems->items[i - 1].warning)
        i--;
    if (i > 0)
        drop(problems, i - 1);
    return i > 0;
}

__attribute__((format(printf, 6, 0))) static void add(struct problems *problems, bool warning,
                                                      const char *file, int line, int col,
                                                      const char *fmt, va_list args)
{
    if (problems->count == PROBLEMS_MAX) {
        problems->omitted++;
        if (warning || !drop_a_warning(problems)) {
            problems->omitted_errors += !warning;
            return;
        }
    }
    char message[ERR_MSG_MAX];
    err_vtext(message, sizeof message, fmt, args);
    problems->items = mem_realloc(problems->items, (problems->count + 1) * sizeof *problems->items);
    problems->items[problems->count++] = (struct problem){
        .file = mem_strdup(file),
        .line = line,
        .col = col,
        .warning = warning,
        .message = mem_strdup(message),
    };
}

void problems_add(struct problems *problems, const char *file, int line, int col, const char *fmt,
                  ...)
{
    va_list args;
    va_start(args, fmt);
    add(problems, false, file, line, col, fmt, args);
    va_end(args);
}

void problems_warn(struct problems *problems, const char *file, int line, int col, const char *fmt,
                   ...)
{
    va_list args;
    va_start(args, fmt);
    add(problems, true, file, line, col, fmt, args);
    va_end(args);
}

void problems_drop_warning(struct problems *problems, const char *file, int line, int col)
{
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *at = &problems->items[i];
        if (!at->warning || at->line != line || at->col != col || at->file == NULL ||
            strcmp(at->file, file) != 0)
            continue;
        drop(problems, i);
        return;
    }
}

static int by_place(const void *a, const void *b)
{
    const struct problem *left = a, *right = b;
    int order =
        strcmp(left->file != NULL ? left->file : "", right->file != NULL ? right->file : "");
    if (order == 0)
        order = (left->line > right->line) - (left->line < right->line);
    if (order == 0)
        order = (left->col > right->col) - (left->col < right->col);
    return order != 0 ? order : strcmp(left->message, right->message);
}

void problems_sort(struct problems *problems)
{
    if (problems->count > 1)
        qsort(problems->items, problems->count, sizeof *problems->items, by_place);
}

size_t problems_errors(const struct problems *problems)
{
    size_t errors = problems->omitted_errors;
    for (size_t i = 0; i < problems->count; i++)
        errors += !problems->items[i].warning;
    return errors;
}

void problems_format(const struct problems *problems, struct buf *out)
{
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->items[i];
        if (problem->file != NULL)
            visible_append(out, problem->file, strlen(problem->file), VISIBLE_LINE);
        if (problem->line > 0)
            buf_printf(out, ":%d:%d", problem->line, problem->col);
        if (problem->file != NULL)
            buf_puts(out, ": ");
        buf_puts(out, problem->warning ? "warning: " : "");
        visible_append(out, problem->message, strlen(problem->message), VISIBLE_LINE);
        buf_putc(out, '\n');
    }
    if (problems->omitted > 0)
        buf_printf(out, "and %zu more\n", problems->omitted);
}
