/* map.h: a hash map from text (bytes with a length) to a pointer, in an arena; insertion order is
 * kept.
 *
 * Lookups are O(1) whatever the keys: the hash is seeded and mixed well enough that names cannot be
 * chosen against it.
 */
#ifndef TFCC_SUPPORT_MAP_H
#define TFCC_SUPPORT_MAP_H

#include "support/arena.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct MapEntry {
    const char *key; /* NUL-terminated copy in the arena */
    size_t key_length;
    uint64_t hash;
    void *value;
} MapEntry;

typedef struct Map {
    Arena *arena;
    MapEntry *entries; /* in order of insertion */
    size_t count, capacity;
    uint32_t *slots; /* index + 1 of an entry, 0 = empty */
    size_t slot_count;
} Map;

Map map_create(Arena *arena);
/* The entry of the key, or NULL. */
MapEntry *map_find(const Map *map, const char *key, size_t key_length);
/* The entry of the key, made with a NULL value where it was missing; *added (may be NULL) tells
 * which. Entries move on the next insertion. */
MapEntry *map_insert(Map *map, const char *key, size_t key_length, bool *added);
/* Shorthands for C strings: the value, or NULL. */
void *map_get(const Map *map, const char *key);
void map_set(Map *map, const char *key, void *value);

/* A hash that is the same in every process, for what ends up in an output. Maps use another, seeded
 * at random. */
uint64_t hash_bytes(const void *bytes, size_t length);

/* The entry whose key is the nearest misspelling of `name` (edit distance with transpositions at
 * most a third of the longer length), or NULL; for "did you mean". Looks at every key, so it is
 * asked only for errors that will be shown. */
const MapEntry *map_nearest(const Map *map, const char *name);
/* The same distance for two texts, bounded: gives bound + 1 when it is larger. */
size_t edit_distance(const char *a, const char *b, size_t bound);

#endif
