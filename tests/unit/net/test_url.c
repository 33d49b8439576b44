#include "allow.h"
#include "mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check_parsed(const char *text, const char *expected)
{
    struct url url;
    struct err err = {0};
    if (url_parse(text, &url, &err) != 0)
        fail_msg("%s: %s", text, err.msg);
    char *formatted = url_format(&url, true);
    assert_string_equal(formatted, expected);
    mem_free(formatted);
    url_destroy(&url);
}

/* Only where libcurl has the very host that was checked. */
static void test_what_libcurl_parsed_is_kept(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool kept;
    } cases[] = {{"https://example.org/a/../b?c#d", true},
                 {"https://example.org:443", true},
                 {"http://127.1/", true},
                 {"https://Example.org/", false},
                 {"https://example.org./", false},
                 {"http://[::1]/", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct url url, copy;
        struct err err = {0};
        assert_int_equal(url_parse(cases[i].text, &url, &err), 0);
        assert_int_equal(url.parsed != NULL, cases[i].kept);
        url_copy(&copy, &url);
        assert_null(copy.parsed);
        url_add_query(&url, "");
        assert_int_equal(url.parsed != NULL, cases[i].kept);
        url_add_query(&url, "x=y");
        assert_null(url.parsed);
        url_destroy(&url);
        url_destroy(&copy);
    }
}

static void test_parse(void **state)
{
    (void)state;
    check_parsed("https://api.example.org", "https://api.example.org/");
    check_parsed("HTTPS://API.Example.ORG./v1/", "https://api.example.org/v1/");
    check_parsed("https://api.example.org:443/a?b=c&d=%20#e",
                 "https://api.example.org/a?b=c&d=%20");
    check_parsed("http://127.0.0.1:8080/x", "http://127.0.0.1:8080/x");
    check_parsed("http://127.1/", "http://127.0.0.1/");
    check_parsed("http://0x7f.1/", "http://127.0.0.1/");
    check_parsed("http://[::1]:80/", "http://[::1]/");
    check_parsed("http://[0:0:0:0:0:0:0:1]:81/", "http://[::1]:81/");
    check_parsed("https://example.org/a/../b/./c", "https://example.org/b/c");
    check_parsed("https://example.org/caf\xc3\xa9?q=\xc3\xa9",
                 "https://example.org/caf%c3%a9?q=%c3%a9");
    check_parsed("https://example.org//v1//groups", "https://example.org//v1//groups");
    check_parsed("https://example.org/a@b?c@d", "https://example.org/a@b?c@d");
}

static void test_parts(void **state)
{
    (void)state;
    struct url url;
    struct err err = {0};
    assert_int_equal(url_parse("https://h.example.org:8443/p/q?r=s", &url, &err), 0);
    assert_string_equal(url.scheme, "https");
    assert_string_equal(url.host, "h.example.org");
    assert_int_equal(url.port, 8443);
    assert_false(url.default_port);
    assert_string_equal(url.path, "/p/q");
    assert_string_equal(url.query, "r=s");
    char *plain = url_format(&url, false);
    assert_string_equal(plain, "https://h.example.org:8443/p/q");
    mem_free(plain);
    url_destroy(&url);
    assert_int_equal(url_parse("http://localhost", &url, &err), 0);
    assert_int_equal(url.port, 80);
    assert_true(url.default_port);
    assert_null(url.query);
    url_destroy(&url);
}

static void check_refused(const char *text, const char *why)
{
    struct url url;
    struct err err = {0};
    if (url_parse(text, &url, &err) == 0)
        fail_msg("%s was accepted: host %s", text, url.host);
    assert_int_equal(err.kind, ERR_INVALID);
    if (strstr(err.msg, why) == NULL)
        fail_msg("%s: %s (expected: %s)", text, err.msg, why);
    assert_null(strstr(err.msg, "hunter2"));
    assert_null(strpbrk(err.msg, "\r\n\x1b"));
}

