/* The whole configuration: values, defaults, files beside it, modes and references. */
#include "config_hide.h"
#include "config_load.h"
#include "kaizala_connector.h"
#include "provider_list.h"

#include "folder.h"
#include "path.h"

#define CONNECTOR                                                                                  \
    "{ token_service: https://k.example.org/v1, application_id: {env: ID}, "                       \
    "application_secret: {env: SECRET} }"

#define KEY_1 "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
#define KEY_2 "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="

static struct err err;

/* The configuration, which must be without any problem. */
static struct config *load(const char *path)
{
    struct problems problems;
    problems_create(&problems);
    struct config *config = config_load(path, provider_list, NULL, &problems);
    if (problems.count > 0)
        fail_msg("%s:%d:%d: %s", problems.items[0].file, problems.items[0].line,
                 problems.items[0].col, problems.items[0].message);
    problems_destroy(&problems);
    return config;
}

static void refused(const char *path, const char *expected)
{
    struct problems problems;
    struct buf out;
    problems_create(&problems);
    buf_create(&out, 100000);
    assert_null(config_load(path, provider_list, NULL, &problems));
    problems_format(&problems, &out);
    assert_string_equal(out.data, expected);
    buf_destroy(&out);
    problems_destroy(&problems);
}

static void test_everything(void **state)
{
    const struct folder *folder = *state;
    folder_put("jeton.yaml", 0600,
               "version: 1\n"
               "state: st\n"
               "history: { keep: 5, days: 0 }\n"
               "connectors:\n"
               "  contoso:\n"
               "    provider: kaizala\n"
               "    token_service: https://kaizala.example.org/v1//\n"
               "    application_id: 0123456\n"
               "    application_secret: { file: secrets/contoso.secret }\n"
               "    refresh_token: { command: [pass, show, kaizala/contoso] }\n"
               "    allow_hosts: [\"*.example.org\", \"127.0.0.1:8080\"]\n"
               "    ca_file: /etc/ca.pem\n"
               "    rate_limit: { per_minute: 0, tenant: contoso, tenant_per_minute: 7 }\n"
               "    timeout: 1500ms\n"
               "    retries: 0\n"
               "jobs:\n"
               "  morning-report:\n"
               "    script: reports/morning.lua\n"
               "    connector: contoso\n"
               "    schedule: \"0 8 * * 1-5\"\n"
               "    timezone: Asia/Kolkata\n"
               "    timeout: 5m\n"
               "    overlap: wait\n"
               "    retries: { attempts: 3, delay: 10s }\n"
               "    jitter: 30s\n"
               "    catch_up: true\n"
               "    args: { group: Sales, top: 10 }\n"
               "    environment: { LANG: fr_FR.UTF-8, N: 1, EMPTY: }\n"
               "    directory: /srv/reports\n"
               "    memory: 64MiB\n"
               "    log_level: debug\n"
               "    metrics: m.prom\n"
               "    heartbeat: https://hc.example.org/ping/1?a=b\n"
               "    on_failure: { command: [mail, -s, \"jeton: {job} failed\", \"\"] }\n"
               "    on_recovery: { message: { connector: contoso, group: Ops } }\n");
    struct config *config = load("jeton.yaml");
    char path[200];
    const struct connector *c = config_connector(config, NULL, &err);
    const struct job *job = config_job(config, "morning-report", &err);
    snprintf(path, sizeof path, "%s/st", folder->path);
    assert_string_equal(config->state->folder, path);
    assert_int_equal(config->history_keep, 5);
    assert_int_equal(config->history_days, 0);

    snprintf(path, sizeof path, "%s/jeton.yaml", folder->path);
    assert_string_equal(c->file, path);
    assert_string_equal(c->shown, "jeton.yaml");
    assert_int_equal(c->line, 5);
    assert_int_equal(c->col, 3);
    assert_string_equal(kaizala_connector_of(c)->token_service, "https://kaizala.example.org/v1");
    assert_int_equal(kaizala_connector_of(c)->application_id.kind, SECRET_PLAIN);
    assert_string_equal(kaizala_connector_of(c)->application_id.text, "0123456");
    snprintf(path, sizeof path, "%s/secrets/contoso.secret", folder->path);
    assert_int_equal(kaizala_connector_of(c)->application_secret.kind, SECRET_FILE);
    assert_string_equal(kaizala_connector_of(c)->application_secret.text, path);
    assert_string_equal(kaizala_connector_of(c)->application_secret.name,
                        "application_secret of connector 'contoso'");
    assert_int_equal(kaizala_connector_of(c)->application_secret.line, 9);
    assert_int_equal(kaizala_connector_of(c)->refresh_token.kind, SECRET_COMMAND);
    assert_string_equal(kaizala_connector_of(c)->refresh_token.command[2], "kaizala/contoso");
    assert_null(kaizala_connector_of(c)->refresh_token.command[3]);
    assert_string_equal(c->allow_hosts[1], "127.0.0.1:8080");
    assert_string_equal(c->ca_file, "/etc/ca.pem");
    assert_int_equal(c->rate_limit.per_minute, 0);
    assert_string_equal(c->rate_limit.tenant, "contoso");
    assert_int_equal(c->rate_limit.tenant_per_minute, 7);
    assert_int_equal(c->timeout_ms, 1500);
    assert_int_equal(c->retries, 0);

    snprintf(path, sizeof path, "%s/reports/morning.lua", folder->path);
    assert_string_equal(job->script, path);
    assert_string_equal(job->connector, "contoso");
    assert_string_equal(job->schedule, "0 8 * * 1-5");
    assert_int_equal(job->cron.hours, 1 << 8);
    assert_string_equal(job->timezone, "Asia/Kolkata");
    assert_int_equal(job->timeout_ms, 300000);
    assert_int_equal(job->overlap, OVERLAP_WAIT);
    assert_int_equal(job->log_level, LOG_DEBUG);
    assert_int_equal(job->attempts, 3);
    assert_int_equal(job->retry_delay_ms, 10000);
    assert_int_equal(job->jitter_ms, 30000);
    assert_true(job->catch_up);
    assert_string_equal(yaml_get(job->args, "group")->text, "Sales");
    assert_string_equal(job->environment[0], "LANG=fr_FR.UTF-8");
    assert_string_equal(job->environment[1], "N=1");
    assert_string_equal(job->environment[2], "EMPTY=");
    assert_null(job->environment[3]);
    assert_string_equal(job->directory, "/srv/reports");
    assert_int_equal(job->memory_bytes, 64 << 20);
    snprintf(path, sizeof path, "%s/m.prom", folder->path);
    assert_string_equal(job->metrics, path);
    assert_string_equal(job->heartbeat, "https://hc.example.org/ping/1?a=b");
    assert_string_equal(job->on_failure.command[2], "jeton: {job} failed");
    assert_string_equal(job->on_recovery.group, "Ops");
    config_free(config);
}

