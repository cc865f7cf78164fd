/* wire.c: the walk over a protobuf file, with a stack of its own.
 *
 * Every message in the output has a length of five bytes, patched when the message ends: protobuf
 * allows such longer forms, and nothing has to be moved.
 */
#include "import/wire.h"

#include <string.h>

typedef enum MessageKind {
    MODEL,
    OPSET_IMPORT,
    FUNCTION,
    GRAPH,
    NODE,
    ATTRIBUTE,
    VALUE_INFO,
    TYPE,
    TENSOR_TYPE,
    SHAPE,
    DIMENSION,
    TENSOR,
    SPARSE_TENSOR,
    ENTRY,
    NO_MESSAGE,
} MessageKind;

static const char *const message_names[] = {
    "ModelProto",
    "OperatorSetIdProto",
    "FunctionProto",
    "GraphProto",
    "NodeProto",
    "AttributeProto",
    "ValueInfoProto",
    "TypeProto",
    "TypeProto.Tensor",
    "TensorShapeProto",
    "TensorShapeProto.Dimension",
    "TensorProto",
    "SparseTensorProto",
    "StringStringEntryProto",
};

typedef enum FieldAction {
    KEEP,  /* copied as it is */
    ENTER, /* a message of the kind `child` */
    CUT,   /* elements of a tensor */
    OTHER, /* a type that is no tensor: only its number is kept */
} FieldAction;

/* Which wire types a field may have: a list of numbers comes packed or one by one. */
enum { AS_VARINT = 1 << WIRE_VARINT, AS_64 = 1 << WIRE_FIXED64, AS_LENGTH = 1 << WIRE_LENGTH };
enum { AS_32 = 1 << WIRE_FIXED32 };

typedef struct FieldRow {
    MessageKind message;
    uint32_t number;
    unsigned types;
    FieldAction action;
    MessageKind child;
    bool is_repeated;
} FieldRow;

