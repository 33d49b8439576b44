/* What is known of Kaizala's wire: replies, errors, moved services, permissions. */
#include "clock.h"
#include "kaizala_permissions.h"
#include "kaizala_reply.h"
#include "mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define GOOD_EXPIRY "\"accessTokenExpiry\":1704153600000"

/* 2 January 2024 is 24 hours after this Date. */
static struct http_header date_header[] = {{"Date", "Mon, 01 Jan 2024 00:00:00 GMT"}};

static struct http_response reply(int status, const char *body)
{
    struct http_response response = {.status = status, .headers = date_header, .nheaders = 1};
    buf_create(&response.body, 100000);
    buf_puts(&response.body, body);
    return response;
}

static int parse(const char *body, struct provider_token *token, struct err *err)
{
    struct http_response response = reply(200, body);
    int result = kaizala_reply_token(&response, token, err);
    buf_destroy(&response.body);
    return result;
}

static void a_good_reply(void **state)
{
    (void)state;
    struct provider_token token;
    struct err err;
    assert_int_equal(
        parse("{\"accessToken\":\"eyJhbGciOi\",\"endpointUrl\":\"https://kms.example.org/\","
              "\"refreshToken\":\"\",\"scope\":\"groupinfo.read\",\"extra\":[1]," GOOD_EXPIRY "}",
              &token, &err),
        0);
    assert_string_equal(token.access_token, "eyJhbGciOi");
    assert_string_equal(token.endpoint_url, "https://kms.example.org");
    assert_string_equal(token.scope, "groupinfo.read");
    assert_null(token.refresh_token);
    assert_int_equal(token.lifetime_ms,
                     86400000); /* by the reply's own Date, whatever our clock says */
    provider_token_destroy(&token);

    assert_int_equal(parse("{\"accessToken\":\"eyJhbGciOi\",\"endpointUrl\":\"https://e.example\","
                           "\"refreshToken\":\"next-one\"," GOOD_EXPIRY "}",
                           &token, &err),
                     0);
    assert_string_equal(token.refresh_token, "next-one");
    assert_string_equal(token.scope, "");
    provider_token_destroy(&token);
}

static void replies_that_make_no_sense(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *says;
    } cases[] = {
        {"", "not JSON"},
        {"{\"accessToken\":", "not JSON"},
        {"<html>", "not JSON"},
        {"[]", "not a JSON object"},
        {"{}", "'accessToken'"},
        {"{\"accessToken\":\"\",\"endpointUrl\":\"https://e.example\"," GOOD_EXPIRY "}",
         "'accessToken'"},
        {"{\"accessToken\":\"abc\",\"endpointUrl\":\"https://e.example\"," GOOD_EXPIRY "}",
         "'accessToken'"},
        {"{\"accessToken\":\"abc\\u0000defgh\",\"endpointUrl\":\"https://e.example\"," GOOD_EXPIRY
         "}",
         "'accessToken'"},
        {"{\"accessToken\":\"abc\\r\\ndefgh\",\"endpointUrl\":\"https://e.example\"," GOOD_EXPIRY
         "}",
         "'accessToken'"},
        {"{\"accessToken\":[\"abcdefgh\"],\"endpointUrl\":\"https://e.example\"," GOOD_EXPIRY "}",
         "'accessToken'"},
        {"{\"accessToken\":\"abcdefgh\"," GOOD_EXPIRY "}", "'endpointUrl'"},
        {"{\"accessToken\":\"abcdefgh\",\"endpointUrl\":\"ftp://e.example\"," GOOD_EXPIRY "}",
         "'endpointUrl'"},
        {"{\"accessToken\":\"abcdefgh\",\"endpointUrl\":7," GOOD_EXPIRY "}", "'endpointUrl'"},
        {"{\"accessToken\":\"abcdefgh\",\"endpointUrl\":\"https://e.example\"}",
         "'accessTokenExpiry'"},
        {"{\"accessToken\":\"abcdefgh\",\"endpointUrl\":\"https://e.example\","
         "\"accessTokenExpiry\":\"1704153600000\"}",
         "'accessTokenExpiry'"},
        {"{\"accessToken\":\"abcdefgh\",\"endpointUrl\":\"https://e.example\","
         "\"accessTokenExpiry\":1704067199000}",
         "after the reply's own date"},
        {"{\"accessToken\":\"abcdefgh\",\"endpointUrl\":\"https://e.example\","
         "\"accessTokenExpiry\":9223372036854775807}",
         "ten years"},
        {"{\"accessToken\":\"abcdefgh\",\"endpointUrl\":\"https://"
         "e.example\",\"scope\":[]," GOOD_EXPIRY "}",
         "'scope'"},
        {"{\"accessToken\":\"abcdefgh\",\"endpointUrl\":\"https://"
         "e.example\",\"refreshToken\":5," GOOD_EXPIRY "}",
         "'refreshToken'"},
        {"{\"accessToken\":\"abcdefgh\",\"endpointUrl\":\"https://e.example\",\"refreshToken\":\"a "
         "b c d e f\"," GOOD_EXPIRY "}",
         "'refreshToken'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct provider_token token;
        struct err err;
        assert_int_equal(parse(cases[i].body, &token, &err), -1);
        assert_int_equal(err.kind, ERR_HTTP);
        if (strstr(err.msg, cases[i].says) == NULL)
            fail_msg("%s: %s", cases[i].body, err.msg);
        assert_null(token.access_token);
        assert_null(token.refresh_token);
        assert_null(strstr(err.msg, "defgh"));
    }
}

