#include "sha256.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#define LIBRARY "libcrypto.so.3"

static bool is_loaded(void)
{
    return dlopen(LIBRARY, RTLD_LAZY | RTLD_NOLOAD) != NULL;
}

/* Texts around the ends of blocks, in pieces that do not fit them. */
static void hash_all(void)
{
    static unsigned char text[1000], expected[crypto_hash_sha256_BYTES], hash[SHA256_BYTES];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (unsigned char)(i * 7);
    for (size_t len = 0; len <= sizeof text; len += len < 200 ? 1 : 97) {
        struct sha256 *sha256 = sha256_new();
        for (size_t at = 0, piece = 1; at < len; at += piece, piece = piece % 70 + 1)
            sha256_add(sha256, text + at, len - at < piece ? len - at : piece);
        sha256_end(sha256, hash);
        crypto_hash_sha256(expected, text, len);
        assert_memory_equal(hash, expected, sizeof hash);
    }
    sha256_free(sha256_new());
    sha256_free(NULL);
}

static void test_without_libcrypto(void **state)
{
    (void)state;
    struct rlimit limit, few;
    assert_false(is_loaded());
    getrlimit(RLIMIT_NOFILE, &limit);
    few = limit;
    few.rlim_cur = 3; /* so it cannot be opened */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    hash_all();
    setrlimit(RLIMIT_NOFILE, &limit);
    assert_false(is_loaded());
}

static void test_with_libcrypto(void **state)
{
    (void)state;
    hash_all();
    assert_true(is_loaded());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_libcrypto),
        cmocka_unit_test(test_with_libcrypto),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
