/*
 * Every preset of a sender: a request that is signed as the sender signs is stored; with one bit
 * changed in what is signed it is not; no answer to a challenge is a signature. $JETON_SOURCE is
 * the source tree.
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

struct sender {
    const struct hook *hook;
    struct hook_secrets *keys;
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

static void open_sender(struct sender *sender, const struct hook *hook)
{
    unsigned char public[crypto_sign_PUBLICKEYBYTES];
    char text[128];
    const char *secret = SECRET;
    *sender = (struct sender){.hook = hook, .keys = hook_secrets_new()};
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
    assert_int_equal(
        hook_secrets_add(sender->keys, &hook->rules, NULL, secret, strlen(secret), &err), 0);
    hook_secrets_add(sender->keys, &hook->rules, "verify_token", "open it", 7, &err);
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
    const struct hook_unsigned given = {.id = header == NULL ? "id-1" : NULL,
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
    hook_secrets_free(sender.keys);
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
    struct problems problems;
    problems_create(&problems);
    folder_put("jeton.yaml", 0600, text.data);
    struct config *config = config_read("jeton.yaml", provider_list, &presets_source, &problems);
    problems_format(&problems, &said);
    problems_destroy(&problems);
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

/* ---- ids ---- */

static char *id_of(struct sender *sender, const char *body, const char *header, const char *value)
{
    sign(sender, body, header, value);
    if (check(sender, "POST") != 200 || sender->result.nevents != 1)
        fail_msg("%s: %d %s", sender->hook->name, sender->result.reply.status, sender->result.why);
    return mem_strdup(sender->result.events[0].id);
}

#define DISCORD(AT, DATA)                                                                          \
    "{\"version\":1,\"type\":1,\"event\":{\"type\":\"A\",\"timestamp\":\"" AT "\",\"data\":" DATA  \
    "}}"

#define XERO(TYPE, AT, ENTROPY)                                                                    \
    "{\"events\":[{\"resourceId\":\"r\",\"tenantId\":\"t\",\"eventType\":\"" TYPE                  \
    "\",\"eventDateUtc\":\"2026-11-28T01:15:39." AT "\"}],\"entropy\":\"" ENTROPY "\"}"

#define HUBSPOT(OBJECT, AT, ATTEMPT)                                                               \
    "[{\"eventId\":7,\"subscriptionId\":1," OBJECT ",\"occurredAt\":" AT                           \
    ",\"attemptNumber\":" ATTEMPT "}]"

/* What senders call an ID may be that of several events, which are not each other's copies. */
static void shared_ids(void **state)
{
    static const struct {
        const char *preset, *header, *one, *other;
        bool same;
    } cases[] = {
        {"woocommerce", "X-WC-Webhook-Delivery-ID", "{\"id\":1}", "{\"id\":2}", false},
        {"gitlab-token", "X-Gitlab-Event-UUID", "{\"id\":1}", "{\"id\":2}", false},
        {"gitlab-token", "Idempotency-Key", "{\"id\":1}", "{\"id\":1} ", true},
        {"discord", NULL, DISCORD("1", "{\"id\":\"5\"}"), DISCORD("1", "{\"id\":\"5\"} "), true},
        {"discord", NULL, DISCORD("1", "{\"id\":\"5\"}"), DISCORD("1", "{\"id\":\"6\"}"), false},
        {"discord", NULL, DISCORD("1", "{\"id\":\"5\"}"), DISCORD("2", "{\"id\":\"5\"}"), false},
        {"discord", NULL, DISCORD("1", "{\"user\":{\"id\":\"5\"}}"),
         DISCORD("1", "{\"user\":{\"id\":\"5\"} }"), true},
        {"discord", NULL, DISCORD("1", "{\"user\":{\"id\":\"5\"}}"),
         DISCORD("1", "{\"user\":{\"id\":\"6\"}}"), false},
        {"discord", NULL, DISCORD("1", "{\"a\":5}"), DISCORD("1", "{\"a\":6}"), false},
        {"xero", NULL, XERO("UPDATE", "902", "one"), XERO("UPDATE", "902", "other"), true},
        {"xero", NULL, XERO("UPDATE", "902", "one"), XERO("UPDATE", "903", "one"), false},
        {"xero", NULL, XERO("UPDATE", "902", "one"), XERO("CREATE", "902", "one"), false},
        {"hubspot", NULL, HUBSPOT("\"objectId\":5", "1", "0"), HUBSPOT("\"objectId\":6", "1", "0"),
         false},
        {"hubspot", NULL, HUBSPOT("\"objectId\":5", "1", "0"), HUBSPOT("\"objectId\":5", "2", "0"),
         false},
        {"hubspot", NULL, HUBSPOT("\"objectId\":5", "1", "0"), HUBSPOT("\"objectId\":5", "1", "1"),
         true},
        {"hubspot", NULL, HUBSPOT("\"fromObjectId\":5,\"toObjectId\":6", "1", "0"),
         HUBSPOT("\"fromObjectId\":6,\"toObjectId\":5", "1", "0"), false},
        {"hubspot", NULL, HUBSPOT("\"x\":5", "1", "0"), HUBSPOT("\"x\":5", "1", "1"), true},
    };
    (void)state;
    struct config *config = load_all();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sender sender;
        open_sender(&sender, config_hook(config, cases[i].preset, &err));
        char *one = id_of(&sender, cases[i].one, cases[i].header, "shared");
        char *other = id_of(&sender, cases[i].other, cases[i].header, "shared");
        if ((strcmp(one, other) == 0) != cases[i].same)
            fail_msg("%s: %s is %s, and %s is %s", cases[i].preset, cases[i].one, one,
                     cases[i].other, other);
        mem_free(one);
        mem_free(other);
        clear(&sender);
        hook_secrets_free(sender.keys);
    }
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
        bool form = challenge->conditions[0].place.parts[0].kind == HOOK_PLACE_FORM;
        sender->target = mem_strdup(target.data);
        sender->body = mem_strdup(form ? "webhook_id=1" : "");
        if (form)
            add_header(sender, "Content-Type", "application/x-www-form-urlencoded");
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
    bool posts = !challenge->unverified || sender->body[0] != '\0';
    int status = check(sender, posts ? "POST" : "GET");
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
            hook_secrets_free(sender.keys);
        }
    }
    assert_true(answered >= 10 && signed_ == 2);
    config_free(config);
}

/* What they say that they send. */
static void large_bodies(void **state)
{
    (void)state;
    static const struct {
        const char *preset;
        int64_t bytes;
    } cases[] = {{"github", 25000000}, {"gitlab", 25000000}, {"gitlab-token", 25000000},
                 {"meta", 3000000},    {"shopify", 2000000}, {"sendgrid", 768000},
                 {"bitbucket", 256000}};
    struct config *config = load_all();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct hook *hook = config_hook(config, cases[i].preset, &err);
        assert_non_null(hook);
        assert_true(hook->rules.max_body >= cases[i].bytes);
    }
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_presets, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(shared_ids, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(no_oracle, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(large_bodies, folder_set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