static void errors_have_the_kind_of_their_status(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
        enum err_kind kind;
        bool retryable;
        const char *says;
    } cases[] = {
        {400, "{\"message\":\"Bad value\",\"errorCode\":\"InvalidParameters\"}", ERR_HTTP, false,
         "InvalidParameters: Bad value"},
        {401, "{\"message\":\"Token missing\",\"errorCode\":\"InvalidToken\"}", ERR_AUTH, false,
         "InvalidToken: Token missing"},
        {403, "", ERR_AUTH, false, "needs permission 'textmessage.write'"},
        {404, "<html>", ERR_HTTP, false, "404 not found"},
        {429, "{}", ERR_THROTTLED, true, "429"},
        {500, "{\"message\":null,\"errorCode\":5}", ERR_HTTP, true, "500 server error"},
        {503, "\x1b[31m", ERR_HTTP, true, "503"},
        {400, "{\"message\":\"a\\u001b[31mb\\nc\"}", ERR_HTTP, false, "a [31mb c"},
        {400, "{\"error\":\"invalid_grant\",\"error_description\":\"It has\\nexpired.\"}", ERR_HTTP,
         false, "400 bad request: invalid_grant: It has expired."},
        {403, "{\"error\":{\"message\":\"Blocked by policy\"}}", ERR_AUTH, false,
         "Blocked by policy"},
        {302, "{\"message\":\"no\"}", ERR_HTTP, false, "302 redirect"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_response response = reply(cases[i].status, cases[i].body);
        struct err err;
        kaizala_reply_error(&response, "POST", "/v1/groups/853654b2@1/messages", "groupinfo.read",
                            &err);
        assert_int_equal(err.kind, cases[i].kind);
        assert_int_equal(err.status, cases[i].status);
        assert_int_equal(err.retryable, cases[i].retryable);
        if (strstr(err.msg, cases[i].says) == NULL)
            fail_msg("%s", err.msg);
        assert_null(strpbrk(err.msg, "\x1b\n"));
        assert_null(strstr(err.msg, "messages: ")); /* that is for err.request to say */
        buf_destroy(&response.body);
    }
}

static void words_in_the_header(void **state)
{
    (void)state;
    static const struct {
        const char *field, *says; /* after the status */
    } cases[] = {
        {"Bearer realm=\"a\", error=\"invalid_token\", error_description=\"It is \\\"over\\\", "
         "twice\"",
         ": invalid_token: It is \"over\", twice"},
        {"Negotiate YWJj==, Bearer error_description = late , ERROR=\"a=b\"", ": a=b: late"},
        {"Bearer error_description=\"caf\xe9 \x1b[31m\"", ": caf\xef\xbf\xbd  [31m"},
        {"Bearer error=\"one\", error=\"two\"", ": one"},
        {"Bearer error=\"cut", ": cut"},
        {"Bearer error=\"cut\\", ": cut\\"},
        {"Bearer x_error=\"no\", error_uri=\"no\", error=, error=\"\"", ""},
        {"Bearer realm=\"error=no\"", ""},
        {"=,;\"=\"error=what", ": what"},
        {"Basic", ""},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int body = 0; body < 2; body++) {
            struct http_header fields[] = {{"Date", "x"}, {"WWW-Authenticate", cases[i].field}};
            struct http_response response = reply(401, body ? "{\"message\":\"no\"}" : "<html>");
            struct err err;
            response.headers = fields;
            response.nheaders = 2;
            kaizala_reply_error(&response, "GET", "/v1/x", NULL, &err);
            char *says = mem_printf("401 not authenticated%s", body ? ": no" : cases[i].says);
            assert_string_equal(err.msg, says);
            mem_free(says);
            buf_destroy(&response.body);
        }
    }
}

static void a_permission_that_is_there_is_not_called_missing(void **state)
{
    (void)state;
    struct http_response response = reply(403, "");
    struct err err;
    kaizala_reply_error(&response, "POST", "/v1/groups/x/messages", "a.read,textmessage.write",
                        &err);
    assert_non_null(strstr(err.msg, "has permission 'textmessage.write'"));
    buf_destroy(&response.body);
}