static void test_shared_spaces(void **state)
{
    (void)state;
    folder_put("jeton.yaml", 0644,
               "version: 1\nstate: s\njobs:\n"
               "  a: { script: /a.lua, shared: [board, b-2] }\n"
               "  b: { script: /a.lua, shared: [b-2, board] }\n");
    struct config *config = load("jeton.yaml");
    assert_string_equal(config->jobs[0].shared[0], "board");
    assert_string_equal(config->jobs[0].shared[1], "b-2");
    assert_null(config->jobs[0].shared[2]);
    assert_int_equal(config_shared_by(config, "board"), 2);
    assert_int_equal(config_shared_by(config, "none"), 0);
    config_free(config);
    folder_put("jeton.yaml", 0644,
               "version: 1\nstate: s\njobs:\n"
               "  a: { script: /a.lua, shared: [a b, -] }\n"
               "  b: { script: /a.lua, shared: board }\n");
    refused("jeton.yaml",
            "jeton.yaml:4:3: warning: job 'a' shares '-', which no other job or webhook names\n"
            "jeton.yaml:4:3: warning: job 'a' shares 'a b', which no other job or webhook names\n"
            "jeton.yaml:4:33: 'a b' in shared of job 'a' is no name; expected 1 to 64 letters, "
            "digits, '_' and '-', a letter or digit first\n"
            "jeton.yaml:4:38: '-' in shared of job 'a' is no name; expected 1 to 64 letters, "
            "digits, '_' and '-', a letter or digit first\n"
            "jeton.yaml:5:32: 'shared' of job 'b' must be a list of names, not a string\n");
}

