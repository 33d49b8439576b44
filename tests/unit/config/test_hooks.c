/*
 * Webhooks of the configuration, and every preset of a sender: a request that is signed as the
 * sender signs is stored; with one bit changed in what is signed it is not; no answer to a
 * challenge is a signature. $JETON_SOURCE is the source tree.
 */
#include "config_load.h"
#include "folder.h"
#include "hook.h"
#include "hook_check.h"
#include "hook_sign.h"
#include "mem.h"
#include "presets_source.h"
#include "provider_list.h"

#include <dirent.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#define NOW_MS     1700000000000LL
#define TIME       "1700000000"
#define WHSEC      "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define SECRET     "c2VzYW1lLXNlc2FtZQ=="
#define ASKED      "abc123"
#define HEADERS    24
#define FLIP_EVERY 7 /* bits of a body */

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

/* ---- the configuration ---- */

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
    struct hook_keys *keys = NULL;
    assert_int_equal(hook_read_keys(hook, NULL, &keys, &err), 0);
    hook_keys_free(keys);
    unsetenv("A");
    assert_int_equal(hook_read_keys(config->hooks[0], NULL, &keys, &err), -1);
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

/* ---- presets ---- */

struct sender {
    struct hook *hook;
    struct hook_keys *keys;
    unsigned char private[crypto_sign_SECRETKEYBYTES];
    struct http_header headers[HEADERS];
    size_t nheaders;
    char *names[HEADERS], *values[HEADERS]; /* of the headers */
    char *target, *body;
    struct hook_result result;
};

static const char batch[] = "[{\"eventId\":7,\"sg_event_id\":\"s\",\"event\":\"open\","
                            "\"subscriptionType\":\"deal.creation\"}]";
static const char object[] =
    "{\"id\":\"e1\",\"type\":\"a\",\"webhookTimestamp\":0,\"token\":\"t\",\"event_id\":\"e\","
    "\"value\":[{\"id\":\"1\",\"clientState\":\"x\"}],\"events\":[{\"eventType\":\"u\"}],"
    "\"signature\":{\"timestamp\":\"0\",\"token\":\"t\",\"signature\":\"s\"},"
    "\"data\":{\"events\":[{\"uuid\":\"1\"}]},\"eventId\":\"k\",\"update_id\":1}";

static const char *body_of(const struct hook_rules *rules)
{
    if (hook_template_has(&rules->verify.text, HOOK_PIECE_FORM_SORTED))
        return "a=1&b=two&c=";
    return rules->each.nparts > 0 && rules->each.parts[0].steps[0] == NULL ? batch : object;
}

static void open_sender(struct sender *sender, struct hook *hook)
{
    unsigned char public[crypto_sign_PUBLICKEYBYTES];
    char text[128];
    const char *secret = SECRET;
    *sender = (struct sender){.hook = hook, .keys = hook_keys_new()};
    crypto_sign_keypair(public, sender->private);
    if (hook->rules.verify.key == HOOK_KEY_WHSEC)
        secret = WHSEC;
    if (hook->rules.verify.kind == HOOK_ED25519 && hook->rules.verify.key == HOOK_KEY_HEX)
        secret = sodium_bin2hex(text, sizeof text, public, sizeof public);
    else if (hook->rules.verify.kind == HOOK_ED25519)
        secret = sodium_bin2base64(text, sizeof text, public, sizeof public,
                                   sodium_base64_VARIANT_ORIGINAL);
    if (hook->rules.verify.kind == HOOK_ECDSA)
        secret = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE4GYkIBDwIYe1FdEuet+rPUm4ux/BFnw9U2/"
                 "ddFjBsRNmt2Dp3feMDW69PkZr+ytv5NIqLOB1IpRfha4cwGffdg==";
    assert_int_equal(hook_keys_add(sender->keys, &hook->rules, NULL, secret, strlen(secret), &err),
                     0);
    hook_keys_add(sender->keys, &hook->rules, "verify_token", "open it", 7, &err);
}

static void clear(struct sender *sender)
{
    for (size_t i = 0; i < sender->nheaders; i++) {
        mem_free(sender->names[i]);
        mem_free(sender->values[i]);
    }
    mem_free(sender->target);
    mem_free(sender->body);
    sender->nheaders = 0;
    sender->target = sender->body = NULL;
    hook_check_destroy(&sender->result);
}

static void add_header(struct sender *sender, const char *name, const char *value)
{
    size_t at = sender->nheaders;
    sender->names[at] = mem_strdup(name);
    sender->values[at] = mem_strdup(value);
    sender->headers[at] = (struct http_header){sender->names[at], sender->values[at]};
    sender->nheaders++;
}

