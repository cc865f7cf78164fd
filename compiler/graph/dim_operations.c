/* dim_operations.c: the operations that are not polynomials, simplified by what is known of their
 * operands' ranges. */
#include "graph/dim.h"
#include "graph/dim_table.h"
#include "support/checked.h"
#include <stdlib.h>
#include <string.h>

static bool is_overflow(Dim a, Dim b) {
    return a->kind == DIM_OVERFLOW || b->kind == DIM_OVERFLOW;
}

static Dim binary(DimTable *table, DimKind kind, Dim a, Dim b) {
    return dim_operation(table, kind, (Dim[]){a, b}, 2);
}

/* The same for operations that do not care about the order of their operands. */
static Dim commutative(DimTable *table, DimKind kind, Dim a, Dim b) {
    return a->id < b->id ? binary(table, kind, a, b) : binary(table, kind, b, a);
}

static int64_t floor_divide(int64_t a, int64_t b) {
    int64_t quotient = a / b;
    return quotient - (a % b != 0 && (a % b < 0) != (b < 0));
}

static int64_t greatest_common_divisor(int64_t a, int64_t b) {
    uint64_t x = a < 0 ? 0 - (uint64_t)a : (uint64_t)a, y = b < 0 ? 0 - (uint64_t)b : (uint64_t)b;
    while (y) {
        uint64_t rest = x % y;
        x = y;
        y = rest;
    }
    return x > INT64_MAX ? 1 : (int64_t)x;
}

static const DimTerm *terms_of(const DimTerms *view) {
    return view->terms ? view->terms : &view->single;
}

/* ---- Division ---- */

/* Whether some axis inside `dim` counts to a multiple of `factor`: where such an axis has a value,
 * the factor is not 0. */
static bool axis_shows_positive(Dim dim, Dim factor, int depth) {
    if (!dim->has_axis || depth > 32) return false;
    if (dim->kind == DIM_AXIS) {
        const Dim *factors;
        Dim size = dim->size;
        size_t count = dim_factors(&size, &factors);
        if (size->kind == DIM_SUM && size->constant == 0 && size->term_count == 1)
            count = dim_factors(&size->terms[0].product, &factors);
        for (size_t i = 0; i < count; i++)
            if (factors[i] == factor) return true;
        return size == factor;
    }
    for (size_t i = 0; i < dim->term_count; i++)
        if (axis_shows_positive(dim->terms[i].product, factor, depth + 1)) return true;
    for (size_t i = 0; i < dim->operand_count; i++)
        if (axis_shows_positive(dim->operands[i], factor, depth + 1)) return true;
    return false;
}

/* Whether b is above 0 wherever a has a value. */
static bool is_positive(Dim b, Dim a) {
    if (dim_low(b) >= 1) return true;
    if (axis_shows_positive(a, b, 0)) return dim_low(b) >= 0;
    DimTerms view;
    dim_view(b, &view);
    if (view.count != 1 || view.constant != 0 || terms_of(&view)[0].coefficient < 0) return false;
    const Dim *factors;
    size_t count = dim_factors(&terms_of(&view)[0].product, &factors);
    for (size_t i = 0; i < count; i++)
        if (dim_low(factors[i]) < 1 &&
            !(dim_low(factors[i]) == 0 && axis_shows_positive(a, factors[i], 0)))
            return false;
    return true;
}

/* a = b * *quotient + *rest, taking out the terms that b (one term, not 0) divides, and the
 * multiples of b in a's constant. */
