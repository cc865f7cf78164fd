/* Symbolic numbers: the canonical form keeps the value, equal expressions are one pointer, ranges
 * hold. */
#include "graph/dim.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYMBOLS 4
#define AXES    3
#define POOL    400

static Arena *arena;
static DimTable *table;

static void set_up(void) {
    arena = arena_create();
    table = dim_table_create(arena);
}
static void tear_down(void) {
    arena_destroy(arena);
}

TestSuite(dim, .init = set_up, .fini = tear_down);

static Dim number(int64_t n) {
    return dim_constant(table, n);
}

static const char *printed(Dim dim) {
    Text text = {.arena = arena};
    dim_print(&text, dim);
    return text.bytes;
}

Test(dim, equal_expressions_are_one) {
    Dim n = dim_named(table, "n"), m = dim_named(table, "m");
    Dim a = dim_multiply(table, dim_add(table, n, m), dim_subtract(table, n, m));
    Dim b = dim_subtract(table, dim_multiply(table, n, n), dim_multiply(table, m, m));
    cr_assert_eq(a, b);
    cr_assert_eq(dim_named(table, "n"), n);
    cr_assert_eq(dim_subtract(table, a, b), number(0));
}

Test(dim, divides_what_it_multiplied) {
    Dim n = dim_named(table, "n"), m = dim_named(table, "m");
    Dim sum = dim_add(table, n, number(1));
    cr_assert_eq(dim_divide_exactly(table, dim_multiply(table, n, m), m), n);
    cr_assert_eq(dim_divide_exactly(table, dim_multiply(table, sum, m), sum), m);
    cr_assert_null(dim_divide_exactly(table, dim_multiply(table, n, number(3)), number(2)));
    cr_assert_null(dim_divide_exactly(table, n, number(0)));
}

/* A linear index over axes comes apart again, whatever the sizes. */
Test(dim, unravels_linear_indices) {
    Dim h = dim_named(table, "h"), w = dim_named(table, "w"), b = dim_named(table, "b");
    Dim i = dim_axis(table, 0, b), j = dim_axis(table, 1, h), k = dim_axis(table, 2, w);
    Dim linear =
        dim_add(table, dim_multiply(table, dim_add(table, dim_multiply(table, i, h), j), w), k);
    cr_assert_eq(dim_modulo(table, linear, w), k);
    Dim rows = dim_floor_divide(table, linear, w);
    cr_assert_eq(dim_floor_divide(table, rows, h), i);
    cr_assert_eq(dim_modulo(table, rows, h), j);
    cr_assert_eq(dim_floor_divide(table, linear, dim_multiply(table, h, w)), i);
    cr_assert(dim_is_nonnegative(table, dim_subtract(table, dim_subtract(table, w, number(1)), k)));
    Dim coefficient, rest;
    cr_assert(dim_split(table, linear, j, &coefficient, &rest));
    cr_assert_eq(coefficient, w);
}

Test(dim, nested_divisions_join) {
    Dim n = dim_named(table, "n");
    Dim half = dim_ceil_divide(table, n, number(2));
    cr_assert_eq(dim_ceil_divide(table, half, number(2)), dim_ceil_divide(table, n, number(4)));
    cr_assert_str_eq(printed(dim_ceil_divide(table, n, number(4))), "(n + 3) // 4");
    cr_assert_str_eq(printed(dim_subtract(table, dim_multiply(table, n, number(2)), number(1))),
                     "2*n - 1");
}

Test(dim, broadcasts_do_not_depend_on_order) {
    Dim a = dim_named(table, "a"), b = dim_named(table, "b"), c = dim_named(table, "c");
    Dim left = dim_broadcast(table, dim_broadcast(table, a, b), c);
    Dim right = dim_broadcast(table, c, dim_broadcast(table, b, a));
    cr_assert_eq(left, right);
    cr_assert_eq(dim_broadcast(table, left, b), left);
    cr_assert_eq(dim_broadcast(table, a, number(1)), a);
    cr_assert_eq(dim_broadcast(table, a, number(5)), number(5));
    cr_assert_eq(dim_broadcast(table, a, a), a);
}