static const FieldRow fields[] = {
    {MODEL, 1, AS_VARINT, KEEP, NO_MESSAGE, false},
    {MODEL, 7, AS_LENGTH, ENTER, GRAPH, false},
    {MODEL, 8, AS_LENGTH, ENTER, OPSET_IMPORT, true},
    {MODEL, 25, AS_LENGTH, ENTER, FUNCTION, true},
    {OPSET_IMPORT, 1, AS_LENGTH, KEEP, NO_MESSAGE, false},
    {OPSET_IMPORT, 2, AS_VARINT, KEEP, NO_MESSAGE, false},
    {FUNCTION, 1, AS_LENGTH, KEEP, NO_MESSAGE, false},
    {FUNCTION, 4, AS_LENGTH, KEEP, NO_MESSAGE, true},
    {FUNCTION, 5, AS_LENGTH, KEEP, NO_MESSAGE, true},
    {FUNCTION, 6, AS_LENGTH, KEEP, NO_MESSAGE, true},
    {FUNCTION, 7, AS_LENGTH, ENTER, NODE, true},
    {FUNCTION, 9, AS_LENGTH, ENTER, OPSET_IMPORT, true},
    {FUNCTION, 10, AS_LENGTH, KEEP, NO_MESSAGE, false},
    {FUNCTION, 11, AS_LENGTH, ENTER, ATTRIBUTE, true},
    {FUNCTION, 12, AS_LENGTH, ENTER, VALUE_INFO, true},
    {FUNCTION, 13, AS_LENGTH, KEEP, NO_MESSAGE, false},
    {GRAPH, 1, AS_LENGTH, ENTER, NODE, true},
    {GRAPH, 2, AS_LENGTH, KEEP, NO_MESSAGE, false},
    {GRAPH, 5, AS_LENGTH, ENTER, TENSOR, true},
    {GRAPH, 11, AS_LENGTH, ENTER, VALUE_INFO, true},
    {GRAPH, 12, AS_LENGTH, ENTER, VALUE_INFO, true},
    {GRAPH, 13, AS_LENGTH, ENTER, VALUE_INFO, true},
    {GRAPH, 15, AS_LENGTH, ENTER, SPARSE_TENSOR, true},
    {NODE, 1, AS_LENGTH, KEEP, NO_MESSAGE, true},
    {NODE, 2, AS_LENGTH, KEEP, NO_MESSAGE, true},
    {NODE, 3, AS_LENGTH, KEEP, NO_MESSAGE, false},
    {NODE, 4, AS_LENGTH, KEEP, NO_MESSAGE, false},
    {NODE, 5, AS_LENGTH, ENTER, ATTRIBUTE, true},
    {NODE, 7, AS_LENGTH, KEEP, NO_MESSAGE, false},
    {NODE, 8, AS_LENGTH, KEEP, NO_MESSAGE, false},
    {ATTRIBUTE, 1, AS_LENGTH, KEEP, NO_MESSAGE, false},
    {ATTRIBUTE, 2, AS_32, KEEP, NO_MESSAGE, false},
    {ATTRIBUTE, 3, AS_VARINT, KEEP, NO_MESSAGE, false},
    {ATTRIBUTE, 4, AS_LENGTH, KEEP, NO_MESSAGE, false},
    {ATTRIBUTE, 5, AS_LENGTH, ENTER, TENSOR, false},
    {ATTRIBUTE, 6, AS_LENGTH, ENTER, GRAPH, false},
    {ATTRIBUTE, 7, AS_32 | AS_LENGTH, KEEP, NO_MESSAGE, true},
    {ATTRIBUTE, 8, AS_VARINT | AS_LENGTH, KEEP, NO_MESSAGE, true},
    {ATTRIBUTE, 9, AS_LENGTH, KEEP, NO_MESSAGE, true},
    {ATTRIBUTE, 10, AS_LENGTH, ENTER, TENSOR, true},
    {ATTRIBUTE, 20, AS_VARINT, KEEP, NO_MESSAGE, false},
    {ATTRIBUTE, 21, AS_LENGTH, KEEP, NO_MESSAGE, false},
    {ATTRIBUTE, 22, AS_LENGTH, ENTER, SPARSE_TENSOR, false},
    {VALUE_INFO, 1, AS_LENGTH, KEEP, NO_MESSAGE, false},
    {VALUE_INFO, 2, AS_LENGTH, ENTER, TYPE, false},
    {TYPE, 1, AS_LENGTH, ENTER, TENSOR_TYPE, false},
    {TYPE, 4, AS_LENGTH, OTHER, NO_MESSAGE, false},
    {TYPE, 5, AS_LENGTH, OTHER, NO_MESSAGE, false},
    {TYPE, 7, AS_LENGTH, OTHER, NO_MESSAGE, false},
    {TYPE, 8, AS_LENGTH, OTHER, NO_MESSAGE, false},
    {TYPE, 9, AS_LENGTH, OTHER, NO_MESSAGE, false},
    {TENSOR_TYPE, 1, AS_VARINT, KEEP, NO_MESSAGE, false},
    {TENSOR_TYPE, 2, AS_LENGTH, ENTER, SHAPE, false},
    {SHAPE, 1, AS_LENGTH, ENTER, DIMENSION, true},
    {DIMENSION, 1, AS_VARINT, KEEP, NO_MESSAGE, false},
    {DIMENSION, 2, AS_LENGTH, KEEP, NO_MESSAGE, false},
    {TENSOR, 1, AS_VARINT | AS_LENGTH, KEEP, NO_MESSAGE, true},
    {TENSOR, 2, AS_VARINT, KEEP, NO_MESSAGE, false},
    {TENSOR, 4, AS_32 | AS_LENGTH, CUT, NO_MESSAGE, true},
    {TENSOR, 5, AS_VARINT | AS_LENGTH, CUT, NO_MESSAGE, true},
    {TENSOR, 7, AS_VARINT | AS_LENGTH, CUT, NO_MESSAGE, true},
    {TENSOR, 8, AS_LENGTH, KEEP, NO_MESSAGE, false},
    {TENSOR, 9, AS_LENGTH, CUT, NO_MESSAGE, false},
    {TENSOR, 10, AS_64 | AS_LENGTH, CUT, NO_MESSAGE, true},
    {TENSOR, 11, AS_VARINT | AS_LENGTH, CUT, NO_MESSAGE, true},
    {TENSOR, 13, AS_LENGTH, ENTER, ENTRY, true},
    {TENSOR, 14, AS_VARINT, KEEP, NO_MESSAGE, false},
    {SPARSE_TENSOR, 1, AS_LENGTH, ENTER, TENSOR, false},
    {SPARSE_TENSOR, 2, AS_LENGTH, ENTER, TENSOR, false},
    {SPARSE_TENSOR, 3, AS_VARINT | AS_LENGTH, KEEP, NO_MESSAGE, true},
    {ENTRY, 1, AS_LENGTH, KEEP, NO_MESSAGE, false},
    {ENTRY, 2, AS_LENGTH, KEEP, NO_MESSAGE, false},
};

