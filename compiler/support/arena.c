#include "support/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ALIGNMENT = 16, FIRST_BLOCK = 16 * 1024, LARGEST_BLOCK = 1024 * 1024 };

typedef struct Block {
    struct Block *next;
    char *bytes;
    size_t size, used;
} Block;

typedef struct Release {
    struct Release *next;
    void (*release)(void *object);
    void *object;
} Release;

struct Arena {
    Block *blocks; /* the first one is being filled */
    Release *releases;
    size_t next_block_size;
    size_t used;
};

static void (*exhaustion_handler)(void);

static _Noreturn void end_exhausted(size_t size) {
    if (exhaustion_handler) exhaustion_handler();
    fprintf(stderr, "error: out of memory: %zu bytes more could not be had\n", size);
    fflush(stderr);
    _exit(1);
}

static void *allocate_or_end(size_t size) {
    void *memory = calloc(1, size);
    if (!memory) end_exhausted(size);
    return memory;
}

/* A block of at least `size` bytes. One that serves a single large request goes behind the block
 * being filled, whose rest stays in use. */
static Block *add_block(Arena *arena, size_t size) {
    Block *block = allocate_or_end(sizeof *block);
    size_t wanted = size > arena->next_block_size / 4 ? size : arena->next_block_size;
    block->bytes = allocate_or_end(wanted);
    block->size = wanted;
    if (wanted == size && arena->blocks) {
        block->next = arena->blocks->next;
        arena->blocks->next = block;
    } else {
        block->next = arena->blocks;
        arena->blocks = block;
        if (arena->next_block_size < LARGEST_BLOCK) arena->next_block_size *= 2;
    }
    return block;
}

Arena *arena_create(void) {
    Arena *arena = allocate_or_end(sizeof *arena);
    arena->next_block_size = FIRST_BLOCK;
    return arena;
}

void arena_destroy(Arena *arena) {
    if (!arena) return;
    for (Release *r = arena->releases; r; r = r->next) r->release(r->object);
    for (Block *block = arena->blocks; block;) {
        Block *next = block->next;
        free(block->bytes);
        free(block);
        block = next;
    }
    free(arena);
}

void *arena_alloc(Arena *arena, size_t size) {
    if (size > SIZE_MAX / 2) end_exhausted(size);
    size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (rounded == 0) rounded = ALIGNMENT; /* so that every allocation has an address of its own */
    Block *block = arena->blocks;
    if (!block || block->size - block->used < rounded) block = add_block(arena, rounded);
    void *memory = block->bytes + block->used;
    block->used += rounded;
    arena->used += rounded;
    return memory;
}

void *arena_alloc_array(Arena *arena, size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) end_exhausted(SIZE_MAX);
    return arena_alloc(arena, bytes);
}

char *arena_copy_text(Arena *arena, const char *text, size_t length) {
    char *copy = arena_alloc(arena, length + 1);
    if (length > 0) memcpy(copy, text, length);
    return copy;
}

void *arena_copy(Arena *arena, const void *bytes, size_t size) {
    void *copy = arena_alloc(arena, size);
    if (size > 0) memcpy(copy, bytes, size);
    return copy;
}

char *arena_format_list(Arena *arena, const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0) return arena_copy_text(arena, "", 0);
    char *text = arena_alloc(arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    return text;
}

char *arena_format(Arena *arena, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *text = arena_format_list(arena, format, arguments);
    va_end(arguments);
    return text;
}

void arena_on_destroy(Arena *arena, void (*release)(void *object), void *object) {
    Release *entry = arena_alloc(arena, sizeof *entry);
    *entry = (Release){.next = arena->releases, .release = release, .object = object};
    arena->releases = entry;
}

void arena_on_exhaustion(void (*handler)(void)) {
    exhaustion_handler = handler;
}

size_t arena_used(const Arena *arena) {
    return arena->used;
}

void *arena_grow(Arena *arena, void *elements, size_t *capacity, size_t needed, size_t size) {
    if (needed <= *capacity) return elements;
    size_t larger = *capacity < 8 ? 8 : *capacity;
    while (larger < needed) {
        if (larger > SIZE_MAX / 2) end_exhausted(SIZE_MAX);
        larger *= 2;
    }
    void *moved = arena_alloc_array(arena, larger, size);
    if (*capacity > 0) memcpy(moved, elements, *capacity * size);
    *capacity = larger;
    return moved;
}