Test(dim, overflow_absorbs) {
    Dim big = number(INT64_MAX);
    cr_assert_eq(dim_add(table, big, number(1)), dim_overflow(table));
    cr_assert_eq(dim_multiply(table, big, number(2)), dim_overflow(table));
    cr_assert_eq(dim_add(table, dim_overflow(table), number(-1)), dim_overflow(table));
    cr_assert_eq(dim_multiply(table, dim_overflow(table), number(0)), number(0));
    cr_assert_eq(dim_floor_divide(table, number(INT64_MIN), number(-1)), dim_overflow(table));
}

/* A size that grows at every step of a long chain ends as an overflow, not in an exhausted stack or
 * memory. */
Test(dim, deep_expressions_end) {
    Dim d = dim_named(table, "n");
    for (int i = 0; i < 5000; i++) {
        char name[16];
        snprintf(name, sizeof name, "m%d", i);
        d = dim_maximum(table, dim_floor_divide(table, d, dim_named(table, name)),
                        dim_named(table, name));
    }
    cr_assert_eq(d, dim_overflow(table));
    Dim sum = number(0);
    for (int i = 0; i < 5000; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%d", i);
        sum = dim_add(table, sum, dim_named(table, name));
    }
    cr_assert_neq(sum, dim_overflow(table));
    int64_t *values = calloc(20000, sizeof *values);
    for (int i = 0; i < 20000; i++) values[i] = 2;
    cr_assert_eq(dim_evaluate(sum, values, NULL), 10000);
    free(values);
}

/* Shared parts are evaluated once: this one has 2^60 nodes when written out. */
Test(dim, shared_parts_are_cheap) {
    Dim n = dim_named(table, "n"), d = n;
    for (int i = 0; i < 60; i++)
        d = dim_select(table, dim_less(table, d, number(i)), dim_maximum(table, d, number(3 * i)),
                       dim_minimum(table, d, number(5 * i + 7)));
    int64_t value = 9;
    cr_assert_lt(dim_evaluate(d, &value, NULL), 1000);
    cr_assert(dim_contains(d, n));
    cr_assert_not_null(dim_substitute(table, d, &n, (Dim[]){number(4)}, 1));
}

/* ---- Random expressions, computed both ways ---- */

static uint64_t state = 88172645463325252ull;
static unsigned draw(unsigned below) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 11) % below;
}

/* One assignment of numbers; pool[k] is the value of expression k computed step by step. */
#define WORLDS 24
static int64_t symbol_values[WORLDS][SYMBOLS], axis_values[WORLDS][AXES];
static int64_t pool_values[POOL][WORLDS];
static Dim pool[POOL];

static int64_t floored(int64_t a, int64_t b) {
    if (b == 0) return 0;
    int64_t q = a / b;
    return q - (a % b != 0 && ((a % b < 0) != (b < 0)));
}

static int64_t computed(unsigned op, int64_t a, int64_t b, int64_t c) {
    switch (op) {
    case 0: return a + b;
    case 1: return a - b;
    case 2: return a * b;
    case 3: return floored(a, b);
    case 4: return b == 0 ? 0 : a - b * floored(a, b);
    case 5: return a > b ? a : b;
    case 6: return a < b ? a : b;
    case 7: return a == b;
    case 8: return a < b;
    case 9: return c ? a : b;
    case 10: return b == 0 ? 0 : floored(a + b - 1, b);
    case 11: return a && b;
    default: return a || b;
    }
}

static Dim applied(unsigned op, Dim a, Dim b, Dim c) {
    switch (op) {
    case 0: return dim_add(table, a, b);
    case 1: return dim_subtract(table, a, b);
    case 2: return dim_multiply(table, a, b);
    case 3: return dim_floor_divide(table, a, b);
    case 4: return dim_modulo(table, a, b);
    case 5: return dim_maximum(table, a, b);
    case 6: return dim_minimum(table, a, b);
    case 7: return dim_equal(table, a, b);
    case 8: return dim_less(table, a, b);
    case 9: return dim_select(table, c, a, b);
    case 10: return dim_ceil_divide(table, a, b);
    case 11: return dim_and(table, a, b);
    default: return dim_or(table, a, b);
    }
}

