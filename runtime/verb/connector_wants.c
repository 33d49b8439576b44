#include "connector_wants.h"

#include "config_load.h"
#include "connector_text.h"
#include "mem.h"
#include "presets.h"
#include "provider_list.h"

#include <string.h>

#define PLACEHOLDER "placeholder" /* for values that are not known yet */
#define ID          0             /* in provider.given */
#define SECRET      1
#define REFRESH     2

static const struct provider *find_provider(const char *name)
{
    for (size_t i = 0; provider_list[i] != NULL; i++) {
        if (strcmp(provider_list[i]->name, name) == 0)
            return (const struct provider *)provider_list[i];
    }
    return provider_default;
}

static const char *text_of(const struct yaml_node *mapping, const char *key, const char *otherwise)
{
    const struct yaml_node *node = yaml_get(mapping, key);
    return node != NULL && node->kind == YAML_SCALAR ? node->text : otherwise;
}

/* A preset that is signed for, or exchanges another token: more than a line of text. */
static bool is_more(const char *grant, const char *auth)
{
    static const char *const grants[] = {"jwt_bearer", "app_jwt", "token_exchange"};
    for (size_t i = 0; i < sizeof grants / sizeof grants[0]; i++) {
        if (strcmp(grant, grants[i]) == 0)
            return true;
    }
    return strcmp(auth, "private_key_jwt") == 0 || strcmp(auth, "tls") == 0;
}

/* What the preset needs and nobody is asked for: " (params.account_id, key_id)"; or nothing. */
static void put_needs(const struct provider *provider, const struct yaml_node *needs,
                      struct buf *out)
{
    const char *before = " (";
    for (size_t i = 0; needs != NULL && needs->kind == YAML_SEQUENCE && i < needs->count; i++) {
        bool asked = needs->items[i]->kind != YAML_SCALAR;
        for (size_t n = 0; n < PROVIDER_GIVEN && !asked; n++)
            asked = strcmp(needs->items[i]->text, provider->given[n].key) == 0;
        if (!asked)
            buf_printf(out, "%s%s", before, needs->items[i]->text);
        before = asked ? before : ", ";
    }
    if (out->len > 0)
        buf_putc(out, ')');
}

static int want_preset(const struct connector_values *values, const struct yaml_node *root,
                       struct connector_wants *wants, struct err *err)
{
    const struct yaml_node *mapping = yaml_get(root, "connector");
    struct buf needs;
    buf_create(&needs, BUF_LIMIT_LINE);
    const char *grant = text_of(mapping, "grant", "refresh_token");
    const char *auth = text_of(mapping, "client_auth", "basic");
    wants->provider = find_provider(text_of(mapping, "provider", "oauth2"));
    put_needs(wants->provider, yaml_get(root, "needs"), &needs);
    bool more = needs.len > 0 || is_more(grant, auth);
    if (more)
        err_set(err, ERR_USAGE,
                "preset '%s' needs more than an ID, a secret and a refresh token%s: write the "
                "connector yourself; jeton presets %s, and jeton.yaml(5), say how",
                values->preset, needs.data, values->preset);
    buf_destroy(&needs);
    if (more)
        return -1;
    wants->need[ID] = wants->take[ID] = true;
    bool refreshes = strcmp(grant, "refresh_token") == 0;
    wants->take[SECRET] = strcmp(auth, "none") != 0;
    wants->need[SECRET] = wants->take[SECRET] && !refreshes; /* a person's client may be public */
    wants->need[REFRESH] = false;
    wants->take[REFRESH] = refreshes;
    return 0;
}

static int look(const struct app *app, const struct connector_values *values,
                struct connector_wants *wants, struct err *err)
{
    struct presets_names names;
    struct buf text;
    struct problems problems;
    problems_create(&problems);
    buf_create(&text, PRESET_BYTES_MAX);
    presets_names(app->presets, PRESET_SERVICE, &names);
    bool found = presets_check(&names, values->preset, err) == 0;
    struct yaml_doc *doc =
        found && app->presets->read(app->presets->data, PRESET_SERVICE, values->preset, &text)
            ? yaml_load(values->preset, text.data, text.len, &problems)
            : NULL;
    const struct yaml_node *root = doc != NULL ? yaml_root(doc) : NULL;
    int result = -1;
    if (root != NULL)
        result = want_preset(values, root, wants, err);
    else if (found) /* of $JETON_SCRIPTS */
        err_set(err, ERR_CONFIG, "preset '%s' cannot be read", values->preset);
    yaml_doc_free(doc);
    buf_destroy(&text);
    problems_destroy(&problems);
    return result;
}

struct connector *connector_wants_make(const struct app *app, const struct connector_values *values,
                                       struct err *err)
{
    struct buf text;
    struct problems problems;
    struct connector *connector = NULL;
    problems_create(&problems);
    buf_create_secret(&text, YAML_BYTES_MAX);
    if (connector_text_plain(values, &text, err) == 0)
        connector =
            config_connector_parse(text.data, text.len, provider_list, app->presets, &problems);
    for (size_t i = 0; i < problems.count; i++) {
        if (problems.items[i].warning)
            continue;
        err_set(err, ERR_USAGE, "%s", problems.items[i].message);
        connector_free(connector);
        connector = NULL;
        break;
    }
    buf_destroy(&text);
    problems_destroy(&problems);
    return connector;
}

int connector_wants_find(const struct app *app, struct connector_values *values,
                         struct connector_wants *wants, struct err *err)
{
    bool issuer = values->issuer != NULL;
    *wants = (struct connector_wants){.provider = find_provider(issuer ? "oauth2" : "kaizala"),
                                      .need = {true, !issuer, !issuer},
                                      .take = {true, true, true}};
    if (values->preset != NULL && look(app, values, wants, err) != 0)
        return -1;
    values->provider = wants->provider;
    if (values->service != NULL)
        return 0;
    /* Before anybody is asked for a secret. */
    struct connector_values trial = *values;
    for (size_t i = 0; i < PROVIDER_GIVEN; i++)
        trial.given[i] = wants->take[i] ? PLACEHOLDER : "";
    struct connector *connector = connector_wants_make(app, &trial, err);
    connector_free(connector);
    return connector != NULL ? 0 : -1;
}