static int check(struct sender *sender, const char *method)
{
    const struct hook_request request = {
        .method = method,
        .target = sender->target,
        .headers = sender->headers,
        .nheaders = sender->nheaders,
        .body = sender->body,
        .body_len = strlen(sender->body),
        .now_ms = NOW_MS,
    };
    hook_check_destroy(&sender->result);
    hook_check(&sender->hook->rules, sender->keys, &request, &sender->result);
    return sender->result.reply.status;
}

/* The two kinds that hook_sign leaves to the sender, for the presets that have them. */
static void sign_asymmetric(struct sender *sender, const char *body)
{
    const struct hook_rules *rules = &sender->hook->rules;
    bool with_id = rules->verify.text.pieces[0].kind == HOOK_PIECE_PLACE;
    unsigned char bytes[crypto_sign_BYTES];
    char encoded[256];
    char *text = mem_printf("%s%s%s%s", with_id ? "id-1." : "", TIME, with_id ? "." : "", body);
    crypto_sign_detached(bytes, NULL, (unsigned char *)text, strlen(text), sender->private);
    if (rules->verify.encoding == HOOK_HEX)
        sodium_bin2hex(encoded, sizeof encoded, bytes, sizeof bytes);
    else
        sodium_bin2base64(encoded, sizeof encoded, bytes, sizeof bytes,
                          sodium_base64_VARIANT_ORIGINAL);
    char *value =
        mem_printf("%s%s", rules->verify.prefix != NULL ? rules->verify.prefix : "", encoded);
    add_header(sender, rules->verify.in.items[0].parts[0].name, value);
    add_header(sender, rules->verify.time.items[0].parts[0].name, TIME);
    if (with_id)
        add_header(sender, "webhook-id", "id-1");
    sender->target = mem_strdup(rules->path);
    sender->body = mem_strdup(body);
    mem_free(value);
    mem_free(text);
}

static void sign(struct sender *sender, const char *body, const char *header, const char *value)
{
    const struct hook_rules *rules = &sender->hook->rules;
    bool form = hook_template_has(&rules->verify.text, HOOK_PIECE_FORM_SORTED);
    clear(sender);
    if (rules->verify.kind == HOOK_ED25519) {
        sign_asymmetric(sender, body);
        return;
    }
    const struct http_header more[] = {
        {"Content-Type", form ? "application/x-www-form-urlencoded" : "application/json"},
        {header, value}};
    const struct hook_unsigned given = {.id = "id-1",
                                        .headers = more,
                                        .nheaders = header != NULL ? 2 : 1,
                                        .body = body,
                                        .body_len = strlen(body),
                                        .now_ms = NOW_MS};
    struct hook_signed out;
    if (hook_sign(rules, sender->keys, &given, &out, &err) != 0)
        fail_msg("%s: %s", sender->hook->name, err.msg);
    for (size_t i = 0; i < out.nheaders; i++)
        add_header(sender, out.headers[i].name, out.headers[i].value);
    sender->target = mem_strdup(out.target);
    sender->body = mem_strndup(out.body, out.body_len);
    hook_sign_destroy(&out);
}

/* Every bit of what is signed. */
static void flip(struct sender *sender, char *text, size_t step)
{
    for (size_t bit = 0; bit < 8 * strlen(text); bit += step) {
        char was = text[bit / 8];
        text[bit / 8] = (char)(was ^ (1 << (bit % 8)));
        if (text[bit / 8] != '\0' && check(sender, "POST") != 401)
            fail_msg("%s: bit %zu of '%s': %d", sender->hook->name, bit, text,
                     sender->result.reply.status);
        text[bit / 8] = was;
    }
}

static bool is_signed_header(const struct hook_rules *rules, const char *name)
{
    char *text = mem_printf("header:%s", name);
    struct hook_place place;
    bool found = hook_place_parse(text, strlen(text), &place, &err) == 0 &&
                 (rules->verify.kind == HOOK_TOKEN || rules->verify.kind == HOOK_BASIC
                      ? false
                      : hook_rules_is_signed(rules, &place));
    hook_place_destroy(&place);
    for (size_t i = 0; i < rules->verify.in.count && !found; i++) {
        const struct hook_part *part = &rules->verify.in.items[i].parts[0];
        found = part->kind == HOOK_PLACE_HEADER &&
                strncasecmp(name, part->name, strlen(part->name)) == 0;
    }
    mem_free(text);
    return found;
}

