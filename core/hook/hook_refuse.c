#include "hook_private.h"

#include <stdio.h>
#include <string.h>

#define WHY_MAX 512

bool hook_refuse(struct hook_result *result, int status, const char *part, const char *fmt, ...)
{
    char why[WHY_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    result->verdict = HOOK_REFUSE;
    result->why = arena_text(&result->arena, why, strlen(why));
    result->part = part;
    result->reply = (struct hook_reply){.status = status, .body = ""};
    return false;
}
