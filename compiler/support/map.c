#include "support/map.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

/* SipHash-1-3 of Aumasson and Bernstein: keyed, so that colliding names cannot be chosen ahead. */
typedef struct HashKey {
    uint64_t low, high;
} HashKey;

static uint64_t rotate(uint64_t word, int by) {
    return word << by | word >> (64 - by);
}

static void hash_round(uint64_t v[4]) {
    v[0] += v[1], v[1] = rotate(v[1], 13) ^ v[0], v[0] = rotate(v[0], 32);
    v[2] += v[3], v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3], v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1], v[1] = rotate(v[1], 17) ^ v[2], v[2] = rotate(v[2], 32);
}

static uint64_t hash_with_key(HashKey key, const void *bytes, size_t length) {
    uint64_t v[4] = {key.low ^ 0x736f6d6570736575u, key.high ^ 0x646f72616e646f6du,
                     key.low ^ 0x6c7967656e657261u, key.high ^ 0x7465646279746573u};
    const unsigned char *cursor = bytes;
    size_t left = length;
    for (; left >= 8; left -= 8, cursor += 8) {
        uint64_t word;
        memcpy(&word, cursor, 8);
        v[3] ^= word;
        hash_round(v);
        v[0] ^= word;
    }
    uint64_t last = (uint64_t)length << 56;
    for (size_t i = 0; i < left; i++) last |= (uint64_t)cursor[i] << (8 * i);
    v[3] ^= last;
    hash_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++) hash_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static HashKey process_key(void) {
    static HashKey key;
    static bool made;
    if (!made) {
        if (getrandom(&key, sizeof key, GRND_NONBLOCK) != (ssize_t)sizeof key)
            key = (HashKey){(uint64_t)time(NULL) * 0x9e3779b97f4a7c15u, (uintptr_t)&key};
        made = true;
    }
    return key;
}

uint64_t hash_bytes(const void *bytes, size_t length) {
    return hash_with_key((HashKey){0, 0}, bytes, length);
}

Map map_create(Arena *arena) {
    return (Map){.arena = arena};
}

/* The slot of the key, or the empty one where it belongs. slot_count is a power of two and never
 * full. */
static size_t find_slot(const Map *map, uint64_t hash, const char *key, size_t length) {
    size_t mask = map->slot_count - 1;
    for (size_t slot = (size_t)hash & mask;; slot = (slot + 1) & mask) {
        if (map->slots[slot] == 0) return slot;
        const MapEntry *entry = &map->entries[map->slots[slot] - 1];
        if (entry->hash == hash && entry->key_length == length &&
            (length == 0 || memcmp(entry->key, key, length) == 0))
            return slot;
    }
}

static void double_slots(Map *map) {
    map->slot_count = map->slot_count ? 2 * map->slot_count : 16;
    map->slots = arena_alloc_array(map->arena, map->slot_count, sizeof *map->slots);
    size_t mask = map->slot_count - 1;
    for (size_t i = 0; i < map->count; i++) {
        size_t slot = (size_t)map->entries[i].hash & mask;
        while (map->slots[slot]) slot = (slot + 1) & mask;
        map->slots[slot] = (uint32_t)i + 1;
    }
}

MapEntry *map_find(const Map *map, const char *key, size_t key_length) {
    if (map->count == 0) return NULL;
    uint64_t hash = hash_with_key(process_key(), key, key_length);
    uint32_t index = map->slots[find_slot(map, hash, key, key_length)];
    return index ? &map->entries[index - 1] : NULL;
}

MapEntry *map_insert(Map *map, const char *key, size_t key_length, bool *added) {
    if (2 * (map->count + 1) > map->slot_count) double_slots(map);
    uint64_t hash = hash_with_key(process_key(), key, key_length);
    size_t slot = find_slot(map, hash, key, key_length);
    bool is_new = map->slots[slot] == 0;
    if (added) *added = is_new;
    if (!is_new) return &map->entries[map->slots[slot] - 1];
    MapEntry *entry = ARENA_PUSH(map->arena, map->entries, map->count, map->capacity);
    *entry = (MapEntry){arena_copy_text(map->arena, key, key_length), key_length, hash, NULL};
    map->slots[slot] = (uint32_t)map->count;
    return entry;
}

void *map_get(const Map *map, const char *key) {
    MapEntry *entry = map_find(map, key, strlen(key));
    return entry ? entry->value : NULL;
}

void map_set(Map *map, const char *key, void *value) {
    map_insert(map, key, strlen(key), NULL)->value = value;
}

enum { LONGEST_COMPARED = 128 };

/* row[j] is the distance between the first i bytes of a and the first j of b; the two rows before
 * serve insertions, replacements and transpositions. */
static size_t bounded_distance(const char *a, size_t n, const char *b, size_t m, size_t bound) {
    if (n > LONGEST_COMPARED || m > LONGEST_COMPARED || (n > m ? n - m : m - n) > bound)
        return bound + 1;
    size_t rows[3][LONGEST_COMPARED + 1];
    for (size_t j = 0; j <= m; j++) rows[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        size_t least = row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            if (above[j] + 1 < best) best = above[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                two_above[j - 2] + 1 < best)
                best = two_above[j - 2] + 1;
            row[j] = best;
            if (best < least) least = best;
        }
        if (least > bound + 1) return bound + 1; /* a transposition reaches two rows back */
    }
    size_t distance = rows[n % 3][m];
    return distance > bound ? bound + 1 : distance;
}

size_t edit_distance(const char *a, const char *b, size_t bound) {
    return bounded_distance(a, strlen(a), b, strlen(b), bound);
}

const MapEntry *map_nearest(const Map *map, const char *name) {
    const MapEntry *nearest = NULL;
    size_t length = strlen(name), nearest_distance = SIZE_MAX;
    for (size_t i = 0; i < map->count; i++) {
        const MapEntry *entry = &map->entries[i];
        size_t bound = (length > entry->key_length ? length : entry->key_length) / 3;
        size_t distance = bounded_distance(name, length, entry->key, entry->key_length, bound);
        if (distance <= bound && distance > 0 && distance < nearest_distance) {
            nearest = entry;
            nearest_distance = distance;
        }
    }
    return nearest;
}
