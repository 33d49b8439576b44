/* Microsoft Kaizala, and what speaks its language: the sandbox. */
#ifndef JETON_KAIZALA_H
#define JETON_KAIZALA_H

#include "provider.h"

extern const struct provider kaizala_provider;

#endif
