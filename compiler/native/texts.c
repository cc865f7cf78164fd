/* texts.c: pools of bytes: many small pieces in one global, addressed by offset.
 *
 * One global instead of thousands keeps LLVM quick. A pool's global exists from the start, so that
 * its pieces have addresses before the last one is known: its type is a struct whose body comes at
 * the end.
 */
#include "native/module.h"

#include <string.h>

void byte_pool_begin(NativeModule *m, BytePool *pool, const char *name, unsigned alignment) {
    *pool = (BytePool){.name = name, .alignment = alignment, .known = map_create(m->arena)};
    pool->type = LLVMStructCreateNamed(m->context, name);
    pool->global = LLVMAddGlobal(m->module, pool->type, name);
    LLVMSetLinkage(pool->global, LLVMPrivateLinkage);
    LLVMSetGlobalConstant(pool->global, true);
    LLVMSetAlignment(pool->global, alignment);
}

size_t byte_pool_add(NativeModule *m, BytePool *pool, const void *bytes, size_t size,
                     size_t alignment) {
    size_t start = (pool->length + alignment - 1) / alignment * alignment;
    size_t needed = start + size;
    if (needed > pool->capacity)
        pool->bytes = arena_grow(m->arena, pool->bytes, &pool->capacity, needed, 1);
    if (start > pool->length) memset(pool->bytes + pool->length, 0, start - pool->length);
    if (size > 0) memcpy(pool->bytes + start, bytes, size);
    pool->length = needed;
    return start;
}

/* The offset of a NUL-terminated text; equal texts share one. */
static size_t add_text(NativeModule *m, BytePool *pool, const char *text) {
    bool added;
    MapEntry *entry = map_insert(&pool->known, text, strlen(text), &added);
    if (added) {
        size_t offset = byte_pool_add(m, pool, text, strlen(text) + 1, 1);
        entry->value = (void *)(uintptr_t)(offset + 1);
    }
    return (size_t)(uintptr_t)entry->value - 1;
}

LLVMValueRef byte_pool_address(NativeModule *m, BytePool *pool, size_t offset) {
    LLVMValueRef index = native_int64(m, (int64_t)offset);
    return LLVMConstGEP2(m->int8, pool->global, &index, 1);
}

void byte_pool_finish(NativeModule *m, BytePool *pool) {
    const char *bytes = pool->length > 0 ? pool->bytes : "";
    size_t length = pool->length > 0 ? pool->length : 1;
    LLVMValueRef content = LLVMConstStringInContext2(m->context, bytes, length, true);
    LLVMTypeRef type = LLVMTypeOf(content);
    LLVMStructSetBody(pool->type, &type, 1, false);
    LLVMSetInitializer(pool->global, LLVMConstNamedStruct(pool->type, &content, 1));
}

LLVMValueRef native_text(NativeModule *m, const char *text) {
    return byte_pool_address(m, &m->texts, add_text(m, &m->texts, text));
}
