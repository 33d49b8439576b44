/* Webhooks of the configuration: what is read, and what is wrong in it. */
#include "config_load.h"
#include "folder.h"
#include "hook.h"
#include "mem.h"
#include "presets_source.h"
#include "provider_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct err err;

/* What the file says; the problems as text, "" for none. */
static struct config *load(const char *text, struct buf *said)
{
    struct problems problems;
    folder_put("jeton.yaml", 0600, text);
    problems_create(&problems);
    struct config *config = config_read("jeton.yaml", provider_list, &presets_source, &problems);
    buf_clear(said);
    problems_format(&problems, said);
    problems_destroy(&problems);
    return config;
}

static void read_whole(void **state)
{
    (void)state;
    struct buf said;
    buf_create(&said, BUF_LIMIT_LINE);
    struct config *config = load(
        "version: 1\nname: shop\nlisten: { address: '[::1]:0', metrics: 127.0.0.1:9, grace: 5s }\n"
        "webhooks:\n"
        "  orders:\n    from: shopify\n    secrets: [{ env: A }, sesame-2]\n    script: a.lua\n"
        "    events: ['orders/*']\n    id: 'json:id'\n    order: 'json:customer.id'\n"
        "    retries: { attempts: 3, delay: 1s }\n    keep: { done: 1h }\n    gzip: signed_wire\n"
        "    verify: { prefix: x }\n    answer: { handler: 2500ms }\n"
        "    environment: { B: c }\n    memory: 64MiB\n"
        "  pages:\n    from: meta\n    secret: sesame-1\n    verify_token: open it\n"
        "    path: /meta\n    forward: http://127.0.0.1:3000/a?b=c\n"
        "  open:\n    verify: { kind: none }\n    allow_unsigned: true\n    command: [cat]\n",
        &said);
    assert_string_equal(said.data, "");
    assert_int_equal(config->nhooks, 3);
    assert_string_equal(config->listen->host, "::1");
    assert_int_equal(config->listen->grace_ms, 5000);
    const struct hook *hook = config->hooks[0];
    assert_string_equal(hook->home, "name:shop");
    assert_string_equal(hook->preset, "shopify");
    assert_string_equal(hook->rules.path, "/orders");
    assert_int_equal(hook->nsecrets, 2);
    assert_string_equal(hook->rules.verify.prefix, "x");
    assert_int_equal(hook->rules.verify.encoding, HOOK_BASE64);
    assert_int_equal(hook->rules.id.items[0].parts[0].kind, HOOK_PLACE_JSON);
    assert_int_equal(hook->retries.attempts, 3);
    assert_int_equal(hook->retries.max_delay_ms, 3600000);
    assert_int_equal(hook->answer_ms, 2500);
    assert_int_equal(hook->keep.ids_ms, 30LL * 86400 * 1000);
    assert_string_equal(hook->environment[0], "B=c");
    hook = config_hook(config, "pages", &err);
    assert_string_equal(hook_secret_at(hook, 1)->key, "verify_token");
    assert_string_equal(hook->forward, "http://127.0.0.1:3000/a?b=c");
    struct hook_secrets *keys = NULL;
    assert_int_equal(hook_read_secrets(hook, NULL, &keys, &err), 0);
    hook_secrets_free(keys);
    unsetenv("A");
    assert_int_equal(hook_read_secrets(config->hooks[0], NULL, &keys, &err), -1);
    assert_non_null(strstr(err.msg, "secrets of webhook 'orders'"));
    assert_null(config_hook(config, "page", &err));
    config_free(config);
    buf_destroy(&said);
}

