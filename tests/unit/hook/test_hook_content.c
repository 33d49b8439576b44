/* What is in a request: challenges, which are answered, bodies that are compressed, batches, ids;
 * and a request that we sign. */
#include "hook_fixture.h"

#include "clock.h"
#include "hook_sign.h"
#include "mem.h"

#include <sodium.h>
#include <stdio.h>
#include <zlib.h>

static struct err err;

/* ---- challenges ---- */

static void challenges(void **state)
{
    (void)state;
    struct hook_fixture f;
    hook_fixture_begin(&f, HOOK_HMAC, "header:Sig", "{body}", NULL);
    hook_fixture_secret(&f, "sesame");
    hook_fixture_challenge(&f, true, "query:crc", "sha256={hmac64:query:crc}");
    hook_fixture_challenge(&f, false, "json:challenge", "{json:challenge}");
    struct hook_fixture_call ask = {.method = "GET", .target = "/hook?crc=abc%2E1"};
    assert_int_equal(hook_fixture_check(&f, &ask), 200);
    assert_int_equal(f.result.verdict, HOOK_ANSWER);
    assert_string_equal(f.result.reply.headers[1].value, "nosniff");
    /* The answer is no signature of an event, whatever is sent with it. */
    unsigned char mac[32];
    char hex[65];
    assert_int_equal(sodium_base642bin(mac, sizeof mac, f.result.reply.body + 7,
                                       f.result.reply.body_len - 7, NULL, NULL, NULL,
                                       sodium_base64_VARIANT_ORIGINAL),
                     0);
    struct hook_fixture_call event = {
        .body = "abc.1", .headers = {{"Sig", sodium_bin2hex(hex, sizeof hex, mac, sizeof mac)}}};
    assert_int_equal(hook_fixture_check(&f, &event), 401);
    assert_string_equal(f.result.why, "what is signed could be the answer to a challenge");
    /* What may be signed as an event is not signed for whoever asks. */
    ask.target = "/hook?crc=%7B%22a%22%3A1%7D";
    assert_int_equal(hook_fixture_check(&f, &ask), 400);
    ask.target = "/hook?crc=a%00b";
    assert_int_equal(hook_fixture_check(&f, &ask), 400);
    ask.target = "/hook";
    assert_int_equal(hook_fixture_check(&f, &ask), 405);
    /* One that needs the signature is none without it. */
    event.body = "{\"challenge\":\"a\"}";
    assert_int_equal(hook_fixture_check(&f, &event), 401);
    /* Ten a second. */
    ask.target = "/hook?crc=1";
    int answered = 0;
    for (int i = 0; i < 2 * HOOK_CHALLENGES_PER_SECOND; i++)
        answered += hook_fixture_check(&f, &ask) == 200;
    assert_in_range(answered, 1, HOOK_CHALLENGES_PER_SECOND);
    assert_int_equal(f.result.reply.status, 429);
    ask.now_ms = HOOK_FIXTURE_NOW_MS + 1000;
    assert_int_equal(hook_fixture_check(&f, &ask), 200);
    hook_fixture_end(&f);
}

