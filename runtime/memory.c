/* memory.c: the allocator, arrays that share a block, and names in tables. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static void *default_allocate(void *context, size_t size, size_t alignment) {
    (void)context;
    if (size > SIZE_MAX - alignment) return NULL;
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

static void default_release(void *context, void *block, size_t size) {
    (void)context;
    (void)size;
    free(block);
}

const tfcc_allocator tfcc_default_allocator = {default_allocate, default_release, NULL};

void *tfcc_obtain(const tfcc_allocator *allocator, size_t size) {
    void *block = allocator->allocate(allocator->context, size > 0 ? size : 1, TFCC_ALIGNMENT);
    if (block == NULL) tfcc_fail(OUT_OF_MEMORY, size);
    return block;
}

void *tfcc_obtain_zeroed(const tfcc_allocator *allocator, size_t size) {
    void *block = tfcc_obtain(allocator, size);
    return block != NULL ? memset(block, 0, size) : NULL;
}

void tfcc_release(const tfcc_allocator *allocator, void *block, size_t size) {
    if (block != NULL) allocator->release(allocator->context, block, size > 0 ? size : 1);
}

size_t tfcc_carve(void *owner, char *base, const tfcc_part *parts, size_t part_count,
                  const uint32_t *counts) {
    size_t used = 0;
    for (; part_count > 0; part_count--, parts++) {
        void *part = (void *)((uintptr_t)base + used);
        memcpy((char *)owner + parts->pointer, &part, sizeof part);
        used += ((size_t)counts[parts->count] * parts->element + 15) & ~(size_t)15;
    }
    return used;
}

uint32_t tfcc_find_text(const void *table, uint32_t count, size_t stride, const char *name,
                        size_t length) {
    const char *entry = table;
    for (uint32_t i = 0; i < count; i++, entry += stride) {
        const char *known = *(const char *const *)(const void *)entry;
        if (strncmp(known, name, length) == 0 && known[length] == '\0') return i;
    }
    return TFCC_ABI_NONE;
}