static void mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *said;
    } cases[] = {
        {"from: githup", "unknown preset 'githup' in webhook 'a'; did you mean 'github'?"},
        {"script: a", "webhook 'a' lacks 'from'"},
        {"from: github, script: a", "webhook 'a' lacks 'secret'"},
        {"from: github, secret: sesame", "exactly one of script, command and forward"},
        {"from: github, script: a, forward: { env: A }, secret: sesame",
         "exactly one of script, command and forward"},
        {"from: github, forward: 'http://other.example/', secret: sesame", "only allowed for"},
        {"from: github, forward: 'https://other.example/a#b', secret: sesame",
         "'forward' of webhook 'a': a URL holds no white space and no '#'"},
        {"from: github, forward: { url: 'https://sesame.example/' }, secret: sesame",
         "unknown key 'url' in forward of webhook 'a'"},
        {"from: meta, script: a, secret: sesame", "webhook 'a' lacks 'verify_token'"},
        {"from: github, script: a, secret: sesame, verify_token: b", "unknown key 'verify_token'"},
        {"verify: { kind: none }, script: a", "needs allow_unsigned: true"},
        {"verify: { kind: hmac }, script: a, secret: sesame",
         "lacks 'in', which kind 'hmac' needs"},
        {"verify: { kind: hmac, in: 'header:A+header:B' }, script: a, secret: sesame",
         "a signature stands in one"},
        {"verify: { kind: hmac, in: 'header:A', signed: '{time}' }, script: a, secret: sesame",
         "{time} in 'signed' needs 'time'"},
        {"verify: { kind: hmac, in: 'header:A', signed: '{hmac:json:a}' }, script: a, secret: "
         "sesame",
         "stand only in the answer"},
        {"verify: { kind: token, in: 'header:A', signed: '{body}' }, script: a, secret: sesame",
         "kind 'token' signs nothing"},
        {"verify: { kind: ed25519, in: 'header:A' }, script: a, secret: sesame",
         "is hex, base64 or whpk"},
        {"from: github, script: a, secret: sesame, id: 'item:a'", "item: needs 'each'"},
        {"verify: { kind: none }, allow_unsigned: true, script: a, events: [b]",
         "'type' must say where theirs stands"},
        {"from: github, script: a, secret: sesame, type: '$.type', events: ['b*', c]",
         "'type' must say where theirs stands"},
        {"from: github, script: a, secret: sesame, id: ['header:A', none]",
         "only where the signature covers them"},
        {"from: github, script: a, secret: sesame, id: [none]", "a place begins with"},
        {"from: github, script: a, secret: sesame, id: 'cookie:a'", "'cookie:a': a place begins"},
        {"from: github, script: a, secret: sesame, each: 'json:*.a'", "one json: place of a list"},
        {"from: github, script: a, secret: sesame, path: a", "must be a path such as /orders"},
        {"from: github, script: a, secret: sesame, path: /metrics", "cannot be /healthz"},
        {"from: github, script: a, secret: sesame, connector: b",
         "unknown connector 'b' in webhook"},
        {"from: github, script: a, secret: sesame, secrets: [sesame]", "without 'secret'"},
        {"from: gitlab-token, script: a, secret: sesame, challenge: [{ when: { 'query:a': '*' }, "
         "answer: { text: '{hmac:query:a}' } }]",
         "{hmac:…} in an answer needs kind 'hmac'"},
        {"from: github, script: a, secret: sesame, challenge: [{ when: { 'query:a': [] }, answer: "
         "{ } }]",
         "a value is a text"},
        {"from: stripe, script: a, secret: sesame, keep: { ids: 1d }",
         "forgets ids after 24 h, but its sender tries for 72 h"},
        {"from: x, script: a, secret: sesame, keep: { ids: 2m }",
         "forgets ids after 2 min, but its sender tries for 5 min"},
        {"from: trello, script: a, secret: sesame", "warning: webhook 'a' lacks 'public_url'"},
        {"from: github, script: a, secret: sesame", "takes its ids from what is not signed"},
        {"from: mailgun, script: a, secret: sesame",
         "has a signature that does not cover the body"},
        {"verify: { kind: hmac, in: 'header:A', signed: '{url}', body_hash: 'header:B' }, "
         "public_url: 'https://a.example.org/a', id: 'json:a', script: a, secret: sesame",
         "does not cover the body"},
        {"verify: { kind: hmac, in: 'header:A', signed: '{url}', body_hash: 'header:B' }, "
         "public_url: 'https://a.example.org/a', id: 'json:a', script: a, secret: sesame",
         "takes its ids from what is not signed"},
        {"verify: { kind: hmac, in: 'header:A', time: { in: 'header:B' } }, script: a, secret: "
         "sesame",
         "looks at a time that is not signed"},
        {"from: stripe, script: a, secret: sesame, sender_retries: 1h, keep: { ids: 1h }, verify: "
         "{ time: { window: 2h } }",
         "forgets ids after 60 min, but a request is good for 120 min"},
        {"from: kaizala, script: a, objects: [{ group: b }]", "it needs 'public_url'"},
    };
    struct buf said;
    buf_create(&said, BUF_LIMIT_LINE);
    config_free(load("version: 1\nwebhooks: { a: { from: github, script: a, secret: sesame, "
                     "allow_unsigned_ids: true } }\n",
                     &said));
    assert_int_equal(said.len, 0);
    /* What is signed in another way than as it stands. */
    config_free(
        load("version: 1\nwebhooks:\n"
             "  a: { from: twilio-form, script: a, secret: sesame, allow_unsigned_ids: "
             "true, public_url: 'https://a.example.org/a' }\n"
             "  b: { from: twilio-json, script: a, secret: sesame, allow_unsigned_ids: "
             "true, public_url: 'https://a.example.org/b' }\n"
             "  c: { from: standard, script: a, secret: whsec_c2VzYW1lLXNlc2FtZQ== }\n"
             "  d: { from: github, script: a, secret: sesame, id: 'json:a', verify: { time: { "
             "in: 'json:t' } } }\n",
             &said));
    assert_string_equal(said.data, "");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = mem_printf("version: 1\nwebhooks: { a: { %s } }\n", cases[i].text);
        config_free(load(text, &said));
        if (strstr(said.data, cases[i].said) == NULL)
            fail_msg("%s\n%s\nsays: %s", cases[i].text, cases[i].said, said.data);
        mem_free(text);
    }
    config_free(
        load("version: 1\nwebhooks:\n"
             "  a: { from: dropbox, script: a, secret: sesame, tok: sesame, challenge: [{ when: "
             "{ 'query:a': { secret: tok }, 'query:b': { secret: tok } }, answer: { } }] }\n",
             &said));
    assert_string_equal(said.data, "");
    config_free(load("version: 1\nlisten: { address: '0.0.0.0:1' }\nwebhooks:\n"
                     "  a: { from: telegram, secret: sesame, script: a }\n"
                     "  b: { verify: { kind: none }, allow_unsigned: true, script: a, path: /a }\n",
                     &said));
    assert_non_null(strstr(said.data, "0.0.0.0 can be reached by others"));
    assert_non_null(strstr(said.data, "others can read it without TLS"));
    assert_non_null(strstr(said.data, "takes events from anybody who reaches 0.0.0.0"));
    assert_non_null(strstr(said.data, "webhook 'b' has the path of webhook 'a': /a"));
    buf_destroy(&said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(read_whole, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(mistakes, folder_set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
