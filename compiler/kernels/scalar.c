/* scalar.c: scalars: one object for equal expressions, constants folded, indices kept as Dims.
 *
 * The builders leave only forms that the interpreter and the emitter know: arithmetic on float32,
 * float64 and integers; between floating point and integers only the conversions listed at
 * scalar_convert.
 */
#include "kernels/scalar_internal.h"

#include "kernels/math.h"
#include "kernels/scalar_evaluate.h"
#include "support/dtype.h"
#include <assert.h>
#include <string.h>

struct ScalarTable {
    Scalar **slots; /* open addressing */
    size_t slot_count, used;
};

/* ---- one object for equal expressions ---- */

static uint64_t mix(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 29);
}

static uint64_t mix_pointer(uint64_t hash, const void *pointer) {
    return mix(hash, (uint64_t)(uintptr_t)pointer);
}

static uint64_t scalar_hash(const Scalar *s) {
    uint64_t hash = mix((uint64_t)s->op, (uint64_t)s->dtype);
    for (int k = 0; k < s->operand_count; k++) hash = mix_pointer(hash, s->operands[k]);
    switch (s->op) {
    case SCALAR_CONSTANT: return mix(hash, s->as.bits);
    case SCALAR_INDEX: return mix_pointer(hash, s->as.index);
    case SCALAR_LOAD:
        hash = mix_pointer(mix_pointer(mix_pointer(hash, s->as.load.buffer), s->as.load.condition),
                           s->as.load.otherwise);
        for (int k = 0; k < s->as.load.buffer->type.shape.rank; k++)
            hash = mix_pointer(hash, s->as.load.index[k]);
        return hash;
    case SCALAR_REDUCE:
        hash = mix(mix_pointer(hash, s->as.reduce.body), (uint64_t)s->as.reduce.combiner);
        for (int k = 0; k < s->as.reduce.axis_count; k++)
            hash = mix_pointer(hash, s->as.reduce.axes[k]);
        return hash;
    case SCALAR_SCAN:
        hash = mix(mix_pointer(hash, s->as.scan.body), (uint64_t)s->as.scan.combiner);
        return mix_pointer(hash, s->as.scan.axis);
    default: return hash;
    }
}

static bool scalar_same(const Scalar *a, const Scalar *b) {
    if (a->op != b->op || a->dtype != b->dtype || a->operand_count != b->operand_count)
        return false;
    for (int k = 0; k < a->operand_count; k++)
        if (a->operands[k] != b->operands[k]) return false;
    switch (a->op) {
    case SCALAR_CONSTANT: return a->as.bits == b->as.bits;
    case SCALAR_INDEX: return a->as.index == b->as.index;
    case SCALAR_LOAD:
        return a->as.load.buffer == b->as.load.buffer &&
               a->as.load.condition == b->as.load.condition &&
               a->as.load.otherwise == b->as.load.otherwise &&
               memcmp(a->as.load.index, b->as.load.index,
                      sizeof(Scalar *) * (size_t)a->as.load.buffer->type.shape.rank) == 0;
    case SCALAR_REDUCE:
        return a->as.reduce.combiner == b->as.reduce.combiner &&
               a->as.reduce.body == b->as.reduce.body && a->as.reduce.lanes == b->as.reduce.lanes &&
               a->as.reduce.axis_count == b->as.reduce.axis_count &&
               a->as.reduce.is_contraction == b->as.reduce.is_contraction &&
               memcmp(a->as.reduce.axes, b->as.reduce.axes,
                      sizeof(Dim) * (size_t)a->as.reduce.axis_count) == 0;
    case SCALAR_SCAN:
        return a->as.scan.combiner == b->as.scan.combiner && a->as.scan.axis == b->as.scan.axis &&
               a->as.scan.body == b->as.scan.body && a->as.scan.exclusive == b->as.scan.exclusive &&
               a->as.scan.reverse == b->as.scan.reverse;
    default: return true;
    }
}

