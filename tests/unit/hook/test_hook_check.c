/*
 * Whose a request is: vectors that senders publish, and what is refused. What each preset does is
 * in tests/e2e/hook.
 */
#include "hook_fixture.h"

#include "mem.h"
#include "sha1.h"

#include <sodium.h>

static struct err err;

/* ---- published vectors ---- */

static void github(void **state)
{
    (void)state;
    struct hook_fixture f;
    hook_fixture_begin(&f, HOOK_HMAC, "header:X-Hub-Signature-256", "{body}", NULL);
    f.rules.verify.prefix = mem_strdup("sha256=");
    hook_fixture_place(&f.rules.id, "header:X-GitHub-Delivery");
    hook_fixture_secret(&f, "It's a Secret to Everybody");
    struct hook_fixture_call call = {
        .body = "Hello, World!",
        .headers = {{"x-hub-signature-256",
                     "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
                    {"X-GitHub-Delivery", "72d3162e"}}};
    assert_int_equal(hook_fixture_check(&f, &call), 200);
    assert_int_equal(f.result.verdict, HOOK_STORE);
    assert_string_equal(f.result.events[0].id, "72d3162e");
    assert_false(f.result.events[0].may_repeat);
    unsigned char digest[32];
    crypto_hash_sha256(digest, (const unsigned char *)"Hello, World!", 13);
    assert_memory_equal(f.result.events[0].digest, digest, sizeof digest);
    call.headers[1].value = ""; /* without an ID it is no other event either */
    assert_int_equal(hook_fixture_check(&f, &call), 200);
    assert_false(f.result.events[0].may_repeat);
    hook_fixture_place(&f.rules.id, "json:id"); /* nor by an ID that stands behind it */
    assert_int_equal(hook_fixture_check(&f, &call), 200);
    assert_false(f.result.events[0].may_repeat);
    for (int i = 0; i < 2; i++) { /* an ID that is empty, or left out */
        call.headers[1].value = "";
        call.headers[1].name = i == 0 ? "X-GitHub-Delivery" : "X-Other";
        assert_int_equal(hook_fixture_check(&f, &call), 200);
        assert_false(f.result.events[0].may_repeat);
        assert_memory_equal(f.result.events[0].digest, digest, sizeof digest);
    }
    call.body = "Hello, World?";
    assert_int_equal(hook_fixture_check(&f, &call), 401);
    assert_string_equal(f.result.part, "signature");
    assert_int_equal(f.result.reply.body_len, 0);
    call.body = "Hello, World!";
    call.headers[0].value =
        "sha256=757107Ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert_int_equal(hook_fixture_check(&f, &call), 401); /* as nobody writes it */
    call.headers[0].value = "sha1=757107ea";
    assert_int_equal(hook_fixture_check(&f, &call), 401);
    assert_string_equal(f.result.why, "no signature begins with 'sha256='");
    hook_fixture_end(&f);
}

/* As Authorize.Net and others write theirs; a hash of the body, too. */
static void capitals(void **state)
{
    (void)state;
    struct hook_fixture f;
    hook_fixture_begin(&f, HOOK_HMAC, "header:X-ANET-Signature", "{header:X-Hash}", NULL);
    f.rules.verify.prefix = mem_strdup("sha512=");
    f.rules.verify.digest = HOOK_SHA512;
    hook_fixture_place(&f.rules.verify.body_hash, "header:X-Hash");
    hook_fixture_secret(&f, "Jefe77");
    struct hook_fixture_call call = {
        .body = "Hello, World!",
        .headers = {
            {"X-ANET-Signature",
             "sha512=3D203075A1504DBB0DC236F45E650E12D81C6EC79370B4EF046A926B2DF35674"
             "3A11CEB985B9B03D7C8C3588B600D8F500DEEFE8D5F1BF8D8A277BED33D663DB"},
            {"X-Hash", "DFFD6021BB2BD5B0AF676290809EC3A53191DD81C7F70A4B28688A362182986F"}}};
    assert_int_equal(hook_fixture_check(&f, &call), 200);
    call.body = "Hello, World?";
    assert_int_equal(hook_fixture_check(&f, &call), 401);
    assert_string_equal(f.result.part, "body");
    call.body = "Hello, World!";
    call.headers[0].value =
        "sha512=3D203075A1504DBB0DC236F45E650E12D81C6EC79370B4EF046A926B2DF35674"
        "3A11CEB985B9B03D7C8C3588B600D8F500DEEFE8D5F1BF8D8A277BED33D663DE";
    assert_int_equal(hook_fixture_check(&f, &call), 401);
    assert_string_equal(f.result.part, "signature");
    hook_fixture_end(&f);
}

/* As Merge and others write theirs. */
static void base64_of_urls(void **state)
{
    (void)state;
    static const struct {
        const char *signature;
        int status;
    } cases[] = {
        {"gMJXp+/l2NaNSOiAGb3HakOnGgt6mdSFaDphdg0sEeM=", 200},
        {"gMJXp-_l2NaNSOiAGb3HakOnGgt6mdSFaDphdg0sEeM=", 200},
        {"gMJXp+/l2NaNSOiAGb3HakOnGgt6mdSFaDphdg0sEeM", 200},
        {"gMJXp-_l2NaNSOiAGb3HakOnGgt6mdSFaDphdg0sEeM", 200},
        {"gMJXp-/l2NaNSOiAGb3HakOnGgt6mdSFaDphdg0sEeM=", 401},
        {"gMJXp-_l2NaNSOiAGb3HakOnGgt6mdSFaDphdg0sEe", 401},
        {"gMJXp-_l2NaNSOiAGb3HakOnGgt6mdSFaDphdg0sEeM==", 401},
    };
    struct hook_fixture f;
    hook_fixture_begin(&f, HOOK_HMAC, "header:X-Signature", "{body}", NULL);
    f.rules.verify.encoding = HOOK_BASE64;
    hook_fixture_secret(&f, "Jefe77");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hook_fixture_call call = {.body = "Hello 4",
                                         .headers = {{"X-Signature", cases[i].signature}}};
        assert_int_equal(hook_fixture_check(&f, &call), cases[i].status);
    }
    hook_fixture_end(&f);
}