static void permissions_of_operations(void **state)
{
    (void)state;
    assert_string_equal(kaizala_permissions_of("GET", "/v1/users/me"), "profile.read");
    assert_string_equal(kaizala_permissions_of("GET", "//v1/Groups/?x=1"), "groupinfo.read");
    assert_string_equal(kaizala_permissions_of("POST", "/v1/groups/1@2/Messages"),
                        "textmessage.write");
    assert_string_equal(kaizala_permissions_of("DELETE", "/groups/1/members/2"),
                        "groupmember.remove");
    assert_string_equal(kaizala_permissions_of("PUT", "/v1/groups/1/subscribers/add"),
                        "groupmember.write");
    assert_null(kaizala_permissions_of("POST", "/v1/groups//messages"));
    assert_null(kaizala_permissions_of("PATCH", "/v1/groups"));
    assert_null(kaizala_permissions_of("GET", "/v1/groups/1/members/2/3"));
}

static void where_a_308_leads(void **state)
{
    (void)state;
    static const struct {
        const char *location, *path, *base;
    } cases[] = {
        {"https://new.example.org/v1/accessToken", "/accessToken", "https://new.example.org/v1"},
        {"https://new.example.org/v1/ACCESSTOKEN?x=1", "/accessToken",
         "https://new.example.org/v1"},
        {"https://new.example.org/v1/", "/accessToken", "https://new.example.org/v1"},
        {"https://new.example.org:8443", "/v1/groups", "https://new.example.org:8443"},
        {"https://new.example.org/shard/v1/groups?showDetails=true", "/v1/groups",
         "https://new.example.org/shard"},
        {"/elsewhere/accessToken", "/accessToken", "https://old.example.org/elsewhere"},
        {"https://new.example.org/s/V1/groups/a%401/M", "/v1/groups/a@1/m",
         "https://new.example.org/s"},
        {"https://new.example.org/s/v1/groups/a@1", "/v1/groups/a%401/?x=1",
         "https://new.example.org/s"},
        {"https://new.example.org/s/v1/%c3%a9/", "/v1/\xc3\xa9", "https://new.example.org/s"},
        {"https://new.example.org/v1/v1/groups", "/v1/groups", "https://new.example.org/v1"},
        {"https://new.example.org/v1%2fgroups", "/v1/groups", "https://new.example.org"},
        {"https://new.example.org/v1/groups%", "/v1/groups", "https://new.example.org/v1/groups%"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_header headers[] = {{"Location", cases[i].location}};
        struct http_response response = {.status = 308, .headers = headers, .nheaders = 1};
        struct err err;
        char *base = NULL;
        int result = kaizala_reply_moved(&response, "https://old.example.org/v1/accessToken",
                                         cases[i].path, &base, &err);
        if (result != 0)
            fail_msg("%s: %s", cases[i].location, err.msg);
        assert_string_equal(base, cases[i].base);
        mem_free(base);
    }
}

static void a_308_that_leads_nowhere(void **state)
{
    (void)state;
    struct err err;
    char *base = NULL;
    struct http_response bare = {.status = 308};
    assert_int_equal(kaizala_reply_moved(&bare, "https://o.example/", "/accessToken", &base, &err),
                     -1);
    assert_int_equal(err.kind, ERR_HTTP);
    struct http_header headers[] = {{"Location", "ftp://o.example/x"}};
    struct http_response ftp = {.status = 308, .headers = headers, .nheaders = 1};
    assert_int_equal(kaizala_reply_moved(&ftp, "https://o.example/", "/accessToken", &base, &err),
                     -1);
    assert_int_equal(err.kind, ERR_HTTP);
    /* The endpoint itself, with what no endpoint has. */
    static const char *const odd[] = {"https://n.example/v1?x=1", "https://n.example/?",
                                      "https://n.example/v1#x", "https://n.example/accessToken#x",
                                      "https://u:p@n.example/v1"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        struct http_header to[] = {{"Location", odd[i]}};
        struct http_response moved = {.status = 308, .headers = to, .nheaders = 1};
        assert_int_equal(
            kaizala_reply_moved(&moved, "https://o.example/", "/accessToken", &base, &err), -1);
        assert_int_equal(err.kind, ERR_HTTP);
        assert_non_null(strstr(err.msg, "308 whose Location is not usable"));
    }
    assert_null(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_reply),
        cmocka_unit_test(replies_that_make_no_sense),
        cmocka_unit_test(errors_have_the_kind_of_their_status),
        cmocka_unit_test(words_in_the_header),
        cmocka_unit_test(a_permission_that_is_there_is_not_called_missing),
        cmocka_unit_test(permissions_of_operations),
        cmocka_unit_test(where_a_308_leads),
        cmocka_unit_test(a_308_that_leads_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