static void table_grow(Kernel *kernel) {
    struct ScalarTable *table = kernel->table;
    table->slot_count = table->slot_count ? table->slot_count * 2 : 64;
    table->slots = arena_alloc_array(kernel->program->arena, table->slot_count, sizeof(Scalar *));
    for (size_t k = 0; k < kernel->scalar_count; k++) {
        size_t slot = scalar_hash(kernel->scalars[k]) & (table->slot_count - 1);
        while (table->slots[slot]) slot = (slot + 1) & (table->slot_count - 1);
        table->slots[slot] = kernel->scalars[k];
    }
}

Scalar *scalar_intern(Kernel *kernel, const Scalar *draft) {
    Arena *arena = kernel->program->arena;
    if (!kernel->table) kernel->table = arena_alloc(arena, sizeof *kernel->table);
    struct ScalarTable *table = kernel->table;
    if (2 * (kernel->scalar_count + 1) > table->slot_count) table_grow(kernel);
    size_t slot = scalar_hash(draft) & (table->slot_count - 1);
    for (; table->slots[slot]; slot = (slot + 1) & (table->slot_count - 1))
        if (scalar_same(table->slots[slot], draft)) return table->slots[slot];
    Scalar *scalar = arena_copy(arena, draft, sizeof *draft);
    if (scalar->op == SCALAR_LOAD)
        scalar->as.load.index =
            arena_copy(arena, draft->as.load.index,
                       sizeof(Scalar *) * (size_t)draft->as.load.buffer->type.shape.rank);
    if (scalar->op == SCALAR_REDUCE)
        scalar->as.reduce.axes = arena_copy(arena, draft->as.reduce.axes,
                                            sizeof(Dim) * (size_t)draft->as.reduce.axis_count);
    scalar->id = (uint32_t)kernel->scalar_count;
    *ARENA_PUSH(arena, kernel->scalars, kernel->scalar_count, kernel->scalar_capacity) = scalar;
    table->slots[slot] = scalar;
    return scalar;
}

/* ---- constants and indices ---- */

Scalar *scalar_constant_bits(Kernel *kernel, tfcc_dtype dtype, uint64_t bits) {
    Scalar draft = {.op = SCALAR_CONSTANT, .dtype = dtype, .as.bits = bits};
    return scalar_intern(kernel, &draft);
}

Scalar *scalar_integer(Kernel *kernel, tfcc_dtype dtype, int64_t number) {
    return scalar_constant_bits(kernel, dtype, bits_from_integer(dtype, number));
}

Scalar *scalar_float(Kernel *kernel, tfcc_dtype dtype, double number) {
    if (dtype_is_float(dtype))
        return scalar_constant_bits(kernel, dtype, bits_from_double(dtype, number));
    return scalar_convert(
        kernel, dtype,
        scalar_constant_bits(kernel, TFCC_FLOAT64, bits_from_double(TFCC_FLOAT64, number)));
}

Scalar *scalar_index(Kernel *kernel, Dim index) {
    int64_t number;
    if (dim_is_constant(index, &number)) return scalar_integer(kernel, TFCC_INT64, number);
    Scalar draft = {.op = SCALAR_INDEX, .dtype = TFCC_INT64, .as.index = index};
    return scalar_intern(kernel, &draft);
}

bool scalar_is_index(const Kernel *kernel, const Scalar *scalar, Dim *index) {
    if (scalar->op == SCALAR_INDEX) {
        *index = scalar->as.index;
        return true;
    }
    if (scalar->op != SCALAR_CONSTANT || scalar->dtype != TFCC_INT64) return false;
    *index = dim_constant(kernel->program->graph->dims, (int64_t)scalar->as.bits);
    return true;
}

bool scalar_is_constant(const Scalar *scalar, uint64_t *bits) {
    if (scalar->op != SCALAR_CONSTANT) return false;
    *bits = scalar->as.bits;
    return true;
}

/* ---- arithmetic ---- */

static Scalar *plain(Kernel *kernel, ScalarOp op, tfcc_dtype result, int count, Scalar *a,
                     Scalar *b, Scalar *c) {
    Scalar draft = {.op = op, .dtype = result, .operands = {a, b, c}, .operand_count = count};
    bool is_constant = op >= SCALAR_CONVERT && !math_is_function(op);
    uint64_t bits[3] = {0};
    for (int k = 0; k < count && is_constant; k++)
        is_constant = scalar_is_constant(draft.operands[k], &bits[k]);
    if (!is_constant) return scalar_intern(kernel, &draft);
    tfcc_dtype operand = op == SCALAR_SELECT ? b->dtype : a->dtype;
    return scalar_constant_bits(kernel, result, scalar_evaluate(op, result, operand, bits));
}

