/* access.c: an index per dimension as one offset. */
#include "loops/plan.h"

typedef struct AccessBuilder {
    DimTable *dims;
    Access *access;
} AccessBuilder;

/* Adds index * stride. Sums are taken apart, so that what depends on data does not hide what does
 * not. */
static void add_index(AccessBuilder *b, Scalar *index, Dim stride) {
    Access *access = b->access;
    if (index->op == SCALAR_ADD && access->part_count < MAX_RANK) {
        add_index(b, index->operands[0], stride);
        add_index(b, index->operands[1], stride);
        return;
    }
    if (index->op == SCALAR_INDEX || index->op == SCALAR_CONSTANT) {
        Dim number = index->op == SCALAR_INDEX ? index->as.index
                                               : dim_constant(b->dims, (int64_t)index->as.bits);
        access->affine = dim_add(b->dims, access->affine, dim_multiply(b->dims, number, stride));
        return;
    }
    access->parts[access->part_count] = index;
    access->strides[access->part_count++] = stride;
}

Access access_of_index(DimTable *dims, const Shape *shape, Scalar *const *index, const Dim *axes) {
    Access access = {.affine = dim_constant(dims, 0)};
    AccessBuilder builder = {dims, &access};
    Dim stride = dim_constant(dims, 1);
    for (int k = shape->rank - 1; k >= 0; k--) {
        if (index)
            add_index(&builder, index[k], stride);
        else
            access.affine = dim_add(dims, access.affine, dim_multiply(dims, axes[k], stride));
        stride = dim_multiply(dims, stride, shape->dims[k]);
    }
    return access;
}
