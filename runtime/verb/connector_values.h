/* What `jeton connector add` writes, and into which files. */
#ifndef JETON_CONNECTOR_VALUES_H
#define JETON_CONNECTOR_VALUES_H

#include "preset.h"
#include "provider.h"

struct connector_values {
    const char *name;
    const struct provider *provider;
    const struct config_presets *presets; /* of the configuration that it is added to */
    /* One of three: */
    const char *service; /* the token service's URL, no slash at its end */
    const char *preset;
    const char *issuer;
    /* NULL-terminated, or NULL: none. */
    const char *const *vars; /* "name=value" */
    const char *const *scope;
    const char *const *allow_hosts;
    bool public; /* no secret, where one could be: client_auth: none */
    const char
        *given[PROVIDER_GIVEN]; /* as the provider lists them; without a line's end; "": none */
};

#define CONNECTOR_SLOTS 2

struct connector_files {
    char *main; /* the configuration that they are beside */
    bool main_exists;
    char *folders[3]; /* the configuration's, conf.d, secrets */
    char *yaml;
    /* Each secret has one of two files: another value goes into the one that yaml does not name,
     * and yaml makes it known. */
    struct {
        char *paths[CONNECTOR_SLOTS];     /* NULL: the value stands in yaml */
        char *from_yaml[CONNECTOR_SLOTS]; /* the same as yaml names them */
        int slot;                         /* the one that is, or will be, in yaml */
    } secrets[PROVIDER_GIVEN];
    char *real; /* of yaml, resolved: the connector's file, as the state knows it */
};

#endif
