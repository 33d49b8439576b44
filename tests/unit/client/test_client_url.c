/* Where a connector's request goes. */
#include "client_url.h"
#include "kaizala.h"
#include "mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static char service[] = "https://token.example.org/v1";
static char pattern[] = "*.api.example.org";
static char *hosts[] = {pattern, NULL};
static const struct connector connector = {
    .provider = &kaizala_provider.config, .base = service, .allow_hosts = hosts};

#define ENDPOINT "https://kms1.api.example.org"

static void goes_to(const char *path, const char *query, const char *expected)
{
    struct err err = {0};
    struct url url;
    client_url(&connector, ENDPOINT, path, query, &url, &err);
    assert_string_equal(err.msg, "");
    char *text = url_format(&url, true);
    assert_string_equal(text, expected);
    mem_free(text);
    url_destroy(&url);
}

static struct err refused_as(enum err_kind kind, const char *endpoint, const char *path)
{
    struct err err = {0};
    struct url url;
    assert_int_equal(client_url(&connector, endpoint, path, NULL, &url, &err), -1);
    assert_int_equal(err.kind, kind);
    assert_null(url.host);
    return err;
}

static void paths_are_below_the_version(void **state)
{
    (void)state;
    static const char *const same[] = {"groups",     "/groups",      "//groups",   "v1/groups",
                                       "/v1/groups", "//v1//groups", "/V1/groups", NULL};
    for (size_t i = 0; same[i] != NULL; i++)
        goes_to(same[i], NULL, ENDPOINT "/v1/groups");
    goes_to("/v1groups", NULL, ENDPOINT "/v1/v1groups");
    goes_to("/groups/a%2Fb@2/members", NULL, ENDPOINT "/v1/groups/a%2Fb@2/members");
}

static void queries_are_joined(void **state)
{
    (void)state;
    goes_to("groups", "a=1", ENDPOINT "/v1/groups?a=1");
    goes_to("groups?b=2", "a=1", ENDPOINT "/v1/groups?b=2&a=1");
    goes_to("groups?b=2", NULL, ENDPOINT "/v1/groups?b=2");
    goes_to("groups?", "a=%26", ENDPOINT "/v1/groups?a=%26");
}

static void absolute_urls_must_be_allowed(void **state)
{
    (void)state;
    goes_to("https://other.api.example.org/x?y=1", "z=2",
            "https://other.api.example.org/x?y=1&z=2");
    static const char *const refused[] = {"https://api.example.org/x", "https://example.net/x",
                                          "http://kms1.api.example.org/x",
                                          "https://kms1.api.example.org:8443/x", NULL};
    for (size_t i = 0; refused[i] != NULL; i++) {
        refused_as(ERR_AUTH, ENDPOINT, refused[i]);
    }
}

static void a_path_cannot_change_the_host(void **state)
{
    (void)state;
    goes_to("@evil.example.net/x", NULL, ENDPOINT "/v1/@evil.example.net/x");
    goes_to("//evil.example.net/x", NULL, ENDPOINT "/v1/evil.example.net/x");
    refused_as(ERR_INVALID, ENDPOINT, "groups\r\nHost: evil");
}

static void dots_stay_below_the_version(void **state)
{
    (void)state;
    goes_to("groups/../users/./me", NULL, ENDPOINT "/v1/users/me");
    goes_to("/groups/%2e%2E/users/%2e/me?a=../..", NULL, ENDPOINT "/v1/users/me?a=../..");
    goes_to("v1/a/../../v1/groups", NULL, ENDPOINT "/v1/groups");
    goes_to("a//../groups", NULL, ENDPOINT "/v1/a/groups");
    goes_to("groups/..", NULL, ENDPOINT "/v1/");
    goes_to("groups/.../a..b/..c/d%2fe;f", NULL, ENDPOINT "/v1/groups/.../a..b/..c/d%2fe;f");
    static const char *const refused[] = {
        "..",          "../x",    "/../../x",      "groups/../../x", "v1/../../x",
        "%2e%2e/x",    ".%2E/x",  "/%2e./x",       "./../x",         "//../../../x",
        "..\\..\\x",   "a/..\\x", "a%5c..%5Cx",    "..%2f..%2fx",    "a/..%2Fx",
        "a/%2e%2e%2f", "..;/x",   "a/..;v=1/../x", "a\\.",           "..?x=1",
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct err err = refused_as(ERR_INVALID, ENDPOINT "/base", refused[i]);
        assert_non_null(strstr(err.msg, "'..'"));
    }
    static const char *const controls[] = {"..\t/x", ".\t./x", "a b", "a\n/../x"};
    for (size_t i = 0; i < sizeof controls / sizeof *controls; i++) {
        refused_as(ERR_INVALID, ENDPOINT, controls[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_below_the_version),
        cmocka_unit_test(queries_are_joined),
        cmocka_unit_test(absolute_urls_must_be_allowed),
        cmocka_unit_test(a_path_cannot_change_the_host),
        cmocka_unit_test(dots_stay_below_the_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