static void named_secret(void **state)
{
    (void)state;
    struct hook_fixture f;
    hook_fixture_begin(&f, HOOK_HMAC, "header:Sig", "{body}", NULL);
    hook_fixture_secret(&f, "sesame");
    assert_int_equal(hook_secrets_add(f.keys, &f.rules, "verify_token", "open it", 7, &err), 0);
    struct hook_challenge *made =
        hook_fixture_challenge(&f, true, "query:hub.verify_token", "{query:hub.c}");
    made->conditions->kind = HOOK_EQUALS_SECRET;
    made->conditions->text = mem_strdup("verify_token");
    struct hook_fixture_call ask = {.method = "GET",
                                    .target = "/hook?hub.verify_token=open+it&hub.c=1158"};
    assert_int_equal(hook_fixture_check(&f, &ask), 200);
    assert_string_equal(f.result.reply.body, "1158");
    ask.target = "/hook?hub.verify_token=sesame&hub.c=1158"; /* another secret */
    assert_int_equal(hook_fixture_check(&f, &ask), 403);
    ask.target = "/hook?hub.verify_token=open+it";
    assert_int_equal(hook_fixture_check(&f, &ask), 400);
    hook_fixture_end(&f);
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
    unsigned char packed[4000], mac[32];
    char hex[65];
    struct hook_fixture f;
    hook_fixture_begin(&f, HOOK_HMAC, "header:Sig", "{body}", NULL);
    hook_fixture_secret(&f, "sesame");
    size_t len = gzip("{\"a\":1}", 7, packed, sizeof packed);
    struct hook_fixture_call call = {.body = (const char *)packed,
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
        assert_int_equal(hook_fixture_check(&f, &call), 415);
        f.rules.gzip = decoded ? HOOK_GZIP_SIGNED_WIRE : HOOK_GZIP_SIGNED_DECODED;
        assert_int_equal(hook_fixture_check(&f, &call), 401);
        f.rules.gzip = decoded ? HOOK_GZIP_SIGNED_DECODED : HOOK_GZIP_SIGNED_WIRE;
        assert_int_equal(hook_fixture_check(&f, &call), 200);
        assert_int_equal(f.result.events[0].data_len, 7);
        assert_memory_equal(f.result.events[0].data, "{\"a\":1}", 7);
    }
    call.len = len - 1;
    assert_int_equal(hook_fixture_check(&f, &call), 415);
    memcpy(packed + len, packed, len); /* a second member */
    call.len = 2 * len;
    assert_int_equal(hook_fixture_check(&f, &call), 415);
    for (size_t size = 1; size <= 3; size += 2) { /* MiB */
        static char many[3 << 20];
        f.rules.max_body = sizeof many;
        call.len = gzip(many, size << 20, packed, sizeof packed);
        f.rules.gzip = HOOK_GZIP_SIGNED_DECODED;
        assert_int_equal(hook_fixture_check(&f, &call), size == 1 ? 401 : 413);
        f.rules.gzip = HOOK_GZIP_SIGNED_WIRE;
        assert_int_equal(hook_fixture_check(&f, &call), 401);
    }
    f.rules.gzip = HOOK_GZIP_SIGNED_DECODED;
    f.rules.max_body = 1000; /* a bomb */
    call.len = gzip(zeros, sizeof zeros, packed, sizeof packed);
    assert_int_equal(hook_fixture_check(&f, &call), 413);
    call.headers[0].value = "br";
    assert_int_equal(hook_fixture_check(&f, &call), 415);
    hook_fixture_end(&f);
}