static bool is_comparison(ScalarOp op) {
    return op >= SCALAR_EQUAL && op <= SCALAR_LESS_EQUAL;
}

static bool is_number(const Scalar *scalar, int64_t number) {
    return scalar->op == SCALAR_CONSTANT && !dtype_is_float(scalar->dtype) &&
           bits_to_integer(scalar->dtype, scalar->as.bits) == number;
}

/* The dtype in which arithmetic on a dtype is done. */
static tfcc_dtype wide_dtype(tfcc_dtype dtype) {
    if (dtype_is_narrow_float(dtype)) return TFCC_FLOAT32;
    return dtype == TFCC_INT4 ? TFCC_INT8 : dtype == TFCC_UINT4 ? TFCC_UINT8 : dtype;
}

Scalar *scalar_unary(Kernel *kernel, ScalarOp op, Scalar *a) {
    tfcc_dtype wide = wide_dtype(a->dtype);
    if (wide != a->dtype)
        return scalar_convert(kernel, a->dtype,
                              scalar_unary(kernel, op, scalar_convert(kernel, wide, a)));
    if (op == SCALAR_NOT && a->op == SCALAR_NOT) return a->operands[0];
    bool is_rounding =
        op == SCALAR_FLOOR || op == SCALAR_CEIL || op == SCALAR_TRUNCATE || op == SCALAR_ROUND_EVEN;
    if (is_rounding && !dtype_is_float(a->dtype)) return a;
    if (op == SCALAR_ABSOLUTE && (dtype_is_unsigned(a->dtype) || dtype_is_bool(a->dtype))) return a;
    return plain(kernel, op, a->dtype, 1, a, NULL, NULL);
}

/* Arithmetic on indices as Dims; NULL where it cannot be decided there. */
static Scalar *index_binary(Kernel *kernel, ScalarOp op, Dim a, Dim b) {
    DimTable *dims = kernel->program->graph->dims;
    Dim result = NULL;
    switch (op) {
    case SCALAR_ADD: result = dim_add(dims, a, b); break;
    case SCALAR_SUBTRACT: result = dim_subtract(dims, a, b); break;
    case SCALAR_MULTIPLY: result = dim_multiply(dims, a, b); break;
    case SCALAR_MINIMUM: result = dim_minimum(dims, a, b); break;
    case SCALAR_MAXIMUM: result = dim_maximum(dims, a, b); break;
    case SCALAR_DIVIDE:
    case SCALAR_REMAINDER:
        if (!dim_is_nonnegative(dims, a) || !dim_is_nonnegative(dims, b)) return NULL;
        result = op == SCALAR_DIVIDE ? dim_floor_divide(dims, a, b) : dim_modulo(dims, a, b);
        break;
    case SCALAR_EQUAL:
    case SCALAR_NOT_EQUAL: {
        DimAnswer answer = dim_compare(dims, a, b);
        if (answer == DIM_UNKNOWN) return NULL;
        return scalar_integer(kernel, TFCC_BOOL, (answer == DIM_YES) == (op == SCALAR_EQUAL));
    }
    case SCALAR_LESS:
        if (dim_is_nonnegative(dims, dim_subtract(dims, a, b)))
            return scalar_integer(kernel, TFCC_BOOL, 0);
        if (dim_is_nonnegative(dims,
                               dim_add(dims, dim_subtract(dims, b, a), dim_constant(dims, -1))))
            return scalar_integer(kernel, TFCC_BOOL, 1);
        return NULL;
    case SCALAR_LESS_EQUAL:
        if (dim_is_nonnegative(dims, dim_subtract(dims, b, a)))
            return scalar_integer(kernel, TFCC_BOOL, 1);
        if (dim_is_nonnegative(dims,
                               dim_add(dims, dim_subtract(dims, a, b), dim_constant(dims, -1))))
            return scalar_integer(kernel, TFCC_BOOL, 0);
        return NULL;
    default: return NULL;
    }
    return result->kind == DIM_OVERFLOW ? NULL : scalar_index(kernel, result);
}

