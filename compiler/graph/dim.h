/* dim.h: whole numbers that are known now or only when the model runs.
 *
 * A Dim is a number or a symbolic expression: sizes of dimensions, elements of small integer
 * tensors, and, on the kernel level, index expressions over a kernel's axes. Expressions are kept
 * in one canonical form, a sum of products of atoms with constant coefficients, and every
 * expression exists once in its table; so two Dims are the same number if the pointers are equal,
 * and `dim_compare` tells when they are certainly different. An atom is a symbol, an axis, or an
 * operation that is not a polynomial (floor division, modulo, maximum, minimum, comparison,
 * choice).
 *
 * Constants are computed in 64 bits; an operation whose constant result does not fit gives the
 * table's `overflow` value, which absorbs everything: a shape that contains it is an error to
 * report. So does an expression nested more than DIM_MAXIMUM_DEPTH deep, so that walks may recurse.
 */
#ifndef TFCC_GRAPH_DIM_H
#define TFCC_GRAPH_DIM_H

#include "support/arena.h"
#include "support/text.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIM_MAXIMUM_DEPTH 400

typedef const struct DimNode *Dim;
typedef struct DimTable DimTable;
struct Value;

typedef enum DimKind {
    DIM_CONSTANT,
    DIM_SYMBOL,       /* bound when the model runs */
    DIM_AXIS,         /* counts 0 … size - 1 inside a kernel */
    DIM_SUM,          /* constant + sum of coefficient * term */
    DIM_PRODUCT,      /* of two or more atoms */
    DIM_FLOOR_DIVIDE, /* rounds towards minus infinity; by zero gives 0 */
    DIM_MODULO,       /* a - b * floor(a / b); by zero gives 0 */
    DIM_MAXIMUM,
    DIM_MINIMUM,
    DIM_EQUAL,  /* 0 or 1 */
    DIM_LESS,   /* 0 or 1 */
    DIM_SELECT, /* operands[0] != 0 ? operands[1] : operands[2] */
    DIM_OVERFLOW,
} DimKind;

typedef enum DimSymbolKind {
    DIM_OF_FEED,  /* the size of axis `element` of a value that is fed */
    DIM_NAMED,    /* a named dimension: the size of every axis that bears the name */
    DIM_RANK,     /* the rank of a value that is fed and may have any */
    DIM_OF_VALUE, /* element number `element` (row-major) of the contents of `value`, which is
                     computed during the run */
} DimSymbolKind;

typedef struct DimSymbol {
    DimSymbolKind kind;
    uint32_t number;     /* symbols count from 0 in their table */
    const char *name;    /* for messages and dumps; unique */
    struct Value *value; /* DIM_NAMED: NULL */
    int64_t element;
    int64_t minimum; /* 0 for sizes, INT64_MIN for contents of tensors */
    Dim fallback; /* DIM_OF_FEED, DIM_RANK: the number where the value is computed instead of fed,
                     or NULL */
    bool is_late; /* the fallback is known only when something has been computed: a BIND gives it.
                     Found by the lowering */
    Dim upper;    /* never larger than this, or NULL */
} DimSymbol;

typedef struct DimTerm {
    int64_t coefficient; /* never 0 */
    Dim product;         /* an atom or a DIM_PRODUCT */
} DimTerm;

struct DimNode {
    DimKind kind;
    uint32_t id;          /* in order of creation; the order of terms and factors */
    int64_t constant;     /* DIM_CONSTANT, and the constant part of a DIM_SUM */
    DimSymbol *symbol;    /* DIM_SYMBOL */
    int axis;             /* DIM_AXIS: its number in the kernel */
    Dim size;             /* DIM_AXIS: how far it counts */
    const DimTerm *terms; /* DIM_SUM: term_count of them */
    size_t term_count;
    Dim *operands; /* DIM_PRODUCT: factors in order; else the operands */
    size_t operand_count;
    int64_t low,
        high; /* the number lies in low … high (both included) whatever the symbols and axes are;
                 INT64_MIN and INT64_MAX: no bound. Of a symbol, dim_low and dim_high tell */
    uint32_t depth, weight; /* how deep, and how many nodes when written out, saturating */
    bool has_axis;
};

DimTable *dim_table_create(Arena *arena);
Arena *dim_table_arena(const DimTable *table);