static void ids_and_types(void **state)
{
    (void)state;
    struct hook_fixture f;
    hook_fixture_begin(&f, HOOK_NONE, NULL, NULL, NULL);
    hook_fixture_place(&f.rules.id, "header:X-Id+header:X-Number");
    hook_fixture_place(&f.rules.id, "json:id");
    hook_fixture_place(&f.rules.order, "json:order.id");
    hook_fixture_template(&f.rules.type, "{header:X-Event}.{json:action}", HOOK_TEMPLATE_TYPE);
    struct hook_fixture_call call = {
        .body = "{\"id\":7,\"id\":8,\"order\":{\"id\":\"o\\u00fc\"},\"action\":\"open\"}",
        .headers = {{"X-Event", "issue"}, {"X-Id", "a"}}};
    assert_int_equal(hook_fixture_check(&f, &call), 200);
    assert_string_equal(f.result.events[0].id, "8");
    assert_string_equal(f.result.events[0].type, "issue.open");
    assert_string_equal(f.result.events[0].order_key, "oü");
    call.body = "{\"id\":1,\"order\":{\"id\":\"a\\nb\"}}"; /* free text: by its hash */
    assert_int_equal(hook_fixture_check(&f, &call), 200);
    assert_string_equal(f.result.events[0].order_key,
                        "7e18f737311b2dc3b2f269dd78396b0351f14fb66efa879f768cb23181883c78");
    char large[600];
    snprintf(large, sizeof large, "{\"id\":1,\"order\":{\"id\":\"%0520d\"}}", 1);
    call.body = large;
    assert_int_equal(hook_fixture_check(&f, &call), 200);
    assert_int_equal(strlen(f.result.events[0].order_key), 64);
    call.headers[2] = (struct http_header){"X-Number", "2"};
    call.body = "not JSON";
    assert_int_equal(hook_fixture_check(&f, &call), 200);
    assert_string_equal(f.result.events[0].id, "a:2");
    assert_string_equal(f.result.events[0].type, "issue");
    call.headers[0].name = "X-Other";
    call.body = "{\"action\":\"open\"}";
    assert_int_equal(hook_fixture_check(&f, &call), 200);
    assert_string_equal(f.result.events[0].type, "open");
    call.headers[1].name = "X-Number"; /* twice */
    assert_int_equal(hook_fixture_check(&f, &call), 200);
    call.headers[0].name = "X-Id";
    assert_int_equal(hook_fixture_check(&f, &call), 400);
    /* What is wrong elsewhere hides no ID. */
    call = (struct hook_fixture_call){
        .body = "{\"t\":\"\\ud83d\",\"u\":\"\xff\",\"n\":1e999,\"id\":\"m\"}"};
    assert_int_equal(hook_fixture_check(&f, &call), 200);
    assert_string_equal(f.result.events[0].id, "m");
    call = (struct hook_fixture_call){.body = "{\"id\":\"a\\u0000b\"}"};
    assert_int_equal(hook_fixture_check(&f, &call), 200);
    assert_string_equal(f.result.events[0].id,
                        "59b271ae1bbcb1d31d41929817f4b16fb439eb4f31520b5ad1d5ce98920a7138");
    char pattern[] = "no*", *events[] = {pattern, NULL};
    f.rules.events = events;
    call.body = "{\"id\":\"a\"}";
    assert_int_equal(hook_fixture_check(&f, &call), 200);
    assert_int_equal(f.result.verdict, HOOK_SKIP);
    f.rules.events = NULL;
    f.rules.id_none = true;
    call.body = "{}";
    hook_fixture_check(&f, &call);
    char *first = mem_strdup(f.result.events[0].id);
    hook_fixture_check(&f, &call);
    assert_string_not_equal(first, f.result.events[0].id);
    mem_free(first);
    call.body = "{\"id\":\"own\"}"; /* of those that have one */
    hook_fixture_check(&f, &call);
    assert_string_equal(f.result.events[0].id, "own");
    hook_fixture_end(&f);
}

/* ---- signing ---- */

/* Places that all items have in common cost what the body costs, not a thousand times that: a
 * minute and a gigabyte for this one. */
static void places_of_a_batch(void **state)
{
    (void)state;
    struct hook_fixture f;
    struct buf body;
    hook_fixture_begin(&f, HOOK_TOKEN, "header:Token", NULL, NULL);
    hook_fixture_secret(&f, "sesame");
    f.rules.max_body = 2000000;
    assert_int_equal(hook_place_parse("json:items", 10, &f.rules.each, &err), 0);
    hook_fixture_place(&f.rules.id, "item:id");
    hook_fixture_place(&f.rules.order, "json:key");
    hook_fixture_template(&f.rules.type, "{json:type}.{item:kind}.{header:Kind}",
                          HOOK_TEMPLATE_TYPE);
    buf_create(&body, 2000000);
    buf_puts(&body, "{\"items\": [{\"id\": 0, \"kind\": \"even\"}");
    for (int i = 1; i < 1000; i++)
        buf_printf(&body, ",{\"id\": %d, \"kind\": \"%s\"}", i, i % 2 == 0 ? "even" : "odd");
    buf_puts(&body, "], \"pad\": [0");
    for (int i = 0; i < 100000; i++)
        buf_puts(&body, ",1");
    buf_puts(&body, "], \"type\": \"made\", \"key\": \"\\n");
    for (int i = 0; i < 100000; i++)
        buf_puts(&body, "long ");
    buf_puts(&body, "\"}");
    struct hook_fixture_call call = {.body = body.data,
                                     .headers = {{"Token", "sesame"}, {"Kind", "k"}}};
    int64_t before_ms = clock_mono_ms();
    assert_int_equal(hook_fixture_check(&f, &call), 200);
    assert_in_range(clock_mono_ms() - before_ms, 0, 10000);
    assert_int_equal(f.result.nevents, 1000);
    const struct hook_event *events = f.result.events;
    assert_string_equal(events[0].type, "made.even.k");
    assert_string_equal(events[999].type, "made.odd.k");
    assert_string_equal(events[999].id, "999");
    assert_int_equal(strlen(events[0].order_key), 64); /* a hash */
    assert_string_equal(events[999].order_key, events[0].order_key);
    buf_destroy(&body);
    hook_fixture_end(&f);
}

