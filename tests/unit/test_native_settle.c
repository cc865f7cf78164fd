/* test_native_settle.c: the code that computes sizes gives dim_evaluate's numbers, in every order
 * of levels. */
#include "native_fixture.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seed = 1;
static uint64_t draw(uint64_t below) {
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (seed >> 33) % below;
}

enum { SYMBOLS = 4 };

static void add_slot(NativeFixture *f, Dim dim, uint32_t level) {
    LoopProgram *loops = &f->loops;
    bool added;
    MapEntry *entry = map_insert(&loops->slot_of_dim, (const char *)&dim, sizeof dim, &added);
    if (!added) return;
    *ARENA_PUSH(loops->arena, loops->slots, loops->slot_count, loops->slot_capacity) =
        (LoopSlot){dim, level};
    entry->value = (void *)(uintptr_t)loops->slot_count;
}

static void add_symbols(NativeFixture *f, Dim *dims) {
    static const char *const names[SYMBOLS] = {"a", "b", "c", "d"};
    for (int k = 0; k < SYMBOLS; k++) {
        dims[k] = dim_symbol(f->compilation.graph->dims, DIM_OF_VALUE, names[k]);
        dims[k]->symbol->minimum = INT64_MIN;
        add_slot(f, dims[k], k == SYMBOLS - 1);
    }
    f->loops.symbol_count = SYMBOLS;
    f->loops.level_count = 2;
    f->loops.workspace_slots = arena_alloc(f->arena, 2 * sizeof(uint32_t));
}

static Dim combine(DimTable *t, Dim x, Dim y, Dim z) {
    switch (draw(11)) {
    case 0:
    case 1: return dim_add(t, x, y);
    case 2: return dim_subtract(t, x, y);
    case 3: return dim_multiply(t, x, y);
    case 4: return dim_floor_divide(t, x, y);
    case 5: return dim_modulo(t, x, y);
    case 6: return dim_maximum(t, x, y);
    case 7: return dim_minimum(t, x, y);
    case 8: return dim_equal(t, x, y);
    case 9: return dim_less(t, x, y);
    default: return dim_select(t, x, y, z);
    }
}

static int64_t edge_number(void) {
    static const int64_t numbers[] = {
        0, 1, -1, 2, 3, 7, -5, 1000, INT64_MAX, INT64_MIN, INT64_C(1) << 40, -(INT64_C(1) << 35)};
    return numbers[draw(sizeof numbers / sizeof *numbers)];
}

static bool depends_on(Dim dim, Dim symbol) {
    return dim == symbol || dim_contains(dim, symbol);
}

static void check_random(int optimisation) {
    NativeFixture *f = native_fixture_create("x86-64-v2", optimisation);
    DimTable *t = f->compilation.graph->dims;
    Dim made[400];
    add_symbols(f, made);
    size_t count = SYMBOLS;
    for (int64_t k = -2; k <= 3; k++) made[count++] = dim_constant(t, k);
    for (; count < 400; count++) {
        Dim recent = made[count - 1 - draw(count < 30 ? count : 30)];
        made[count] = combine(t, recent, made[draw(count)], made[draw(count)]);
        if (made[count]->kind == DIM_OVERFLOW) made[count] = made[draw(count)];
    }
    for (size_t k = SYMBOLS; k < count; k++)
        if (!dim_is_constant(made[k], NULL) && made[k]->kind != DIM_OVERFLOW && draw(2))
            add_slot(f, made[k], depends_on(made[k], made[SYMBOLS - 1]));
    native_fixture_build(f);
    native_fixture_load(f);
    cr_assert(f->model->settle != NULL);
    int64_t *dims = arena_alloc_array(f->arena, f->model->slot_count, sizeof *dims);
    for (int round = 0; round < 200; round++) {
        memset(dims, 0xa5, f->model->slot_count * sizeof *dims);
        for (int k = 0; k < SYMBOLS; k++) dims[k] = edge_number();
        f->model->settle(dims, 0);
        f->model->settle(dims, 1);
        for (size_t k = SYMBOLS; k < f->loops.slot_count; k++)
            cr_assert_eq(dims[k], dim_evaluate(f->loops.slots[k].dim, dims, NULL));
    }
    native_fixture_destroy(f);
}
Test(native_settle, gives_the_numbers_of_dim_evaluate) {
    for (int k = 0; k < 6; k++) check_random(k % 2 ? 2 : 0);
}

/* Many sizes: no recursion, and time in proportion. Expressions deeper than the table allows count
 * as overflowed. */
Test(native_settle, long_chains) {
    NativeFixture *f = native_fixture_create("x86-64-v3", 2);
    DimTable *t = f->compilation.graph->dims;
    Dim symbols[SYMBOLS];
    add_symbols(f, symbols);
    Dim last = symbols[0];
    for (int64_t k = 0; k < 20000; k++) {
        last = dim_floor_divide(t, dim_add(t, last, symbols[1]), symbols[2]);
        if (k % 7 == 0) add_slot(f, last, 0);
        if (last->kind == DIM_OVERFLOW) last = dim_add(t, symbols[0], dim_constant(t, k));
    }
    native_fixture_build(f);
    native_fixture_load(f);
    int64_t *dims = arena_alloc_array(f->arena, f->model->slot_count, sizeof *dims);
    dims[0] = 500, dims[1] = 9, dims[2] = 2;
    f->model->settle(dims, 0);
    for (size_t k = SYMBOLS; k < f->loops.slot_count; k++)
        cr_assert_eq(dims[k], dim_evaluate(f->loops.slots[k].dim, dims, NULL));
    native_fixture_destroy(f);
}
