/*
 * Private keys and certificates from any bytes. What must hold: a refusal is an error of the
 * configuration with words; a key that is read signs by its usual algorithm.
 */
#include "certificate.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_private_key: %s\n", what);
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct certificate_thumbprints marks;
    struct buf out;
    struct private_key *key = private_key_new((const char *)data, size, &err);
    if (key == NULL) {
        must(err.kind == ERR_CONFIG && err.msg[0] != '\0', "a refusal without words");
        return 0;
    }
    buf_create(&out, PRIVATE_KEY_SIGNATURE_MAX);
    /* Numbers that belong to no real key may fail to sign. */
    if (private_key_sign(key, private_key_default(key), data, size, &out, &err) != 0)
        must(out.len == 0 && err.kind == ERR_CONFIG, "a failure that left bytes");
    if (certificate_read((const char *)data, size, key, &marks, &err) != 0)
        must(err.kind == ERR_CONFIG && err.msg[0] != '\0', "a refusal without words");
    buf_destroy(&out);
    private_key_free(key);
    return 0;
}
