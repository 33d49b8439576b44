#include "config.h"

#include "hook.h"
#include "mem.h"
#include "nearest.h"

#include <string.h>

const struct connector *config_find_connector(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->nconnectors; i++) {
        if (strcmp(config->connectors[i]->name, name) == 0)
            return config->connectors[i];
    }
    return NULL;
}

const char *config_nearest_connector(const struct config *config, const char *name)
{
    const char **names = mem_alloc((config->nconnectors + 1) * sizeof *names);
    for (size_t i = 0; i < config->nconnectors; i++)
        names[i] = config->connectors[i]->name;
    const char *nearest = nearest_name(name, names, config->nconnectors);
    mem_free(names);
    return nearest;
}

static void say_none(const struct config *config, struct err *err)
{
    if (config->path != NULL)
        err_set(err, ERR_CONFIG, "no connector is configured in %s", config->path);
    else
        err_set(err, ERR_CONFIG,
                "no connector is configured: there is no jeton.yaml here, in ~/.config/jeton "
                "or /etc/jeton; name one by -c, or try the script with jeton run --sandbox");
}

const struct connector *config_only_connector(const struct config *config, const char *provider,
                                              const char *key, struct err *err)
{
    const struct connector *first = NULL;
    size_t count = 0;
    for (size_t i = 0; i < config->nconnectors; i++) {
        const struct connector *connector = config->connectors[i];
        if (provider == NULL || strcmp(connector->provider->name, provider) == 0)
            first = count++ == 0 ? connector : first;
    }
    if (count == 1 || config->nconnectors == 1)
        return count == 1 ? first : config->connectors[0];
    if (config->nconnectors == 0)
        say_none(config, err);
    else if (count == 0)
        err_set(err, ERR_CONFIG, "%zu connectors are configured, and none is of provider '%s'",
                config->nconnectors, provider);
    else
        err_set(err, ERR_CONFIG, "%zu connectors%s%s are configured; %s%s, as in %s%s", count,
                provider != NULL ? " of provider " : "", provider != NULL ? provider : "",
                key != NULL ? "set " : "name one of them", key != NULL ? key : "",
                key != NULL ? "connector: " : "-C ", first->name);
    return NULL;
}

const struct connector *config_connector(const struct config *config, const char *name,
                                         struct err *err)
{
    if (name == NULL)
        return config_only_connector(config, NULL, NULL, err);
    const struct connector *found = config_find_connector(config, name);
    if (found != NULL)
        return found;
    if (config->nconnectors == 0) {
        say_none(config, err);
        return NULL;
    }
    const char *nearest = config_nearest_connector(config, name);
    err_set(err, ERR_CONFIG, "unknown connector '%s'; %s '%s'%s", name,
            nearest != NULL ? "did you mean" : "there is",
            nearest != NULL ? nearest : config->connectors[0]->name,
            nearest != NULL           ? "?"
            : config->nconnectors > 1 ? ", among others"
                                      : "");
    return NULL;
}

const char *config_home(const struct config *config)
{
    if (config->home != NULL)
        return config->home;
    return config->files != NULL ? config->files[0] : "";
}

const struct job *config_job(const struct config *config, const char *name, struct err *err)
{
    const char **names = mem_alloc((config->njobs + 1) * sizeof *names);
    const struct job *found = NULL;
    for (size_t i = 0; i < config->njobs; i++) {
        names[i] = config->jobs[i].name;
        if (strcmp(names[i], name) == 0)
            found = &config->jobs[i];
    }
    const char *nearest = found == NULL ? nearest_name(name, names, config->njobs) : NULL;
    if (nearest != NULL)
        err_set(err, ERR_CONFIG, "unknown job '%s'; did you mean '%s'?", name, nearest);
    else if (found == NULL && config->njobs == 0)
        err_set(err, ERR_CONFIG, "unknown job '%s'; %s has no jobs", name,
                config->path != NULL ? config->path : "the configuration");
    else if (found == NULL)
        err_set(err, ERR_CONFIG, "unknown job '%s'; there is '%s'%s", name, names[0],
                config->njobs > 1 ? ", among others" : "");
    mem_free(names);
    return found;
}

const struct hook *config_hook(const struct config *config, const char *name, struct err *err)
{
    const char **names = mem_alloc((config->nhooks + 1) * sizeof *names);
    const struct hook *found = NULL;
    for (size_t i = 0; i < config->nhooks; i++) {
        names[i] = config->hooks[i]->name;
        if (strcmp(names[i], name) == 0)
            found = config->hooks[i];
    }
    const char *nearest = found == NULL ? nearest_name(name, names, config->nhooks) : NULL;
    if (nearest != NULL)
        err_set(err, ERR_CONFIG, "unknown webhook '%s'; did you mean '%s'?", name, nearest);
    else if (found == NULL && config->nhooks == 0)
        err_set(err, ERR_CONFIG, "unknown webhook '%s'; %s has no webhooks", name,
                config->path != NULL ? config->path : "the configuration");
    else if (found == NULL)
        err_set(err, ERR_CONFIG, "unknown webhook '%s'; there is '%s'%s", name, names[0],
                config->nhooks > 1 ? ", among others" : "");
    mem_free(names);
    return found;
}