static size_t make_leaves(bool with_axes) {
    size_t count = 0;
    for (int s = 0; s < SYMBOLS; s++) {
        Dim d = dim_symbol(table, s == 3 ? DIM_OF_VALUE : DIM_NAMED, "s");
        for (int w = 0; w < WORLDS; w++) {
            int64_t v = with_axes ? 1 + (int64_t)draw(5) : (int64_t)draw(5);
            if (s == 3) v = (int64_t)draw(11) - 5;
            pool_values[count][w] = symbol_values[w][s] = v;
        }
        pool[count++] = d;
    }
    for (int a = 0; with_axes && a < AXES; a++) {
        Dim size = a < 2 ? pool[a] : dim_add(table, pool[2], number(1));
        for (int w = 0; w < WORLDS; w++) {
            int64_t limit = a < 2 ? symbol_values[w][a] : symbol_values[w][2] + 1;
            pool_values[count][w] = axis_values[w][a] = (int64_t)draw((unsigned)limit);
        }
        pool[count++] = dim_axis(table, a, size);
    }
    for (int64_t n = -3; n <= 6; n++) {
        for (int w = 0; w < WORLDS; w++) pool_values[count][w] = n;
        pool[count++] = number(n);
    }
    return count;
}

static void check(size_t at) {
    Dim upper = dim_upper_bound(table, pool[at]), lower = dim_lower_bound(table, pool[at]);
    for (int w = 0; w < WORLDS; w++) {
        int64_t want = pool_values[at][w],
                got = dim_evaluate(pool[at], symbol_values[w], axis_values[w]);
        cr_assert_eq(got, want, "%s is %lld, not %lld", printed(pool[at]), (long long)got,
                     (long long)want);
        cr_assert_leq(dim_low(pool[at]), want, "lower end of %s", printed(pool[at]));
        cr_assert_geq(dim_high(pool[at]), want, "upper end of %s", printed(pool[at]));
        if (dim_is_nonnegative(table, pool[at])) cr_assert_geq(want, 0);
        if (upper)
            cr_assert_geq(dim_evaluate(upper, symbol_values[w], NULL), want, "bound of %s",
                          printed(pool[at]));
        if (lower)
            cr_assert_leq(dim_evaluate(lower, symbol_values[w], NULL), want, "bound of %s",
                          printed(pool[at]));
    }
}

static void grow_randomly(bool with_axes) {
    size_t leaves = make_leaves(with_axes), count = leaves;
    while (count < POOL) {
        size_t i = draw((unsigned)count), j = draw((unsigned)count), k = draw((unsigned)count);
        unsigned op = draw(3) == 0 ? draw(13) : draw(5);
        bool small = true;
        for (int w = 0; w < WORLDS; w++) {
            int64_t v = computed(op, pool_values[i][w], pool_values[j][w], pool_values[k][w]);
            pool_values[count][w] = v;
            small &= v > -1000000 && v < 1000000;
        }
        if (!small) continue;
        pool[count] = applied(op, pool[i], pool[j], pool[k]);
        if (pool[count]->kind == DIM_OVERFLOW) continue;
        check(count);
        /* What compares as certainly different differs, in every world; what is certainly equal
         * does not. */
        DimAnswer answer = dim_compare(table, pool[count], pool[k]);
        for (int w = 0; w < WORLDS; w++) {
            if (answer == DIM_NO) cr_assert_neq(pool_values[count][w], pool_values[k][w]);
            if (answer == DIM_YES) cr_assert_eq(pool_values[count][w], pool_values[k][w]);
        }
        Dim quotient = dim_divide_exactly(table, pool[count], pool[j]);
        for (int w = 0; quotient && w < WORLDS; w++)
            cr_assert_eq(dim_evaluate(quotient, symbol_values[w], axis_values[w]) *
                             pool_values[j][w],
                         pool_values[count][w]);
        count++;
    }
    /* Substituting numbers gives the number. */
    for (size_t at = leaves; at < count; at += 7) {
        Dim to[SYMBOLS];
        for (int s = 0; s < SYMBOLS; s++) to[s] = number(symbol_values[1][s]);
        if (!with_axes)
            cr_assert_eq(dim_substitute(table, pool[at], pool, to, SYMBOLS),
                         number(pool_values[at][1]));
    }
}

Test(dim, random_expressions_keep_their_value) {
    for (int round = 0; round < 40; round++) {
        table = dim_table_create(arena);
        grow_randomly(round % 2 == 1);
    }
}
