/* emit_index.c: index arithmetic: Dims over axes that have a counter, as instructions on int64. */
#include "loops/nest.h"

/* ---- arithmetic ---- */

static bool fold(Emission *e, ScalarOp op, LoopInstruction *a, LoopInstruction *b,
                 LoopInstruction **result) {
    int64_t x, y;
    bool has_x = is_integer_constant(a, &x), has_y = is_integer_constant(b, &y);
    if (has_x && has_y) {
        switch (op) {
        case SCALAR_ADD: y = (int64_t)((uint64_t)x + (uint64_t)y); break;
        case SCALAR_SUBTRACT: y = (int64_t)((uint64_t)x - (uint64_t)y); break;
        case SCALAR_MULTIPLY: y = (int64_t)((uint64_t)x * (uint64_t)y); break;
        case SCALAR_AND: y = x & y; break;
        case SCALAR_MINIMUM: y = x < y ? x : y; break;
        default: return false;
        }
        *result = emission_constant(e, TFCC_INT64,
                                    a->type.lanes > b->type.lanes ? a->type.lanes : b->type.lanes,
                                    (uint64_t)y);
        return true;
    }
    bool is_sum = op == SCALAR_ADD, is_product = op == SCALAR_MULTIPLY;
    if ((is_sum && has_x && x == 0) || (is_product && has_x && x == 1)) return *result = b, true;
    if (((is_sum || op == SCALAR_SUBTRACT) && has_y && y == 0) || (is_product && has_y && y == 1))
        return *result = a, true;
    return false;
}

LoopInstruction *index_operation(Emission *e, ScalarOp op, LoopInstruction *a, LoopInstruction *b) {
    LoopInstruction *result;
    int lanes = a->type.lanes > b->type.lanes ? a->type.lanes : b->type.lanes;
    if (!fold(e, op, a, b, &result)) {
        if (a->type.lanes < lanes) a = loop_splat(&e->b, a, lanes);
        if (b->type.lanes < lanes) b = loop_splat(&e->b, b, lanes);
        bool is_comparison = op >= SCALAR_EQUAL && op <= SCALAR_LESS_EQUAL;
        result = loop_arithmetic(&e->b, op, is_comparison ? TFCC_BOOL : a->type.dtype,
                                 (LoopInstruction *[]){a, b}, 2);
    }
    return result->type.lanes == lanes ? result : loop_splat(&e->b, result, lanes);
}

LoopInstruction *logical_and(Emission *e, LoopInstruction *a, LoopInstruction *b) {
    if (!a || !b) return a ? a : b;
    return index_operation(e, SCALAR_AND, a, b);
}

static LoopInstruction *select_value(Emission *e, LoopInstruction *condition, LoopInstruction *a,
                                     LoopInstruction *b) {
    LoopInstruction *operands[3] = {condition, a, b};
    int lanes = 1;
    for (int k = 0; k < 3; k++)
        lanes = operands[k]->type.lanes > lanes ? operands[k]->type.lanes : lanes;
    for (int k = 0; k < 3; k++)
        if (operands[k]->type.lanes < lanes) operands[k] = loop_splat(&e->b, operands[k], lanes);
    return loop_arithmetic(&e->b, SCALAR_SELECT, a->type.dtype, operands, 3);
}

/* ---- Dims ---- */

static LoopInstruction *emit_axis(Emission *e, Dim axis, int copy) {
    LoopInstruction *counter = e->counters[axis->axis];
    if (axis == e->copy_axis && copy > 0)
        counter = index_operation(e, SCALAR_ADD, counter, emission_integer(e, copy));
    return axis == e->lanes.axis ? loop_ramp(&e->b, counter, e->lanes.count) : counter;
}

/* constant + sum of coefficient * product; what does not depend on axes is one slot, and lanes are
 * added last. */
static LoopInstruction *emit_sum(Emission *e, Dim dim, int copy) {
    DimTable *dims = e->nest->dims;
    Dim fixed = dim_constant(dims, dim->constant), lane_axis = e->lanes.axis;
    LoopInstruction *scalar = NULL, *vector = NULL, *ramp = NULL;
    for (size_t k = 0; k < dim->term_count; k++) {
        Dim coefficient = dim_constant(dims, dim->terms[k].coefficient),
            product = dim->terms[k].product;
        if (!dim_has_axis(product)) {
            fixed = dim_add(dims, fixed, dim_multiply(dims, product, coefficient));
            continue;
        }
        if (product == lane_axis && dim->terms[k].coefficient == 1) {
            ramp = e->counters[product->axis];
            continue;
        }
        LoopInstruction *term = index_operation(e, SCALAR_MULTIPLY, emit_dim(e, product, copy),
                                                emission_size(e, coefficient));
        LoopInstruction **sum = term->type.lanes > 1 ? &vector : &scalar;
        *sum = *sum ? index_operation(e, SCALAR_ADD, *sum, term) : term;
    }
    LoopInstruction *start = emission_size(e, fixed);
    if (scalar) start = index_operation(e, SCALAR_ADD, scalar, start);
    if (ramp) start = loop_ramp(&e->b, index_operation(e, SCALAR_ADD, start, ramp), e->lanes.count);
    return vector ? index_operation(e, SCALAR_ADD, vector, start) : start;
}