static void take_out_multiples(DimTable *table, Dim a, Dim b, Dim *quotient, Dim *rest) {
    *quotient = table->zero;
    *rest = a;
    DimTerms x, y;
    dim_view(b, &y);
    int64_t divisor = 1;
    Dim product = table->one;
    if (y.count == 0) {
        divisor = y.constant;
    } else if (y.count == 1 && y.constant == 0) {
        divisor = terms_of(&y)[0].coefficient;
        product = terms_of(&y)[0].product;
    } else { /* a sum divides itself and its multiples at most */
        Dim whole = dim_divide_exactly(table, a, b);
        if (whole) {
            *quotient = whole;
            *rest = table->zero;
        }
        return;
    }
    dim_view(a, &x);
    if (x.count > DIM_MAXIMUM_TERMS || divisor == 0 || divisor == -1) return;
    DimTerm out[DIM_MAXIMUM_TERMS], in[DIM_MAXIMUM_TERMS];
    size_t out_count = 0, in_count = 0;
    for (size_t i = 0; i < x.count; i++) {
        DimTerm term = terms_of(&x)[i];
        Dim left = term.coefficient % divisor == 0
                       ? dim_remove_factors(table, term.product, product)
                       : NULL;
        if (left)
            out[out_count++] = (DimTerm){term.coefficient / divisor, left};
        else
            in[in_count++] = term;
    }
    int64_t out_constant = 0, in_constant = x.constant;
    if (product == table->one) {
        out_constant = floor_divide(x.constant, divisor);
        in_constant = x.constant - out_constant * divisor;
    }
    /* what is left of a divided product may be the number 1 */
    Dim sum = dim_constant(table, out_constant);
    for (size_t i = 0; i < out_count; i++)
        sum = dim_add(table, sum,
                      dim_multiply(table, dim_constant(table, out[i].coefficient), out[i].product));
    *quotient = sum;
    *rest = dim_from_terms(table, in_constant, in, in_count);
}

/* Whether 0 <= a < b wherever a has a value. */
static bool lies_below(DimTable *table, Dim a, Dim b) {
    if (!dim_is_nonnegative(table, a)) return false;
    if (dim_high(a) != INT64_MAX && dim_high(a) < dim_low(b)) return true;
    Dim most = dim_upper_bound(table, a);
    if (!most) return false;
    Dim room = dim_subtract(table, dim_subtract(table, b, most), table->one);
    return room->kind != DIM_OVERFLOW && dim_low(room) >= 0;
}

/* The greatest number that divides every coefficient of a's terms and `start`. */
static int64_t common_divisor(Dim a, int64_t start) {
    DimTerms view;
    dim_view(a, &view);
    for (size_t i = 0; i < view.count && start != 1; i++)
        start = greatest_common_divisor(start, terms_of(&view)[i].coefficient);
    return start;
}

/* a without its constant, divided by g, which divides every coefficient. */
static Dim divide_terms(DimTable *table, Dim a, int64_t g, int64_t constant) {
    DimTerms view;
    dim_view(a, &view);
    if (view.count > DIM_MAXIMUM_TERMS) return NULL;
    DimTerm terms[DIM_MAXIMUM_TERMS];
    for (size_t i = 0; i < view.count; i++)
        terms[i] = (DimTerm){terms_of(&view)[i].coefficient / g, terms_of(&view)[i].product};
    return dim_from_terms(table, constant, terms, view.count);
}

/* floor(rest / b) where no term of rest is a multiple of b; b is above 0 and constant. */
static Dim divide_by_constant(DimTable *table, Dim rest, int64_t b) {
    DimTerms view;
    dim_view(rest, &view);
    /* floor((g x + c) / (g b)) = floor((x + floor(c / g)) / b) */
    int64_t g = common_divisor(rest, b);
    Dim smaller = g > 1 ? divide_terms(table, rest, g, floor_divide(view.constant, g)) : NULL;
    if (smaller) return dim_floor_divide(table, smaller, dim_constant(table, b / g));
    /* floor((floor(x / m) + c) / b) = floor((x + c m) / (m b)) */
    if (view.count == 1 && terms_of(&view)[0].coefficient == 1) {
        Dim inner = terms_of(&view)[0].product;
        int64_t m, both, shift;
        if (inner->kind == DIM_FLOOR_DIVIDE && dim_is_constant(inner->operands[1], &m) && m > 0 &&
            checked_multiply(m, b, &both) && checked_multiply(view.constant, m, &shift))
            return dim_floor_divide(table,
                                    dim_add(table, inner->operands[0], dim_constant(table, shift)),
                                    dim_constant(table, both));
    }
    return binary(table, DIM_FLOOR_DIVIDE, rest, dim_constant(table, b));
}

