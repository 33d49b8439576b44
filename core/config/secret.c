#include "secret.h"

#include "ascii.h"
#include "clock.h"
#include "mem.h"
#include "path.h"
#include "process.h"
#include "safefile.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void secret_destroy(struct secret *secret)
{
    mem_free_secret(secret->text);
    mem_free_secret(secret->value);
    mem_freev(secret->command);
    mem_free(secret->name);
    *secret = (struct secret){0};
}

/* In place. */
static void strip(const struct secret *secret, struct buf *value)
{
    size_t len = value->len;
    const char *start = secret_trim(secret, value->data, &len);
    buf_drop(value, (size_t)(start - value->data));
    while (value->len > len)
        value->data[--value->len] = '\0';
}

/* What a key's lines end with is no control character. */
static bool has_control(const struct secret *secret, const char *value, size_t len)
{
    bool found = false;
    for (size_t i = 0; i < len && !found; i++)
        found = ascii_is_control(value[i]) &&
                !(secret->is_key && (value[i] == '\n' || value[i] == '\r' || value[i] == '\t'));
    return found;
}

int secret_read_pipe(struct secret *secret, struct err *err)
{
    struct stat st;
    struct buf value;
    if (stat(secret->text, &st) != 0 || !S_ISFIFO(st.st_mode))
        return 0;
    buf_create_secret(&value, SECRET_BYTES_MAX);
    int result = safefile_read(secret->text, SAFEFILE_OR_PIPE, &value, err);
    if (result == 0) {
        strip(secret, &value);
        result = secret_check_value(secret, value.data, value.len, err);
    }
    secret->value = buf_take(&value);
    return result;
}

int secret_check_value(const struct secret *secret, const char *value, size_t len, struct err *err)
{
    if (len == 0)
        return err_set(err, ERR_CONFIG, "it is empty");
    if (has_control(secret, value, len) && secret->is_key)
        return err_set(err, ERR_CONFIG,
                       "it holds a control character; expected PEM, which is text");
    if (has_control(secret, value, len))
        return err_set(err, ERR_CONFIG, "it holds a control character; expected one line of text");
    /* IDs are short at some services (Strava's have five digits); it is no loss if one is seen. */
    if (len < REDACT_MIN_BYTES && !secret->is_id)
        return err_set(err, ERR_CONFIG,
                       "it is shorter than %d bytes; such a secret could not be masked",
                       REDACT_MIN_BYTES);
    return 0;
}

static enum safefile_rule file_rule(const struct secret *secret)
{
    return secret->private_file ? SAFEFILE_PRIVATE : SAFEFILE_NOT_WRITABLE;
}

/* systemd puts a service's credentials into a folder of files. NULL where there is none
 * (mem_free). */
static char *credential_path(const struct secret *secret)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    if (folder == NULL || folder[0] != '/')
        return NULL;
    return mem_printf("%s/%s", folder, secret->text);
}

char *secret_path(const struct secret *secret)
{
    if (secret->kind == SECRET_CREDENTIAL)
        return credential_path(secret);
    return secret->kind == SECRET_FILE ? mem_strdup(secret->text) : NULL;
}

const char *secret_at_hand(const struct secret *secret)
{
    if (secret->kind == SECRET_PLAIN)
        return secret->text;
    return secret->kind == SECRET_ENV ? getenv(secret->text) : secret->value;
}

static int read_env(const struct secret *secret, struct buf *out, struct err *err)
{
    const char *value = getenv(secret->text);
    if (value == NULL)
        return err_set(err, ERR_CONFIG, "environment variable %s is not set", secret->text);
    if (buf_puts(out, value) != 0)
        return err_set(err, ERR_CONFIG, "environment variable %s is larger than %zu bytes",
                       secret->text, SECRET_BYTES_MAX);
    return 0;
}

/* err says that the file at path cannot be opened. */
static void advise(const struct secret *secret, const char *path, struct err *err)
{
    if (secret->absent != NULL && access(path, F_OK) != 0)
        err_advise(err, "%s", secret->absent);
}