static void test_refused(void **state)
{
    (void)state;
    check_refused("ftp://example.org/", "expected https:// or http://");
    check_refused("file:///etc/passwd", "expected https:// or http://");
    check_refused("example.org/path", "");
    check_refused("", "");
    check_refused("https://", "no host");
    check_refused("https://user:hunter2@example.org/", "user information");
    check_refused("https://hunter2@example.org/", "user information");
    check_refused("https://good.example.org\\@evil.example.org/", "");
    check_refused("https://example.org/?key=hunter2 x", "percent-encode");
    check_refused("https://example.org/\r\nHost: evil", "control character");
    check_refused("https://exa\tmple.org/", "control character");
    check_refused("https://example.org/\x7f", "control character");
    check_refused("https://b\xc3\xbc"
                  "cher.example/",
                  "xn--");
    check_refused("https://example.org:0/", "bad port");
    check_refused("https://example.org:65536/", "bad port");
    check_refused("https://example.org:80x/", "bad port");
    check_refused("https://[::1/", "");
    check_refused("https://[fe80::1%25eth0]/", "zone");
    check_refused("https://a..b/", "bad host name");
    check_refused("https://exa$mple.org/", "bad host name");
    check_refused("https://1.2.3.4.5/", "IPv4");
    check_refused("https://999.1.1.1/", "IPv4");
    check_refused("https://%31%32%37.1/", "IPv4"); /* would be 127.0.0.1 on a second reading */
    check_refused("https://x.%30x7f000001/", "IPv4");
}

static void test_long_url_is_refused(void **state)
{
    (void)state;
    char *text = mem_alloc(URL_MAX + 100);
    memset(text, 'a', URL_MAX + 50);
    memcpy(text, "https://example.org/", 20);
    check_refused(text, "longer than");
    text[URL_MAX] = '\0';
    struct url url;
    struct err err;
    assert_int_equal(url_parse(text, &url, &err), 0);
    url_destroy(&url);
    mem_free(text);
}

static void check_resolved(const char *location, const char *expected)
{
    struct url url;
    struct err err = {0};
    if (url_resolve("https://a.example.org/v1/accessToken?x=y", location, &url, &err) != 0)
        fail_msg("%s: %s", location, err.msg);
    char *formatted = url_format(&url, true);
    assert_string_equal(formatted, expected);
    mem_free(formatted);
    url_destroy(&url);
}

static void test_resolve(void **state)
{
    (void)state;
    check_resolved("https://b.example.org/v1/accessToken", "https://b.example.org/v1/accessToken");
    check_resolved("/v2/accessToken", "https://a.example.org/v2/accessToken");
    check_resolved("other?z=1", "https://a.example.org/v1/other?z=1");
    check_resolved("//b.example.org/x", "https://b.example.org/x");
    check_resolved("../../../x", "https://a.example.org/x");
    check_resolved("?z=1", "https://a.example.org/v1/accessToken?z=1");
    check_resolved("", "https://a.example.org/v1/accessToken?x=y");
    check_resolved("#x", "https://a.example.org/v1/accessToken?x=y");
    struct url url;
    struct err err;
    assert_int_equal(
        url_resolve("https://a.example.org/", "https://u:p@b.example.org/", &url, &err), -1);
    assert_int_equal(url_resolve("https://a.example.org/", "javascript:alert(1)", &url, &err), -1);
}

static bool loopback(const char *text)
{
    struct url url;
    struct err err;
    assert_int_equal(url_parse(text, &url, &err), 0);
    bool is = url_is_loopback(&url);
    url_destroy(&url);
    return is;
}

static void test_loopback(void **state)
{
    (void)state;
    assert_true(loopback("http://127.0.0.1/"));
    assert_true(loopback("http://127.255.0.9:99/"));
    assert_true(loopback("http://127.1/"));
    assert_true(loopback("http://[::1]/"));
    assert_true(loopback("http://LOCALHOST/"));
    assert_true(loopback("http://localhost./"));
    assert_false(loopback("http://128.0.0.1/"));
    assert_false(loopback("http://0.0.0.0/"));
    assert_false(loopback("http://[::]/"));
    assert_false(loopback("http://[::ffff:127.0.0.1]/"));
    assert_false(loopback("http://localhost.example.org/"));
    assert_false(loopback("http://a.localhost/"));
    assert_false(loopback("http://127.0.0.1.example.org/"));
}

static void test_encode(void **state)
{
    (void)state;
    char *text = url_encode("a b/c@1~\xc3\xa9\0x", 12);
    assert_string_equal(text, "a%20b%2Fc%401~%C3%A9%00x");
    mem_free(text);
}

