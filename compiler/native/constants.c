/* constants.c: where the bytes of constants lie.
 *
 * Small constants are one array of bytes that LLVM writes. Large ones would cost it seconds and
 * gigabytes, so they are a zero-filled global in a section of its own, whose bytes are written into
 * the finished object, or a side file. Constants with one content share its bytes. Every constant
 * starts at a multiple of 64 bytes.
 */
#include "crc32c.h" /* the runtime's: it compares the checksum */
#include "native/module.h"
#include <string.h>

#define CONSTANT_ALIGNMENT 64
#define SMALL_CONSTANT     (64 * 1024)       /* largest constant of the array */
#define SMALL_CONSTANTS    (4 * 1024 * 1024) /* room in the array for all of them together */

static uint64_t round_up(uint64_t size) {
    return (size + CONSTANT_ALIGNMENT - 1) / CONSTANT_ALIGNMENT * CONSTANT_ALIGNMENT;
}

static PlacedConstant place(NativeModule *m, const ConstantData *data) {
    if (data->size <= SMALL_CONSTANT && m->small_constants.length + data->size <= SMALL_CONSTANTS) {
        size_t offset = byte_pool_add(m, &m->small_constants, data->bytes, data->size,
                                      data->size <= 8 ? 8 : CONSTANT_ALIGNMENT);
        return (PlacedConstant){HOME_SMALL, offset};
    }
    bool aside = m->compilation->options.weights != NULL;
    uint64_t *total = aside ? &m->side_size : &m->weights_size;
    PlacedConstant placed = {aside ? HOME_SIDE : HOME_LARGE, *total};
    *total += round_up(data->size);
    return placed;
}

/* What makes two contents the same: their bytes where they are small, else the memory they lie in.
 */
static MapEntry *find_content(Map *contents, const ConstantData *data, bool *added) {
    if (data->size <= 256) return map_insert(contents, data->bytes, data->size, added);
    struct {
        const void *bytes;
        size_t size, is_address[32]; /* longer than any small content */
    } key;
    memset(&key, 0, sizeof key);
    key.bytes = data->bytes;
    key.size = data->size;
    return map_insert(contents, (const char *)&key, sizeof key, added);
}

static void create_weights_global(NativeModule *m) {
    LLVMTypeRef type = LLVMArrayType2(m->int8, m->weights_size);
    m->weights = LLVMAddGlobal(m->module, type, "weights");
    LLVMSetInitializer(m->weights, LLVMConstNull(type));
    LLVMSetExternallyInitialized(m->weights, true);
    LLVMSetGlobalConstant(m->weights, true);
    LLVMSetLinkage(m->weights, LLVMPrivateLinkage);
    LLVMSetSection(m->weights, NATIVE_WEIGHTS_SECTION);
    LLVMSetAlignment(m->weights, CONSTANT_ALIGNMENT);
}

void constants_place(NativeModule *m) {
    const Program *program = m->program;
    byte_pool_begin(m, &m->small_constants, "constants", CONSTANT_ALIGNMENT);
    m->constants = arena_alloc_array(m->arena, program->buffer_count + 1, sizeof *m->constants);
    Map contents = map_create(m->arena);
    for (size_t k = 0; k < m->layout.buffer_count; k++) {
        const Buffer *buffer = m->layout.buffers[k];
        if (buffer->kind != TFCC_ABI_CONSTANT || buffer->alias_of || !buffer->constant) continue;
        bool added;
        MapEntry *entry = find_content(&contents, buffer->constant, &added);
        if (added) entry->value = (void *)(uintptr_t)(buffer->number + 1);
        uint32_t first = (uint32_t)((uintptr_t)entry->value - 1);
        if (added) m->constants[first] = place(m, buffer->constant);
        m->constants[buffer->number] = m->constants[first];
    }
    byte_pool_finish(m, &m->small_constants);
    if (m->weights_size > 0) create_weights_global(m);
    if (m->side_size > 0) {
        m->side_bytes = arena_alloc(m->arena, m->side_size);
        constants_fill(m, HOME_SIDE, m->side_bytes);
    }
}

LLVMValueRef constants_address(NativeModule *m, const Buffer *buffer) {
    PlacedConstant placed = m->constants[buffer->number];
    if (placed.home == HOME_SMALL) return byte_pool_address(m, &m->small_constants, placed.offset);
    if (placed.home != HOME_LARGE) return LLVMConstNull(m->pointer);
    LLVMValueRef offset = native_int64(m, (int64_t)placed.offset);
    return LLVMConstGEP2(m->int8, m->weights, &offset, 1);
}

void constants_fill(const NativeModule *m, ConstantHome home, char *bytes) {
    for (size_t k = 0; k < m->layout.buffer_count; k++) {
        const Buffer *buffer = m->layout.buffers[k];
        PlacedConstant placed = m->constants[buffer->number];
        if (placed.home == home)
            memcpy(bytes + placed.offset, buffer->constant->bytes, buffer->constant->size);
    }
}

uint32_t constants_side_checksum(const NativeModule *m) {
    return m->side_size > 0 ? tfcc_crc32c(0, m->side_bytes, m->side_size) : 0;
}
