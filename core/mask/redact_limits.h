#ifndef JETON_REDACT_LIMITS_H
#define JETON_REDACT_LIMITS_H

#include <stddef.h>

#define REDACT_MIN_BYTES 6 /* shorter secrets are refused by secret_read */
#define REDACT_MASK      "********"
#define REDACT_PIECE_MAX ((size_t)64 * 1024) /* a longer secret is known by its pieces */
#define REDACT_MAX       8192                /* secrets registered at once */
#define REDACT_PINNED                                                                              \
    4096 /* the first ones (the configuration's) stay; of the others, the oldest go */
/* Of blanks and line ends, as they are or escaped, between two digits of base64: in bytes. */
#define REDACT_GAP_MAX    64
#define REDACT_OWNERS_MAX 1024 /* of one secret; more are not kept */

#endif
