/* emit_memory.c: loads and stores at the point, or the points, that are being computed. */
#include "loops/nest.h"

#include "support/dtype.h"

/* Where the lanes of an access lie. */
typedef enum Spread {
    SPREAD_SCALAR,  /* there are no lanes, or all in one place */
    SPREAD_NEXT,    /* next to each other */
    SPREAD_OTHER,   /* every other element */
    SPREAD_STRIDED, /* a distance apart that is known at run time only */
    SPREAD_ANY,
} Spread;

typedef struct Address {
    Spread spread;
    LoopInstruction *start;   /* of lane 0; SPREAD_ANY: NULL */
    LoopInstruction *stride;  /* SPREAD_STRIDED */
    LoopInstruction *offsets; /* OTHER, STRIDED, ANY: every lane's */
} Address;

static LoopInstruction *add_parts(Emission *e, const Access *access, LoopInstruction *offset,
                                  int copy) {
    for (int k = 0; k < access->part_count; k++) {
        const Scalar *part = access->parts[k];
        LoopInstruction *value =
            emission_value(e, part, copy, emission_lanes(e, e->nest->facts[part->id].axes));
        value = index_operation(e, SCALAR_MULTIPLY, value, emission_size(e, access->strides[k]));
        offset = index_operation(e, SCALAR_ADD, offset, value);
    }
    return offset;
}

static Address address_of(Emission *e, const Access *access, int copy) {
    Address address = {.spread = SPREAD_ANY};
    Dim axis = e->lanes.axis, stride = NULL, rest;
    bool is_linear = !axis || nest_stride(e->nest, access, axis, &stride);
    if (!is_linear) {
        address.offsets = add_parts(e, access, emit_dim(e, access->affine, copy), copy);
        return address;
    }
    if (!axis || dim_is(stride, 0)) {
        address.spread = SPREAD_SCALAR;
        address.start = add_parts(e, access, emit_dim(e, access->affine, copy), copy);
        return address;
    }
    dim_split(e->nest->dims, access->affine, axis, &stride, &rest);
    LoopInstruction *step = emission_size(e, stride), *counter = e->counters[axis->axis];
    address.start = add_parts(e, access, emit_dim(e, rest, copy), copy);
    address.start = index_operation(e, SCALAR_ADD, address.start,
                                    index_operation(e, SCALAR_MULTIPLY, counter, step));
    if (dim_is(stride, 1)) {
        address.spread = SPREAD_NEXT;
        return address;
    }
    address.spread = dim_is(stride, 2)               ? SPREAD_OTHER
                     : dim_is_constant(stride, NULL) ? SPREAD_ANY
                                                     : SPREAD_STRIDED;
    address.stride = step;
    LoopInstruction *ramp = loop_ramp(&e->b, emission_integer(e, 0), e->lanes.count);
    address.offsets = index_operation(
        e, SCALAR_ADD, index_operation(e, SCALAR_MULTIPLY, ramp, step), address.start);
    return address;
}

static LoopInstruction *in_lanes(Emission *e, LoopInstruction *value, int lanes) {
    return value && value->type.lanes < lanes ? loop_splat(&e->b, value, lanes) : value;
}

/* ---- loads ---- */

static LoopInstruction *choose(Emission *e, LoopInstruction *condition, LoopInstruction *a,
                               LoopInstruction *b) {
    return loop_arithmetic(&e->b, SCALAR_SELECT, a->type.dtype,
                           (LoopInstruction *[]){condition, a, b}, 3);
}

/* Without a branch where the buffer has a first element to read instead. */
static LoopInstruction *load_scalar(Emission *e, uint32_t buffer, LoopInstruction *offset,
                                    LoopInstruction *condition, LoopInstruction *otherwise,
                                    bool has_first) {
    if (!condition) return loop_load(&e->b, buffer, offset, 1, NULL, NULL);
    if (has_first) {
        offset = choose(e, condition, offset, emission_integer(e, 0));
        return choose(e, condition, loop_load(&e->b, buffer, offset, 1, NULL, NULL), otherwise);
    }
    LoopBlock *outer = e->b.block;
    LoopInstruction *branch = loop_if_begin(&e->b, condition);
    LoopInstruction *value = loop_load(&e->b, buffer, offset, 1, NULL, NULL);
    loop_if_else(&e->b, branch, &value, 1);
    loop_if_end(&e->b, branch, &otherwise, 1, outer);
    return branch->results[0];
}

/* Whether the stride is 1 or 0 is known when the kernel starts; the branches always go the same
 * way. */
