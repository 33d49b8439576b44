#include "opt.h"

#include "mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ARGS_MAX 16

struct values {
    bool dry_run;
    int verbose;
    const char *connector;
    const char *shuffle;
    struct opt_strings fields;
    bool quiet;
    const char *elsewhere; /* what the global --connector got */
    int64_t timeout;
    int64_t memory;
    int64_t limit;
};

struct parsed {
    struct values values;
    struct opt_result result;
    struct err err;
    int status;
    char *text; /* the command line, cut into words */
};

static void parse_spec(struct parsed *parsed, const char *usage, bool stop, int min, int max,
                       const char *line)
{
    *parsed = (struct parsed){0};
    struct values *values = &parsed->values;
    const struct opt opts[] = {
        {'C', "connector", OPT_STRING, &values->connector, "NAME", "run with this connector"},
        {0, "timeout", OPT_DURATION, &values->timeout, "DURATION", "end the run after this"},
        {0, "memory", OPT_SIZE, &values->memory, "SIZE", "memory that Lua may take"},
        {0, "limit", OPT_INTEGER, &values->limit, "N", "at most this many"},
        {'n', "dry-run", OPT_FLAG, &values->dry_run, NULL, "print what would be sent"},
        {'v', "verbose", OPT_COUNT, &values->verbose, NULL, "say more"},
        {0, "shuffle", OPT_OPTIONAL, &values->shuffle, "SEED", "in another order"},
        {'f', "field", OPT_STRINGS, &values->fields, "KEY=VALUE", "a field"},
        {0},
    };
    const struct opt global[] = {
        {'q', "quiet", OPT_FLAG, &values->quiet, NULL, "say less"},
        {'C', "connector", OPT_STRING, &values->elsewhere, "NAME", "has another meaning here"},
        {0},
    };
    const struct opt_spec spec = {usage, NULL, opts, stop, min, max, global, NULL, NULL};
    char *argv[ARGS_MAX + 1];
    int argc = 0;
    parsed->text = mem_strdup(line);
    for (char *word = strtok(parsed->text, " "); word != NULL; word = strtok(NULL, " "))
        argv[argc++] = word;
    parsed->status = opt_parse(&spec, argc, argv, &parsed->result, &parsed->err);
}

static void parse(struct parsed *parsed, const char *line)
{
    parse_spec(parsed, "jeton run [OPTIONS] SCRIPT [ARG…]\njeton run --job NAME", false, 0, -1,
               line);
}

static void done(struct parsed *parsed)
{
    mem_free(parsed->result.operands);
    mem_free(parsed->values.fields.items);
    mem_free(parsed->text);
}

static void check_refused(const char *line, const char *message)
{
    struct parsed parsed;
    parse(&parsed, line);
    assert_int_equal(parsed.status, -1);
    assert_int_equal(parsed.err.kind, ERR_USAGE);
    assert_string_equal(parsed.err.msg, message);
    done(&parsed);
}

static void test_values(void **state)
{
    (void)state;
    struct parsed parsed;
    parse(&parsed, "run --connector one --timeout=5m --memory 512MiB --limit=7 --dry-run -v "
                   "--field a=1 --field=b=2");
    assert_int_equal(parsed.status, 0);
    assert_string_equal(parsed.values.connector, "one");
    assert_int_equal(parsed.values.timeout, 300000);
    assert_int_equal(parsed.values.memory, 512 * 1024 * 1024);
    assert_int_equal(parsed.values.limit, 7);
    assert_true(parsed.values.dry_run);
    assert_int_equal(parsed.values.verbose, 1);
    assert_int_equal(parsed.values.fields.count, 2);
    assert_string_equal(parsed.values.fields.items[0], "a=1");
    assert_string_equal(parsed.values.fields.items[1], "b=2");
    assert_int_equal(parsed.result.count, 0);
    done(&parsed);
}

static void test_short_options(void **state)
{
    (void)state;
    struct parsed parsed;
    parse(&parsed, "run -C one");
    assert_string_equal(parsed.values.connector, "one");
    done(&parsed);
    parse(&parsed, "run -Cone");
    assert_string_equal(parsed.values.connector, "one");
    done(&parsed);
    parse(&parsed, "run -vvnCone -v");
    assert_string_equal(parsed.values.connector, "one");
    assert_int_equal(parsed.values.verbose, 3);
    assert_true(parsed.values.dry_run);
    done(&parsed);
}