Dim dim_floor_divide(DimTable *table, Dim a, Dim b) {
    if (is_overflow(a, b)) return table->overflow;
    int64_t x, y;
    if (dim_is_constant(b, &y)) {
        if (y == 0) return table->zero;
        if (y == 1) return a;
        if (y == -1) return dim_subtract(table, table->zero, a);
        if (dim_is_constant(a, &x)) return dim_constant(table, floor_divide(x, y));
    }
    if (dim_is(a, 0)) return a;
    bool positive = is_positive(b, a);
    if (!positive && b->kind != DIM_CONSTANT) return binary(table, DIM_FLOOR_DIVIDE, a, b);
    Dim quotient, rest;
    take_out_multiples(table, a, b, &quotient, &rest);
    if (dim_is(rest, 0)) return quotient;
    if (positive && lies_below(table, rest, b)) return quotient;
    Dim divided = b->kind == DIM_CONSTANT && positive ? divide_by_constant(table, rest, b->constant)
                                                      : binary(table, DIM_FLOOR_DIVIDE, rest, b);
    return dim_add(table, quotient, divided);
}

Dim dim_modulo(DimTable *table, Dim a, Dim b) {
    if (is_overflow(a, b)) return table->overflow;
    int64_t x, y;
    if (dim_is_constant(b, &y)) {
        if (y == 0 || y == 1 || y == -1) return table->zero;
        if (dim_is_constant(a, &x)) return dim_constant(table, x - y * floor_divide(x, y));
    }
    if (dim_is(a, 0) || a == b) return table->zero;
    bool positive = is_positive(b, a);
    if (!positive && b->kind != DIM_CONSTANT) {
        /* by zero gives 0, as does any multiple of b */
        return dim_divide_exactly(table, a, b) ? table->zero : binary(table, DIM_MODULO, a, b);
    }
    Dim quotient, rest;
    take_out_multiples(table, a, b, &quotient, &rest);
    if (dim_is(rest, 0)) return rest;
    if (positive && lies_below(table, rest, b)) return rest;
    if (b->kind == DIM_CONSTANT && positive) {
        /* (g x + c) mod (g b) = g ((x + floor(c / g)) mod b) + c mod g */
        int64_t g = common_divisor(rest, y);
        DimTerms view;
        dim_view(rest, &view);
        int64_t down = floor_divide(view.constant, g > 0 ? g : 1);
        Dim smaller = g > 1 ? divide_terms(table, rest, g, down) : NULL;
        if (smaller)
            return dim_add(table,
                           dim_multiply(table, dim_constant(table, g),
                                        dim_modulo(table, smaller, dim_constant(table, y / g))),
                           dim_constant(table, view.constant - g * down));
        int64_t inner;
        if (rest->kind == DIM_MODULO && dim_is_constant(rest->operands[1], &inner) && inner > 0 &&
            inner % y == 0)
            return dim_modulo(table, rest->operands[0], b);
    }
    return binary(table, DIM_MODULO, rest, b);
}

Dim dim_ceil_divide(DimTable *table, Dim a, Dim b) {
    return dim_floor_divide(table, dim_subtract(table, dim_add(table, a, b), table->one), b);
}

/* Order of monomials for long division: more factors first, then the ids of the factors. */
static int compare_monomials(Dim a, Dim b) {
    if (a == b) return 0;
    const Dim *x, *y;
    size_t x_count = dim_factors(&a, &x), y_count = dim_factors(&b, &y);
    if (x_count != y_count) return x_count < y_count ? -1 : 1;
    for (size_t i = 0; i < x_count; i++)
        if (x[i] != y[i])
            return x[i]->id > y[i]->id ? -1 : 1; /* a smaller id is a greater factor */
    return 0;
}