static LoopInstruction *load_strided(Emission *e, uint32_t buffer, const Address *address,
                                     LoopInstruction *mask, LoopInstruction *otherwise) {
    LoopBlock *outer = e->b.block;
    LoopInstruction *is_next =
        index_operation(e, SCALAR_EQUAL, address->stride, emission_integer(e, 1));
    LoopInstruction *branch = loop_if_begin(&e->b, is_next);
    LoopInstruction *value =
        loop_load(&e->b, buffer, address->start, e->lanes.count, mask, otherwise);
    loop_if_else(&e->b, branch, &value, 1);
    LoopInstruction *is_same =
        index_operation(e, SCALAR_EQUAL, address->stride, emission_integer(e, 0));
    LoopBlock *middle = e->b.block;
    if (mask) {
        value = loop_gather(&e->b, buffer, address->offsets, mask, otherwise);
    } else {
        LoopInstruction *inner = loop_if_begin(&e->b, is_same);
        value = loop_splat(&e->b, loop_load(&e->b, buffer, address->start, 1, NULL, NULL),
                           e->lanes.count);
        loop_if_else(&e->b, inner, &value, 1);
        value = loop_gather(&e->b, buffer, address->offsets, NULL, NULL);
        loop_if_end(&e->b, inner, &value, 1, middle);
        value = inner->results[0];
    }
    loop_if_end(&e->b, branch, &value, 1, outer);
    return branch->results[0];
}

/* Lanes 0, 2, … of the elements from the first on, and of as many up to the last. */
static LoopInstruction *load_every_other(Emission *e, uint32_t buffer, const Address *address) {
    int lanes = e->lanes.count;
    LoopInstruction *behind =
        index_operation(e, SCALAR_ADD, address->start, emission_integer(e, lanes - 1));
    return loop_unzip(&e->b, loop_load(&e->b, buffer, address->start, lanes, NULL, NULL),
                      loop_load(&e->b, buffer, behind, lanes, NULL, NULL));
}

static LoopInstruction *load_lanes(Emission *e, const Scalar *scalar, int copy,
                                   LoopInstruction *mask, LoopInstruction *otherwise) {
    const ScalarFacts *facts = &e->nest->facts[scalar->id];
    Address address = address_of(e, &facts->access, copy);
    if (mask && !otherwise) otherwise = emission_constant(e, scalar->dtype, e->lanes.count, 0);
    switch (address.spread) {
    case SPREAD_NEXT:
        return loop_load(&e->b, facts->parameter, address.start, e->lanes.count, mask, otherwise);
    case SPREAD_STRIDED: return load_strided(e, facts->parameter, &address, mask, otherwise);
    case SPREAD_OTHER:
        if (mask || e->lanes.count < 4) break;
        return load_every_other(e, facts->parameter, &address);
    case SPREAD_SCALAR: address.offsets = loop_splat(&e->b, address.start, e->lanes.count); break;
    case SPREAD_ANY: break;
    }
    return loop_gather(&e->b, facts->parameter, address.offsets, mask, otherwise);
}

/* A load may be computed further out than where it is needed, even where nothing needs it because a
 * loop inside is empty: a buffer that may be empty too is then not touched. */
static LoopInstruction *guard_of(Emission *e, const Scalar *scalar, bool is_innermost) {
    const ScalarFacts *facts = &e->nest->facts[scalar->id];
    if (!facts->may_be_empty || is_innermost) return NULL;
    Dim count = shape_element_count(e->nest->dims, &scalar->as.load.buffer->type.shape);
    return index_operation(e, SCALAR_LESS, emission_integer(e, 0), emission_size(e, count));
}

/* Whether the buffer has elements wherever the loops that are around go round: each of its sizes is
 * above 0, or one of theirs, or a factor of one. */
static bool has_elements_here(const Emission *e, const Scalar *scalar) {
    const Nest *nest = e->nest;
    if (!nest->facts[scalar->id].may_be_empty) return true;
    const Shape *shape = &scalar->as.load.buffer->type.shape;
    for (int d = 0; d < shape->rank; d++) {
        Dim size = shape->dims[d];
        bool is_positive = dim_low(size) > 0;
        for (size_t k = 0; k < nest->axis_count && !is_positive; k++) {
            Dim axis = nest->axes[k];
            if (!axis_set_has(e->bound, axis)) continue;
            is_positive = axis->size == size;
            for (size_t f = 0; f < axis->size->operand_count && !is_positive; f++)
                is_positive = axis->size->kind == DIM_PRODUCT && axis->size->operands[f] == size;
        }
        if (!is_positive) return false;
    }
    return true;
}

