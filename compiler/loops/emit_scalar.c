/* emit_scalar.c: scalars in their order, each as soon as all axes it depends on have a counter. */
#include "loops/nest.h"

static void emit_index_scalar(Emission *e, const Scalar *scalar) {
    const ScalarFacts *facts = &e->nest->facts[scalar->id];
    Values *values = values_create(e, emission_copies(e, facts->axes));
    for (int c = 0; c < values->count; c++) values->of[c] = emit_dim(e, facts->index, c);
    emission_set(e, &e->values[scalar->id], values);
}

/* One of both, where the condition is known to hold. */
static void emit_chosen(Emission *e, const Scalar *scalar) {
    const ScalarFacts *facts = &e->nest->facts[scalar->id];
    int lanes = emission_lanes(e, facts->axes);
    Values *values = values_create(e, emission_copies(e, facts->axes));
    for (int c = 0; c < values->count; c++)
        values->of[c] = emission_value(e, scalar->operands[1], c, lanes);
    emission_set(e, &e->values[scalar->id], values);
}

static void emit_arithmetic_scalar(Emission *e, const Scalar *scalar) {
    if (scalar->op == SCALAR_SELECT && e->assumed[scalar->operands[0]->id]) {
        emit_chosen(e, scalar);
        return;
    }
    const ScalarFacts *facts = &e->nest->facts[scalar->id];
    int lanes = emission_lanes(e, facts->axes);
    Values *values = values_create(e, emission_copies(e, facts->axes));
    for (int c = 0; c < values->count; c++) {
        LoopInstruction *operands[3];
        for (int k = 0; k < scalar->operand_count; k++)
            operands[k] = emission_value(e, scalar->operands[k], c, lanes);
        values->of[c] = loop_arithmetic(&e->b, scalar->op, scalar->dtype, operands,
                                        (size_t)scalar->operand_count);
    }
    emission_set(e, &e->values[scalar->id], values);
}

static void emit_one(Emission *e, const Scalar *scalar, bool is_innermost) {
    if (e->staged[scalar->id]) {
        emit_staged_scalar(e, scalar);
        return;
    }
    switch (scalar->op) {
    case SCALAR_CONSTANT: return;
    case SCALAR_INDEX: emit_index_scalar(e, scalar); return;
    case SCALAR_LOAD: emit_load_scalar(e, scalar, is_innermost); return;
    case SCALAR_REDUCE: emit_reduce(e, scalar); return;
    case SCALAR_SCAN: emit_scan(e, scalar); return;
    default: emit_arithmetic_scalar(e, scalar); return;
    }
}

static void emit_if_available(Emission *e, uint32_t id, bool is_innermost) {
    const Scalar *scalar = e->nest->kernel->scalars[id];
    if (!e->values[id] && axis_set_within(e->nest, e->nest->facts[id].axes, e->bound))
        emit_one(e, scalar, is_innermost);
}

void emit_available(Emission *e, const uint32_t *ids, size_t count, bool is_innermost) {
    for (size_t k = 0; k < count; k++) emit_if_available(e, ids[k], is_innermost);
}

void emit_available_all(Emission *e, bool is_innermost) {
    for (uint32_t id = 0; id < e->nest->kernel->scalar_count; id++)
        if (e->is_needed[id]) emit_if_available(e, id, is_innermost);
}
