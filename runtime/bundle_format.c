#include "bundle_format.h"

#include <string.h>

/* ---- memory ---- */

/* Stands at the start of every block. */
typedef struct Block {
    void *before;
    size_t size;
} Block;

void *tfcc_bundle_obtain(BundleMemory *memory, size_t size) {
    Block *block = tfcc_obtain(memory->allocator, size += TFCC_ALIGNMENT);
    if (!block) {
        memory->status = TFCC_RESOURCE_EXHAUSTED;
        return NULL;
    }
    block->before = memory->blocks;
    block->size = size;
    memory->blocks = block;
    return (char *)block + TFCC_ALIGNMENT;
}

void tfcc_bundle_release(BundleMemory *memory, const void *until) {
    while (memory->blocks != until) {
        Block *block = memory->blocks;
        memory->blocks = block->before;
        tfcc_release(memory->allocator, block, block->size);
    }
    memory->status = TFCC_OK;
}

void tfcc_bundle_append(BundleBuffer *buffer, const void *bytes, size_t size) {
    BundleMemory *memory = buffer->memory;
    if (memory->status || size == 0) return;
    if (size > buffer->capacity - buffer->size) {
        uint32_t capacity = 2 * buffer->capacity + (uint32_t)size + 64;
        uint8_t *larger = tfcc_bundle_obtain(memory, capacity);
        if (!larger) return;
        if (buffer->size > 0) memcpy(larger, buffer->bytes, buffer->size);
        buffer->bytes = larger;
        buffer->capacity = capacity;
    }
    memcpy(buffer->bytes + buffer->size, bytes, size);
    buffer->size += (uint32_t)size;
}

void tfcc_bundle_append32(BundleBuffer *buffer, uint32_t value) {
    tfcc_bundle_append(buffer, &value, sizeof value);
}

char *tfcc_bundle_path(BundleMemory *memory, const char *start, const char *end) {
    size_t length = strlen(start);
    char *path = tfcc_bundle_obtain(memory, length + strlen(end) + BUNDLE_SUFFIX_ROOM);
    if (path) strcpy(stpcpy(path, start), end);
    return path;
}

/* Shell's sort. Each gap is odd, and without a common factor with the next, which bounds the work by
 * count^1.5. */
void tfcc_bundle_sort(const void **order, size_t count,
                      bool (*before)(const void *a, const void *b)) {
    for (size_t gap = count | 1; gap > 1;) {
        gap = gap / 2 | 1;
        for (size_t i = gap; i < count; i++) {
            const void *moved = order[i];
            size_t at = i;
            for (; at >= gap && before(moved, order[at - gap]); at -= gap)
                order[at] = order[at - gap];
            order[at] = moved;
        }
    }
}

/* ---- numbers and protocol buffers ---- */

uint64_t tfcc_bundle_get_varint(BundleSpan *span) {
    uint64_t value = 0;
    for (int shift = 0; shift < 70 && span->at < span->end; shift += 7) {
        uint8_t byte = *span->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
    }
    span->at = span->end = NULL;
    return 0;
}

uint8_t *tfcc_bundle_put_varint(uint8_t *at, uint64_t value) {
    for (; value >= 0x80; value >>= 7) *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

/* The paths of fields that are messages: of an entry the shape and its dimensions, of the header
 * the version. */
#define MESSAGES (1u << 02 | 1u << 022 | 1u << 03)

bool tfcc_bundle_next(BundleCursor *cursor) {
    BundleSpan *span = &cursor->span;
    for (; span->at == span->end; cursor->message >>= 3) {
        if (cursor->depth == 0) return false;
        span->end = cursor->outer[--cursor->depth];
    }
    uint64_t key = tfcc_bundle_get_varint(span), size = 0;
    uint32_t form = key & 7;
    if (form == 0)
        cursor->value = tfcc_bundle_get_varint(span);
    else if (form == 2)
        size = tfcc_bundle_get_varint(span);
    else if ((form & 3) == 1)
        size = form == 1 ? 8 : 4;
    else
        key = 0; /* groups, and what does not exist */
    if (key < 8 || !span->at || size > (uint64_t)(span->end - span->at)) {
        span->at = NULL;
        return false;
    }
    cursor->path = cursor->message << 3 | (key < 64 ? (uint32_t)key >> 3 : 0);
    if (form == 2) cursor->value = 1;
    if (form == 2 && cursor->path < 32 && MESSAGES >> cursor->path & 1) {
        cursor->outer[cursor->depth++] = span->end;
        span->end = span->at + size;
        cursor->message = cursor->path;
        return true;
    }
    if (form & 1) cursor->value = tfcc_bundle_get32(span->at);
    span->at += size;
    return true;
}

int tfcc_bundle_element_size(uint64_t dtype) {
    /* float, double, int32, uint8, int16, int8, string, complex64, int64, bool, qint8, quint8,
     * qint32, bfloat16, qint16, quint16, uint16, complex128, half, resource, variant, uint32,
     * uint64, and the float8 and 4-bit types to 30. Resources are none. */
    static const int8_t sizes[] = {-1, 4, 8,  4, 1,  2, 1, 0, 8, 8, 1, 1, 1, 4, 2, 2,
                                   2,  2, 16, 2, -1, 0, 4, 8, 1, 1, 1, 1, 1, 1, 1};
    return dtype < sizeof sizes ? sizes[dtype] : -1;
}