/* A message that is being read. */
typedef struct Level {
    MessageKind kind;
    const uint8_t *end;
    size_t length_at;   /* where its length goes in the output */
    uint32_t seen;      /* bit n: the field n, which may come once, was there */
    uint32_t first_cut; /* of a tensor */
} Level;

typedef struct Walk {
    Arena *arena;
    const uint8_t *start, *at;
    uint8_t *out;
    size_t length, capacity;
    WireCut *cuts;
    size_t cut_count, cut_capacity;
    const uint8_t *cut_end; /* of the last cut */
    Level levels[WIRE_MAX_DEPTH];
    int depth;
    size_t message_count;
    const char *error;
} Walk;

enum { LENGTH_BYTES = 5 };
#define MOST_OUTPUT ((size_t)INT32_MAX)

static bool fail(Walk *w, const uint8_t *at, const char *what) {
    const char *inside = w->depth ? message_names[w->levels[w->depth - 1].kind] : "file";
    w->error =
        arena_format(w->arena, "at byte %zu, in a %s: %s", (size_t)(at - w->start), inside, what);
    return false;
}

bool wire_varint(const uint8_t **at, const uint8_t *end, uint64_t *value) {
    *value = 0;
    for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
        uint8_t byte = *(*at)++;
        if (shift == 63 && byte > 1) return false;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return true;
    }
    return false;
}

/* ---- Output ---- */

static void put(Walk *w, const void *bytes, size_t length) {
    w->out = arena_grow(w->arena, w->out, &w->capacity, w->length + length, 1);
    if (length) memcpy(w->out + w->length, bytes, length);
    w->length += length;
}

static void put_varint(Walk *w, uint64_t value) {
    uint8_t bytes[10];
    size_t count = 0;
    for (; value >= 0x80; value >>= 7) bytes[count++] = (uint8_t)(value | 0x80);
    bytes[count++] = (uint8_t)value;
    put(w, bytes, count);
}

static void put_number(Walk *w, uint32_t field, uint64_t value) {
    put_varint(w, (uint64_t)field << 3 | WIRE_VARINT);
    put_varint(w, value);
}

static void patch_length(Walk *w, size_t at, size_t length) {
    for (int i = 0; i < LENGTH_BYTES; i++) {
        w->out[at + (size_t)i] =
            (uint8_t)((length >> 7 * i & 0x7f) | (i + 1 < LENGTH_BYTES ? 0x80 : 0));
    }
}

/* ---- Fields ---- */

static const FieldRow *find_field(MessageKind message, uint64_t number) {
    static uint8_t index[NO_MESSAGE][32]; /* row + 1; filled before the first look-up */
    static bool is_filled;
    if (!is_filled) {
        for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
            index[fields[i].message][fields[i].number] = (uint8_t)(i + 1);
        is_filled = true;
    }
    size_t row = number < 32 ? index[message][number] : 0;
    return row ? &fields[row - 1] : NULL;
}

/* A tensor's elements: those that follow each other one by one are one cut. */
static void add_cut(Walk *w, uint32_t field, WireType type, const uint8_t *from,
                    const uint8_t *to) {
    const Level *tensor = &w->levels[w->depth - 1];
    WireCut *last = w->cut_count > tensor->first_cut ? &w->cuts[w->cut_count - 1] : NULL;
    if (last && type != WIRE_LENGTH && last->type == type && last->field == field &&
        w->cut_end == from) {
        last->length = (size_t)(to - last->bytes);
    } else {
        *ARENA_PUSH(w->arena, w->cuts, w->cut_count, w->cut_capacity) =
            (WireCut){field, type, from, (size_t)(to - from)};
    }
    w->cut_end = to;
}

static bool enter(Walk *w, MessageKind kind, const uint8_t *end) {
    if (w->depth == WIRE_MAX_DEPTH)
        return fail(w, w->at, "messages are nested more than 64 levels deep");
    if (++w->message_count > WIRE_MAX_MESSAGES)
        return fail(w, w->at, "the file holds more than 2,097,152 messages");
    Level *level = &w->levels[w->depth++];
    *level = (Level){.kind = kind, .end = end, .first_cut = (uint32_t)w->cut_count};
    level->length_at = w->length;
    return true;
}

