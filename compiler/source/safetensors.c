/* safetensors.c: weights as Hugging Face's libraries write them.
 *
 *     u64 length of the header | header, JSON | data
 *     {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, …, "__metadata__":
 * {"key": "text"}}
 *
 * Read strictly where reference and specification differ: the header begins with `{`, names are not
 * empty and stand once, a tensor has exactly these three fields, and the data is covered without
 * holes, overlaps or rest. */
#include "source/files_internal.h"
#include "source/json.h"
#include "support/checked.h"
#include "support/dtype.h"
#include <stdlib.h>
#include <string.h>

#define LONGEST_HEADER 100000000u

/* Of dtypes that tfcc does not have: they may stand in a file beside what is read. */
static const struct {
    const char *name;
    int bits;
} other_dtypes[] = {{"F4", 4}, {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"F8_E8M0", 8}, {"C64", 64}};

static int bits_of(const char *name) {
    tfcc_dtype dtype = dtype_from_safetensors_name(name);
    if (dtype != TFCC_NONE) return dtype_bits(dtype);
    for (size_t i = 0; i < sizeof other_dtypes / sizeof other_dtypes[0]; i++)
        if (strcmp(other_dtypes[i].name, name) == 0) return other_dtypes[i].bits;
    return 0;
}

typedef struct Parser {
    const TensorFile *file;
    JsonCursor json;
    Safetensors *result;
    SafetensorsEntry **entries; /* in the order of the header */
    size_t count, capacity;
    uint64_t data_start;
} Parser;

static bool damaged(const Parser *parser) {
    return tensor_file_error(parser->file, "its header is damaged at byte %zu",
                             8 + (size_t)(parser->json.at - (parser->file->bytes + 8)));
}

static bool take_shape(Parser *parser, SafetensorsEntry *entry, int64_t *elements) {
    if (!json_take(&parser->json, '[')) return damaged(parser);
    *elements = 1;
    for (bool first = true; !json_take(&parser->json, ']'); first = false) {
        int64_t size;
        if ((!first && !json_take(&parser->json, ',')) || !json_integer(&parser->json, &size))
            return damaged(parser);
        if (!checked_multiply(*elements, size, elements))
            return tensor_file_error(parser->file, "the shape of tensor `%s` is too large",
                                     entry->name);
        if (entry->rank < MAX_RANK) entry->dims[entry->rank] = size;
        entry->rank++;
    }
    return true;
}

static bool take_offsets(Parser *parser, SafetensorsEntry *entry) {
    int64_t begin, end;
    JsonCursor *json = &parser->json;
    if (!json_take(json, '[') || !json_integer(json, &begin) || !json_take(json, ',') ||
        !json_integer(json, &end) || !json_take(json, ']'))
        return damaged(parser);
    uint64_t room = parser->file->size - parser->data_start;
    if (begin > end || (uint64_t)end > room)
        return tensor_file_error(parser->file, "the bytes of tensor `%s` lie outside of the file",
                                 entry->name);
    entry->begin = parser->data_start + (uint64_t)begin;
    entry->end = parser->data_start + (uint64_t)end;
    return true;
}

/* {"dtype": …, "shape": …, "data_offsets": …} in any order */
static bool take_entry(Parser *parser, SafetensorsEntry *entry) {
    enum { DTYPE = 1, SHAPE = 2, OFFSETS = 4 };
    Arena *arena = parser->file->arena;
    int seen = 0;
    int64_t elements = 0, bits;
    size_t length;
    if (!json_take(&parser->json, '{')) return damaged(parser);
    for (bool first = true; !json_take(&parser->json, '}'); first = false) {
        if (!first && !json_take(&parser->json, ',')) return damaged(parser);
        const char *key = json_string(&parser->json, arena, &length);
        int field = !key                               ? 0
                    : strcmp(key, "dtype") == 0        ? DTYPE
                    : strcmp(key, "shape") == 0        ? SHAPE
                    : strcmp(key, "data_offsets") == 0 ? OFFSETS
                                                       : 0;
        if (!field || (seen & field) || !json_take(&parser->json, ':')) return damaged(parser);
        seen |= field;
        if (field == SHAPE && !take_shape(parser, entry, &elements)) return false;
        if (field == OFFSETS && !take_offsets(parser, entry)) return false;
        if (field != DTYPE) continue;
        entry->dtype_name = json_string(&parser->json, arena, &length);
        if (!entry->dtype_name) return damaged(parser);
        entry->bits = bits_of(entry->dtype_name);
        if (entry->bits == 0)
            return tensor_file_error(parser->file, "tensor `%s` has the unknown dtype `%s`",
                                     entry->name, entry->dtype_name);
    }
    if (seen != (DTYPE | SHAPE | OFFSETS)) return damaged(parser);
    if (!checked_multiply(elements, entry->bits, &bits) || bits % 8 != 0 ||
        (uint64_t)bits / 8 != entry->end - entry->begin)
        return tensor_file_error(parser->file,
                                 "the shape of tensor `%s` does not agree with its %llu bytes",
                                 entry->name, (unsigned long long)(entry->end - entry->begin));
    return true;
}

