/* PEM as people keep it, made what libcrypto reads. */
#ifndef JETON_PEM_H
#define JETON_PEM_H

#include "buf.h"

/*
 * Appends it without a byte order mark and blanks before it. In PEM without line ends, as from an
 * environment variable, `\n` as two characters is one (so is `\r\n`).
 */
void pem_text(const char *text, size_t len, struct buf *out);

#endif