/* Under the name that the user would type. */
static int read_file(const struct secret *secret, struct buf *out, struct err *err)
{
    if (secret->value != NULL)
        return buf_puts(out, secret->value);
    char *path = path_show(secret->text);
    int result = safefile_read(path, file_rule(secret), out, err);
    if (result != 0)
        advise(secret, path, err);
    mem_free(path);
    return result;
}

static int read_credential(const struct secret *secret, struct buf *out, struct err *err)
{
    char *path = credential_path(secret);
    if (path == NULL)
        return err_set(err, ERR_CONFIG,
                       "credential '%s' needs $CREDENTIALS_DIRECTORY, which systemd sets for a "
                       "service with LoadCredential=",
                       secret->text);
    int result = safefile_read(path, SAFEFILE_NOT_WRITABLE, out, err);
    mem_free(path);
    return result;
}

static int read_command(const struct secret *secret, int64_t deadline_ms, struct buf *out,
                        struct err *err)
{
    int64_t limit_ms = clock_mono_ms() + SECRET_COMMAND_TIMEOUT_MS;
    bool own_limit = deadline_ms == 0 || limit_ms <= deadline_ms;
    if (process_output(secret->command, own_limit ? limit_ms : deadline_ms, out, err) == 0)
        return 0;
    if (err->kind == ERR_DEADLINE && own_limit) {
        err_set(err, ERR_CONFIG, "'%s': it took longer than %d s", secret->command[0],
                SECRET_COMMAND_TIMEOUT_MS / 1000);
        err->retryable = true;
    }
    return err_wrap(err, "command");
}

static int read_value(const struct secret *secret, int64_t deadline_ms, struct buf *out,
                      struct err *err)
{
    switch (secret->kind) {
    case SECRET_NONE:
        break;
    case SECRET_PLAIN:
        if (buf_puts(out, secret->text) != 0)
            return err_set(err, ERR_CONFIG, "it is larger than %zu bytes", SECRET_BYTES_MAX);
        return 0;
    case SECRET_ENV:
        return read_env(secret, out, err);
    case SECRET_FILE:
        return read_file(secret, out, err);
    case SECRET_COMMAND:
        return read_command(secret, deadline_ms, out, err);
    case SECRET_CREDENTIAL:
        return read_credential(secret, out, err);
    }
    return err_set(err, ERR_CONFIG, "it is not configured");
}

/* As it is used. */
static int read_checked(const struct secret *secret, int64_t deadline_ms, struct buf *out,
                        struct err *err)
{
    if (read_value(secret, deadline_ms, out, err) != 0)
        return -1;
    strip(secret, out);
    return secret_check_value(secret, out->data, out->len, err);
}

int secret_read(const struct secret *secret, struct redact *redact, int64_t deadline_ms,
                struct buf *out, struct err *err)
{
    struct buf value;
    buf_create_secret(&value, SECRET_BYTES_MAX);
    int result = read_checked(secret, deadline_ms, &value, err);
    if (result == 0) {
        secret_hide(secret, value.data, value.len, NULL, redact);
        result = buf_append(out, value.data, value.len);
        if (result != 0)
            err_set(err, ERR_CONFIG, "it is larger than %zu bytes", out->limit);
    }
    if (result != 0) {
        err_wrap(err, "%s", secret->name != NULL ? secret->name : "a secret");
        err->named = secret->name != NULL;
        if (secret->file != NULL && secret->line > 0)
            err_wrap(err, "%s:%d:%d", secret->file, secret->line, secret->col);
    }
    buf_destroy(&value);
    return result;
}

static void report(const struct secret *secret, struct problems *problems, bool warning,
                   const char *message)
{
    const char *name = secret->name != NULL ? secret->name : "a secret";
    if (warning)
        problems_warn(problems, secret->file, secret->line, secret->col, "%s: %s", name, message);
    else
        problems_add(problems, secret->file, secret->line, secret->col, "%s: %s", name, message);
}

