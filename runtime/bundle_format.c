#include "bundle_format.h"

#include <string.h>

void *tfcc_bundle_obtain(const tfcc_allocator *allocator, size_t size) {
    void *memory = tfcc_obtain(allocator, size);
    if (!memory) tfcc_fail_memory(size);
    return memory;
}

void tfcc_bundle_append(BundleBuffer *buffer, const void *bytes, size_t size) {
    BundleMemory *memory = buffer->memory;
    if (size > buffer->capacity - buffer->size) {
        size_t capacity = 2 * buffer->capacity + size + 64;
        uint8_t *larger = memory->status ? NULL : tfcc_bundle_obtain(memory->allocator, capacity);
        if (!larger) {
            memory->status = TFCC_RESOURCE_EXHAUSTED;
            return;
        }
        if (buffer->size > 0) memcpy(larger, buffer->bytes, buffer->size);
        tfcc_release(memory->allocator, buffer->bytes, buffer->capacity);
        buffer->bytes = larger;
        buffer->capacity = capacity;
    }
    if (size > 0) memcpy(buffer->bytes + buffer->size, bytes, size);
    buffer->size += size;
}

void tfcc_bundle_buffer_release(BundleBuffer *buffer) {
    tfcc_release(buffer->memory->allocator, buffer->bytes, buffer->capacity);
}

/* Lets order[root] sink to its place in a heap whose last element is on top. */
static void sink(uint32_t *order, size_t root, size_t count,
                 bool (*before)(const void *context, uint32_t a, uint32_t b), const void *context) {
    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && before(context, order[child], order[child + 1])) child++;
        if (!before(context, order[root], order[child])) return;
        uint32_t swapped = order[root];
        order[root] = order[child];
        order[child] = swapped;
    }
}

void tfcc_bundle_sort(uint32_t *order, size_t count,
                      bool (*before)(const void *context, uint32_t a, uint32_t b),
                      const void *context) {
    for (size_t i = count / 2; i-- > 0;) sink(order, i, count, before, context);
    while (count > 1) {
        uint32_t last = order[0];
        order[0] = order[--count];
        order[count] = last;
        sink(order, 0, count, before, context);
    }
}

uint32_t tfcc_bundle_get32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

uint64_t tfcc_bundle_get64(const uint8_t *bytes) {
    return tfcc_bundle_get32(bytes) | (uint64_t)tfcc_bundle_get32(bytes + 4) << 32;
}

void tfcc_bundle_put32(uint8_t *bytes, uint32_t value) {
    for (int i = 0; i < 4; i++) bytes[i] = (uint8_t)(value >> 8 * i);
}

void tfcc_bundle_put64(uint8_t *bytes, uint64_t value) {
    tfcc_bundle_put32(bytes, (uint32_t)value);
    tfcc_bundle_put32(bytes + 4, (uint32_t)(value >> 32));
}

bool tfcc_bundle_get_varint(const uint8_t **at, const uint8_t *end, uint64_t *value) {
    uint64_t result = 0;
    for (int shift = 0; shift < 70 && *at < end; shift += 7) {
        uint8_t byte = *(*at)++;
        result |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *value = result;
            return true;
        }
    }
    return false;
}

uint8_t *tfcc_bundle_put_varint(uint8_t *at, uint64_t value) {
    for (; value >= 0x80; value >>= 7) *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

bool tfcc_bundle_get_field(const uint8_t **at, const uint8_t *end, BundleField *field) {
    uint64_t key;
    if (!tfcc_bundle_get_varint(at, end, &key) || key >> 32 || key < 8) return false;
    field->key = (uint32_t)key;
    size_t left = (size_t)(end - *at), step = 0;
    switch (key & 7) {
    case 0: return tfcc_bundle_get_varint(at, end, &field->value);
    case 1: step = 8; break;
    case 5: step = 4; break;
    case 2:
        if (!tfcc_bundle_get_varint(at, end, &field->value)) return false;
        left = (size_t)(end - *at);
        if (field->value > left) return false;
        step = field->length = (size_t)field->value;
        field->bytes = *at;
        break;
    default: return false;
    }
    if (step > left) return false;
    if ((key & 7) == 5) field->value = tfcc_bundle_get32(*at);
    *at += step;
    return true;
}

int tfcc_bundle_element_size(uint32_t dtype) {
    /* float, double, int32, uint8, int16, int8, string, complex64, int64, bool, qint8, quint8,
     * qint32, bfloat16, qint16, quint16, uint16, complex128, half, resource, variant, uint32,
     * uint64, and the float8 and 4-bit types to 30. Resources are none. */
    static const int8_t sizes[] = {-1, 4, 8,  4, 1,  2, 1, 0, 8, 8, 1, 1, 1, 4, 2, 2,
                                   2,  2, 16, 2, -1, 0, 4, 8, 1, 1, 1, 1, 1, 1, 1};
    return dtype < sizeof sizes ? sizes[dtype] : -1;
}
