/* Between redact.c, which keeps the secrets, and redact_stream.c, which masks them. */
#ifndef JETON_REDACT_PRIVATE_H
#define JETON_REDACT_PRIVATE_H

#include "redact_scan.h"

enum redact_set {
    REDACT_OLD,
    REDACT_YOUNG,
    REDACT_SETS,
};

struct redact;
struct redact_forms *redact_forms_of(const struct redact *redact, enum redact_set set);
/* For a text that is there as a whole; begins anew. */
struct redact_scan *redact_scan_of(const struct redact *redact, enum redact_set set);

#endif