/* Lanes that all have one condition: a branch around the load. */
static LoopInstruction *load_lanes_if(Emission *e, const Scalar *scalar, int copy,
                                      LoopInstruction *condition, LoopInstruction *otherwise) {
    LoopBlock *outer = e->b.block;
    LoopInstruction *branch = loop_if_begin(&e->b, condition);
    size_t scope = scope_begin(e);
    LoopInstruction *value = load_lanes(e, scalar, copy, e->lanes.mask, otherwise);
    scope_end(e, scope);
    loop_if_else(&e->b, branch, &value, 1);
    loop_if_end(&e->b, branch, &otherwise, 1, outer);
    return branch->results[0];
}

/* Lanes with a condition of their own. Where masked loads are dear it is asked first whether all of
 * them hold. */
static LoopInstruction *load_lanes_where(Emission *e, const Scalar *scalar, int copy,
                                         LoopInstruction *condition, LoopInstruction *otherwise) {
    Dim stride;
    const Access *access = &e->nest->facts[scalar->id].access;
    LoopInstruction *mask = logical_and(e, condition, e->lanes.mask);
    bool is_next = nest_stride(e->nest, access, e->lanes.axis, &stride) && dim_is(stride, 1);
    if (!condition || e->lanes.mask || (is_next && e->nest->target->vector_bytes > 16))
        return load_lanes(e, scalar, copy, mask, otherwise);
    LoopBlock *outer = e->b.block;
    LoopInstruction *all = loop_reduce_lanes(&e->b, SCALAR_AND, condition);
    LoopInstruction *branch = loop_if_begin(&e->b, all);
    size_t scope = scope_begin(e);
    LoopInstruction *value = load_lanes(e, scalar, copy, NULL, NULL);
    scope_end(e, scope);
    loop_if_else(&e->b, branch, &value, 1);
    scope = scope_begin(e);
    value = load_lanes(e, scalar, copy, condition, otherwise);
    scope_end(e, scope);
    loop_if_end(&e->b, branch, &value, 1, outer);
    return branch->results[0];
}

/* Where the clamped condition does not hold, only what its axes give is left. */
static LoopInstruction *clamped_offset(Emission *e, const Scalar *scalar, int copy) {
    Dim rest = e->nest->facts[scalar->id].access.affine, stride;
    LoopInstruction *moving = NULL;
    for (int a = 0; a < e->clamped_axis_count; a++) {
        Dim axis = e->clamped_axes[a];
        if (!axis_set_has(nest_dim_axes(e->nest, rest), axis)) continue;
        dim_split(e->nest->dims, rest, axis, &stride, &rest);
        LoopInstruction *part =
            index_operation(e, SCALAR_MULTIPLY, e->counters[axis->axis], emission_size(e, stride));
        moving = moving ? index_operation(e, SCALAR_ADD, moving, part) : part;
    }
    LoopInstruction *holds = emission_value(e, e->clamped, copy, 1);
    LoopInstruction *base = choose(e, holds, emit_dim(e, rest, copy), emission_integer(e, 0));
    return moving ? index_operation(e, SCALAR_ADD, base, moving) : base;
}

void emit_load_scalar(Emission *e, const Scalar *scalar, bool is_innermost) {
    const ScalarFacts *facts = &e->nest->facts[scalar->id];
    int lanes = emission_lanes(e, facts->axes), copies = emission_copies(e, facts->axes);
    const Scalar *given = scalar->as.load.condition;
    bool is_clamped = given && given == e->clamped;
    if (given && e->assumed[given->id]) given = NULL;
    bool is_uniform = given && lanes > 1 && emission_lanes(e, e->nest->facts[given->id].axes) == 1;
    Values *values = values_create(e, copies);
    for (int c = 0; c < copies; c++) {
        LoopInstruction *condition = NULL, *otherwise = NULL;
        if (given) {
            condition = emission_value(e, given, c, is_uniform ? 1 : lanes);
            otherwise = emission_value(e, scalar->as.load.otherwise, c, lanes);
        }
        if (is_uniform) {
            values->of[c] = load_lanes_if(e, scalar, c, condition, otherwise);
            continue;
        }
        if (lanes > 1) {
            /* Lanes that are masked out are nowhere looked at; only what they read matters. */
            values->of[c] = load_lanes_where(e, scalar, c, condition, otherwise);
            continue;
        }
        if (!condition) {
            condition = guard_of(e, scalar, is_innermost);
            if (condition) otherwise = emission_constant(e, scalar->dtype, 1, 0);
        }
        LoopInstruction *offset =
            is_clamped ? clamped_offset(e, scalar, c)
                       : add_parts(e, &facts->access, emit_dim(e, facts->access.affine, c), c);
        values->of[c] = load_scalar(e, facts->parameter, offset, condition, otherwise,
                                    given && has_elements_here(e, scalar));
    }
    emission_set(e, &e->values[scalar->id], values);
}

