/* lower_diagonal.c: diagonals of matrices, one or a band of them.
 *
 * Diagonal d holds the elements with j - i = d; its length is min(rows + min(d, 0), columns -
 * max(d, 0)). A band lo … hi stands as a matrix whose row r is diagonal hi - r; shorter ones are
 * padded, those above the main diagonal in front, the others behind (TensorFlow's RIGHT_LEFT).
 */
#include "graph/ops.h"
#include "kernels/lower.h"

typedef struct Band {
    int64_t low, high;
    bool is_band;      /* has a dimension for the diagonals */
    Dim rows, columns; /* of the matrices */
    Dim longest;       /* how long a row of the band is */
} Band;

/* The diagonals named by `k`: one number, or a pair. */
static void read_diagonals(LowerContext *c, Band *band) {
    const Argument *k = node_argument(c->node, "k");
    const int64_t *numbers = NULL;
    size_t count = 0;
    if (k->kind == ARGUMENT_INTEGERS) {
        numbers = k->as.integers;
        count = k->count;
    } else if (k->kind == ARGUMENT_INPUTS) {
        lower_known_integers(c, "k", &numbers, &count);
    } else {
        band->low = band->high = node_attribute_integer(c->node, "k");
    }
    if (count > 0) band->low = numbers[0];
    if (count > 0) band->high = numbers[count - 1];
    band->is_band = band->low != band->high;
}

/* Length of diagonal d. */
static Dim length_of(DimTable *dims, const Band *band, Dim d) {
    Dim zero = dim_constant(dims, 0);
    Dim length = dim_minimum(dims, dim_add(dims, band->rows, dim_minimum(dims, d, zero)),
                             dim_subtract(dims, band->columns, dim_maximum(dims, d, zero)));
    return length;
}

/* How many elements of padding stand in front of diagonal d in its row. */
static Dim padding_of(DimTable *dims, const Band *band, Dim d) {
    Dim zero = dim_constant(dims, 0);
    if (!band->is_band) return zero;
    return dim_select(dims, dim_less(dims, zero, d),
                      dim_subtract(dims, band->longest, length_of(dims, band, d)), zero);
}

static Scalar *padding_value(LowerContext *c, Kernel *k, tfcc_dtype dtype) {
    Buffer *padding =
        op_parameter(c->node->row, "padding_value") >= 0 ? lower_input(c, "padding_value") : NULL;
    return padding ? scalar_load(k, padding, NULL) : scalar_integer(k, dtype, 0);
}

/* y[b.., i, j] = diagonal[b.., hi - d, min(i, j) + padding(d)] with d = j - i, where the band has
 * d; else the padding value. */
void lower_diag(LowerContext *c);
void lower_diag(LowerContext *c) {
    Buffer *input = c->node->inputs[0]->buffer, *output = lower_output(c, 0);
    DimTable *dims = c->dims;
    int rank = output->type.shape.rank, input_rank = input->type.shape.rank;
    Dim axes[MAX_RANK];
    Kernel *k = lower_kernel_over(c, &output->type.shape, axes);
    Band band = {.rows = output->type.shape.dims[rank - 2],
                 .columns = output->type.shape.dims[rank - 1]};
    read_diagonals(c, &band);
    band.longest = input->type.shape.dims[input_rank - 1];
    Dim row = axes[rank - 2], column = axes[rank - 1], d = dim_subtract(dims, column, row);
    Dim position = band.is_band ? dim_minimum(dims, row, column) : band.low >= 0 ? row : column;
    position = dim_add(dims, position, padding_of(dims, &band, d));
    Scalar *index[MAX_RANK];
    for (int n = 0; n < rank - 2; n++) index[n] = scalar_index(k, axes[n]);
    if (band.is_band)
        index[input_rank - 2] =
            scalar_index(k, dim_subtract(dims, dim_constant(dims, band.high), d));
    index[input_rank - 1] = scalar_index(k, position);
    Scalar *diagonal = scalar_index(k, d);
    Scalar *holds =
        scalar_and(k, scalar_less_equal(k, scalar_integer(k, TFCC_INT64, band.low), diagonal),
                   scalar_less_equal(k, diagonal, scalar_integer(k, TFCC_INT64, band.high)));
    holds = scalar_and(k, holds,
                       scalar_less(k, scalar_index(k, position), scalar_index(k, band.longest)));
    kernel_store(k, output,
                 scalar_load_if(k, input, index, holds, padding_value(c, k, output->type.dtype)));
}

/* y[b.., r, n] = x[b.., m + max(-d, 0), m + max(d, 0)] with d = hi - r and m = n - padding(d),
 * where 0 <= m < the diagonal's length. */
void lower_diag_part(LowerContext *c);
void lower_diag_part(LowerContext *c) {
    Buffer *input = c->node->inputs[0]->buffer, *output = lower_output(c, 0);
    DimTable *dims = c->dims;
    int rank = output->type.shape.rank, input_rank = input->type.shape.rank;
    Dim axes[MAX_RANK], zero = dim_constant(dims, 0);
    Kernel *k = lower_kernel_over(c, &output->type.shape, axes);
    Band band = {.rows = input->type.shape.dims[input_rank - 2],
                 .columns = input->type.shape.dims[input_rank - 1]};
    read_diagonals(c, &band);
    band.longest = output->type.shape.dims[rank - 1];
    Dim d = dim_constant(dims, band.high);
    if (band.is_band) d = dim_subtract(dims, d, axes[rank - 2]);
    Dim position = dim_subtract(dims, axes[rank - 1], padding_of(dims, &band, d));
    Scalar *index[MAX_RANK];
    for (int n = 0; n < input_rank - 2; n++) index[n] = scalar_index(k, axes[n]);
    index[input_rank - 2] = scalar_index(
        k, dim_add(dims, position, dim_maximum(dims, dim_subtract(dims, zero, d), zero)));
    index[input_rank - 1] = scalar_index(k, dim_add(dims, position, dim_maximum(dims, d, zero)));
    Scalar *holds = scalar_integer(k, TFCC_BOOL, 1);
    if (band.is_band)
        holds = scalar_and(
            k, scalar_less_equal(k, scalar_integer(k, TFCC_INT64, 0), scalar_index(k, position)),
            scalar_less(k, scalar_index(k, position), scalar_index(k, length_of(dims, &band, d))));
    kernel_store(k, output,
                 scalar_load_if(k, input, index, holds, padding_value(c, k, output->type.dtype)));
}
