/* lower_contract.c: sums of products: matmul, tensordot, einsum. Each is one REDUCE whose loads say
 * the rest. */
#include "kernels/lower.h"
#include <string.h>

/* An element of a matrix as a factor. */
typedef Scalar *(*MatrixElement)(LowerContext *c, Kernel *kernel, Buffer *matrix, const Dim *index);

/* y[b.., i, j] = sum over k of a[b.., i, k] * b[b.., k, j]; transposes are only another order of
 * the last two indices. */
static void matmul(LowerContext *c, bool transpose_a, bool transpose_b, MatrixElement element_a,
                   MatrixElement element_b) {
    Buffer *a = lower_input(c, "a"), *b = lower_input(c, "b"), *output = lower_output(c, 0);
    const Shape *shape = &output->type.shape;
    Dim axes[MAX_RANK], index_a[MAX_RANK], index_b[MAX_RANK];
    Kernel *kernel = lower_kernel_over(c, shape, axes);
    Shape batch = *shape, batch_a = a->type.shape, batch_b = b->type.shape;
    int rank_a = batch_a.rank, rank_b = batch_b.rank;
    Dim inner = kernel_add_reduce_axis(kernel, batch_a.dims[rank_a - (transpose_a ? 2 : 1)]);
    batch.rank -= 2;
    batch_a.rank -= 2;
    batch_b.rank -= 2;
    lower_broadcast_index(c->dims, &batch_a, &batch, axes, index_a);
    lower_broadcast_index(c->dims, &batch_b, &batch, axes, index_b);
    Dim i = axes[shape->rank - 2], j = axes[shape->rank - 1];
    index_a[rank_a - 2] = transpose_a ? inner : i;
    index_a[rank_a - 1] = transpose_a ? i : inner;
    index_b[rank_b - 2] = transpose_b ? j : inner;
    index_b[rank_b - 1] = transpose_b ? inner : j;
    Scalar *product =
        scalar_multiply(kernel, element_a(c, kernel, a, index_a), element_b(c, kernel, b, index_b));
    kernel_store(kernel, output, kernel_reduce(kernel, COMBINE_ADD, &inner, 1, product));
}

static Scalar *plain_element(LowerContext *c, Kernel *kernel, Buffer *matrix, const Dim *index) {
    (void)c;
    return lower_widen(kernel, scalar_load(kernel, matrix, index));
}

void lower_matmul(LowerContext *c);
void lower_matmul(LowerContext *c) {
    matmul(c, node_attribute_bool(c->node, "transpose_a"),
           node_attribute_bool(c->node, "transpose_b"), plain_element, plain_element);
}

/* int32(element) - int32(zero point), whose index broadcasts to that of the matrix. */
static Scalar *above_zero(LowerContext *c, Kernel *kernel, Buffer *matrix, const Dim *index,
                          Buffer *zero, bool is_column) {
    Scalar *element = scalar_convert(kernel, TFCC_INT32, scalar_load(kernel, matrix, index));
    if (!zero) return element;
    Dim zero_index[MAX_RANK];
    Shape shape = zero->type.shape;
    if (is_column) shape.dims[shape.rank++] = dim_constant(c->dims, 1);
    lower_broadcast_index(c->dims, &shape, &matrix->type.shape, index, zero_index);
    Scalar *origin = scalar_load(kernel, zero, zero_index);
    return scalar_subtract(kernel, element, scalar_convert(kernel, TFCC_INT32, origin));
}

static Scalar *integer_element_a(LowerContext *c, Kernel *kernel, Buffer *a, const Dim *index) {
    Buffer *zero = lower_input(c, "a_zero_point");
    return above_zero(c, kernel, a, index, zero, zero && zero->type.shape.rank == 1);
}

static Scalar *integer_element_b(LowerContext *c, Kernel *kernel, Buffer *b, const Dim *index) {
    return above_zero(c, kernel, b, index, lower_input(c, "b_zero_point"), false);
}

void lower_matmul_integer(LowerContext *c);
void lower_matmul_integer(LowerContext *c) {
    matmul(c, false, false, integer_element_a, integer_element_b);
}

/* The pairs of axes summed over: [axes of a, axes of b], or the last n of a and the first n of b.
 */
