#include "ascii.h"
#include "base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sodium.h>

#define TEXT      "Zm9v+/8="
#define TEXT_LEN  (sizeof TEXT - 1)
#define BYTES     "foo\xfb\xff"
#define BYTES_LEN (sizeof BYTES - 1)

static void decodes(void **state)
{
    (void)state;
    char bytes[TEXT_LEN];
    size_t len = 0;
    assert_true(base64_decode(sodium_base64_VARIANT_ORIGINAL, TEXT, TEXT_LEN, NULL, bytes,
                              sizeof bytes, &len));
    assert_int_equal(len, BYTES_LEN);
    assert_memory_equal(bytes, BYTES, len);
    assert_true(base64_decode(sodium_base64_VARIANT_URLSAFE_NO_PADDING, "Zm9v\n-_8", 8, "\n", bytes,
                              sizeof bytes, &len));
    assert_memory_equal(bytes, BYTES, len);
    assert_false(base64_decode(sodium_base64_VARIANT_ORIGINAL, TEXT, TEXT_LEN, NULL, bytes,
                               BYTES_LEN - 1, &len));
}

/* At each place, each byte that is no digit. */
static void refuses_what_is_none(void **state)
{
    (void)state;
    for (size_t at = 0; at < TEXT_LEN; at++) {
        for (int byte = 0; byte <= UINT8_MAX; byte++) {
            char text[] = TEXT, bytes[TEXT_LEN];
            size_t len;
            if (ascii_is_alnum((char)byte) || byte == '+' || byte == '/' || byte == '=')
                continue;
            text[at] = (char)byte;
            if (base64_decode(sodium_base64_VARIANT_ORIGINAL, text, TEXT_LEN, NULL, bytes,
                              sizeof bytes, &len))
                fail_msg("byte %d at %zu was taken", byte, at);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes),
        cmocka_unit_test(refuses_what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
