/* arena.h: memory that is released all at once.
 *
 * A compilation owns one arena; each pass may open a scratch arena of its own. Allocation never
 * gives NULL: when memory is exhausted the handler given to `arena_on_exhaustion` is called and the
 * process ends with a sentence and status 1 (the compiler has nothing half-written to lose: output
 * files appear by rename). Everything is zero-initialised and aligned to 16 bytes.
 */
#ifndef TFCC_SUPPORT_ARENA_H
#define TFCC_SUPPORT_ARENA_H

#include <stdarg.h>
#include <stddef.h>

typedef struct Arena Arena;

Arena *arena_create(void);
void arena_destroy(Arena *arena); /* NULL is allowed */

void *arena_alloc(Arena *arena, size_t size);
/* count * size bytes, checked for overflow. */
void *arena_alloc_array(Arena *arena, size_t count, size_t size);
/* A copy of the `length` bytes at text, with a NUL behind them. */
char *arena_copy_text(Arena *arena, const char *text, size_t length);
void *arena_copy(Arena *arena, const void *bytes, size_t size);
/* printf into the arena. */
char *arena_format(Arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_format_list(Arena *arena, const char *format, va_list arguments);

/* Calls release(object) when the arena is destroyed, last registered first: how handles of LLVM and
 * libyaml are released. */
void arena_on_destroy(Arena *arena, void (*release)(void *object), void *object);

/* Called once before the process ends for want of memory, in any arena: where open outputs are
 * unlinked. */
void arena_on_exhaustion(void (*handler)(void));

/* Bytes handed out so far; for --report and the tests of growth. */
size_t arena_used(const Arena *arena);

/* Grows a dynamic array that lives in the arena: gives room for at least `needed` elements of
 * `size` bytes, doubling `*capacity`; the elements move, the old block stays until the arena goes.
 */
void *arena_grow(Arena *arena, void *elements, size_t *capacity, size_t needed, size_t size);

/* Appends one zeroed element to the array held as (elements, count, capacity) and gives its
 * address:
 *     Node **slot = ARENA_PUSH(arena, graph->nodes, graph->node_count, graph->node_capacity);
 * `elements` is an lvalue of pointer type, the other two are size_t lvalues. */
#define ARENA_PUSH(arena, elements, count, capacity)                                               \
    ((elements) = arena_grow((arena), (elements), &(capacity), (count) + 1, sizeof *(elements)),   \
     &(elements)[(count)++])

#endif
