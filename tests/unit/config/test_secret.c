/* Where secrets come from, what is refused, and that no message ever holds one. */
#include "secret.h"

#include "clock.h"
#include "folder.h"

#define VALUE   "S3cret-Value"
#define SOON_MS 200

static struct err err;

static struct secret make(enum secret_kind kind, const char *text)
{
    return (struct secret){.kind = kind,
                           .text = mem_strdup(text),
                           .name = mem_strdup("refresh_token of connector 'c'"),
                           .file = "jeton.yaml",
                           .line = 7,
                           .col = 20};
}

static struct secret make_command(const char *script)
{
    struct secret secret = make(SECRET_COMMAND, NULL);
    secret.command = mem_alloc(4 * sizeof *secret.command);
    secret.command[0] = mem_strdup("sh");
    secret.command[1] = mem_strdup("-c");
    secret.command[2] = mem_strdup(script);
    return secret;
}

static bool note(void *arg, const char *const *owners)
{
    (void)owners;
    *(bool *)arg = true;
    return true;
}

/* Reads and destroys; the value (mem_free), or NULL with err set. */
static char *value_of(struct secret secret, int64_t deadline_ms)
{
    struct redact *redact = redact_new();
    struct buf out;
    buf_create_secret(&out, SECRET_BYTES_MAX);
    err_clear(&err);
    int result = secret_read(&secret, redact, deadline_ms, &out, &err);
    bool registered = false;
    redact_find(redact, "x" VALUE "x", sizeof VALUE + 1, note, &registered);
    assert_int_equal(registered, result == 0 && strcmp(out.data, VALUE) == 0);
    char *value = result == 0 ? mem_strdup(out.data) : NULL;
    if (result != 0)
        assert_int_equal(out.len, 0);
    assert_null(strstr(err.msg, "S3cret"));
    buf_destroy(&out);
    secret_destroy(&secret);
    redact_free(redact);
    return value;
}

static void gives(struct secret secret, const char *expected)
{
    char *value = value_of(secret, 0);
    if (value == NULL)
        fail_msg("%s", err.msg);
    assert_string_equal(value, expected);
    mem_free(value);
}

static void fails(struct secret secret, bool retryable, const char *expected)
{
    assert_null(value_of(secret, 0));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_int_equal(err.retryable, retryable);
    static const char where[] = "jeton.yaml:7:20: refresh_token of connector 'c': ";
    assert_memory_equal(err.msg, where, sizeof where - 1);
    assert_string_equal(err.msg + sizeof where - 1, expected);
}

static void refused(struct secret secret, const char *expected)
{
    fails(secret, false, expected);
}

static void test_sources(void **state)
{
    (void)state;
    setenv("JETON_TEST_SECRET", VALUE, 1);
    folder_put("file", 0600, VALUE "\n");
    folder_put("crlf", 0600, VALUE "\r\n\n");
    gives(make(SECRET_PLAIN, VALUE), VALUE);
    gives(make(SECRET_ENV, "JETON_TEST_SECRET"), VALUE);
    gives(make(SECRET_FILE, "file"), VALUE);
    gives(make(SECRET_FILE, "crlf"), VALUE);
    gives(make_command("echo " VALUE), VALUE);
    char *folder = getcwd(NULL, 0);
    setenv("CREDENTIALS_DIRECTORY", folder, 1);
    gives(make(SECRET_CREDENTIAL, "file"), VALUE);
    unsetenv("CREDENTIALS_DIRECTORY");
    free(folder);
    folder_put("blanks", 0600, "  with blanks \n");
    gives(make(SECRET_FILE, "blanks"), "  with blanks ");
    folder_put("marked", 0600, "\xef\xbb\xbf" VALUE "\r\n");
    gives(make(SECRET_FILE, "marked"), VALUE);
}

static void test_missing(void **state)
{
    (void)state;
    unsetenv("JETON_TEST_SECRET");
    unsetenv("CREDENTIALS_DIRECTORY");
    refused(make(SECRET_ENV, "JETON_TEST_SECRET"),
            "environment variable JETON_TEST_SECRET is not set");
    refused(make(SECRET_FILE, "none"), "none: No such file or directory");
    refused(make(SECRET_CREDENTIAL, "none"),
            "credential 'none' needs $CREDENTIALS_DIRECTORY, which systemd sets for a service with "
            "LoadCredential=");
    refused(make(SECRET_NONE, NULL), "it is not configured");
    struct secret command = make_command("");
    mem_free(command.command[0]);
    command.command[0] = mem_strdup("./none");
    refused(command, "command: cannot start './none': no such program");
}

