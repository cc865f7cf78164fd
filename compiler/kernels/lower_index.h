/* lower_index.h: what ops that find elements by indices from tensors share. Private to
 * lower_*.c.
 *
 * `from_end` says that negative indices are allowed and count from the end.
 */
#ifndef TFCC_KERNELS_LOWER_INDEX_H
#define TFCC_KERNELS_LOWER_INDEX_H

#include "kernels/lower.h"

/* The attribute `axis`, counted from the front. */
int lower_axis_attribute(LowerContext *c, int rank);
/* How many indices a row, the last dimension, has. */
int lower_row_depth(const Buffer *indices);

/* Every index must address an element of a dimension of that size. Left out where the indices are
 * constants that do. */
void lower_check_indices(LowerContext *c, Buffer *indices, Dim size, bool from_end);
/* Every row of indices must address an element of the dimensions of `shape` from `first` on, which
 * a message calls `what`. */
void lower_check_rows(LowerContext *c, Buffer *indices, const Shape *shape, int first,
                      bool from_end, const char *what);
/* An index that has been checked, as an int64 counted from the front. */
Scalar *lower_position(Kernel *k, Scalar *index, Dim size, bool from_end);

#endif