/* Identities that hold for every value of an integer or bool, and for floats where nothing is
 * rounded. NULL where none applies. */
static Scalar *simplify(Kernel *kernel, ScalarOp op, Scalar *a, Scalar *b) {
    bool is_bool = dtype_is_bool(a->dtype);
    switch (op) {
    case SCALAR_ADD:
        if (is_number(a, 0)) return b;
        return is_number(b, 0) ? a : NULL;
    case SCALAR_SUBTRACT:
    case SCALAR_SHIFT_LEFT:
    case SCALAR_SHIFT_RIGHT: return is_number(b, 0) ? a : NULL;
    case SCALAR_MULTIPLY:
        if (is_number(a, 1)) return b;
        return is_number(b, 1) ? a : NULL;
    case SCALAR_DIVIDE: return is_number(b, 1) ? a : NULL;
    case SCALAR_MINIMUM:
    case SCALAR_MAXIMUM: return a == b ? a : NULL;
    case SCALAR_AND:
        if (is_number(a, 0) || (is_bool && is_number(b, 1))) return a;
        if (is_number(b, 0) || (is_bool && is_number(a, 1))) return b;
        return a == b ? a : NULL;
    case SCALAR_OR:
        if (is_number(a, 0) || (is_bool && is_number(b, 1))) return b;
        if (is_number(b, 0) || (is_bool && is_number(a, 1))) return a;
        return a == b ? a : NULL;
    case SCALAR_EQUAL:
    case SCALAR_LESS_EQUAL:
        return a == b && !dtype_is_float(a->dtype) ? scalar_integer(kernel, TFCC_BOOL, 1) : NULL;
    case SCALAR_NOT_EQUAL:
    case SCALAR_LESS:
        return a == b && !dtype_is_float(a->dtype) ? scalar_integer(kernel, TFCC_BOOL, 0) : NULL;
    default: return NULL;
    }
}

Scalar *scalar_binary(Kernel *kernel, ScalarOp op, Scalar *a, Scalar *b) {
    assert(a->dtype == b->dtype);
    tfcc_dtype wide = wide_dtype(a->dtype);
    if (wide != a->dtype) {
        Scalar *result = scalar_binary(kernel, op, scalar_convert(kernel, wide, a),
                                       scalar_convert(kernel, wide, b));
        return is_comparison(op) ? result : scalar_convert(kernel, a->dtype, result);
    }
    Dim left, right;
    if ((a->op == SCALAR_INDEX || b->op == SCALAR_INDEX) && scalar_is_index(kernel, a, &left) &&
        scalar_is_index(kernel, b, &right)) {
        Scalar *index = index_binary(kernel, op, left, right);
        if (index) return index;
    }
    uint64_t bits;
    if (!(scalar_is_constant(a, &bits) && scalar_is_constant(b, &bits))) {
        Scalar *simpler = simplify(kernel, op, a, b);
        if (simpler) return simpler;
    }
    return plain(kernel, op, is_comparison(op) ? TFCC_BOOL : a->dtype, 2, a, b, NULL);
}

Scalar *scalar_select(Kernel *kernel, Scalar *condition, Scalar *a, Scalar *b) {
    assert(condition->dtype == TFCC_BOOL && a->dtype == b->dtype);
    uint64_t bits;
    if (scalar_is_constant(condition, &bits)) return bits ? a : b;
    if (a == b) return a;
    if (condition->op == SCALAR_NOT) return scalar_select(kernel, condition->operands[0], b, a);
    return plain(kernel, SCALAR_SELECT, a->dtype, 3, condition, a, b);
}

Scalar *scalar_random_bits(Kernel *kernel, Scalar *key, Scalar *stream, Scalar *word) {
    return plain(kernel, SCALAR_RANDOM_BITS, TFCC_UINT32, 3, key, stream, word);
}

/* ---- conversions ---- */