static void check_base(const char *text, const char *why)
{
    struct err err = {0};
    int result = allow_check_base(text, &err);
    if (why == NULL && result != 0)
        fail_msg("%s: %s", text, err.msg);
    if (why != NULL) {
        if (result == 0)
            fail_msg("%s was accepted", text);
        if (strstr(err.msg, why) == NULL)
            fail_msg("%s: %s (expected: %s)", text, err.msg, why);
        assert_null(strstr(err.msg, "hunter2"));
    }
}

static void test_check_base(void **state)
{
    (void)state;
    check_base("https://api.example.org/v1", NULL);
    check_base("https://api.example.org", NULL);
    check_base("https://api.example.org:8443/", NULL);
    check_base("http://127.0.0.1:18080/v1", NULL);
    check_base("http://[::1]:18080/v1", NULL);
    check_base("http://localhost", NULL);
    check_base("api.example.org/v1", "not an https:// URL");
    check_base("http://api.example.org/v1", "http:// is not encrypted");
    check_base("http://localhost.example.org/v1", "http:// is not encrypted");
    check_base("https://", "no host");
    check_base("https:///v1", "no host");
    check_base("https://me:hunter2@api.example.org/", "user information");
    check_base("https://api.example.org/v1?x=hunter2", "query");
    check_base("https://api.example.org/v1#x", "query");
    check_base("https://api.example.org/v 1", "white space");
    check_base("https://api.example.org:0/", "bad port");
    check_base("https://api.example.org:/", "bad port");
    check_base("https://*.example.org/", "'*'");
    check_base("https://b\xc3\xbc"
               "cher.example/",
               "xn--");
}

static void check_pattern(const char *pattern, const char *why)
{
    struct err err = {0};
    int result = allow_pattern_check(pattern, &err);
    if (why == NULL ? result != 0 : result == 0)
        fail_msg("%s: %s", pattern, result == 0 ? "accepted" : err.msg);
    if (why != NULL && strstr(err.msg, why) == NULL)
        fail_msg("%s: %s (expected: %s)", pattern, err.msg, why);
}

static void test_pattern_check(void **state)
{
    (void)state;
    check_pattern("api.example.org", NULL);
    check_pattern("*.example.org", NULL);
    check_pattern("*.org", NULL);
    check_pattern("127.0.0.1:8080", NULL);
    check_pattern("[::1]:8080", NULL);
    check_pattern("API.example.org.", NULL);
    check_pattern("*", "'*.example.org'");
    check_pattern("*.", "no host");
    check_pattern("*example.org", "'*'");
    check_pattern("api.*.org", "'*'");
    check_pattern("*.*.org", "'*'");
    check_pattern("", "no host");
    check_pattern("https://api.example.org", "without scheme");
    check_pattern("api.example.org/v1", "without scheme or path");
    check_pattern("api.example.org:http", "bad port");
    check_pattern("api.example.org:99999", "bad port");
    check_pattern("::1", "brackets");
    check_pattern("a b.example.org", "bad host name");
    check_pattern("*.0.0.1", "address");
}

static bool matches(const char *pattern, const char *text)
{
    struct url url;
    struct err err;
    assert_int_equal(url_parse(text, &url, &err), 0);
    bool is = allow_pattern_match(pattern, &url);
    url_destroy(&url);
    return is;
}

static void test_pattern_match(void **state)
{
    (void)state;
    assert_true(matches("api.example.org", "https://api.example.org/"));
    assert_true(matches("API.example.org.", "https://api.EXAMPLE.org/"));
    assert_true(matches("api.example.org", "https://api.example.org.:443/"));
    assert_false(matches("api.example.org", "https://api.example.org:8443/"));
    assert_false(matches("api.example.org", "https://xapi.example.org/"));
    assert_true(matches("api.example.org:8443", "https://api.example.org:8443/"));
    assert_false(matches("api.example.org:8443", "https://api.example.org/"));
    assert_true(matches("*.example.org", "https://a.example.org/"));
    assert_true(matches("*.example.org", "https://a.b.example.org/"));
    assert_false(matches("*.example.org", "https://example.org/"));
    assert_false(matches("*.example.org", "https://badexample.org/"));
    assert_false(matches("*.example.org", "https://a.example.org.evil.example/"));
    assert_false(matches("*.example.org", "https://a.example.org:8443/"));
    assert_true(matches("127.0.0.1:8080", "http://127.0.0.1:8080/"));
    assert_true(matches("[0::1]:8080", "http://[::1]:8080/"));
    assert_false(matches("[::1]", "http://[::1]:8080/"));
}