static void test_bad_values(void **state)
{
    (void)state;
    static const char control[] = "it holds a control character; expected one line of text";
    setenv("JETON_TEST_SECRET", "", 1);
    refused(make(SECRET_ENV, "JETON_TEST_SECRET"), "it is empty");
    folder_put("file", 0600, "\n");
    refused(make(SECRET_FILE, "file"), "it is empty");
    folder_put("file", 0600, "12345\n");
    refused(make(SECRET_FILE, "file"),
            "it is shorter than 6 bytes; such a secret could not be masked");
    folder_put("file", 0600, "first line\nsecond line\n");
    refused(make(SECRET_FILE, "file"), control);
    folder_put("file", 0600, VALUE "\t");
    refused(make(SECRET_FILE, "file"), control);
    folder_put("file", 0600, "\xef\xbb\xbf\n");
    refused(make(SECRET_FILE, "file"), "it is empty");
    refused(make_command("printf 'with\\0nul-inside'"), control);
    char *big = mem_alloc(SECRET_BYTES_MAX + 2);
    memset(big, 'x', SECRET_BYTES_MAX + 1);
    folder_put("file", 0600, big);
    refused(make(SECRET_FILE, "file"), "file: larger than 65536 bytes");
    refused(make_command("cat file"), "command: 'sh': it wrote more than 65536 bytes");
    big[SECRET_BYTES_MAX] = '\0';
    folder_put("file", 0600, big);
    gives(make(SECRET_FILE, "file"), big);
    mem_free(big);
}

static void test_modes(void **state)
{
    (void)state;
    struct secret secret = make(SECRET_FILE, "file");
    folder_put("file", 0644, VALUE);
    gives(secret, VALUE); /* as containers mount them */
    secret = make(SECRET_FILE, "file");
    secret.private_file = true;
    refused(secret, "file: group or others can read it; run: chmod go-rwx file");
    folder_put("file", 0622, VALUE);
    refused(make(SECRET_FILE, "file"), "file: group or others can write it; run: chmod go-w file");
}

static void test_commands_that_fail(void **state)
{
    (void)state;
    fails(make_command("echo " VALUE "; echo " VALUE " >&2; exit 4"), true,
          "command: 'sh': it ended with status 4; run it by hand to see why");
    fails(make_command("echo " VALUE "; kill -TERM $$"), true,
          "command: 'sh': it was ended by signal 15 (Terminated)");
    int64_t start = clock_mono_ms();
    assert_null(value_of(make_command("echo " VALUE "; sleep 60"), start + SOON_MS));
    assert_int_equal(err.kind, ERR_DEADLINE);
    assert_true(clock_mono_ms() - start < SECRET_COMMAND_TIMEOUT_MS);
}

/* What secret_check says, one line each. */
static void checked(struct secret secret, const char *expected)
{
    struct problems problems;
    struct buf out;
    problems_create(&problems);
    buf_create(&out, 10000);
    secret_check(&secret, &problems);
    problems_format(&problems, &out);
    static const char where[] = "jeton.yaml:7:20: ";
    const char *text = out.data;
    if (strncmp(text, where, sizeof where - 1) == 0)
        text += sizeof where - 1;
    assert_string_equal(text, expected);
    buf_destroy(&out);
    problems_destroy(&problems);
    secret_destroy(&secret);
}

#define NAME  "refresh_token of connector 'c': "
#define SHORT "it is shorter than 6 bytes; such a secret could not be masked\n"

static void test_check(void **state)
{
    (void)state;
    unsetenv("JETON_TEST_SECRET");
    unsetenv("CREDENTIALS_DIRECTORY");
    checked(make(SECRET_NONE, NULL), "");
    checked(make(SECRET_PLAIN, VALUE), "");
    checked(make(SECRET_ENV, "JETON_TEST_SECRET"),
            "warning: " NAME "environment variable JETON_TEST_SECRET is not set here\n");
    checked(make(SECRET_FILE, "none"), NAME "none: No such file or directory\n");
    folder_put("file", 0600, VALUE);
    checked(make(SECRET_FILE, "file"), "");
    folder_put("file", 0640, VALUE);
    checked(make(SECRET_FILE, "file"), "warning: " NAME "file: group or others can read it; run: "
                                       "chmod go-rwx file\n");
    folder_put("file", 0600, "");
    checked(make(SECRET_FILE, "file"), NAME "it is empty\n");
    folder_put("file", 0600, "five5\n");
    checked(make(SECRET_FILE, "file"), NAME SHORT);
    folder_put("file", 0600, "two\nlines\n");
    checked(make(SECRET_FILE, "file"),
            NAME "it holds a control character; expected one line of text\n");
    setenv("JETON_TEST_SECRET", "five5", 1);
    checked(make(SECRET_ENV, "JETON_TEST_SECRET"), "warning: " NAME SHORT);
    unsetenv("JETON_TEST_SECRET");
    checked(make(SECRET_CREDENTIAL, "token"),
            "warning: " NAME "credential 'token': $CREDENTIALS_DIRECTORY is not set here\n");
}

