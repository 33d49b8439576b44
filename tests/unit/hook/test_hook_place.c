/* Places and templates of webhooks: what is one, and what is none. */
#include "hook_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct err err;

static int parse(const char *text, struct hook_place *place)
{
    err_clear(&err);
    return hook_place_parse(text, strlen(text), place, &err);
}

static void places(void **state)
{
    (void)state;
    struct hook_place place;
    assert_int_equal(parse("header:X-Sig-*", &place), 0);
    assert_true(place.parts[0].prefix && hook_place_is_many(&place));
    assert_string_equal(place.parts[0].name, "X-Sig-");
    hook_place_destroy(&place);
    assert_int_equal(parse("json:value.*.a b+header:X+query:hub.mode", &place), 0);
    assert_int_equal(place.nparts, 3);
    assert_string_equal(place.parts[0].steps[2], "a b");
    assert_null(place.parts[0].steps[3]);
    assert_string_equal(place.parts[2].name, "hub.mode");
    assert_true(hook_place_is_many(&place) && hook_place_has(&place, HOOK_PLACE_QUERY));
    hook_place_destroy(&place);
    assert_int_equal(parse("json:", &place), 0);
    assert_null(place.parts[0].steps[0]);
    assert_false(hook_place_is_many(&place));
    hook_place_destroy(&place);
    hook_place_destroy(&place);
}

static void no_places(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",        "X-Sig",     "header:", "header:*",    "header:a b",
        "query:",  "json:a..b", "json:.a", "json:a.",     "cookie:a",
        "entry:",  "json:a+",   "+json:a", "header:a\tb", "json:a+json:a+json:a+json:a+json:a",
        "Header:a"};
    struct hook_place place;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(parse(bad[i], &place), -1);
        assert_true(err.msg[0] != '\0' && place.parts == NULL);
    }
    char deep[2 * (HOOK_PLACE_STEPS_MAX + 1) + 8] = "json:", text[HOOK_PLACE_TEXT_MAX + 2];
    for (int i = 0; i < HOOK_PLACE_STEPS_MAX; i++)
        strcat(deep, i > 0 ? ".a" : "a");
    assert_int_equal(parse(deep, &place), 0);
    hook_place_destroy(&place);
    strcat(deep, ".a");
    assert_int_equal(parse(deep, &place), -1);
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    memcpy(text, "query:", 6);
    assert_int_equal(parse(text, &place), -1);
}

static int template(const char *text, enum hook_template_use use, struct hook_template *out)
{
    err_clear(&err);
    *out = (struct hook_template){0};
    return hook_template_parse(text, strlen(text), use, false, out, &err);
}

static void templates(void **state)
{
    (void)state;
    struct hook_template text;
    assert_int_equal(template("{{v0}}:{time}:{body}{header:X-Id}", HOOK_TEMPLATE_SIGNED, &text), 0);
    assert_int_equal(text.count, 5);
    assert_string_equal(text.pieces[0].text, "{v0}:");
    assert_int_equal(text.pieces[1].kind, HOOK_PIECE_TIME);
    assert_int_equal(text.pieces[3].kind, HOOK_PIECE_BODY);
    assert_string_equal(text.pieces[4].place.parts[0].name, "X-Id");
    hook_template_destroy(&text);
    assert_int_equal(template("sha256={hmac64:query:crc_token}", HOOK_TEMPLATE_ANSWER, &text), 0);
    assert_true(hook_template_has(&text, HOOK_PIECE_HMAC64));
    hook_template_destroy(&text);
    static const struct {
        const char *text;
        enum hook_template_use use;
    } bad[] = {
        {"{body", HOOK_TEMPLATE_SIGNED},  {"body}", HOOK_TEMPLATE_SIGNED},
        {"{}", HOOK_TEMPLATE_SIGNED},     {"{nothing}", HOOK_TEMPLATE_SIGNED},
        {"{body}", HOOK_TEMPLATE_ANSWER}, {"{hmac:json:a}", HOOK_TEMPLATE_SIGNED},
        {"{time}", HOOK_TEMPLATE_TYPE},   {"{hmac:body}", HOOK_TEMPLATE_ANSWER},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(template(bad[i].text, bad[i].use, &text), -1);
        hook_template_destroy(&text);
    }
    char many[7 * (HOOK_TEMPLATE_PIECES_MAX + 2)] = "";
    for (int i = 0; i < HOOK_TEMPLATE_PIECES_MAX + 1; i++)
        strcat(many, "{body}");
    assert_int_equal(template(many, HOOK_TEMPLATE_SIGNED, &text), -1);
    hook_template_destroy(&text);
}

/* An ID is trusted only where the signature covers it. */
static void signed_ids(void **state)
{
    (void)state;
    static const struct {
        const char *text, *place;
        bool is_signed;
    } cases[] = {
        {"{body}", "header:X-Id", false},
        {"{header:x-id}.{body}", "header:X-Id", true},
        {"{header:X-Other}.{body}", "header:X-Id", false},
        {"{body}", "json:id", true},
        {"{body}", "item:id", true},
        {"{body}", "json:id+header:X-Id", false},
        {"{body}", "query:id", false},
        {"{url}{form_sorted}", "query:id", true},
        {"{url}{form_sorted}", "form:id", false}, /* a=b&c=d is signed as a=bcd is */
        {"{body}", "form:id", true},
        {"{url}{form_sorted}", "json:id", false},
        {"{json:a}{json:b.c}", "json:b.c", true},
        {"{json:a}{json:b.c}", "json:b.d", false},
        {"{json:a}{json:b.c}", "json:b", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hook_rules rules;
        struct hook_place place;
        hook_rules_create(&rules);
        assert_int_equal(template(cases[i].text, HOOK_TEMPLATE_SIGNED, &rules.verify.text), 0);
        assert_int_equal(parse(cases[i].place, &place), 0);
        assert_int_equal(hook_rules_is_signed(&rules, &place), cases[i].is_signed);
        rules.verify.kind = HOOK_TOKEN; /* who knows it can say anything */
        assert_true(hook_rules_is_signed(&rules, &place));
        hook_place_destroy(&place);
        hook_rules_destroy(&rules);
    }
}

static void wanted(void **state)
{
    (void)state;
    char orders[] = "orders/*", done[] = "*.done", *patterns[] = {orders, done, NULL};
    struct hook_rules rules = {.events = patterns};
    assert_true(hook_rules_want(&rules, "orders/create") && hook_rules_want(&rules, "a.done"));
    assert_true(hook_rules_want(&rules, "orders/") && hook_rules_want(&rules, "a.done.done"));
    assert_false(hook_rules_want(&rules, "order") || hook_rules_want(&rules, "a.done.x"));
    assert_false(hook_rules_want(&rules, NULL));
    rules.events = NULL;
    assert_true(hook_rules_want(&rules, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places),     cmocka_unit_test(no_places), cmocka_unit_test(templates),
        cmocka_unit_test(signed_ids), cmocka_unit_test(wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