static LoopInstruction *emit_product(Emission *e, Dim dim, int copy) {
    DimTable *dims = e->nest->dims;
    Dim fixed = dim_constant(dims, 1);
    LoopInstruction *result = NULL;
    for (size_t k = 0; k < dim->operand_count; k++) {
        if (!dim_has_axis(dim->operands[k])) {
            fixed = dim_multiply(dims, fixed, dim->operands[k]);
            continue;
        }
        LoopInstruction *factor = emit_dim(e, dim->operands[k], copy);
        result = result ? index_operation(e, SCALAR_MULTIPLY, result, factor) : factor;
    }
    LoopInstruction *rest = emission_size(e, fixed);
    return result ? index_operation(e, SCALAR_MULTIPLY, result, rest) : rest;
}

/* Rounds down, 0 where the divisor is. The instruction rounds towards zero, which differs where the
 * signs do and something remains. */
static LoopInstruction *emit_quotient(Emission *e, Dim dim, LoopInstruction *a,
                                      LoopInstruction *b) {
    bool is_modulo = dim->kind == DIM_MODULO;
    if (dim_is_nonnegative(e->nest->dims, dim->operands[0]) &&
        dim_is_nonnegative(e->nest->dims, dim->operands[1])) {
        return index_operation(e, is_modulo ? SCALAR_REMAINDER : SCALAR_DIVIDE, a, b);
    }
    LoopInstruction *quotient = index_operation(e, SCALAR_DIVIDE, a, b);
    LoopInstruction *remainder = index_operation(e, SCALAR_REMAINDER, a, b),
                    *zero = emission_integer(e, 0);
    LoopInstruction *signs =
        index_operation(e, SCALAR_LESS, index_operation(e, SCALAR_XOR, a, b), zero);
    LoopInstruction *is_below =
        logical_and(e, signs, index_operation(e, SCALAR_NOT_EQUAL, remainder, zero));
    if (is_modulo)
        return select_value(e, is_below, index_operation(e, SCALAR_ADD, remainder, b), remainder);
    return select_value(e, is_below,
                        index_operation(e, SCALAR_SUBTRACT, quotient, emission_integer(e, 1)),
                        quotient);
}

static LoopInstruction *emit_operation(Emission *e, Dim dim, int copy) {
    LoopInstruction *a = emit_dim(e, dim->operands[0], copy),
                    *b = emit_dim(e, dim->operands[1], copy);
    LoopInstruction *one = emission_integer(e, 1), *zero = emission_integer(e, 0);
    switch (dim->kind) {
    case DIM_FLOOR_DIVIDE:
    case DIM_MODULO: return emit_quotient(e, dim, a, b);
    case DIM_MAXIMUM: return index_operation(e, SCALAR_MAXIMUM, a, b);
    case DIM_MINIMUM: return index_operation(e, SCALAR_MINIMUM, a, b);
    case DIM_EQUAL: return select_value(e, index_operation(e, SCALAR_EQUAL, a, b), one, zero);
    case DIM_LESS: return select_value(e, index_operation(e, SCALAR_LESS, a, b), one, zero);
    default: /* DIM_SELECT */
        return select_value(e, index_operation(e, SCALAR_NOT_EQUAL, a, zero), b,
                            emit_dim(e, dim->operands[2], copy));
    }
}

static LoopInstruction *compute(Emission *e, Dim dim, int copy) {
    switch (dim->kind) {
    case DIM_AXIS: return emit_axis(e, dim, copy);
    case DIM_SUM: return emit_sum(e, dim, copy);
    case DIM_PRODUCT: return emit_product(e, dim, copy);
    default: return emit_operation(e, dim, copy);
    }
}

LoopInstruction *emit_dim(Emission *e, Dim dim, int copy) {
    if (!dim_has_axis(dim)) return emission_size(e, dim);
    bool added;
    MapEntry *entry = map_insert(&e->dim_values, (const char *)&dim, sizeof dim, &added);
    if (added) {
        DimValue *fresh = arena_alloc(e->scratch, sizeof *fresh);
        fresh->dim = dim;
        entry->value = fresh;
    }
    DimValue *known = entry->value;
    AxisSet axes = nest_dim_axes(e->nest, dim);
    int copies = emission_copies(e, axes);
    if (!known->values) {
        Values *values = values_create(e, copies);
        for (int c = 0; c < copies; c++) values->of[c] = compute(e, dim, c);
        emission_set(e, &known->values, values);
    }
    return known->values->of[known->values->count == 1 ? 0 : copy];
}
