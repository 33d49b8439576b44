/* The zones of many jobs, each read once. */
#ifndef JETON_ZONES_H
#define JETON_ZONES_H

#include "zone.h"

#include <stddef.h>

struct zones { /* zeroed: none */
    struct zone **items;
    char **names; /* as they were asked for; NULL: local time */
    size_t count;
};

/* As zone_new, but the zone stays `zones`'. */
struct zone *zones_get(struct zones *zones, const char *name, struct err *err);
bool zones_refresh(struct zones *zones); /* zone_refresh of each: whether one is true */
void zones_destroy(struct zones *zones);

#endif