static void test_defaults(void **state)
{
    (void)state;
    folder_put("jeton.yaml", 0644,
               "version: 1\nconnectors: { c: " CONNECTOR " }\njobs: { j: { script: /j.lua } }\n");
    setenv("XDG_STATE_HOME", "/somewhere", 1);
    struct config *config = load("jeton.yaml");
    const struct connector *c = config->connectors[0];
    const struct job *job = &config->jobs[0];
    assert_string_equal(config->state->folder, "/somewhere/jeton");
    assert_int_equal(config->history_keep, 1000);
    assert_int_equal(config->history_days, 90);
    assert_int_equal(kaizala_connector_of(c)->refresh_token.kind, SECRET_NONE);
    assert_null(c->allow_hosts);
    assert_null(c->ca_file);
    assert_int_equal(c->rate_limit.per_minute, 100);
    assert_int_equal(c->rate_limit.tenant_per_minute, 300);
    assert_int_equal(c->timeout_ms, 60000);
    assert_int_equal(c->retries, 4);
    assert_null(job->connector);
    assert_null(job->schedule);
    assert_int_equal(job->timeout_ms, 3600000);
    assert_int_equal(job->overlap, OVERLAP_SKIP);
    assert_int_equal(job->log_level, CONFIG_JOB_LOG_USUAL);
    assert_int_equal(job->attempts, 1);
    assert_int_equal(job->memory_bytes, 512 << 20);
    assert_null(job->args);
    config_free(config);
}

