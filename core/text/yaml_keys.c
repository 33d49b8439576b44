#include "yaml_keys.h"

#include "mem.h"

#include <stdint.h>
#include <string.h>

#define FEW    16 /* each of them is compared with those before it */
#define PROBES 32 /* in a table that is at most half full: keys made to collide need more */

static bool same(const struct yaml_node *a, const struct yaml_node *b)
{
    return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

static bool few_repeat(const struct yaml_node *mapping)
{
    for (size_t i = 1; i < mapping->count; i++) {
        const struct yaml_node *key = mapping->pairs[i].key;
        for (size_t n = 0; n < i; n++) {
            if (same(mapping->pairs[n].key, key))
                return true;
        }
    }
    return false;
}

/* Keys that differ in their last digit are scattered as others are. */
static size_t hash(const struct yaml_node *key)
{
    uint64_t sum = key->len;
    for (size_t i = 0; i < key->len; i++)
        sum = sum * 31 + (unsigned char)key->text[i];
    return (size_t)(sum * UINT64_C(0x9E3779B97F4A7C15) >> 32);
}

/* False: it is in the table already, or there is no place near its own. */
static bool add(const struct yaml_node **table, size_t size, const struct yaml_node *key)
{
    size_t at = hash(key);
    for (int i = 0; i < PROBES; i++, at++) {
        const struct yaml_node **place = &table[at & (size - 1)];
        if (*place == NULL) {
            *place = key;
            return true;
        }
        if (same(*place, key))
            return false;
    }
    return false;
}

bool yaml_keys_repeat(const struct yaml_node *mapping)
{
    if (mapping->count <= FEW)
        return few_repeat(mapping);
    size_t size = 4 * (size_t)FEW;
    while (size < 2 * mapping->count)
        size *= 2;
    const struct yaml_node **table = mem_alloc(size * sizeof *table);
    size_t i = 0;
    while (i < mapping->count && add(table, size, mapping->pairs[i].key))
        i++;
    mem_free(table);
    return i < mapping->count;
}
