#include "zones.h"

#include "mem.h"

#include <string.h>

static bool is_named(const char *known, const char *name)
{
    return known == NULL || name == NULL ? known == name : strcmp(known, name) == 0;
}

struct zone *zones_get(struct zones *zones, const char *name, struct err *err)
{
    for (size_t i = 0; i < zones->count; i++) {
        if (is_named(zones->names[i], name))
            return zones->items[i];
    }
    struct zone *zone = zone_new(name, err);
    if (zone == NULL)
        return NULL;
    zones->items = mem_realloc(zones->items, (zones->count + 1) * sizeof *zones->items);
    zones->names = mem_realloc(zones->names, (zones->count + 1) * sizeof *zones->names);
    zones->names[zones->count] = mem_strdup(name);
    return zones->items[zones->count++] = zone;
}

bool zones_refresh(struct zones *zones)
{
    bool any = false;
    for (size_t i = 0; i < zones->count; i++)
        any = zone_refresh(zones->items[i]) || any;
    return any;
}

void zones_destroy(struct zones *zones)
{
    for (size_t i = 0; i < zones->count; i++) {
        zone_free(zones->items[i]);
        mem_free(zones->names[i]);
    }
    mem_free(zones->items);
    mem_free(zones->names);
    *zones = (struct zones){0};
}
