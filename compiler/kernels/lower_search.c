/* lower_search.c: places in sorted rows, counts of numbers, and ranks. */
#include "kernels/direct.h"

#include <string.h>

/* y[.., j] = how many elements of the sorted row are below values[.., j], or with side `right` not
 * above: by halving. NaN counts as larger than any number, as sort() has it. */
void lower_searchsorted(LowerContext *c);
void lower_searchsorted(LowerContext *c) {
    Buffer *sequence = lower_input(c, "sorted_sequence"), *values = lower_input(c, "values"),
           *output = lower_output(c, 0);
    bool is_right = strcmp(node_attribute_word(c->node, "side"), "right") == 0;
    int last = sequence->type.shape.rank - 1;
    Dim length = sequence->type.shape.dims[last], width = values->type.shape.dims[last],
        rows = dim_constant(c->dims, 1);
    for (int k = 0; k < last; k++) rows = dim_multiply(c->dims, rows, values->type.shape.dims[k]);
    Code code;
    code_begin(&code, c);
    uint32_t row_buffer = code_input(&code, sequence), value_buffer = code_input(&code, values);
    uint32_t to = code_output(&code, output);
    LoopInstruction *zero = code_integer(&code, 0), *two = code_integer(&code, 2);
    LoopInstruction *size = code_size(&code, length), *count = code_size(&code, width);
    LoopInstruction *row = code_for(&code, zero, code_size(&code, rows), NULL, 0);
    LoopInstruction *start = code_multiply(&code, row->index, size);
    LoopInstruction *first = code_multiply(&code, row->index, count);
    LoopInstruction *each = code_for(&code, zero, count, NULL, 0);
    LoopInstruction *at = code_add(&code, first, each->index);
    LoopInstruction *key = code_sort_key(&code, code_load(&code, value_buffer, at), false);
    LoopInstruction *search = code_while(&code, (LoopInstruction *[]){zero, size}, 2);
    LoopInstruction *low = search->carried[0], *high = search->carried[1];
    code_do(&code, code_less(&code, low, high));
    LoopInstruction *middle = code_divide(&code, code_add(&code, low, high), two);
    LoopInstruction *element = code_load(&code, row_buffer, code_add(&code, start, middle));
    LoopInstruction *other = code_sort_key(&code, element, false);
    LoopInstruction *is_behind =
        is_right ? code_less_equal(&code, other, key) : code_less(&code, other, key);
    code_while_end(
        &code,
        (LoopInstruction *[]){code_select(&code, is_behind, code_plus(&code, middle, 1), low),
                              code_select(&code, is_behind, high, middle)},
        2);
    code_store(&code, to, at, search->results[0]);
    code_for_end(&code, NULL, 0);
    code_for_end(&code, NULL, 0);
    code_end(&code);
}

/* ---- bincount ---- */

static LoopInstruction *load_number(Code *code, uint32_t buffer, LoopInstruction *at) {
    return code_convert(code, TFCC_INT64, code_load(code, buffer, at));
}

/* The largest number + 1, within the limits that are given, to output 1. */
static void count_bins(LowerContext *c, Buffer *numbers) {
    Buffer *least = lower_input(c, "minlength"), *most = lower_input(c, "maxlength");
    Code code;
    code_begin(&code, c);
    uint32_t from = code_input(&code, numbers), least_buffer = least ? code_input(&code, least) : 0;
    uint32_t most_buffer = most ? code_input(&code, most) : 0;
    uint32_t to = code_output(&code, lower_output(c, 1));
    LoopInstruction *zero = code_integer(&code, 0);
    LoopInstruction *length = code_size(&code, shape_element_count(c->dims, &numbers->type.shape));
    LoopInstruction *walk = code_for(&code, zero, length, &zero, 1);
    LoopInstruction *number = load_number(&code, from, walk->index);
    code_fail_if(&code, code_less(&code, number, code_integer(&code, 0)), TFCC_INVALID_ARGUMENT,
                 lower_message(c, "%0 is negative; it cannot be counted"), &number, 1);
    number = code_minimum(&code, number, code_integer(&code, INT64_MAX - 1));
    LoopInstruction *next = code_maximum(&code, walk->carried[0], code_plus(&code, number, 1));
    code_for_end(&code, &next, 1);
    LoopInstruction *bins = walk->results[0];
    if (least) bins = code_maximum(&code, bins, load_number(&code, least_buffer, zero));
    if (most) bins = code_minimum(&code, bins, load_number(&code, most_buffer, zero));
    code_store(&code, to, zero, code_maximum(&code, bins, zero));
    code_end(&code);
}

