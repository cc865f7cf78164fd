/* lower_sort.c: sorting along an axis, and the best of a row.
 *
 * Numbers are compared by keys (code_sort_key): unsigned integers in the order of the values, NaN
 * behind all numbers, or in front of them where the order is descending. What is equal keeps its
 * order.
 */
#include "kernels/direct.h"

#include <string.h>

/* Keys and indices of one row, twice: each pass of the merge sort goes from one half of the scratch
 * memory to the other. */
typedef struct Sorter {
    Code *code;
    CodeRows rows;
    uint32_t values, keys, indices;
    bool is_descending;
} Sorter;

/* keys[i], indices[i] = the key of the row's element i, i */
static void load_row(Sorter *s, LoopInstruction *start) {
    Code *code = s->code;
    LoopInstruction *zero = code_integer(code, 0);
    LoopInstruction *each = code_for(code, zero, s->rows.length, NULL, 0);
    LoopInstruction *at = code_add(code, start, code_multiply(code, each->index, s->rows.stride));
    LoopInstruction *key = code_sort_key(code, code_load(code, s->values, at), s->is_descending);
    code_store(code, s->keys, each->index, key);
    code_store(code, s->indices, each->index, each->index);
    code_for_end(code, NULL, 0);
}

/* Merges [start, middle) with [middle, end): `from` and `to` are the halves of the scratch. */
static void merge_runs(Sorter *s, LoopInstruction *from, LoopInstruction *to,
                       LoopInstruction *start, LoopInstruction *middle, LoopInstruction *end) {
    Code *code = s->code;
    LoopInstruction *loop = code_for(code, start, end, (LoopInstruction *[]){start, middle}, 2);
    LoopInstruction *left = loop->carried[0], *right = loop->carried[1];
    LoopInstruction *one = code_integer(code, 1);
    /* Where a run is used up its last element is looked at again, in vain. */
    LoopInstruction *left_at =
        code_add(code, from, code_minimum(code, left, code_plus(code, middle, -1)));
    LoopInstruction *right_at =
        code_add(code, from, code_minimum(code, right, code_plus(code, end, -1)));
    LoopInstruction *left_key = code_load(code, s->keys, left_at),
                    *right_key = code_load(code, s->keys, right_at);
    LoopInstruction *takes_left = code_or(
        code, code_less_equal(code, end, right),
        code_and(code, code_less(code, left, middle), code_less_equal(code, left_key, right_key)));
    LoopInstruction *place = code_add(code, to, loop->index);
    code_store(code, s->keys, place, code_select(code, takes_left, left_key, right_key));
    LoopInstruction *taken = code_select(code, takes_left, left_at, right_at);
    code_store(code, s->indices, place, code_load(code, s->indices, taken));
    LoopInstruction *step = code_convert(code, TFCC_INT64, takes_left);
    code_for_end(code,
                 (LoopInstruction *[]){code_add(code, left, step),
                                       code_add(code, right, code_subtract(code, one, step))},
                 2);
}

/* Runs of 1, 2, 4, … elements; gives the half in which the result lies. */
static LoopInstruction *sort_row(Sorter *s) {
    Code *code = s->code;
    LoopInstruction *zero = code_integer(code, 0), *one = code_integer(code, 1);
    LoopInstruction *length = s->rows.length;
    LoopInstruction *passes = code_while(code, (LoopInstruction *[]){one, zero}, 2);
    LoopInstruction *width = passes->carried[0], *from = passes->carried[1];
    code_do(code, code_less(code, width, length));
    LoopInstruction *to = code_subtract(code, length, from);
    LoopInstruction *pair = code_times(code, width, 2);
    LoopInstruction *pairs =
        code_divide(code, code_add(code, length, code_plus(code, pair, -1)), pair);
    LoopInstruction *each = code_for(code, code_integer(code, 0), pairs, NULL, 0);
    LoopInstruction *start = code_multiply(code, each->index, pair);
    LoopInstruction *middle = code_minimum(code, code_add(code, start, width), length);
    LoopInstruction *end = code_minimum(code, code_add(code, middle, width), length);
    merge_runs(s, from, to, start, middle, end);
    code_for_end(code, NULL, 0);
    code_while_end(code, (LoopInstruction *[]){pair, to}, 2);
    return passes->results[1];
}

/* y[.., i, ..] = the element, or with `gives_indices` the index, that comes at place i. */
static void lower_sorted(LowerContext *c, bool gives_indices) {
    Buffer *values = lower_input(c, "values"), *output = lower_output(c, 0);
    const Shape *shape = &values->type.shape;
    int axis = lower_axis(c, "axis", shape->rank, -1);
    const char *direction = node_attribute_word(c->node, "direction");
    Code code;
    Sorter s = {.code = &code, .is_descending = strcmp(direction, "DESCENDING") == 0};
    Dim doubled = dim_multiply(c->dims, shape->dims[axis], dim_constant(c->dims, 2));
    code_begin(&code, c);
    s.values = code_input(&code, values);
    uint32_t result = code_output(&code, output);
    s.keys = code_scratch(&code, code_sort_key_dtype(values->type.dtype), doubled);
    s.indices = code_scratch(&code, TFCC_INT64, doubled);
    s.rows = code_rows(&code, shape, axis);
    LoopInstruction *each = code_for(&code, code_integer(&code, 0), s.rows.rows, NULL, 0);
    LoopInstruction *start = code_row_start(&code, &s.rows, each->index);
    load_row(&s, start);
    LoopInstruction *half = sort_row(&s);
    LoopInstruction *out = code_for(&code, code_integer(&code, 0), s.rows.length, NULL, 0);
    LoopInstruction *index = code_load(&code, s.indices, code_add(&code, half, out->index));
    LoopInstruction *from = code_add(&code, start, code_multiply(&code, index, s.rows.stride));
    LoopInstruction *to = code_add(&code, start, code_multiply(&code, out->index, s.rows.stride));
    code_store(&code, result, to, gives_indices ? index : code_load(&code, s.values, from));
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