static void check_host(const char *text, const char *const *allow, const char *base,
                       const char *why)
{
    struct url url;
    struct err err = {0};
    assert_int_equal(url_parse(text, &url, &err), 0);
    int result = allow_check(&url, allow, base, &err);
    url_destroy(&url);
    if (why == NULL) {
        if (result != 0)
            fail_msg("%s: %s", text, err.msg);
        return;
    }
    if (result == 0)
        fail_msg("%s was allowed", text);
    assert_int_equal(err.kind, ERR_AUTH);
    if (strstr(err.msg, why) == NULL)
        fail_msg("%s: %s (expected: %s)", text, err.msg, why);
}

static void test_host_check(void **state)
{
    (void)state;
    const char *const allow[] = {"*.example.org", "127.0.0.1:9000", NULL};
    const char *base = "https://token.example.net:8443/v1";
    check_host("https://api.example.org/", allow, base, NULL);
    check_host("https://token.example.net:8443/x", allow, base, NULL);
    check_host("https://token.example.net:8443/x", NULL, base, NULL);
    check_host("http://127.0.0.1:9000/", allow, base, NULL);
    check_host("http://127.0.0.1:9001/", allow, base, "add '127.0.0.1:9001' to allow_hosts");
    check_host("http://api.example.org/", allow, base, "not encrypted");
    check_host("https://token.example.net/", allow, base, "'*.example.net' to allow_hosts");
    check_host("https://api2.example.com/", allow, base,
               "host 'api2.example.com' is not allowed; add 'api2.example.com' or '*.example.com'");
    check_host("https://example.com:444/", NULL, base, "add 'example.com:444' to allow_hosts");
    check_host("https://[2001:db8::1]/", NULL, base, "add '[2001:db8::1]' to allow_hosts");
    check_host("https://192.0.2.1/", NULL, base, "add '192.0.2.1' to allow_hosts");
}

/* What the message proposes is what allows the host. */
static void test_proposed_pattern_allows(void **state)
{
    (void)state;
    static const char *const urls[] = {"https://a.b.example.org:99/", "https://[2001:db8::1]:5/",
                                       "https://192.0.2.1/", "https://one/"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct url url;
        struct err err;
        char pattern[200];
        assert_int_equal(url_parse(urls[i], &url, &err), 0);
        assert_int_equal(allow_check(&url, NULL, NULL, &err), -1);
        assert_int_equal(sscanf(strstr(err.msg, "add '"), "add '%199[^']'", pattern), 1);
        const char *const allow[] = {pattern, NULL};
        assert_int_equal(allow_pattern_check(pattern, &err), 0);
        assert_int_equal(allow_check(&url, allow, NULL, &err), 0);
        url_destroy(&url);
    }
}

static void test_path_matches(void **state)
{
    (void)state;
    assert_true(url_path_matches("groups/*/members", "/Groups/a%2Fb/members?limit=1"));
    assert_true(url_path_matches("groups", "groups/"));
    assert_false(url_path_matches("groups/*", "groups"));
    assert_false(url_path_matches("groups/*", "groups/?x"));
    assert_false(url_path_matches("groups/*", "groups/a/b"));
    assert_false(url_path_matches("groups", "group"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_path_matches),  cmocka_unit_test(test_what_libcurl_parsed_is_kept),
        cmocka_unit_test(test_parse),         cmocka_unit_test(test_parts),
        cmocka_unit_test(test_refused),       cmocka_unit_test(test_long_url_is_refused),
        cmocka_unit_test(test_resolve),       cmocka_unit_test(test_loopback),
        cmocka_unit_test(test_encode),        cmocka_unit_test(test_check_base),
        cmocka_unit_test(test_pattern_check), cmocka_unit_test(test_pattern_match),
        cmocka_unit_test(test_host_check),    cmocka_unit_test(test_proposed_pattern_allows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