/* One that no column takes is no reason to refuse the others. */
static void long_ids_of_a_batch(void **state)
{
    (void)state;
    struct hook_fixture f;
    char body[2000];
    hook_fixture_begin(&f, HOOK_NONE, NULL, NULL, NULL);
    assert_int_equal(hook_place_parse("json:items", 10, &f.rules.each, &err), 0);
    hook_fixture_place(&f.rules.id, "item:id");
    snprintf(body, sizeof body,
             "{\"items\":[{\"id\":\"%0512d\"},{\"id\":\"%0513d\"},{\"id\":\"%0513d\"}]}", 1, 1, 2);
    assert_int_equal(hook_fixture_check(&f, &(struct hook_fixture_call){.body = body}), 200);
    assert_int_equal(f.result.nevents, 3);
    assert_int_equal(strlen(f.result.events[0].id), 512);
    assert_int_equal(strlen(f.result.events[1].id), 64);
    assert_int_equal(strlen(f.result.events[2].id), 64);
    assert_string_not_equal(f.result.events[1].id, f.result.events[2].id);
    hook_fixture_end(&f);
}

static void types_of_a_batch(void **state)
{
    (void)state;
    struct hook_fixture f;
    char body[4000], many[131 * 2 + 1] = "";
    for (int i = 0; i < 131; i++)
        strcat(many, "ü");
    hook_fixture_begin(&f, HOOK_NONE, NULL, NULL, NULL);
    assert_int_equal(hook_place_parse("json:items", 10, &f.rules.each, &err), 0);
    hook_fixture_template(&f.rules.type, "{header:X-Event}.{item:type}.{item:more}",
                          HOOK_TEMPLATE_TYPE);
    snprintf(
        body, sizeof body,
        "{\"items\":[{\"type\":\"%0256d\"},{\"type\":\"%0257d\"},{\"type\":\"x%s\"},"
        "{\"type\":\"a\\n\\u0000\"},{\"type\":\"%0600d\",\"more\":\"b\"},{\"type\":\"good\"}]}",
        1, 1, many, 1);
    assert_int_equal(hook_fixture_check(&f, &(struct hook_fixture_call){.body = body}), 200);
    assert_int_equal(f.result.nevents, 6);
    const struct hook_event *events = f.result.events;
    assert_int_equal(strlen(events[0].type), 256);
    assert_int_equal(events[0].type[255], '1');
    assert_int_equal(strlen(events[1].type), 256);
    assert_int_equal(events[1].type[255], '0');
    assert_int_equal(strlen(events[2].type), 255);
    assert_memory_equal(events[2].type + 1, many, 254);
    assert_string_equal(events[3].type, "a??");
    assert_int_equal(strlen(events[4].type), 256);
    assert_string_equal(events[5].type, "good");
    const struct hook_fixture_call call = {.body = "{\"items\":[{}]}",
                                           .headers = {{"X-Event", "v\xfcr"}}};
    assert_int_equal(hook_fixture_check(&f, &call), 200);
    assert_string_equal(f.result.events[0].type, "v?r");
    hook_fixture_end(&f);
}

