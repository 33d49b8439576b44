/*
 * Requests of senders against their rules: vectors that senders publish, what is refused, answers
 * to challenges, batches. What each preset does is in tests/e2e/hook.
 */
#include "hook_check.h"

#include "hook_sign.h"
#include "mem.h"
#include "sha1.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#define NOW_MS 1700000000000LL

static struct err err;

/* ---- rules in few words ---- */

static void place(struct hook_places *places, const char *text)
{
    struct hook_place one;
    assert_int_equal(hook_place_parse(text, strlen(text), &one, &err), 0);
    hook_place_add(places, &one);
}

static void template(struct hook_template *out, const char *text, enum hook_template_use use)
{
    assert_int_equal(hook_template_parse(text, strlen(text), use, false, out, &err), 0);
}

struct fixture {
    struct hook_rules rules;
    struct hook_keys *keys;
    struct hook_result result;
};

/* in, signed and time may be NULL. */
static void begin(struct fixture *f, enum hook_kind kind, const char *in, const char *text,
                  const char *time)
{
    err_clear(&err);
    *f = (struct fixture){.keys = hook_keys_new()};
    hook_rules_create(&f->rules);
    f->rules.path = mem_strdup("/hook");
    f->rules.verify.kind = kind;
    if (in != NULL)
        place(&f->rules.verify.in, in);
    if (text != NULL)
        template(&f->rules.verify.text, text, HOOK_TEMPLATE_SIGNED);
    if (time != NULL)
        place(&f->rules.verify.time, time);
}

static void secret(struct fixture *f, const char *text)
{
    assert_int_equal(hook_keys_add(f->keys, &f->rules, NULL, text, strlen(text), &err), 0);
}

static void end(struct fixture *f)
{
    hook_check_destroy(&f->result);
    hook_rules_destroy(&f->rules);
    hook_keys_free(f->keys);
}

static struct hook_challenge *challenge(struct fixture *f, bool unverified, const char *where,
                                        const char *text)
{
    struct hook_rules *rules = &f->rules;
    rules->challenges =
        mem_realloc(rules->challenges, (rules->nchallenges + 1) * sizeof *rules->challenges);
    struct hook_challenge *made = &rules->challenges[rules->nchallenges++];
    *made = (struct hook_challenge){.unverified = unverified, .status = 200, .nconditions = 1};
    made->conditions = mem_alloc(sizeof *made->conditions);
    made->conditions->kind = HOOK_PRESENT;
    assert_int_equal(hook_place_parse(where, strlen(where), &made->conditions->place, &err), 0);
    template(&made->body, text, HOOK_TEMPLATE_ANSWER);
    return made;
}

#define HEADERS_MAX 6
struct call {
    const char *method, *target, *body;
    struct http_header headers[HEADERS_MAX];
    int64_t now_ms;
    size_t len; /* 0: the body's */
};

/* The status; STORE is 200. */
static int check(struct fixture *f, const struct call *call)
{
    size_t count = 0;
    while (count < HEADERS_MAX && call->headers[count].name != NULL)
        count++;
    const char *body = call->body != NULL ? call->body : "";
    const struct hook_request request = {
        .method = call->method != NULL ? call->method : "POST",
        .target = call->target != NULL ? call->target : "/hook",
        .headers = call->headers,
        .nheaders = count,
        .body = body,
        .body_len = call->len > 0 ? call->len : strlen(body),
        .now_ms = call->now_ms != 0 ? call->now_ms : NOW_MS,
    };
    hook_check_destroy(&f->result);
    hook_check(&f->rules, f->keys, &request, &f->result);
    return f->result.reply.status;
}

/* ---- published vectors ---- */