static void standard(void **state)
{
    (void)state;
    struct hook_fixture f;
    hook_fixture_begin(&f, HOOK_HMAC, "header:webhook-signature",
                       "{header:webhook-id}.{time}.{body}", "header:webhook-timestamp");
    f.rules.verify.prefix = mem_strdup("v1,");
    f.rules.verify.separator = mem_strdup(" ");
    f.rules.verify.encoding = HOOK_BASE64;
    f.rules.verify.key = HOOK_KEY_WHSEC;
    hook_fixture_place(&f.rules.id, "header:webhook-id");
    hook_fixture_secret(&f, "whsec_c29tZXRoaW5nIGVsc2UgdGhhdCBpcyBvbGQ=");
    hook_fixture_secret(&f, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    struct hook_fixture_call call = {
        .now_ms = 1614265330000LL,
        .body = "{\"test\": 2432232314}",
        .headers = {{"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
                    {"webhook-timestamp", "1614265330"},
                    {"webhook-signature",
                     "v1a,AAAA v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}}};
    assert_int_equal(hook_fixture_check(&f, &call), 200);
    assert_false(f.result.events[0].may_repeat);
    call.now_ms += 300000;
    assert_int_equal(hook_fixture_check(&f, &call), 200);
    call.now_ms += 1000;
    assert_int_equal(hook_fixture_check(&f, &call), 401);
    assert_string_equal(f.result.why, "the time is 301 s in the past");
    call.now_ms -= 602000;
    assert_int_equal(hook_fixture_check(&f, &call), 401);
    assert_string_equal(f.result.part, "time");
    call.now_ms = 1614265330000LL;
    call.headers[0].value = "msg_p5jXN8AQM9LWM0D4loKWxJel";
    assert_int_equal(hook_fixture_check(&f, &call), 401);
    call.headers[0].value = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    call.headers[3] = call.headers[2];
    assert_int_equal(hook_fixture_check(&f, &call), 401); /* a repeated header */
    call.headers[3] = call.headers[0];
    assert_int_equal(hook_fixture_check(&f, &call), 401);
    hook_fixture_end(&f);
}

static void twilio(void **state)
{
    (void)state;
    struct hook_fixture f;
    hook_fixture_begin(&f, HOOK_HMAC, "header:X-Twilio-Signature", "{url}{form_sorted}", NULL);
    f.rules.verify.digest = HOOK_SHA1;
    f.rules.verify.encoding = HOOK_BASE64;
    f.rules.public_url = mem_strdup("https://mycompany.com/myapp.php");
    hook_fixture_secret(&f, "12345");
    struct hook_fixture_call call = {
        .target = "/hook?foo=1&bar=2",
        .body = "From=%2B14158675309&CallSid=CA1234567890ABCDE&Digits=1234&To=%2B18005551212&"
                "Caller=%2B14158675309",
        .headers = {{"X-Twilio-Signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8="},
                    {"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}}};
    assert_int_equal(hook_fixture_check(&f, &call), 200);
    call.headers[1].value = "application/json"; /* else nothing would sign the body */
    assert_int_equal(hook_fixture_check(&f, &call), 401);
    call.headers[1].value = "application/x-www-form-urlencoded";
    call.target = "/hook?foo=1&bar=3";
    assert_int_equal(hook_fixture_check(&f, &call), 401);
    call.target = "/hook?foo=1&bar=2"; /* a field that is there twice */
    call.body = "Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234";
    call.headers[0].value = "IK+Dwps556ElfBT0I3Rgjkr1wJU=";
    assert_int_equal(hook_fixture_check(&f, &call), 200);
    hook_fixture_end(&f);
}

static void slack(void **state)
{
    (void)state;
    struct hook_fixture f;
    hook_fixture_begin(&f, HOOK_HMAC, "header:X-Slack-Signature", "v0:{time}:{body}",
                       "header:X-Slack-Request-Timestamp");
    f.rules.verify.prefix = mem_strdup("v0=");
    hook_fixture_secret(&f, "8f742231b10e8888abcd99yyyzzz85a5");
    struct hook_fixture_call call = {
        .now_ms = 1531420618000LL,
        .body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&"
                "channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&"
                "command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2F"
                "commands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id="
                "398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
        .headers = {{"X-Slack-Signature",
                     "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"},
                    {"X-Slack-Request-Timestamp", "1531420618"}}};
    assert_int_equal(hook_fixture_check(&f, &call), 200);
    hook_fixture_end(&f);
}

/* RFC 2202 and FIPS 180. */
static void sha1(void **state)
{
    (void)state;
    unsigned char out[SHA1_BYTES];
    char hex[2 * SHA1_BYTES + 1], *million = mem_alloc(1000000);
    memset(million, 'a', 1000000);
    sha1_hash(million, 1000000, out);
    assert_string_equal(sodium_bin2hex(hex, sizeof hex, out, sizeof out),
                        "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    sha1_hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, out);
    assert_string_equal(sodium_bin2hex(hex, sizeof hex, out, sizeof out),
                        "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    memset(million, '\xaa', 80);
    sha1_hmac(million, 80, "Test Using Larger Than Block-Size Key - Hash Key First", 54, out);
    assert_string_equal(sodium_bin2hex(hex, sizeof hex, out, sizeof out),
                        "aa4ae5e15272d00e95705637ce8a3b55ed402112");
    sha1_hmac("Jefe", 4, "what do ya want for nothing?", 28, out);
    assert_string_equal(sodium_bin2hex(hex, sizeof hex, out, sizeof out),
                        "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    mem_free(million);
}

/* ---- other kinds ---- */

static void ed25519(void **state)
{
    (void)state;
    struct hook_fixture f;
    unsigned char public[32], private[64], signature[64];
    char hex[129], key[65];
    crypto_sign_keypair(public, private);
    hook_fixture_begin(&f, HOOK_ED25519, "header:X-Signature-Ed25519", "{time}{body}",
                       "header:X-Signature-Timestamp");
    f.rules.verify.key = HOOK_KEY_HEX;
    hook_fixture_secret(&f, sodium_bin2hex(key, sizeof key, public, sizeof public));
    const char *text = "1700000000{\"type\":1}";
    crypto_sign_detached(signature, NULL, (const unsigned char *)text, strlen(text), private);
    struct hook_fixture_call call = {
        .body = "{\"type\":1}",
        .headers = {
            {"X-Signature-Ed25519", sodium_bin2hex(hex, sizeof hex, signature, sizeof signature)},
            {"X-Signature-Timestamp", "1700000000"}}};
    assert_int_equal(hook_fixture_check(&f, &call), 200);
    for (size_t i = 0; i < strlen(hex); i++) {
        hex[i] ^= (char)(1 << (i % 7)); /* also what is the same number in another case */
        assert_int_equal(hook_fixture_check(&f, &call), 401);
        hex[i] ^= (char)(1 << (i % 7));
    }
    call.body = "{\"type\":2}";
    assert_int_equal(hook_fixture_check(&f, &call), 401);
    assert_int_equal(hook_secrets_add(f.keys, &f.rules, NULL, "abcd", 4, &err), -1);
    hook_fixture_end(&f);
}

/* By openssl: a key and a signature that it wrote. */
static void ecdsa(void **state)
{
    (void)state;
    static const char der[] =
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE4GYkIBDwIYe1FdEuet+rPUm4ux/BFnw9U2/ddFjBsRNmt2Dp3feM"
        "DW69PkZr+ytv5NIqLOB1IpRfha4cwGffdg==";
    char signature[] = "MEUCIBY7TaVQekwa/3TngK0eSqsZ0oegRibLR55AwD04PuARAiEAsT0gkCTswlA+LzVEbu8"
                       "L5n6WX9OZnNmepVCyHXzw3Xg=";
    struct hook_fixture f;
    hook_fixture_begin(&f, HOOK_ECDSA, "header:Sig", "{time}{body}", "header:At");
    f.rules.verify.encoding = HOOK_BASE64;
    char *pem = mem_printf("-----BEGIN PUBLIC KEY-----\\n%.64s\\n%s\\n-----END PUBLIC KEY-----",
                           der, der + 64);
    for (int i = 0; i < 2; i++) {
        hook_fixture_secret(&f, i == 0 ? der : pem);
        struct hook_fixture_call call = {.body = "{\"a\":1}",
                                         .headers = {{"Sig", signature}, {"At", "1700000000"}}};
        assert_int_equal(hook_fixture_check(&f, &call), 200);
        for (size_t n = 0; n < sizeof signature - 1; n += 5) {
            signature[n] ^= 1;
            assert_int_equal(hook_fixture_check(&f, &call), 401);
            signature[n] ^= 1;
        }
        call.body = "{\"a\":2}";
        assert_int_equal(hook_fixture_check(&f, &call), 401);
        hook_secrets_free(f.keys);
        f.keys = hook_secrets_new();
    }
    assert_int_equal(hook_secrets_add(f.keys, &f.rules, NULL, der, 40, &err), -1);
    mem_free(pem);
    hook_fixture_end(&f);
}

static void tokens(void **state)
{
    (void)state;
    struct hook_fixture f;
    hook_fixture_begin(&f, HOOK_TOKEN, "json:value.*.clientState", NULL, NULL);
    hook_fixture_place(&f.rules.id, "item:id");
    f.rules.max_body = 1000;
    assert_int_equal(hook_place_parse("json:value", 10, &f.rules.each, &err), 0);
    hook_fixture_template(&f.rules.type, "{item:changeType}{item:lifecycleEvent}",
                          HOOK_TEMPLATE_TYPE);
    hook_fixture_secret(&f, "sesame");
    struct hook_fixture_call call = {
        .body = " {\"value\": [{\"id\":\"a\", \"clientState\":\"sesame\", \"n\":1.0},\n"
                "{\"id\":2,\"clientState\":\"ses\\u0061me\",\"changeType\":\"up\"}]}"};
    assert_int_equal(hook_fixture_check(&f, &call), 200);
    assert_int_equal(f.result.nevents, 2);
    const struct hook_event *events = f.result.events;
    assert_string_equal(events[0].id, "a");
    assert_true(events[0].may_repeat); /* who knows the token can send anything */
    assert_int_equal(events[0].data_len,
                     strlen("{\"id\":\"a\", \"clientState\":\"***\", \"n\":1.0}"));
    assert_memory_equal(events[0].data, "{\"id\":\"a\", \"clientState\":\"***\", \"n\":1.0}",
                        events[0].data_len);
    assert_null(events[0].type);
    assert_string_equal(events[1].id, "2");
    assert_string_equal(events[1].type, "up");
    assert_int_equal(events[1].part, 0); /* it has an ID of its own */
    assert_memory_not_equal(events[0].digest, events[1].digest, 32);
    call.body = "{\"value\":[{\"clientState\":\"sesame\"},{\"clientState\":\"sesame\"}]}";
    assert_int_equal(hook_fixture_check(&f, &call), 200);
    assert_int_equal(f.result.events[1].part, 1);
    assert_string_equal(f.result.events[0].id, f.result.events[1].id);
    /* A number is a string then: what is stored is JSON. */
    hook_fixture_secret(&f, "123456");
    call.body = "{\"value\":[{\"clientState\":123456}]}";
    assert_int_equal(hook_fixture_check(&f, &call), 200);
    assert_int_equal(f.result.events[0].data_len, strlen("{\"clientState\":\"***\"}"));
    assert_memory_equal(f.result.events[0].data, "{\"clientState\":\"***\"}",
                        f.result.events[0].data_len);
    static const char *const bad[] = {
        "{\"value\": [{\"clientState\":\"sesame\"}, {}]}",
        "{\"value\": [{\"clientState\":\"sesame\"}, {\"clientState\":null}]}",
        "{\"value\": [{\"clientState\":\"sesame\"}, {\"clientState\":\"open\"}]}",
        "{\"value\": [{\"clientState\":\"sesame\"}, {\"clientState\":[\"sesame\"]}]}",
        "{\"value\": []}",
        "{\"value\": {\"clientState\":\"sesame\"}}",
        "[1",
        "",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        call.body = bad[i];
        assert_int_equal(hook_fixture_check(&f, &call), 401);
    }
    char large[1002];
    memset(large, ' ', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    call.body = large;
    assert_int_equal(hook_fixture_check(&f, &call), 413);
    hook_fixture_end(&f);
}

/* Somebody puts it into the URL, as it is or with escapes. */
static void query_token(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        int status;
    } cases[] = {
        {"/hook?token=k-ab/c+d%2be=", 200},
        {"/hook?token=k-ab%2Fc%2Bd%2Be%3D", 200},
        {"/hook?token=k-ab/c%20d+e=", 401},
        {"/hook?token=ab/c+d+e=", 401},
        {"/hook?token=k-ab/c+d+e", 401},
        {"/hook?token=k-", 401},
        {"/hook?token=k", 401},
        {"/hook?token=k-ab/c+d+e=&token=k-ab/c+d+e=", 401},
    };
    struct hook_fixture f;
    hook_fixture_begin(&f, HOOK_TOKEN, "query:token", NULL, NULL);
    f.rules.verify.prefix = mem_strdup("k-");
    hook_fixture_secret(&f, "ab/c+d+e=");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hook_fixture_call call = {.body = "{}", .target = cases[i].target};
        assert_int_equal(hook_fixture_check(&f, &call), cases[i].status);
    }
    hook_fixture_end(&f);
}

static void basic(void **state)
{
    (void)state;
    struct hook_fixture f;
    hook_fixture_begin(&f, HOOK_BASIC, "header:Authorization", NULL, NULL);
    f.rules.verify.user = mem_strdup("Aladdin");
    hook_fixture_secret(&f, "open sesame");
    struct hook_fixture_call call = {
        .headers = {{"Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}, {"X-\xff", "\xff"}}};
    assert_int_equal(hook_fixture_check(&f, &call), 200);
    assert_string_equal(f.result.headers_json, "{\"authorization\":\"***\",\"x-?\":\"?\"}");
    call.headers[0].value = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZR==";
    assert_int_equal(hook_fixture_check(&f, &call), 401);
    call.headers[0].value = "Basic QWxhZGRpbg==";
    assert_int_equal(hook_fixture_check(&f, &call), 401);
    call.headers[0].value = "Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
    assert_int_equal(hook_fixture_check(&f, &call), 401);
    hook_fixture_end(&f);
}

static void no_signature(void **state)
{
    (void)state;
    struct hook_fixture f;
    hook_fixture_begin(&f, HOOK_NONE, NULL, NULL, NULL);
    mem_free(f.rules.path);
    f.rules.path = mem_strdup("/in/{secret}/x");
    hook_fixture_secret(&f, "s3cr3t");
    assert_int_equal(
        hook_fixture_check(&f, &(struct hook_fixture_call){.target = "/in/s3cr3t/x?a=1"}), 200);
    assert_int_equal(hook_fixture_check(&f, &(struct hook_fixture_call){.target = "/in/s3cr3/x"}),
                     404);
    assert_int_equal(hook_fixture_check(&f, &(struct hook_fixture_call){.target = "/in/s3cr3t/y"}),
                     404);
    assert_int_equal(hook_fixture_check(&f, &(struct hook_fixture_call){.target = "/in//x"}), 404);
    assert_int_equal(hook_fixture_check(&f, &(struct hook_fixture_call){.target = "/in/x"}), 404);
    assert_int_equal(hook_fixture_check(&f, &(struct hook_fixture_call){.method = "DELETE",
                                                                        .target = "/in/s3cr3t/x"}),
                     405);
    assert_string_equal(f.result.reply.headers[0].name, "Allow");
    assert_int_equal(hook_fixture_check(&f, &(struct hook_fixture_call){.method = "HEAD",
                                                                        .target = "/in/s3cr3t/x"}),
                     200);
    assert_int_equal(f.result.verdict, HOOK_ANSWER);
    hook_fixture_end(&f);
}

static void a_secret_in_the_path_may_have_escapes(void **state)
{
    (void)state;
    static const char *const right[] = {"/in/a+/%/x", "/in/a%2B/%/x", "/in/a%2b%2F%25/x?a=1"};
    static const char *const wrong[] = {"/in/a%20/%/x", "/in/a%2B%2F%/y", "/in/a%252B/%/x",
                                        "/in/a%2/%/x",  "/in/a+/%",       "/in%2Fa+/%/x"};
    struct hook_fixture f;
    hook_fixture_begin(&f, HOOK_NONE, NULL, NULL, NULL);
    mem_free(f.rules.path);
    f.rules.path = mem_strdup("/in/{secret}/x");
    hook_fixture_secret(&f, "a+/%");
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        assert_int_equal(hook_fixture_check(&f, &(struct hook_fixture_call){.target = right[i]}),
                         200);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(hook_fixture_check(&f, &(struct hook_fixture_call){.target = wrong[i]}),
                         404);
    hook_fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(github),         cmocka_unit_test(capitals),
        cmocka_unit_test(base64_of_urls), cmocka_unit_test(standard),
        cmocka_unit_test(twilio),         cmocka_unit_test(slack),
        cmocka_unit_test(sha1),           cmocka_unit_test(ed25519),
        cmocka_unit_test(ecdsa),          cmocka_unit_test(tokens),
        cmocka_unit_test(query_token),    cmocka_unit_test(basic),
        cmocka_unit_test(no_signature),   cmocka_unit_test(a_secret_in_the_path_may_have_escapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