/* As many as SendGrid sends at once, of which one type is wanted; and more than are taken. */
static void large_batches(void **state)
{
    (void)state;
    char open[] = "open", *wanted[] = {open, NULL};
    struct hook_fixture f;
    hook_fixture_begin(&f, HOOK_HMAC, "header:Sig", NULL, NULL);
    hook_fixture_secret(&f, "sesame");
    f.rules.max_body = 1000000;
    f.rules.events = wanted;
    assert_int_equal(hook_place_parse("json:", 5, &f.rules.each, &err), 0);
    hook_fixture_place(&f.rules.id, "item:id");
    hook_fixture_template(&f.rules.type, "{item:event}", HOOK_TEMPLATE_TYPE);
    for (int count = HOOK_ITEMS_MAX; count <= HOOK_ITEMS_MAX + 1; count++) {
        struct buf body;
        struct hook_signed out;
        buf_create(&body, 1000000);
        for (int i = 0; i < count; i++)
            buf_printf(&body, "%c{\"id\":%d,\"event\":\"%s\"}", i == 0 ? '[' : ',', i,
                       i % 2 == 0 ? "open" : "click");
        buf_putc(&body, ']');
        const struct hook_unsigned given = {.body = body.data, .body_len = body.len};
        assert_int_equal(hook_sign(&f.rules, f.keys, &given, &out, &err), 0);
        struct hook_fixture_call call = {.body = body.data, .headers = {out.headers[0]}};
        bool over = count > HOOK_ITEMS_MAX;
        assert_int_equal(hook_fixture_check(&f, &call), over ? 413 : 200);
        assert_int_equal(f.result.nevents, over ? 0 : HOOK_ITEMS_MAX / 2);
        for (int i = 0; !over && i < HOOK_ITEMS_MAX / 2; i++)
            assert_int_equal(atoi(f.result.events[i].id), 2 * i);
        hook_sign_destroy(&out);
        buf_destroy(&body);
    }
    f.rules.events = NULL;
    hook_fixture_end(&f);
}

static void signing(void **state)
{
    (void)state;
    struct hook_fixture f;
    hook_fixture_begin(&f, HOOK_HMAC, "header:Sig", "{method}{url}{time}.{header:X-Id}.{body}",
                       "entry:t=");
    f.rules.verify.separator = mem_strdup(",");
    f.rules.verify.prefix = mem_strdup("v1=");
    f.rules.verify.encoding = HOOK_BASE64;
    f.rules.verify.digest = HOOK_SHA512;
    f.rules.public_url = mem_strdup("https://a.example/hook");
    hook_fixture_place(&f.rules.verify.body_hash, "query:hash");
    hook_fixture_place(&f.rules.id, "header:X-Id");
    hook_fixture_secret(&f, "sesame");
    const struct hook_unsigned given = {
        .id = "e-1", .body = "{}", .body_len = 2, .now_ms = HOOK_FIXTURE_NOW_MS};
    struct hook_signed out;
    assert_int_equal(hook_sign(&f.rules, f.keys, &given, &out, &err), 0);
    struct hook_fixture_call call = {.body = "{}", .target = out.target};
    memcpy(call.headers, out.headers, out.nheaders * sizeof out.headers[0]);
    assert_int_equal(hook_fixture_check(&f, &call), 200);
    assert_string_equal(f.result.events[0].id, "e-1");
    call.body = "[]";
    assert_int_equal(hook_fixture_check(&f, &call), 401);
    hook_sign_destroy(&out);
    hook_fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(challenges),        cmocka_unit_test(named_secret),
        cmocka_unit_test(gzipped),           cmocka_unit_test(ids_and_types),
        cmocka_unit_test(places_of_a_batch), cmocka_unit_test(long_ids_of_a_batch),
        cmocka_unit_test(types_of_a_batch),  cmocka_unit_test(large_batches),
        cmocka_unit_test(signing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
