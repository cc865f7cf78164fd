#include "bundle_format.h"

#include <string.h>

/* ---- memory ---- */

void *tfcc_bundle_obtain(const tfcc_allocator *allocator, size_t size) {
    void *memory = tfcc_obtain(allocator, size);
    if (!memory) tfcc_fail_memory(size);
    return memory;
}

bool tfcc_bundle_reserve(BundleBuffer *buffer, size_t more) {
    BundleMemory *memory = buffer->memory;
    if (memory->status) return false;
    if (more <= buffer->capacity - buffer->size) return true;
    size_t capacity = 2 * buffer->capacity + more + 64;
    uint8_t *larger = tfcc_bundle_obtain(memory->allocator, capacity);
    if (!larger) {
        memory->status = TFCC_RESOURCE_EXHAUSTED;
        return false;
    }
    if (buffer->size > 0) memcpy(larger, buffer->bytes, buffer->size);
    tfcc_bundle_buffer_release(buffer);
    buffer->bytes = larger;
    buffer->capacity = capacity;
    return true;
}

void tfcc_bundle_append(BundleBuffer *buffer, const void *bytes, size_t size) {
    if (size == 0 || !tfcc_bundle_reserve(buffer, size)) return;
    memcpy(buffer->bytes + buffer->size, bytes, size);
    buffer->size += size;
}

void tfcc_bundle_append32(BundleBuffer *buffer, uint32_t value) {
    uint8_t bytes[4];
    tfcc_bundle_put32(bytes, value);
    tfcc_bundle_append(buffer, bytes, 4);
}

void tfcc_bundle_buffer_release(BundleBuffer *buffer) {
    tfcc_release(buffer->memory->allocator, buffer->bytes, buffer->capacity);
}

/* Shell's sort with gaps close to Tokuda's. */
void tfcc_bundle_sort(uint32_t *order, size_t count,
                      bool (*before)(const void *context, uint32_t a, uint32_t b),
                      const void *context) {
    for (size_t gap = count; gap > 1;) {
        gap = gap < 5 ? 1 : gap * 4 / 9;
        for (size_t i = gap; i < count; i++) {
            uint32_t moved = order[i];
            size_t at = i;
            for (; at >= gap && before(context, moved, order[at - gap]); at -= gap)
                order[at] = order[at - gap];
            order[at] = moved;
        }
    }
}

/* ---- numbers and protocol buffers ---- */

bool tfcc_bundle_get_varint(BundleSpan *span, uint64_t *value) {
    *value = 0;
    for (int shift = 0; shift < 70 && span->at < span->end; shift += 7) {
        uint8_t byte = *span->at++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return true;
    }
    return false;
}

uint8_t *tfcc_bundle_put_varint(uint8_t *at, uint64_t value) {
    for (; value >= 0x80; value >>= 7) *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

/* One field: its number, and its value or, of a field of bytes, those and a value of 0. */
static bool get_field(BundleSpan *message, uint64_t *number, uint64_t *value, BundleSpan *bytes) {
    uint64_t key;
    bytes->at = NULL;
    if (!tfcc_bundle_get_varint(message, &key) || key < 8) return false;
    *number = key >> 3;
    if ((key & 7) == 0) return tfcc_bundle_get_varint(message, value);
    uint64_t size = (key & 7) == 1 ? 8 : 4;
    if ((key & 7) == 2) {
        if (!tfcc_bundle_get_varint(message, &size)) return false;
        bytes->at = message->at;
    } else if ((key & 3) != 1) {
        return false; /* groups, and what does not exist */
    }
    if (size > (uint64_t)(message->end - message->at)) return false;
    *value = size >= 4 ? tfcc_bundle_get32(message->at) : 0;
    message->at += size;
    bytes->end = message->at;
    return true;
}

bool tfcc_bundle_scan(BundleSpan message, uint64_t values[8]) {
    uint64_t number, value;
    BundleSpan bytes;
    while (message.at < message.end) {
        if (!get_field(&message, &number, &value, &bytes)) return false;
        if (number < 8) values[number] = bytes.at ? values[number] + 1 : value;
    }
    return true;
}

bool tfcc_bundle_next(BundleSpan *message, uint32_t wanted, BundleSpan *bytes) {
    uint64_t number, value;
    while (message->at < message->end && get_field(message, &number, &value, bytes))
        if (number == wanted && bytes->at) return true;
    return false;
}

int tfcc_bundle_element_size(uint64_t dtype) {
    /* float, double, int32, uint8, int16, int8, string, complex64, int64, bool, qint8, quint8,
     * qint32, bfloat16, qint16, quint16, uint16, complex128, half, resource, variant, uint32,
     * uint64, and the float8 and 4-bit types to 30. Resources are none. */
    static const int8_t sizes[] = {-1, 4, 8,  4, 1,  2, 1, 0, 8, 8, 1, 1, 1, 4, 2, 2,
                                   2,  2, 16, 2, -1, 0, 4, 8, 1, 1, 1, 1, 1, 1, 1};
    return dtype < sizeof sizes ? sizes[dtype] : -1;
}