static void github(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, HOOK_HMAC, "header:X-Hub-Signature-256", "{body}", NULL);
    f.rules.verify.prefix = mem_strdup("sha256=");
    place(&f.rules.id, "header:X-GitHub-Delivery");
    secret(&f, "It's a Secret to Everybody");
    struct call call = {
        .body = "Hello, World!",
        .headers = {{"x-hub-signature-256",
                     "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
                    {"X-GitHub-Delivery", "72d3162e"}}};
    assert_int_equal(check(&f, &call), 200);
    assert_int_equal(f.result.verdict, HOOK_STORE);
    assert_string_equal(f.result.events[0].id, "72d3162e");
    assert_false(f.result.events[0].id_is_signed);
    unsigned char digest[32];
    crypto_hash_sha256(digest, (const unsigned char *)"Hello, World!", 13);
    assert_memory_equal(f.result.events[0].digest, digest, sizeof digest);
    call.body = "Hello, World?";
    assert_int_equal(check(&f, &call), 401);
    assert_string_equal(f.result.part, "signature");
    assert_int_equal(f.result.reply.body_len, 0);
    call.body = "Hello, World!";
    call.headers[0].value =
        "sha256=757107EA0EB2509FC211221CCE984B8A37570B6D7586C22C46F4379C8B043E17";
    assert_int_equal(check(&f, &call), 401); /* not as it was sent */
    call.headers[0].value = "sha1=757107ea";
    assert_int_equal(check(&f, &call), 401);
    assert_string_equal(f.result.why, "no signature begins with 'sha256='");
    end(&f);
}

