/*
 * Private keys and what is signed with them. keys/rsa*, ec* and ed25519* are the published keys of
 * RFC 7515 (A.2, A.3) and RFC 8037 (A.1); what is random in a signature is verified by
 * tests/e2e/crypto/test_jwt_peers.py.
 */
#include "assertion.h"

#include "json.h"
#include "mem.h"
#include "pkce.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct err err;

/* ---- allocations of libcrypto that fail ---- */

static long allocations_left = -1; /* then each fails; -1: none does */

static bool refused(void)
{
    if (allocations_left == 0)
        return true;
    allocations_left -= allocations_left > 0;
    return false;
}

static void *crypto_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return refused() ? NULL : malloc(size);
}

static void *crypto_realloc(void *ptr, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return refused() ? NULL : realloc(ptr, size);
}

static void crypto_free(void *ptr, const char *file, int line)
{
    (void)file, (void)line;
    free(ptr);
}

/* ---- helpers ---- */

static char *file_text(const char *name)
{
    struct buf text;
    char *path = mem_printf("unit/crypto/keys/%s", name);
    int fd = open(path, O_RDONLY);
    buf_create(&text, PRIVATE_KEY_BYTES_MAX);
    assert_true(fd >= 0);
    assert_int_equal(buf_read_fd(&text, fd), 0);
    close(fd);
    mem_free(path);
    return buf_take(&text);
}

static struct private_key *read_text(const char *text)
{
    err_clear(&err);
    return private_key_new(text, strlen(text), &err);
}

static struct private_key *read_file(const char *name)
{
    char *text = file_text(name);
    struct private_key *key = read_text(text);
    mem_free(text);
    if (key == NULL)
        fail_msg("%s: %s", name, err.msg);
    return key;
}

static void file_refused(const char *name, const char *expected)
{
    char *text = file_text(name);
    assert_null(read_text(text));
    assert_int_equal(err.kind, ERR_CONFIG);
    if (strncmp(err.msg, expected, strlen(expected)) != 0)
        fail_msg("%s: %s", name, err.msg);
    mem_free(text);
}