static void test_global_options(void **state)
{
    (void)state;
    struct parsed parsed;
    parse(&parsed, "run -nq script --quiet -C one --connector two");
    assert_int_equal(parsed.status, 0);
    assert_true(parsed.values.dry_run && parsed.values.quiet);
    assert_string_equal(parsed.values.connector, "two");
    assert_null(parsed.values.elsewhere);
    done(&parsed);
    check_refused("run --quie", "unknown option '--quie' of jeton run; did you mean '--quiet'?");
    check_refused("run --quiet=1", "option '--quiet' of jeton run takes no value");
}

static void test_optional_value(void **state)
{
    (void)state;
    struct parsed parsed;
    parse(&parsed, "run --shuffle 7x");
    assert_string_equal(parsed.values.shuffle, "");
    assert_int_equal(parsed.result.count, 1);
    done(&parsed);
    parse(&parsed, "run --shuffle 7 8");
    assert_string_equal(parsed.values.shuffle, "7");
    assert_int_equal(parsed.result.count, 1);
    done(&parsed);
    parse(&parsed, "run --shuffle=7");
    assert_string_equal(parsed.values.shuffle, "7");
    done(&parsed);
    parse(&parsed, "run");
    assert_null(parsed.values.shuffle);
    done(&parsed);
}

static void test_operands(void **state)
{
    (void)state;
    struct parsed parsed;
    parse(&parsed, "run a -v - b -- -n --x");
    assert_int_equal(parsed.result.count, 5);
    assert_string_equal(parsed.result.operands[0], "a");
    assert_string_equal(parsed.result.operands[1], "-");
    assert_string_equal(parsed.result.operands[2], "b");
    assert_string_equal(parsed.result.operands[3], "-n");
    assert_string_equal(parsed.result.operands[4], "--x");
    assert_null(parsed.result.operands[5]);
    assert_int_equal(parsed.values.verbose, 1);
    assert_false(parsed.values.dry_run);
    done(&parsed);
    parse_spec(&parsed, "jeton run SCRIPT", true, 1, -1, "run -v a -n --nonsense");
    assert_int_equal(parsed.status, 0);
    assert_int_equal(parsed.result.count, 3);
    assert_string_equal(parsed.result.operands[2], "--nonsense");
    done(&parsed);
}

static void test_number_of_operands(void **state)
{
    (void)state;
    struct parsed parsed;
    parse_spec(&parsed, "jeton token CONNECTOR\nmore", false, 1, 1, "token");
    assert_string_equal(parsed.err.msg,
                        "jeton token needs an operand; usage: jeton token CONNECTOR");
    done(&parsed);
    parse_spec(&parsed, "jeton api METHOD PATH", false, 2, 2, "api GET");
    assert_string_equal(parsed.err.msg,
                        "jeton api needs one more operand; usage: jeton api METHOD PATH");
    done(&parsed);
    parse_spec(&parsed, "jeton token CONNECTOR", false, 1, 1, "token a b c");
    assert_string_equal(parsed.err.msg,
                        "unexpected operand 'b' of jeton token; usage: jeton token CONNECTOR");
    done(&parsed);
}

static void test_help_comes_first(void **state)
{
    (void)state;
    static const char *const lines[] = {"run --help", "run -h", "run -vh --nonsense"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct parsed parsed;
        parse_spec(&parsed, "jeton run SCRIPT", false, 1, 1, lines[i]);
        assert_int_equal(parsed.status, 0);
        assert_true(parsed.result.help);
        done(&parsed);
    }
    struct parsed parsed;
    parse(&parsed, "run -- --help");
    assert_false(parsed.result.help);
    done(&parsed);
}

static void test_unknown_options(void **state)
{
    (void)state;
    check_refused("run --timout 5s",
                  "unknown option '--timout' of jeton run; did you mean '--timeout'?");
    check_refused("run --tiemout=5s",
                  "unknown option '--tiemout' of jeton run; did you mean '--timeout'?");
    check_refused("run --halp", "unknown option '--halp' of jeton run; did you mean '--help'?");
    check_refused("run -timeout 5s",
                  "unknown option '-timeout' of jeton run; did you mean '--timeout'?");
    check_refused("run --nonsense",
                  "unknown option '--nonsense' of jeton run; see jeton run --help");
    check_refused("run -x", "unknown option '-x' of jeton run; see jeton run --help");
    check_refused("run -vx", "unknown option '-x' of jeton run; see jeton run --help");
}

