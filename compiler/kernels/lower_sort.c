/* lower_sort.c: sorting along an axis.
 *
 * Numbers are compared by keys (code_sort_key): NaN comes behind all numbers, or in front of them
 * where the order is descending. What is equal keeps its order.
 */
#include "kernels/direct.h"

#include <string.h>

/* y[.., i, ..] = the element, or with `gives_indices` the index, that comes at place i. */
static void lower_sorted(LowerContext *c, bool gives_indices) {
    Buffer *values = lower_input(c, "values"), *output = lower_output(c, 0);
    const Shape *shape = &values->type.shape;
    int axis = lower_axis(c, "axis", shape->rank, -1);
    bool is_descending = strcmp(node_attribute_word(c->node, "direction"), "DESCENDING") == 0;
    Code code;
    code_begin(&code, c);
    uint32_t from = code_input(&code, values), to = code_output(&code, output);
    CodeSort sort =
        code_sort_scratch(&code, code_sort_key_dtype(values->type.dtype), shape->dims[axis]);
    CodeRows rows = code_rows(&code, shape, axis);
    LoopInstruction *zero = code_integer(&code, 0);
    LoopInstruction *each = code_for(&code, zero, rows.rows, NULL, 0);
    LoopInstruction *start = code_row_start(&code, &rows, each->index);

    LoopInstruction *in = code_for(&code, zero, rows.length, NULL, 0);
    LoopInstruction *value = code_load(&code, from, code_row_at(&code, &rows, start, in->index));
    code_store(&code, sort.keys, in->index, code_sort_key(&code, value, is_descending));
    code_store(&code, sort.indices, in->index, in->index);
    code_for_end(&code, NULL, 0);

    LoopInstruction *half = code_sort(&code, &sort, rows.length);

    LoopInstruction *out = code_for(&code, zero, rows.length, NULL, 0);
    LoopInstruction *index = code_load(&code, sort.indices, code_add(&code, half, out->index));
    if (!gives_indices) value = code_load(&code, from, code_row_at(&code, &rows, start, index));
    code_store(&code, to, code_row_at(&code, &rows, start, out->index),
               gives_indices ? index : value);
    code_for_end(&code, NULL, 0);
    code_for_end(&code, NULL, 0);
    code_end(&code);
}

void lower_sort(LowerContext *c);
void lower_sort(LowerContext *c) {
    lower_sorted(c, false);
}

void lower_argsort(LowerContext *c);
void lower_argsort(LowerContext *c) {
    lower_sorted(c, true);
}