/* Nothing keeps or shows the value. */
static void check_value(const struct secret *secret, bool warning, struct problems *problems)
{
    struct buf value;
    struct err err;
    err_clear(&err);
    buf_create_secret(&value, SECRET_BYTES_MAX);
    if (read_checked(secret, 0, &value, &err) != 0)
        report(secret, problems, warning, err.msg);
    buf_destroy(&value);
}

static void check_file(const struct secret *secret, const char *path, bool warn_readable,
                       struct problems *problems)
{
    struct err err;
    struct stat st;
    check_value(secret, false, problems);
    if (!warn_readable || stat(path, &st) != 0 || !(st.st_mode & (S_IRGRP | S_IROTH)) ||
        safefile_check_mode(path, &st, file_rule(secret), &err) != 0)
        return;
    err_clear(&err);
    if (safefile_check_mode(path, &st, SAFEFILE_PRIVATE, &err) == 0)
        err_set(&err, ERR_CONFIG, "%s: " SAFEFILE_GROUP, path);
    report(secret, problems, true, err.msg);
}

bool secret_finds_program(const char *path, const char *program)
{
    bool found = false;
    while (path != NULL && *path != '\0' && !found) {
        size_t len = strcspn(path, ":");
        char *candidate = mem_printf("%.*s/%s", (int)len, path, program);
        found = len > 0 && access(candidate, X_OK) == 0;
        mem_free(candidate);
        path += len + (path[len] == ':');
    }
    return found;
}

static void check_command(const struct secret *secret, struct problems *problems)
{
    const char *program = secret->command[0];
    bool by_path = strchr(program, '/') != NULL;
    char *message = NULL;
    if (by_path && access(program, X_OK) != 0)
        message = mem_printf("command '%s': %s", program, strerror(errno));
    else if (!by_path && !secret_finds_program(getenv("PATH"), program))
        message = mem_printf("command '%s' is not found in $PATH", program);
    if (message != NULL) /* another PATH, as cron's, may have it */
        report(secret, problems, !by_path, message);
    mem_free(message);
}

void secret_check(const struct secret *secret, struct problems *problems)
{
    char *message = NULL;
    switch (secret->kind) {
    case SECRET_NONE:
    case SECRET_PLAIN: /* its value was looked at when the configuration was read */
        break;
    case SECRET_ENV:
        if (getenv(secret->text) == NULL)
            message = mem_printf("environment variable %s is not set here", secret->text);
        else /* another environment may have another value */
            check_value(secret, true, problems);
        break;
    case SECRET_FILE: {
        if (secret->value != NULL)
            break; /* as for a plain one */
        char *path = path_show(secret->text);
        check_file(secret, path, true, problems);
        mem_free(path);
        break;
    }
    case SECRET_COMMAND:
        check_command(secret, problems);
        break;
    case SECRET_CREDENTIAL: {
        char *path = credential_path(secret);
        if (path != NULL)
            check_file(secret, path, false, problems);
        else
            message =
                mem_printf("credential '%s': $CREDENTIALS_DIRECTORY is not set here", secret->text);
        mem_free(path);
        break;
    }
    }
    if (message != NULL)
        report(secret, problems, true, message);
    mem_free(message);
}

void secret_hide_at_hand(const struct secret *secret, const char *owner, struct redact *redact)
{
    const char *value = secret_at_hand(secret);
    if (value != NULL)
        secret_hide(secret, value, strlen(value), owner, redact);
}

void secret_hide_file(const struct secret *secret, const char *owner, struct redact *redact)
{
    struct buf value;
    struct err ignored;
    if (secret->kind != SECRET_FILE && secret->kind != SECRET_CREDENTIAL)
        return;
    buf_create_secret(&value, SECRET_BYTES_MAX);
    if (secret_read(secret, NULL, 0, &value, &ignored) == 0)
        secret_hide(secret, value.data, value.len, owner, redact);
    buf_destroy(&value);
}
