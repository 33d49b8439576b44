/* Zones: offsets and their changes, both ways, and the process as it was. */
#include "zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define PARIS_SPRING INT64_C(1774746000) /* 2026-03-29 01:00 UTC: 02:00 → 03:00 */
#define PARIS_AUTUMN INT64_C(1792890000) /* 2026-10-25 01:00 UTC: 03:00 → 02:00 */

static struct zone *zone(const char *name)
{
    struct err err;
    err_clear(&err);
    struct zone *zone = zone_new(name, &err);
    if (zone == NULL)
        fail_msg("%s", err.msg);
    return zone;
}

static void test_offsets(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t at;
        int32_t offset;
    } cases[] = {
        {"Europe/Paris", PARIS_SPRING - 1, 3600},
        {"Europe/Paris", PARIS_SPRING, 7200},
        {"Europe/Paris", PARIS_AUTUMN - 1, 7200},
        {"Europe/Paris", PARIS_AUTUMN, 3600},
        {"Asia/Kathmandu", PARIS_SPRING, 20700},
        {"Asia/Kathmandu", 504901799, 19800}, /* 1985-12-31 18:29:59 */
        {"Asia/Kathmandu", 504901800, 20700},
        {"Australia/Lord_Howe", PARIS_SPRING, 39600},
        {"Australia/Lord_Howe", 1775314799, 39600}, /* 2026-04-04 14:59:59 */
        {"Australia/Lord_Howe", 1775314800, 37800},
        {"Pacific/Apia", 1325239199, -36000},              /* the end of 2011-12-29 */
        {"Pacific/Apia", 1325239200, 50400},               /* is that of the 30th too */
        {"America/New_York", INT64_C(4105000000), -18000}, /* 2100: by the rule */
        {"America/New_York", INT64_C(4120000000), -14400},
        {"America/Recife", 971000000, -7200}, /* 2000-10-08 to 15: a week less an hour */
        {"UTC", 0, 0},
        {"America/New_York", -1, -18000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct zone *tested = zone(cases[i].name);
        assert_int_equal(zone_at(tested, cases[i].at).offset, cases[i].offset);
        zone_free(tested);
    }
}

static void test_spans(void **state)
{
    (void)state;
    struct zone *paris = zone("Europe/Paris");
    struct zone_span span = zone_at(paris, PARIS_SPRING);
    assert_true(span.from == PARIS_SPRING && span.changed == PARIS_SPRING);
    assert_int_equal(span.before, 3600);
    /* Without a hole, whatever the parts they come in, and with the change known for a week. */
    int changes = 0;
    for (int64_t at = PARIS_SPRING - 1; at < PARIS_SPRING + INT64_C(20) * 365 * 86400;) {
        span = zone_at(paris, at);
        assert_true(span.from <= at && span.until > at && span.changed <= span.from);
        struct zone_span next = zone_at(paris, span.until);
        assert_true(next.from == span.until);
        if (next.offset != span.offset) {
            changes++;
            assert_true(next.changed == next.from && next.before == span.offset);
        } else if (span.until - span.changed < INT64_C(7) * 86400) {
            assert_true(next.changed == span.changed && next.before == span.before);
        }
        at = span.until;
    }
    assert_int_equal(changes, 41);
    zone_free(paris);
}

static void test_format(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *text;
    } cases[] = {
        {"UTC", "2026-03-29T01:00:00+00:00"},
        {"Europe/Paris", "2026-03-29T03:00:00+02:00"},
        {"Asia/Kathmandu", "2026-03-29T06:45:00+05:45"},
        {"America/St_Johns", "2026-03-28T22:30:00-02:30"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[ZONE_RFC3339_SIZE];
        struct zone *tested = zone(cases[i].name);
        zone_format(tested, PARIS_SPRING, out);
        assert_string_equal(out, cases[i].text);
        zone_free(tested);
    }
}

static int64_t local_hour(void)
{
    time_t at = PARIS_SPRING;
    struct tm local;
    localtime_r(&at, &local);
    return local.tm_hour;
}