static Scalar *direct_convert(Kernel *kernel, tfcc_dtype dtype, Scalar *a) {
    return a->dtype == dtype ? a : plain(kernel, SCALAR_CONVERT, dtype, 1, a, NULL, NULL);
}

/* Only int64 and, where that is enough, int32 come straight from floats:
 *     uint64  is int64 below 2^63, and above it int64 of the number less 2^63, top bit inverted
 *     uint32  is the low bits of int64, narrower types those of int32 */
static Scalar *float_to_integer(Kernel *kernel, tfcc_dtype dtype, Scalar *a) {
    if (dtype == TFCC_INT32 || dtype == TFCC_INT64) return direct_convert(kernel, dtype, a);
    if (dtype == TFCC_UINT32)
        return direct_convert(kernel, dtype, direct_convert(kernel, TFCC_INT64, a));
    if (dtype != TFCC_UINT64)
        return direct_convert(kernel, dtype, direct_convert(kernel, TFCC_INT32, a));
    Scalar *limit = scalar_float(kernel, a->dtype, 0x1p63);
    Scalar *low = scalar_bitcast(kernel, TFCC_UINT64, direct_convert(kernel, TFCC_INT64, a));
    Scalar *rest =
        direct_convert(kernel, TFCC_INT64, scalar_binary(kernel, SCALAR_SUBTRACT, a, limit));
    Scalar *high = scalar_binary(kernel, SCALAR_XOR, scalar_bitcast(kernel, TFCC_UINT64, rest),
                                 scalar_constant_bits(kernel, TFCC_UINT64, UINT64_C(1) << 63));
    return scalar_select(kernel, scalar_binary(kernel, SCALAR_LESS_EQUAL, limit, a), high, low);
}

/* A float32 that rounds to a narrower format as the float64 itself would: see double_to_odd_float.
 */
static Scalar *odd_float(Kernel *kernel, Scalar *a) {
    Scalar *near = direct_convert(kernel, TFCC_FLOAT32, a);
    Scalar *back = direct_convert(kernel, TFCC_FLOAT64, near);
    Scalar *bits = scalar_bitcast(kernel, TFCC_UINT32, near);
    Scalar *one = scalar_integer(kernel, TFCC_UINT32, 1);
    Scalar *is_above = scalar_binary(kernel, SCALAR_LESS, scalar_unary(kernel, SCALAR_ABSOLUTE, a),
                                     scalar_unary(kernel, SCALAR_ABSOLUTE, back));
    Scalar *is_cut = scalar_binary(kernel, SCALAR_OR, scalar_binary(kernel, SCALAR_LESS, a, back),
                                   scalar_binary(kernel, SCALAR_LESS, back, a));
    Scalar *below =
        scalar_select(kernel, is_above, scalar_binary(kernel, SCALAR_SUBTRACT, bits, one), bits);
    Scalar *odd = scalar_select(kernel, is_cut, scalar_binary(kernel, SCALAR_OR, below, one), bits);
    return scalar_bitcast(kernel, TFCC_FLOAT32, odd);
}

/* The low 4 bits of an 8-bit integer, as the dtype of 4 bits. */
static Scalar *convert_to_4_bit(Kernel *kernel, tfcc_dtype dtype, Scalar *a) {
    if (dtype == TFCC_UINT4)
        return scalar_bitcast(
            kernel, dtype,
            scalar_binary(kernel, SCALAR_AND, a, scalar_integer(kernel, TFCC_UINT8, 15)));
    Scalar *four = scalar_integer(kernel, TFCC_INT8, 4);
    Scalar *high = scalar_binary(kernel, SCALAR_SHIFT_LEFT, a, four);
    return scalar_bitcast(kernel, dtype, scalar_binary(kernel, SCALAR_SHIFT_RIGHT, high, four));
}