/* ---- stores ---- */

static LoopInstruction *convert(Emission *e, LoopInstruction *value, tfcc_dtype dtype) {
    return loop_arithmetic(&e->b, SCALAR_CONVERT, dtype, &value, 1);
}

static LoopInstruction *combine_stored(Emission *e, Combiner combiner, LoopInstruction *old,
                                       LoopInstruction *value) {
    tfcc_dtype dtype = value->type.dtype;
    if (!dtype_is_narrow_float(dtype)) return emit_combine(e, combiner, old, value);
    LoopInstruction *sum =
        emit_combine(e, combiner, convert(e, old, TFCC_FLOAT32), convert(e, value, TFCC_FLOAT32));
    return convert(e, sum, dtype);
}

static void store_scalar(Emission *e, const KernelOutput *output, uint32_t buffer,
                         LoopInstruction *offset, LoopInstruction *value,
                         LoopInstruction *condition) {
    LoopBlock *outer = e->b.block;
    LoopInstruction *branch = condition ? loop_if_begin(&e->b, condition) : NULL;
    if (output->combine != COMBINE_STORE)
        value = combine_stored(e, output->combine, loop_load(&e->b, buffer, offset, 1, NULL, NULL),
                               value);
    loop_store(&e->b, buffer, offset, value, NULL);
    if (branch) loop_if_end(&e->b, branch, NULL, 0, outer);
}

static void store_lanes(Emission *e, const KernelOutput *output, uint32_t buffer,
                        const Address *address, LoopInstruction *value, LoopInstruction *mask) {
    if (address->spread == SPREAD_NEXT) {
        if (output->combine != COMBINE_STORE) {
            LoopInstruction *otherwise = mask ? value : NULL;
            LoopInstruction *old =
                loop_load(&e->b, buffer, address->start, e->lanes.count, mask, otherwise);
            value = combine_stored(e, output->combine, old, value);
        }
        loop_store(&e->b, buffer, address->start, value, mask);
    } else if (address->spread == SPREAD_STRIDED) {
        LoopBlock *outer = e->b.block;
        LoopInstruction *is_next =
            index_operation(e, SCALAR_EQUAL, address->stride, emission_integer(e, 1));
        LoopInstruction *branch = loop_if_begin(&e->b, is_next);
        loop_store(&e->b, buffer, address->start, value, mask);
        loop_if_else(&e->b, branch, NULL, 0);
        loop_scatter(&e->b, buffer, address->offsets, value, mask);
        loop_if_end(&e->b, branch, NULL, 0, outer);
    } else {
        LoopInstruction *offsets = address->offsets;
        if (address->spread == SPREAD_SCALAR)
            offsets = loop_splat(&e->b, address->start, e->lanes.count);
        loop_scatter(&e->b, buffer, offsets, value, mask);
    }
}

void emit_output(Emission *e, size_t number) {
    const KernelOutput *output = &e->nest->kernel->outputs[number];
    const Access *access = &e->nest->stores[number];
    uint32_t buffer =
        arguments_find(e->nest->arguments, output->buffer, output->buffer->type.dtype);
    AxisSet value_axes = e->nest->facts[output->value->id].axes;
    AxisSet condition_axes = output->condition ? e->nest->facts[output->condition->id].axes : NULL;
    for (int c = 0; c < e->copies; c++) {
        Address address = address_of(e, access, c);
        bool has_lanes = address.spread != SPREAD_SCALAR || emission_lanes(e, value_axes) > 1 ||
                         (condition_axes && emission_lanes(e, condition_axes) > 1);
        int lanes = has_lanes ? e->lanes.count : 1;
        LoopInstruction *value = emission_value(e, output->value, c, lanes);
        LoopInstruction *condition =
            output->condition ? emission_value(e, output->condition, c, lanes) : NULL;
        if (has_lanes)
            store_lanes(e, output, buffer, &address, in_lanes(e, value, lanes),
                        logical_and(e, condition, e->lanes.mask));
        else
            store_scalar(e, output, buffer, address.start, value, condition);
    }
}
