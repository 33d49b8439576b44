/* Between redact.c, which keeps the secrets, and redact_stream.c, which looks for them. */
#ifndef JETON_REDACT_PRIVATE_H
#define JETON_REDACT_PRIVATE_H

#include "redact_index.h"

struct redact;
const struct redact_index *redact_index_of(const struct redact *redact);

#endif