static void one_preset(struct hook *hook)
{
    struct sender sender;
    const struct hook_rules *rules = &hook->rules;
    if (rules->verify.kind == HOOK_ECDSA)
        return; /* the unit test of the check has its vector */
    open_sender(&sender, hook);
    sign(&sender, body_of(rules), NULL, NULL);
    if (check(&sender, "POST") != 200 || sender.result.verdict != HOOK_STORE)
        fail_msg("%s: %d %s", hook->name, sender.result.reply.status, sender.result.why);
    bool token = rules->verify.kind == HOOK_TOKEN;
    for (size_t i = 0; i < sender.result.nevents && token; i++) /* no secret is stored */
        assert_null(memmem(sender.result.events[i].data, sender.result.events[i].data_len, SECRET,
                           strlen(SECRET)));
    assert_null(strstr(sender.result.headers_json, SECRET));
    for (size_t i = 0; i < sender.nheaders; i++) {
        if (is_signed_header(rules, sender.headers[i].name))
            flip(&sender, sender.values[i], 1);
    }
    if (!token && strcmp(hook->name, "mailgun") != 0)
        flip(&sender, sender.body, FLIP_EVERY);
    for (char *query = strchr(sender.target, '?'); query != NULL; query = NULL)
        flip(&sender, query + 1, 1);
    clear(&sender);
    hook_keys_free(sender.keys);
}

static struct config *load_all(void)
{
    struct buf text, said;
    char *folder = mem_printf("%s/scripts/presets/senders", getenv("JETON_SOURCE"));
    buf_create(&text, BUF_LIMIT_LINE);
    buf_create(&said, BUF_LIMIT_LINE);
    buf_puts(&text, "version: 1\nwebhooks:\n");
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        int len = (int)strcspn(entry->d_name, ".");
        if (len > 0)
            buf_printf(&text,
                       "  %.*s: { from: %.*s, secret: sesame, script: a, public_url: "
                       "https://a.example/b%s }\n",
                       len, entry->d_name, len, entry->d_name,
                       strcmp(entry->d_name, "meta.yaml") == 0 ? ", verify_token: open it" : "");
    }
    closedir(dir);
    struct config *config = load(text.data, &said);
    for (char *line = strtok(said.data, "\n"); line != NULL; line = strtok(NULL, "\n"))
        assert_true(strstr(line, "takes its ids from what is not signed") != NULL ||
                    strstr(line, "'mailgun' has a signature that does not cover the body") != NULL);
    mem_free(folder);
    buf_destroy(&text);
    buf_destroy(&said);
    return config;
}

static void all_presets(void **state)
{
    (void)state;
    struct config *config = load_all();
    assert_true(config->nhooks >= 36);
    for (size_t i = 0; i < config->nhooks; i++)
        one_preset(config->hooks[i]);
    config_free(config);
}

/* ---- no answer is a signature ---- */

#define ASKS                                                                                       \
    "{\"type\":\"url_verification\",\"challenge\":\"%s\",\"event\":\"endpoint.url_validation\","   \
    "\"payload\":{\"plainToken\":\"%s\"},\"signature\":{\"timestamp\":\"0\",\"token\":\"t\","      \
    "\"signature\":\"s\"}}"

/* A text in a query, whatever is in it. */
static void put_escaped(struct buf *target, const char *text)
{
    for (; *text != '\0'; text++)
        buf_printf(target, "%%%02X", (unsigned char)*text);
}

/* A request that asks a challenge of the hook for a text. */
static void ask(struct sender *sender, const struct hook_challenge *challenge, const char *asked)
{
    const char *header = NULL, *value = NULL;
    struct buf target;
    buf_create(&target, BUF_LIMIT_LINE);
    buf_printf(&target, "%s?", sender->hook->rules.path);
    for (size_t i = 0; i < challenge->nconditions; i++) {
        const struct hook_condition *condition = &challenge->conditions[i];
        const struct hook_part *part = &condition->place.parts[0];
        const char *text = condition->kind == HOOK_EQUALS          ? condition->text
                           : condition->kind == HOOK_EQUALS_SECRET ? "open it"
                                                                   : asked;
        if (part->kind == HOOK_PLACE_QUERY) {
            buf_printf(&target, "%s=", part->name);
            put_escaped(&target, text);
            buf_putc(&target, '&');
        }
        if (part->kind == HOOK_PLACE_HEADER) {
            header = part->name;
            value = text;
        }
    }
    buf_puts(&target, "hub.challenge=");
    put_escaped(&target, asked);
    if (challenge->unverified) {
        clear(sender);
        sender->target = mem_strdup(target.data);
        sender->body = mem_strdup("");
        if (header != NULL)
            add_header(sender, header, value);
    } else {
        bool discord = strcmp(sender->hook->name, "discord") == 0;
        bool first = challenge == sender->hook->rules.challenges;
        char *body =
            discord ? mem_printf("{\"type\":%d}", first ? 1 : 0) : mem_printf(ASKS, asked, asked);
        sign(sender, body, header, value);
        mem_free(body);
    }
    buf_destroy(&target);
}