static DimTerm leading_term(DimTable *table, Dim dim) {
    DimTerms view;
    dim_view(dim, &view);
    if (view.count == 0) return (DimTerm){view.constant, table->one};
    DimTerm best = terms_of(&view)[0];
    for (size_t i = 1; i < view.count; i++)
        if (compare_monomials(best.product, terms_of(&view)[i].product) < 0)
            best = terms_of(&view)[i];
    return best;
}

Dim dim_divide_exactly(DimTable *table, Dim a, Dim b) {
    if (is_overflow(a, b) || dim_is(b, 0)) return NULL;
    DimTerm divisor = leading_term(table, b);
    Dim quotient = table->zero;
    for (int step = 0; step < 64; step++) {
        if (dim_is(a, 0)) return quotient;
        if (a->kind == DIM_OVERFLOW || divisor.coefficient == -1) break;
        DimTerm term = leading_term(table, a);
        if (term.coefficient % divisor.coefficient != 0) break;
        Dim left = term.product == table->one && divisor.product != table->one
                       ? NULL
                       : dim_remove_factors(table, term.product, divisor.product);
        if (!left) break;
        Dim part =
            dim_multiply(table, dim_constant(table, term.coefficient / divisor.coefficient), left);
        quotient = dim_add(table, quotient, part);
        a = dim_subtract(table, a, dim_multiply(table, part, b));
    }
    return NULL;
}

/* ---- Choice ---- */

static bool is_never_below(DimTable *table, Dim a, Dim b) {
    if (dim_low(a) != INT64_MIN && dim_high(b) != INT64_MAX && dim_low(a) >= dim_high(b))
        return true;
    Dim difference = dim_subtract(table, a, b);
    return difference->kind != DIM_OVERFLOW && dim_is_nonnegative(table, difference);
}

static bool has_operand(Dim dim, DimKind kind, Dim operand) {
    return dim->kind == kind && (dim->operands[0] == operand || dim->operands[1] == operand);
}

static Dim extreme(DimTable *table, DimKind kind, Dim a, Dim b) {
    if (is_overflow(a, b)) return table->overflow;
    if (has_operand(a, kind, b)) return a;
    if (has_operand(b, kind, a)) return b;
    if (is_never_below(table, a, b)) return kind == DIM_MAXIMUM ? a : b;
    if (is_never_below(table, b, a)) return kind == DIM_MAXIMUM ? b : a;
    return commutative(table, kind, a, b);
}

Dim dim_maximum(DimTable *table, Dim a, Dim b) {
    return extreme(table, DIM_MAXIMUM, a, b);
}
Dim dim_minimum(DimTable *table, Dim a, Dim b) {
    return extreme(table, DIM_MINIMUM, a, b);
}

DimAnswer dim_compare(DimTable *table, Dim a, Dim b) {
    if (is_overflow(a, b)) return DIM_UNKNOWN;
    if (a == b) return DIM_YES;
    Dim difference = dim_subtract(table, a, b);
    if (difference->kind == DIM_OVERFLOW) return DIM_UNKNOWN;
    if (difference->kind == DIM_CONSTANT) return difference->constant == 0 ? DIM_YES : DIM_NO;
    if (dim_low(difference) > 0 || dim_high(difference) < 0) return DIM_NO;
    DimTerms view;
    dim_view(difference, &view);
    int64_t g = common_divisor(difference, 0);
    if (g > 1 && view.constant % g != 0) return DIM_NO;
    return DIM_UNKNOWN;
}

Dim dim_equal(DimTable *table, Dim a, Dim b) {
    if (is_overflow(a, b)) return table->overflow;
    switch (dim_compare(table, a, b)) {
    case DIM_YES: return table->one;
    case DIM_NO: return table->zero;
    case DIM_UNKNOWN: break;
    }
    return commutative(table, DIM_EQUAL, a, b);
}

Dim dim_less(DimTable *table, Dim a, Dim b) {
    if (is_overflow(a, b)) return table->overflow;
    if (is_never_below(table, a, b)) return table->zero;
    if (is_never_below(table, dim_subtract(table, b, table->one), a)) return table->one;
    return binary(table, DIM_LESS, a, b);
}