static int contracted_axes(LowerContext *c, int rank_a, int rank_b, int *of_a, int *of_b) {
    const int64_t *numbers;
    size_t count;
    if (!lower_known_integers(c, "axes", &numbers, &count)) return 0;
    if (lower_input_value(c, "axes")->type.shape.rank == 0) {
        int pairs = (int)numbers[0];
        for (int k = 0; k < pairs; k++) {
            of_a[k] = rank_a - pairs + k;
            of_b[k] = k;
        }
        return pairs;
    }
    int pairs = (int)(count / 2);
    for (int k = 0; k < pairs; k++) {
        of_a[k] = (int)(numbers[k] < 0 ? numbers[k] + rank_a : numbers[k]);
        of_b[k] = (int)(numbers[pairs + k] < 0 ? numbers[pairs + k] + rank_b : numbers[pairs + k]);
    }
    return pairs;
}

void lower_tensordot(LowerContext *c);
void lower_tensordot(LowerContext *c) {
    Buffer *a = lower_input(c, "a"), *b = lower_input(c, "b"), *output = lower_output(c, 0);
    int rank_a = a->type.shape.rank, rank_b = b->type.shape.rank, of_a[MAX_RANK], of_b[MAX_RANK];
    int pairs = contracted_axes(c, rank_a, rank_b, of_a, of_b);
    Dim axes[MAX_RANK], inner[MAX_RANK], index_a[MAX_RANK] = {NULL}, index_b[MAX_RANK] = {NULL};
    Kernel *kernel = lower_kernel_over(c, &output->type.shape, axes);
    for (int k = 0; k < pairs; k++)
        index_a[of_a[k]] = index_b[of_b[k]] = inner[k] =
            kernel_add_reduce_axis(kernel, a->type.shape.dims[of_a[k]]);
    int next = 0;
    for (int k = 0; k < rank_a; k++)
        if (!index_a[k]) index_a[k] = axes[next++];
    for (int k = 0; k < rank_b; k++)
        if (!index_b[k]) index_b[k] = axes[next++];
    Scalar *product = scalar_multiply(kernel, lower_widen(kernel, scalar_load(kernel, a, index_a)),
                                      lower_widen(kernel, scalar_load(kernel, b, index_b)));
    kernel_store(kernel, output, kernel_reduce(kernel, COMBINE_ADD, inner, pairs, product));
}

/* ---- einsum ---- */

enum { EINSUM_MAX_TERMS = 64, ELLIPSIS = '.' };

/* One term of an equation: its letters in order, ELLIPSIS standing for any number of dimensions. */
typedef struct EinsumTerm {
    char letters[2 * MAX_RANK + 4];
    int length;
} EinsumTerm;

typedef struct Equation {
    EinsumTerm inputs[EINSUM_MAX_TERMS];
    int input_count;
    EinsumTerm output;
} Equation;

static void add_letter(EinsumTerm *term, char letter) {
    if (term->length < (int)sizeof term->letters) term->letters[term->length++] = letter;
}

/* Without an arrow the output has the ellipsis, then the letters that occur once, in alphabetical
 * order. */
static void implicit_output(Equation *equation) {
    int uses[256] = {0};
    for (int t = 0; t < equation->input_count; t++)
        for (int k = 0; k < equation->inputs[t].length; k++)
            uses[(unsigned char)equation->inputs[t].letters[k]]++;
    if (uses[ELLIPSIS]) add_letter(&equation->output, ELLIPSIS);
    for (int letter = 'A'; letter <= 'z'; letter++)
        if (uses[letter] == 1) add_letter(&equation->output, (char)letter);
}

