/* align.c: a second version of an elementwise kernel for the case that nothing is broadcast.
 *
 * Where sizes of operands are known at run time only, an index is axis * (size != 1), and no two
 * axes can be merged. But mostly the sizes are equal: then every such operand is read at the offset
 * at which the result is stored, and the kernel is one loop. Which it is, one slot tells when the
 * kernel starts.
 */
#include "loops/nest.h"

/* 1 where the operand has the kernel's own sizes, NULL where that is certain, or its index is of
 * another form. */
static Dim same_sizes(const Nest *nest, const Scalar *load) {
    const Buffer *buffer = load->as.load.buffer;
    const Kernel *kernel = nest->kernel;
    Dim condition = dim_constant(nest->dims, 1), coefficient, rest;
    if ((size_t)buffer->type.shape.rank != kernel->axis_count) return NULL;
    for (size_t k = 0; k < kernel->axis_count; k++) {
        const Scalar *index = load->as.load.index[k];
        Dim axis = kernel->axes[k], size = buffer->type.shape.dims[k];
        if (index->op != SCALAR_INDEX ||
            !dim_split(nest->dims, index->as.index, axis, &coefficient, &rest))
            return NULL;
        if (!dim_is(rest, 0) || (dim_is_constant(coefficient, NULL) && !dim_is(coefficient, 1)))
            return NULL;
        condition = dim_multiply(nest->dims, condition, dim_equal(nest->dims, size, axis->size));
    }
    return dim_is_constant(condition, NULL) ? NULL : condition;
}

Dim nest_align(Nest *nest) {
    const Kernel *kernel = nest->kernel;
    if (kernel->check_count > 0 || kernel->output_count == 0 || kernel->axis_count < 2) return NULL;
    for (size_t k = 0; k < kernel->output_count; k++)
        if (kernel->outputs[k].index || kernel->outputs[k].combine != COMBINE_STORE) return NULL;
    Dim all = dim_constant(nest->dims, 1), seen = NULL;
    for (size_t id = 0; id < kernel->scalar_count; id++) {
        const Scalar *load = kernel->scalars[id];
        if (!nest->facts[id].axes) continue;
        if (load->op == SCALAR_REDUCE || load->op == SCALAR_SCAN) return NULL;
        Dim condition = load->op == SCALAR_LOAD ? same_sizes(nest, load) : NULL;
        if (!condition) continue;
        nest->facts[id].access = nest->stores[0];
        if (condition != seen) all = dim_multiply(nest->dims, all, condition);
        seen = condition;
    }
    return seen ? all : NULL;
}
