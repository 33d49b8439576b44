/* Schedules of any bytes: refused with a message, or with a time at which they are due. */
#include "cron.h"

#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = mem_strndup((const char *)data, size);
    struct cron cron = {0};
    struct err err;
    err_clear(&err);
    bool good =
        cron_parse(text, &cron, &err) == 0
            ? cron.reboot || (cron.minutes != 0 && cron.minutes >> 60 == 0 && cron.hours != 0 &&
                              cron.hours >> 24 == 0 && cron.days != 0 && (cron.days & 1) == 0 &&
                              cron.months != 0 && (cron.months & ~0x1FFEu) == 0 &&
                              cron.weekdays != 0 && cron.weekdays >> 7 == 0)
            : err.kind == ERR_INVALID && err.msg[0] != '\0';
    if (!good) {
        fprintf(stderr, "fuzz_cron: '%s'\n", text);
        abort();
    }
    mem_free(text);
    return 0;
}
