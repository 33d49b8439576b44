/* Link fields of any bytes: a target is a part of them that stood between < and >. */
#include "link.h"

#include "mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = mem_strndup((const char *)data, size);
    char *next = link_next(text);
    char *written = mem_printf("<%s>", next != NULL ? next : "");
    if (next != NULL && (strchr(next, '>') != NULL || strstr(text, written) == NULL)) {
        fprintf(stderr, "fuzz_link: '%s' of '%s'\n", next, text);
        abort();
    }
    mem_free(written);
    mem_free(next);
    mem_free(text);
    return 0;
}