static void test_check_runs_no_command(void **state)
{
    (void)state;
    checked(make_command("touch ran"), "");
    assert_int_not_equal(access("ran", F_OK), 0);
    struct secret secret = make_command("");
    mem_free(secret.command[0]);
    secret.command[0] = mem_strdup("./none");
    checked(secret, NAME "command './none': No such file or directory\n");
    secret = make_command("");
    mem_free(secret.command[0]);
    secret.command[0] = mem_strdup("no-such-program-here");
    checked(secret, "warning: " NAME "command 'no-such-program-here' is not found in $PATH\n");
}

#define LINE1 "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v"
#define LINE2 "VpguoRK9JLsLMREScVpezJpGXA7r/Mc+n9g="

/* Every line of a key is masked by itself, however the ends of its lines are written. */
static void test_keys(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *problem; /* NULL: it is read */
    } cases[] = {
        {"-----BEGIN PRIVATE KEY-----\n" LINE1 "\n" LINE2 "\n-----END PRIVATE KEY-----\n", NULL},
        {"-----BEGIN PRIVATE KEY-----\r\n" LINE1 "\r\n" LINE2 "\r\n-----END PRIVATE KEY-----",
         NULL},
        {"-----BEGIN PRIVATE KEY-----\\n" LINE1 "\\n" LINE2 "\\n-----END PRIVATE KEY-----\\n",
         NULL},
        {"{ \"private_key\": \"-----BEGIN PRIVATE KEY-----\\n" LINE1 "\\n" LINE2
         "\\n-----END PRIVATE KEY-----\\n\" }",
         NULL},
        {"{ \"private_key\": \"-----BEGIN PRIVATE KEY-----\\n" LINE1
         "\\nVpguoRK9JLsLMREScVpezJpGXA7r\\/Mc\\u002Bn9g\\u003d\\n-----END PRIVATE KEY-----\\n\" }",
         NULL},
        {"-----BEGIN PRIVATE KEY-----\n" LINE1 "\n" LINE2, NULL},
        {"-----BEGIN CERTIFICATE-----\n" LINE1 "\n-----END CERTIFICATE-----\n"
         "-----BEGIN PRIVATE KEY-----\n" LINE2 "\n-----END PRIVATE KEY-----\n",
         NULL},
        {"0\202\n\001", "it holds a control character; expected PEM, which is text"},
        {"\n", "it is empty"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct secret secret = make(SECRET_ENV, "JETON_TEST_KEY");
        struct redact *redact = redact_new();
        struct buf out, masked;
        secret.is_key = true;
        setenv("JETON_TEST_KEY", cases[i].text, 1);
        buf_create_secret(&out, SECRET_BYTES_MAX);
        buf_create(&masked, BUF_LIMIT_LINE);
        err_clear(&err);
        int result = secret_read(&secret, redact, 0, &out, &err);
        assert_int_equal(result, cases[i].problem == NULL ? 0 : -1);
        if (result == 0) {
            static const char said[] = "a " LINE1 " b " LINE2 " -----BEGIN PRIVATE KEY-----";
            assert_memory_equal(out.data, cases[i].text, out.len); /* but for the last line end */
            redact_text(redact, said, sizeof said - 1, &masked);
            assert_string_equal(masked.data,
                                "a " REDACT_MASK " b " REDACT_MASK " -----BEGIN PRIVATE KEY-----");
        } else {
            assert_string_equal(strstr(err.msg, "it "), cases[i].problem);
        }
        buf_destroy(&masked);
        buf_destroy(&out);
        secret_destroy(&secret);
        redact_free(redact);
    }
    unsetenv("JETON_TEST_KEY");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_set_up, folder_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_sources),
        TEST(test_missing),
        TEST(test_bad_values),
        TEST(test_modes),
        TEST(test_commands_that_fail),
        TEST(test_keys),
        TEST(test_check),
        TEST(test_check_runs_no_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