static void standard(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, HOOK_HMAC, "header:webhook-signature", "{header:webhook-id}.{time}.{body}",
          "header:webhook-timestamp");
    f.rules.verify.prefix = mem_strdup("v1,");
    f.rules.verify.separator = mem_strdup(" ");
    f.rules.verify.encoding = HOOK_BASE64;
    f.rules.verify.key = HOOK_KEY_WHSEC;
    place(&f.rules.id, "header:webhook-id");
    secret(&f, "whsec_c29tZXRoaW5nIGVsc2UgdGhhdCBpcyBvbGQ=");
    secret(&f, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    struct call call = {
        .now_ms = 1614265330000LL,
        .body = "{\"test\": 2432232314}",
        .headers = {{"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
                    {"webhook-timestamp", "1614265330"},
                    {"webhook-signature",
                     "v1a,AAAA v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}}};
    assert_int_equal(check(&f, &call), 200);
    assert_true(f.result.events[0].id_is_signed);
    call.now_ms += 300000;
    assert_int_equal(check(&f, &call), 200);
    call.now_ms += 1000;
    assert_int_equal(check(&f, &call), 401);
    assert_string_equal(f.result.why, "the time is 301 s in the past");
    call.now_ms -= 602000;
    assert_int_equal(check(&f, &call), 401);
    assert_string_equal(f.result.part, "time");
    call.now_ms = 1614265330000LL;
    call.headers[0].value = "msg_p5jXN8AQM9LWM0D4loKWxJel";
    assert_int_equal(check(&f, &call), 401);
    call.headers[0].value = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    call.headers[3] = call.headers[2];
    assert_int_equal(check(&f, &call), 401); /* a repeated header */
    call.headers[3] = call.headers[0];
    assert_int_equal(check(&f, &call), 401);
    end(&f);
}

static void twilio(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, HOOK_HMAC, "header:X-Twilio-Signature", "{url}{form_sorted}", NULL);
    f.rules.verify.digest = HOOK_SHA1;
    f.rules.verify.encoding = HOOK_BASE64;
    f.rules.public_url = mem_strdup("https://mycompany.com/myapp.php");
    secret(&f, "12345");
    struct call call = {
        .target = "/hook?foo=1&bar=2",
        .body = "From=%2B14158675309&CallSid=CA1234567890ABCDE&Digits=1234&To=%2B18005551212&"
                "Caller=%2B14158675309",
        .headers = {{"X-Twilio-Signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8="},
                    {"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}}};
    assert_int_equal(check(&f, &call), 200);
    call.headers[1].value = "application/json"; /* else nothing would sign the body */
    assert_int_equal(check(&f, &call), 401);
    call.headers[1].value = "application/x-www-form-urlencoded";
    call.target = "/hook?foo=1&bar=3";
    assert_int_equal(check(&f, &call), 401);
    end(&f);
}

static void slack(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, HOOK_HMAC, "header:X-Slack-Signature", "v0:{time}:{body}",
          "header:X-Slack-Request-Timestamp");
    f.rules.verify.prefix = mem_strdup("v0=");
    secret(&f, "8f742231b10e8888abcd99yyyzzz85a5");
    struct call call = {
        .now_ms = 1531420618000LL,
        .body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&"
                "channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&"
                "command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2F"
                "commands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id="
                "398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
        .headers = {{"X-Slack-Signature",
                     "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"},
                    {"X-Slack-Request-Timestamp", "1531420618"}}};
    assert_int_equal(check(&f, &call), 200);
    end(&f);
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
    struct fixture f;
    unsigned char public[32], private[64], signature[64];
    char hex[129], key[65];
    crypto_sign_keypair(public, private);
    begin(&f, HOOK_ED25519, "header:X-Signature-Ed25519", "{time}{body}",
          "header:X-Signature-Timestamp");
    f.rules.verify.key = HOOK_KEY_HEX;
    secret(&f, sodium_bin2hex(key, sizeof key, public, sizeof public));
    const char *text = "1700000000{\"type\":1}";
    crypto_sign_detached(signature, NULL, (const unsigned char *)text, strlen(text), private);
    struct call call = {.body = "{\"type\":1}",
                        .headers = {{"X-Signature-Ed25519",
                                     sodium_bin2hex(hex, sizeof hex, signature, sizeof signature)},
                                    {"X-Signature-Timestamp", "1700000000"}}};
    assert_int_equal(check(&f, &call), 200);
    for (size_t i = 0; i < strlen(hex); i++) {
        hex[i] ^= (char)(1 << (i % 7)); /* also what is the same number in another case */
        assert_int_equal(check(&f, &call), 401);
        hex[i] ^= (char)(1 << (i % 7));
    }
    call.body = "{\"type\":2}";
    assert_int_equal(check(&f, &call), 401);
    assert_int_equal(hook_keys_add(f.keys, &f.rules, NULL, "abcd", 4, &err), -1);
    end(&f);
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
    struct fixture f;
    begin(&f, HOOK_ECDSA, "header:Sig", "{time}{body}", "header:At");
    f.rules.verify.encoding = HOOK_BASE64;
    char *pem = mem_printf("-----BEGIN PUBLIC KEY-----\\n%.64s\\n%s\\n-----END PUBLIC KEY-----",
                           der, der + 64);
    for (int i = 0; i < 2; i++) {
        secret(&f, i == 0 ? der : pem);
        struct call call = {.body = "{\"a\":1}",
                            .headers = {{"Sig", signature}, {"At", "1700000000"}}};
        assert_int_equal(check(&f, &call), 200);
        for (size_t n = 0; n < sizeof signature - 1; n += 5) {
            signature[n] ^= 1;
            assert_int_equal(check(&f, &call), 401);
            signature[n] ^= 1;
        }
        call.body = "{\"a\":2}";
        assert_int_equal(check(&f, &call), 401);
        hook_keys_free(f.keys);
        f.keys = hook_keys_new();
    }
    assert_int_equal(hook_keys_add(f.keys, &f.rules, NULL, der, 40, &err), -1);
    mem_free(pem);
    end(&f);
}

static void tokens(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, HOOK_TOKEN, "json:value.*.clientState", NULL, NULL);
    place(&f.rules.id, "item:id");
    f.rules.max_body = 1000;
    assert_int_equal(hook_place_parse("json:value", 10, &f.rules.each, &err), 0);
    template(&f.rules.type, "{item:changeType}{item:lifecycleEvent}", HOOK_TEMPLATE_TYPE);
    secret(&f, "sesame");
    struct call call = {.body =
                            " {\"value\": [{\"id\":\"a\", \"clientState\":\"sesame\", \"n\":1.0},\n"
                            "{\"id\":2,\"clientState\":\"ses\\u0061me\",\"changeType\":\"up\"}]}"};
    assert_int_equal(check(&f, &call), 200);
    assert_int_equal(f.result.nevents, 2);
    const struct hook_event *events = f.result.events;
    assert_string_equal(events[0].id, "a");
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
    assert_int_equal(check(&f, &call), 200);
    assert_int_equal(f.result.events[1].part, 1);
    assert_string_equal(f.result.events[0].id, f.result.events[1].id);
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
        assert_int_equal(check(&f, &call), 401);
    }
    char large[1002];
    memset(large, ' ', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    call.body = large;
    assert_int_equal(check(&f, &call), 413);
    end(&f);
}

static void basic(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, HOOK_BASIC, "header:Authorization", NULL, NULL);
    f.rules.verify.user = mem_strdup("Aladdin");
    secret(&f, "open sesame");
    struct call call = {
        .headers = {{"Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}, {"X-\xff", "\xff"}}};
    assert_int_equal(check(&f, &call), 200);
    assert_string_equal(f.result.headers_json, "{\"authorization\":\"***\",\"x-?\":\"?\"}");
    call.headers[0].value = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZR==";
    assert_int_equal(check(&f, &call), 401);
    call.headers[0].value = "Basic QWxhZGRpbg==";
    assert_int_equal(check(&f, &call), 401);
    call.headers[0].value = "Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
    assert_int_equal(check(&f, &call), 401);
    end(&f);
}

static void no_signature(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, HOOK_NONE, NULL, NULL, NULL);
    mem_free(f.rules.path);
    f.rules.path = mem_strdup("/in/{secret}/x");
    secret(&f, "s3cr3t");
    assert_int_equal(check(&f, &(struct call){.target = "/in/s3cr3t/x?a=1"}), 200);
    assert_int_equal(check(&f, &(struct call){.target = "/in/s3cr3/x"}), 404);
    assert_int_equal(check(&f, &(struct call){.target = "/in/s3cr3t/y"}), 404);
    assert_int_equal(check(&f, &(struct call){.target = "/in//x"}), 404);
    assert_int_equal(check(&f, &(struct call){.target = "/in/x"}), 404);
    assert_int_equal(check(&f, &(struct call){.method = "DELETE", .target = "/in/s3cr3t/x"}), 405);
    assert_string_equal(f.result.reply.headers[0].name, "Allow");
    assert_int_equal(check(&f, &(struct call){.method = "HEAD", .target = "/in/s3cr3t/x"}), 200);
    assert_int_equal(f.result.verdict, HOOK_ANSWER);
    end(&f);
}

/* ---- challenges ---- */

static void challenges(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, HOOK_HMAC, "header:Sig", "{body}", NULL);
    secret(&f, "sesame");
    challenge(&f, true, "query:crc", "sha256={hmac64:query:crc}");
    challenge(&f, false, "json:challenge", "{json:challenge}");
    struct call ask = {.method = "GET", .target = "/hook?crc=abc%2E1"};
    assert_int_equal(check(&f, &ask), 200);
    assert_int_equal(f.result.verdict, HOOK_ANSWER);
    assert_string_equal(f.result.reply.headers[1].value, "nosniff");
    /* The answer is no signature of an event, whatever is sent with it. */
    unsigned char mac[32];
    char hex[65];
    assert_int_equal(sodium_base642bin(mac, sizeof mac, f.result.reply.body + 7,
                                       f.result.reply.body_len - 7, NULL, NULL, NULL,
                                       sodium_base64_VARIANT_ORIGINAL),
                     0);
    struct call event = {.body = "abc.1",
                         .headers = {{"Sig", sodium_bin2hex(hex, sizeof hex, mac, sizeof mac)}}};
    assert_int_equal(check(&f, &event), 401);
    assert_string_equal(f.result.why, "what is signed could be the answer to a challenge");
    /* What may be signed as an event is not signed for whoever asks. */
    ask.target = "/hook?crc=%7B%22a%22%3A1%7D";
    assert_int_equal(check(&f, &ask), 400);
    ask.target = "/hook?crc=a%00b";
    assert_int_equal(check(&f, &ask), 400);
    ask.target = "/hook";
    assert_int_equal(check(&f, &ask), 405);
    /* One that needs the signature is none without it. */
    event.body = "{\"challenge\":\"a\"}";
    assert_int_equal(check(&f, &event), 401);
    /* Ten a second. */
    ask.target = "/hook?crc=1";
    int answered = 0;
    for (int i = 0; i < 2 * HOOK_CHALLENGES_PER_SECOND; i++)
        answered += check(&f, &ask) == 200;
    assert_in_range(answered, 1, HOOK_CHALLENGES_PER_SECOND);
    assert_int_equal(f.result.reply.status, 429);
    ask.now_ms = NOW_MS + 1000;
    assert_int_equal(check(&f, &ask), 200);
    end(&f);
}

static void named_secret(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, HOOK_HMAC, "header:Sig", "{body}", NULL);
    secret(&f, "sesame");
    assert_int_equal(hook_keys_add(f.keys, &f.rules, "verify_token", "open it", 7, &err), 0);
    struct hook_challenge *made = challenge(&f, true, "query:hub.verify_token", "{query:hub.c}");
    made->conditions->kind = HOOK_EQUALS_SECRET;
    made->conditions->text = mem_strdup("verify_token");
    struct call ask = {.method = "GET", .target = "/hook?hub.verify_token=open+it&hub.c=1158"};
    assert_int_equal(check(&f, &ask), 200);
    assert_string_equal(f.result.reply.body, "1158");
    ask.target = "/hook?hub.verify_token=sesame&hub.c=1158"; /* another secret */
    assert_int_equal(check(&f, &ask), 403);
    ask.target = "/hook?hub.verify_token=open+it";
    assert_int_equal(check(&f, &ask), 400);
    end(&f);
}

/* ---- bodies ---- */

static size_t gzip(const char *text, size_t len, unsigned char *out, size_t size)
{
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)text, .avail_in = (unsigned)len};
    deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    stream.next_out = out;
    stream.avail_out = (unsigned)size;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    deflateEnd(&stream);
    return size - stream.avail_out;
}

static void gzipped(void **state)
{
    (void)state;
    static char zeros[100000];
    unsigned char packed[1000], mac[32];
    char hex[65];
    struct fixture f;
    begin(&f, HOOK_HMAC, "header:Sig", "{body}", NULL);
    secret(&f, "sesame");
    size_t len = gzip("{\"a\":1}", 7, packed, sizeof packed);
    struct call call = {.body = (const char *)packed,
                        .len = len,
                        .headers = {{"Content-Encoding", "gzip"}, {"Sig", hex}}};
    crypto_auth_hmacsha256_state hmac;
    for (int decoded = 0; decoded < 2; decoded++) {
        crypto_auth_hmacsha256_init(&hmac, (const unsigned char *)"sesame", 6);
        crypto_auth_hmacsha256_update(&hmac, decoded ? (const unsigned char *)"{\"a\":1}" : packed,
                                      decoded ? 7 : len);
        crypto_auth_hmacsha256_final(&hmac, mac);
        sodium_bin2hex(hex, sizeof hex, mac, sizeof mac);
        f.rules.gzip = HOOK_GZIP_REFUSE;
        assert_int_equal(check(&f, &call), 415);
        f.rules.gzip = decoded ? HOOK_GZIP_SIGNED_WIRE : HOOK_GZIP_SIGNED_DECODED;
        assert_int_equal(check(&f, &call), 401);
        f.rules.gzip = decoded ? HOOK_GZIP_SIGNED_DECODED : HOOK_GZIP_SIGNED_WIRE;
        assert_int_equal(check(&f, &call), 200);
        assert_int_equal(f.result.events[0].data_len, 7);
        assert_memory_equal(f.result.events[0].data, "{\"a\":1}", 7);
    }
    call.len = len - 1;
    assert_int_equal(check(&f, &call), 415);
    memcpy(packed + len, packed, len); /* a second member */
    call.len = 2 * len;
    assert_int_equal(check(&f, &call), 415);
    f.rules.max_body = 1000; /* a bomb */
    call.len = gzip(zeros, sizeof zeros, packed, sizeof packed);
    assert_int_equal(check(&f, &call), 413);
    call.headers[0].value = "br";
    assert_int_equal(check(&f, &call), 415);
    end(&f);
}

static void ids_and_types(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, HOOK_NONE, NULL, NULL, NULL);
    place(&f.rules.id, "header:X-Id+header:X-Number");
    place(&f.rules.id, "json:id");
    place(&f.rules.order, "json:order.id");
    template(&f.rules.type, "{header:X-Event}.{json:action}", HOOK_TEMPLATE_TYPE);
    struct call call = {
        .body = "{\"id\":7,\"id\":8,\"order\":{\"id\":\"o\\u00fc\"},\"action\":\"open\"}",
        .headers = {{"X-Event", "issue"}, {"X-Id", "a"}}};
    assert_int_equal(check(&f, &call), 200);
    assert_string_equal(f.result.events[0].id, "8");
    assert_string_equal(f.result.events[0].type, "issue.open");
    assert_string_equal(f.result.events[0].order_key, "oü");
    call.headers[2] = (struct http_header){"X-Number", "2"};
    call.body = "not JSON";
    assert_int_equal(check(&f, &call), 200);
    assert_string_equal(f.result.events[0].id, "a:2");
    assert_string_equal(f.result.events[0].type, "issue");
    call.headers[0].name = "X-Other";
    call.body = "{\"action\":\"open\"}";
    assert_int_equal(check(&f, &call), 200);
    assert_string_equal(f.result.events[0].type, "open");
    call.headers[1].name = "X-Number"; /* twice */
    assert_int_equal(check(&f, &call), 200);
    call.headers[0].name = "X-Id";
    assert_int_equal(check(&f, &call), 400);
    /* What is wrong elsewhere hides no ID. */
    call = (struct call){.body = "{\"t\":\"\\ud83d\",\"u\":\"\xff\",\"n\":1e999,\"id\":\"m\"}"};
    assert_int_equal(check(&f, &call), 200);
    assert_string_equal(f.result.events[0].id, "m");
    call = (struct call){.body = "{\"id\":\"a\\u0000b\"}"};
    assert_int_equal(check(&f, &call), 400);
    char pattern[] = "no*", *events[] = {pattern, NULL};
    f.rules.events = events;
    call.body = "{\"id\":\"a\"}";
    assert_int_equal(check(&f, &call), 200);
    assert_int_equal(f.result.verdict, HOOK_SKIP);
    f.rules.events = NULL;
    f.rules.id_none = true;
    check(&f, &call);
    char *first = mem_strdup(f.result.events[0].id);
    check(&f, &call);
    assert_string_not_equal(first, f.result.events[0].id);
    mem_free(first);
    end(&f);
}