/* y[n] = how often n occurs, or the sum of its weights. */
void lower_bincount(LowerContext *c);
void lower_bincount(LowerContext *c) {
    Buffer *numbers = lower_input(c, "arr"), *weights = lower_input(c, "weights"),
           *output = lower_output(c, 0);
    tfcc_dtype dtype = output->type.dtype;
    count_bins(c, numbers);
    lower_bind(c, 1);
    Code code;
    code_begin(&code, c);
    uint32_t from = code_input(&code, numbers), by = weights ? code_input(&code, weights) : 0;
    uint32_t to = code_output(&code, output);
    LoopInstruction *zero = code_integer(&code, 0);
    LoopInstruction *bins = code_size(&code, output->type.shape.dims[0]);
    LoopInstruction *clear = code_for(&code, zero, bins, NULL, 0);
    code_store(&code, to, clear->index, code_constant(&code, dtype, 0));
    code_for_end(&code, NULL, 0);
    LoopInstruction *length = code_size(&code, shape_element_count(c->dims, &numbers->type.shape));
    LoopInstruction *walk = code_for(&code, zero, length, NULL, 0);
    LoopInstruction *number = load_number(&code, from, walk->index);
    code_if(&code, code_less(&code, number, bins));
    LoopInstruction *weight =
        weights ? code_load(&code, by, walk->index) : code_constant(&code, dtype, 1);
    code_store(&code, to, number, code_add(&code, code_load(&code, to, number), weight));
    code_if_end(&code, NULL, 0);
    code_for_end(&code, NULL, 0);
    code_end(&code);
}

/* ---- in_top_k ---- */

/* Whether fewer than k classes have a larger prediction than the target; false where a prediction
 * is no finite number, or the target no class. */
void lower_in_top_k(LowerContext *c);
void lower_in_top_k(LowerContext *c) {
    Buffer *targets = lower_input(c, "targets"), *predictions = lower_input(c, "predictions"),
           *output = lower_output(c, 0);
    Dim axes[MAX_RANK], classes = predictions->type.shape.dims[1];
    Kernel *k = lower_kernel_over(c, &output->type.shape, axes);
    Scalar *target = scalar_convert(k, TFCC_INT64, scalar_load(k, targets, axes));
    Scalar *zero = scalar_integer(k, TFCC_INT64, 0);
    Scalar *is_class = scalar_in_range(k, target, zero, scalar_index(k, classes));
    Scalar *index[] = {scalar_index(k, axes[0]), target};
    Scalar *score =
        lower_widen(k, scalar_load_if(k, predictions, index, is_class,
                                      scalar_constant_bits(k, predictions->type.dtype, 0)));
    Dim other = kernel_add_reduce_axis(k, classes);
    Scalar *rival = lower_widen(k, scalar_load(k, predictions, (Dim[]){axes[0], other}));
    Scalar *infinity = scalar_like(k, rival, __builtin_inf());
    Scalar *is_finite = scalar_less(k, scalar_absolute(k, rival), infinity);
    Scalar *is_more = scalar_convert(k, TFCC_INT64, scalar_less(k, score, rival));
    Scalar *more = kernel_reduce(k, COMBINE_ADD, &other, 1, is_more);
    Scalar *all_finite = kernel_reduce(k, COMBINE_AND, &other, 1, is_finite);
    Scalar *limit = lower_element(c, k, lower_input_value(c, "k"), 0);
    kernel_store(k, output,
                 scalar_and(k, scalar_and(k, is_class, all_finite), scalar_less(k, more, limit)));
}