Dim dim_select(DimTable *table, Dim condition, Dim a, Dim b) {
    if (a == b) return a;
    if (condition->kind == DIM_OVERFLOW || is_overflow(a, b)) return table->overflow;
    if (dim_low(condition) > 0 || dim_high(condition) < 0) return a;
    if (dim_is(condition, 0)) return b;
    /* x == y ? x : y and x == y ? y : x are y and x */
    if (condition->kind == DIM_EQUAL && has_operand(condition, DIM_EQUAL, a) &&
        has_operand(condition, DIM_EQUAL, b))
        return b;
    if (dim_is(a, 1) && dim_is(b, 0) && dim_low(condition) >= 0 && dim_high(condition) == 1)
        return condition;
    return dim_operation(table, DIM_SELECT, (Dim[]){condition, a, b}, 3);
}

Dim dim_not(DimTable *table, Dim a) {
    return dim_equal(table, a, table->zero);
}

/* A condition as 0 or 1. */
static Dim truth(DimTable *table, Dim a) {
    return dim_low(a) >= 0 && dim_high(a) <= 1 ? a
                                               : dim_subtract(table, table->one, dim_not(table, a));
}

Dim dim_and(DimTable *table, Dim a, Dim b) {
    if (is_overflow(a, b)) return table->overflow;
    return dim_minimum(table, truth(table, a), truth(table, b));
}

Dim dim_or(DimTable *table, Dim a, Dim b) {
    if (is_overflow(a, b)) return table->overflow;
    return dim_maximum(table, truth(table, a), truth(table, b));
}

/* ---- Broadcasting ---- */

#define BROADCAST_LEAVES 16

/* x == 1 ? y : x, as dim_broadcast makes it. */
static bool is_broadcast(DimTable *table, Dim dim) {
    return dim->kind == DIM_SELECT && dim->operands[0]->kind == DIM_EQUAL &&
           has_operand(dim->operands[0], DIM_EQUAL, table->one) &&
           has_operand(dim->operands[0], DIM_EQUAL, dim->operands[2]);
}

static bool add_leaf(Dim *leaves, size_t *count, Dim leaf) {
    size_t at = 0;
    while (at < *count && leaves[at]->id < leaf->id) at++;
    if (at < *count && leaves[at] == leaf) return true;
    if (*count == BROADCAST_LEAVES) return false;
    memmove(leaves + at + 1, leaves + at, (*count - at) * sizeof *leaves);
    leaves[at] = leaf;
    ++*count;
    return true;
}

/* The sizes that went into a broadcast, each once, by id. */
static bool collect_leaves(DimTable *table, Dim dim, Dim *leaves, size_t *count) {
    for (; is_broadcast(table, dim); dim = dim->operands[2])
        if (is_broadcast(table, dim->operands[1]) || !add_leaf(leaves, count, dim->operands[1]))
            return false;
    return add_leaf(leaves, count, dim);
}

static Dim broadcast_of_two(DimTable *table, Dim a, Dim b) {
    return dim_select(table, dim_equal(table, a, table->one), b, a);
}

Dim dim_broadcast(DimTable *table, Dim a, Dim b) {
    if (is_overflow(a, b)) return table->overflow;
    if (a == b || dim_is(b, 1)) return a;
    if (dim_is(a, 1)) return b;
    /* One that cannot be 1 is the result, if they fit together at all. */
    if (a->kind == DIM_CONSTANT) return a;
    if (b->kind == DIM_CONSTANT) return b;
    if (dim_low(a) > 1) return a;
    if (dim_low(b) > 1) return b;
    Dim leaves[BROADCAST_LEAVES];
    size_t count = 0;
    if (!collect_leaves(table, a, leaves, &count) || !collect_leaves(table, b, leaves, &count))
        return broadcast_of_two(table, a, b);
    Dim result = leaves[0];
    for (size_t i = 1; i < count; i++) result = broadcast_of_two(table, result, leaves[i]);
    return result;
}