Dim dim_constant(DimTable *table, int64_t number);
Dim dim_overflow(DimTable *table);
/* A new symbol; kind, value, element, minimum, fallback and upper are filled in by the caller. The
 * name is made unique. */
Dim dim_symbol(DimTable *table, DimSymbolKind kind, const char *name);
/* The symbol of a named dimension: one per name. */
Dim dim_named(DimTable *table, const char *name);
/* Axis `number` of any kernel whose axis of that number counts to `size`: equal calls give the same
 * Dim. */
Dim dim_axis(DimTable *table, int number, Dim size);
/* All symbols in order. */
size_t dim_symbol_count(const DimTable *table);
Dim dim_symbol_at(const DimTable *table, size_t number);

Dim dim_add(DimTable *table, Dim a, Dim b);
Dim dim_subtract(DimTable *table, Dim a, Dim b);
Dim dim_multiply(DimTable *table, Dim a, Dim b);
/* Division and modulo simplify with the ranges of axes: (i * n + j) / n is i, % n is j, where j
 * counts to n. */
Dim dim_floor_divide(DimTable *table, Dim a, Dim b);
Dim dim_modulo(DimTable *table, Dim a, Dim b);
Dim dim_ceil_divide(DimTable *table, Dim a, Dim b);
/* a / b where b divides a as a polynomial, whatever the symbols are; else NULL. */
Dim dim_divide_exactly(DimTable *table, Dim a, Dim b);
Dim dim_maximum(DimTable *table, Dim a, Dim b);
Dim dim_minimum(DimTable *table, Dim a, Dim b);
Dim dim_equal(DimTable *table, Dim a, Dim b);
Dim dim_less(DimTable *table, Dim a, Dim b);
Dim dim_select(DimTable *table, Dim condition, Dim a, Dim b);
/* Conditions: 1 where both hold (either is not zero), else 0; 1 where `a` is 0, else 0. */
Dim dim_and(DimTable *table, Dim a, Dim b);
Dim dim_or(DimTable *table, Dim a, Dim b);
Dim dim_not(DimTable *table, Dim a);
/* The size of the broadcast of two sizes: b where a is 1, else a. Whether they fit together is the
 * caller's question. */
Dim dim_broadcast(DimTable *table, Dim a, Dim b);

bool dim_is_constant(Dim dim, int64_t *number); /* number may be NULL */
bool dim_is(Dim dim, int64_t number);
int64_t dim_low(Dim dim);
int64_t dim_high(Dim dim);

typedef enum DimAnswer { DIM_NO, DIM_YES, DIM_UNKNOWN } DimAnswer;
DimAnswer dim_compare(DimTable *table, Dim a, Dim b); /* are they equal? */
/* True when the number is at least 0 whatever the symbols and axes are (sizes are at least their
 * `minimum`). */
bool dim_is_nonnegative(DimTable *table, Dim dim);
/* An expression without axes that is never smaller (larger) than dim, where each axis stands at its
 * worst end. NULL where none is found. */
Dim dim_upper_bound(DimTable *table, Dim dim);
Dim dim_lower_bound(DimTable *table, Dim dim);

/* Replaces from[k] (axes or symbols) by to[k], all at once. */
Dim dim_substitute(DimTable *table, Dim dim, const Dim *from, const Dim *to, size_t count);
/* dim = *coefficient * axis + *rest, with neither containing the axis; false where it is not of
 * that form. */
bool dim_split(DimTable *table, Dim dim, Dim axis, Dim *coefficient, Dim *rest);
bool dim_contains(Dim dim, Dim atom);
bool dim_has_axis(Dim dim);
/* Calls visit for every symbol (axes excluded) that dim depends on, at least once each. */
void dim_each_symbol(Dim dim, void (*visit)(void *context, Dim symbol), void *context);

/* The number, where symbols[k] is the value of symbol k and axes[k] of axis k; saturating as the
 * generated code does. */
int64_t dim_evaluate(Dim dim, const int64_t *symbols, const int64_t *axes);

/* `batch`, `2*batch + 1`, `(n + 3) // 4`, `?` for the size of an unnamed unknown dimension when it
 * stands alone. Axes print as i0, i1, … */
void dim_print(Text *text, Dim dim);

#endif