static void test_without_a_file(void **state)
{
    (void)state;
    setenv("XDG_STATE_HOME", "relative/is/ignored", 1);
    setenv("HOME", "/home/x", 1);
    struct config *config = load(NULL);
    assert_null(config->path);
    assert_string_equal(config->state->folder, "/home/x/.local/state/jeton");
    assert_null(config_connector(config, NULL, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    config_free(config);
}

static void test_files_beside_it(void **state)
{
    const struct folder *folder = *state;
    char path[200];
    assert_int_equal(mkdir("etc", 0700), 0);
    assert_int_equal(mkdir("etc/conf.d", 0700), 0);
    assert_int_equal(mkdir("etc/conf.d/folder.yaml", 0700), 0);
    folder_put("etc/jeton.yaml", 0600, "version: 1\nconnectors:\n");
    folder_put("etc/conf.d/b.yaml", 0600, "connectors: { second: " CONNECTOR " }\n");
    folder_put("etc/conf.d/a.yaml", 0600,
               "version: 1\nstate: st\nconnectors: { first: " CONNECTOR " }\n");
    folder_put("etc/conf.d/c.yaml", 0600,
               "jobs:\n"
               "  a: { script: .././.././a.lua }\n"
               "  b: { script: ../lib/../b.lua }\n"
               "  c: { script: "
               "../../../../../../../../../../../../../../../../../../../../etc/c.lua }\n");
    folder_put("etc/conf.d/note.txt", 0666, "not read: [\n");
    folder_put("etc/conf.d/.hidden.yaml", 0666, "not read: [\n");
    folder_put("etc/conf.d/off.yaml", 0600, "# nothing yet\n");
    struct config *config = load("etc/jeton.yaml");
    assert_int_equal(config->nconnectors, 2);
    assert_string_equal(config->connectors[0]->name, "first");
    assert_string_equal(config->connectors[1]->name, "second");
    assert_string_equal(config->connectors[1]->shown, "etc/conf.d/b.yaml");
    assert_non_null(strstr(config->state->folder, "/etc/conf.d/st"));
    snprintf(path, sizeof path, "%s/a.lua", folder->path);
    assert_string_equal(config->jobs[0].script, path);
    /* A name that may be a link stays. */
    assert_non_null(strstr(config->jobs[1].script, "/etc/lib/../b.lua"));
    assert_string_equal(config->jobs[2].script, "/etc/c.lua");
    config_free(config);
}

static void test_files_beside_it_of_other_names(void **state)
{
    (void)state;
    assert_int_equal(mkdir("conf.d", 0700), 0);
    folder_put("jeton.yaml", 0600, "version: 2\n");
    folder_put("conf.d/a.yml", 0600, "jobs: { a: { script: a.lua } }\n");
    folder_put("conf.d/B.YAML", 0600, "jobs: { b: { script: b.lua } }\n");
    folder_put("conf.d/c.yaml~", 0600, "");
    folder_put("conf.d/.d.yml", 0600, "");
    refused("jeton.yaml",
            "conf.d/B.YAML: warning: not read, as its name does not end in .yaml\n"
            "conf.d/a.yml: warning: not read, as its name does not end in .yaml\n"
            "jeton.yaml:1:10: this configuration has version 2, this jeton reads version 1; use a "
            "newer jeton\n");
}

static void test_defined_twice(void **state)
{
    (void)state;
    assert_int_equal(mkdir("conf.d", 0700), 0);
    folder_put("jeton.yaml", 0600,
               "version: 1\nstate: a\nconnectors:\n  c: " CONNECTOR "\njobs: {j: {script: a}}\n");
    folder_put("conf.d/a.yaml", 0600,
               "history: {keep: 1}\nstate: b\nconnectors:\n  c: " CONNECTOR "\n");
    folder_put("conf.d/b.yaml", 0600,
               "history: {days: 1}\njobs: {c: {script: a}, j: {script: b}}\n");
    refused("jeton.yaml",
            "conf.d/a.yaml:2:1: key 'state' is defined twice; it is at jeton.yaml:2:1 already\n"
            "conf.d/a.yaml:4:3: connector 'c' is defined twice; it is at jeton.yaml:4:3 already\n"
            "conf.d/b.yaml:1:1: key 'history' is defined twice; it is at conf.d/a.yaml:1:1 "
            "already\n"
            "conf.d/b.yaml:2:24: job 'j' is defined twice; it is at jeton.yaml:5:8 already\n");
}

static void test_a_name_is_the_home_of_all(void **state)
{
    (void)state;
    const char *const files[] = {"version: 1\nname: shop-1\njobs: {j: {script: a}}\n",
                                 "version: 1\njobs: {j: {script: a}}\n"};
    assert_int_equal(mkdir("conf.d", 0700), 0);
    folder_put("conf.d/a.yaml", 0600, "connectors:\n  c: " CONNECTOR "\n");
    for (size_t i = 0; i < 2; i++) {
        folder_put("jeton.yaml", 0600, files[i]);
        struct config *config = load("jeton.yaml");
        const struct connector *connector = config->connectors[0];
        assert_string_equal(connector->home, i == 0 ? "name:shop-1" : connector->file);
        assert_string_equal(config->jobs[0].home, i == 0 ? "name:shop-1" : config->jobs[0].file);
        assert_string_equal(config->files[0], config->jobs[0].file);
        assert_non_null(strstr(config->files[1], "/conf.d/"));
        assert_string_equal(config->files[2], connector->file);
        assert_null(config->files[3]);
        assert_string_equal(config->homes[0], i == 0 ? "name:shop-1" : config->files[0]);
        config_free(config);
    }
}

static void test_names_that_are_none(void **state)
{
    (void)state;
    assert_int_equal(mkdir("conf.d", 0700), 0);
    folder_put("jeton.yaml", 0600, "version: 1\nname: a/b\n");
    folder_put("conf.d/a.yaml", 0600, "name: b\n");
    refused(
        "jeton.yaml",
        "conf.d/a.yaml:1:7: 'name' belongs in the main file, jeton.yaml, because it is for the "
        "whole "
        "configuration\n"
        "jeton.yaml:2:7: 'a/b' cannot be the name of a configuration; expected 1 to 64 letters, "
        "digits, '_' and '-', a letter or digit first\n");
}

static void test_references_cross_files(void **state)
{
    (void)state;
    assert_int_equal(mkdir("conf.d", 0700), 0);
    folder_put("jeton.yaml", 0600,
               "version: 1\njobs:\n  good: { script: a, connector: contoso }\n"
               "  bad: { script: a, connector: contso, on_failure: { message: { connector: cont, "
               "group: G } } }\n");
    folder_put("conf.d/a.yaml", 0600, "connectors: { contoso: " CONNECTOR " }\n");
    refused("jeton.yaml",
            "jeton.yaml:4:32: unknown connector 'contso' in job 'bad'; did you mean 'contoso'?\n"
            "jeton.yaml:4:76: unknown connector 'cont' in on_failure of job 'bad'\n");
}

static void test_modes(void **state)
{
    (void)state;
    assert_int_equal(mkdir("conf.d", 0700), 0);
    folder_put("jeton.yaml", 0666, "version: 1\n");
    folder_put("conf.d/a.yaml", 0646, "jobs:\n");
    refused("jeton.yaml",
            "conf.d/a.yaml: group or others can write it; run: chmod go-w conf.d/a.yaml\n"
            "jeton.yaml: group or others can write it; run: chmod go-w jeton.yaml\n");
    folder_put("conf.d/a.yaml", 0600, "jobs:\n");
    folder_put("jeton.yaml", 0640,
               "version: 1\nconnectors: { c: { token_service: https://k.example.org, "
               "application_id: {env: ID}, application_secret: Pl4in-text } }\n");
    refused("jeton.yaml", "jeton.yaml: it holds a secret in plain text (connector 'c'), but group "
                          "or others can read it; run: chmod go-rwx jeton.yaml\n");
    assert_int_equal(chmod("jeton.yaml", 0600), 0);
    config_free(load("jeton.yaml"));
    folder_put("jeton.yaml", 0644,
               "version: 1\nname: n\nstate: { url: postgresql://a@b/c, key: " KEY_1 " }\n");
    refused("jeton.yaml",
            "jeton.yaml: it holds a secret in plain text (key of the state), but group "
            "or others can read it; run: chmod go-rwx jeton.yaml\n");
}

static void test_an_id_is_no_secret(void **state)
{
    (void)state;
    folder_put("jeton.yaml", 0644,
               "version: 1\nconnectors: { c: { token_service: https://k.example.org, "
               "application_id: plain-id, application_secret: {env: S} } }\n");
    config_free(load("jeton.yaml"));
}

static void test_secrets_of_our_own(void **state)
{
    (void)state;
    assert_int_equal(mkdir("conf.d", 0700), 0);
    assert_int_equal(mkdir("secrets", 0700), 0);
    assert_int_equal(symlink("secrets", "same"), 0);
    folder_put("jeton.yaml", 0600, "version: 1\n");
    folder_put("conf.d/a.yaml", 0600,
               "connectors: { c: { token_service: https://k.example.org, "
               "application_id: {file: ../other/id}, application_secret: {file: "
               "../secrets/c.secret}, refresh_token: {file: ../same/t} } }\n");
    struct config *config = load("jeton.yaml");
    assert_false(kaizala_connector_of(config->connectors[0])->application_id.private_file);
    assert_true(kaizala_connector_of(config->connectors[0])->application_secret.private_file);
    assert_true(kaizala_connector_of(config->connectors[0])->refresh_token.private_file);
    config_free(config);
    folder_put("jeton.yaml", 0600,
               "version: 1\nname: n\nstate: { url: postgresql://a@b/c, key: {file: secrets/key}, "
               "password: {file: other} }\n");
    config = load("jeton.yaml");
    assert_true(config->state_key.private_file);
    assert_false(config->state_password.private_file);
    config_free(config);
}

static void test_a_link_is_read_where_it_lies(void **state)
{
    const struct folder *folder = *state;
    assert_int_equal(mkdir("data", 0700), 0);
    folder_put("data/real.yaml", 0600, "version: 1\nstate: st\n");
    assert_int_equal(symlink("data/real.yaml", "jeton.yaml"), 0);
    char path[200];
    snprintf(path, sizeof path, "%s/st", folder->path);
    struct config *config = load("jeton.yaml");
    assert_string_equal(config->state->folder, path);
    config_free(config);
}

static void test_too_many_problems(void **state)
{
    (void)state;
    struct buf text;
    buf_create(&text, 100000);
    buf_puts(&text, "version: 1\n");
    for (int i = 0; i < PROBLEMS_MAX + 20; i++)
        buf_printf(&text, "key%d: 1\n", i);
    folder_put("jeton.yaml", 0600, text.data);
    struct problems problems;
    problems_create(&problems);
    assert_null(config_load("jeton.yaml", provider_list, NULL, &problems));
    assert_int_equal(problems.count, PROBLEMS_MAX);
    assert_int_equal(problems.omitted, 20);
    problems_destroy(&problems);
    buf_destroy(&text);
}

static void test_warnings_leave_room_for_errors(void **state)
{
    (void)state;
    struct problems problems;
    problems_create(&problems);
    for (int i = 0; i < PROBLEMS_MAX + 20; i++)
        problems_warn(&problems, "f", i, 1, "w%d", i);
    assert_int_equal(problems_errors(&problems), 0);
    for (int i = 0; i < PROBLEMS_MAX; i++)
        problems_add(&problems, "f", i, 2, "e%d", i);
    assert_int_equal(problems_errors(&problems), PROBLEMS_MAX);
    assert_int_equal(problems.count, PROBLEMS_MAX);
    assert_string_equal(problems.items[PROBLEMS_MAX - 1].message, "e99");
    problems_add(&problems, "f", 1, 2, "one more");
    assert_int_equal(problems_errors(&problems), PROBLEMS_MAX + 1);
    assert_int_equal(problems.omitted, PROBLEMS_MAX + 20 + 1);
    problems_destroy(&problems);
}

static void test_choose(void **state)
{
    const struct folder *folder = *state;
    char path[200], *chosen;
    setenv("JETON_CONFIG", "", 1);
    setenv("XDG_CONFIG_HOME", folder->path, 1);
    static const char *const order[] = {"jeton/jeton.yaml", "jeton.yaml"};
    assert_int_equal(mkdir("jeton", 0700), 0);
    for (size_t i = 0; i < 2; i++) {
        folder_put(order[i], 0600, "");
        chosen = config_choose(NULL);
        snprintf(path, sizeof path, "%s%s%s", i == 0 ? folder->path : "", i == 0 ? "/" : "",
                 order[i]);
        assert_string_equal(chosen, path);
        mem_free(chosen);
    }
    setenv("JETON_CONFIG", "from-environment", 1);
    chosen = config_choose(NULL);
    assert_string_equal(chosen, "from-environment");
    mem_free(chosen);
    chosen = config_choose("from-option");
    assert_string_equal(chosen, "from-option");
    mem_free(chosen);
    unsetenv("JETON_CONFIG");
}

static void shown(const char *path, const char *expected)
{
    char *text = path_show(path);
    assert_string_equal(text, expected);
    mem_free(text);
}

static void test_show_path(void **state)
{
    const struct folder *folder = *state;
    char path[200];
    snprintf(path, sizeof path, "%s/a/b", folder->path);
    shown(path, "a/b");
    snprintf(path, sizeof path, "%s-other/b", folder->path);
    shown(path, path);
    shown("./a", "a");
    shown("../a", "../a");
    shown("/etc/x", "/etc/x");
}

static void test_by_name(void **state)
{
    (void)state;
    folder_put("jeton.yaml", 0600,
               "version: 1\nconnectors: { contoso: " CONNECTOR ", fabrikam: " CONNECTOR
               " }\njobs: { report: { script: a } }\n");
    struct config *config = load("jeton.yaml");
    assert_string_equal(config_connector(config, "fabrikam", &err)->name, "fabrikam");
    assert_null(config_connector(config, NULL, &err));
    assert_string_equal(err.msg, "2 connectors are configured; name one of them, as in -C contoso");
    assert_null(config_only_connector(config, "kaizala", "`connector` of job 'a'", &err));
    assert_string_equal(err.msg, "2 connectors of provider kaizala are configured; set `connector` "
                                 "of job 'a', as in connector: contoso");
    assert_null(config_only_connector(config, "oauth2", NULL, &err));
    assert_string_equal(err.msg, "2 connectors are configured, and none is of provider 'oauth2'");
    assert_null(config_connector(config, "contosso", &err));
    assert_string_equal(err.msg, "unknown connector 'contosso'; did you mean 'contoso'?");
    assert_null(config_connector(config, "x", &err));
    assert_string_equal(err.msg, "unknown connector 'x'; there is 'contoso', among others");
    assert_null(config_job(config, "reprot", &err));
    assert_string_equal(err.msg, "unknown job 'reprot'; did you mean 'report'?");
    assert_int_equal(err.kind, ERR_CONFIG);
    config_free(config);
}

static void test_read_with_mistakes(void **state)
{
    (void)state;
    folder_put("jeton.yaml", 0600, "version: 1\nzzz: 1\njobs: { j: { script: a } }\n");
    struct problems problems;
    problems_create(&problems);
    struct config *config = config_read("jeton.yaml", provider_list, NULL, &problems);
    assert_int_equal(problems_errors(&problems), 1);
    assert_int_equal(config->njobs, 1);
    assert_non_null(config->state->folder);
    config_free(config);
    problems_destroy(&problems);
}

static void masked(const struct redact *redact, const char *text, const char *expected)
{
    struct buf out;
    buf_create(&out, 1000);
    redact_text(redact, text, strlen(text), &out);
    assert_string_equal(out.data, expected);
    buf_destroy(&out);
}

/* Of connectors, wherever a variable is set; of the state, which are nobody's. */
static void test_all_secrets_are_known(void **state)
{
    (void)state;
    unsetenv("SECRET");
    setenv("PASSWORD", "of-the-database", 1);
    folder_put("state.key", 0600, "# the first seals\n" KEY_1 "\n\n " KEY_2 "\r\n");
    folder_put("jeton.yaml", 0600,
               "version: 1\n"
               "name: reports\n"
               "state: { url: postgresql://a@b/c, password: {env: PASSWORD}, "
               "key: {file: state.key} }\n"
               "connectors:\n"
               "  c: " CONNECTOR "\n"
               "jobs:\n"
               "  j: { script: a, environment: { SECRET: set-by-a-job } }\n"
               "webhooks:\n"
               "  h: { script: a, secret: sesame-1, environment: { SECRET: set-by-a-hook },\n"
               "       verify: { kind: hmac, in: 'header:X' } }\n");
    struct config *config = load("jeton.yaml");
    struct redact *redact = redact_new();
    config_hide(config, redact);
    masked(redact, "set-by-a-job, set-by-a-hook, of-the-database, sesame-1",
           "********, ********, ********, ********");
    masked(redact, KEY_1, KEY_1); /* no file was read */
    config_hide_files(config, redact);
    masked(redact, "the first seals " KEY_1 " " KEY_2, "the first seals ******** ********");
    config_free(config);
    redact_free(redact);
    unsetenv("PASSWORD");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_set_up, folder_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_everything),
        TEST(test_shared_spaces),
        TEST(test_defaults),
        TEST(test_without_a_file),
        TEST(test_files_beside_it),
        TEST(test_files_beside_it_of_other_names),
        TEST(test_defined_twice),
        TEST(test_a_name_is_the_home_of_all),
        TEST(test_names_that_are_none),
        TEST(test_references_cross_files),
        TEST(test_modes),
        TEST(test_an_id_is_no_secret),
        TEST(test_secrets_of_our_own),
        TEST(test_a_link_is_read_where_it_lies),
        TEST(test_too_many_problems),
        TEST(test_warnings_leave_room_for_errors),
        TEST(test_choose),
        TEST(test_show_path),
        TEST(test_by_name),
        TEST(test_read_with_mistakes),
        TEST(test_all_secrets_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