/* The shape rule has refused what is no equation. */
static void parse_equation(const char *text, Equation *equation) {
    memset(equation, 0, sizeof *equation);
    equation->input_count = 1;
    EinsumTerm *term = &equation->inputs[0];
    bool has_arrow = false;
    for (; *text; text++) {
        if (*text == ',' && equation->input_count < EINSUM_MAX_TERMS) {
            term = &equation->inputs[equation->input_count++];
        } else if (text[0] == '-' && text[1] == '>') {
            term = &equation->output;
            has_arrow = true;
            text++;
        } else if (text[0] == '.' && text[1] == '.' && text[2] == '.') {
            add_letter(term, ELLIPSIS);
            text += 2;
        } else if ((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z')) {
            add_letter(term, *text);
        }
    }
    if (!has_arrow) implicit_output(equation);
}

typedef struct EinsumAxes {
    Dim of_letter[256];
    Dim ellipsis[MAX_RANK]; /* right-aligned: ellipsis[MAX_RANK - 1] is the last */
    Shape ellipsis_shape;
} EinsumAxes;

static int ellipsis_rank(const EinsumTerm *term, int rank) {
    return rank - (term->length - 1);
}

/* The parallel axes, named by the output's letters. */
static void name_axes(const EinsumTerm *output, const Shape *shape, const Dim *axes,
                      EinsumAxes *names) {
    int next = 0;
    for (int k = 0; k < output->length; k++) {
        if (output->letters[k] != ELLIPSIS) {
            names->of_letter[(unsigned char)output->letters[k]] = axes[next++];
            continue;
        }
        int rank = ellipsis_rank(output, shape->rank);
        names->ellipsis_shape.rank = rank;
        for (int d = 0; d < rank; d++, next++) {
            names->ellipsis_shape.dims[d] = shape->dims[next];
            names->ellipsis[d] = axes[next];
        }
    }
}

/* The index of one input by its letters; letters that the output lacks become reduce axes when they
 * are first met. */
static Scalar *load_term(LowerContext *c, Kernel *kernel, const EinsumTerm *term, Buffer *input,
                         EinsumAxes *names, Dim *inner, int *inner_count) {
    const Shape *shape = &input->type.shape;
    Dim index[MAX_RANK];
    int next = 0;
    for (int k = 0; k < term->length; k++) {
        if (term->letters[k] == ELLIPSIS) {
            Shape part = {.rank = ellipsis_rank(term, shape->rank)};
            for (int d = 0; d < part.rank; d++) part.dims[d] = shape->dims[next + d];
            lower_broadcast_index(c->dims, &part, &names->ellipsis_shape, names->ellipsis,
                                  &index[next]);
            next += part.rank;
            continue;
        }
        Dim *axis = &names->of_letter[(unsigned char)term->letters[k]];
        if (!*axis)
            *axis = inner[(*inner_count)++] = kernel_add_reduce_axis(kernel, shape->dims[next]);
        index[next++] = *axis;
    }
    return lower_widen(kernel, scalar_load(kernel, input, index));
}

/* Dimensions under an ellipsis that the output lacks are summed too. */
static void reduce_ellipsis(LowerContext *c, Kernel *kernel, const Equation *equation,
                            Buffer *const *inputs, EinsumAxes *names, Dim *inner,
                            int *inner_count) {
    Shape broadcast = {0};
    for (int t = 0; t < equation->input_count; t++) {
        const EinsumTerm *term = &equation->inputs[t];
        const char *at = memchr(term->letters, ELLIPSIS, (size_t)term->length);
        if (!at) continue;
        const Shape *shape = &inputs[t]->type.shape;
        int rank = ellipsis_rank(term, shape->rank), first = (int)(at - term->letters);
        while (broadcast.rank < rank) {
            memmove(&broadcast.dims[1], &broadcast.dims[0], sizeof(Dim) * (size_t)broadcast.rank++);
            broadcast.dims[0] = dim_constant(c->dims, 1);
        }
        for (int d = 0; d < rank; d++) {
            Dim *size = &broadcast.dims[broadcast.rank - rank + d];
            *size = dim_broadcast(c->dims, *size, shape->dims[first + d]);
        }
    }
    names->ellipsis_shape = broadcast;
    for (int d = 0; d < broadcast.rank; d++)
        inner[(*inner_count)++] = names->ellipsis[d] =
            kernel_add_reduce_axis(kernel, broadcast.dims[d]);
}

void lower_einsum(LowerContext *c);
void lower_einsum(LowerContext *c) {
    Buffer **inputs, *output = lower_output(c, 0);
    size_t count = lower_input_list(c, "inputs", &inputs);
    Equation *equation = arena_alloc(c->program->arena, sizeof *equation);
    parse_equation(node_attribute_word(c->node, "equation"), equation);
    Dim axes[MAX_RANK],
        *inner = arena_alloc_array(c->program->arena, count * MAX_RANK + MAX_RANK, sizeof(Dim));
    int inner_count = 0;
    Kernel *kernel = lower_kernel_over(c, &output->type.shape, axes);
    EinsumAxes *names = arena_alloc(c->program->arena, sizeof *names);
    name_axes(&equation->output, &output->type.shape, axes, names);
    if (!memchr(equation->output.letters, ELLIPSIS, (size_t)equation->output.length))
        reduce_ellipsis(c, kernel, equation, inputs, names, inner, &inner_count);
    Scalar *product = NULL;
    for (size_t t = 0; t < count; t++) {
        Scalar *element =
            load_term(c, kernel, &equation->inputs[t], inputs[t], names, inner, &inner_count);
        product = product ? scalar_multiply(kernel, product, element) : element;
    }
    kernel_store(kernel, output, kernel_reduce(kernel, COMBINE_ADD, inner, inner_count, product));
}