static void leave(Walk *w) {
    const Level *level = &w->levels[w->depth - 1];
    if (level->kind == TENSOR) {
        put_number(w, 1000, level->first_cut);
        put_number(w, 1001, w->cut_count - level->first_cut);
    }
    if (--w->depth > 0)
        patch_length(w, level->length_at, w->length - level->length_at - LENGTH_BYTES);
}

/* The contents [from, to) of a field that has a row; `start` is its tag. */
static bool take_field(Walk *w, const FieldRow *row, WireType type, const uint8_t *start,
                       const uint8_t *from, const uint8_t *to) {
    Level *level = &w->levels[w->depth - 1];
    if (!(row->types & 1u << type))
        return fail(
            w, start,
            arena_format(w->arena, "field %u has the wrong wire type %d", row->number, (int)type));
    if (!row->is_repeated && (level->seen & 1u << row->number))
        return fail(w, start, arena_format(w->arena, "field %u is there twice", row->number));
    level->seen |= 1u << row->number;
    switch (row->action) {
    case KEEP:
        put_varint(w, (uint64_t)row->number << 3 | type);
        if (type == WIRE_LENGTH) put_varint(w, (uint64_t)(to - from));
        put(w, from, (size_t)(to - from));
        return true;
    case OTHER: put_number(w, 1000, row->number); return true;
    case CUT: add_cut(w, row->number, type, type == WIRE_LENGTH ? from : start, to); return true;
    case ENTER: break;
    }
    put_varint(w, (uint64_t)row->number << 3 | WIRE_LENGTH);
    w->at = from;
    if (!enter(w, row->child, to)) return false;
    put(w, (uint8_t[LENGTH_BYTES]){0}, LENGTH_BYTES);
    return true;
}

static bool walk_field(Walk *w) {
    const Level *level = &w->levels[w->depth - 1];
    const uint8_t *start = w->at, *end = level->end;
    uint64_t tag, length = 0;
    if (!wire_varint(&w->at, end, &tag)) return fail(w, start, "a field's tag is cut short");
    const uint8_t *from = w->at;
    switch (tag & 7) {
    case WIRE_VARINT:
        if (!wire_varint(&w->at, end, &length)) return fail(w, start, "a number is cut short");
        break;
    case WIRE_FIXED64:
    case WIRE_FIXED32:
        length = (tag & 7) == WIRE_FIXED64 ? 8 : 4;
        if (length > (uint64_t)(end - w->at)) return fail(w, start, "a number is cut short");
        w->at += length;
        break;
    case WIRE_LENGTH:
        if (!wire_varint(&w->at, end, &length)) return fail(w, start, "a length is cut short");
        from = w->at;
        if (length > (uint64_t)(end - w->at))
            return fail(w, start,
                        arena_format(w->arena,
                                     "a field of %llu bytes reaches past the end of what it is in, "
                                     "which has %llu left",
                                     (unsigned long long)length,
                                     (unsigned long long)(end - w->at)));
        w->at += length;
        break;
    default:
        return fail(w, start,
                    arena_format(w->arena, "wire type %u does not exist", (unsigned)(tag & 7)));
    }
    if (tag >> 3 == 0 || tag >> 3 > 536870911) return fail(w, start, "a field has no valid number");
    const FieldRow *row = find_field(level->kind, tag >> 3);
    if (row && !take_field(w, row, (WireType)(tag & 7), start, from, w->at)) return false;
    return w->length <= MOST_OUTPUT ||
           fail(w, start, "its names and attributes alone are over 2 GiB");
}

bool wire_read(Arena *arena, WireRoot root, const uint8_t *bytes, size_t length,
               WireMessage *message, const char **error) {
    Walk *w = arena_alloc(arena, sizeof *w);
    w->arena = arena;
    w->start = w->at = bytes;
    bool fine = enter(w, root == WIRE_MODEL ? MODEL : TENSOR, bytes + length);
    while (fine && w->depth > 0) {
        if (w->at == w->levels[w->depth - 1].end)
            leave(w);
        else
            fine = walk_field(w);
    }
    *error = w->error;
    *message = (WireMessage){w->out, w->length, w->cuts, w->cut_count};
    return fine;
}
