/* lower_nonzero.c: where something is, and what is there.
 *
 * How many elements are true or not 0 has been counted by a node of its own, so results have their
 * size; one walk through the elements fills them in.
 */
#include "kernels/direct.h"

static LoopInstruction *is_nonzero(Code *code, LoopInstruction *value) {
    tfcc_dtype dtype = value->type.dtype;
    if (dtype_is_bool(dtype)) return value;
    if (dtype_is_float(dtype) && dtype_bits(dtype) < 32) { /* any bit but the sign's */
        tfcc_dtype bits = code_sort_key_dtype(dtype);
        uint64_t sign = UINT64_C(1) << (dtype_bits(dtype) - 1);
        value = code_and(code, code_bitcast(code, bits, value), code_bits(code, bits, sign - 1));
    }
    return code_not_equal(code, value, code_bits(code, value->type.dtype, 0));
}

/* The row-major numbers of what is true or not 0, of which there are `count`. Every number is
 * written to the next place, and what counts keeps it: no branch is there to be predicted. */
static void lower_places(LowerContext *c, Buffer *mask, Buffer *found, Dim count) {
    Code code;
    code_begin(&code, c);
    uint32_t from = code_input(&code, mask), to = code_output(&code, found);
    LoopInstruction *zero = code_integer(&code, 0);
    LoopInstruction *length = code_size(&code, shape_element_count(c->dims, &mask->type.shape));
    LoopInstruction *most = code_size(&code, count);
    LoopInstruction *walk = code_while(&code, (LoopInstruction *[]){zero, zero}, 2);
    LoopInstruction *at = walk->carried[0], *place = walk->carried[1];
    code_do(&code, code_and(&code, code_less(&code, place, most), code_less(&code, at, length)));
    LoopInstruction *is_there = is_nonzero(&code, code_load(&code, from, at));
    code_store(&code, to, place, at);
    LoopInstruction *taken = code_convert(&code, TFCC_INT64, is_there);
    code_while_end(
        &code, (LoopInstruction *[]){code_plus(&code, at, 1), code_add(&code, place, taken)}, 2);
    code_end(&code);
}

/* Coordinate d of the n-th element that is not 0 goes to n * step + d * stride of the output: side
 * by side, or one dimension after the other. */
static void lower_coordinates(LowerContext *c, Buffer *input, bool by_dimension) {
    Buffer *output = lower_output(c, 0);
    const Shape *shape = &input->type.shape;
    int rank = shape->rank;
    if (rank == 1) {
        lower_places(c, input, output, output->type.shape.dims[by_dimension ? 1 : 0]);
        return;
    }
    Code code;
    code_begin(&code, c);
    uint32_t from = code_input(&code, input), to = code_output(&code, output);
    LoopInstruction *zero = code_integer(&code, 0), *one = code_integer(&code, 1);
    LoopInstruction *count = code_size(&code, output->type.shape.dims[by_dimension ? 1 : 0]);
    LoopInstruction *step = by_dimension ? one : code_integer(&code, rank);
    LoopInstruction *stride = by_dimension ? count : one;
    LoopInstruction *loops[MAX_RANK], *found = zero, *at = zero;
    for (int d = 0; d < rank; d++) {
        loops[d] = code_for(&code, zero, code_size(&code, shape->dims[d]),
                            (LoopInstruction *[]){found, at}, 2);
        found = loops[d]->carried[0];
        at = loops[d]->carried[1];
    }
    LoopInstruction *is_there = is_nonzero(&code, code_load(&code, from, at));
    code_if(&code, is_there);
    LoopInstruction *place = code_multiply(&code, found, step);
    for (int d = 0; d < rank; d++) {
        code_store(&code, to, place, loops[d]->index);
        if (d + 1 < rank) place = code_add(&code, place, stride);
    }
    code_if_end(&code, NULL, 0);
    LoopInstruction *next[] = {code_add(&code, found, code_convert(&code, TFCC_INT64, is_there)),
                               code_plus(&code, at, 1)};
    for (int d = rank; d-- > 0;) {
        code_for_end(&code, next, 2);
        next[0] = loops[d]->results[0];
        next[1] = loops[d]->results[1];
    }
    code_end(&code);
}

void lower_nonzero(LowerContext *c);
void lower_nonzero(LowerContext *c) {
    lower_coordinates(c, lower_input(c, "input"), true);
}

/* z[i] = condition[i] ? x[i] : y[i], or the indices of what is not 0. */
void lower_where(LowerContext *c);
void lower_where(LowerContext *c) {
    if (!lower_input(c, "x")) {
        lower_coordinates(c, lower_input(c, "condition"), false);
        return;
    }
    Buffer *output = lower_output(c, 0);
    const Shape *shape = &output->type.shape;
    Dim axes[MAX_RANK];
    Kernel *k = lower_kernel_over(c, shape, axes);
    Scalar *condition = lower_load_broadcast(k, lower_input(c, "condition"), shape, axes);
    Scalar *x = lower_load_broadcast(k, lower_input(c, "x"), shape, axes);
    Scalar *y = lower_load_broadcast(k, lower_input(c, "y"), shape, axes);
    kernel_store(k, output, scalar_select(k, condition, x, y));
}

/* y[.., i, ..] = tensor[.., the place of the i-th true element of the mask.., ..] */
void lower_boolean_mask(LowerContext *c);
void lower_boolean_mask(LowerContext *c) {
    Buffer *tensor = lower_input(c, "tensor"), *mask = lower_input(c, "mask"),
           *output = lower_output(c, 0);
    int axis = (int)node_attribute_integer(c->node, "axis"), rank = tensor->type.shape.rank;
    if (axis < 0) axis += rank;
    Shape joined = output->type.shape;
    Dim count = joined.dims[axis];
    joined.dims[axis] = shape_element_count(c->dims, &mask->type.shape);
    Shape list = {.rank = 1, .dims = {count}};
    Buffer *places = program_add_temporary(c->program, c->node->label, TFCC_INT64, &list);
    lower_places(c, mask, places, count);
    if (mask->type.shape.rank > 1) tensor = program_reshape(c->program, tensor, &joined);
    Dim axes[MAX_RANK];
    Scalar *index[MAX_RANK];
    Kernel *k = lower_kernel_over(c, &output->type.shape, axes);
    for (int d = 0; d < joined.rank; d++)
        index[d] = d == axis ? scalar_load(k, places, &axes[d]) : scalar_index(k, axes[d]);
    kernel_store(k, output, scalar_load_at(k, tensor, index));
}