/* What was answered, in the form of a signature, over a body. */
static void use_answer(struct sender *sender, const char *answer, const char *body)
{
    const struct hook_verify *verify = &sender->hook->rules.verify;
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    char text[128];
    size_t len = 0;
    bool hex =
        sodium_hex2bin(mac, sizeof mac, answer, 64, NULL, &len, NULL) == 0 && len == sizeof mac;
    if (!hex)
        sodium_base642bin(mac, sizeof mac, answer, strcspn(answer, "\""), NULL, &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL);
    assert_int_equal(len, sizeof mac);
    if (verify->encoding == HOOK_HEX)
        sodium_bin2hex(text, sizeof text, mac, len);
    else
        sodium_bin2base64(text, sizeof text, mac, len, sodium_base64_VARIANT_ORIGINAL);
    char *value = mem_printf("%s%s", verify->prefix, text);
    clear(sender);
    add_header(sender, verify->in.items[0].parts[0].name, value);
    if (verify->time.count > 0)
        add_header(sender, verify->time.items[0].parts[0].name, TIME);
    sender->target = mem_strdup(sender->hook->rules.path);
    sender->body = mem_strdup(body);
    if (check(sender, "POST") != 401)
        fail_msg("%s: an answer signs '%s'", sender->hook->name, body);
    mem_free(value);
}

/* Where an answer holds one, in JSON. */
static const char *mac_in(const char *reply)
{
    static const char *const before[] = {"\"sha256=", "\"encryptedToken\":\""};
    const char *found = NULL;
    for (size_t i = 0; i < 2 && found == NULL; i++) {
        found = strstr(reply, before[i]);
        found = found != NULL ? found + strlen(before[i]) : NULL;
    }
    assert_non_null(found);
    return found;
}

/* Whether a challenge is answered; nothing else may come of it but a refusal. */
static bool is_answered(struct sender *sender, const struct hook_challenge *challenge,
                        const char *asked)
{
    ask(sender, challenge, asked);
    int status = check(sender, challenge->unverified ? "GET" : "POST");
    bool answered = sender->result.verdict == HOOK_ANSWER;
    if (!answered && status != 400)
        fail_msg("%s: '%s': %d %s", sender->hook->name, asked, status, sender->result.why);
    return answered;
}

/* Asks for the signature of events, over the very text that each would have signed, and sends it
 * with the event: how many were answered. */
static size_t ask_for_signatures(struct sender *sender, const struct hook_challenge *challenge)
{
    static const char *const bodies[] = {ASKED, "-1.5", "true", "{}"};
    const struct hook_verify *verify = &sender->hook->rules.verify;
    size_t answered = 0;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        char *text = verify->time.count > 0 ? mem_printf("v0:" TIME ":%s", bodies[i])
                                            : mem_strdup(bodies[i]);
        const char *asked[] = {text, bodies[i]};
        for (size_t n = verify->time.count > 0 ? 0 : 1; n < 2; n++) {
            if (!is_answered(sender, challenge, asked[n]))
                continue;
            char *reply = mem_strdup(sender->result.reply.body);
            use_answer(sender, mac_in(reply), bodies[i]);
            mem_free(reply);
            answered++;
        }
        mem_free(text);
    }
    return answered;
}

static void no_oracle(void **state)
{
    (void)state;
    struct config *config = load_all();
    size_t answered = 0, signed_ = 0;
    for (size_t i = 0; i < config->nhooks; i++) {
        const struct hook_rules *rules = &config->hooks[i]->rules;
        for (size_t n = 0; n < rules->nchallenges; n++) {
            struct sender sender; /* each with its own count of answers in a second */
            open_sender(&sender, config->hooks[i]);
            if (!is_answered(&sender, &rules->challenges[n], ASKED))
                fail_msg("%s: %s", config->hooks[i]->name, sender.result.why);
            answered++;
            if (hook_rules_have_oracle(rules))
                signed_ += ask_for_signatures(&sender, &rules->challenges[n]) >= 2;
            clear(&sender);
            hook_keys_free(sender.keys);
        }
    }
    assert_true(answered >= 10 && signed_ == 2);
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(read_whole, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(mistakes, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(all_presets, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(no_oracle, folder_set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