Scalar *scalar_convert(Kernel *kernel, tfcc_dtype dtype, Scalar *a) {
    if (a->dtype == dtype) return a;
    if (dtype_is_4_bit(a->dtype))
        return scalar_convert(kernel, dtype, scalar_bitcast(kernel, wide_dtype(a->dtype), a));
    if (dtype_is_4_bit(dtype))
        return convert_to_4_bit(kernel, dtype, scalar_convert(kernel, wide_dtype(dtype), a));
    if (dtype_is_narrow_float(a->dtype)) {
        /* There and back without arithmetic between is where it came from. */
        if (dtype != TFCC_FLOAT32)
            return scalar_convert(kernel, dtype, scalar_convert(kernel, TFCC_FLOAT32, a));
        return direct_convert(kernel, dtype, a);
    }
    if (dtype == TFCC_BOOL)
        return scalar_binary(kernel, SCALAR_NOT_EQUAL, a, scalar_integer(kernel, a->dtype, 0));
    if (dtype_is_narrow_float(dtype)) {
        if (a->op == SCALAR_CONVERT && a->dtype == TFCC_FLOAT32 && a->operands[0]->dtype == dtype)
            return a->operands[0];
        if (dtype_is_float8(dtype) && a->dtype == TFCC_FLOAT64)
            return direct_convert(kernel, dtype, odd_float(kernel, a));
        return direct_convert(kernel, dtype, scalar_convert(kernel, TFCC_FLOAT32, a));
    }
    if (dtype_is_float(a->dtype) && !dtype_is_float(dtype))
        return float_to_integer(kernel, dtype, a);
    return direct_convert(kernel, dtype, a);
}

Scalar *scalar_bitcast(Kernel *kernel, tfcc_dtype dtype, Scalar *a) {
    if (a->dtype == dtype) return a;
    assert(dtype_size(dtype) == dtype_size(a->dtype));
    if (a->op == SCALAR_BITCAST) return scalar_bitcast(kernel, dtype, a->operands[0]);
    return plain(kernel, SCALAR_BITCAST, dtype, 1, a, NULL, NULL);
}

/* ---- loads ---- */

/* An element of a constant at a known place, where a run cannot feed another; NULL for any other
 * load. */
static Scalar *constant_element(Kernel *kernel, Buffer *buffer, Scalar *const *index) {
    const Buffer *root = buffer_root(buffer);
    const ConstantData *data = root->constant;
    if (!data || root->is_feedable || buffer->is_feedable || data->dtype != buffer->type.dtype)
        return NULL;
    const Shape *shape = &buffer->type.shape;
    int64_t offset = 0, size;
    uint64_t position;
    for (int k = 0; k < shape->rank; k++) {
        if (!scalar_is_constant(index[k], &position) || !dim_is_constant(shape->dims[k], &size))
            return NULL;
        offset = offset * size + (int64_t)position;
    }
    if (offset < 0 || offset >= data->element_count) return NULL;
    return scalar_constant_bits(kernel, data->dtype, bits_load(data->dtype, data->bytes, offset));
}

Scalar *scalar_load_if(Kernel *kernel, Buffer *buffer, Scalar *const *index, Scalar *condition,
                       Scalar *otherwise) {
    uint64_t bits;
    if (condition && scalar_is_constant(condition, &bits)) {
        if (!bits) return otherwise;
        condition = NULL;
    }
    assert(!condition || otherwise->dtype == buffer->type.dtype);
    Scalar *element = condition ? NULL : constant_element(kernel, buffer, index);
    if (element) return element;
    Scalar *copy[MAX_RANK];
    for (int k = 0; k < buffer->type.shape.rank; k++) copy[k] = index[k];
    Scalar draft = {.op = SCALAR_LOAD, .dtype = buffer->type.dtype};
    draft.as.load.buffer = buffer;
    draft.as.load.index = copy;
    draft.as.load.condition = condition;
    draft.as.load.otherwise = condition ? otherwise : NULL;
    return scalar_intern(kernel, &draft);
}

Scalar *scalar_load_at(Kernel *kernel, Buffer *buffer, Scalar *const *index) {
    return scalar_load_if(kernel, buffer, index, NULL, NULL);
}

Scalar *scalar_load(Kernel *kernel, Buffer *buffer, const Dim *index) {
    Scalar *scalars[MAX_RANK];
    for (int k = 0; k < buffer->type.shape.rank; k++) scalars[k] = scalar_index(kernel, index[k]);
    return scalar_load_at(kernel, buffer, scalars);
}