static void signs(const struct private_key *key, enum private_key_algorithm algorithm,
                  const char *text, const char *expected)
{
    struct buf out;
    char encoded[1024];
    buf_create(&out, PRIVATE_KEY_SIGNATURE_MAX);
    if (private_key_sign(key, algorithm, text, strlen(text), &out, &err) != 0)
        fail_msg("%s", err.msg);
    sodium_bin2base64(encoded, sizeof encoded, (const unsigned char *)out.data, out.len,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    assert_string_equal(encoded, expected);
    buf_destroy(&out);
}

/* ---- tests ---- */

static void test_published_signatures(void **state)
{
    (void)state;
    static const char rs256_text[] =
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxl"
        "LmNvbS9pc19yb290Ijp0cnVlfQ";
    static const char rs256[] =
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2F"
        "p5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQB"
        "MHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeY"
        "I2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    static const char *const rsa_files[] = {"rsa.pem", "rsa_pkcs1.pem", "service_account.json"};
    for (size_t i = 0; i < 3; i++) {
        struct private_key *key = read_file(rsa_files[i]);
        assert_int_equal(private_key_default(key), PRIVATE_KEY_RS256);
        signs(key, PRIVATE_KEY_RS256, rs256_text, rs256);
        private_key_free(key);
    }
    struct private_key *key = read_file("ed25519.pem");
    assert_int_equal(private_key_default(key), PRIVATE_KEY_EDDSA);
    signs(key, PRIVATE_KEY_EDDSA, "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
          "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg");
    private_key_free(key);
}

static void test_es256_has_64_bytes(void **state)
{
    (void)state;
    static const char *const files[] = {"ec.pem", "ec_sec1.pem"};
    struct buf out;
    buf_create(&out, PRIVATE_KEY_SIGNATURE_MAX);
    for (size_t i = 0; i < 2; i++) {
        struct private_key *key = read_file(files[i]);
        assert_int_equal(private_key_default(key), PRIVATE_KEY_ES256);
        for (int j = 0; j < 600; j++) { /* so that r or s begins with a zero byte */
            buf_clear(&out);
            assert_int_equal(private_key_sign(key, PRIVATE_KEY_ES256, "x", 1, &out, &err), 0);
            assert_int_equal(out.len, 64);
        }
        private_key_free(key);
    }
    buf_destroy(&out);
}

static void test_service_account(void **state)
{
    (void)state;
    struct private_key *key = read_file("service_account.json");
    assert_string_equal(private_key_issuer(key), "robot@demo.iam.example");
    assert_string_equal(private_key_id(key), "9f3b");
    private_key_free(key);
    key = read_file("rsa.pem");
    assert_null(private_key_issuer(key));
    assert_null(private_key_id(key));
    private_key_free(key);
    file_refused("authorized_user.json", "it is JSON, but not the key file of a Google service");
    assert_null(read_text("{\"type\":\"service_account\"}"));
    assert_string_equal(err.msg, "this service account's file has no private_key");
    assert_null(read_text("{\"type\":\"service_account\",\"private_key\":\"S3cret"));
    assert_string_equal(err.msg, "it begins with '{', but is not correct JSON");
}

static void test_refused(void **state)
{
    (void)state;
    file_refused("rsa_encrypted.pem", "it is encrypted, and jeton asks for no password");
    file_refused("rsa_pkcs1_encrypted.pem", "it is encrypted, and jeton asks for no password");
    file_refused("rsa_1024.pem", "it is an RSA key of 1024 bits; expected 2048 to 16384");
    file_refused("ec_p384.pem", "it is on an elliptic curve that no algorithm here uses");
    file_refused("ed25519_openssh.pem", "it is in OpenSSH's own format; `ssh-keygen");
    file_refused("rsa_public.pem", "it is a public key; the private key is needed");
    file_refused("rsa_certificate.pem", "it is a certificate; the private key is needed");
    assert_null(read_text(""));
    assert_null(read_text("S3cret-Value"));
    assert_null(strstr(err.msg, "S3cret"));
    char *large = mem_alloc(PRIVATE_KEY_BYTES_MAX + 2);
    memset(large, '\n', PRIVATE_KEY_BYTES_MAX + 1);
    assert_null(read_text(large));
    assert_string_equal(err.msg, "it is larger than 65536 bytes");
    mem_free(large);
}

/* As people paste it into a variable of the environment, and as editors of Windows write it. */
static void test_line_ends(void **state)
{
    (void)state;
    char *text = file_text("ec_sec1.pem");
    static const char *const ends[] = {"\\n", "\\r\\n", "\r\n"};
    for (size_t i = 0; i < 3; i++) {
        struct buf other;
        buf_create(&other, PRIVATE_KEY_BYTES_MAX);
        buf_puts(&other, "\xef\xbb\xbf \n");
        for (const char *p = text; *p != '\0'; p++) {
            if (*p == '\n')
                buf_puts(&other, ends[i]);
            else
                buf_putc(&other, *p);
        }
        struct private_key *key = read_text(other.data);
        if (key == NULL)
            fail_msg("%zu: %s", i, err.msg);
        private_key_free(key);
        buf_destroy(&other);
    }
    mem_free(text);
}

static void test_key_must_fit(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        enum private_key_algorithm algorithm;
        const char *expected;
    } cases[] = {
        {"rsa.pem", PRIVATE_KEY_ES256, "it is an RSA key, and ES256 needs a P-256 key"},
        {"rsa.pem", PRIVATE_KEY_EDDSA, "it is an RSA key, and EdDSA needs an Ed25519 key"},
        {"ec.pem", PRIVATE_KEY_RS256, "it is a P-256 key, and RS256 needs an RSA key"},
        {"ec.pem", PRIVATE_KEY_PS256, "it is a P-256 key, and PS256 needs an RSA key"},
        {"ed25519.pem", PRIVATE_KEY_ES256, "it is an Ed25519 key, and ES256 needs a P-256 key"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct private_key *key = read_file(cases[i].file);
        struct buf out;
        buf_create(&out, PRIVATE_KEY_SIGNATURE_MAX);
        assert_int_equal(private_key_sign(key, cases[i].algorithm, "x", 1, &out, &err), -1);
        assert_int_equal(err.kind, ERR_CONFIG);
        assert_string_equal(err.msg, cases[i].expected);
        assert_int_equal(out.len, 0);
        buf_destroy(&out);
        private_key_free(key);
    }
}

/* The thumbprints are what `openssl x509 -fingerprint` says. */
static void test_certificate(void **state)
{
    (void)state;
    struct certificate_thumbprints found;
    char *text = file_text("rsa_certificate.pem");
    struct private_key *key = read_file("rsa.pem");
    assert_int_equal(certificate_read(text, strlen(text), key, &found, &err), 0);
    assert_string_equal(found.x5t, "o2s1GxYcFWuWZP7L_YXTX-2IuaY");
    assert_string_equal(found.x5t_s256, "ilKEwqtxXTM6IBOcmE1SRpRK7lgZII63OW0ZA5vZ4V0");
    assert_int_equal(certificate_read("none", 4, key, &found, &err), -1);
    private_key_free(key);
    key = read_file("ec.pem");
    assert_int_equal(certificate_read(text, strlen(text), key, &found, &err), -1);
    assert_string_equal(err.msg, "it is not the certificate of this key");
    private_key_free(key);
    mem_free(text);
}

/* The JSON of a token's part (mem_free). */
static char *part_of(const char *token, int index)
{
    for (; index > 0; index--)
        token = strchr(token, '.') + 1;
    size_t len = strcspn(token, "."), size;
    char *json = mem_alloc(len + 1);
    assert_int_equal(sodium_base642bin((unsigned char *)json, len, token, len, NULL, &size, NULL,
                                       sodium_base64_VARIANT_URLSAFE_NO_PADDING),
                     0);
    return json;
}

static void test_header(void **state)
{
    (void)state;
    const struct certificate_thumbprints certificate = {.x5t = "one", .x5t_s256 = "two"};
    const struct jwt_header header = {
        .algorithm = PRIVATE_KEY_EDDSA, .key_id = "a \"key\"", .certificate = &certificate};
    struct private_key *key = read_file("ed25519.pem");
    struct buf token;
    buf_create(&token, JWT_MAX);
    assert_int_equal(jwt_sign(key, &header, "{\"a\":1}", &token, &err), 0);
    char *first = part_of(token.data, 0), *second = part_of(token.data, 1);
    assert_string_equal(first, "{\"alg\":\"EdDSA\",\"typ\":\"JWT\",\"kid\":\"a \\\"key\\\"\","
                               "\"x5t\":\"one\",\"x5t#S256\":\"two\"}");
    assert_string_equal(second, "{\"a\":1}");
    mem_free(first);
    mem_free(second);
    buf_destroy(&token);
    buf_create(&token, 20);
    assert_int_equal(jwt_sign(key, &header, "{}", &token, &err), -1);
    assert_int_equal(token.len, 0);
    buf_destroy(&token);
    private_key_free(key);
}

#define NOW_MS 1700000000999

static char *claims_of(const struct assertion *assertion)
{
    struct buf out;
    buf_create(&out, ASSERTION_CLAIMS_MAX);
    err_clear(&err);
    int result = assertion_claims(assertion, NOW_MS, "one", &out, &err);
    char *text = result == 0 ? mem_strdup(out.data) : NULL;
    buf_destroy(&out);
    return text;
}

static void test_claims(void **state)
{
    (void)state;
    static const struct {
        struct assertion assertion;
        const char *expected; /* NULL: refused */
    } cases[] = {
        {{.issuer = "i", .lifetime_ms = 300000},
         "{\"iss\":\"i\",\"iat\":1700000000,\"exp\":1700000300,\"jti\":\"one\"}"},
        {{.issuer = "i",
          .subject = "s",
          .audience = "https://a",
          .lifetime_ms = 600000,
          .backdate_ms = 60000,
          .scope = "a b",
          .claims = "{\"box_sub_type\":\"enterprise\",\"n\":636674054802000001,\"l\":[1,{}]}"},
         "{\"iss\":\"i\",\"sub\":\"s\",\"aud\":\"https://a\",\"iat\":1699999940,\"exp\":1700000540,"
         "\"jti\":\"one\",\"scope\":\"a b\",\"box_sub_type\":\"enterprise\","
         "\"n\":636674054802000001,\"l\":[1,{}]}"},
        {{.issuer = "i",
          .audience = "a",
          .lifetime_ms = 1000,
          .claims = "{\"aud\":[\"b\"],\"iat\":5}"},
         "{\"iss\":\"i\",\"exp\":1700000001,\"jti\":\"one\",\"aud\":[\"b\"],\"iat\":5}"},
        {{.issuer = "i", .lifetime_ms = 1000, .claims = "[]"}, NULL},
        {{.issuer = "i", .lifetime_ms = 1000, .claims = "{"}, NULL},
        {{.issuer = "\xff", .lifetime_ms = 1000}, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = claims_of(&cases[i].assertion);
        if (cases[i].expected == NULL) {
            assert_null(text);
            assert_int_equal(err.kind, ERR_CONFIG);
        } else {
            assert_non_null(text);
            assert_string_equal(text, cases[i].expected);
        }
        mem_free(text);
    }
}

static int64_t fixed_now(void *arg, enum clock_kind kind)
{
    (void)arg;
    return kind == CLOCK_WALL ? NOW_MS : 0;
}

/* By the clock that it is given, and with a `jti` that never comes twice. */
static void test_assertion(void **state)
{
    (void)state;
    const struct clock clock = {.now_ms = fixed_now};
    const struct assertion assertion = {.issuer = "i", .lifetime_ms = 60000};
    const struct jwt_header header = {.algorithm = PRIVATE_KEY_EDDSA};
    struct private_key *key = read_file("ed25519.pem");
    char *seen[2];
    for (size_t i = 0; i < 2; i++) {
        struct buf token;
        buf_create_secret(&token, JWT_MAX);
        assert_int_equal(assertion_sign(&assertion, key, &header, &clock, &token, &err), 0);
        char *text = part_of(token.data, 1);
        struct json *claims = json_parse(text, strlen(text), NULL, &err);
        assert_int_equal(json_get(claims, "iat")->integer, 1700000000);
        assert_int_equal(json_get(claims, "exp")->integer, 1700000060);
        seen[i] = mem_strdup(json_string(json_get(claims, "jti")));
        assert_int_equal(strlen(seen[i]), ASSERTION_JTI_SIZE - 1);
        json_free(claims);
        mem_free(text);
        buf_destroy(&token);
    }
    assert_string_not_equal(seen[0], seen[1]);
    mem_free(seen[0]);
    mem_free(seen[1]);
    private_key_free(key);
}

static int read_and_sign(const char *text, const char *certificate)
{
    struct certificate_thumbprints marks;
    struct buf out;
    buf_create(&out, JWT_MAX);
    err_clear(&err);
    struct private_key *key = private_key_new(text, strlen(text), &err);
    int result = key != NULL ? 0 : -1;
    if (result == 0 && certificate != NULL)
        result = certificate_read(certificate, strlen(certificate), key, &marks, &err);
    const enum private_key_algorithm usual = key != NULL ? private_key_default(key) : 0;
    if (result == 0)
        result = private_key_sign(key, usual == PRIVATE_KEY_RS256 ? PRIVATE_KEY_PS256 : usual, text,
                                  strlen(text), &out, &err);
    private_key_free(key);
    buf_destroy(&out);
    return result;
}

/* Whichever allocation of libcrypto is the last that succeeds: an error, or a good end. */
static void test_memory_that_ends(void **state)
{
    (void)state;
    static const char *const files[] = {"rsa.pem", "ec_sec1.pem", "ed25519.pem",
                                        "rsa_encrypted.pem"};
    char *certificate = file_text("rsa_certificate.pem");
    for (size_t i = 0; i < 4; i++) {
        char *text = file_text(files[i]);
        const char *with = i == 0 ? certificate : NULL;
        int expected = read_and_sign(text, with); /* warm: what it keeps is allocated */
        assert_int_equal(expected, i == 3 ? -1 : 0);
        long n = 0;
        for (bool reached = false; !reached; n += 1 + n / 64) {
            allocations_left = n;
            int result = read_and_sign(text, with);
            reached = allocations_left > 0;
            allocations_left = -1;
            assert_true(result == 0 || (err.kind == ERR_CONFIG && err.msg[0] != '\0'));
            assert_true(!reached || result == expected);
        }
        assert_true(n > 10);
        assert_int_equal(read_and_sign(text, with), expected);
        mem_free(text);
    }
    mem_free(certificate);
}

/* Appendix B of RFC 7636. */
static void a_challenge_of_pkce(void **state)
{
    (void)state;
    char challenge[PKCE_SIZE], verifiers[2][PKCE_SIZE];
    pkce_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", challenge);
    assert_string_equal(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    pkce_verifier(verifiers[0]);
    pkce_verifier(verifiers[1]);
    assert_int_equal(strlen(verifiers[0]), 43);
    assert_string_not_equal(verifiers[0], verifiers[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_signatures),
        cmocka_unit_test(test_es256_has_64_bytes),
        cmocka_unit_test(test_service_account),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_line_ends),
        cmocka_unit_test(test_key_must_fit),
        cmocka_unit_test(test_certificate),
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_claims),
        cmocka_unit_test(test_assertion),
        cmocka_unit_test(a_challenge_of_pkce),
        cmocka_unit_test(test_memory_that_ends),
    };
    void *library = dlopen("libcrypto.so.3", RTLD_NOW);
    int (*set)(CRYPTO_malloc_fn, CRYPTO_realloc_fn, CRYPTO_free_fn);
    void *symbol = library != NULL ? dlsym(library, "CRYPTO_set_mem_functions") : NULL;
    memcpy(&set, &symbol, sizeof symbol);
    if (symbol == NULL || set(crypto_malloc, crypto_realloc, crypto_free) != 1)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
