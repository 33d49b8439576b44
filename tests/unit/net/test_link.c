#include "link.h"

#include "mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void check(const char *value, const char *expected)
{
    char *next = link_next(value);
    if ((next == NULL) != (expected == NULL) || (next != NULL && strcmp(next, expected) != 0))
        fail_msg("%s: %s", value, next != NULL ? next : "none");
    mem_free(next);
}

static void the_next_page_is_found(void **state)
{
    (void)state;
    check("<https://a.example.org/x?page=2>; rel=\"next\", <https://a.example.org/x?page=9>; "
          "rel=last",
          "https://a.example.org/x?page=2");
    check("<a>; rel=prev,<b>;rel=next", "b");
    check("<a>;title=\"x\";rel=\"start  NEXT\"", "a");
    check("  ,, <a> ; REL = next ; x", "a");
    check("<?page=2&a=,;>; rel=next", "?page=2&a=,;");
    check("<>;rel=next", "");
    check("<a>;;rel=next;", "a");
    check("<a>; rel=\"previous\"; results=\"false\"; cursor=\"0:0:1\", "
          "<b>; rel=\"next\"; results=\"true\"; cursor=\"0:100:0\"",
          "b");
}

static void what_is_none(void **state)
{
    (void)state;
    check("", NULL);
    check("<a>", NULL);
    check("<a>; rel=nextpage, <b>; rel=\"not-next\", <c>; rel=\"\"", NULL);
    check("<a>; rel=prev; rel=next", NULL);
    check("<a>; rel=next; anchor=\"/other\"", NULL);
    check("<a>; rel=\"next\"; results=\"false\"; cursor=\"0:100:0\"", NULL);
    check("<a>; title=\"<b>; rel=next\"", NULL);
    check("<a>; title=\"\\\"<b>; rel=next, \"; rel=prev", NULL);
    check("<a; rel=next", NULL);
    check("a>; rel=next", NULL);
    check("<a>; rel=\"next", NULL);
    check("<a>; =next; rel=next", NULL);
    check("<a> rel=next", NULL);
    check("junk, <a>; rel=next", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_page_is_found),
        cmocka_unit_test(what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
