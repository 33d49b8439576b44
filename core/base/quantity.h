/* Numbers with a unit, as options and the configuration write them. ERR_INVALID says what was
 * expected; the value is set on success only. */
#ifndef JETON_QUANTITY_H
#define JETON_QUANTITY_H

#include "err.h"

#include <stdint.h>

/* An integer and ms, s, m, h or d; 1000 years at most. */
int quantity_duration(const char *text, int64_t *ms, struct err *err);
/* An integer and optional B, KiB, MiB or GiB. */
int quantity_size(const char *text, int64_t *bytes, struct err *err);
/* An integer, not negative. */
int quantity_integer(const char *text, int64_t *value, struct err *err);

#endif