static void test_process_is_as_before(void **state)
{
    (void)state;
    setenv("TZ", "Asia/Kolkata", 1);
    tzset();
    struct zone *york = zone("America/New_York");
    assert_int_equal(zone_at(york, PARIS_SPRING).offset, -14400);
    assert_string_equal(getenv("TZ"), "Asia/Kolkata");
    assert_int_equal(local_hour(), 6);
    unsetenv("TZ");
    assert_int_equal(zone_at(york, PARIS_AUTUMN).offset, -14400);
    assert_null(getenv("TZ"));
    zone_free(york);
}

static void test_local(void **state)
{
    (void)state;
    static const struct {
        const char *tz;
        const char *name;
        int32_t offset;
    } cases[] = {
        {"Europe/Paris", "Europe/Paris", 7200},
        {":Asia/Kolkata", "Asia/Kolkata", 19800},
        {"/usr/share/zoneinfo/Asia/Kolkata", "Asia/Kolkata", 19800},
        {"XYZ-3:15", NULL, 11700},
        {"", "Etc/UTC", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        setenv("TZ", cases[i].tz, 1);
        struct zone *local = zone(NULL);
        if (cases[i].name != NULL)
            assert_string_equal(zone_name(local), cases[i].name);
        else
            assert_null(zone_name(local));
        assert_int_equal(zone_at(local, PARIS_SPRING).offset, cases[i].offset);
        zone_free(local);
    }
    /* The system's is another's affair than $TZ. */
    struct zone *before = zone_new_system();
    setenv("TZ", "XYZ-3:15", 1);
    struct zone *system = zone_new_system();
    assert_int_equal(zone_at(system, 0).offset, zone_at(before, 0).offset);
    assert_int_not_equal(zone_at(system, 0).offset, 11700);
    zone_free(system);
    zone_free(before);
}

/* As a package or an administrator does it: another file comes in the place of the zone's. */
static void replace(const char *path, const char *name)
{
    char from[256], to[256], bytes[8192];
    snprintf(from, sizeof from, ZONE_FOLDER "/%s", name);
    snprintf(to, sizeof to, "%s.new", path);
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    assert_non_null(in);
    assert_non_null(out);
    size_t len = fread(bytes, 1, sizeof bytes, in);
    assert_int_equal(fwrite(bytes, 1, len, out), len);
    fclose(in);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(rename(to, path), 0);
}

static void test_data_that_change(void **state)
{
    (void)state;
    char folder[] = "/tmp/jeton-zone-XXXXXX", path[64], tz[80];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/zone", folder);
    snprintf(tz, sizeof tz, ":%s", path);
    replace(path, "Europe/Paris");
    setenv("TZ", tz, 1);
    struct zone *local = zone(NULL), *kept = zone("Asia/Kathmandu");
    assert_int_equal(zone_at(local, PARIS_SPRING).offset, 7200);
    assert_int_equal(zone_at(kept, PARIS_SPRING).offset, 20700);
    assert_false(zone_refresh(local));
    replace(path, "Asia/Kolkata");
    assert_true(zone_refresh(local));
    assert_int_equal(zone_at(local, PARIS_SPRING).offset, 19800);
    assert_false(zone_refresh(local));
    assert_false(zone_refresh(kept));
    assert_int_equal(unlink(path), 0); /* for a moment */
    assert_false(zone_refresh(local));
    assert_int_equal(zone_at(local, PARIS_SPRING).offset, 19800);
    replace(path, "Europe/Paris");
    assert_true(zone_refresh(local));
    assert_int_equal(zone_at(local, PARIS_SPRING).offset, 7200);
    zone_free(local);
    zone_free(kept);
    unsetenv("TZ");
    unlink(path);
    rmdir(folder);
}

static void test_unknown(void **state)
{
    (void)state;
    static const char *const names[] = {"",          "Europe/Pariss",  "../../../etc/localtime",
                                        "tzdata.zi", "/etc/localtime", "Europe",
                                        "zone.tab"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct err err;
        err_clear(&err);
        assert_false(zone_known(names[i]));
        assert_null(zone_new(names[i], &err));
        assert_int_equal(err.kind, ERR_CONFIG);
        assert_non_null(strstr(err.msg, "tzdata"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offsets),
        cmocka_unit_test(test_spans),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_process_is_as_before),
        cmocka_unit_test(test_local),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_data_that_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
