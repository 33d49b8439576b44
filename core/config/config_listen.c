/* Where jeton listens: the mapping `listen`. */
#include "config_field.h"
#include "config_file.h"
#include "hook.h"
#include "host.h"
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT(member) offsetof(struct hook_listen, member)

#define ADDRESS(key, words)                                                                        \
    {                                                                                              \
        .name = key, .type = SCHEMA_CUSTOM, .parse = parse_address, .expected = (words)            \
    }

static void parse_address(const struct schema_walk *walk, const struct schema_field *field,
                          const struct yaml_node *node, void *target)
{
    struct hook_listen *listen = target;
    const char *text = config_text(walk, field, node);
    bool metrics = strcmp(field->name, "metrics") == 0;
    if (text == NULL || (metrics && strcmp(text, "none") == 0))
        return;
    if (!host_read_address(text, metrics ? &listen->metrics_host : &listen->host,
                           metrics ? &listen->metrics_port : &listen->port))
        schema_problem(walk, node, "'%s' of %s must be %s", field->name, walk->what,
                       field->expected);
    else if (metrics && !host_is_loopback(listen->metrics_host))
        schema_problem(walk, node, "'%s' of %s must be an address of this machine, as 127.0.0.1",
                       field->name, walk->what);
}

static const struct schema_field listen_fields[] = {
    ADDRESS("address", "HOST:PORT, such as 127.0.0.1:8490 or [::1]:0"),
    ADDRESS("metrics", "none, or HOST:PORT, such as 127.0.0.1:8491"),
    {.name = "certificate", .type = SCHEMA_PATH, .offset = AT(certificate)},
    {.name = "key", .type = SCHEMA_PATH, .offset = AT(key)},
    {.name = "grace",
     .type = SCHEMA_DURATION,
     .offset = AT(grace_ms),
     .max = CONFIG_LISTEN_GRACE_MAX_MS},
    {.name = "max_connections",
     .type = SCHEMA_INTEGER,
     .offset = AT(max_connections),
     .min = 1,
     .max = CONFIG_LISTEN_CONNECTIONS_MAX},
    {.name = "behind_proxy", .type = SCHEMA_BOOL, .offset = AT(behind_proxy)},
    {0},
};

void config_listen_parse(const struct schema_walk *walk, const struct schema_field *field,
                         const struct yaml_node *node, void *target)
{
    struct hook_listen *listen = target;
    (void)field;
    schema_read(walk, listen_fields, "listen", node, listen);
    if ((listen->certificate != NULL) != (listen->key != NULL))
        schema_problem(walk, node, "listen has one of 'certificate' and 'key'; both are needed");
    else if (!hook_listen_is_private(listen))
        schema_problem(walk, node,
                       "listen: %s can be reached by others, who could read along; it needs "
                       "'certificate' and 'key', or behind_proxy: true where TLS ends before it",
                       listen->host);
}