/* ---- signing ---- */

static void signing(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, HOOK_HMAC, "header:Sig", "{method}{url}{time}.{header:X-Id}.{body}", "entry:t=");
    f.rules.verify.separator = mem_strdup(",");
    f.rules.verify.prefix = mem_strdup("v1=");
    f.rules.verify.encoding = HOOK_BASE64;
    f.rules.verify.digest = HOOK_SHA512;
    f.rules.public_url = mem_strdup("https://a.example/hook");
    place(&f.rules.verify.body_hash, "query:hash");
    place(&f.rules.id, "header:X-Id");
    secret(&f, "sesame");
    const struct hook_unsigned given = {.id = "e-1", .body = "{}", .body_len = 2, .now_ms = NOW_MS};
    struct hook_signed out;
    assert_int_equal(hook_sign(&f.rules, f.keys, &given, &out, &err), 0);
    struct call call = {.body = "{}", .target = out.target};
    memcpy(call.headers, out.headers, out.nheaders * sizeof out.headers[0]);
    assert_int_equal(check(&f, &call), 200);
    assert_string_equal(f.result.events[0].id, "e-1");
    call.body = "[]";
    assert_int_equal(check(&f, &call), 401);
    hook_sign_destroy(&out);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(github),     cmocka_unit_test(standard),
        cmocka_unit_test(twilio),     cmocka_unit_test(slack),
        cmocka_unit_test(sha1),       cmocka_unit_test(ed25519),
        cmocka_unit_test(ecdsa),      cmocka_unit_test(tokens),
        cmocka_unit_test(basic),      cmocka_unit_test(no_signature),
        cmocka_unit_test(challenges), cmocka_unit_test(named_secret),
        cmocka_unit_test(gzipped),    cmocka_unit_test(ids_and_types),
        cmocka_unit_test(signing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