/* {"key": "text", …}: looked at only for its form. */
static bool take_metadata(Parser *parser) {
    Arena *scratch = arena_create();
    JsonCursor *json = &parser->json;
    size_t length;
    bool good = json_take(json, '{');
    for (bool first = true; good && !json_take(json, '}'); first = false)
        good = (first || json_take(json, ',')) && json_string(json, scratch, &length) &&
               json_take(json, ':') && json_string(json, scratch, &length);
    arena_destroy(scratch);
    return good || damaged(parser);
}

static bool take_tensor(Parser *parser) {
    Arena *arena = parser->file->arena;
    size_t length;
    const char *name = json_string(&parser->json, arena, &length);
    if (!name || !json_take(&parser->json, ':')) return damaged(parser);
    bool is_new;
    MapEntry *slot = map_insert(&parser->result->tensors, name, length, &is_new);
    if (!is_new) return tensor_file_error(parser->file, "tensor `%s` is there twice", name);
    if (length == 0) return tensor_file_error(parser->file, "a tensor has an empty name");
    if (strcmp(name, "__metadata__") == 0) return take_metadata(parser);
    SafetensorsEntry *entry = slot->value = arena_alloc(arena, sizeof *entry);
    entry->name = name;
    *ARENA_PUSH(arena, parser->entries, parser->count, parser->capacity) = entry;
    return take_entry(parser, entry);
}

static int compare_places(const void *left, const void *right) {
    const SafetensorsEntry *a = *(const SafetensorsEntry *const *)left;
    const SafetensorsEntry *b = *(const SafetensorsEntry *const *)right;
    if (a->begin != b->begin) return a->begin < b->begin ? -1 : 1;
    return a->end < b->end ? -1 : a->end > b->end;
}

/* Each tensor begins where the one before ends. */
static bool check_places(const Parser *parser) {
    if (parser->count > 0)
        qsort(parser->entries, parser->count, sizeof *parser->entries, compare_places);
    uint64_t end = parser->data_start;
    for (size_t i = 0; i < parser->count; i++) {
        const SafetensorsEntry *entry = parser->entries[i];
        if (entry->begin != end)
            return tensor_file_error(parser->file, "the bytes of tensor `%s` %s", entry->name,
                                     entry->begin < end ? "overlap those of another"
                                                        : "leave a hole before them");
        end = entry->end;
    }
    if (end == parser->file->size) return true;
    return tensor_file_error(parser->file, "%llu bytes at its end belong to no tensor",
                             (unsigned long long)(parser->file->size - end));
}

/* The tensors without __metadata__, for look-ups and messages. */
static void forget_metadata(Parser *parser) {
    Map tensors = map_create(parser->file->arena);
    for (size_t i = 0; i < parser->result->tensors.count; i++) {
        const MapEntry *entry = &parser->result->tensors.entries[i];
        if (entry->value)
            map_insert(&tensors, entry->key, entry->key_length, NULL)->value = entry->value;
    }
    parser->result->tensors = tensors;
}

const Safetensors *safetensors_parse(const TensorFile *file) {
    Parser parser = {.file = file};
    uint64_t length = 0;
    for (size_t i = 0; i < 8 && file->size >= 8; i++) length |= (uint64_t)file->bytes[i] << 8 * i;
    if (file->size < 8 || length > file->size - 8 || length > LONGEST_HEADER) {
        tensor_file_error(file, "is no .safetensors file: its header is cut short");
        return NULL;
    }
    parser.result = arena_alloc(file->arena, sizeof *parser.result);
    parser.result->tensors = map_create(file->arena);
    parser.data_start = 8 + length;
    parser.json = (JsonCursor){file->bytes + 8, file->bytes + 8 + length};
    if (length == 0 || file->bytes[8] != '{') {
        tensor_file_error(file, "is no .safetensors file: its header does not begin with `{`");
        return NULL;
    }
    json_take(&parser.json, '{');
    for (bool first = true; !json_take(&parser.json, '}'); first = false) {
        if (!first && !json_take(&parser.json, ',')) {
            damaged(&parser);
            return NULL;
        }
        if (!take_tensor(&parser)) return NULL;
    }
    if (!json_at_end(&parser.json)) {
        damaged(&parser);
        return NULL;
    }
    if (!check_places(&parser)) return NULL;
    forget_metadata(&parser);
    return parser.result;
}

bool safetensors_take(const TensorFile *file, const SafetensorsEntry *entry, tfcc_dtype wanted,
                      ConstantData *data) {
    *data = (ConstantData){.dtype = dtype_from_safetensors_name(entry->dtype_name),
                           .rank = entry->rank};
    if (data->dtype == TFCC_NONE || entry->rank > MAX_RANK)
        return tensor_file_error(file, "tensor `%s` is %s of rank %d, which is not supported",
                                 entry->name, entry->dtype_name, entry->rank);
    memcpy(data->dims, entry->dims, sizeof data->dims);
    return tensor_file_measure(file, data) &&
           tensor_file_take(file, wanted, file->bytes + entry->begin, data);
}
