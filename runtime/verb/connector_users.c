#include "connector_users.h"

#include "config_job.h"
#include "connector.h"
#include "hook.h"

#include <string.h>
#include <sys/stat.h>

static bool is(const char *named, const char *connector)
{
    return named != NULL && strcmp(named, connector) == 0;
}

void connector_users(const struct config *config, const char *connector, connector_user_fn *fn,
                     void *arg)
{
    for (size_t i = 0; i < config->njobs; i++) {
        const struct job *job = &config->jobs[i];
        if (is(job->connector, connector) || is(job->on_failure.connector, connector) ||
            is(job->on_recovery.connector, connector))
            fn(arg, CONNECTOR_USER_JOB, job->name);
    }
    for (size_t i = 0; i < config->nhooks; i++) {
        if (is(config->hooks[i]->connector, connector))
            fn(arg, CONNECTOR_USER_HOOK, config->hooks[i]->name);
    }
    for (size_t i = 0; i < config->nconnectors; i++) {
        if (is(config->connectors[i]->token_of, connector))
            fn(arg, CONNECTOR_USER_LENT, config->connectors[i]->name);
    }
}

static bool is_read_by(const struct secret *secret, const struct stat *file)
{
    struct stat read;
    return secret->kind == SECRET_FILE && stat(secret->text, &read) == 0 &&
           read.st_dev == file->st_dev && read.st_ino == file->st_ino;
}

const struct secret *connector_users_of_file(const struct config *config,
                                             const struct connector *except, const char *path)
{
    struct stat file;
    const struct secret *secret;
    if (stat(path, &file) != 0)
        return NULL;
    for (size_t i = 0; i < config->nconnectors; i++) {
        const struct connector *other = config->connectors[i];
        for (size_t n = 0; (secret = connector_secret_at(other, n)) != NULL; n++) {
            if (other != except && is_read_by(secret, &file))
                return secret;
        }
    }
    for (size_t i = 0; i < config->nhooks; i++) {
        for (size_t n = 0; (secret = hook_secret_at(config->hooks[i], n)) != NULL; n++) {
            if (is_read_by(secret, &file))
                return secret;
        }
    }
    if (is_read_by(&config->state_key, &file))
        return &config->state_key;
    return is_read_by(&config->state_password, &file) ? &config->state_password : NULL;
}