static void test_bad_values(void **state)
{
    (void)state;
    check_refused("run --timeout 5",
                  "option '--timeout' of jeton run: expected a duration (an integer and ms, s, m, "
                  "h or d, like 30s), found '5'");
    check_refused("run --memory=1MB",
                  "option '--memory' of jeton run: expected a size (an integer and B, KiB, MiB or "
                  "GiB, like 512MiB), found '1MB'");
    check_refused("run --limit -1",
                  "option '--limit' of jeton run: expected an integer that is not "
                  "negative, found '-1'");
    check_refused("run --limit 99999999999999999999",
                  "option '--limit' of jeton run: expected an integer that is not negative, found "
                  "'99999999999999999999'");
    check_refused("run --dry-run=yes", "option '--dry-run' of jeton run takes no value");
    check_refused("run --connector", "option '--connector' of jeton run needs a value: NAME");
    check_refused("run -C", "option '-C' of jeton run needs a value: NAME");
}

static void test_global_command_name(void **state)
{
    (void)state;
    struct parsed parsed;
    parse_spec(&parsed, "jeton [GLOBAL OPTIONS] VERB [OPTIONS] [ARGS]", true, 0, -1, "jeton --x");
    assert_string_equal(parsed.err.msg, "unknown option '--x' of jeton; see jeton --help");
    done(&parsed);
    parse_spec(&parsed, "jeton connector add NAME", false, 0, -1, "add --x");
    assert_string_equal(
        parsed.err.msg,
        "unknown option '--x' of jeton connector add; see jeton connector add --help");
    done(&parsed);
    parse_spec(&parsed, "jeton check", false, 0, 0, "check --x");
    assert_string_equal(parsed.err.msg,
                        "unknown option '--x' of jeton check; see jeton check --help");
    done(&parsed);
}

static void test_help_layout(void **state)
{
    (void)state;
    bool flag = false;
    const char *text = NULL;
    const struct opt opts[] = {
        {'C', "connector", OPT_STRING, &text, "NAME",
         "run with this connector instead of the only "
         "one that is configured, or of the one that the job names"},
        {0, "dry-run", OPT_FLAG, &flag, NULL, "print what would be sent"},
        {0, "shuffle", OPT_OPTIONAL, &text, "SEED", "in another order"},
        {0, "a-name-that-is-too-wide-for-its-column", OPT_STRING, &text, "X", "wide"},
        {0},
    };
    const struct opt_spec spec = {
        .usage = "jeton run [OPTIONS] SCRIPT [ARG…]\njeton run --job NAME",
        .description = "Runs a Lua script, and this paragraph is long enough to be broken into two "
                       "lines\nby itself.\n\nExamples:\n  jeton run a.lua\n  jeton run b.lua\n",
        .opts = opts,
    };
    struct buf out;
    buf_create(&out, BUF_LIMIT_LINE);
    opt_help(&spec, &out);
    assert_string_equal(
        out.data,
        "Usage: jeton run [OPTIONS] SCRIPT [ARG…]\n"
        "       jeton run --job NAME\n"
        "\n"
        "Runs a Lua script, and this paragraph is long enough to be broken into two lines by\n"
        "itself.\n"
        "\n"
        "Examples:\n"
        "  jeton run a.lua\n"
        "  jeton run b.lua\n"
        "\n"
        "Options:\n"
        "  -C, --connector NAME  run with this connector instead of the only one that is\n"
        "                        configured, or of the one that the job names\n"
        "      --dry-run         print what would be sent\n"
        "      --shuffle[=SEED]  in another order\n"
        "      --a-name-that-is-too-wide-for-its-column X\n"
        "                        wide\n"
        "  -h, --help            show this help\n");
    buf_destroy(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),           cmocka_unit_test(test_short_options),
        cmocka_unit_test(test_operands),         cmocka_unit_test(test_number_of_operands),
        cmocka_unit_test(test_help_comes_first), cmocka_unit_test(test_unknown_options),
        cmocka_unit_test(test_bad_values),       cmocka_unit_test(test_global_command_name),
        cmocka_unit_test(test_help_layout),      cmocka_unit_test(test_optional_value),
        cmocka_unit_test(test_global_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
